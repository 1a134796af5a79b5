"""The missed periods of a past period, as they stand and as a draft would have them: told again in sets.

Told again are only elevators of which the draft has a word; the rest stays as it was judged.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, or_, select

from app import clock
from app.models import Elevator, MaintenancePause, OverdueCorrection, OverduePeriod, Visit
from app.models.among import among
from app.models.policy import Places
from app.rules.clock_history import history_since
from app.rules.schedule import Pause
from app.transaction import AnySession
from app.workflows import cover
from app.workflows.score_facts import DAY, Frame
from app.workflows.score_runs import COUNTED
from app.workflows.score_sets import all_of, days_between

Pair = tuple[int, int]

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


def by_pair(
    session: AnySession, frame: Frame, at: dt.datetime, moved: Collection[int], visits: Any, limits: Limits
) -> tuple[Counter[Pair], Counter[Pair]]:
    """How often each pair missed a limit in the period, before and after.

    `moved`: elevators of which the draft moves a record that counts. `visits`: the records, in the states that the
    draft gives them, as a table.
    """
    stored = _stored(session, frame)
    told = _Told(session, frame, at, visits, limits).by_elevator(moved)
    answers: dict[tuple[int, dt.date], int | None] = {}
    for unit_id, missed in stored.items():
        answers.update(dict.fromkeys(missed, unit_id))
    asked = [(elevator, on) for elevator, found in told.items() for on in found if not answers.get((elevator, on))]
    answers.update(cover.responsible_of(session, asked))
    before = Counter((u, elevator) for u, missed in stored.items() if u for elevator, _on in missed)
    after = Counter({pair: number for pair, number in before.items() if pair[1] not in told})
    for elevator, found in told.items():
        for on in found:
            if unit_id := answers.get((elevator, on)):
                after[unit_id, elevator] += 1
    return before, after


def _stored(session: AnySession, frame: Frame) -> dict[int | None, list[tuple[int, dt.date]]]:
    """What stands: elevators and limits by the unit that answers, if any does."""
    on, days = days_between(session, literal(frame.from_on), _overdue.limit_on), frame.days
    found = (
        select(_overdue.unit_id, all_of(session, _overdue.elevator_id), all_of(session, on))
        .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
        .where(
            _overdue.limit_on.between(frame.from_on, frame.to_on), frame.within(_overdue.region_code),
            _correction.id.is_(None),
        )
        .group_by(_overdue.unit_id)
    )  # fmt: skip
    return {
        unit_id: [(elevator, days[number]) for elevator, number in zip(elevators, numbers, strict=True)]
        for unit_id, elevators, numbers in session.execute(found)
    }


class _Told:
    """Tells the missed limits of elevators anew from the days that count."""

    def __init__(self, session: AnySession, frame: Frame, at: dt.datetime, visits: Any, limits: Limits) -> None:
        self._session, self._frame, self._visits, self._limits = session, frame, visits, limits
        self._end = (min(frame.to_on, clock.local_day(at) - DAY) - frame.from_on).days
        # Days are numbers from the period's first one on.
        self._after = cache(self._limits_after)

    def by_elevator(self, moved: Collection[int]) -> dict[int, list[dt.date]]:
        """Of the elevators moved, and of all of which a limit is another and a day that counts is known."""
        told: dict[int, list[dt.date]] = {elevator: [] for elevator in moved}
        asked = self._limited_otherwise() | {*moved}
        if not asked:
            return told
        days, pauses, period = self._counted(asked), self._pauses(asked), self._frame.days
        for code, elevators, lasts in self._last_before(asked):
            limit_days = self._limits.of(code)[1]
            for elevator, last in zip(elevators, lasts, strict=True):
                numbers = days.get(elevator, [])
                numbers.sort()
                if last is not None:
                    numbers.insert(0, last)
                if not numbers:
                    continue
                stops, missed = pauses.get(elevator), told.setdefault(elevator, [])
                for number, following in zip(numbers, [*numbers[1:], self._end + 1], strict=True):
                    if following - number > limit_days:
                        limits = self._missed(number, following - 1, limit_days, stops)
                        missed += [period[limit] for limit in limits if 0 <= limit < len(period)]
        return told

    def _missed(self, number: int, through: int, limit_days: int, stops: Sequence[Pause] | None) -> Iterable[int]:
        """The limits missed after a counted day through another day; without a stop, as after any day."""
        if stops is None:
            return (number + days for days in self._after(limit_days, through - number))
        on, end = (self._frame.from_on + DAY * some for some in (number, through))
        history = history_since(on, limit_days, limit_days, stops, end)
        return ((period.limit_on - self._frame.from_on).days for period in history.periods)

    def _limits_after(self, limit_days: int, length: int) -> list[int]:
        on = self._frame.from_on
        history = history_since(on, limit_days, limit_days, (), on + DAY * length)
        return [(period.limit_on - on).days for period in history.periods]

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

    def _counted(self, elevators: Collection[int]) -> dict[int, list[int]]:
        """The days of the period that count."""
        visits, frame = self._visits, self._frame
        on = days_between(self._session, literal(frame.from_on), visits.visit_on)
        found = select(all_of(self._session, visits.elevator_id), all_of(self._session, on)).where(
            visits.state.in_(COUNTED), visits.visit_on.between(frame.from_on, frame.to_on),
            among(self._session, visits.elevator_id, elevators),
        )  # fmt: skip
        days: dict[int, list[int]] = defaultdict(list)
        keys, numbers = self._session.execute(found).one()
        for elevator, number in zip(keys or (), numbers or (), strict=True):
            days[elevator].append(number)
        return days

    def _last_before(self, elevators: Collection[int]) -> Iterable[tuple[str, list[int], list[int | None]]]:
        """By region the elevators, each with the last day before the period that counts."""
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
        asked = among(self._session, _elevator.id, elevators)
        each = select(_elevator.region_code, _elevator.id, before.label("on")).where(asked).subquery().c
        on = days_between(self._session, literal(frame.from_on), each.on)
        found = select(each.region_code, all_of(self._session, each.id), all_of(self._session, on))
        return self._session.execute(found.group_by(each.region_code)).all()

    def _pauses(self, elevators: Collection[int]) -> dict[int, list[Pause]]:
        rows = self._session.execute(
            select(_pause.elevator_id, _pause.from_on, _pause.to_on).where(
                among(self._session, _pause.elevator_id, elevators)
            )
        )
        pauses: dict[int, list[Pause]] = defaultdict(list)
        for elevator, from_on, to_on in rows:
            pauses[elevator].append(Pause(from_on, to_on))
        return pauses
