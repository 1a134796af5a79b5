"""What SCO-01 counts, as it was known at an instant: for each (unit, elevator) the facts that `rules.scoring` judges.

Statements are built over tables, since a score is over every unit's rows (`score_rows`). Units are read in runs of
ids, so memory does not grow with the region. No formula is here.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Integer, and_, case, func, literal_column, or_, select

from app import clock
from app.models import (
    ContractElevator,
    Elevator,
    OnDemandInterval,
    OverduePeriod,
    ScoreRun,
    Unit,
    Visit,
)
from app.models.among import among
from app.models.policy import policy_book, policy_cuts, visit_policy
from app.models.region import code_span
from app.policy import Key
from app.rules.schedule import Pause
from app.rules.scoring import (
    OnDemandSegment,
    PairFacts,
    Stretch,
    Unfailing,
    on_demand_segment,
    paused_days,
    services_due,
)
from app.rules.visits import COUNTED_STATES, VisitState
from app.transaction import AnySession, plan_anew
from app.workflows.scores import score_rows, score_runs, score_sets
from app.workflows.scores.score_judgements import Counts, Judgement, Singly
from app.workflows.scores.score_sets import Event, Sets
from app.workflows.visits.visit_standing import COLUMNS, state_as_known

WHOLE_COUNTRY = "0" * 12
DAY = dt.timedelta(days=1)
Pair = tuple[int, int]

_visit: Any = Visit.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
_longer: Any = OnDemandInterval.__table__


@dataclass(frozen=True, slots=True)
class Frame:
    """What a score is over. `present`: as_of is the instant of computing, so stored states are what is known."""

    region_code: str
    from_on: dt.date
    to_on: dt.date
    as_of: dt.datetime
    present: bool

    @property
    def span(self) -> tuple[str, str]:
        return ("", "A") if self.region_code == WHOLE_COUNTRY else code_span(self.region_code)

    @property
    def days(self) -> list[dt.date]:
        """Each day of the period."""
        return [self.from_on + DAY * number for number in range((self.to_on - self.from_on).days + 1)]

    @property
    def reference_on(self) -> dt.date:
        """The day on which cover is looked at: the period's last, or that of `as_of` while the period runs."""
        return min(self.to_on, clock.local_day(self.as_of))

    def within(self, region_code: Any) -> Any:
        low, high = self.span
        return and_(region_code >= low, region_code < high)

    def holds(self, region_code: str, on: dt.date) -> bool:
        low, high = self.span
        return low <= region_code < high and self.from_on <= on <= self.to_on


