"""Risk of elevators and of maintenance units (TGT-01), by sets: one statement, whatever the number of rows."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, and_, case, cast, extract, false, func, literal, or_, select, union_all

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
from app.models.among import all_of, among
from app.models.policy import policy_book
from app.models.region import code_span
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import add_months, day_start
from app.rules.lifecycle import ElevatorStatus
from app.rules.places import named_place
from app.rules.spot_checks import Part, Weights, parts_of, per_elevator, risk_of
from app.transaction import AnySession
from app.workflows.oversight import fraud

FULL = Decimal(16)
# What is counted by records; all else stands with the elevator itself.
RECORDED = (Part.OVERDUE, Part.FAILED, Part.COMPLAINT, Part.FRAUD)
# What stands against an elevator: 脱保, inspection over, years beyond the age, how many records of each of RECORDED.
Alike = tuple[bool, bool, int, tuple[int, ...]]
# Elevators of one unit that are alike: the unit (0: none), what stands against them, how many they are, their keys.
_Group = tuple[int, Alike, int, list[int]]
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
    require(actor, Verb.SPOT_READ)
    today = clock.local_day(at)
    judge = _Judge(session, actor, asked, today)
    lifts = _lifts(session, actor, asked, today)
    if asked.target == "unit":
        found = judge.units(_groups(session, lifts))
    else:
        found = judge.each(*_rows(session, lifts))
    return [Risky(key, code, -less, parts) for less, code, key, parts in sorted(found)]


def riskiest(session: AnySession, actor: Actor, asked: Asked, at: dt.datetime, most: int) -> tuple[list[Risky], int]:
    """The first so many of them by name, and how many there are in all.

    Of a province's million most are alike: they are judged by groups, and elevators are read of the first groups alone.
    """
    found, total = riskiest_keys(session, actor, asked, at, most)
    return named(session, actor, asked, found), total


def riskiest_keys(
    session: AnySession, actor: Actor, asked: Asked, at: dt.datetime, most: int
) -> tuple[list[Risky], int]:  # fmt: skip
    """The same without names, for whoever keeps it: what is shown of it is `named` anew."""
    require(actor, Verb.SPOT_READ)
    today = clock.local_day(at)
    judge = _Judge(session, actor, asked, today)
    lifts = _lifts(session, actor, asked, today)
    groups = _groups(session, lifts, keys=asked.target == "elevator")
    if asked.target == "unit":
        found = judge.units(groups)
        total = len(found)
    else:
        found = _first_of(session, judge, groups, most)
        total = sum(number for _unit, _alike, number, _keys in groups)
    return [Risky(key, code, -less, parts) for less, code, key, parts in heapq.nsmallest(most, found)], total


def named(session: AnySession, actor: Actor, asked: Asked, found: Sequence[Risky]) -> list[Risky]:
    """With their names, in order; without elevators that may not be checked any more, or are not the actor's to see."""
    require(actor, Verb.SPOT_READ)
    keys = [one.key for one in found]
    if asked.target == "unit":
        asked_for: Any = select(Unit.id, Unit.name).where(Unit.id.in_(keys))
        names = {row.id: row.name for row in session.execute(asked_for.execution_options(skip_scope=True))}
    else:
        asked_for = select(Elevator.id, Elevator.estate, Elevator.address).where(
            Elevator.id.in_(keys), _where(actor, asked)
        )
        rows = session.execute(asked_for.execution_options(skip_scope=True))
        names = {row.id: named_place(row.estate, row.address) for row in rows}
    return [replace(one, name=names[one.key]) for one in found if one.key in names]


