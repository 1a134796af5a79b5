"""What stands in the database about some units in a period, by (unit, elevator): visits, missed periods, contracts.

As rows stand, before anything is judged. One pass over `ix_visit_score` counts all visits; what is not simply valid
comes row by row from its own small index, in the same statement, so that both are of one moment.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, String, cast, func, literal_column, null, or_, select, union_all

from app.models import ContractElevator, Elevator, OverdueCorrection, OverduePeriod, Visit
from app.rules.visits import VisitState
from app.workflows.score_runs import COUNTED

if TYPE_CHECKING:
    from app.workflows.score_facts import Facts, Pair

_visit: Any = Visit.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_correction: Any = OverdueCorrection.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
# A row behind a lost point: its day and id.
Event = tuple[dt.date, int]


@dataclass(slots=True)
class Seen:
    """A pair's visits: the first counted day, how many are valid, the region they were in."""

    first_on: dt.date | None
    valid: int
    region_code: str


@dataclass(slots=True)
class Rows:
    """Events in order of day and id. `codes`: the region of a pair's first missed period, else of its contract.

    `outside`: pairs that have an event in the region, but whose elevator is filed elsewhere.
    """

    visits: dict[Pair, Seen] = field(default_factory=dict)
    nonconforming: dict[Pair, list[Event]] = field(default_factory=lambda: defaultdict(list))
    missed: dict[Pair, list[Event]] = field(default_factory=lambda: defaultdict(list))
    covers: dict[Pair, list[tuple[dt.date, dt.date]]] = field(default_factory=lambda: defaultdict(list))
    codes: dict[Pair, str] = field(default_factory=dict)
    outside: set[Pair] = field(default_factory=set)


def read(facts: Facts, first: int, last: int) -> Rows:
    rows = Rows()
    _read_visits(facts, rows, first, last)
    _read_missed(facts, rows, first, last)
    _read_covers(facts, rows, first, last)
    return rows


def _read_visits(facts: Facts, rows: Rows, first: int, last: int) -> None:
    inside = facts.in_period(first, last)
    counted = (
        select(
            _visit.unit_id, _visit.elevator_id, func.min(_visit.visit_on), func.count(), func.max(_visit.region_code),
            cast(null(), BigInteger), cast(null(), String),
        )
        .where(inside)
        .group_by(_visit.unit_id, _visit.elevator_id)
    )  # fmt: skip
    # Said as a literal, as the partial index says it.
    others = select(
        _visit.unit_id, _visit.elevator_id, _visit.visit_on, literal_column("1"), _visit.region_code, _visit.id,
        _visit.state,
    ).where(inside, _visit.state != literal_column("'valid'"))  # fmt: skip
    number: Counter[Pair] = Counter()
    begun: dict[Pair, dt.date] = {}
    found = facts.session.execute(union_all(counted, others)).all()
    for unit_id, elevator_id, on, count, code, visit_id, state in found:
        pair = unit_id, elevator_id
        if state is None:
            rows.visits[pair] = Seen(on, count, code)
            continue
        number[pair] += 1
        if state == VisitState.NONCONFORMING:
            rows.nonconforming[pair].append((on, visit_id))
        elif state not in COUNTED and on <= begun.get(pair, on):
            begun[pair] = on
    for pair, count in number.items():
        rows.visits[pair].valid -= count
    for events in rows.nonconforming.values():
        events.sort()
    # Where a record that does not count came first, the first that does is asked for.
    again = {pair for pair, on in begun.items() if on == rows.visits[pair].first_on}
    told = _first_counted(facts, again, first, last)
    for pair in again:
        rows.visits[pair].first_on = told.get(pair)


def _first_counted(facts: Facts, pairs: set[Pair], first: int, last: int) -> dict[Pair, dt.date]:
    found: dict[Pair, dt.date] = {}
    for some in _some({elevator for _, elevator in pairs}):
        statement = (
            select(_visit.unit_id, _visit.elevator_id, func.min(_visit.visit_on))
            .where(facts.in_period(first, last), _visit.elevator_id.in_(some), _visit.state.in_(COUNTED))
            .group_by(_visit.unit_id, _visit.elevator_id)
        )
        found |= {(unit, elevator): on for unit, elevator, on in facts.session.execute(statement)}
    return found


def _some(keys: Iterable[int]) -> Iterable[list[int]]:
    ordered = sorted(keys)
    return (ordered[start : start + 500] for start in range(0, len(ordered), 500))


def _read_missed(facts: Facts, rows: Rows, first: int, last: int) -> None:
    frame = facts.frame
    missed = (
        select(_overdue.unit_id, _overdue.elevator_id, _overdue.id, _overdue.limit_on, _overdue.region_code)
        .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
        .where(
            _overdue.unit_id.between(first, last),
            _overdue.limit_on.between(frame.from_on, frame.to_on),
            frame.within(_overdue.region_code),
            _overdue.judged_at <= frame.as_of,
            or_(_correction.id.is_(None), _correction.known_at > frame.as_of),
        )
        .order_by(_overdue.limit_on, _overdue.id)
    )
    for unit_id, elevator_id, overdue_id, on, code in facts.session.execute(missed).all():
        rows.missed[unit_id, elevator_id].append((on, overdue_id))
        rows.codes.setdefault((unit_id, elevator_id), code)


def _read_covers(facts: Facts, rows: Rows, first: int, last: int) -> None:
    """The contracts of pairs of the region, and of others that have an event in it."""
    live = (
        select(_bound.unit_id, _bound.elevator_id, _bound.starts_on, _bound.ends_on, _elevator.region_code)
        .join(Elevator.__table__, _elevator.id == _bound.elevator_id)
        .where(_bound.unit_id.between(first, last), facts.live())
    )
    low, high = facts.frame.span
    for unit_id, elevator_id, starts_on, ends_on, code in facts.session.execute(live).all():
        pair = unit_id, elevator_id
        if not low <= code < high:
            if pair not in rows.visits and pair not in rows.missed:
                continue
            rows.outside.add(pair)
        rows.covers[pair].append((starts_on, ends_on))
        rows.codes.setdefault(pair, code)
