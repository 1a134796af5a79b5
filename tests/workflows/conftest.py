from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.workflows.files import attachments, places


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where uploads of the test are kept."""
    before = places._folder
    attachments.use_folder(tmp_path)
    yield tmp_path
    if before is not None:
        attachments.use_folder(before)
