"""The maintenance clock of an elevator: planned days, overdue limits, pauses, change of unit, task tabs.

One clock an elevator, fed by counted visits, not by orders. A period is (last counted visit, limit]; a missed
limit starts the next period. Two lengths are at work and never mixed: the ledger's interval (14 or 15) makes the
planned day, the policy's limit (15) makes the limit. Levels and longer services are in `levels` and offered here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.rules.levels import (
    LEVEL_LABELS,
    LEVEL_MONTHS,
    EntryDates,
    Level,
    LongDates,
    PlannedOrder,
    dates_from_annual,
    merged_level,
    next_long_dates,
    year_plan,
)

__all__ = [
    "LEVEL_LABELS",
    "LEVEL_MONTHS",
    "Clock",
    "DueDay",
    "EntryDates",
    "Level",
    "LongDates",
    "OnDemand",
    "Pause",
    "PlannedOrder",
    "change_unit",
    "clock_from",
    "dates_from_annual",
    "due_day",
    "first_anchor",
    "limit_on",
    "merged_level",
    "merged_pauses",
    "missed_limits",
    "next_long_dates",
    "order_due",
    "pause",
    "period_days",
    "planned_on",
    "resume",
    "roll",
    "start_clock",
    "year_plan",
]


@dataclass(frozen=True, slots=True)
class Clock:
    """Where an elevator stands: the running period is (anchor, limit], the next order is planned for `planned_on`.

    The anchor is the last counted visit, or the missed limit at which the running period started. While paused, the
    last three fields are set, and limit and plan are history.
    """

    anchor_on: date
    limit_on: date
    planned_on: date
    paused_on: date | None = None
    remaining_days: int | None = None
    plan_remaining_days: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop of the clock: from its first day on, until the day on which it runs again (None: still stopped)."""

    from_on: date
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class OnDemand:
    """An approved longer interval, from its first to its last day (PLN-11)."""

    from_on: date
    to_on: date
    interval_days: int


def period_days(anchor: date, limit_days: int, spans: Sequence[OnDemand]) -> int:
    """How long the period that begins at the anchor may last: the usual limit, or an approved longer interval.

    A span that begins while the usual period still runs lengthens it. After the span's last day the usual limit holds
    again, so a period never reaches further beyond that day than the usual limit.
    """
    longest = limit_days
    for span in spans:
        if span.from_on <= anchor + timedelta(days=limit_days) and anchor <= span.to_on:
            longest = max(longest, min(span.interval_days, (span.to_on - anchor).days + limit_days))
    return longest


def planned_on(anchor: date, interval_days: int) -> date:
    """The day planned for the next half-month service: last counted visit + the ledger's interval."""
    return anchor + timedelta(days=interval_days)


def limit_on(anchor: date, limit_days: int) -> date:
    """The last day in time: last counted visit + the limit, whatever the ledger's interval is."""
    return anchor + timedelta(days=limit_days)


def start_clock(anchor: date, interval_days: int, limit_days: int) -> Clock:
    """A clock that starts (anew) on the day of a counted visit."""
    return Clock(anchor, limit_on(anchor, limit_days), planned_on(anchor, interval_days))


def missed_limits(clock_limit: date, through_day: date, limit_days: int) -> list[date]:
    """The limits whose day is over at the end of `through_day` (T2). The limit's own day is still in time."""
    if limit_days < 1:
        raise ValueError("limit_days must be at least 1")
    missed = []
    while clock_limit <= through_day:
        missed.append(clock_limit)
        clock_limit += timedelta(days=limit_days)
    return missed


def roll(clock: Clock, through_day: date, limit_days: int) -> tuple[Clock, list[date]]:
    """The clock after judging every day up to `through_day`, and the limits missed. A paused clock misses nothing.

    The planned day stays: the order that was not done is still open.
    """
    if clock.paused_on is not None:
        return clock, []
    missed = missed_limits(clock.limit_on, through_day, limit_days)
    if not missed:
        return clock, []
    return replace(clock, anchor_on=missed[-1], limit_on=missed[-1] + timedelta(days=limit_days)), missed


def pause(clock: Clock, on: date) -> Clock:
    """Stop the clock from `on` on; the days left are kept (T13). Of two overlapping pauses the first one holds.

    The days before `on` must have been judged (`roll`), so the limit is not behind; a limit on the very day of the
    stop has 0 days left. A pause that takes force in the past is replayed with `clock_from` instead: only that knows
    which limit ran on that day.
    """
    if clock.paused_on is not None:
        return clock
    remaining = (clock.limit_on - on).days
    if remaining < 0:
        raise ValueError("judge the days before the pause first")
    # An order that should have been done before the stop is due on the first day after it.
    plan_remaining = max((clock.planned_on - on).days, 0)
    return replace(clock, paused_on=on, remaining_days=remaining, plan_remaining_days=plan_remaining)


