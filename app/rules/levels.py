"""The longer services: which level an order has, and when each is due next (PLN-01, PLN-02, PLN-04).

Months are calendar months, cut at the month's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.errors import Finding, raise_failing
from app.rules.calendar import add_months, month_end
from app.wording import say


class Level(StrEnum):
    """半月, 季度, 半年, 年度; each holds the items of the shorter ones.

    Compares by length, not by letters: half_month < quarter < half_year < annual.
    """

    HALF_MONTH = "half_month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    ANNUAL = "annual"

    @property
    def rank(self) -> int:
        return list(Level).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Level(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Level(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Level(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Level(other).rank


LEVEL_MONTHS = {Level.QUARTER: 3, Level.HALF_YEAR: 6, Level.ANNUAL: 12}

LEVEL_LABELS = {
    Level.HALF_MONTH: say("半月维保"),
    Level.QUARTER: say("季度维保"),
    Level.HALF_YEAR: say("半年维保"),
    Level.ANNUAL: say("年度维保"),
}


def level_on_site(order: str | None, due: str | None, chosen: str | None) -> Level:
    """The level of a visit as it begins: of the order that it stands for; without one whoever is there chooses, and
    says he nothing it is what the ledger holds ready, else the half-month's.

    A shorter service than is due takes nothing from the longer one, which stays due (`next_long_dates`).
    """
    return Level(order or chosen or due or Level.HALF_MONTH)


def known_level(chosen: str) -> str:
    """What was chosen, if it is a level; else nothing."""
    return chosen if chosen in set(Level) else ""


def level_finding(chosen: str) -> Finding:
    """Whether what was chosen is a level."""
    known = chosen in set(Level)
    found = LEVEL_LABELS[Level(chosen)] if known else say("没有“%(level)s”这个频次", level=chosen[:20])
    return Finding("维保频次", known, found, "" if known else "请选半月、季度、半年或年度", field="level")


@dataclass(frozen=True, slots=True)
class LongDates:
    """When each longer service is due next; None where the ledger does not say."""

    quarter_on: date | None = None
    half_year_on: date | None = None
    annual_on: date | None = None

    def due_on(self, level: Level) -> date | None:
        return {
            Level.QUARTER: self.quarter_on,
            Level.HALF_YEAR: self.half_year_on,
            Level.ANNUAL: self.annual_on,
        }.get(level)


@dataclass(frozen=True, slots=True)
class EntryDates:
    """All four next dates of a ledger, derived from the annual one."""

    half_month_on: date
    quarter_on: date
    half_year_on: date
    annual_on: date

    @property
    def long_dates(self) -> LongDates:
        return LongDates(self.quarter_on, self.half_year_on, self.annual_on)


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of a one-year plan."""

    planned_on: date
    level: Level


def merges(service_on: date, order_day: date, interval_days: int) -> bool:
    """Whether a longer service due on a day goes into this half-month order (T6, T7).

    Before the next order comes, and within the order's month. One that is already behind always merges.
    """
    return service_on < order_day + timedelta(days=interval_days) and service_on <= month_end(order_day)


def merged_level(order_day: date, interval_days: int, dates: LongDates) -> Level:
    """The level of a half-month order: the longest service that merges into it, else half-month."""
    for level in (Level.ANNUAL, Level.HALF_YEAR, Level.QUARTER):
        due = dates.due_on(level)
        if due is not None and merges(due, order_day, interval_days):
            return level
    return Level.HALF_MONTH


def _next(due: date | None, months: int, order_day: date, done_day: date) -> date:
    """The due day after this service was done.

    Due by the end of the order's month and done by the end of its own month: the rhythm is kept, old day + months.
    Done after its month, done well ahead of it, or never planned: the rhythm starts anew on the day done, so that
    doing a service far too early can't stretch the gap to the one after.
    """
    if due is not None and due <= month_end(order_day) and done_day <= month_end(due):
        return add_months(due, months)
    return add_months(done_day, months)


