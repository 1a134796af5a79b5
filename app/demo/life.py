"""A year in the life of one invented elevator: visits, missed periods, clock, next dates; by the product's rules."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app import clock
from app.rules.calendar import add_months
from app.rules.levels import Level, LongDates, dates_from_annual, merged_level, next_long_dates
from app.rules.schedule import Clock, roll, start_clock
from app.rules.visits import (
    VisitFacts,
    VisitMode,
    VisitPolicy,
    counts_for_clock,
    review_deadline,
    sheet_deadline,
    visit_state,
)

DAY = dt.timedelta(days=1)


@dataclass(slots=True)
class Life:
    """What happened: rows without keys, as the tables want them; `standing` is the clock at the end.

    A visit that an order asked for says so by that order's day and limit (`ordered`).
    """

    visits: list[dict[str, Any]] = field(default_factory=list)
    # (anchor, limit, previous missed, done late on)
    missed: list[tuple[dt.date, dt.date, bool, dt.date | None]] = field(default_factory=list)
    standing: Clock | None = None
    first_on: dt.date | None = None
    last_on: dt.date | None = None
    missed_now: int = 0
    missed_since: dt.date | None = None
    long_dates: LongDates = field(default_factory=LongDates)
    next_level: Level = Level.HALF_MONTH


@dataclass(frozen=True, slots=True)
class Habits:
    """How a firm works: the share of visits that come late, and of records that go wrong."""

    late: float
    careless: float
    interval_days: int
    limit_days: int


class Diary:
    """How many visits a worker already has on a day: their hours do not overlap."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[int, int]] = Counter()

    def slot(self, worker: int, day: dt.date) -> int:
        key = (worker, day.toordinal())
        self._taken[key] += 1
        return self._taken[key] - 1


def live(
    rng: random.Random,
    habits: Habits,
    policy: VisitPolicy,
    diary: Diary,
    worker: int,
    from_on: dt.date,
    until_on: dt.date,
    now: dt.datetime,
) -> Life:
    """Visit the elevator from `from_on` on, never on or after `until_on`; judged through the day before `until_on`."""
    life = Life()
    annual_on = add_months(from_on, rng.randint(1, 12))
    life.long_dates = dates_from_annual(annual_on, from_on, habits.interval_days).long_dates
    day, planned = from_on + DAY * rng.randrange(habits.interval_days), from_on
    while day < until_on:
        level = merged_level(planned, habits.interval_days, life.long_dates)
        row = _visit(rng, habits, policy, diary, worker, day, level, now)
        if row is None:
            day += DAY
            continue
        life.visits.append(row)
        row["ordered"] = None
        if row["counted"]:
            _judge(life, day - DAY, habits.limit_days, done_on=day)
            if life.standing is not None:
                row["ordered"] = (planned, life.standing.limit_on)
            life.standing = start_clock(day, habits.interval_days, habits.limit_days)
            life.first_on, life.last_on, life.missed_now = life.first_on or day, day, 0
            life.missed_since = None
            life.long_dates = next_long_dates(life.long_dates, level, planned, day)
            planned = day + DAY * habits.interval_days
            day += DAY * _gap(rng, habits)
        else:
            day += DAY * rng.randint(1, 3)
    _judge(life, until_on - DAY, habits.limit_days, done_on=None)
    if life.standing is not None:
        life.next_level = merged_level(life.standing.planned_on, habits.interval_days, life.long_dates)
    return life


def _gap(rng: random.Random, habits: Habits) -> int:
    if rng.random() < habits.late:
        return habits.limit_days + int(rng.expovariate(1 / 6)) + 1
    return habits.interval_days - rng.choice((0, 0, 0, 1, 1, 2, 3))


def _judge(life: Life, through: dt.date, limit_days: int, done_on: dt.date | None) -> None:
    if life.standing is None:
        return
    anchor = life.standing.anchor_on
    life.standing, limits = roll(life.standing, through, limit_days)
    for number, limit in enumerate(limits):
        life.missed.append((anchor, limit, number > 0, done_on))
        anchor = limit
    life.missed_now, life.missed_since = len(limits), limits[0] if limits else None


def _visit(
    rng: random.Random,
    habits: Habits,
    policy: VisitPolicy,
    diary: Diary,
    worker: int,
    day: dt.date,
    level: Level,
    now: dt.datetime,
) -> dict[str, Any] | None:
    slot = diary.slot(worker, day)
    if slot > 5:
        return None
    morning = clock.instant_of(dt.datetime.combine(day, dt.time(8)))
    start = morning + dt.timedelta(minutes=95 * slot + rng.randint(0, 20))
    least = policy.min_minutes or 30
    out: dt.datetime | None = start + dt.timedelta(minutes=least + rng.randint(1, 38), seconds=rng.randint(0, 59))
    if rng.random() < habits.careless * 0.2:
        out = None
    mode = VisitMode.SHEET if rng.random() < 0.15 else VisitMode.ITEMS
    signed = sheet = reviewed = None
    if out is not None and mode is VisitMode.SHEET:
        sheet = _later(rng, out, now, hours=(1, 20), late_hours=(25, 70), careless=habits.careless)
    if out is not None and rng.random() < 0.6:
        signed = out
    elif out is not None:
        reviewed = _later(rng, out, now, hours=(20, 220), late_hours=(400, 700), careless=habits.careless)
    facts = VisitFacts(
        checked_in_at=start, checked_out_at=out, mode=mode, sheet_at=sheet, signed_at=signed, reviewed_at=reviewed,
        received_at=out or start,
    )  # fmt: skip
    standing = visit_state(facts, policy, now)
    return {
        "visit_on": day, "level": level.value, "checked_in_at": start, "checked_out_at": out,
        "received_at": out or start, "mode": mode.value if out else None, "sheet_at": sheet, "signed_at": signed,
        "reviewed_at": reviewed,
        "sheet_due_at": sheet_deadline(out, policy) if out is not None and mode is VisitMode.SHEET else None,
        "review_due_at": (
            review_deadline(out, policy) if out is not None and signed is None and policy.review_required else None
        ),
        "state": standing.state.value, "awaiting_sheet": standing.awaiting_sheet,
        "awaiting_review": standing.awaiting_review, "next_change_at": standing.next_change_at,
        "counted": counts_for_clock(standing.state), "reason": standing.reason,
    }  # fmt: skip


def _later(
    rng: random.Random,
    out: dt.datetime,
    now: dt.datetime,
    hours: tuple[int, int],
    late_hours: tuple[int, int],
    careless: float,
) -> dt.datetime | None:
    """When the sheet came or the review was done; None when not (yet)."""
    luck = rng.random()
    if luck < careless / 2:
        return None
    span = late_hours if luck < careless else hours
    at = out + dt.timedelta(minutes=rng.randint(span[0] * 60, span[1] * 60))
    return at if at <= now else None
