"""What visits, missed periods and contracts of some units come to by (unit, elevator), from one statement.

A unit's arrays, not a row for a pair. Most pairs are one run of days from their first visit: then the number of those
days says what is due. A pair is `apart`, to be counted by itself, where that is not sure. The conditions here are only
ever too careful; what a run of days is, what is due and what is forgiven say the rules, to whom days and counts are
handed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    String,
    and_,
    bindparam,
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

from app.models import ContractElevator, OverduePeriod, Visit
from app.models.among import all_of, among, among_given, beside
from app.rules.visits import VisitState
from app.workflows.scores import score_rows
from app.workflows.scores.score_frame import COUNTED, Basis, Pair

_visit: Any = Visit.__table__.c
_bound: Any = ContractElevator.__table__.c
_overdue: Any = OverduePeriod.__table__.c
# Pairs without a visit; apart, where a record that does not count came before any other; apart; nothing failed;
# something did. Then rows behind what failed: a visit, a missed period.
UNSEEN, UNBEGUN, APART, WHOLE, FAILING, FAILED, MISSED = range(7)
# A row behind a lost point: its elevator, its day as a number of the period's days, its id.
Event = tuple[int, int, int]
# Unit and place, then one entry in each list for a pair: elevator, days, missed periods, 不合规 visits, valid visits.
Failing = tuple[int, int, list[int], list[int], list[int], list[int], list[int]]


@dataclass(slots=True)
class Seen:
    """A pair's visits: the first counted day, how many are valid, the region they were in, where that matters."""

    first_on: dt.date | None
    valid: int
    region_code: str | None


