"""Risk of elevators and of maintenance units (TGT-01), by sets: one statement a part, whatever the number of rows."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, select

from app import clock, scope
from app.models import (
    Complaint,
    Elevator,
    FraudEvidence,
    FraudSignal,
    Inspection,
    MaintenanceClock,
    OverduePeriod,
    Score,
    Unit,
    Visit,
)
from app.models.policy import policy_book
from app.models.region import code_span
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_start
from app.rules.lifecycle import ElevatorStatus
from app.rules.places import named_place
from app.rules.spot_checks import Part, Weights, parts_of, per_elevator, risk_of
from app.transaction import AnySession
from app.workflows.oversight import fraud

FULL = Decimal(16)
Counts = dict[int, dict[Part, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be drawn: of a region within the actor's, of a kind of elevator, of one maintenance unit."""

    target: str = "elevator"
    region: str | None = None
    category: str | None = None
    unit_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        found = {"region": self.region, "category": self.category, "unit_id": self.unit_id}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Risky:
    """One that may be checked, with its risk in hundredths and what that is made of; named where it is shown."""

    key: int
    code: str
    risk: int
    parts: Mapping[str, int]
    name: str = ""


def weights(session: AnySession, region_code: str | None, on: dt.date) -> Weights:
    book: Mapping[Key, Any] = policy_book(session, region_code, on).plain
    return Weights({part: int(book[Key(f"spot_w_{part.value}")]) for part in Part}, int(book[Key.SPOT_PART_MOST]))


def ranked(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime) -> list[Risky]:
    """All that may be checked, the riskiest first. 涉密 elevators are never in a list that is published."""
    return sorted(_judged(session, actor, asked, at), key=_order)


def riskiest(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime, most: int) -> tuple[list[Risky], int]:
    """The first so many of them by name, and how many there are in all."""
    found = _judged(session, actor, asked, at)
    shown = heapq.nsmallest(most, found, key=_order)
    keys = [one.key for one in shown]
    if asked.target == "unit":
        asked_for: Any = select(Unit.id, Unit.name).where(Unit.id.in_(keys))
        names = {row.id: row.name for row in session.execute(asked_for.execution_options(skip_scope=True))}
    else:
        asked_for = select(Elevator.id, Elevator.estate, Elevator.address).where(Elevator.id.in_(keys))
        rows = session.execute(asked_for.execution_options(skip_scope=True))
        names = {row.id: named_place(row.estate, row.address) for row in rows}
    return [replace(one, name=names[one.key]) for one in shown], len(found)


def _order(one: Risky) -> tuple[int, str]:
    return -one.risk, one.code


def _judged(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime) -> list[Risky]:
    require(actor, Verb.SPOT_READ)
    rows = _lifts(session, actor, asked)
    counts = _counts(session, actor, asked, at, rows)
    held = weights(session, asked.region or actor.region_code, clock.local_day(at))
    if asked.target == "unit":
        return _units(session, rows, counts, held)
    # Of a province's million most are alike: a few hundred ways in which one can be at risk.
    told: dict[tuple[Any, ...], tuple[int, dict[str, int]]] = {}
    found = []
    for row, mine in zip(rows, counts.values(), strict=True):
        alike = tuple(mine.items())
        if alike not in told:
            parts = parts_of(mine, held)
            told[alike] = risk_of(parts), parts
        found.append(Risky(row.id, row.code, *told[alike]))
    return found


def _where(actor: Actor, asked: Asked) -> Any:
    where = [
        scope.criterion(Elevator, actor), Elevator.approved_version > 0, Elevator.is_secret.is_(False),
        Elevator.status == ElevatorStatus.IN_USE.value,
    ]  # fmt: skip
    if asked.region:
        low, high = code_span(asked.region)
        where += [Elevator.region_code >= low, Elevator.region_code < high]
    if asked.category:
        where.append(Elevator.category == asked.category)
    if asked.unit_id is not None:
        where.append(Elevator.maintenance_unit_id == asked.unit_id)
    return and_(*where)


def _lifts(session: AnySession, actor: Actor, asked: Asked) -> list[Any]:
    columns = (
        Elevator.id, Elevator.code, Elevator.maintenance_unit_id, Elevator.commissioned_on,
        Elevator.next_inspection_on, MaintenanceClock.cover_on,
    )  # fmt: skip
    statement = select(*columns).outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
    return list(session.execute(statement.where(_where(actor, asked)).execution_options(skip_scope=True)).all())


