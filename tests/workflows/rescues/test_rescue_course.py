"""RES-02, RES-03: a rescue from the call to the end, its limits to the second, steps taken back, who may do what."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, Refusal, Stale
from app.models import Notification, RescueStep, StatusChange
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.workflows.access import sub_accounts
from app.workflows.handover import leaving
from app.workflows.rescue import rescue_answers, rescue_desk
from app.workflows.rescue.rescue_course import Sent, outcome_of
from tests.factories import World, make_elevator, make_person, make_policy
from tests.outcomes import refused, told
from tests.workflows.rescues.ground import FORM, PHONE, SECOND, START, M, calls, dispatched, do, report, tick

pytestmark = pytest.mark.feature("RES-02")


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


def test_two_operators_who_take_back_the_same_step_take_back_one(world: World) -> None:
    """Both see 已到达 and that it was a mistake: the second took back 已接单 as well, which none had looked at."""
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.arrive, row, START + 2 * M)
    do(world, "agent", rescue_desk.step_back, row, "点错了", START + 3 * M, "arrived")
    with pytest.raises(Stale, match="处置进度已变为“已接单”"):
        do(world, "agent", rescue_desk.step_back, row, "点错了", START + 3 * M, "arrived")
    assert row.status == "accepted"


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


@pytest.mark.feature("PER-04", "RES-02")
def test_nobody_leaves_the_unit_on_the_way_to_somebody_inside(world: World) -> None:
    """His account would end with it: the unit passes the call to another first."""
    session, today = world.session, clock.local_day(START)
    colleague = world.accounts["colleague"]
    colleague.person_id = make_person(session, world.firm).id
    session.commit()
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    held = leaving.board(session, world.actor("clerk"), world.worker.id, START)
    assert [(one.key, one.text) for one in held.rescues] == [(row.id, row.place)] and held.left == 1
    with pytest.raises(Refusal, match="请先在救援页面转派给同事"), transaction(session):
        leaving.leave(session, world.actor("clerk"), world.worker.id, today, START + M)
    with pytest.raises(Refusal, match="请先在救援页面转派给同事"), transaction(session):
        # 注销 of the account alone would take him off it as well.
        head, account = world.actor("maintenance_head"), world.accounts["worker"]
        sub_accounts.edit(session, head, account.id, name="王砚秋", sex="", active=False, at=START + M)
    do(world, "maintenance_head", rescue_answers.pass_on, row, colleague.id, "交班", START + 2 * M)
    with transaction(session):
        leaving.leave(session, world.actor("clerk"), world.worker.id, today, START + 3 * M)
    do(world, "colleague", rescue_answers.free, row, FORM, START + 9 * M)
    assert row.status == "freed"