@dataclass(slots=True)
class Sets:
    """What was found. `days` are those from a pair's first visit to the last day that is the unit's.

    Units are told place by place (`Basis.places`), for the formula's interval is the same in one. `whole`: unit, place,
    days of each pair, valid visits of all. `apart` and `unseen` are to be counted by themselves; of those `unbegun` the
    first counted day is to be asked for (`begin`). `missed` and `nonconforming` are of all pairs, by unit in order of
    elevator, day and id.
    """

    whole: list[tuple[int, int, list[int], int]] = field(default_factory=list)
    failing: list[Failing] = field(default_factory=list)
    apart: dict[Pair, Seen] = field(default_factory=dict)
    unseen: set[Pair] = field(default_factory=set)
    missed: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    nonconforming: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    unbegun: set[Pair] = field(default_factory=set, kw_only=True)

    def valid_of_units(self) -> Counter[int]:
        """How many records are stored as valid, by unit."""
        found: Counter[int] = Counter()
        for unit_id, _, _, valid in self.whole:
            found[unit_id] += valid
        for unit_id, *_, of_each in self.failing:
            found[unit_id] += sum(of_each)
        for (unit_id, _), seen in self.apart.items():
            found[unit_id] += seen.valid
        return found

    def but(self, pairs: Container[Pair]) -> Sets:
        """The same without these pairs, which are to have been told one by one."""
        return self._where(lambda pair: pair not in pairs, self.whole)

    def only(self, pairs: Container[Pair]) -> Sets:
        """Of these pairs alone; all are to have been told one by one."""
        return self._where(lambda pair: pair in pairs, [])

    def _where(self, kept: Callable[[Pair], bool], whole: list[tuple[int, int, list[int], int]]) -> Sets:
        return Sets(
            whole,
            [_some(columns, kept) for columns in self.failing],
            {pair: seen for pair, seen in self.apart.items() if kept(pair)},
            {pair for pair in self.unseen if kept(pair)},
            *(_some_events(events, kept) for events in (self.missed, self.nonconforming)),
        )

    def plus(self, more: Sets) -> Sets:
        """With what was read of other pairs."""
        return Sets(
            self.whole + more.whole, self.failing + more.failing, self.apart | more.apart, self.unseen | more.unseen,
            *(
                {unit: sorted([*own.get(unit, ()), *of_more.get(unit, ())]) for unit in own.keys() | of_more.keys()}
                for own, of_more in ((self.missed, more.missed), (self.nonconforming, more.nonconforming))
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """Records of the period in a table of their own, all those of some elevators: a back-test's."""

    visits: Any
    elevators: Collection[int]


def _some(columns: Failing, kept: Callable[[Pair], bool]) -> Failing:
    unit_id, place, *lists = columns
    left = [kept((unit_id, elevator)) for elevator in lists[0]]
    of_each, days, missed, failed, valid = (list(compress(some, left)) for some in lists)
    return unit_id, place, of_each, days, missed, failed, valid


def _some_events(found: dict[int, list[Event]], kept: Callable[[Pair], bool]) -> dict[int, list[Event]]:
    return {unit: [event for event in events if kept((unit, event[0]))] for unit, events in found.items()}


def read(
    basis: Basis, first: int, last: int, apart: Collection[int] | None = None, one_by_one: Collection[int] = ()
) -> Sets:  # fmt: skip
    """All in one go; as `ask`."""
    found = from_answer(basis, ask(basis, first, last, apart, one_by_one))
    begin(basis, found, first, last)
    return found


def ask(
    basis: Basis, first: int, last: int, apart: Collection[int] | None = None, one_by_one: Collection[int] = (),
    records: Records | None = None,
) -> Any:  # fmt: skip
    """The statement's answer, for `told`.

    `apart`: elevators of which visits and contracts do not tell everything; without it every pair is. `one_by_one`:
    those to be told as if something had failed. `records`: of these and their elevators alone, not of what is stored.
    """
    values: dict[str, Any] = {"first": first, "last": last}
    if apart is not None:
        values |= {"apart": sorted(apart), "one_by_one": sorted(one_by_one)}
    if records is not None:
        return basis.session.execute(_statement(_Asked(basis, records), singly=apart is None), values)
    # To make it is a third of what a part costs here, so all parts ask the same one.
    kept = basis.kept
    statement = kept.get(apart is None)
    if statement is None:
        statement = kept[apart is None] = _statement(_Asked(basis, None), singly=apart is None)
    return basis.session.execute(statement, values)


def from_answer(basis: Basis, answer: Any) -> Sets:
    """What an answer says. PostgreSQL has sent all of it by then: its connection may be asked for something else."""
    found, frame_days = Sets(), basis.frame.days
    for unit_id, kind, place, days, total, elevators, numbers, missed, failed, codes in answer.all():
        if kind == WHOLE:
            found.whole.append((unit_id, place, days, total))
        elif kind == FAILING:
            found.failing.append((unit_id, place, elevators, days, missed, failed, numbers))
        elif kind == FAILED:
            found.nonconforming[unit_id] += zip(elevators, days, numbers, strict=True)
        elif kind == MISSED:
            found.missed[unit_id] += zip(elevators, days, numbers, strict=True)
        elif kind == UNSEEN:
            found.unseen.update((unit_id, elevator_id) for elevator_id in elevators)
        elif kind == UNBEGUN:
            for elevator_id, valid, code in zip(elevators, numbers, codes, strict=True):
                found.apart[unit_id, elevator_id] = Seen(None, valid, code)
                found.unbegun.add((unit_id, elevator_id))
        else:
            for elevator_id, day, valid, code in zip(elevators, days, numbers, codes, strict=True):
                found.apart[unit_id, elevator_id] = Seen(frame_days[day], valid, code)
    for events in (*found.missed.values(), *found.nonconforming.values()):
        events.sort()
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose pairs, of units from `first` to `last` (given when asked), and the records that they are counted of."""

    basis: Basis
    records: Records | None
    first: Any = field(default_factory=lambda: bindparam("first"))
    last: Any = field(default_factory=lambda: bindparam("last"))

    @property
    def visits(self) -> Any:
        return _visit if self.records is None else self.records.visits

    def visited(self) -> Any:
        return self.basis.in_period(self.first, self.last) if self.records is None else true()

    def missed(self) -> Any:
        rows = score_rows.missed(self.basis, self.first, self.last)
        return rows.where(self._within(_overdue.elevator_id))

    def bound(self) -> Any:
        return and_(_bound.unit_id.between(self.first, self.last), self.basis.live(), self._within(_bound.elevator_id))

    def _within(self, elevator_id: Any) -> Any:
        return true() if self.records is None else among(self.basis.session, elevator_id, self.records.elevators)


def _statement(asked: _Asked, singly: bool) -> Any:
    """One statement, so that a pair's counts and its records are of one moment. `singly`: every pair is told apart."""
    basis, visits = asked.basis, asked.visits
    session, frame = basis.session, basis.frame
    dialect = session.get_bind().dialect.name
    # Said as a literal, as the partial index says it.
    few = (
        sql(visits.unit_id, visits.elevator_id, visits.visit_on, visits.id, visits.state)
        .where(asked.visited(), visits.state != literal_column("'valid'"))
        .cte("few")
    )
    missed = asked.missed().cte("missed")
    known = _known(asked, few.c, missed.c).subquery("known")
    # Contracts that all touch each other are one run of days, from the first day of all to the last.
    pair = (
        sql(
            known.c.unit_id, known.c.elevator_id, func.min(known.c.visit_on).label("first_on"),
            func.sum(known.c.valid).label("valid"), func.max(known.c.code).label("code"),
            func.min(known.c.starts_on).label("starts_on"), func.max(known.c.ends_on).label("ends_on"),
            (func.max(known.c.starts_on) <= _day_after(session, func.min(known.c.ends_on))).label("joined"),
            func.min(known.c.uncounted_on).label("uncounted_on"), func.count(known.c.failed).label("failed"),
            func.count(known.c.missed).label("missed"),
        )
        .group_by(known.c.unit_id, known.c.elevator_id)
        # By its contract alone a pair is in the region where its elevator is filed.
        .having(or_(func.count(known.c.valid) + func.count(known.c.missed) > 0, basis.filed_here(known.c.elevator_id)))
        .subquery("pair")
    )  # fmt: skip
    # Where a record that does not count came first, the first that does is not known here.
    kinds = [(pair.c.first_on.is_(None), UNSEEN), (pair.c.uncounted_on <= pair.c.first_on, UNBEGUN)]
    if not singly:
        sure = and_(pair.c.joined, pair.c.first_on.between(pair.c.starts_on, pair.c.ends_on))
        failing = or_(pair.c.failed > 0, pair.c.missed > 0, among_given(dialect, pair.c.elevator_id, "one_by_one"))
        # Never asked as "not among": databases look that up one by one.
        unsure = among_given(dialect, pair.c.elevator_id, "apart")
        kinds += [(unsure, APART), (and_(sure, failing), FAILING), (sure, WHOLE)]
    end_on = case((pair.c.ends_on < frame.to_on, pair.c.ends_on), else_=literal(frame.to_on))
    told = sql(
        pair, case(*kinds, else_=APART).label("kind"), basis.place_of(pair.c.code).label("place"),
        days_between(session, pair.c.first_on, end_on).label("days"), _number_of(basis, pair.c.first_on).label("day"),
        # The offset keeps PostgreSQL from working out a kind again wherever one is named.
    ).offset(0).subquery("told")  # fmt: skip
    # Of most pairs the sums are asked for: by itself only what failed, its region only of what is counted by itself.
    sure, each = told.c.kind >= WHOLE, told.c.kind != WHOLE
    by = told.c.unit_id, told.c.kind, told.c.place
    pairs = sql(
        *by, all_of(session, case((sure, told.c.days), else_=told.c.day)), cast(func.sum(told.c.valid), BigInteger),
        *(all_of(session, column, each)
          for column in (told.c.elevator_id, told.c.valid, told.c.missed, told.c.failed)),
        all_of(session, told.c.code, ~sure),
    ).group_by(*by)  # fmt: skip
    failed = _events(basis, few.c, FAILED, few.c.visit_on).where(_failed(few.c))
    return union_all(pairs, failed, _events(basis, missed.c, MISSED, missed.c.limit_on))


def _known(asked: _Asked, few: Any, missed: Any) -> Any:
    """Whatever is known of a pair, one below the other; the pair's visits in one line."""
    visits: Any = asked.visits
    first_on: Any = func.min(visits.visit_on)
    uncounted_on: Any = cast(null(), Date)
    code: Any = func.max(visits.region_code) if asked.basis.by_region else cast(null(), String)
    not_counted: Any = case((few.state.not_in(COUNTED), few.visit_on))
    if asked.records is not None:
        # Every state is at hand: the first day that counts, or the first of all and that none does.
        counted_on = func.min(case((visits.state.in_(COUNTED), visits.visit_on)))
        uncounted_on, not_counted = case((counted_on.is_(None), first_on)), null()
        first_on = func.coalesce(counted_on, first_on)
    seen = (
        sql(
            visits.unit_id, visits.elevator_id, first_on.label("visit_on"),
            cast(func.count(), Integer).label("valid"), code.label("code"),
            cast(null(), Date).label("starts_on"), cast(null(), Date).label("ends_on"),
            uncounted_on.label("uncounted_on"), cast(null(), Integer).label("failed"),
            cast(null(), Integer).label("missed"),
        )
        .where(asked.visited())
        .group_by(visits.unit_id, visits.elevator_id)
    )  # fmt: skip
    contracts = sql(
        _bound.unit_id, _bound.elevator_id, null(), null(), null(), _bound.starts_on, _bound.ends_on, null(), null(),
        null(),
    ).where(asked.bound())  # fmt: skip
    invalid = sql(
        few.unit_id, few.elevator_id, null(), literal_column("-1", Integer), null(), null(), null(), not_counted,
        case((_failed(few), 1)), null(),
    )  # fmt: skip
    periods = sql(
        missed.unit_id, missed.elevator_id, null(), null(), null(), null(), null(), null(), null(),
        literal_column("1", Integer),
    )  # fmt: skip
    return union_all(seen, contracts, invalid, periods)


def _failed(few: Any) -> Any:
    return few.state == VisitState.NONCONFORMING.value


def _events(basis: Basis, rows: Any, kind: int, on: Any) -> Any:
    """Of each unit the rows of a kind, in the columns of pairs: day, elevator and id of each."""
    days, elevators, ids = (all_of(basis.session, c) for c in (_number_of(basis, on), rows.elevator_id, rows.id))
    return sql(
        rows.unit_id, literal_column(str(kind), Integer), null(), days, null(), elevators, ids, null(), null(), null()
    ).group_by(rows.unit_id)


def _number_of(basis: Basis, on: Any) -> Any:
    """A day's place among the period's days."""
    return days_between(basis.session, literal(basis.frame.from_on), on)


def begin(basis: Basis, found: Sets, first: int, last: int) -> None:
    """Ask for the first counted day of pairs that began with a record that does not count."""
    if not found.unbegun:
        return
    units, elevators = zip(*sorted(found.unbegun), strict=True)
    given = beside(basis.session, units, elevators)
    # They are few, and each is looked up by itself: asked together the database goes through all of their units.
    first_on = (
        sql(func.min(_visit.visit_on))
        .where(
            _visit.unit_id == given.c.key, _visit.elevator_id == given.c.number, basis.in_period(first, last),
            _visit.state.in_(COUNTED),
        )
        .scalar_subquery()
    )  # fmt: skip
    for unit_id, elevator_id, on in basis.session.execute(sql(given.c.key, given.c.number, first_on)):
        found.apart[unit_id, elevator_id].first_on = on
    found.unbegun = set()


# --- what the two databases say differently


def _is_postgresql(session: Any) -> bool:
    name: str = session.get_bind().dialect.name
    return name == "postgresql"


def days_between(session: Any, begin: Any, end: Any) -> Any:
    if _is_postgresql(session):
        return end - begin
    return cast(func.julianday(end) - func.julianday(begin), Integer)


def _day_after(session: Any, on: Any) -> Any:
    if _is_postgresql(session):
        return on + literal_column("1", Integer)
    return func.date(on, literal_column("'+1 day'"))
