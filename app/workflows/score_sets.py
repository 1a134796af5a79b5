"""What the visits of some units come to by (unit, elevator), from one statement: a unit's arrays, not a row for a pair.

Most pairs are one run of days from their first visit: then the number of those days says what is due. A pair is
`apart`, to be counted by itself, where that is not sure. The conditions here are only ever too careful; what a run of
days is, what is due and what is forgiven say the rules, to whom days and counts are handed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Integer,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    true,
    union_all,
)
from sqlalchemy import select as sql
from sqlalchemy.dialects.postgresql import ARRAY

from app.models import ContractElevator, Visit
from app.models.among import among
from app.rules.visits import VisitState
from app.workflows.score_runs import COUNTED

if TYPE_CHECKING:
    from app.workflows.score_facts import Facts, Pair

_visit: Any = Visit.__table__.c
_bound: Any = ContractElevator.__table__.c
# Apart, and apart with a record that does not count before any other; nothing failed, something did; a record itself.
APART, UNBEGUN, WHOLE, FAILING, EVENT = range(5)
# A row behind a lost point: its day and id.
Event = tuple[dt.date, int]
# A unit's pairs in a region, one place in each list for a pair: elevator, days from the first visit to the last day
# that is the unit's, valid visits.
Columns = tuple[int, str, list[int], list[int], list[int]]


@dataclass(slots=True)
class Seen:
    """A pair's visits: the first counted day, how many are valid, the region they were in."""

    first_on: dt.date | None
    valid: int
    region_code: str


