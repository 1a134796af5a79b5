"""One countdown for everything with a limit (CLK-01): start, pauses, working days, yellow and red.

Three ways to state a limit, each with the edge its rules give it: hours run from the instant; calendar days run to
the end of the n-th day after; working days (approval clocks only) to the end of the n-th working day after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.rules.calendar import day_end, local_day

WorkingDay = Callable[[date], bool]

# A calendar without any working day for so long is a broken one; better a clear error than an endless loop.
LONGEST_HOLIDAY_DAYS = 60
DAY = timedelta(days=1)


class DeadlineLevel(StrEnum):
    """正常, 临近, 超期."""

    OK = "ok"
    NEAR = "near"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A limit that runs; one that stood at times is worked out by `due_with_pauses`. `due_at`: the first too late."""

    started_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Countdown:
    """What a page shows: time left (negative when over), the fraction spent, the level."""

    due_at: datetime
    left: timedelta
    spent: float
    level: DeadlineLevel


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a clock stood; `until` None: it still stands."""

    since: datetime
    until: datetime | None = None


def weekday(day: date) -> bool:
    """The working calendar of a region that keeps none: Monday to Friday."""
    return day.weekday() < 5


def due_after_hours(start: datetime, hours: int) -> datetime:
    """Too late from so many hours and a second on: a limit of 24 h still holds at 24:00:00 (T5)."""
    return start + timedelta(hours=hours, seconds=1)


def due_after_minutes(start: datetime, minutes: int) -> datetime:
    """Too late from so many minutes and a second on: a limit of 3 min still holds at 3:00."""
    return start + timedelta(minutes=minutes, seconds=1)


def due_after_days(start: datetime, days: int) -> datetime:
    """Too late from the end of the n-th calendar day after the start's own day (T5)."""
    return day_end(local_day(start) + timedelta(days=days))


def due_after_working_days(start: datetime, days: int, is_working_day: WorkingDay) -> datetime:
    """Too late from the end of the n-th working day after the start's own day, whatever day that was."""
    day, left, idle = local_day(start), days, 0
    while left > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            left, idle = left - 1, 0
        else:
            idle += 1
            if idle > LONGEST_HOLIDAY_DAYS:
                raise ValueError(f"no working day in the {LONGEST_HOLIDAY_DAYS} days before {day.isoformat()}")
    return day_end(day)


def due_with_pauses(start: datetime, days: int, is_working_day: WorkingDay, pauses: Iterable[Span] = ()) -> datetime:
    """A limit of working days whose clock stood at times: each time it runs on with the days that were left.

    `pauses` in their order; one that still stands changes nothing yet. Days are counted as at the start: neither the
    day on which it stopped nor the one on which it runs on again is used up, whatever their hour. One that was over
    when it stopped stays over, by as much.
    """
    due_at = due_after_working_days(start, days, is_working_day)
    for span in pauses:
        if span.until is None:
            break
        left = working_days_left(start, due_at, span.since, is_working_day)
        if left is None:
            due_at += span.until - span.since
        else:
            start, due_at = span.until, due_after_working_days(span.until, left, is_working_day)
    return due_at


def working_days_left(start: datetime, due_at: datetime, at: datetime, is_working_day: WorkingDay) -> int | None:
    """Working days that a limit still has at an instant, the instant's own among them; None where it is over.

    `start` is when it began to run, the last time: that day is not one of the limit's.
    """
    if at >= due_at:
        return None
    before = max(local_day(at) - DAY, local_day(start))
    return working_days_between(before, local_day(due_at - timedelta(microseconds=1)), is_working_day)


def too_long_off(days: Iterable[date], is_working_day: WorkingDay) -> tuple[date, date] | None:
    """First and last of a row of days without work, around one of `days`, in which working days can't be counted."""
    seen: set[date] = set()
    for day in sorted(days):
        if day in seen or is_working_day(day):
            continue
        first = last = day
        while not is_working_day(first - DAY) and (last - first).days < LONGEST_HOLIDAY_DAYS:
            first -= DAY
        while not is_working_day(last + DAY) and (last - first).days < LONGEST_HOLIDAY_DAYS:
            last += DAY
        if (last - first).days >= LONGEST_HOLIDAY_DAYS:
            return first, last
        seen.update(first + DAY * n for n in range((last - first).days + 1))
    return None


def working_days_between(first: date, last: date, is_working_day: WorkingDay) -> int:
    """Working days after first, through last."""
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def start(
    at: datetime,
    *,
    hours: int | None = None,
    days: int | None = None,
    working_days: int | None = None,
    is_working_day: WorkingDay = weekday,
) -> Deadline:
    """A deadline that runs from `at`, under exactly one kind of limit."""
    if sum(limit is not None for limit in (hours, days, working_days)) != 1:
        raise ValueError("give exactly one of hours, days, working_days")
    if hours is not None:
        return Deadline(at, due_after_hours(at, hours))
    if days is not None:
        return Deadline(at, due_after_days(at, days))
    return Deadline(at, due_after_working_days(at, working_days or 0, is_working_day))


def countdown(deadline: Deadline, now: datetime, near: timedelta) -> Countdown:
    """How the deadline stands: near when `near` or less is left, over from `due_at` on.

    The fraction spent is of the whole time, 0 to 1 and beyond.
    """
    left = deadline.due_at - now
    whole = (deadline.due_at - deadline.started_at) / timedelta(seconds=1)
    spent = ((now - deadline.started_at) / timedelta(seconds=1)) / whole if whole > 0 else 1.0
    if left <= timedelta(0):
        level = DeadlineLevel.OVER
    else:
        level = DeadlineLevel.NEAR if left <= near else DeadlineLevel.OK
    return Countdown(deadline.due_at, left, max(spent, 0.0), level)


def idle_days(first: date, last: date, is_working_day: WorkingDay) -> int:
    """Days after first, through last, on which a clock of working days did not run."""
    return (last - first).days - working_days_between(first, last, is_working_day)
