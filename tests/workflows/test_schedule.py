"""The nightly job and the clock that it judges: worked examples, then random histories against the plain reference."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import Refusal
from app.models import (
    AuditEntry,
    MaintenanceClock,
    MaintenanceOrder,
    OverdueCorrection,
    OverduePeriod,
    Visit,
)
from app.transaction import transaction
from app.workflows import clocks, schedule
from tests import factories as make
from tests.reference import clock as reference


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(on: dt.date, hour: int = 1) -> dt.datetime:
    return clock.instant_of(dt.datetime.combine(on, dt.time(hour)))


def run(session: Any, on: dt.date, **more: Any) -> schedule.Summary:
    with transaction(session):
        return schedule.run(session, on, at(on), **more)


def add_visit(session: Any, elevator: Any, worker: Any, on: dt.date, **fields: Any) -> Visit:
    row = Visit(
        **{
            "elevator_id": elevator.id, "unit_id": elevator.maintenance_unit_id, "use_unit_id": elevator.use_unit_id,
            "region_code": elevator.region_code, "worker_id": worker.id, "level": "half_month", "visit_on": on,
            "checked_in_at": at(on, 9), "checked_out_at": at(on, 10), "received_at": at(on, 10), "state": "valid",
            "counted": True, "snapshot": {},
        }
        | fields
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def visit(session: Any, elevator: Any, worker: Any, on: dt.date, known_on: dt.date | None = None, **more: Any) -> Visit:
    """A visit that counts, told to the clock on the day it became known."""
    with transaction(session):
        row = add_visit(session, elevator, worker, on, **more)
        clocks.after_visit(session, elevator.id, row, at(known_on or on, 11))
    return row


def limits(session: Any, elevator: Any) -> list[dt.date]:
    statement = select(OverduePeriod.limit_on).where(
        OverduePeriod.elevator_id == elevator.id, OverduePeriod.withdrawn.is_(False)
    )
    return list(session.scalars(statement.order_by(OverduePeriod.limit_on)))


def clock_of(session: Any, elevator: Any) -> MaintenanceClock:
    session.expire_all()
    return session.get(MaintenanceClock, elevator.id)


def open_orders(session: Any, elevator: Any) -> list[MaintenanceOrder]:
    session.expire_all()
    statement = select(MaintenanceOrder).where(
        MaintenanceOrder.elevator_id == elevator.id, MaintenanceOrder.state == "open"
    )
    return list(session.scalars(statement))


@pytest.fixture
def world(session: Any) -> make.World:
    return make.World(session)


@pytest.mark.feature("PLN-01", "PLN-03")
class TestWorkedExamples:
    def test_t2_missed_periods_follow_each_other(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        first = run(session, day("2024-04-20"))
        assert first.overdue_judged == 3
        assert limits(session, world.own) == [day("2024-03-16"), day("2024-03-31"), day("2024-04-15")]
        visit(session, world.own, world.worker, day("2024-04-20"))
        row = clock_of(session, world.own)
        assert (row.limit_on, row.missed, row.last_visit_on) == (day("2024-05-05"), 0, day("2024-04-20"))
        done = session.scalars(select(OverduePeriod.done_late_on)).all()
        assert done == [day("2024-04-20")] * 3

    def test_t1_the_limit_day_itself_is_in_time(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker, interval_days=14)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        assert run(session, day("2024-03-16")).overdue_judged == 0
        orders = open_orders(session, world.own)
        assert [o.planned_on for o in orders] == [day("2024-03-15")]
        visit(session, world.own, world.worker, day("2024-03-16"))
        assert run(session, day("2024-03-17")).overdue_judged == 0
        assert clock_of(session, world.own).limit_on == day("2024-03-31")
        run(session, day("2024-03-30"))
        assert [o.planned_on for o in open_orders(session, world.own)] == [day("2024-03-30")]

    def test_t3_horizon_and_early_visit(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        assert run(session, day("2024-03-10")).orders_made == 0
        assert run(session, day("2024-03-11")).orders_made == 1
        made = open_orders(session, world.own)[0]
        assert (made.planned_on, made.worker_id) == (day("2024-03-16"), world.worker.id)
        done = visit(session, world.own, world.worker, day("2024-03-12"))
        session.refresh(made)
        assert (made.state, made.visit_id) == ("done", done.id)
        assert run(session, day("2024-03-21")).orders_made == 0
        assert run(session, day("2024-03-22")).orders_made == 1
        assert open_orders(session, world.own)[0].planned_on == day("2024-03-27")

    def test_twice_changes_nothing(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        first = run(session, day("2024-04-01"))
        assert first.changed and first.orders_made == 1 and first.overdue_judged == 2
        entries = session.scalar(select(func.count()).select_from(AuditEntry))
        again = run(session, day("2024-04-01"))
        assert not again.changed
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == entries
        assert len(open_orders(session, world.own)) == 1

    def test_missed_nights_are_caught_up(self, session: Any, world: make.World) -> None:
        other = make.make_elevator(session, maintenance_unit=world.firm)
        make.make_contract(session, world.firm, [other])
        session.commit()
        for elevator in (world.own, other):
            visit(session, elevator, world.worker, day("2024-03-01"))
        for n in range(1, 62):
            run(session, day("2024-03-01") + dt.timedelta(days=n))
        nightly = limits(session, world.own)
        assert nightly == limits(session, other) == [day("2024-03-16"), day("2024-03-31"), day("2024-04-15"), day("2024-04-30")]

    def test_a_day_that_has_not_come_is_refused(self, session: Any, world: make.World) -> None:
        with pytest.raises(Refusal, match="还没有到"), transaction(session):
            schedule.run(session, day("2024-03-02"), at(day("2024-03-01")))
