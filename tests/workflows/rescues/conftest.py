"""The region with a desk that answers."""

from __future__ import annotations

import pytest

from app.permissions import Role
from tests.factories import World, make_account, make_policy


@pytest.fixture
def world(world: World) -> World:
    session = world.session
    world.accounts["agent"] = make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    world.accounts["agent2"] = make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(session, "rescue_desk_minutes", 2)
    world.accounts["colleague"] = make_account(session, Role.WORKER, unit=world.firm)
    session.commit()
    return world
