"""What moves and hand-overs of earlier releases left behind goes to where it belongs now; run again it finds nothing.

The same rows by the same ways as `filing_effects` and `handed_on` take along since: each is found by what it shows.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, inspect, or_, select, union, update

from app import clock, scope
from app.models import Application, Elevator, ElevatorOfficer, RepairOrder, Unit
from app.permissions import SYSTEM
from app.rules.repairs import BEFORE_START, OPEN_STATES
from app.transaction import AnySession, in_one
from app.workflows.approval import effects
from app.workflows.core import audit
from app.workflows.filing import filing_effects, handed_on

# Rows that are held at once: who works on one of them meanwhile waits for no more than these.
ROWS_AT_ONCE = 500


def put_right(session: AnySession, at: dt.datetime) -> dict[str, int]:
    """How many rows of each table went where they belong: region by sets, then hand-overs and applications singly.

    Each part is a transaction of its own, so that nobody waits for all of it, and is done again where the database
    ended it for the sake of somebody at work; who takes something over is told.
    """
    with scope.acting(SYSTEM):
        found = _regions(session, at)
        found["hand_on"] = _hand_overs(session, at)
        found[Application.__tablename__] = _applications(session, at)
    return {name: count for name, count in found.items() if count}


def _regions(session: AnySession, at: dt.datetime) -> dict[str, int]:
    day, found = clock.local_day(at), dict[str, int]()
    for owner, key, rows in (
        (Elevator, "elevator_id", filing_effects.of_elevators(day)),
        (Unit, "unit_id", [*filing_effects.of_units(day), *filing_effects.papers_of_units()]),
    ):  # fmt: skip
        for model, criterion in rows:
            its = getattr(model, key) == owner.id
            place: Any = select(owner.region_code).where(its).correlate(model).scalar_subquery()
            away = select(owner.id).where(its, owner.region_code != model.region_code).correlate(model).exists()
            own = inspect(model).primary_key[0]
            asked = select(own).where(criterion, away).order_by(own).execution_options(skip_scope=True)
            keys = session.scalars(asked).all()
            for start in range(0, len(keys), ROWS_AT_ONCE):
                some = and_(own.in_(keys[start : start + ROWS_AT_ONCE]), criterion, away)
                block = partial(_move, owner=owner, model=model, some=some, place=place, at=at)
                if count := in_one(session, block):
                    found[model.__tablename__] = found.get(model.__tablename__, 0) + count
    session.expire_all()
    return found


def _move(session: AnySession, owner: Any, model: Any, some: Any, place: Any, at: dt.datetime) -> int:
    changed: Any = session.execute(
        update(model).where(some).values(region_code=place)
        .execution_options(skip_scope=True, synchronize_session=False)
    )  # fmt: skip
    if changed.rowcount:
        told = {model.__tablename__: changed.rowcount}
        audit.record(session, SYSTEM, at, "region.follow", owner.__tablename__, None, after=told)
    return int(changed.rowcount)


def _hand_overs(session: AnySession, at: dt.datetime) -> int:
    """Elevators of which something still waits for a unit that it has left."""
    asked = union(
        *(_left(kind.model, kind.waits, _units_differ(kind.model)) for kind in handed_on.WAITING),
        _left(RepairOrder, RepairOrder.state.in_([state.value for state in BEFORE_START]),
            RepairOrder.unit_id.is_distinct_from(Elevator.maintenance_unit_id)),
        _left(RepairOrder, RepairOrder.state.in_([state.value for state in OPEN_STATES]),
            RepairOrder.use_unit_id.is_distinct_from(Elevator.use_unit_id)),
        _left(ElevatorOfficer, ElevatorOfficer.unit_id.is_distinct_from(Elevator.use_unit_id)),
    )  # fmt: skip
    keys = sorted(session.scalars(asked.execution_options(skip_scope=True)).all())
    for key in keys:
        in_one(session, partial(_hand_over, key=key, at=at))
    return len(keys)


def _hand_over(session: AnySession, key: int, at: dt.datetime) -> None:
    held = select(Elevator).where(Elevator.id == key).with_for_update()
    row = session.scalars(held.execution_options(skip_scope=True, populate_existing=True)).one()
    handed_on.follow_units(session, row, at)


def _left(model: Any, *criteria: ColumnElement[bool]) -> Any:
    joined = select(model.elevator_id).join(Elevator, Elevator.id == model.elevator_id)
    return joined.where(Elevator.approved_version > 0, *criteria)


def _units_differ(model: Any) -> ColumnElement[bool]:
    return or_(
        model.unit_id.is_distinct_from(Elevator.maintenance_unit_id),
        model.use_unit_id.is_distinct_from(Elevator.use_unit_id),
    )


def _applications(session: AnySession, at: dt.datetime) -> int:
    """Those about an elevator or a unit that lie with an office where that is no more."""
    asked = (
        select(Application.id, Application.region_code, Elevator.region_code)
        .join(Elevator, Elevator.id == Application.elevator_id)
        .where(effects.undone(), Application.region_code != Elevator.region_code),
        select(Application.id, Application.region_code, Unit.region_code)
        .join(Unit, Unit.id == Application.unit_id)
        .where(filing_effects.about_units(), Application.region_code != Unit.region_code),
    )  # fmt: skip
    rows = [row for one in asked for row in session.execute(one.execution_options(skip_scope=True)).all()]
    moved = 0
    for key, before, place in rows:
        still = and_(Application.id == key, or_(effects.undone(), filing_effects.about_units()))
        in_one(session, partial(filing_effects.applications_follow, asked=still, region_code=place, at=at))
        now = select(Application.region_code).where(Application.id == key)
        moved += session.scalar(now.execution_options(skip_scope=True)) != before
    return moved
