"""SCO-01, the maintenance rate of a unit, with its ledger; and what all six scores share.

Facts come in as counts for each (unit, elevator) pair; SQL counts them, the formula is only here. Points are exact
fractions until one rounding at the end, so the ledger's rows sum to the lost points to the last digit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import NamedTuple

from app.rules.calendar import add_months, day_end, month_end
from app.rules.schedule import Pause, merged_pauses
from app.wording import counted, say

FULL_POINTS = 16  # the manual's weight of each of the six scores; not a policy value on any platform
SETTLE_DAYS = 16  # after the period's end, until everything that can still come in time has come


def round_half_up(value: Fraction, places: int = 2) -> Decimal:
    """The one rounding of a score: half up, not to even, so that a person with a pencil gets the same."""
    # Half of a hundredth added and the rest cut off, in whole numbers: units are scored by the thousand.
    parts, whole = value.as_integer_ratio()
    return Decimal((2 * parts * 10**places + whole) // (2 * whole)).scaleb(-places)


def ranked(points: Iterable[tuple[Decimal, int]]) -> list[tuple[int, int]]:
    """(rank, id) for (points, id), best first; equal points share a rank and leave a gap after it (1, 1, 3)."""
    ranks: list[tuple[int, int]] = []
    last: Decimal | None = None
    for number, (value, key) in enumerate(sorted(points, key=lambda p: (-p[0], p[1])), 1):
        rank = ranks[-1][0] if ranks and value == last else number
        ranks.append((rank, key))
        last = value
    return ranks


class ScoreState(StrEnum):
    """暂定 until everything that can still come in time has come, then 确定."""

    PROVISIONAL = "provisional"
    FINAL = "final"


def score_state(period_end: date, as_of: datetime, settle_days: int = SETTLE_DAYS) -> ScoreState:
    """Provisional through the 16th day after the period's last day.

    Sixteen, since a visit of the last evening may be checked out after midnight and reviewed on the 15th day after.
    """
    settled_at = day_end(period_end + timedelta(days=settle_days))
    return ScoreState.FINAL if as_of >= settled_at else ScoreState.PROVISIONAL


def nightly_periods(today: date, settle_days: int = SETTLE_DAYS) -> list[tuple[date, date]]:
    """What is scored in the night that begins `today`: the year through yesterday, and what became final just now.

    A quarter, half-year or year becomes final 16 days after its end (`score_state`); its own figure is made that night.
    """
    yesterday = today - timedelta(days=1)
    periods = [(date(yesterday.year, 1, 1), yesterday)]
    settled = today - timedelta(days=settle_days + 1)
    if settled == month_end(settled):
        periods += [
            (add_months(settled.replace(day=1), 1 - months), settled)
            for months in (3, 6, 12)
            if settled.month % months == 0
        ]
    return periods


@dataclass(frozen=True, slots=True)
class Score:
    """Points of a unit: `points` rounded once, `exact` for every further sum.

    With nothing to count `no_data` is set and `points` is None: shown as 无数据, never ranked; in a total of the six
    it stands with full marks (SCO-07: `exact`, `in_total`).
    """

    points: Decimal | None
    exact: Fraction
    due: int
    bad: int
    no_data: bool = False
    full_points: int = FULL_POINTS

    @property
    def in_total(self) -> Decimal:
        return round_half_up(self.exact)

    @property
    def lost(self) -> Fraction:
        return self.full_points - self.exact


def rate_score(total: int, bad: int, full_points: int = FULL_POINTS) -> Score:
    """full × (1 − min(bad, total)/total); nothing to count and nothing bad is 无数据, only bad is 0 points."""
    if total == 0 and bad == 0:
        return Score(None, Fraction(full_points), 0, 0, True, full_points)
    exact = Fraction(0) if total == 0 else Fraction(full_points * (total - min(bad, total)), total)
    return Score(round_half_up(exact), exact, total, bad, False, full_points)


@dataclass(frozen=True, slots=True)
class OnDemandSegment:
    """Days of a pair's time (pauses taken off) under an approved longer interval."""

    days: int
    interval_days: int


def elapsed(from_on: date, until_on: date | None, first_on: date, end_on: date) -> int:
    """Days of [from, until) that fall into the time from first to end; until None = still going on."""
    last = end_on if until_on is None else min(until_on, end_on)
    return max((last - max(from_on, first_on)).days, 0)


def paused_days(pauses: Sequence[Pause], first_on: date, end_on: date) -> int:
    """Days of the pair's time in which the clock stood; overlapping stops count once (T14)."""
    return sum(elapsed(p.from_on, p.until_on, first_on, end_on) for p in merged_pauses(pauses))


def on_demand_segment(
    from_on: date, to_on: date, interval_days: int, pauses: Sequence[Pause], first_on: date, end_on: date
) -> OnDemandSegment:
    """An approved on-demand span (both days included) as days of the pair's time, its pauses taken off."""
    start = max(from_on, first_on)
    until = min(to_on + timedelta(days=1), end_on)
    if until <= start:
        return OnDemandSegment(0, interval_days)
    return OnDemandSegment((until - start).days - paused_days(pauses, start, until), interval_days)


