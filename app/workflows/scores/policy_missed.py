"""The missed periods of a past period, as they stand and as a draft would have them: told again in sets.

Told again are only gaps between days that count, where the draft moves one of these days or the limit. What stands in
any other gap stays as it was judged.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, or_, select

from app import clock
from app.models import Appeal, Elevator, MaintenancePause, OverdueCorrection, OverduePeriod, Visit
from app.models.among import all_of, among
from app.models.policy import Places
from app.rules.clock_history import history_since
from app.rules.schedule import Pause
from app.rules.visits import counts_for_clock
from app.transaction import AnySession
from app.workflows.contracts import cover
from app.workflows.scores.policy_drafted import Begins, Changes
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import COUNTED, DAY, Frame
from app.workflows.scores.score_sets import days_between

# An elevator, and the day of a limit as a number of the period's days.
Limit = tuple[int, int]
# An elevator, the day that counts before, and the one after.
Gap = tuple[int, int, int]

_visit: Any = Visit.__table__.c
_elevator: Any = Elevator.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_correction: Any = OverdueCorrection.__table__.c
_pause: Any = MaintenancePause.__table__.c


@dataclass(frozen=True, slots=True)
class Limits:
    """How many days a period may last, before and after, by the first code of each piece of the region."""

    places: Places
    days: dict[str, tuple[int, int]]

    def of(self, region_code: str) -> tuple[int, int]:
        return self.days[self.places.piece(region_code, self.places.days[-1])[0]]

    def changed(self, region_code: Any) -> ColumnElement[bool]:
        """Where the two differ."""
        found: ColumnElement[bool] = false()
        for code, until in zip(self.places.codes, [*self.places.codes[1:], "A"], strict=True):
            if self.days[code][0] != self.days[code][1]:
                found = or_(found, and_(region_code >= code, region_code < until))
        return found


def _stored(session: AnySession, frame: Frame) -> dict[int | None, list[Limit]]:
    """What stands, by the unit that answers, if any does."""
    on = days_between(session, literal(frame.from_on), _overdue.limit_on)
    found = (
        select(_overdue.unit_id, all_of(session, _overdue.elevator_id), all_of(session, on))
        .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
        .where(
            _overdue.limit_on.between(frame.from_on, frame.to_on), frame.within(_overdue.region_code),
            _correction.id.is_(None),
        )
        .group_by(_overdue.unit_id)
    )  # fmt: skip
    rows = session.execute(found)
    return {unit_id: [*zip(elevators, numbers, strict=True)] for unit_id, elevators, numbers in rows}


def _excused(facts: Facts) -> set[Limit]:
    """Limits that an upheld appeal took from the unit: told anew they stay so."""
    frame = facts.frame
    upheld = select(Appeal.elevator_id, Appeal.happened_on).where(
        Appeal.entity == OverduePeriod.__tablename__, Appeal.in_force_from.is_not(None),
        Appeal.happened_on.between(frame.from_on, frame.to_on), frame.within(Appeal.region_code),
    )
    rows = facts.session.execute(upheld.execution_options(skip_scope=True))
    return {(elevator, (on - frame.from_on).days) for elevator, on in rows if elevator is not None}


@lru_cache(maxsize=4096)
def _limits_after(on: dt.date, limit_days: int, length: int) -> tuple[int, ...]:
    """The limits missed in so many days after a counted one, as numbers of days from it: the same after any day.

    Kept here, not with `Missed`: what held a method of its own would be let go by a search for cycles alone.
    """
    history = history_since(on, limit_days, limit_days, (), on + DAY * length)
    return tuple((period.limit_on - on).days for period in history.periods)


class Missed:
    """How often each unit missed a limit, as it stands and where `changes` move what counts or a limit is another.

    In steps, so that the database need not wait: made, it has read the days that count. `stands` and `around` read,
    `look` before and `tell` after `around` do not use the session; `by_unit` reads who answers. Of `begins` the days
    are there once it was looked. Days are numbers from the period's first one on.
    """

    def __init__(self, facts: Facts, at: dt.datetime, changes: Changes, limits: Limits) -> None:
        frame = facts.frame
        self._session, self._facts, self._frame, self._limits = facts.session, facts, frame, limits
        self._last = (frame.to_on - frame.from_on).days
        self._end = (min(frame.to_on, clock.local_day(at) - DAY) - frame.from_on).days
        self._limited = self._limited_otherwise()
        self._asked = changes.counting() | self._limited
        self.begins = Begins()
        self._of_two_units: set[int] = set()
        # The days of each elevator that count before, and those that it loses and gains.
        self._days: dict[int, list[int]] = defaultdict(list)
        self._lost: dict[int, list[int]] = defaultdict(list)
        self._gained: dict[int, list[int]] = defaultdict(list)
        self._gaps: list[Gap] = []
        self._heads: dict[int, int] = {}
        # What stands, and what of it no longer does; what is missed instead.
        self._stored: dict[int | None, list[Limit]] = {}
        self._excused: set[Limit] = set()
        self._pauses: dict[int, list[Pause]] = {}
        self._limit_of: dict[int, int] = {}
        self._gone: dict[Limit, int | None] = {}
        self._come: list[Limit] = []
        if self._asked:
            self._read(changes)

    def _read(self, changes: Changes) -> None:
        of_unit: dict[int, set[int]] = defaultdict(set)
        for unit_id, elevators, numbers in self._counted():
            of_unit[unit_id].update(elevators)
            for elevator, number in zip(elevators, numbers, strict=True):
                self._days[elevator].append(number)
        for stored, was, will, moved in changes.drafted():
            if counts_for_clock(was) == counts_for_clock(will):
                continue
            counted = counts_for_clock(stored)
            side = self._lost if counted else self._gained
            for unit_id, elevator, number in zip(moved.units, moved.elevators, moved.days, strict=True):
                if number <= min(self._days.get(elevator) or [number]):
                    self.begins.otherwise.add(elevator)
                if not counted:
                    of_unit[unit_id].add(elevator)
                if counted != counts_for_clock(will):
                    side[elevator].append(number)
        # Of an elevator with two units one first day is not the other's.
        seen: set[int] = set()
        for some in of_unit.values():
            self._of_two_units |= some & seen & self._asked
            seen |= some
        self.begins.otherwise |= self._of_two_units

    def look(self) -> None:
        """Find the gaps between days that count which are others than before, or last longer than another limit.

        Where no day is known before the first one, there is nothing to tell anew: what stands stays.
        """
        for elevator in self._asked:
            days, lost, gained = self._days[elevator], self._lost.get(elevator, ()), self._gained.get(elevator, ())
            may_move = elevator in self.begins.otherwise and elevator not in self._of_two_units
            first = min(days, default=None) if may_move else None
            for number in lost:
                days.remove(number)
            new = [number for number in gained if number not in days and number not in lost]
            days += gained
            days.sort()
            if first is not None and days:
                self.begins.days[elevator] = first, days[0]
            if elevator in self._limited:
                places = {*range(len(days) + 1)}
            else:
                places = {bisect_left(days, number) for number in lost if number not in days}
                for number in new:
                    place = bisect_left(days, number)
                    places |= {place, place + 1}
            for place in places:
                end = days[place] if place < len(days) else self._end + 1
                if place:
                    self._gaps.append((elevator, days[place - 1], end))
                else:
                    self._heads[elevator] = end

    def stands(self) -> None:
        """Read what stands."""
        self._stored, self._excused = _stored(self._session, self._frame), _excused(self._facts)

    def around(self) -> None:
        """Read what is around the gaps that were found."""
        self._gaps += [(elevator, last, self._heads[elevator]) for elevator, last in self._last_before(self._heads)]
        asked = {gap[0] for gap in self._gaps}
        if asked:
            self._pauses, self._limit_of = self._pauses_of(asked), self._limits_of(asked)

    def tell(self) -> None:
        """Find the limits that no longer stand, with the unit that answered, and those that are missed now."""
        stood: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
        for unit_id, missed in self._stored.items():
            for elevator, number in missed:
                if elevator in self._asked:
                    stood[elevator].append((number, unit_id))
        for elevator, begin, end in self._gaps:
            for number, unit_id in stood.get(elevator, ()):
                if begin < number <= end:
                    self._gone[elevator, number] = unit_id
            limit_days = self._limit_of[elevator]
            if end - begin > limit_days:
                limits = self._missed(begin, end - 1, limit_days, self._pauses.get(elevator))
                self._come += [(elevator, limit) for limit in limits if 0 <= limit <= self._last]

    def by_unit(self) -> tuple[Counter[int], Counter[int]]:
        """By unit before and after; asked once."""
        before = Counter({unit_id: len(missed) for unit_id, missed in self._stored.items() if unit_id})
        after, asked, days = Counter(before), list[tuple[int, dt.date]](), self._frame.days
        after.subtract(unit_id for unit_id in self._gone.values() if unit_id)
        for limit in self._come:
            if limit in self._excused:
                continue
            if unit_id := self._gone.get(limit):
                after[unit_id] += 1
            else:
                asked.append((limit[0], days[limit[1]]))
        after.update(cover.answering(self._session, asked))
        return before, after

    def _missed(self, number: int, through: int, limit_days: int, stops: Sequence[Pause] | None) -> Iterable[int]:
        """The limits missed after a counted day through another day; without a stop, as after any day."""
        if stops is None:
            return (number + days for days in _limits_after(self._frame.from_on, limit_days, through - number))
        on, end = (self._frame.from_on + DAY * some for some in (number, through))
        history = history_since(on, limit_days, limit_days, stops, end)
        return ((period.limit_on - self._frame.from_on).days for period in history.periods)

    # --- what is read

    def _limited_otherwise(self) -> set[int]:
        """The elevators visited in the period or missed where the draft has another limit."""
        if all(before == after for before, after in self._limits.days.values()):
            return set()
        frame, found = self._frame, set[int]()
        for column in (_visit, _overdue):
            on = column.visit_on if column is _visit else column.limit_on
            asked = select(column.elevator_id).where(
                on.between(frame.from_on, frame.to_on), frame.within(column.region_code),
                self._limits.changed(column.region_code),
            )  # fmt: skip
            found.update(self._session.scalars(asked.distinct()))
        return found

    def _counted(self) -> Any:
        """The days of the period that count, and whose they are."""
        frame = self._frame
        on = days_between(self._session, literal(frame.from_on), _visit.visit_on)
        found = select(_visit.unit_id, all_of(self._session, _visit.elevator_id), all_of(self._session, on)).where(
            _visit.state.in_(COUNTED), _visit.visit_on.between(frame.from_on, frame.to_on),
            self._facts.within, among(self._session, _visit.elevator_id, self._asked),
        )  # fmt: skip
        return self._session.execute(found.group_by(_visit.unit_id))

    def _last_before(self, elevators: Collection[int]) -> Iterable[tuple[int, int]]:
        """The last day before the period that counts, where there is one."""
        if not elevators:
            return ()
        frame = self._frame
        before = (
            select(_visit.visit_on)
            .where(
                _visit.elevator_id == _elevator.id, _visit.visit_on < frame.from_on, _visit.state.in_(COUNTED)
            )
            .order_by(_visit.visit_on.desc())
            .limit(1)
            .scalar_subquery()
        )  # fmt: skip
        each = select(_elevator.id, before.label("on")).where(among(self._session, _elevator.id, elevators))
        # The offset keeps PostgreSQL from looking each day up twice, once to see whether there is one.
        last = each.offset(0).subquery().c
        on = days_between(self._session, literal(frame.from_on), last.on)
        found = select(all_of(self._session, last.id), all_of(self._session, on)).where(last.on.is_not(None))
        keys, numbers = self._session.execute(found).one()
        return zip(keys or (), numbers or (), strict=True)

    def _limits_of(self, elevators: Collection[int]) -> dict[int, int]:
        """How many days each may last under the draft."""
        days = {after for _, after in self._limits.days.values()}
        if len(days) == 1:
            return dict.fromkeys(elevators, *days)
        found = select(_elevator.region_code, all_of(self._session, _elevator.id)).where(
            among(self._session, _elevator.id, elevators)
        )
        rows = self._session.execute(found.group_by(_elevator.region_code))
        return {elevator: self._limits.of(code)[1] for code, some in rows for elevator in some}

    def _pauses_of(self, elevators: Collection[int]) -> dict[int, list[Pause]]:
        rows = self._session.execute(
            select(_pause.elevator_id, _pause.from_on, _pause.to_on).where(
                among(self._session, _pause.elevator_id, elevators)
            )
        )
        pauses: dict[int, list[Pause]] = defaultdict(list)
        for elevator, from_on, to_on in rows:
            pauses[elevator].append(Pause(from_on, to_on))
        return pauses
