from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.workflows.approval import limit_rounds
from app.workflows.files import attachments, places


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where uploads of the test are kept."""
    before = places._folder
    attachments.use_folder(tmp_path)
    yield tmp_path
    if before is not None:
        attachments.use_folder(before)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of limits take two rows a page."""
    monkeypatch.setattr(limit_rounds, "PAGE", 2)
