"""What a stretch of an elevator's history says: the missed periods between two counted visits, and the clock after.

For evidence that arrives late or is taken back; the clock itself is in `schedule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.rules.schedule import Clock, Pause, clock_from


@dataclass(frozen=True, slots=True)
class MissedPeriod:
    """A missed period (anchor, limit]; `again` = the period before it was missed as well."""

    anchor_on: date
    limit_on: date
    again: bool


@dataclass(frozen=True, slots=True)
class History:
    """Missed periods since the anchor, the clock at the end of the last day, and how many of them still stand in a row.

    After a change of unit the row starts anew: the missed ones before it are the old unit's.
    """

    clock: Clock
    periods: list[MissedPeriod]
    standing: int
    limit_days: int

    @property
    def missed_since(self) -> date | None:
        """The first missed limit that still stands."""
        return self.periods[-self.standing].limit_on if self.standing else None


def periods_of(anchor: date, limits: Sequence[date], standing_before: int = 0) -> list[MissedPeriod]:
    """Missed limits in a row as periods; the first begins at the anchor, each later one at the limit before it."""
    begins = [anchor, *limits]
    return [
        MissedPeriod(begin, limit, standing_before + n > 0)
        for n, (begin, limit) in enumerate(zip(begins, limits, strict=False))
    ]


def history_since(
    anchor: date,
    interval_days: int,
    limit_days: int,
    pauses: Sequence[Pause],
    through: date,
    unit_since_on: date | None = None,
) -> History:
    """Replay from the day of a counted visit to the end of `through`, with the stops and the last change of unit (T12).

    A limit ahead at the change carries over; where one was missed, the new unit begins on its first day.
    """
    if unit_since_on is not None and anchor < unit_since_on <= through:
        before = unit_since_on - timedelta(days=1)
        _, missed = clock_from(anchor, interval_days, limit_days, pauses, before)
        if missed:
            clock, later = clock_from(unit_since_on, interval_days, limit_days, pauses, through)
            return History(clock, periods_of(anchor, missed) + periods_of(unit_since_on, later), len(later), limit_days)
    clock, missed = clock_from(anchor, interval_days, limit_days, pauses, through)
    return History(clock, periods_of(anchor, missed), len(missed), limit_days)
