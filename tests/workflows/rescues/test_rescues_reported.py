"""RES-01: the same is one case, whoever reports it and however often; nobody is left inside."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Elevator, Rescue
from app.models.sealed import ending
from app.rules.rescues import MOST_OF_ADDRESS, MOST_OF_ELEVATOR, MOST_OF_PHONE
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_desk, rescues
from tests.factories import World, make_elevator
from tests.outcomes import refused, told
from tests.workflows.rescues.ground import FORM, PHONE, START, M, calls, dispatched, do, report, tick

pytestmark = pytest.mark.feature("RES-02")


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
