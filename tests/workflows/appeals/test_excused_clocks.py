"""APL-01: missed periods that an appeal excused, as the maintenance clock tells them apart (PLN-09)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import (
    OverduePeriod,
    Visit,
)
from app.transaction import transaction
from app.workflows.maintenance import clocks
from tests.factories import World, make_contract, make_policy
from tests.workflows.appeals.ground import appeal, decide
from tests.workflows.clock_world import at, clock_of, day, limits, run, visit

pytestmark = pytest.mark.feature("APL-01")


def test_the_clock_tells_what_was_excused_apart_from_what_is_missed(world: World, sign_in: Any) -> None:
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    visit(session, own, world.worker, day("2026-03-01"))
    run(session, day("2026-04-20"))
    first, second, third = session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).all()

    def told() -> tuple[int, int, str]:
        row = clock_of(session, own)
        return row.missed, row.excused, str(row.missed_since_on)

    assert told() == (3, 0, "2026-03-16")
    # The same by what stands in 超期记录, and by the history told anew.
    for late, expected in ((first, (2, 1, "2026-03-31")), (third, (1, 2, "2026-03-31")), (second, (0, 3, "None"))):
        decide(world, appeal(world, f"overdue_period-{late.id}"))
        assert told() == expected and len(limits(session, own)) == expected[0]
        with transaction(session):
            clocks.recompute(session, own.id, at(day("2026-04-20")))
        assert told() == expected and clock_of(session, own).anchor_on == day("2026-04-15")
    client = sign_in(world.accounts["maintenance_head"])
    with clock.frozen(at(day("2026-04-20"), 12)):
        tasks = client.get("/tasks/?f_excused=yes").text
        assert own.code in tasks and "3 期未按时维保，申诉成立，不计" in tasks and "未补做" not in tasks
        assert own.code not in client.get("/tasks/?tab=over").text
        assert own.code not in client.get("/overdue/?tab=standing").text
        assert "3 期未按时维保，申诉成立，不计" in client.get(f"/ledgers/{own.id}").text
        assert own.code in client.get("/tasks/").text, "it is still to be maintained, by the limit that runs"
    # The next one is missed with nobody's excuse: the period before it was not kept all the same.
    run(session, day("2026-05-03"))
    assert told() == (1, 3, "2026-04-30")
    newest = session.scalars(select(OverduePeriod).order_by(OverduePeriod.id.desc())).first()
    assert newest is not None and newest.previous_missed
    with clock.frozen(at(day("2026-05-03"), 12)):
        over = client.get("/tasks/?tab=over").text
        assert own.code in over and "2026-04-30 未补做" in over and "3 期未按时维保，申诉成立，不计" in over
    visit(session, own, world.worker, day("2026-05-04"))
    assert told() == (0, 0, "None")


def test_what_was_made_up_for_changes_no_clock_when_it_is_excused(world: World) -> None:
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    run(world.session, day("2026-03-20"))
    visit(world.session, world.own, world.worker, day("2026-03-21"))
    run(world.session, day("2026-04-08"))
    made_up = world.session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).first()
    decide(world, appeal(world, f"overdue_period-{made_up.id}"))
    row = clock_of(world.session, world.own)
    assert (row.missed, row.excused, row.missed_since_on) == (1, 0, day("2026-04-05"))


def test_a_new_unit_begins_anew_also_where_what_passed_was_excused(world: World) -> None:
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    run(world.session, day("2026-03-20"))
    late = world.session.scalars(select(OverduePeriod)).one()
    decide(world, appeal(world, f"overdue_period-{late.id}"))
    with transaction(world.session):
        clocks.unit_changed(world.session, world.own.id, world.other_firm.id, day("2026-03-22"), at(day("2026-03-22")))
    row = clock_of(world.session, world.own)
    assert (row.missed, row.excused, row.limit_on) == (0, 0, day("2026-04-06"))


def passed_to_another(world: World) -> tuple[Callable[[], tuple[int, int, str]], list[OverduePeriod]]:
    """Served by 恒枢 until 03-04, then by 河川, who comes to none of 03-16, 03-31 and 04-15; how its clock stands."""
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    visit(session, own, world.worker, day("2026-03-01"))
    with transaction(session):
        own.maintenance_unit_id = world.other_firm.id
        clocks.unit_changed(session, own.id, world.other_firm.id, day("2026-03-05"), at(day("2026-03-05")))
        make_contract(session, world.other_firm, [own], day("2026-03-05"))
    run(session, day("2026-04-20"))

    def told() -> tuple[int, int, str]:
        row = clock_of(session, own)
        return row.missed, row.excused, str(row.missed_since_on)

    assert told() == (3, 0, "2026-03-16")
    return told, list(session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)))


@pytest.mark.feature("PLN-11")
@pytest.mark.parametrize(("excused", "stands"), [
    ((), (2, 0, "2026-03-16")), ((0,), (1, 1, "2026-03-31")), ((1,), (1, 1, "2026-03-16")), ((0, 1), (0, 2, "None")),
])  # fmt: skip
def test_a_stop_dated_back_before_a_new_units_first_visit_keeps_what_was_excused(
    world: World, excused: tuple[int, ...], stands: tuple[int, int, str]
) -> None:
    """The third limit had not run out on the day of the stop; of the first two those excused stay excused."""
    told, periods = passed_to_another(world)
    for number in excused:
        decide(world, appeal(world, f"overdue_period-{periods[number].id}", "other_head"))
    with transaction(world.session):
        clocks.pause(world.session, world.own.id, day("2026-04-10"), None, at(day("2026-04-20")))
    assert told() == stands
    row = clock_of(world.session, world.own)
    assert (row.anchor_on, row.paused_on, row.limit_left_days) == (day("2026-03-31"), day("2026-04-10"), 5)
    assert len(limits(world.session, world.own)) == stands[0]


def test_a_visit_that_counts_no_more_gives_back_the_clock_with_what_was_excused(world: World) -> None:
    """No counted visit is left: the clock stands as it stood before the one that was turned down."""
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    first = visit(session, own, world.worker, day("2026-03-01"))
    run(session, day("2026-04-20"))
    early = session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).first()
    decide(world, appeal(world, f"overdue_period-{early.id}"))
    only = visit(session, own, world.worker, day("2026-04-20"))
    row = clock_of(session, own)
    assert (row.missed, row.excused) == (0, 0)
    with transaction(session):
        session.get(Visit, first.id).counted = False
        session.get(Visit, only.id).counted = False
        clocks.after_visit(session, own.id, session.get(Visit, only.id), at(day("2026-04-21")))
    row = clock_of(session, own)
    assert (row.missed, row.excused, row.missed_since_on) == (2, 1, day("2026-03-31"))
    assert row.anchor_on == day("2026-04-15")
