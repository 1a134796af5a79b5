"""A firm that plans a year of maintenance, and what a plan holds."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories as make
from tests.workflows.clock_world import day
from tests.workflows.year_plans.ground import TODAY


@pytest.fixture
def head(world: make.World) -> Any:
    return world.actor("maintenance_head")


@pytest.fixture
def world(session: Any, world: make.World) -> make.World:
    """The unit's elevator with a manual ledger, a worker and cover; nothing planned."""
    make.make_ledger(session, world.own, world.worker, mode="manual")
    make.make_clock(session, world.own, TODAY, covered_until=day("2027-12-31"))
    session.commit()
    return world
