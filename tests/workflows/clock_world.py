"""Days, visits and what the clock made of them: shared by the tests of schedule and clocks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.models import MaintenanceClock, MaintenanceOrder, OverduePeriod, Visit
from app.transaction import transaction
from app.workflows.maintenance import clocks, schedule


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
