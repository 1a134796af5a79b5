"""A firm that invites, and an invitee who fills in his form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.permissions import Role
from app.workflows.files import attachments, places
from tests.factories import World, make_account


@pytest.fixture
def world(world: World, tmp_path: Path) -> Iterator[World]:
    before = places._folder
    attachments.use_folder(tmp_path)
    yield world
    attachments.use_folder(before or tmp_path)


@pytest.fixture
def manager(session: Any, world: World) -> Any:
    from tests.factories import actor

    return actor(make_account(session, Role.MAINTENANCE_MANAGER, unit=world.firm))
