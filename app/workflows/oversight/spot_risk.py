"""Risk of elevators and of maintenance units (TGT-01), by sets: one statement a part, whatever the number of rows."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import and_, false, func, literal, or_, select

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
from app.models.among import all_of
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
from app.workflows.scores.score_sets import days_between

FULL = Decimal(16)
# What stands against an elevator: 脱保, inspection over, years beyond the age, how many records of each part.
Alike = tuple[bool, bool, int, tuple[tuple[Part, int], ...]]
# Less its risk, code, key, parts: in the order in which they are told.
_Judged = tuple[int, str, int, dict[str, int]]


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
    return [Risky(key, code, -less, parts) for less, code, key, parts in sorted(_judged(session, actor, asked, at))]


def riskiest(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime, most: int) -> tuple[list[Risky], int]:
    """The first so many of them by name, and how many there are in all."""
    found = _judged(session, actor, asked, at)
    shown = heapq.nsmallest(most, found)
    keys = [key for _less, _code, key, _parts in shown]
    if asked.target == "unit":
        asked_for: Any = select(Unit.id, Unit.name).where(Unit.id.in_(keys))
        names = {row.id: row.name for row in session.execute(asked_for.execution_options(skip_scope=True))}
    else:
        asked_for = select(Elevator.id, Elevator.estate, Elevator.address).where(Elevator.id.in_(keys))
        rows = session.execute(asked_for.execution_options(skip_scope=True))
        names = {row.id: named_place(row.estate, row.address) for row in rows}
    return [Risky(key, code, -less, parts, names[key]) for less, code, key, parts in shown], len(found)


def _judged(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime) -> list[_Judged]:
    require(actor, Verb.SPOT_READ)
    today = clock.local_day(at)
    units, keys, codes, alike = _lifts(session, actor, asked, today)
    held = weights(session, asked.region or actor.region_code, today)
    lost = _lost(session, {*units})
    if asked.target == "unit":
        return _units(session, Counter(zip(units, alike, strict=True)), lost, held)
    # Of a province's million most are alike: a few hundred ways in which one can be at risk.
    told: dict[tuple[Alike, int], tuple[int, dict[str, int]]] = {}
    found = []
    for unit, key, code, mine in zip(units, keys, codes, alike, strict=True):
        way = mine, lost.get(unit, 0)
        if way not in told:
            parts = parts_of(_counts(*way), held)
            told[way] = -risk_of(parts), parts
        less, parts = told[way]
        found.append((less, code, key, parts))
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


def _lifts(
    session: AnySession, actor: Actor, asked: Asked, today: dt.date
) -> tuple[list[int], list[int], list[str], list[Alike]]:  # fmt: skip
    """Unit (0: none), key, code and what stands against it of each elevator: a list a column, for a province has a
    million."""
    book: Mapping[Key, Any] = policy_book(session, asked.region or actor.region_code, today).plain
    old = int(book[Key.SPOT_AGE_FROM])

    @cache
    def age(days: int | None) -> int:
        """Whole years, not fractions: what is printed can be counted on one's fingers."""
        if days is None:
            return 0
        used_on = today - dt.timedelta(days=days)
        years = today.year - used_on.year - ((today.month, today.day) < (used_on.month, used_on.day))
        return max(0, years - old)

    columns = (
        func.coalesce(Elevator.maintenance_unit_id, 0), Elevator.id, Elevator.code,
        days_between(session, Elevator.commissioned_on, literal(today)),
        or_(MaintenanceClock.cover_on.is_(None), MaintenanceClock.cover_on < today),
        func.coalesce(Elevator.next_inspection_on < today, false()),
    )  # fmt: skip
    statement = select(*(all_of(session, column) for column in columns)).select_from(Elevator)
    statement = statement.outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
    statement = statement.where(_where(actor, asked)).execution_options(skip_scope=True)
    units, keys, codes, used, bare, late = (column or [] for column in session.execute(statement).one())
    recorded = _recorded(session, actor, asked, today - dt.timedelta(days=int(book[Key.SPOT_LOOK_DAYS])))
    alike = [
        (bool(no), bool(over), age(days), recorded.get(key, ()))
        for key, days, no, over in zip(keys, used, bare, late, strict=True)
    ]
    return units, keys, codes, alike


def _recorded(
    session: AnySession, actor: Actor, asked: Asked, since: dt.date
) -> dict[int, tuple[tuple[Part, int], ...]]:  # fmt: skip
    """How many records of each kind there are since then, of the elevators that have any."""
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
    found: dict[int, tuple[tuple[Part, int], ...]] = {}
    for part, statement in counted.items():
        for key, count in session.execute(statement.execution_options(skip_scope=True)):
            found[key] = (*found.get(key, ()), (part, count))
    return found


def _counts(alike: Alike, lost: int) -> dict[Part, int]:
    """How many of each part an elevator has, in hundredths; `lost` by its unit's score."""
    uncovered, inspection, years, recorded = alike
    counts = {Part.UNCOVERED: uncovered, Part.INSPECTION: inspection, Part.AGE: years, **dict(recorded)}
    return {part: 100 * count for part, count in counts.items()} | {Part.SCORE: lost}


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


def _units(
    session: AnySession, lifts: Mapping[tuple[int, Alike], int], lost: Mapping[int, int], held: Weights
) -> list[_Judged]:  # fmt: skip
    """Maintenance units by their elevators: each part for ten of them, the score as it is."""
    sums: dict[int, Counter[Part]] = defaultdict(Counter)
    numbers: Counter[int] = Counter()
    for (unit, alike), number in lifts.items():
        numbers[unit] += number
        for part, count in _counts(alike, 0).items():
            sums[unit][part] += number * count // 100
    statement = select(Unit.id, Unit.uscc).where(Unit.id.in_(sums))
    found = []
    for key, code in session.execute(statement.execution_options(skip_scope=True)):
        mine = {part: per_elevator(count, numbers[key]) for part, count in sums[key].items()}
        parts = parts_of(mine | {Part.SCORE: lost.get(key, 0)}, held)
        found.append((-risk_of(parts), code, key, parts))
    return found
