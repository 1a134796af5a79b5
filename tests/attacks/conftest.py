"""The small region, its files where the application keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from app.workflows.files import attachments
from tests.factories import World


@pytest.fixture
def world(world: World, app: Any) -> World:
    attachments.use_folder(app.config["UPLOAD_DIR"])
    return world
