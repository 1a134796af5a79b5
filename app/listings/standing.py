"""Near and over as conditions on stored dates (WRN-01, PLN-09): the tabs of lists, the warnings page, its counts.

Policy says for each region how many days are near; where regions differ the condition is a choice between them.
Every condition lies on an index with the region code first.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_

from app import clock
from app.listing import Moment
from app.models import Component, Contract, Elevator, InspectionClock, MaintenanceClock, Person, Unit
from app.models.policy import policy_groups
from app.policy import Key
from app.rules.schedule import DueDay, due_day

Criterion = ColumnElement[bool]
# As `due_of` says it, for sorting and filtering: a missed limit stays the one that is due.
DUE_ON: Any = func.coalesce(MaintenanceClock.missed_since_on, MaintenanceClock.limit_on)


def due_of(row: MaintenanceClock | None, today: dt.date | None = None) -> DueDay:
    """The limit that counts for an elevator today, the same on every list, page, phone and in every export."""
    if row is None:
        return DueDay(None, None)
    on = today or clock.today()
    return due_day(row.limit_on, row.missed_since_on, row.paused_on, row.limit_left_days, on)


def due_soon(m: Moment, column: Any, region_code: Any, key: Key) -> Criterion:
    """Due today or within the near days of the row's region; what is over is not near."""
    groups = policy_groups(m.session, key, m.today, region_code)
    near = [and_(where, column >= m.today, column <= m.today + dt.timedelta(days=int(days))) for days, where in groups]
    return or_(*near) if near else false()


def maintenance_near(m: Moment) -> Criterion:
    """Not overdue, and the limit is near."""
    clock = MaintenanceClock
    return due_soon(m, clock.due_on, clock.region_code, Key.NEAR_MAINTENANCE_DAYS)


def maintenance_over(m: Moment) -> Criterion:
    """Overdue: a missed limit stands, or today's run has not judged it yet. A stopped elevator is not asked for."""
    return MaintenanceClock.due_on < m.today


def never_visited(m: Moment) -> Criterion:
    """This unit has made no counted visit yet."""
    return MaintenanceClock.last_visit_on.is_(None)


def cover_near(m: Moment) -> Criterion:
    """临近脱保: covered, but not for long, and nothing follows on."""
    clock = MaintenanceClock
    return due_soon(m, clock.cover_on, clock.region_code, Key.NEAR_CONTRACT_DAYS)


def cover_over(m: Moment) -> Criterion:
    """脱保: no contract covers today."""
    return MaintenanceClock.cover_on < m.today


def inspection_near(m: Moment) -> Criterion:
    """The next inspection is near."""
    return due_soon(m, Elevator.next_inspection_on, Elevator.region_code, Key.NEAR_INSPECTION_DAYS)


def inspection_over(m: Moment) -> Criterion:
    """The inspection's validity has run out."""
    return Elevator.next_inspection_on < m.today


def governor_near(m: Moment) -> Criterion:
    """The governor's check is near."""
    return due_soon(m, InspectionClock.governor_due_on, Elevator.region_code, Key.NEAR_INSPECTION_DAYS)


def governor_over(m: Moment) -> Criterion:
    """The governor's check is overdue."""
    return InspectionClock.governor_due_on < m.today


def component_near(m: Moment) -> Criterion:
    """The end of a part's life is near."""
    return due_soon(m, Component.due_on, Component.region_code, Key.NEAR_INSPECTION_DAYS)


def component_over(m: Moment) -> Criterion:
    """A part's life is over."""
    return Component.due_on < m.today


def certificate_near(m: Moment) -> Criterion:
    """The certificate of somebody who works here is near its end (PER-06)."""
    near = due_soon(m, Person.certificate_until, Person.region_code, Key.NEAR_CERTIFICATE_DAYS)
    return and_(Person.left_on.is_(None), near)


def certificate_over(m: Moment) -> Criterion:
    """The certificate of somebody who works here has run out."""
    return and_(Person.left_on.is_(None), Person.certificate_until < m.today)


def licence_near(m: Moment) -> Criterion:
    """The licence of an approved unit is near its end (UNT-10)."""
    near = due_soon(m, Unit.licence_until, Unit.region_code, Key.NEAR_CERTIFICATE_DAYS)
    return and_(Unit.approved_version > 0, near)


def licence_over(m: Moment) -> Criterion:
    """The licence of an approved unit has run out."""
    return and_(Unit.approved_version > 0, Unit.licence_until < m.today)


def contract_near(m: Moment) -> Criterion:
    """临近失效 of contracts themselves (CON-02)."""
    ends = due_soon(m, Contract.ends_on, Contract.region_code, Key.NEAR_CONTRACT_DAYS)
    return and_(Contract.starts_on <= m.today, ends)