def order_day_of(planned_on: date | None, done_on: date, interval_days: int) -> date:
    """The day of the order that a visit did: the planned one, whether the order was made already or not.

    A visit less than an interval ahead stands for that order, with what merges into it (h 11-06, q 11-08, done 10-31:
    next q 02-08). Further ahead it is work of its own on its own day, so that it can't stretch the gap that follows.
    """
    if planned_on is None or done_on + timedelta(days=interval_days) <= planned_on:
        return done_on
    return planned_on


def next_long_dates(dates: LongDates, level_done: Level, order_day: date, done_day: date) -> LongDates:
    """The next dates once an order of a level, planned for `order_day`, was done on `done_day`.

    Items are cumulative, so a longer service satisfies the shorter ones too: each of them moves on, by its own
    rhythm if it was due as well, else from the day done. The annual service resets all: from the annual day (or
    from the day done, if that was later than its month) quarter + 3, half-year + 6, annual + 12 months.
    Levels longer than the one done stay as they are.
    """
    if level_done is Level.HALF_MONTH:
        return dates
    if level_done is Level.ANNUAL:
        annual = _next(dates.annual_on, 12, order_day, done_day)
        return LongDates(add_months(annual, -9), add_months(annual, -6), annual)
    quarter = _next(dates.quarter_on, 3, order_day, done_day)
    if level_done is Level.QUARTER:
        return LongDates(quarter, dates.half_year_on, dates.annual_on)
    return LongDates(quarter, _next(dates.half_year_on, 6, order_day, done_day), dates.annual_on)


def annual_finding(annual_on: date, entry_on: date) -> Finding:
    """Whether the other dates can be derived from this one: the next annual service is not behind."""
    ahead = annual_on >= entry_on
    found = say(
        "下次年度维保 %(annual_on)s%(more)s",
        annual_on=annual_on.isoformat(),
        more="" if ahead else say(" 早于录入日 %(entry_on)s", entry_on=entry_on.isoformat()),
    )
    remedy = "" if ahead else "请填写下一次年度维保的日期；若上次年度维保已做，请填其后一年的日期"
    return Finding("年度维保日期", ahead, found, remedy, field="annual_on", value=annual_on.isoformat())


def dates_from_annual(annual_on: date, entry_on: date, interval_days: int) -> EntryDates:
    """The other three dates from the annual one (T8): each the first of its steps back that is not before entry.

    Half-year A − 6 months (or A itself if that is past: the annual service covers it), quarter A − 3k months,
    half-month A − k × interval. An annual date before the entry day can't be the next one and is refused.
    """
    raise_failing([annual_finding(annual_on, entry_on)])

    def first(step_months: int) -> date:
        day, k = annual_on, 0
        # Each step is taken from A itself, so that a cut at a short month's end does not add up.
        while (earlier := add_months(annual_on, -step_months * (k + 1))) >= entry_on:
            day, k = earlier, k + 1
        return day

    half_month = entry_on + timedelta(days=(annual_on - entry_on).days % interval_days)
    return EntryDates(half_month, first(3), first(6), annual_on)


def year_plan(start_on: date, interval_days: int) -> list[PlannedOrder]:
    """A year of orders after the start day, the last one annual (T19; PLN-04).

    The year ends the day before the start day comes round. The other levels are counted back from the annual day,
    as for a ledger, and merge by the same rule. Each is counted from the annual day itself: from one another, a day
    cut at a short month's end (06-30 for 12-31) would put a half-year service right before the annual one.
    """
    year_ends = add_months(start_on, 12)
    count = ((year_ends - start_on).days - 1) // interval_days
    days = [start_on + timedelta(days=interval_days * k) for k in range(1, count + 1)]
    if not days:
        return []
    annual_on = days[-1]
    waiting = [
        (add_months(annual_on, -9), Level.QUARTER),
        (add_months(annual_on, -6), Level.HALF_YEAR),
        (add_months(annual_on, -3), Level.QUARTER),
    ]
    orders = []
    for day in days[:-1]:
        due = [(on, level) for on, level in waiting if merges(on, day, interval_days)]
        orders.append(PlannedOrder(day, max((level for _, level in due), default=Level.HALF_MONTH)))
        waiting = [service for service in waiting if service not in due]
    return [*orders, PlannedOrder(annual_on, Level.ANNUAL)]