def resume(clock: Clock, on: date) -> Clock:
    """Run again from `on` with the days that were left (T13: 6 left, restarted 03-30 → limit 04-05)."""
    if clock.paused_on is None or clock.remaining_days is None or clock.plan_remaining_days is None:
        raise ValueError("the clock is not paused")
    if on < clock.paused_on:
        raise ValueError("a pause can't end before it began")
    return Clock(
        clock.anchor_on,
        on + timedelta(days=clock.remaining_days),
        on + timedelta(days=clock.plan_remaining_days),
    )


def merged_pauses(pauses: Sequence[Pause]) -> list[Pause]:
    """The same stops without overlap, in order. 停用 and 维保暂停 may overlap: the clock runs when neither holds."""
    merged: list[Pause] = []
    for p in sorted(pauses, key=lambda p: p.from_on):
        if p.until_on is not None and p.until_on <= p.from_on:
            continue
        if merged and (last := merged[-1]).until_on is None:
            break
        if merged and last.until_on is not None and p.from_on <= last.until_on:
            until = None if p.until_on is None else max(last.until_on, p.until_on)
            merged[-1] = Pause(last.from_on, until)
        else:
            merged.append(p)
    return merged


def clock_from(
    anchor: date, interval_days: int, limit_days: int, pauses: Sequence[Pause], through_day: date
) -> tuple[Clock, list[date]]:
    """The clock and its missed limits after `through_day`, replayed from the last counted visit.

    The way for whatever arrives late: a visit from an offline phone, a stop effective before it was approved.
    What an elevator had missed and no longer has is withdrawn by the caller with correction rows.
    """
    clock = start_clock(anchor, interval_days, limit_days)
    missed: list[date] = []
    for p in merged_pauses(pauses):
        if p.until_on is not None and p.until_on <= anchor:
            continue
        if p.from_on > through_day:
            break
        begin = max(p.from_on, anchor)
        clock, more = roll(clock, begin - timedelta(days=1), limit_days)
        missed += more
        clock = pause(clock, begin)
        if p.until_on is None or p.until_on > through_day:
            return clock, missed
        clock = resume(clock, p.until_on)
    clock, more = roll(clock, through_day, limit_days)
    return clock, missed + more


def change_unit(clock: Clock, first_day: date, interval_days: int, limit_days: int, *, missed: bool) -> Clock:
    """The clock when another unit takes over on `first_day` (T12).

    A limit still ahead carries over. Where a limit since the last visit was missed (`missed`), that one stays with
    the old unit and the new unit's first period starts on its first day, instead of the old row of missed periods
    going on: it can't answer for a rhythm that the other unit lost. A paused clock keeps a full period in that case.
    """
    # While the clock stands its limit is history, so only a running one can be behind.
    behind = clock.paused_on is None and clock.limit_on < first_day
    if not missed and not behind:
        return clock
    fresh = start_clock(first_day, interval_days, limit_days)
    return fresh if clock.paused_on is None else pause(fresh, first_day)


def first_anchor(
    in_use_on: date | None, contract_from_on: date | None, *, never_visited_counts: bool
) -> date | None:
    """Where the clock of an elevator starts that this unit never visited; None = it has none yet.

    huzhou counts nothing before the first visit; the other presets start at the later of 在用 and the contract's
    first day. Without either day there is no duty yet.
    """
    if not never_visited_counts or in_use_on is None or contract_from_on is None:
        return None
    return max(in_use_on, contract_from_on)


def order_due(planned: date, today: date, horizon_days: int) -> bool:
    """Whether tonight's job makes the order: planned within the horizon, or already behind (T3)."""
    return (planned - today).days <= horizon_days


@dataclass(frozen=True, slots=True)
class DueDay:
    """The limit that counts today: the missed one while it stands, else the one that runs."""

    on: date | None
    left_days: int | None
    over: bool = False
    paused: bool = False


def due_day(
    limit: date | None, missed_since: date | None, paused_on: date | None, left_days: int | None, today: date
) -> DueDay:
    """What every list and page shows as the limit: a missed limit stays the one that is due until a visit comes.

    The clock itself runs on to the next limit; shown alone that would hide what was missed. A limit that is behind
    and not judged yet is over as well. Stopped, nothing is asked: the days kept are shown.
    """
    if paused_on is not None:
        return DueDay(missed_since, left_days, False, True)
    if missed_since is not None:
        return DueDay(missed_since, (missed_since - today).days, True)
    if limit is None:
        return DueDay(None, None)
    left = (limit - today).days
    return DueDay(limit, left, left < 0)
