"""CLK-01: yellow, red and the next office up, once each, through the outbox."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.models import Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.approval import escalation
from tests.factories import World, make_account, make_complaint, make_elevator, make_policy
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, decide
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("CLK-01")
HOUR = dt.timedelta(hours=1)
DUE = dt.datetime(2026, 11, 27, 16, tzinfo=dt.UTC)  # 24:00 in Shanghai


def tell(world: World, at: dt.datetime) -> dict[str, int]:
    with transaction(world.session):
        told = escalation.tell(world.session, at)
        escalation.rise(world.session, at)
    return told


def told(world: World, topic: str) -> list[int]:
    world.session.expire_all()
    rows = world.session.query(Notification).filter_by(topic=topic).order_by(Notification.id)
    return [row.recipient_id for row in rows]


@pytest.fixture
def offices(world: World) -> dict[str, Any]:
    made = {
        "city": make_account(world.session, Role.REGION_ADMIN, region_code="980400000000"),
        "province": make_account(world.session, Role.INSPECTOR, region_code="980000000000"),
    }
    world.session.commit()
    return made


def test_what_stays_undone_rises_office_by_office_once_each(world: World, offices: dict[str, Any]) -> None:
    suspend(world)
    tell(world, DUE + 23 * HOUR)
    assert told(world, "escalation") == []
    for hours in (24, 25, 47):
        tell(world, DUE + hours * HOUR)
    assert told(world, "escalation") == [offices["city"].id]
    tell(world, DUE + 48 * HOUR)
    assert told(world, "escalation") == [offices["city"].id, offices["province"].id]
    tell(world, DUE + 72 * HOUR)
    tell(world, DUE + 200 * HOUR)
    assert told(world, "escalation")[2:] == [world.accounts["platform_admin"].id]


def test_a_decision_in_time_tells_nobody(world: World, offices: dict[str, Any]) -> None:
    row = suspend(world)
    decide(world.session, world.actor("inspector"), row, "approve", at=AT + HOUR)
    tell(world, DUE + 30 * HOUR)
    assert told(world, "escalation") == []


def test_policy_says_after_how_long_or_never(world: World, offices: dict[str, Any]) -> None:
    suspend(world)
    make_policy(world.session, "escalate_hours", 4, "980402000000")
    world.session.commit()
    tell(world, DUE + 4 * HOUR)
    assert told(world, "escalation") == [offices["city"].id]
    make_policy(world.session, "escalate_hours", None, "980402000000")
    world.session.commit()
    tell(world, DUE + 300 * HOUR)
    assert len(told(world, "escalation")) == 1


def test_a_round_that_came_late_leaves_nothing_out(world: World, offices: dict[str, Any]) -> None:
    suspend(world)
    tell(world, DUE)
    tell(world, DUE + 100 * HOUR)
    assert sorted(told(world, "escalation")) == sorted(
        [offices["city"].id, offices["province"].id, world.accounts["platform_admin"].id]
    )


def test_a_unit_hears_once_of_all_that_turns(world: World) -> None:
    on = dt.date(2026, 11, 20)
    for number in range(3):
        add_visit(
            world.session, world.own, world.worker, on, state="awaiting", awaiting_sheet=True,
            sheet_due_at=DUE + number * dt.timedelta(minutes=1),
        )  # fmt: skip
    world.session.commit()
    tell(world, DUE - 30 * HOUR)
    assert told(world, "clock_sheet") == []
    tell(world, DUE - 23 * HOUR)
    assert told(world, "clock_sheet") == [world.accounts["maintenance_head"].id]
    row = world.session.query(Notification).filter_by(topic="clock_sheet").one()
    assert "3 件" in row.title and "即将到期" in row.title
    tell(world, DUE - 22 * HOUR)
    assert len(told(world, "clock_sheet")) == 1
    tell(world, DUE + HOUR)
    tell(world, DUE + 2 * HOUR)
    assert len(told(world, "clock_sheet")) == 2


def test_the_use_unit_hears_of_its_reviews(world: World) -> None:
    add_visit(
        world.session, world.own, world.worker, dt.date(2026, 11, 20), state="awaiting", awaiting_review=True,
        review_due_at=DUE,
    )  # fmt: skip
    world.session.commit()
    tell(world, DUE - 25 * HOUR)
    tell(world, DUE - 24 * HOUR)
    assert sorted(told(world, "clock_review")) == sorted(
        [world.accounts["use_head"].id, world.accounts["safety_officer"].id]
    )


@pytest.mark.parametrize("hours", [24, 12])
def test_a_unit_in_two_regions_is_told_of_all_at_once(world: World, hours: int) -> None:
    """Regions with hours of their own are asked one after the other: none of their limits goes without a word."""
    make_policy(world.session, "yellow_hours", 24, "980402000000")
    make_policy(world.session, "yellow_hours", hours, "980403000000")
    near, far = DUE + HOUR * 24, DUE + HOUR * hours
    for number, (region_code, due_at) in enumerate((("980402000000", near), ("980403000000", far))):
        elevator = make_elevator(
            world.session, maintenance_unit=world.firm, use_unit=world.use_unit, region_code=region_code
        )
        make_complaint(world.session, elevator, DUE - HOUR * (9 + number), state="waiting", due_at=due_at)
    world.session.commit()
    tell(world, DUE - HOUR)
    tell(world, DUE + HOUR / 2)
    of_clock = world.session.query(Notification).filter_by(topic="clock_complaint_accept")
    titles = {n.title for n in of_clock}
    assert titles == {"投诉接单即将到期：2 件"}
    tell(world, max(near, far) + HOUR)
    assert {n.title for n in of_clock} - titles == {"投诉接单已超过期限：2 件"}
