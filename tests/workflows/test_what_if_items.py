"""SIM-01 of the six together: time passes, and each item and the total come to what was foretold."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.models import Complaint, Contract, ContractElevator, MaintenanceClock, Rescue, RescueDispatch, Score
from app.permissions import SYSTEM
from app.rules.deadlines import due_after_hours
from app.rules.score_items import Item
from app.rules.what_if import Fix, FixKind, Period
from app.rules.what_if_items import gone, winnable
from app.workflows.contracts import cover
from app.workflows.scores import what_if
from app.workflows.scores.what_if import Told
from tests.factories import make_contract, make_elevator, make_use_unit
from tests.reference.items import Called, Changed, Complained, Inspected, Trapped
from tests.workflows.clock_world import at, clock_of, day, run, visit
from tests.workflows.item_world import put_change, put_complaint, put_inspection, put_rescue
from tests.workflows.score_world import put_cover, score

pytestmark = pytest.mark.feature("SIM-01")
TODAY, DAY = day("2024-05-10"), dt.timedelta(days=1)
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
NOW = at(TODAY, 12)
FIRST, LAST = day("2024-04-01"), day("2024-06-30")
FINAL = at(day("2024-07-20"))


@pytest.fixture
def firm(session: Any, world: Any) -> Any:
    """Six elevators: of each item something that is lost for good and something that is open."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    world.lifts = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, next_inspection_on=due)
        for due in (day("2024-05-31"), day("2024-06-30"), day("2024-07-31"), day("2024-05-01"), day("2099-01-01"))
    ]
    for elevator in world.lifts:
        put_cover(session, world.firm, elevator, day("2024-01-01"), day("2024-12-31"))
    session.commit()
    cover.refresh(session, [one.id for one in world.lifts], day("2024-04-02"))
    for elevator in world.lifts:
        on = day("2024-05-08")
        visit(session, elevator, world.worker, on, settled_at=at(on, 11), signed_at=at(on, 10))
    first, second, third, fourth, fifth = world.lifts
    # SCO-02: one that was late; one that nobody answered yet; help at another unit's elevator.
    late = Called("A", 1, NOW - 90 * HOUR, NOW - 90 * HOUR + MINUTE, None, NOW - 88 * HOUR)
    told = Trapped("A", second.id, NOW - 90 * HOUR, (late,), NOW - 88 * HOUR, "entrapment", "door_operator")
    put_rescue(session, second, told, {"A": world.firm})
    open_case = Trapped("A", first.id, NOW - 2 * MINUTE, (Called("A", 1, NOW - 2 * MINUTE),), None, "", "")
    world.case = put_rescue(session, first, open_case, {"A": world.firm})
    calls = (Called("A", 1, NOW - HOUR, None, None, None, NOW - 20 * MINUTE, "escalated"),
             Called("B", 2, NOW - 20 * MINUTE, NOW - 19 * MINUTE))  # fmt: skip
    elsewhere = Trapped("A", world.foreign.id, NOW - HOUR, calls, None, "", "")
    firms = {"A": world.other_firm, "B": world.firm}
    world.helped = put_rescue(session, world.foreign, elsewhere, firms)
    # SCO-03: late, accepted in time and open, not yet accepted and open.
    put_complaint(session, first, world.firm, Complained("A", first.id, NOW - 99 * HOUR), NOW)
    world.going = put_complaint(
        session, first, world.firm, Complained("A", first.id, NOW - 50 * HOUR, NOW - 40 * HOUR), NOW
    )
    world.fresh = put_complaint(session, fifth, world.firm, Complained("A", fifth.id, NOW - 24 * HOUR), NOW)
    # SCO-04: one failed; three are due by the end of June, one of which was inspected in the period.
    for elevator, result in ((fifth, "failed"), (fourth, "passed")):
        told_one = Inspected("A", elevator.id, day("2024-04-20"), "periodic", result, result == "failed", NOW - HOUR)
        put_inspection(session, elevator, world.firm, told_one)
    # SCO-06: one applied for late; a contract signed six days ago with a use unit that another unit serves.
    steps = ((NOW - HOUR, "submitted"),)
    put_change(session, third, world.firm, Changed("A", world.use_unit.id, TODAY - 9 * DAY, TODAY - DAY, steps))
    world.new_user = make_use_unit(session)
    world.theirs = make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.new_user)
    world.contract = make_contract(
        session, world.firm, [], TODAY, day("2024-12-31"), use_unit_id=world.new_user.id, signed_on=TODAY - 7 * DAY
    )
    session.commit()
    run(session, TODAY)
    session.commit()
    return world


