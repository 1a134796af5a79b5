"""STA-03: a bulletin counted again as of its instant is the same, whatever was done about its rows since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from app.models import Region, Rescue
from app.permissions import SYSTEM, Role
from app.reports.bulletin import event_figures, figures, more_figures
from app.reports.bulletin.asked import asked_of
from app.rules.periods import period_of
from app.transaction import transaction
from app.workflows.maintenance import overdue
from app.workflows.on_site.presence import Position
from app.workflows.public import past_complaints
from app.workflows.repair import past_repairs, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from app.workflows.rescue import past_rescues, rescue_answers, rescue_desk, rescues
from tests.factories import World, make_account, make_complaint, make_elevator, make_policy
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue

pytestmark = pytest.mark.feature("STA-03", "RES-05", "REP-03")
REGION, MINUTE, HOUR = "980402000000", dt.timedelta(minutes=1), dt.timedelta(hours=1)
BEGUN = at(day("2026-02-10"), 9)
THEN, LATER = BEGUN + 3 * HOUR, BEGUN + 30 * HOUR
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0", "method": "level"}
DONE = Ending(cause="door", action="更换门锁触点", restored=True)
Deed = Callable[[Any, World], Any]


def counted(world: World, as_of: dt.datetime) -> dict[str, Any]:
    world.session.expire_all()
    region = world.session.query(Region).filter_by(code=REGION).one()
    asked = asked_of(world.session, region, period_of("2026-02"), as_of, None)
    return {
        "rescues": event_figures.rescues(asked), "repairs": event_figures.repairs(asked),
        "complaints": more_figures.complaints(asked), "maintenance": figures.maintenance(asked),
    }  # fmt: skip


@pytest.fixture
def ground(world: World) -> World:
    """By the instant: one case freed, one under way; one repair ended and to be approved, one accepted; a period
    missed; a complaint that waits."""
    session = world.session
    world.accounts["agent"] = make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(session, "repair_approval", True)
    make_policy(session, "repair_accept_hours", 1)
    world.second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)  # type: ignore[attr-defined]
    put_overdue(session, world.own, world.firm, day("2026-02-09")).judged_at = BEGUN
    make_complaint(session, world.own, BEGUN, state="waiting")
    session.commit()
    agent, worker, clerk = (world.actor(name) for name in ("agent", "worker", "clerk"))
    with transaction(session):
        for lift in (world.own, world.second):  # type: ignore[attr-defined]
            case = rescues.report(session, agent, lift, source="call", at=BEGUN, caller="顾女士", phone="13900001111")
            rescue_desk.dispatch(session, agent, case.id, 1, BEGUN + MINUTE)
            rescue_answers.accept(session, worker, case.id, BEGUN + 2 * MINUTE)
            order = repairs.report(session, clerk, lift.id, "stopped", "停在 6 楼", "", BEGUN)
            repair_work.assign(session, clerk, order.id, world.worker.id, [], BEGUN + MINUTE)
            repair_work.accept(session, worker, order.id, BEGUN + 10 * MINUTE)
            if lift is world.own:
                rescue_answers.free(session, worker, case.id, FORM, BEGUN + 20 * MINUTE)
                repair_work.start(session, worker, order.id, Position(), BEGUN + 20 * MINUTE)
                repair_work.end(session, worker, order.id, DONE, BEGUN + 40 * MINUTE)
    return world


def case_of(session: Any, world: World, *, freed: bool) -> Rescue:
    lift = world.own if freed else world.second  # type: ignore[attr-defined]
    return session.query(Rescue).filter_by(elevator_id=lift.id).one()  # type: ignore[no-any-return]


def order_of(session: Any, world: World, *, ended: bool) -> int:
    lift = world.own if ended else world.second  # type: ignore[attr-defined]
    return session.query(repairs.RepairOrder).filter_by(elevator_id=lift.id).one().id  # type: ignore[no-any-return]


def joined(session: Any, world: World) -> None:
    agent = world.actor("agent")
    rescue_desk.join(session, agent, case_of(session, world, freed=False).id,
                     case_of(session, world, freed=True).number, "同一批人", LATER)  # fmt: skip


def told_again(session: Any, world: World) -> None:
    """What was written of the end was wrong: taken back, and freed with another result."""
    agent, key = world.actor("agent"), case_of(session, world, freed=True).id
    rescue_desk.step_back(session, agent, key, "写错了", LATER)
    other = {"outcome": "false_alarm", "cause": "", "trapped": "0", "method": ""}
    rescue_answers.free(session, agent, key, FORM | other, LATER + MINUTE)


def unaccepted(session: Any, world: World) -> None:
    rescue_desk.step_back(session, world.actor("agent"), case_of(session, world, freed=False).id, "没有人去", LATER)


def rejected(session: Any, world: World) -> None:
    key, worker = order_of(session, world, ended=True), world.actor("worker")
    repair_work.decide(session, world.actor("maintenance_head"), key, "rejected", "原因不对", LATER)
    again = Ending(cause="power", action="恢复供电", restored=True)
    repair_work.end(session, worker, key, again, LATER + MINUTE)


def taken_back(session: Any, world: World) -> None:
    repair_work.take_back(session, world.actor("clerk"), order_of(session, world, ended=False), "另派", LATER)


def handed_on(session: Any, world: World) -> None:
    repairs.unit_changed(session, world.second.id, world.other_firm.id, LATER)  # type: ignore[attr-defined]


def cancelled(session: Any, world: World) -> None:
    key = order_of(session, world, ended=False)
    repair_work.cancel(session, world.actor("clerk"), key, "没有故障", LATER)


def taken_over(session: Any, world: World) -> None:
    """Files of another platform that come in later tell of the same days."""
    who, lift = world.actor("region_admin"), world.own.id
    times = {"reported_at": (BEGUN - HOUR).isoformat()}
    case = past_rescues.take_over(session, who, times | {"elevator_id": lift, "outcome": "false_alarm"}, LATER)
    end = {"ended_at": BEGUN.isoformat(), "level": "stopped"}
    order = past_repairs.take_over(session, who, times | end | {"elevator_id": lift}, LATER)
    said = {"complained_at": (BEGUN - HOUR).isoformat(), "closed_at": BEGUN.isoformat(), "kinds": "noise"}
    told = past_complaints.take_over(session, who, said | {"elevator_id": lift}, LATER)
    case.created_at = order.created_at = told.created_at = LATER


def corrected(session: Any, world: World) -> None:
    rows = session.query(overdue.OverduePeriod).all()
    overdue.withdraw(session, rows, SYSTEM, "补传了记录", LATER)


def untrue(session: Any, world: World) -> None:
    from app.models import Complaint

    row = session.query(Complaint).one()
    row.ended_at, row.is_untrue = LATER, True


@pytest.mark.parametrize(
    "deed",
    [joined, told_again, unaccepted, rejected, taken_back, handed_on, cancelled, taken_over, corrected, untrue],
)  # fmt: skip
def test_what_is_done_later_changes_no_recount(ground: World, deed: Deed) -> None:
    before, late = counted(ground, THEN), counted(ground, LATER + HOUR)
    assert before["rescues"]["now"]["total"] == 2 and before["rescues"]["causes"] == [["door_vane", 1]]
    assert (before["repairs"]["now"], before["repairs"]["done"], before["repairs"]["late"]) == (2, 1, 0)
    assert before["maintenance"]["now"]["overdue"] == 1 and before["complaints"]["now"] == 1
    with transaction(ground.session) as session:
        deed(session, ground)
    assert counted(ground, THEN) == before
    # Who never came is late with or without an acceptance.
    assert counted(ground, LATER + HOUR) != late or deed is unaccepted, "and yet something was done"


@pytest.mark.feature("LIF-06")
def test_who_was_late_is_told_though_the_elevators_have_another_use_unit_since(ground: World) -> None:
    at_end = LATER + HOUR
    with transaction(ground.session) as session:
        for order in session.query(repairs.RepairOrder):
            order.finish_hours = 1
    before = counted(ground, at_end)
    assert before["repairs"]["late"] and before["repairs"]["units"]
    with transaction(ground.session) as session:
        for lift in (ground.own, ground.second):  # type: ignore[attr-defined]
            assert repairs.use_unit_changed(session, lift.id, ground.other_use_unit.id, at_end + HOUR) == 1
    assert counted(ground, at_end) == before


@pytest.mark.feature("IMP-03", "RES-02")
def test_what_the_desk_takes_back_of_another_platforms_case_was_so_then(ground: World) -> None:
    done = {"reported_at": 0, "dispatched_at": 1, "accepted_at": 2, "arrived_at": 10, "done_at": 20}
    with transaction(ground.session) as session:
        case = past_rescues.take_over(session, ground.actor("region_admin"), {
            name: (BEGUN - 3 * HOUR + minutes * MINUTE).isoformat() for name, minutes in done.items()
        } | {"elevator_id": ground.own.id, "outcome": "entrapment", "cause": "power_cut", "trapped": 1, "injured": 0},
            BEGUN)  # fmt: skip
        case.created_at, key = BEGUN, case.id
    before, late = counted(ground, THEN), counted(ground, LATER + HOUR)
    assert before["rescues"]["now"]["total"] == 3 and ["power_cut", 1] in before["rescues"]["causes"]
    with transaction(ground.session) as session:
        rescue_desk.step_back(session, ground.actor("agent"), key, "写错了", LATER)
    assert counted(ground, THEN) == before and counted(ground, LATER + HOUR) != late