class Facts:
    """Reads the pairs of one frame; what is small is read once (stops, records that have aged, uncovered elevators)."""

    def __init__(self, session: AnySession, frame: Frame) -> None:
        self.session, self.frame = session, frame
        plan_anew(session)
        self._stops = score_rows.stops(self)
        self._on_demand = self._read_on_demand()
        self._moved = self._read_moved() if frame.present else None
        self._looked_back: dict[tuple[int, int], set[Pair]] = {}
        self._numbers: dict[str, tuple[int, bool]] = {}
        self._due: dict[int, Callable[[int], int]] = {}
        # By table whether it had no rows elsewhere when that was first asked.
        self._nowhere_else: dict[Any, bool] = {}
        # Elevators to be told one by one though nothing failed.
        self.one_by_one: set[int] = set()
        # Whether it matters in which region a pair is (`alike`).
        self.by_region = True

    def units_judged(self) -> set[int]:
        """Every unit with visits, missed periods or contracts of the period."""
        unit: Any = Unit.__table__.c
        frame = self.frame
        seen = select(_visit.id).where(
            _visit.unit_id == unit.id, _visit.visit_on.between(frame.from_on, frame.to_on)
        )
        missed = select(_overdue.id).where(
            _overdue.unit_id == unit.id, _overdue.limit_on.between(frame.from_on, frame.to_on)
        )
        bound = select(_bound.id).where(_bound.unit_id == unit.id, self.live())
        found = select(unit.id).where(or_(seen.exists(), missed.exists(), bound.exists()))
        return {*self.session.scalars(found)}

    def pairs(self, first: int, last: int) -> dict[int, list[PairFacts]]:
        """The pairs of the units with ids from `first` to `last`, by unit, each unit's in order of elevator."""
        by_unit: dict[int, list[PairFacts]] = defaultdict(list)
        for (unit_id, elevator_id), held in sorted(self._counted(score_sets.read(self, first, last), first, last)):
            by_unit[unit_id].append(self._facts(unit_id, elevator_id, held))
        return by_unit

    def judged(self, first: int, last: int) -> Judgement:
        """What the same pairs come to, those that can be told by sets without an object of their own."""
        return self.judge(self.seen(first, last), first, last)

    def seen(self, first: int, last: int) -> Sets:
        """What stands about these units in the period, to be judged."""
        return score_sets.read(self, first, last, self.unsure(first, last), self.one_by_one)

    def ask(self, first: int, last: int) -> Any:
        """For the same, of which `score_sets.told` tells; then there is `score_sets.begin`."""
        return score_sets.ask(self, first, last, self.unsure(first, last), self.one_by_one)

    def unsure(self, first: int, last: int) -> set[int]:
        """Elevators of which visits and contracts do not tell everything."""
        return {*self._stops, *(elevator for _, elevator in (*self._on_demand, *self.moved_of(first, last)))}

    def judge(self, sets: Sets, first: int, last: int) -> Judgement:
        return self.judgement(sets, self.count(sets, first, last))

    def count(self, sets: Sets, first: int, last: int) -> Singly:
        """What is still to be read of what was seen: the pairs that sets do not tell, and policies."""
        counts = dict(self._counted(sets, first, last))
        for code in {held.region_code for held in counts.values()}:
            self.policy(code)
        return Singly([self._due_in(place) for place in range(len(self.places))], self.moved_of(first, last), counts)

    def judgement(self, sets: Sets, singly: Singly) -> Judgement:
        """What both come to. The session is not used."""
        found = Judgement(missed=sets.missed, nonconforming={**sets.nonconforming})
        for unit_id, place, days, valid in sets.whole:
            due = sum(map(singly.due[place], days))
            found.unfailing[unit_id].append(Unfailing(len(days), due, valid))
        for unit_id, place, elevators, days, *numbers in sets.failing:
            found.units[unit_id] += zip(elevators, map(singly.due[place], days), *numbers, strict=True)
        again: dict[int, list[Event]] = defaultdict(list)
        for pair, held in singly.counts.items():
            found.units[pair[0]].append(self._facts(*pair, held).judged)
            if pair in singly.moved:
                again[pair[0]] += held.records
        for unit_id in {unit for unit, _ in singly.moved}:
            stored = (event for event in sets.nonconforming.get(unit_id, ()) if (unit_id, event[0]) not in singly.moved)
            found.nonconforming[unit_id] = sorted([*stored, *again[unit_id]])
        for pairs in found.units.values():
            pairs.sort()
        return found

    def _due_in(self, place: int) -> Callable[[int], int]:
        """What is due after so many days in one of the places."""
        interval = self.policy(self.places[place])[0]
        if interval not in self._due:
            length = (self.frame.to_on - self.frame.from_on).days
            self._due[interval] = [services_due(days, interval) for days in range(length + 1)].__getitem__
        return self._due[interval]

    def _counted(self, sets: Sets, first: int, last: int) -> Iterable[tuple[Pair, Counts]]:
        """Every pair that the sets do not tell, counted with its runs of days."""
        counts: dict[Pair, Counts] = defaultdict(Counts)
        moved, waiting = self.moved_of(first, last), sets.apart.keys() | sets.unseen
        for pair in sets.apart.keys() - moved:
            seen, held = sets.apart[pair], counts[pair]
            held.first_on, held.valid, held.region_code = seen.first_on, seen.valid, seen.region_code
        if moved:
            self._count_again(counts, moved, self.in_period(first, last))
        for unit_id in {unit for unit, _ in waiting}:
            for elevator_id, _, _ in sets.missed.get(unit_id, ()):
                if (unit_id, elevator_id) in waiting:
                    counts[unit_id, elevator_id].overdue += 1
            for elevator_id, _, _ in sets.nonconforming.get(unit_id, ()):
                if (unit_id, elevator_id) in waiting and (unit_id, elevator_id) not in moved:
                    counts[unit_id, elevator_id].nonconforming += 1
        covers = score_rows.covers(self, first, last, {elevator for _, elevator in waiting})
        low, high = self.frame.span
        # A pair without any event in the region has a contract there or is none of this frame.
        for pair in waiting & covers.codes.keys():
            if pair in counts or low <= covers.codes[pair] < high:
                counts[pair].covers = covers.days[pair]
        unvisited = {pair for pair, held in counts.items() if held.region_code is None} if self.by_region else set()
        missed_in = score_rows.regions(self, first, last, {pair for pair in unvisited if counts[pair].overdue})
        for pair in unvisited:
            counts[pair].region_code = missed_in.get(pair) or covers.codes.get(pair)
        score_runs.find(self, counts, first, last)
        score_runs.start(self, counts, first, last)
        return counts.items()

    def _facts(self, unit_id: int, elevator_id: int, held: Counts) -> PairFacts:
        stops = self._stops.get(elevator_id, ())
        runs = [
            Stretch(
                first_on, end_on,
                paused_days=0 if first_on is None or not stops else paused_days(stops, first_on, end_on),
                on_demand=self._segments(unit_id, elevator_id, stops, first_on, end_on),
            )
            for first_on, (_begin, end_on) in zip(held.starts, held.runs, strict=True)
        ]  # fmt: skip
        # The days of a run of which nothing is due are not the ones to show.
        runs = [run for run in runs if run.first_on is not None] or runs[:1] or [Stretch(None, self.frame.to_on)]
        first = runs[0]
        return PairFacts(
            unit_id, elevator_id, first.first_on, first.end_on, self.policy(held.region_code)[0],
            paused_days=first.paused_days, on_demand=first.on_demand, later=tuple(runs[1:]),
            overdue=held.overdue, nonconforming=held.nonconforming, valid_visits=held.valid,
        )  # fmt: skip

    # --- visits

    def in_period(self, first: int, last: int) -> Any:
        return and_(
            _visit.unit_id.between(first, last),
            _visit.visit_on.between(self.frame.from_on, self.frame.to_on),
            self.within,
        )

    @cached_property
    def within(self) -> Any:
        """Visits of the region."""
        return self.unless_all(Visit, self.frame.within(_visit.region_code))

    def filed_here(self, elevator_id: Any) -> Any:
        """Elevators that are filed in the region; asked of the register only where the region is not all there is."""
        inside = select(_elevator.id).where(self.frame.within(_elevator.region_code))
        return self.unless_all(Elevator, elevator_id.in_(inside))

    def unless_all(self, model: Any, within: Any) -> Any:
        """What tells which rows are of the region. Where a table has no others, each statement asks that first and then
        none by itself."""
        row, (low, high) = model.__table__.alias(f"any_{model.__tablename__}").c, self.frame.span
        lowest, highest = (select(end(row.region_code)).scalar_subquery() for end in (func.min, func.max))
        nowhere_else = select(and_(lowest >= low, highest < high))
        if model not in self._nowhere_else:
            self._nowhere_else[model] = bool(self.session.scalar(nowhere_else))
        return or_(nowhere_else.scalar_subquery(), within) if self._nowhere_else[model] else within

    def moved_of(self, first: int, last: int) -> set[Pair]:
        """Pairs with a record whose stored state is not the one known at the instant."""
        if self._moved is not None:
            return {pair for pair in self._moved if first <= pair[0] <= last}
        units = first, last
        if units not in self._looked_back:
            # Kept while the next are read ahead.
            self._looked_back = dict([*self._looked_back.items()][-1:]) | {units: self._moved_since(first, last)}
        return self._looked_back[units]

    def retold_of(self, first: int, last: int) -> Container[Pair]:
        """Pairs of whose records `state_of` has a word of its own."""
        return self.moved_of(first, last)

    def _moved_since(self, first: int, last: int) -> set[Pair]:
        # Looking back: what came or was settled after that instant was not known then.
        as_of, since = self.frame.as_of, self._unsettled_since()
        dated = (_visit.received_at, _visit.settled_at, _visit.checked_out_at, _visit.sheet_at, _visit.signed_at,
                 _visit.reviewed_at)  # fmt: skip
        unsettled = and_(_visit.taken_over, _visit.visit_on >= since)
        changed = or_(*(column > as_of for column in dated), _visit.next_change_at <= as_of, unsettled)
        found = select(_visit.unit_id, _visit.elevator_id).where(
            self.in_period(first, last), or_(changed, _visit.settled_at.is_(None))
        )
        return {(unit, elevator) for unit, elevator in self.session.execute(found.distinct())}

    def _unsettled_since(self) -> dt.date:
        """The first visit day of which a record can have been waiting for sheet or review at `as_of`."""
        policy = visit_policy(self.session, self.frame.region_code, self.frame.to_on)
        days = max(policy.review_days or 0, (policy.sheet_hours or 0) // 24 + 1)
        return clock.local_day(self.frame.as_of) - DAY * (days + 2)

    def _read_moved(self) -> set[Pair]:
        """Pairs with a record that age has changed since it was last settled (the nightly job is yet to come)."""
        found = select(_visit.unit_id, _visit.elevator_id).where(_visit.next_change_at <= self.frame.as_of)
        # Not asked as distinct ones, for which SQLite goes through every visit.
        return {(unit, elevator) for unit, elevator in self.session.execute(found)}

    def _count_again(self, counts: dict[Pair, Counts], moved: set[Pair], inside: Any) -> None:
        """Count pairs by the states of their records at `as_of`, told by the rules record by record."""
        elevators = sorted({elevator for _, elevator in moved})
        rows = self.session.execute(
            select(*(_visit[name] for name in COLUMNS))
            .where(inside, among(self.session, _visit.elevator_id, elevators))
            .order_by(_visit.visit_on, _visit.id)
            .execution_options(yield_per=5000)
        )
        for row in rows:
            if (row.unit_id, row.elevator_id) in moved:
                self._count_record(counts, row)

    def state_of(self, row: Any) -> VisitState | None:
        """The state of a record as known, told by the rules; a back-test tells it otherwise."""
        policy = visit_policy(self.session, row.region_code, row.visit_on)
        return state_as_known(row, policy, self.frame.as_of)

    def _count_record(self, counts: dict[Pair, Counts], row: Any) -> None:
        state = self.state_of(row)
        if state is None:
            return
        held = counts[(row.unit_id, row.elevator_id)]
        held.region_code = max(held.region_code or "", row.region_code)
        if state in COUNTED_STATES and (held.first_on is None or row.visit_on < held.first_on):
            held.first_on = row.visit_on
        held.valid += state is VisitState.VALID
        if state is VisitState.NONCONFORMING:
            held.nonconforming += 1
            held.records.append((row.elevator_id, (row.visit_on - self.frame.from_on).days, row.id))

    # --- contracts, stops

    def known(self) -> Any:
        as_of = self.frame.as_of
        return and_(_bound.added_at <= as_of, or_(_bound.removed_at.is_(None), _bound.removed_at > as_of))

    def live(self) -> Any:
        """A binding of the period, as known then."""
        return and_(self.known(), _bound.starts_on <= self.frame.to_on, _bound.ends_on >= self.frame.from_on)

    def _read_on_demand(self) -> dict[Pair, list[tuple[dt.date, dt.date, int]]]:
        """Approved longer intervals that touch the period, by pair; an early end counts once it was known."""
        frame = self.frame
        found = select(_longer).where(
            _longer.c.known_at <= frame.as_of, _longer.c.from_on <= frame.to_on, _longer.c.to_on >= frame.from_on
        )
        spans: dict[Pair, list[tuple[dt.date, dt.date, int]]] = defaultdict(list)
        for row in self.session.execute(found.order_by(_longer.c.from_on)):
            closed = row.closed_on is not None and row.closed_at <= frame.as_of
            last = row.closed_on if closed else row.to_on
            spans[(row.unit_id, row.elevator_id)].append((row.from_on, last, row.interval_days))
        return spans

    def _segments(
        self, unit_id: int, elevator_id: int, stops: Sequence[Pause], first_on: dt.date | None, end_on: dt.date
    ) -> tuple[OnDemandSegment, ...]:
        spans = self._on_demand.get((unit_id, elevator_id), ())
        if first_on is None or not spans:
            return ()
        return tuple(on_demand_segment(a, b, days, stops, first_on, end_on) for a, b, days in spans)

    # --- pairs never visited, and elevators without a contract

    def policy(self, region_code: str | None) -> tuple[int, bool]:
        """The formula's numbers in a region at the period's end: interval, and whether a never visited one counts."""
        code = region_code or self.frame.region_code
        if code not in self._numbers:
            book = policy_book(self.session, code, self.frame.to_on, known_at=self.frame.as_of)
            days: Any = book[Key.LIMIT_DAYS].value
            self._numbers[code] = int(days), book[Key.NEVER_VISITED].value == "contract"
        return self._numbers[code]

    def alike(self) -> bool:
        """The formula's numbers are those of the frame's region in all of it."""
        frame, keys = self.frame, (Key.LIMIT_DAYS, Key.NEVER_VISITED)
        cuts = (policy_cuts(self.session, key, frame.span, frame.to_on, known_at=frame.as_of) for key in keys)
        return all(len(pieces) == 1 for pieces in cuts)

    @cached_property
    def places(self) -> list[str]:
        """The regions, cut where the formula's interval is another: the first code of each piece. May be cut finer."""
        frame = self.frame
        return policy_cuts(self.session, Key.LIMIT_DAYS, frame.span, frame.to_on, known_at=frame.as_of)

    def place_of(self, region_code: Any) -> Any:
        """Which of the places a region is in, of a column."""
        first, *others = (literal_column(str(number), Integer) for number in range(len(self.places)))
        begun = [(region_code >= code, number) for code, number in zip(self.places[1:], others, strict=True)]
        return case(*reversed(begun), else_=first) if begun else first

    @cached_property
    def uncovered(self) -> dict[int, int]:
        """Elevators in use that no contract covers on the reference day, by the unit that is filed for them now."""
        return score_rows.uncovered(self)


def batches(units: list[int], size: int) -> Iterator[tuple[int, int]]:
    """Runs of unit ids, first and last, to be read in one go each."""
    for start in range(0, len(units), size):
        some = units[start : start + size]
        yield some[0], some[-1]


# --- what a page opens down to


def frame_of_run(run: ScoreRun) -> Frame:
    """The frame of a stored run. Looking back: what came after it is left out."""
    return Frame(run.region_code, run.from_on, run.to_on, run.as_of, False)


def of_unit(session: AnySession, run: ScoreRun, unit_id: int) -> list[PairFacts]:
    """The pairs of one unit as a stored run counted them, made again."""
    return Facts(session, frame_of_run(run)).pairs(unit_id, unit_id).get(unit_id, [])


def missed_of(session: AnySession, run: ScoreRun, unit_id: int, elevator_id: int) -> list[tuple[dt.date, int]]:
    """The missed periods that a stored run counted for a pair: limit day and id."""
    rows = score_rows.missed(Facts(session, frame_of_run(run)), unit_id, unit_id).subquery()
    found = select(rows.c.limit_on, rows.c.id).where(rows.c.elevator_id == elevator_id)
    return [(on, key) for on, key in session.execute(found.order_by(rows.c.limit_on, rows.c.id))]


def visits_of(session: AnySession, run: ScoreRun, unit_id: int, elevator_id: int) -> list[tuple[Any, VisitState]]:
    """The records of a pair in a run's period, each with its state as known then."""
    pair = and_(_visit.unit_id == unit_id, _visit.elevator_id == elevator_id)
    rows = session.execute(
        select(Visit.__table__)
        .where(pair, _visit.visit_on.between(run.from_on, run.to_on))
        .order_by(_visit.visit_on, _visit.id)
    )
    found = []
    for row in rows:
        state = state_as_known(row, visit_policy(session, row.region_code, row.visit_on), run.as_of)
        if state is not None:
            found.append((row, state))
    return found