class _Judge:
    """The policy's weights held to what stands against elevators, each way in which one can be at risk once."""

    def __init__(self, session: AnySession, actor: Actor, asked: Asked, today: dt.date) -> None:
        self._session = session
        self._held = weights(session, asked.region or actor.region_code, today)
        self._lost = _lost(session)
        self._told: dict[tuple[Alike, int], tuple[int, dict[str, int]]] = {}

    def of(self, unit: int, alike: Alike) -> tuple[int, dict[str, int]]:
        """Less its risk, and the parts, of an elevator of the unit."""
        way = alike, self._lost.get(unit, 0)
        if way not in self._told:
            parts = parts_of(_counts(*way), self._held)
            self._told[way] = -risk_of(parts), parts
        return self._told[way]

    def each(
        self, units: Sequence[int], keys: Sequence[int], codes: Sequence[str], alike: Iterable[Alike]
    ) -> list[_Judged]:  # fmt: skip
        """Elevators one by one."""
        found = []
        for unit, key, code, mine in zip(units, keys, codes, alike, strict=True):
            less, parts = self.of(unit, mine)
            found.append((less, code, key, parts))
        return found

    def units(self, groups: Sequence[_Group]) -> list[_Judged]:
        """Maintenance units by their elevators: each part for ten of them, the score as it is."""
        sums: dict[int, Counter[Part]] = defaultdict(Counter)
        numbers: Counter[int] = Counter()
        for unit, alike, number, _keys in groups:
            numbers[unit] += number
            for part, count in _counts(alike, 0).items():
                sums[unit][part] += number * count // 100
        statement = select(Unit.id, Unit.uscc).where(among(self._session, Unit.id, list(sums)))
        found = []
        for key, code in self._session.execute(statement.execution_options(skip_scope=True)):
            mine = {part: per_elevator(count, numbers[key]) for part, count in sums[key].items()}
            parts = parts_of(mine | {Part.SCORE: self._lost.get(key, 0)}, self._held)
            found.append((-risk_of(parts), code, key, parts))
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


def _lifts(session: AnySession, actor: Actor, asked: Asked, today: dt.date) -> Any:
    """The elevators that may be checked as a table: unit (0: none), key, code, and what stands against each."""
    book: Mapping[Key, Any] = policy_book(session, asked.region or actor.region_code, today).plain
    statement = select(
        func.coalesce(Elevator.maintenance_unit_id, 0).label("unit"), Elevator.id.label("key"), Elevator.code,
        or_(MaintenanceClock.cover_on.is_(None), MaintenanceClock.cover_on < today).label("bare"),
        func.coalesce(Elevator.next_inspection_on < today, false()).label("late"),
        _years(Elevator.commissioned_on, today, int(book[Key.SPOT_AGE_FROM])).label("years"),
    ).select_from(Elevator)  # fmt: skip
    statement = statement.outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
    lifts = statement.where(_where(actor, asked)).subquery("lifts")
    records = _records(today - dt.timedelta(days=int(book[Key.SPOT_LOOK_DAYS])))
    numbers = [func.count(case((records.c.part == part.value, 1))).label(part.value) for part in RECORDED]
    recorded = select(records.c.elevator_id, *numbers).group_by(records.c.elevator_id).subquery("recorded")
    counts = [func.coalesce(recorded.c[part.value], 0).label(part.value) for part in RECORDED]
    held = select(*lifts.c, *counts).outerjoin_from(lifts, recorded, recorded.c.elevator_id == lifts.c.key)
    return held.subquery("held")


def _years(used_on: Any, today: dt.date, old: int) -> Any:
    """Whole years beyond the age, not fractions: what is printed can be counted on one's fingers."""
    day_of_year = extract("month", used_on) * 100 + extract("day", used_on)
    years = today.year - extract("year", used_on) - case((day_of_year > 100 * today.month + today.day, 1), else_=0)
    # The young, and those of whom no day is known, are not reckoned.
    return case((used_on <= add_months(today, -12 * (old + 1)), cast(years - old, Integer)), else_=0)


def _records(since: dt.date) -> Any:
    """What was recorded of elevators since then: the part that it counts for, a row each."""

    def of(part: Part, model: Any, *where: Any) -> Any:
        return select(model.elevator_id, literal(part.value).label("part"), model.id).where(*where)

    signals = (
        select(Visit.elevator_id, literal(Part.FRAUD.value), FraudSignal.id)
        .select_from(FraudEvidence)
        .join(FraudSignal, FraudSignal.id == FraudEvidence.signal_id)
        .join(Visit, Visit.id == FraudEvidence.visit_id)
        # A signal of several of its visits is one.
        .where(fraud.counts(), FraudSignal.seen_on > since).distinct()
    )
    return union_all(
        of(Part.OVERDUE, OverduePeriod, OverduePeriod.limit_on > since, OverduePeriod.withdrawn.is_(False)),
        of(Part.FAILED, Inspection, Inspection.done_on > since, Inspection.result == "failed",
            Inspection.state == "approved", Inspection.ended_at.is_(None)),
        of(Part.COMPLAINT, Complaint, Complaint.complained_at >= day_start(since), Complaint.is_untrue.is_(False)),
        signals,
    ).subquery("records")  # fmt: skip