def asked(session: Any, world: Any, *chosen: Fix, actor: Any = SYSTEM, now: dt.datetime = NOW) -> Told:
    return what_if.of_unit(session, actor, world.firm.id, Period.QUARTER, chosen, now)


def foretold(told: Told, way: str) -> dict[str, Decimal | None]:
    points = {item.value: getattr(told.six.items[item], way).points for item in Item}
    return points | {"total": getattr(told.six.total, way)}


def came(session: Any, world: Any) -> dict[str, Decimal | None]:
    """The points of the quarter once it is final."""
    run(session, day("2024-07-01"))
    session.commit()
    held = score(session, FIRST.isoformat(), LAST.isoformat(), now=FINAL)
    row = session.scalars(select(Score).where(Score.run_id == held.id, Score.unit_id == world.firm.id)).one()
    others = {item.value: getattr(row, f"{item}_points") for item in Item if item is not Item.MAINTENANCE}
    return {"maintenance": row.points, **others, "total": row.total}


def end_cases(session: Any, *, done_at: dt.datetime | None, ended_at: dt.datetime) -> None:
    """The desk closes what is open: entrapments, in which the unit came or did not."""
    going = select(Rescue.id).where(Rescue.ended_at.is_(None))
    calls = update(RescueDispatch).where(RescueDispatch.rescue_id.in_(going), RescueDispatch.ended_at.is_(None))
    accepted = {} if done_at is None else {"done_at": done_at}
    if done_at is not None:
        session.execute(calls.where(RescueDispatch.accepted_at.is_(None)).values(accepted_at=done_at))
    session.execute(calls.values(ended_at=ended_at, end_reason="closed", **accepted))
    session.execute(
        update(Rescue).where(Rescue.ended_at.is_(None)).values(
            ended_at=ended_at, status="closed", outcome="entrapment", cause="door_operator", late_steps="free",
        )
    )  # fmt: skip
    session.commit()


