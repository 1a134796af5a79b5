"""What SCO-01 counts, as it was known at an instant: for each (unit, elevator) the facts that `rules.scoring` judges.

Statements are built over tables, since a score is over every unit's rows (`score_rows`). Units are read in runs of
ids, so memory does not grow with the region. No formula is here.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import and_, or_, select

from app.models import (
    ContractElevator,
    OnDemandInterval,
    OverduePeriod,
    ScoreRun,
    Unit,
    Visit,
)
from app.models.among import among
from app.models.policy import visit_policy
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
from app.transaction import AnySession
from app.workflows.scores import score_rows, score_runs, score_sets
from app.workflows.scores.score_frame import Basis, Frame, Pair, frame_of_run
from app.workflows.scores.score_judgements import Counts, Judgement, Singly
from app.workflows.scores.score_sets import Event, Sets
from app.workflows.visits.visit_standing import COLUMNS, state_as_known

_visit: Any = Visit.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_bound: Any = ContractElevator.__table__.c
_longer: Any = OnDemandInterval.__table__


class Facts(Basis):
    """Reads the pairs of one frame; what is small is read once (stops, records that have aged, uncovered elevators)."""

    def __init__(self, session: AnySession, frame: Frame) -> None:
        super().__init__(session, frame)
        self._stops = score_rows.stops(self)
        self._on_demand = self._read_on_demand()
        self._due: dict[int, Callable[[int], int]] = {}
        # Elevators to be told one by one though nothing failed.
        self.one_by_one: set[int] = set()

    def units_judged(self) -> set[int]:
        """Every unit with visits, missed periods or contracts of the period; each is looked up in the three indexes."""
        unit: Any = Unit.__table__.c
        frame = self.frame
        seen = select(_visit.id).where(
            _visit.unit_id == unit.id, _visit.visit_on.between(frame.from_on, frame.to_on)
        )
        missed = select(_overdue.id).where(
            _overdue.unit_id == unit.id, _overdue.limit_on.between(frame.from_on, frame.to_on)
        )
        bound = select(_bound.id).where(_bound.unit_id == unit.id, self.live())
        # The offset keeps PostgreSQL from gathering the units of all missed periods and contracts first.
        found = select(unit.id).where(or_(*(one.offset(0).exists() for one in (seen, missed, bound))))
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
        """For the same, of which `score_sets.from_answer` tells; then there is `score_sets.begin`."""
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

    # --- records told one by one

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

    # --- longer intervals

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
        .where(pair, _visit.visit_on.between(run.from_on, run.to_on), frame_of_run(run).visits_here())
        .order_by(_visit.visit_on, _visit.id)
    )
    found = []
    for row in rows:
        state = state_as_known(row, visit_policy(session, row.region_code, row.visit_on), run.as_of)
        if state is not None:
            found.append((row, state))
    return found