def services_due(days: int, interval_days: int) -> int:
    """The whole intervals in a count of days, never below 0."""
    return max(days // interval_days, 0)


def due_count(
    first_on: date | None,
    end_on: date,
    paused_days: int,
    interval_days: int,
    on_demand: Iterable[OnDemandSegment] = (),
) -> int:
    """Services due: ⌊(end − first − paused days) / interval⌋, never below 0; no first day, nothing due (T9, T14).

    The first visit itself is not due: it begins the count. On-demand segments run at their own interval; the parts
    are added exactly and cut once, so that two half intervals make one due service.
    """
    if first_on is None or end_on <= first_on:
        return 0
    base = (end_on - first_on).days - paused_days
    parts: Fraction | None = None
    for segment in on_demand:
        base -= segment.days
        parts = (parts or Fraction(0)) + Fraction(segment.days, segment.interval_days)
    # One interval throughout, as nearly everywhere, is cut in whole numbers.
    return services_due(base, interval_days) if parts is None else max(floor(Fraction(base, interval_days) + parts), 0)


Days = tuple[date, date]


def stretches(covers: Iterable[Days], from_on: date, to_on: date) -> list[Days]:
    """The runs of days without a gap that a unit's contracts cover in a period; renewals that join on make one run.

    SCO-01 counts each run by itself, as T11 does for two units: from the first counted visit by this unit within it
    (where the preset starts an unvisited elevator, a run without a visit: from its first day) to its last day. So a
    contract that ended before the period leaves no run and nothing is due; days of a gap, and days on which another
    unit had the elevator before this one came back, are charged to nobody; a visit outside every run begins nothing.
    """
    runs: list[Days] = []
    for first, last in sorted(covers):
        if runs and first <= runs[-1][1] + timedelta(days=1):
            runs[-1] = runs[-1][0], max(runs[-1][1], last)
        else:
            runs.append((first, last))
    return [(max(a, from_on), min(b, to_on)) for a, b in runs if a <= to_on and b >= from_on]


def between(covers: Iterable[Days], from_on: date, to_on: date) -> list[Days]:
    """The days of a period that others' contracts leave: the time of a unit that served without any contract."""
    left, begin = [], from_on
    for first, last in stretches(covers, from_on, to_on):
        if begin < first:
            left.append((begin, first - timedelta(days=1)))
        begin = last + timedelta(days=1)
    return [*left, (begin, to_on)] if begin <= to_on else left


@dataclass(frozen=True, slots=True)
class Stretch:
    """One of a pair's runs of days: where its count begins (None = nothing is due) and its last day."""

    first_on: date | None
    end_on: date
    paused_days: int = 0
    on_demand: tuple[OnDemandSegment, ...] = ()

    def due(self, interval_days: int) -> int:
        return due_count(self.first_on, self.end_on, self.paused_days, interval_days, self.on_demand)


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What happened between one unit and one elevator in a period.

    `first_on`: first counted visit by this unit in the period (or where the preset starts an unvisited one; None =
    nothing is due). `end_on`: the earlier of the period's end and the last day of the unit's contract; both are of the
    first run of days, `later` are the runs after a gap (see `stretches`). `overdue`:
    missed limits in the period and in the contract. `nonconforming`: 不合规 visits, one each. `valid_visits`: 有效.
    """

    unit: Hashable
    elevator: Hashable
    first_on: date | None
    end_on: date
    interval_days: int
    paused_days: int = 0
    overdue: int = 0
    nonconforming: int = 0
    valid_visits: int = 0
    on_demand: tuple[OnDemandSegment, ...] = ()
    later: tuple[Stretch, ...] = ()

    @property
    def due(self) -> int:
        first = due_count(self.first_on, self.end_on, self.paused_days, self.interval_days, self.on_demand)
        return first + sum(run.due(self.interval_days) for run in self.later) if self.later else first

    @property
    def forgiven(self) -> bool:
        return is_forgiven(self.nonconforming, self.valid_visits, self.due)

    @property
    def bad(self) -> int:
        return self.overdue + (0 if self.forgiven else self.nonconforming)

    @property
    def judged(self) -> Judged:
        return self.elevator, self.due, self.overdue, self.nonconforming, self.valid_visits


# What a pair comes to: the elevator, services due, missed limits, 不合规 visits, valid visits. A plain tuple, for a
# province has a million of them.
Judged = tuple[Hashable, int, int, int, int]


def is_forgiven(nonconforming: int, valid_visits: int, due: int) -> bool:
    """Enough valid visits put this elevator's 不合规 to zero; overdue stays. Due 0 forgives as well: 0 ≥ 0."""
    return nonconforming > 0 and valid_visits >= due


@dataclass(slots=True)
class Tally:
    """The sums of a unit's pairs; `failed` are those on which something was missed or 不合规."""

    pairs: int = 0
    due: int = 0
    overdue: int = 0
    nonconforming: int = 0
    forgiven: int = 0
    valid_visits: int = 0
    failed: list[Judged] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.overdue + self.nonconforming - self.forgiven

    @property
    def overdue_elevators(self) -> int:
        """超期电梯数: on how many of the pairs a limit was missed."""
        return sum(overdue > 0 for _, _, overdue, _, _ in self.failed)

    @property
    def nonconforming_elevators(self) -> int:
        """维保不合规电梯数: on how many of the pairs a visit is 不合规, forgiven or not."""
        return sum(nonconforming > 0 for _, _, _, nonconforming, _ in self.failed)


class Unfailing(NamedTuple):
    """Any number of a unit's pairs on which nothing was missed or 不合规: only their sums matter."""

    pairs: int
    due: int
    valid_visits: int


def tally(pairs: Iterable[Judged], unfailing: Iterable[Unfailing] = ()) -> Tally:
    """The sums of one unit, and its failures in the order given."""
    sums = Tally()
    for some in unfailing:
        sums.pairs += some.pairs
        sums.due += some.due
        sums.valid_visits += some.valid_visits
    for pair in pairs:
        _, due, overdue, nonconforming, valid = pair
        sums.pairs += 1
        sums.due += due
        sums.valid_visits += valid
        if overdue or nonconforming:
            sums.overdue += overdue
            sums.nonconforming += nonconforming
            if is_forgiven(nonconforming, valid, due):
                sums.forgiven += nonconforming
            sums.failed.append(pair)
    return sums


LATE_DAYS = 30


def late_extra(valid_on: Iterable[date], end_on: date, interval_days: int) -> int:
    """Valid visits of a run's last 30 days beyond what its interval can bring: legal, and worth a second look.

    Enough valid visits forgive the period's failures; those that only come near its end are shown as a sign.
    """
    begin = end_on - timedelta(days=LATE_DAYS - 1)
    usual = -(-LATE_DAYS // max(interval_days - 1, 1))
    return max(sum(begin <= on <= end_on for on in valid_on) - usual, 0)


def tallied_score(sums: Tally, full_points: int = FULL_POINTS) -> Score:
    """SCO-01 of one unit: the formula over the sums of its pairs, bad capped by due once, over all (T10)."""
    return rate_score(sums.due, sums.bad, full_points)


class LedgerKind(StrEnum):
    """超期, 不合规, 不合规（已抵消）, 封底."""

    OVERDUE = "overdue"
    NONCONFORMING = "nonconforming"
    FORGIVEN = "forgiven"
    CAP = "cap"


class Loss(NamedTuple):
    """A line of a unit's ledger: failures of one kind on one elevator, `each` of them at exact points.

    0 when forgiven, negative (given back) for the cap, which is of no elevator.
    """

    elevator: Hashable | None
    kind: LedgerKind
    times: int
    each: Fraction
    reason: str

    @property
    def lost(self) -> Fraction:
        return self.times * self.each


NOTHING = Fraction(0)


# A line of the ledger keeps the finished text alone: they are written by the million.
MISSED = counted("超期 %(overdue)s 次")
FAILED = counted("不合规 %(nonconforming)s 次")
MADE_UP_FOR = counted("不合规 %(nonconforming)s 次，有效维保 %(valid)s 次不少于应维保 %(due)s 次，记 0")
CAPPED = counted("不合规和超期共 %(bad)s 次，多于应维保 %(total)s 次，得分最低为 0")


def losses(sums: Tally, full_points: int = FULL_POINTS) -> Iterator[Loss]:
    """Every lost point of one unit as lines that sum to the lost points exactly (LED-01).

    Each failure costs full/due. Where failures outnumber what was due, one 封底 line gives back what would go below
    zero. With nothing due at all there is no rate: the failures share the full points equally, and no cap is needed.
    """
    total, bad = sums.due, sums.bad
    each = Fraction(full_points, total or bad or 1)
    for elevator, due, overdue, nonconforming, valid in sums.failed:
        if overdue:
            yield Loss(elevator, LedgerKind.OVERDUE, overdue, each, _overdue_reason(overdue))
        if nonconforming and is_forgiven(nonconforming, valid, due):
            reason = _forgiven_reason(nonconforming, valid, due)
            yield Loss(elevator, LedgerKind.FORGIVEN, nonconforming, NOTHING, reason)
        elif nonconforming:
            yield Loss(elevator, LedgerKind.NONCONFORMING, nonconforming, each, _nonconforming_reason(nonconforming))
    if total and bad > total:
        reason = say(CAPPED, bad=bad, total=total)
        yield Loss(None, LedgerKind.CAP, bad - total, -each, reason)


# A province has a million lines that say the same few things.
@lru_cache(maxsize=4096)
def _overdue_reason(overdue: int) -> str:
    return say(MISSED, overdue=overdue)


@lru_cache(maxsize=4096)
def _nonconforming_reason(nonconforming: int) -> str:
    return say(FAILED, nonconforming=nonconforming)


@lru_cache(maxsize=4096)
def _forgiven_reason(nonconforming: int, valid: int, due: int) -> str:
    return say(MADE_UP_FOR, nonconforming=nonconforming, valid=valid, due=due)
