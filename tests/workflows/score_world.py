"""Histories laid into the database as the product would have stored them: shared by the tests of scores."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app.models import (
    ContractElevator,
    Elevator,
    MaintenancePause,
    OverdueCorrection,
    OverduePeriod,
    ScoreRun,
    Unit,
    Visit,
)
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.scores import scores
from tests.factories import make_contract
from tests.workflows.clock_world import add_visit, at, day

LATER = at(day("2030-01-01"))


def put_visit(session: Any, elevator: Elevator, unit: Unit, worker: Any, on: dt.date, state: str = "valid") -> Visit:
    """A record in a state, settled the day it was made."""
    return add_visit(
        session, elevator, worker, on, unit_id=unit.id, state=state, settled_at=at(on, 11),
        counted=state in {"valid", "awaiting", "nonconforming", "pending"}, signed_at=at(on, 10),
    )  # fmt: skip


def put_overdue(
    session: Any, elevator: Elevator, unit: Unit | None, limit_on: dt.date, *, corrected_at: dt.datetime | None = None
) -> OverduePeriod:
    row = OverduePeriod(
        elevator_id=elevator.id, unit_id=unit.id if unit else None, region_code=elevator.region_code,
        anchor_on=limit_on - dt.timedelta(days=15), limit_on=limit_on, interval_days=15,
        judged_at=at(limit_on + dt.timedelta(days=1)), withdrawn=corrected_at is not None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if corrected_at is not None:
        session.add(OverdueCorrection(overdue_id=row.id, reason="迟到的记录", known_at=corrected_at))
        session.flush()
    return row


def put_stop(session: Any, elevator: Elevator, from_on: dt.date, to_on: dt.date | None) -> None:
    session.add(MaintenancePause(elevator_id=elevator.id, from_on=from_on, to_on=to_on, known_at=at(from_on)))
    session.flush()


def put_cover(session: Any, unit: Unit, elevator: Elevator, from_on: dt.date, to_on: dt.date) -> ContractElevator:
    make_contract(session, unit, [elevator], from_on, to_on)
    return session.query(ContractElevator).filter_by(elevator_id=elevator.id, starts_on=from_on).one()


def score(
    session: Any, from_on: str, to_on: str, as_of: dt.datetime | None = None, now: dt.datetime = LATER, **more: Any
) -> ScoreRun:
    with transaction(session):
        return scores.run(
            session, more.pop("actor", SYSTEM), more.pop("region", None), day(from_on), day(to_on), as_of, now, **more
        )