@dataclass(slots=True)
class Visits:
    """`whole`: pairs on which nothing failed. `nonconforming`: of all pairs, in order of day and id."""

    whole: list[Columns] = field(default_factory=list)
    failing: list[Columns] = field(default_factory=list)
    apart: dict[Pair, Seen] = field(default_factory=dict)
    nonconforming: dict[Pair, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def but(self, elevators: Collection[int]) -> Visits:
        """The same without the pairs of these elevators."""
        return Visits(
            [_without(columns, elevators) for columns in self.whole],
            [_without(columns, elevators) for columns in self.failing],
            {pair: seen for pair, seen in self.apart.items() if pair[1] not in elevators},
            {pair: events for pair, events in self.nonconforming.items() if pair[1] not in elevators},
        )

    def add(self, more: Visits) -> None:
        """Take in what was read of other pairs."""
        self.whole += more.whole
        self.failing += more.failing
        self.apart |= more.apart
        self.nonconforming |= more.nonconforming


def _without(columns: Columns, elevators: Collection[int]) -> Columns:
    unit_id, code, *lists = columns
    left = [elevator not in elevators for elevator in lists[0]]
    of_each, days, valid = (list(compress(some, left)) for some in lists)
    return unit_id, code, of_each, days, valid


def read(
    facts: Facts, first: int, last: int, missed: Collection[int] = (), apart: Collection[int] | None = None
) -> Visits:
    """`missed`: elevators that missed a limit. `apart`: those of which visits and contracts do not tell everything.

    Without `apart` every pair is.
    """
    found, days = Visits(), facts.frame.days
    unbegun: set[Pair] = set()
    statement = _statement(facts, first, last, sorted(missed), None if apart is None else sorted(apart))
    for unit_id, code, kind, elevators, numbers, more in facts.session.execute(statement):
        if kind == WHOLE:
            found.whole.append((unit_id, code, elevators, numbers, more))
        elif kind == FAILING:
            found.failing.append((unit_id, code, elevators, numbers, more))
        elif kind == EVENT:
            for elevator_id, number, visit_id in zip(elevators, numbers, more, strict=True):
                found.nonconforming[unit_id, elevator_id].append((days[number], visit_id))
        else:
            for elevator_id, number, valid in zip(elevators, numbers, more, strict=True):
                found.apart[unit_id, elevator_id] = Seen(days[number], valid, code)
            if kind == UNBEGUN:
                unbegun.update((unit_id, elevator_id) for elevator_id in elevators)
    for events in found.nonconforming.values():
        events.sort()
    if unbegun:
        # Of a table of their own the statement has seen every state: none counts.
        told = _first_counted(facts, unbegun, first, last) if facts.drafted is None else {}
        for pair in unbegun:
            found.apart[pair].first_on = told.get(pair)
    return found


def _statement(facts: Facts, first: int, last: int, missed: list[int], apart: list[int] | None) -> Any:
    """One statement, so that a pair's counts and its records are of one moment."""
    session, frame, stored = facts.session, facts.frame, facts.drafted is None
    visits, inside = (_visit, facts.in_period(first, last)) if stored else (facts.drafted, true())
    # Said as a literal, as the partial index says it.
    few = (
        sql(visits.unit_id, visits.elevator_id, visits.visit_on, visits.id, visits.state)
        .where(inside, visits.state != literal_column("'valid'"))
        .cte("few")
    )
    failed = few.c.state == VisitState.NONCONFORMING.value
    odd = _by_pair(
        few.c, func.count().label("number"), func.count(case((failed, 1))).label("failed"),
        func.min(case((few.c.state.not_in(COUNTED), few.c.visit_on))).label("uncounted_on"),
    ).subquery("odd")  # fmt: skip
    counted_on = func.min(case((visits.state.in_(COUNTED), visits.visit_on)))
    first_on = func.min(visits.visit_on)
    seen = _by_pair(
        visits, (first_on if stored else func.coalesce(counted_on, first_on)).label("first_on"),
        func.count().label("number"), func.max(visits.region_code).label("code"),
        (first_on if stored else counted_on).label("counted_on"),
    ).where(inside).subquery("seen")  # fmt: skip
    # Contracts that all touch each other are one run of days, from the first day of all to the last.
    bound = _by_pair(
        _bound, func.min(_bound.starts_on).label("starts_on"), func.max(_bound.ends_on).label("ends_on"),
        (func.max(_bound.starts_on) <= _day_after(session, func.min(_bound.ends_on))).label("joined"),
    ).where(_bound.unit_id.between(first, last), facts.live()).subquery("bound")  # fmt: skip
    # Where a record that does not count came first, the first that does is not known here: its state is read of the
    # few alone, unless the records are a table of their own.
    begun = or_(odd.c.uncounted_on.is_(None), odd.c.uncounted_on > seen.c.first_on)
    if not stored:
        begun = seen.c.counted_on.is_not(None)
    kind = [(~begun, UNBEGUN)]
    if apart is not None:
        sure = and_(bound.c.joined, seen.c.first_on.between(bound.c.starts_on, bound.c.ends_on))
        failing = or_(odd.c.failed > 0, among(session, seen.c.elevator_id, missed))
        # Never asked as "not among": databases look that up one by one.
        kind += [(among(session, seen.c.elevator_id, apart), APART), (and_(sure, failing), FAILING), (sure, WHOLE)]
    end_on = case((bound.c.ends_on < frame.to_on, bound.c.ends_on), else_=literal(frame.to_on))
    pair = (
        sql(
            seen.c.unit_id, seen.c.elevator_id, seen.c.code, seen.c.first_on, end_on.label("end_on"),
            (seen.c.number - func.coalesce(odd.c.number, 0)).label("valid"), case(*kind, else_=APART).label("kind"),
        )
        .outerjoin_from(seen, bound, _same_pair(seen, bound))
        .outerjoin(odd, _same_pair(seen, odd))
        .subquery("pair")
    )  # fmt: skip
    days = case(
        (pair.c.kind >= WHOLE, days_between(session, pair.c.first_on, pair.c.end_on)),
        else_=days_between(session, literal(frame.from_on), pair.c.first_on),
    )
    numbers = (all_of(session, column) for column in (pair.c.elevator_id, days, pair.c.valid))
    pairs = sql(pair.c.unit_id, pair.c.code, pair.c.kind, *numbers).group_by(pair.c.unit_id, pair.c.code, pair.c.kind)
    on = days_between(session, literal(frame.from_on), few.c.visit_on)
    events = (
        sql(few.c.unit_id, cast(null(), String), literal_column(str(EVENT), Integer),
            *(all_of(session, column) for column in (few.c.elevator_id, on, few.c.id)))
        .where(failed)
        .group_by(few.c.unit_id)
    )  # fmt: skip
    return union_all(pairs, events)


def _by_pair(columns: Any, *more: Any) -> Any:
    return sql(columns.unit_id, columns.elevator_id, *more).group_by(columns.unit_id, columns.elevator_id)


def _same_pair(one: Any, other: Any) -> Any:
    return and_(one.c.unit_id == other.c.unit_id, one.c.elevator_id == other.c.elevator_id)


def _first_counted(facts: Facts, pairs: set[Pair], first: int, last: int) -> dict[Pair, dt.date]:
    elevators = sorted({elevator for _, elevator in pairs})
    statement = _by_pair(_visit, func.min(_visit.visit_on)).where(
        facts.in_period(first, last), among(facts.session, _visit.elevator_id, elevators), _visit.state.in_(COUNTED)
    )
    return {(unit, elevator): on for unit, elevator, on in facts.session.execute(statement)}


# --- what the two databases say differently


def _is_postgresql(session: Any) -> bool:
    name: str = session.get_bind().dialect.name
    return name == "postgresql"


def all_of(session: Any, column: Any) -> Any:
    """A group's values as a list; lists of one statement are in the same order."""
    if _is_postgresql(session):
        return func.array_agg(cast(column, BigInteger), type_=ARRAY(BigInteger))
    return func.json_group_array(column, type_=JSON())


def days_between(session: Any, begin: Any, end: Any) -> Any:
    if _is_postgresql(session):
        return end - begin
    return cast(func.julianday(end) - func.julianday(begin), Integer)


def _day_after(session: Any, on: Any) -> Any:
    if _is_postgresql(session):
        return on + literal_column("1", Integer)
    return func.date(on, literal_column("'+1 day'"))
