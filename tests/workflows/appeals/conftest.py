"""Half a year of one elevator, scored."""

from __future__ import annotations

import pytest

from app.transaction import transaction
from tests.factories import World, make_policy
from tests.workflows.appeals.ground import DAY
from tests.workflows.clock_world import day
from tests.workflows.score_world import put_visit


@pytest.fixture
def long(world: World) -> World:
    """Half a year of one elevator: ten services due and more, all in time but for what a test adds."""
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
        for number in range(0, 170, 15):
            put_visit(world.session, world.own, world.firm, world.worker, day("2026-01-05") + number * DAY)
    return world