def test_what_is_open_and_what_is_gone(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    fixes = {str(offer.fix): (item, offer) for item, offer in told.six.offers}
    expected = {
        f"free.1-{firm.case.id}", f"free.2-{firm.helped.id}", f"settle.{firm.going.id}", f"settle.{firm.fresh.id}",
        "pass.30", "pass.0", f"apply.{firm.contract.id}",
    }  # fmt: skip
    assert {one for one in fixes if not one.startswith(("keep", "serve"))} == expected
    assert fixes["pass.30"][1].elevators == 1 and fixes["pass.0"][1].elevators == 2
    made = told.six.items
    assert (winnable(made[Item.FAULT]), gone(made[Item.FAULT]) > 0) == (0, True)
    assert gone(made[Item.FEEDBACK]) > 0 < winnable(made[Item.FEEDBACK])
    assert gone(made[Item.RESCUE]) == 0, "help in time makes up for the late one"
    about = told.about[Fix(FixKind.SETTLE, str(firm.going.id))]
    assert (about.number, about.step.value) == (firm.going.number, "handle")
    assert about.due_at == due_after_hours(firm.going.accepted_at, 72)
    assert told.about[Fix(FixKind.APPLY, str(firm.contract.id))].number == firm.contract.number


def test_doing_nothing_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    end_cases(session, done_at=None, ended_at=NOW + 5 * HOUR)
    assert foretold(told, "nothing") == came(session, firm)


def test_everything_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    assert told.six.total.everything > told.six.total.nothing
    end_cases(session, done_at=NOW, ended_at=NOW + MINUTE)
    for row in (firm.going, firm.fresh):
        held = session.get(Complaint, row.id)
        held.accepted_at = held.accepted_at or NOW
        held.handled_at = held.reviewed_at = held.closed_at = NOW
        held.state = "closed"
    for elevator, on in zip(firm.lifts[:2], ("2024-05-30", "2024-06-30"), strict=True):
        passed = Inspected("A", elevator.id, day(on), "periodic", "passed", False, at(day(on), 12))
        put_inspection(session, elevator, firm.firm, passed)
    applied = Changed("A", firm.new_user.id, firm.contract.signed_on, TODAY, ((NOW, "submitted"),))
    put_change(session, firm.theirs, firm.firm, applied)
    session.commit()
    while True:
        coming = [(clock_of(session, elevator).limit_on, elevator) for elevator in firm.lifts]
        limit_on, elevator = min(coming, key=lambda one: one[0])
        session.commit()
        if limit_on > LAST:
            break
        visit(session, elevator, firm.worker, limit_on, settled_at=at(limit_on, 11), signed_at=at(limit_on, 10))
        session.commit()
    assert foretold(told, "everything") == came(session, firm)


def test_one_chosen_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm, Fix(FixKind.SETTLE, str(firm.fresh.id)))
    held = session.get(Complaint, firm.fresh.id)
    held.accepted_at = held.handled_at = held.reviewed_at = held.closed_at = NOW
    held.state = "closed"
    end_cases(session, done_at=None, ended_at=NOW + 5 * HOUR)
    assert foretold(told, "chosen") == came(session, firm)


def test_a_second_after_the_limit_it_is_gone(session: Any, firm: Any) -> None:
    """The fresh complaint was made 24 hours ago, the case called out two minutes, the contract signed seven days."""
    later = {str(o.fix) for _, o in asked(session, firm, now=NOW + dt.timedelta(seconds=1)).six.offers}
    assert f"settle.{firm.fresh.id}" not in later and f"free.1-{firm.case.id}" in later
    minute = {str(o.fix) for _, o in asked(session, firm, now=NOW + MINUTE).six.offers}
    assert f"free.1-{firm.case.id}" in minute
    after = {str(o.fix) for _, o in asked(session, firm, now=NOW + MINUTE + dt.timedelta(seconds=1)).six.offers}
    assert f"free.1-{firm.case.id}" not in after
    assert f"apply.{firm.contract.id}" in after
    assert f"apply.{firm.contract.id}" not in {str(o.fix) for _, o in asked(session, firm, now=NOW + DAY).six.offers}


def test_a_contract_that_binds_elevators_asks_for_no_change(session: Any, firm: Any) -> None:
    session.add(
        ContractElevator(
            contract_id=firm.contract.id, elevator_id=firm.lifts[0].id, unit_id=firm.firm.id, starts_on=TODAY,
            ends_on=LAST, added_at=NOW,
        )
    )  # fmt: skip
    session.commit()
    assert not [o for _, o in asked(session, firm).six.offers if o.fix.kind is FixKind.APPLY]


def test_records_of_secret_elevators_stay_unnamed(session: Any, firm: Any) -> None:
    fix = Fix(FixKind.SETTLE, str(firm.fresh.id))
    assert asked(session, firm, actor=firm.actor("inspector")).about[fix].number == firm.fresh.number
    firm.lifts[4].is_secret = True
    session.commit()
    assert asked(session, firm, actor=firm.actor("inspector")).about[fix].number == ""


def test_a_stopped_or_uncovered_elevator_is_not_due_for_inspection(session: Any, firm: Any) -> None:
    session.get(MaintenanceClock, firm.lifts[0].id).in_use = False
    session.get(MaintenanceClock, firm.lifts[1].id).covered_until = TODAY - DAY
    session.commit()
    assert not [o for _, o in asked(session, firm).six.offers if o.fix.kind is FixKind.PASS]
