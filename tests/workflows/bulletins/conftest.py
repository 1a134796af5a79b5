"""A region with something to report, and bulletins of it as far as they came."""

from __future__ import annotations

import pytest

from app.permissions import Role
from tests.factories import World, make_account, make_clock, make_elevator
from tests.workflows.bulletins.ground import REGION
from tests.workflows.clock_world import day
from tests.workflows.score_world import put_overdue, put_visit


@pytest.fixture
def ground(world: World) -> World:
    """February in 临河区: two services done, one missed, another firm's elevator that is 涉密 beside them."""
    session = world.session
    make_clock(session, world.own, day("2026-02-20"))
    for text in ("2026-02-05", "2026-02-20"):
        put_visit(session, world.own, world.firm, world.worker, day(text))
    put_overdue(session, world.own, world.firm, day("2026-02-19"))
    put_visit(session, world.own, world.firm, world.worker, day("2026-02-25"), state="void").state_reason = "非现场扫码"
    hidden = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    put_visit(session, hidden, world.firm, world.worker, day("2026-02-06"))
    put_overdue(session, hidden, world.firm, day("2026-02-21"))
    second = make_account(session, Role.INSPECTOR, region_code=REGION)
    world.accounts["second"] = second
    session.commit()
    return world
