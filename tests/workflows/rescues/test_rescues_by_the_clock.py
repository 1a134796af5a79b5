"""RES-04: whom the clock calls, when, and once."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotFound
from app.models import Notification, Rescue
from app.permissions import Role
from app.tasks import rescues as rescue_clock
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_desk, rescue_help
from tests.factories import World, make_account, make_elevator, make_policy, make_unit
from tests.outcomes import refused, told
from tests.workflows.rescues.ground import FORM, SECOND, START, M, calls, dispatched, do, report, tick

pytestmark = pytest.mark.feature("RES-02")


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
    # It was not so, and whoever is under way again is told anew when they are freed.
    here = world.accounts["worker"].id
    off = select(Notification).where(Notification.topic == "rescue.off", Notification.recipient_id == here)
    assert len(world.session.scalars(off).all()) == 1
    do(world, "agent", rescue_desk.step_back, row, "没有救出", START + 42 * M)
    do(world, "helper", rescue_answers.free, row, FORM, START + 50 * M)
    do(world, "helper", rescue_answers.free, row, FORM, START + 51 * M)
    assert len(world.session.scalars(off).all()) == 2


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