def _against(lifts: Any) -> list[Any]:
    """The columns of `Alike`, in order."""
    return [lifts.c.bare, lifts.c.late, lifts.c.years, *(lifts.c[part.value] for part in RECORDED)]


def _alike(bare: Any, late: Any, years: int, *counts: int) -> Alike:
    return bool(bare), bool(late), years, counts


def _groups(session: AnySession, lifts: Any, keys: bool = False) -> list[_Group]:
    """Elevators of one unit that are alike, how many they are, and where `keys` are wanted which."""
    by = [lifts.c.unit, *_against(lifts)]
    members = all_of(session, lifts.c.key) if keys else literal(None)
    statement = select(*by, func.count(), members).group_by(*by).execution_options(skip_scope=True)
    told = session.execute(statement)
    return [(unit, _alike(*mine), number, some or []) for unit, *mine, number, some in told]


def _rows(session: AnySession, lifts: Any) -> tuple[list[int], list[int], list[str], Iterator[Alike]]:
    """Unit, key, code and what stands against it of each elevator: a list a column, for a province has a million."""
    columns = (lifts.c.unit, lifts.c.key, lifts.c.code, *_against(lifts))
    statement = select(*(all_of(session, column) for column in columns)).execution_options(skip_scope=True)
    units, keys, codes, *against = (column or [] for column in session.execute(statement).one())
    return units, keys, codes, map(_alike, *against)


def _first_of(session: AnySession, judge: _Judge, groups: Sequence[_Group], most: int) -> list[_Judged]:
    """So many elevators, among them the first by risk and code."""
    by_risk: dict[int, list[_Group]] = defaultdict(list)
    for group in groups:
        by_risk[judge.of(*group[:2])[0]].append(group)
    sure: list[_Group] = []
    edge: list[_Group] = []
    for _less, alike in sorted(by_risk.items()):
        sure, edge = sure + edge, alike
        if sum(number for _unit, _alike, number, _keys in sure + edge) >= most:
            break
    found: list[_Judged] = []
    for some in (sure, edge):
        group_of = {key: group for group in some for key in group[3]}
        codes = select(Elevator.id, Elevator.code).where(among(session, Elevator.id, list(group_of)))
        # In the order of its bytes, which is Python's, whatever the language of the database.
        by: Any = Elevator.code.collate("C") if session.get_bind().dialect.name == "postgresql" else Elevator.code
        first = codes.order_by(by, Elevator.id).limit(most).execution_options(skip_scope=True)
        for key, code in session.execute(first) if group_of else ():
            less, parts = judge.of(*group_of[key][:2])
            found.append((less, code, key, parts))
    return found


def _counts(alike: Alike, lost: int) -> dict[Part, int]:
    """How many of each part an elevator has, in hundredths; `lost` by its unit's score."""
    uncovered, inspection, years, recorded = alike
    counts = {Part.UNCOVERED: uncovered, Part.INSPECTION: inspection, Part.AGE: years}
    counts |= dict(zip(RECORDED, recorded, strict=True))
    return {part: 100 * count for part, count in counts.items()} | {Part.SCORE: lost}


def _lost(session: AnySession) -> dict[int, int]:
    """What each unit lost by its last score, in hundredths; nothing where there was nothing to count."""
    last = select(func.max(Score.id)).where(Score.points.is_not(None)).group_by(Score.unit_id)
    statement = select(Score.unit_id, Score.points).where(Score.id.in_(last)).execution_options(skip_scope=True)
    found: list[Any] = list(session.execute(statement))
    return {unit: int((FULL - points) * 100) for unit, points in found}
