"""What a draft policy would have made of a past period: visit states, missed periods and SCO-01, before and after.

Nothing that is stored changes. "Before" is what is stored, as known now; "after" is asked of the same rules under the
draft as if it had held since the period's first day. A figure moves only where the rules give the draft another
answer than the policy that held, so whatever else lies behind a stored state (a decision, an appeal) stays.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from sqlalchemy import func, or_, select

from app import clock
from app.models import MaintenancePause, OverdueCorrection, OverduePeriod, Unit, Visit
from app.models.policy import policy_draft, policy_value, policy_version, visit_policy
from app.permissions import Actor, Verb, require
from app.policy import Key, Row
from app.rules.clock_history import history_since
from app.rules.schedule import Pause
from app.rules.scoring import tallied_score, tally
from app.rules.visits import DayVisit, VisitPolicy, VisitState, counts_for_clock, nth_elevators, visit_state
from app.transaction import AnySession
from app.workflows import cover, scores
from app.workflows.policy_reach import reached
from app.workflows.score_facts import DAY, Facts, Frame, Judgement, batches
from app.workflows.score_runs import COUNTED
from app.workflows.visit_standing import COLUMNS, state_as_known
from app.workflows.visit_state import facts_of

Progress = Callable[[int, int, str], None]
Place = tuple[str, dt.date]
Pair = tuple[int, int]
ELEVATORS_AT_ONCE = 500

_visit: Any = Visit.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_correction: Any = OverdueCorrection.__table__.c
_pause: Any = MaintenancePause.__table__.c


@dataclass(slots=True)
class UnitFigures:
    """A unit's figures; the first of each pair as they are, the second under the draft."""

    unit_id: int
    name: str = ""
    states: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    overdue: list[int] = field(default_factory=lambda: [0, 0])
    points: list[str | None] = field(default_factory=lambda: [None, None])
    due: list[int] = field(default_factory=lambda: [0, 0])
    bad: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def moved(self) -> bool:
        pairs = (self.states, self.overdue, self.points, self.due, self.bad)
        return any(before != after for before, after in pairs)

    def as_dict(self) -> dict[str, Any]:
        return {
            "unit_id": self.unit_id, "name": self.name, "states": [dict(s) for s in self.states],
            "overdue": self.overdue, "points": self.points, "due": self.due, "bad": self.bad, "moved": self.moved,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Change:
    """A record to which the draft gives another state."""

    visit_id: int
    on: dt.date
    was: VisitState
    will: VisitState

    @property
    def counts(self) -> bool:
        return counts_for_clock(self.will)


class _Drafted(Facts):
    """The facts of a score with the states that the draft gives: every run of a unit's days begins by them anew.

    What the draft leaves alone is known as it was, by the policy that held.
    """

    def __init__(
        self, session: AnySession, frame: Frame, changes: dict[Pair, list[_Change]], before: dict[Place, VisitPolicy],
        missed: Iterable[Pair],
    ) -> None:
        super().__init__(session, frame)
        self.one_by_one = {elevator for _, elevator in missed}
        self._will = {one.visit_id: one.will for found in changes.values() for one in found}
        self._pairs, self._before = set(changes), before

    def moved_of(self, first: int, last: int) -> set[Pair]:
        return super().moved_of(first, last) | {pair for pair in self._pairs if first <= pair[0] <= last}

    def state_of(self, row: Any) -> VisitState | None:
        if row.id in self._will:
            return self._will[row.id]
        return _known(row, self._before[row.region_code, row.visit_on], self.frame.as_of)


def _known(row: Any, policy: VisitPolicy, at: dt.datetime) -> VisitState | None:
    """The state that is stored, unless more is known by now: what the score of today counts."""
    settled = row.settled_at is not None and row.settled_at <= at and row.received_at <= at
    aged = row.next_change_at is not None and row.next_change_at <= at
    return VisitState(row.state) if settled and not aged else state_as_known(row, policy, at)


def drafted(key: str, value: Any, region_code: str, from_on: dt.date) -> Row:
    """A proposed value as a row that holds from the period's first day."""
    return Row(0, key, region_code, value, from_on, dt.datetime.min.replace(tzinfo=dt.UTC))


def run(
    session: AnySession,
    actor: Actor,
    region_code: str,
    from_on: dt.date,
    to_on: dt.date,
    draft: Sequence[Row],
    at: dt.datetime,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of every unit of the region, as JSON. Reads only."""
    require(actor, Verb.POLICY_EDIT)
    frame = scores.frame_of(session, actor, region_code, from_on, to_on, None, at)
    tell = progress or (lambda done, total, message: None)
    work = _Work(session, frame, draft, at, tell)
    work.visits()
    work.missed()
    work.scores()
    names = dict(session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(work.units))).all())
    for unit_id, figures in work.units.items():
        figures.name = names.get(unit_id, str(unit_id))
    found = sorted(work.units.values(), key=lambda u: (not u.moved, u.name))
    versions = [policy_version(session, region_code, to_on)]
    with policy_draft(session, draft):
        versions.append(policy_version(session, region_code, to_on))
    return {
        "units": [u.as_dict() for u in found], "moved": sum(u.moved for u in found), "visits": work.counted,
        "visits_moved": work.visits_moved, "versions": versions, "as_of": at.isoformat(),
    }  # fmt: skip


class _Work:
    """One back-test: three passes over the same frame, each leaving its figures with the units."""

    def __init__(
        self, session: AnySession, frame: Frame, draft: Sequence[Row], at: dt.datetime, tell: Progress
    ) -> None:
        self.session, self.frame, self.draft, self.at, self.tell = session, frame, draft, at, tell
        self.units: dict[int, UnitFigures] = {}
        self.counted = self.visits_moved = 0
        # What the draft changes, by pair.
        self._changes: dict[Pair, list[_Change]] = defaultdict(list)
        self._missed_by: tuple[Counter[Pair], Counter[Pair]] = (Counter(), Counter())
        self._before: dict[Place, VisitPolicy] = {}

    def _unit(self, unit_id: int) -> UnitFigures:
        return self.units.setdefault(unit_id, UnitFigures(unit_id))

    # --- visits

    def _policies(self, make: Callable[[str, dt.date], Any], places: Iterable[Place]) -> tuple[dict[Place, Any], ...]:
        """What a question answers in each place before and after."""
        places = list(places)
        before = {place: make(*place) for place in places}
        with policy_draft(self.session, self.draft):
            after = {place: make(*place) for place in places}
        return before, after

    def _inside(self) -> Any:
        frame = self.frame
        return _visit.visit_on.between(frame.from_on, frame.to_on) & frame.within(_visit.region_code)

    def visits(self) -> None:
        """The state of each record before and after."""
        places = self.session.execute(select(_visit.region_code, _visit.visit_on).where(self._inside()).distinct())
        before, after = self._policies(
            lambda code, on: visit_policy(self.session, code, on), ((code, on) for code, on in places)
        )
        self._before = before
        ranks = self._ranks() if any(policy.daily_elevators for policy in after.values()) else None
        stored = select(_visit.unit_id, _visit.state, func.count()).where(self._inside())
        for unit_id, state, number in self.session.execute(stored.group_by(_visit.unit_id, _visit.state)):
            self.counted += number
            for states in self._unit(unit_id).states:
                states[state] += number
        moving = or_(self._unsettled(), reached(self.session, ((before[place], after[place]) for place in before)))
        columns = [_visit[name] for name in COLUMNS]
        rows = self.session.execute(
            select(*columns).where(self._inside(), moving).execution_options(yield_per=2000)
        )
        for number, row in enumerate(rows):
            if number % 2000 == 0:
                self.tell(0, 0, "重判维保记录")
            place = row.region_code, row.visit_on
            self._visit(row, before[place], after[place], ranks)

    def _unsettled(self) -> Any:
        """Records of which more is known by now than what is stored (`_known`)."""
        at = self.at
        return or_(_visit.settled_at.is_(None), _visit.settled_at > at, _visit.next_change_at <= at,
                   _visit.received_at > at)  # fmt: skip

    def _visit(self, row: Any, before: VisitPolicy, after: VisitPolicy, ranks: dict[int, int] | None) -> None:
        """Move a record that was counted as it is stored to where it belongs."""
        states, stored = self._unit(row.unit_id).states, VisitState(row.state)
        was = _known(row, before, self.at)
        if was is None:
            self.counted -= 1
            for side in states:
                _move(side, stored, None)
            return
        will = was
        if before != after:
            facts = facts_of(row)
            ranked = facts if ranks is None or row.day_rank else replace(facts, nth_of_day=ranks.get(row.id, 1))
            judged = visit_state(facts, before, self.at).state, visit_state(ranked, after, self.at).state
            will = was if judged[0] is judged[1] else judged[1]
        _move(states[0], stored, was)
        _move(states[1], stored, will)
        if was is not will:
            self.visits_moved += 1
            self._changes[row.unit_id, row.elevator_id].append(_Change(row.id, row.visit_on, was, will))

    def _ranks(self) -> dict[int, int]:
        """Which elevator of its worker's day a visit was, kept only from the second on."""
        rows = self.session.execute(
            select(_visit.id, _visit.elevator_id, _visit.received_at, _visit.worker_id, _visit.visit_on)
            .where(_visit.visit_on.between(self.frame.from_on, self.frame.to_on), _visit.state != "void")
            .order_by(_visit.worker_id, _visit.visit_on)
            .execution_options(yield_per=2000)
        )
        ranks: dict[int, int] = {}
        for _day, group in groupby(rows, lambda r: (r.worker_id, r.visit_on)):
            found = nth_elevators(DayVisit(r.id, r.elevator_id, r.received_at) for r in group)
            ranks.update({key: rank for key, rank in found.items() if rank > 1})
        return ranks

    # --- missed periods

    def missed(self) -> None:
        """Missed periods by unit; told again only for elevators on which the draft has a word."""
        self.tell(0, 0, "重算超期")
        stored: dict[tuple[int, dt.date], int | None] = {}
        frame = self.frame
        rows = self.session.execute(
            select(_overdue.elevator_id, _overdue.limit_on, _overdue.unit_id)
            .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
            .where(
                _overdue.limit_on.between(frame.from_on, frame.to_on), frame.within(_overdue.region_code),
                _correction.id.is_(None),
            )
        )  # fmt: skip
        for elevator_id, limit_on, unit_id in rows:
            stored[elevator_id, limit_on] = unit_id
        again = self._told_again()
        asked = [(e, on) for e, limits in again.items() for on in limits if not stored.get((e, on))]
        responsible = cover.responsible_of(self.session, asked)
        for (elevator_id, _limit_on), unit_id in stored.items():
            if unit_id is not None:
                self._count(unit_id, elevator_id, 0)
                if elevator_id not in again:
                    self._count(unit_id, elevator_id, 1)
        for elevator_id, limits in again.items():
            for limit_on in limits:
                unit_id = stored.get((elevator_id, limit_on)) or responsible.get((elevator_id, limit_on))
                if unit_id is not None:
                    self._count(unit_id, elevator_id, 1)

    def _count(self, unit_id: int, elevator_id: int, side: int) -> None:
        self._unit(unit_id).overdue[side] += 1
        self._missed_by[side][unit_id, elevator_id] += 1

    def _told_again(self) -> dict[int, list[dt.date]]:
        """The limits of the period that are missed under the draft, by elevator."""
        moved = {
            elevator for (_unit, elevator), found in self._changes.items()
            if any(counts_for_clock(one.was) != one.counts for one in found)
        }  # fmt: skip
        limits = self._limit_days()
        longer = {code for code, (before, after) in limits.items() if before != after}
        if longer:
            found = select(_visit.elevator_id).where(self._inside(), _visit.region_code.in_(longer)).distinct()
            moved |= set(self.session.scalars(found))
        told = {}
        for some in _chunks(sorted(moved)):
            days, pauses = self._counted_days(some), self._pauses(some)
            for elevator_id in some:
                on, code = days.get(elevator_id, ([], ""))
                told[elevator_id] = self._limits(on, limits.get(code, (15, 15))[1], pauses.get(elevator_id, []))
        return told

    def _limit_days(self) -> dict[str, tuple[int, int]]:
        codes = self.session.scalars(select(_visit.region_code).where(self._inside()).distinct())
        before, after = self._policies(
            lambda code, on: int(policy_value(self.session, Key.LIMIT_DAYS, code, on)),
            ((code, self.frame.to_on) for code in codes),
        )
        return {code: (days, after[code, on]) for (code, on), days in before.items()}

    def _counted_days(self, elevators: Sequence[int]) -> dict[int, tuple[list[dt.date], str]]:
        """The days that count under the draft, from the last one before the period on, and the elevator's region."""
        changed = {one.visit_id: one.counts for found in self._changes.values() for one in found}
        rows = self.session.execute(
            select(_visit.id, _visit.elevator_id, _visit.visit_on, _visit.state, _visit.region_code)
            .where(_visit.elevator_id.in_(elevators), _visit.visit_on <= self.frame.to_on)
            .order_by(_visit.elevator_id, _visit.visit_on)
        )
        days: dict[int, tuple[list[dt.date], str]] = {}
        for elevator_id, group in groupby(rows, lambda r: r.elevator_id):
            found = list(group)
            counted = [r.visit_on for r in found if changed.get(r.id, r.state in COUNTED)]
            before = [on for on in counted if on < self.frame.from_on]
            days[elevator_id] = before[-1:] + [on for on in counted if on >= self.frame.from_on], found[-1].region_code
        return days

    def _pauses(self, elevators: Sequence[int]) -> dict[int, list[Pause]]:
        rows = self.session.execute(
            select(_pause.elevator_id, _pause.from_on, _pause.to_on).where(_pause.elevator_id.in_(elevators))
        )
        pauses: dict[int, list[Pause]] = defaultdict(list)
        for elevator_id, from_on, to_on in rows:
            pauses[elevator_id].append(Pause(from_on, to_on))
        return pauses

    def _limits(self, days: Sequence[dt.date], limit_days: int, pauses: Sequence[Pause]) -> list[dt.date]:
        frame, days = self.frame, sorted(set(days))
        end = min(frame.to_on, clock.local_day(self.at) - DAY)
        missed: list[dt.date] = []
        if not days:
            return missed
        for on, following in zip(days, [*(d - DAY for d in days[1:]), end], strict=True):
            told = history_since(on, limit_days, limit_days, pauses, following)
            missed += [p.limit_on for p in told.periods if frame.from_on <= p.limit_on <= frame.to_on]
        return missed

    # --- scores

    def scores(self) -> None:
        """SCO-01 of each unit from the same facts, and from those that the draft makes of them."""
        before = Facts(self.session, self.frame)
        with policy_draft(self.session, self.draft):
            after = _Drafted(self.session, self.frame, self._changes, self._before, self._missed_by[1])
        units = sorted({*before.units(), *self.units})
        for number, (first, last) in enumerate(batches(units, scores.UNITS_AT_ONCE)):
            self.tell(number * scores.UNITS_AT_ONCE, len(units), "计算得分")
            self._score(0, before.judged(first, last))
            with policy_draft(self.session, self.draft):
                self._score(1, after.judged(first, last))

    def _score(self, side: int, found: Judgement) -> None:
        for unit_id in {*found.units, *found.unfailing}:
            pairs: Any = found.units.get(unit_id, [])
            if side:
                missed = self._missed_by[1]
                pairs = [(e, due, missed[unit_id, e], bad, valid) for e, due, _missed, bad, valid in pairs]
            made, figures = tallied_score(tally(pairs, found.unfailing.get(unit_id, ()))), self._unit(unit_id)
            figures.points[side] = None if made.points is None else str(made.points)
            figures.due[side], figures.bad[side] = made.due, made.bad


def _move(states: Counter[str], old: VisitState, new: VisitState | None) -> None:
    if old is new:
        return
    states[old.value] -= 1
    if not states[old.value]:
        del states[old.value]
    if new is not None:
        states[new.value] += 1


def _chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), ELEVATORS_AT_ONCE):
        yield keys[start : start + ELEVATORS_AT_ONCE]