def _counts(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime, rows: list[Any]) -> Counts:
    """Of each elevator how many of each part there are, in hundredths, in the order of `rows`."""
    today = clock.local_day(at)
    book: Mapping[Key, Any] = policy_book(session, asked.region or actor.region_code, today).plain
    since = today - dt.timedelta(days=int(book[Key.SPOT_LOOK_DAYS]))
    keys = select(Elevator.id).where(_where(actor, asked))
    begun = day_start(since)
    signals = (
        select(Visit.elevator_id, func.count(FraudSignal.id.distinct()))
        .select_from(FraudEvidence)
        .join(FraudSignal, FraudSignal.id == FraudEvidence.signal_id)
        .join(Visit, Visit.id == FraudEvidence.visit_id)
        .where(fraud.counts(), FraudSignal.seen_on > since, Visit.elevator_id.in_(keys))
        .group_by(Visit.elevator_id)
    )
    counted = {
        Part.OVERDUE: _of(OverduePeriod, keys, OverduePeriod.limit_on > since, OverduePeriod.withdrawn.is_(False)),
        Part.FAILED: _of(Inspection, keys, Inspection.done_on > since, Inspection.result == "failed",
            Inspection.state == "approved", Inspection.ended_at.is_(None)),
        Part.COMPLAINT: _of(Complaint, keys, Complaint.complained_at >= begun, Complaint.is_untrue.is_(False)),
        Part.FRAUD: signals,
    }  # fmt: skip
    counts: Counts = {row.id: {} for row in rows}
    for part, statement in counted.items():
        for key, count in session.execute(statement.execution_options(skip_scope=True)):
            if key in counts:
                counts[key][part] = 100 * count
    lost = _lost(session, {row.maintenance_unit_id for row in rows if row.maintenance_unit_id is not None})
    old = int(book[Key.SPOT_AGE_FROM])
    for row in rows:
        mine = counts[row.id]
        if row.cover_on is None or row.cover_on < today:
            mine[Part.UNCOVERED] = 100
        if row.next_inspection_on is not None and row.next_inspection_on < today:
            mine[Part.INSPECTION] = 100
        if row.commissioned_on is not None:
            # Whole years, not fractions: what is printed can be counted on one's fingers.
            years = today.year - row.commissioned_on.year
            years -= (today.month, today.day) < (row.commissioned_on.month, row.commissioned_on.day)
            mine[Part.AGE] = 100 * max(0, years - old)
        if row.maintenance_unit_id in lost:
            mine[Part.SCORE] = lost[row.maintenance_unit_id]
    return counts


def _of(model: Any, keys: Any, *where: Any) -> Any:
    return select(model.elevator_id, func.count()).where(model.elevator_id.in_(keys), *where).group_by(
        model.elevator_id
    )


def _lost(session: AnySession, units: set[int]) -> dict[int, int]:
    """What each unit lost by its last score, in hundredths; nothing where there was nothing to count."""
    last = select(func.max(Score.id)).where(Score.points.is_not(None)).group_by(Score.unit_id)
    statement = select(Score.unit_id, Score.points).where(Score.id.in_(last)).execution_options(skip_scope=True)
    found: list[Any] = list(session.execute(statement))
    return {unit: int((FULL - points) * 100) for unit, points in found if unit in units}


def _units(session: AnySession, rows: list[Any], counts: Counts, held: Weights) -> list[Risky]:
    """Maintenance units by their elevators: each part for ten of them, the score as it is."""
    sums: dict[int, dict[Part, int]] = {}
    lifts: dict[int, int] = {}
    for row in rows:
        if row.maintenance_unit_id is None:
            continue
        lifts[row.maintenance_unit_id] = lifts.get(row.maintenance_unit_id, 0) + 1
        mine = sums.setdefault(row.maintenance_unit_id, {})
        for part, count in counts[row.id].items():
            mine[part] = count if part is Part.SCORE else mine.get(part, 0) + count // 100
    statement = select(Unit.id, Unit.uscc).where(Unit.id.in_(sums))
    found = []
    for unit in session.execute(statement.execution_options(skip_scope=True)):
        mine = {
            part: count if part is Part.SCORE else per_elevator(count, lifts[unit.id])
            for part, count in sums[unit.id].items()
        }
        parts = parts_of(mine, held)
        found.append(Risky(unit.id, unit.uscc, risk_of(parts), parts))
    return found
