"""The small region, where labels whose number was typed are photographed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.permissions import Role
from tests.factories import World, make_account, make_clock, make_ledger, make_policy
from tests.workflows.clock_world import add_visit


@pytest.fixture(params=["regulator"])
def town(session: Any, world: World, request: Any) -> World:
    """The small region, where labels whose number was typed are photographed."""
    make_policy(session, "preset", "nantong")
    make_policy(session, "label_photo", request.param)
    make_clock(session, world.own, dt.date(2026, 2, 20))
    add_visit(session, world.own, world.worker, dt.date(2026, 2, 20))
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 7))
    world.accounts["manager"] = make_account(session, Role.MAINTENANCE_MANAGER, unit=world.firm)
    session.commit()
    return world
