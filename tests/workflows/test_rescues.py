"""RES-01 to RES-04: a rescue from the report to the end, who may do what, and what comes at the same instant."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Elevator, Notification, Rescue, RescueDispatch, RescueStep, StatusChange
from app.models.sealed import ending
from app.permissions import Role
from app.rules.other_scores import Outcome
from app.rules.rescues import MOST_OF_ADDRESS, MOST_OF_ELEVATOR, MOST_OF_PHONE
from app.tasks import rescues as rescue_clock
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_desk, rescue_help, rescues
from app.workflows.rescue.rescue_course import Sent, calls_of, outcome_of
from tests.factories import World, make_account, make_elevator, make_policy, make_unit

pytestmark = pytest.mark.feature("RES-02")
M, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)
START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0", "method": "level"}
PHONE = "13900001111"


@pytest.fixture
def world(world: World) -> World:
    session = world.session
    world.accounts["agent"] = make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    world.accounts["agent2"] = make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(session, "rescue_desk_minutes", 2)
    world.accounts["colleague"] = make_account(session, Role.WORKER, unit=world.firm)
    session.commit()
    return world


def report(world: World, at: dt.datetime = START, source: str = "page", who: str | None = None, **more: Any) -> Rescue:
    elevator = more.pop("elevator", world.own)
    with transaction(world.session):
        actor = None if who is None else world.actor(who)
        return rescues.report(world.session, actor, elevator, source=source, at=at, **more)


def do(world: World, who: str, deed: Callable[..., Any], row: Rescue, *given: Any, **more: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), row.id, *given, **more)


def dispatched(world: World, at: dt.datetime = START) -> Rescue:
    row = report(world, at, "call", "agent", caller="顾女士", phone=PHONE)
    do(world, "agent", rescue_desk.dispatch, row, 1, at)
    return row


def tick(world: World, at: dt.datetime) -> int:
    done = 0
    for key in rescue_help.due(world.session, at):
        with transaction(world.session):
            done += rescue_help.act(world.session, key, at) is not None
    return done


def refused(deed: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as caught:
        deed()
    return str(caught.value)


def told(world: World, topic: str) -> set[int | None]:
    return set(world.session.scalars(select(Notification.recipient_id).where(Notification.topic == topic)))


def calls(world: World, row: Rescue) -> list[RescueDispatch]:
    return calls_of(world.session, row)


def test_from_the_call_to_the_end(world: World) -> None:
    row = report(world, START, "call", "agent", caller="顾女士", phone=PHONE, trapped=2)
    assert (row.status, row.unit_id, row.taken_at, row.in_centre) == ("taken", world.firm.id, START, True)
    assert row.number == "JY-2026-000001" and row.act_at == START + 2 * M
    do(world, "agent", rescue_desk.dispatch, row, 1, START + M)
    assert (row.status, row.dispatched_at, row.due_at) == ("dispatched", START + M, START + 4 * M + SECOND)
    accounts = world.accounts
    crew = {accounts[n].id for n in ("maintenance_head", "clerk", "worker", "colleague")}
    assert told(world, "rescue.call") == crew
    do(world, "worker", rescue_answers.accept, row, START + 4 * M, Sent(START, 30.5, 120.5))
    assert (row.status, row.due_at, row.late_steps) == ("accepted", START + 22 * M + SECOND, None)
    do(world, "worker", rescue_answers.arrive, row, START + 22 * M)
    assert (row.status, row.due_at) == ("arrived", START + 34 * M + SECOND)
    found = refused(lambda: do(world, "worker", rescue_answers.free, row, {"outcome": "entrapment"}, START + 30 * M))
    assert "困人人数" in found and "受伤人数" in found and "故障原因" in found and row.status == "arrived"
    do(world, "worker", rescue_answers.free, row, FORM, START + 34 * M)
    assert (row.status, row.done_at, row.ended_at, row.due_at, row.act_at) == (
        "freed", START + 34 * M, START + 34 * M, None, None
    )  # fmt: skip
    assert (row.outcome, row.cause, row.trapped, row.injured, row.level) == ("entrapment", "door_vane", 2, 0, 1)
    assert outcome_of(row, START + 40 * M) is Outcome.ON_TIME
    kept = select(RescueStep).where(RescueStep.rescue_id == row.id).order_by(RescueStep.id)
    steps = world.session.scalars(kept).all()
    assert [s.verb for s in steps] == ["report", "take", "dispatch", "accept", "arrive", "free"]
    # The phone's clock is kept, and does not count.
    assert steps[3].phone_at == START and steps[3].at == START + 4 * M and steps[3].latitude == 30.5
    moved = select(StatusChange.new).where(StatusChange.entity == "rescue").order_by(StatusChange.id)
    assert list(world.session.scalars(moved)) == ["taken", "dispatched", "accepted", "arrived", "freed"]
    assert told(world, "rescue.freed") == {accounts[n].id for n in ("agent", "agent2", "use_head", "safety_officer")}
    waiting = select(func.count()).where(Notification.topic == "rescue.call", Notification.read_at.is_(None))
    assert world.session.scalar(waiting) == 0


@pytest.mark.feature("RES-03")
@pytest.mark.parametrize(
    ("accept", "arrive", "done", "late"),
    [
        (3 * M, 18 * M, 30 * M, None), (3 * M + SECOND, M, 2 * M, "accept"), (M, 18 * M + SECOND, 20 * M, "arrive"),
        (M, 10 * M, 30 * M + SECOND, "free"), (4 * M, 19 * M, 31 * M, "accept,arrive,free"),
    ],
)  # fmt: skip
def test_each_limit_holds_to_the_second(
    world: World, accept: dt.timedelta, arrive: dt.timedelta, done: dt.timedelta, late: str | None
) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + accept)
    do(world, "worker", rescue_answers.arrive, row, START + accept + arrive)
    do(world, "worker", rescue_answers.free, row, FORM, START + accept + done)
    assert row.late_steps == late
    assert outcome_of(row, START + 60 * M) is (Outcome.ON_TIME if late is None else Outcome.LATE)


@pytest.mark.feature("RES-03")
def test_outside_of_the_centre_there_is_more_time_and_the_regions_limits_of_that_day_stay(world: World) -> None:
    world.own.is_central = False
    make_policy(world.session, "rescue_accept_minutes", 5, on=dt.date(2026, 4, 1))
    world.session.commit()
    row = dispatched(world)
    assert (row.in_centre, row.accept_minutes, row.arrive_minutes, row.done_minutes) == (False, 3, 30, 60)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.free, row, FORM, START + M + 30 * M)
    assert row.late_steps is None and row.arrived_at is None
    later = dispatched(world, dt.datetime(2026, 4, 2, tzinfo=dt.UTC))
    assert later.accept_minutes == 5


@pytest.mark.feature("RES-01")
def test_whatever_is_reported_again_joins_the_open_case(world: World) -> None:
    row = report(world, address="203.0.113.9")
    assert told(world, "rescue.desk") == {world.accounts["agent"].id, world.accounts["agent2"].id}
    assert report(world, START + M) is row and row.reports == 2
    assert world.session.scalar(select(func.count()).select_from(Rescue)) == 1  # a tap made twice
    same = report(world, START + 2 * M, "call", "agent", caller="顾女士", phone=PHONE)
    assert same is row and (row.reports, row.phone) == (3, PHONE)
    report(world, START + 2 * M, "iot")
    joined = world.session.scalars(select(Rescue).where(Rescue.joined_to_id == row.id)).all()
    assert {(one.source, one.status) for one in joined} == {("call", "joined"), ("iot", "joined")}
    raw = world.session.connection().exec_driver_sql("SELECT phone FROM rescue WHERE id = " + str(row.id)).scalar_one()
    assert PHONE not in str(raw)
    assert row.id in world.session.scalars(select(Rescue.id).where(ending(Rescue.phone, "1111"))).all()


@pytest.mark.feature("RES-01")
def test_what_a_sensor_tells_late_belongs_to_the_case_of_that_instant(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.free, row, FORM, START + 10 * M)
    assert report(world, START + 9 * M, "iot") is row
    assert report(world, START + 10 * M, "iot") is not row  # nobody is in it any more: somebody is again


@pytest.mark.feature("RES-01")
def test_presses_at_once_are_one_case(world: World) -> None:
    found: list[int] = []
    # Nothing of the world's session is touched by the threads.
    bind, key = world.session.get_bind(), world.own.id

    def press() -> None:
        with Session(bind) as session, transaction(session):
            elevator = session.get(Elevator, key)
            assert elevator is not None
            found.append(rescues.report(session, None, elevator, source="page", at=START).id)

    taps = [threading.Thread(target=press) for _ in range(4)]
    for one in taps:
        one.start()
    for one in taps:
        one.join()
    assert len(found) == 4 and len(set(found)) == 1


@pytest.mark.feature("RES-01")
def test_strangers_open_only_so_many_cases_and_are_told_whom_to_phone(world: World) -> None:
    def false_alarm(at: dt.datetime, **more: Any) -> None:
        row = report(world, at, **more)
        do(world, "agent", rescue_desk.close, row, "false_alarm", "对讲无人应答，监控无人", at)

    for n in range(MOST_OF_PHONE):
        false_alarm(START + n * M, phone=PHONE)
    assert "请直接拨打" in refused(lambda: report(world, START, phone=PHONE))
    # Whoever types another's number uses up his own network's count alone.
    row = report(world, START + 15 * M, phone=PHONE, address="203.0.113.8")
    do(world, "agent", rescue_desk.close, row, "false_alarm", "对讲无人应答，监控无人", START + 15 * M)
    for n in range(MOST_OF_ELEVATOR - MOST_OF_PHONE - 1):
        false_alarm(START + (20 + n) * M)
    assert "这台电梯今天" in refused(lambda: report(world, START + 60 * M))
    # The desk and a sensor are never bounded, and an open case is joined by anybody.
    row = report(world, START + 61 * M, "call", "agent")
    assert report(world, START + 62 * M, phone=PHONE) is row
    for _ in range(MOST_OF_ADDRESS + 1):
        with transaction(world.session):
            assert rescues.flooded(world.session, world.own, START, "203.0.113.9") is None
    do(world, "agent", rescue_desk.close, row, "false_alarm", "已核实", START + 63 * M)
    for n in range(MOST_OF_ADDRESS + 1):
        with transaction(world.session):
            over = rescues.flooded(world.session, world.own, START, "203.0.113.9")
        assert (over is not None) is (n == MOST_OF_ADDRESS)


@pytest.mark.feature("RES-01")
@pytest.mark.parametrize("changed", [
    {"status": "suspended"}, {"status": "scrapped"}, {"maintenance_unit_id": None},
    {"latitude": None, "longitude": None}, {"use_unit_id": None},
])  # fmt: skip
def test_nobody_is_left_inside_for_what_the_elevator_is(world: World, changed: dict[str, Any]) -> None:
    lift = make_elevator(world.session, **{"maintenance_unit": world.firm, "use_unit": world.use_unit})
    for name, value in changed.items():
        setattr(lift, name, value)
    world.session.commit()
    row = report(world, elevator=lift)
    assert tick(world, START + 2 * M) == 1
    first = calls(world, row)[0]
    alone = "maintenance_unit_id" in changed
    assert (first.level, first.unit_id) == ((2, world.firm.id) if alone else (1, world.firm.id))


@pytest.mark.feature("RES-04")
def test_the_clock_calls_the_unit_then_the_nearest_then_the_fire_service(world: World) -> None:
    station = make_unit(world.session, "临河救援站", is_rescue=True, latitude=30.51, longitude=120.51)
    make_unit(world.session, "远处救援站", is_rescue=True, latitude=30.9, longitude=120.9)
    world.session.commit()
    row = report(world)
    assert tick(world, START + 2 * M - SECOND) == 0 and row.status == "waiting"
    assert tick(world, START + 2 * M) == 1 and tick(world, START + 2 * M) == 0
    assert (row.status, row.level, row.act_at) == ("dispatched", 1, START + 5 * M + SECOND)
    assert tick(world, START + 5 * M) == 0
    assert tick(world, START + 5 * M + SECOND) == 1
    first, second = calls(world, row)
    assert (first.end_reason, first.is_automatic) == ("escalated", True)
    assert (second.level, second.unit_id, row.level) == (2, station.id, 2) and 1000 < (second.distance_m or 0) < 2000
    assert "临河救援站" in refused(lambda: do(world, "worker", rescue_answers.accept, row, START + 6 * M))
    # Ticks that were missed: the station has its own minutes from when it was called.
    assert tick(world, START + 60 * M) == 1
    third = calls(world, row)[2]
    assert (third.level, third.unit_id, third.name, row.act_at) == (3, None, "消防救援 119", None)
    assert tick(world, START + 600 * M) == 0 and row.dispatched_at == START + 2 * M
    do(world, "agent", rescue_answers.accept, row, START + 61 * M, call_id=third.id)
    do(world, "agent", rescue_answers.free, row, FORM, START + 79 * M, call_id=third.id)
    assert (row.status, row.late_steps) == ("freed", "accept")
    assert all(one in told(world, "rescue.desk") for one in (world.accounts["agent"].id, world.accounts["agent2"].id))


@pytest.mark.feature("RES-04")
def test_who_accepted_goes_on_beside_the_second_level_and_whoever_comes_first_frees(world: World) -> None:
    helper = make_account(world.session, Role.WORKER, unit=world.other_firm)
    world.accounts["helper"] = helper
    world.session.commit()
    row = dispatched(world)
    with pytest.raises(NotFound):
        do(world, "helper", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.accept, row, START + M)
    assert row.act_at == START + 19 * M + SECOND
    assert tick(world, row.act_at) == 1
    first, second = calls(world, row)
    assert first.is_open and (second.level, second.unit_id) == (2, world.other_firm.id)
    assert row.status == "accepted" and world.accounts["worker"].id in told(world, "rescue.up")
    do(world, "helper", rescue_answers.accept, row, START + 20 * M)
    do(world, "helper", rescue_answers.arrive, row, START + 30 * M)
    assert row.status == "arrived" and row.act_at is None
    do(world, "helper", rescue_answers.free, row, FORM, START + 40 * M)
    first, second = calls(world, row)
    assert (first.end_reason, second.done_at, row.accepted_at) == ("relieved", START + 40 * M, START + M)
    assert row.late_steps == "arrive,free"
    late = refused(lambda: do(world, "worker", rescue_answers.arrive, row, START + 41 * M))
    assert "已由 澜州河川电梯有限公司 救出" in late


@pytest.mark.feature("RES-04")
def test_of_two_operators_the_second_is_told(world: World) -> None:
    row = report(world)
    seen = row.row_version
    do(world, "agent", rescue_desk.take, row, START + SECOND)
    assert "现为“已接警”，不能接警" in refused(lambda: do(world, "agent2", rescue_desk.take, row, START + 2 * SECOND))
    assert "已有变化" in refused(
        lambda: do(world, "agent2", rescue_desk.dispatch, row, 1, START + 2 * SECOND, version=seen)
    )
    do(world, "agent", rescue_desk.dispatch, row, 1, START + 3 * SECOND, version=row.row_version)
    assert "已在救援途中" in refused(lambda: do(world, "agent2", rescue_desk.dispatch, row, 1, START + 4 * SECOND))
    assert len(calls(world, row)) == 1


@pytest.mark.feature("RES-04")
def test_two_dispatches_at_once_send_one_call(world: World) -> None:
    row = report(world, START, "call", "agent")
    actors = [world.actor("agent"), world.actor("agent2")]
    key, outcomes = row.id, []
    world.session.rollback()

    def send(actor: Any) -> None:
        with Session(world.session.get_bind()) as session:
            try:
                with transaction(session):
                    rescue_desk.dispatch(session, actor, key, 1, START + M)
                outcomes.append("sent")
            except Refusal:
                outcomes.append("refused")

    desks = [threading.Thread(target=send, args=(actor,)) for actor in actors]
    for one in desks:
        one.start()
    for one in desks:
        one.join()
    assert sorted(outcomes) == ["refused", "sent"]
    assert len(calls(world, row)) == 1


def test_what_is_sent_twice_is_done_once(world: World) -> None:
    row = dispatched(world)
    for verb, at in ((rescue_answers.accept, 1), (rescue_answers.accept, 2)):
        do(world, "worker", verb, row, START + at * M)
    assert row.accepted_at == START + M
    assert "已由" in refused(lambda: do(world, "colleague", rescue_answers.accept, row, START + 2 * M))
    for at in (5, 6):
        do(world, "colleague", rescue_answers.arrive, row, START + at * M)
    for at in (9, 10):
        do(world, "worker", rescue_answers.free, row, FORM, START + at * M)
    do(world, "worker", rescue_answers.arrive, row, START + 11 * M)
    assert (row.arrived_at, row.done_at) == (START + 5 * M, START + 9 * M)
    assert world.session.scalar(select(func.count()).select_from(RescueStep)) == 6


def test_the_desk_takes_every_step_back_with_its_reason(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.arrive, row, START + 2 * M)
    do(world, "worker", rescue_answers.free, row, FORM, START + 3 * M)
    assert "请写明为什么退回" in refused(lambda: do(world, "agent", rescue_desk.step_back, row, " ", START + 4 * M))
    for n, expected in enumerate(("arrived", "accepted", "dispatched", "taken", "waiting")):
        do(world, "agent", rescue_desk.step_back, row, "点错了", START + (4 + n) * M)
        assert row.status == expected
    assert (row.dispatched_at, row.accepted_at, row.done_at, row.outcome) == (None, None, None, None)
    # The desk has its minutes anew, then the clock dispatches.
    assert row.act_at == START + 10 * M
    assert "不能退回上一步" in refused(lambda: do(world, "agent", rescue_desk.step_back, row, "再退", START + 9 * M))
    assert "派单已由坐席收回" in refused(lambda: do(world, "worker", rescue_answers.accept, row, START + 9 * M))
    assert tick(world, START + 10 * M) == 1 and row.status == "dispatched"


def test_a_freed_case_is_not_opened_beside_a_new_one(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.free, row, FORM, START + 3 * M)
    report(world, START + 4 * M)
    assert "已有新的救援" in refused(lambda: do(world, "agent", rescue_desk.step_back, row, "看错", START + 5 * M))


def test_replacing_begins_anew_for_the_new_unit_but_not_for_the_case(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    other = world.other_firm.id
    deed = rescue_desk.dispatch
    assert "改派须写明原因" in refused(
        lambda: do(world, "agent", deed, row, 2, START + 2 * M, unit_id=other, replace=True)
    )
    do(world, "agent", deed, row, 2, START + 2 * M, unit_id=other, replace=True, note="维保员车坏在路上")
    assert (row.status, row.dispatched_at, row.accepted_at, row.level) == ("dispatched", START, None, 2)
    assert "已改派给" in refused(lambda: do(world, "worker", rescue_answers.arrive, row, START + 3 * M))
    do(world, "other_worker", rescue_answers.accept, row, START + 4 * M)
    assert row.late_steps == "accept"


def test_passing_on_keeps_the_units_clock(world: World) -> None:
    row = dispatched(world)
    colleague = world.accounts["colleague"]
    stranger = world.accounts["other_worker"].id
    assert "不是这个单位" in refused(lambda: do(world, "clerk", rescue_answers.pass_on, row, stranger, "", START + M))
    do(world, "clerk", rescue_answers.pass_on, row, colleague.id, "就近", START + M)
    call = calls(world, row)[0]
    assert (call.worker_id, call.dispatched_at, row.status) == (colleague.id, START, "dispatched")
    do(world, "colleague", rescue_answers.accept, row, START + 2 * M)
    do(world, "colleague", rescue_answers.pass_on, row, world.accounts["worker"].id, "", START + 3 * M)
    assert (row.accepted_at, row.status) == (START + 2 * M, "accepted")
    do(world, "worker", rescue_answers.arrive, row, START + 4 * M)


def test_the_desk_ends_what_was_none_and_joins_what_is_the_same(world: World) -> None:
    row = dispatched(world)
    assert "不在候选" in refused(lambda: do(world, "agent", rescue_desk.close, row, "entrapment", "没人", START + M))
    do(world, "agent", rescue_desk.close, row, "cleaning", "保洁误触，已核实", START + M)
    assert (row.status, row.outcome, row.ended_at, row.act_at) == ("closed", "cleaning", START + M, None)
    assert calls(world, row)[0].end_reason == "closed" and outcome_of(row, START + 60 * M) is None
    assert world.accounts["worker"].id in told(world, "rescue.end")
    twin = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    one, two = report(world, START + 5 * M), report(world, START + 5 * M, elevator=twin)
    assert "没有这件救援" in refused(lambda: do(world, "agent", rescue_desk.join, two, "JY-1", "", START + 6 * M))
    do(world, "agent", rescue_desk.join, two, one.number.lower(), "报错了梯号", START + 6 * M)
    assert (two.status, two.joined_to_id, one.reports) == ("joined", one.id, 2)
    assert "不能接警" in refused(lambda: do(world, "agent", rescue_desk.take, two, START + 7 * M))


def test_who_may_do_what(world: World) -> None:
    row = report(world)
    for who in ("worker", "use_head", "inspector"):
        with pytest.raises(NotAllowed):
            do(world, who, rescue_desk.take, row, START + M)
    for who in ("other_head", "other_inspector"):
        with pytest.raises(Refusal):
            do(world, who, rescue_answers.accept, row, START + M)
    do(world, "region_admin", rescue_desk.dispatch, row, 1, START + M)
    with pytest.raises(NotAllowed):
        do(world, "use_head", rescue_answers.accept, row, START + M)
    with pytest.raises(NotAllowed):
        do(world, "inspector", rescue_answers.accept, row, START + M)
    # The desk writes down what the unit says on the phone.
    do(world, "agent", rescue_answers.accept, row, START + 2 * M)
    assert calls(world, row)[0].worker_id is None and row.status == "accepted"
    do(world, "worker", rescue_answers.accept, row, START + 3 * M)
    assert calls(world, row)[0].worker_id == world.accounts["worker"].id and row.accepted_at == START + 2 * M


@pytest.mark.feature("RES-04")
def test_where_policy_says_at_once_nobody_waits_for_the_desk(world: World) -> None:
    make_policy(world.session, "rescue_desk_minutes", 0, "980402000000")
    make_policy(world.session, "rescue_escalate_minutes", None)
    world.session.commit()
    row = report(world)
    assert (row.status, row.dispatched_at, row.act_at) == ("dispatched", START, None)
    assert calls(world, row)[0].is_automatic
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    call = report(world, START, "call", "agent", elevator=other)
    # Who has taken it on the phone has a minute to choose.
    assert (call.status, call.act_at) == ("taken", START + M) and tick(world, START + M) == 1


@pytest.mark.feature("RES-04")
def test_two_workers_of_the_clock_call_nobody_twice(world: World) -> None:
    row = report(world)
    key, found = row.id, []
    world.session.rollback()

    def look() -> None:
        with Session(world.session.get_bind()) as session, transaction(session):
            found.append(rescue_help.act(session, key, START + 2 * M) is not None)

    workers = [threading.Thread(target=look) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(found) == [False, True] and len(calls(world, row)) == 1


@pytest.mark.feature("RES-04")
def test_the_task_acts_on_each_case_and_one_that_fails_holds_up_no_other(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    bad = report(world, now - 10 * M).id
    good = report(world, now - 5 * M, elevator=world.foreign).id
    world.session.commit()
    really = rescue_help.call_next

    def failing(session: Any, row: Rescue, at: dt.datetime) -> Any:
        if row.id == bad:
            raise RuntimeError("the worker dies here")
        return really(session, row, at)

    monkeypatch.setattr(rescue_help, "call_next", failing)
    with app.app_context():
        assert rescue_clock.act() == 1
    monkeypatch.undo()
    with app.app_context():
        assert (rescue_clock.act(), rescue_clock.act()) == (1, 0)
    world.session.rollback()
    world.session.expire_all()
    for key in (bad, good):
        held = world.session.get(Rescue, key)
        assert held is not None and held.status == "dispatched" and len(calls(world, held)) == 1


@pytest.mark.feature("RES-04")
def test_a_unit_that_nobody_can_answer_for_is_phoned_by_the_desk(world: World) -> None:
    quiet = make_unit(world.session, "临河救援站", is_rescue=True, duty_phone="0998-1234567")
    world.session.commit()
    row = report(world, START, "call", "agent")
    do(world, "agent", rescue_desk.dispatch, row, 2, START, unit_id=quiet.id)
    told_desk = select(Notification.title, Notification.body).where(Notification.topic == "rescue.desk")
    found = world.session.execute(told_desk).all()
    assert any("请打电话通知" in title and "0998-1234567" in (body or "") for title, body in found)
    # Called again at the first level, the second goes on beside it.
    do(world, "agent", rescue_desk.dispatch, row, 1, START + M)
    assert [(c.level, c.is_open) for c in calls(world, row)] == [(2, True), (1, True)]
