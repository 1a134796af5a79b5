"""The region with a desk that answers."""

from __future__ import annotations

import pytest

from app.permissions import Role
from tests.factories import World, make_account, make_policy


@pytest.fixture
def world(world: World) -> World:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(world.session, "rescue_desk_minutes", 2)
    world.session.commit()
    return world
