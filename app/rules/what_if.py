"""What a unit can still make of its SCO-01 in the running period: each fix beside nothing and everything (SIM-01).

The five others, and the total of the six together, are in `what_if_items`.

Nothing is foretold but what the clock says by itself: left alone, each limit that comes is missed and each record that
waits stays as it is or fails; done, a visit is made on its limit day, is valid, and starts the next period. The score
of what comes of it is that of `scoring`, over all elevators together: fixes do not add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from app.rules.calendar import add_months
from app.rules.schedule import missed_limits
from app.rules.scoring import PairFacts, Score, Stretch, is_forgiven, rate_score


class Period(StrEnum):
    """The running 季度, 半年 or 年度."""

    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"


_MONTHS = {Period.QUARTER: 3, Period.HALF: 6, Period.YEAR: 12}


def running_period(today: date, period: Period) -> tuple[date, date]:
    """The first and last day of the calendar's quarter, half-year or year in which a day lies."""
    months = _MONTHS[period]
    first = date(today.year, (today.month - 1) // months * months + 1, 1)
    return first, add_months(first, months) - timedelta(days=1)


class FixKind(StrEnum):
    """补做超期, 按期维保, 完善记录, 续签合同, 更正不合规; of the five others 救出, 办结投诉, 一次检验合格, 申请变更,
    and of what is held against the unit 申诉."""

    SERVE = "serve"
    KEEP = "keep"
    COMPLETE = "complete"
    RENEW = "renew"
    CORRECT = "correct"
    FREE = "free"
    SETTLE = "settle"
    PASS = "pass"
    APPLY = "apply"
    APPEAL = "appeal"


class Waiting(StrEnum):
    """What a record waits for: 签退, 上传维保单, 使用单位复核, 维保经理审批."""

    CLOSE = "close"
    SHEET = "sheet"
    REVIEW = "review"
    APPROVE = "approve"


# How far ahead visits are brought on time; the last one stands for the period's end.
HORIZON_DAYS = (7, 30, 0)


@dataclass(frozen=True, slots=True, order=True)
class Fix:
    """One thing to do. `key`: the elevator, the days ahead (0: all), what is waited for, the contract, the record.

    A call-out to free people has its level in front of the case: `1-77`; an appeal the kind of record: `rescue-77`.
    """

    kind: FixKind
    key: str

    def __str__(self) -> str:
        return f"{self.kind.value}.{self.key}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that waits. `fails`: left alone it becomes 不合规 by age."""

    visit: int
    on: date
    waits: frozenset[Waiting]
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """The clock of an elevator that the unit serves today. `missed`: a missed limit stands."""

    limit_on: date
    limit_days: int
    covered_until: date
    contract: int | None = None
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Prospect:
    """An elevator of the unit: what it came to by now, due counted through the period's end, and where it stands.

    `failing`: its 不合规 records. `clock` None: nothing more can come of it in the period.
    """

    pair: PairFacts
    clock: Running | None = None
    waiting: tuple[Record, ...] = ()
    failing: tuple[int, ...] = ()


Sums = tuple[int, int]  # services due, failures


def fix_of(said: str) -> Fix | None:
    """A fix by its text; None when it says none."""
    kind, _dot, key = said.partition(".")
    return Fix(FixKind(kind), key) if kind in set(FixKind) and 0 < len(key) <= 20 else None


def fixes_of(prospect: Prospect, today: date, end_on: date) -> Iterator[Fix]:
    """What can be done about an elevator."""
    for record in prospect.waiting:
        yield from (Fix(FixKind.COMPLETE, waits.value) for waits in record.waits)
    yield from (Fix(FixKind.CORRECT, str(visit)) for visit in prospect.failing)
    clock = prospect.clock
    if clock is None:
        return
    if clock.missed or clock.limit_on < today:
        yield Fix(FixKind.SERVE, str(prospect.pair.elevator))
    if clock.covered_until < end_on and clock.contract is not None:
        yield Fix(FixKind.RENEW, str(clock.contract))
    last = min(clock.covered_until, end_on)
    yield from (Fix(FixKind.KEEP, str(days)) for days in HORIZON_DAYS if clock.limit_on <= _through(days, today, last))


def outcome(prospect: Prospect, chosen: Collection[Fix], today: date, end_on: date) -> Sums:
    """What an elevator comes to at the period's end when these fixes are done and nothing else."""
    pair, clock = prospect.pair, prospect.clock
    done: list[Record] = []
    left: list[Record] = []
    for record in prospect.waiting:
        whole = all(Fix(FixKind.COMPLETE, waits.value) in chosen for waits in record.waits)
        (done if whole else left).append(record)
    corrected = sum(Fix(FixKind.CORRECT, str(visit)) in chosen for visit in prospect.failing)
    valid = pair.valid_visits + len(done) + corrected
    failed = pair.nonconforming - corrected + sum(record.fails for record in left)
    due, missed = pair.due, pair.overdue
    if clock is not None:
        closed = [record.on for record in done if Waiting.CLOSE in record.waits]
        renewed = clock.contract is not None and Fix(FixKind.RENEW, str(clock.contract)) in chosen
        last = end_on if renewed else min(clock.covered_until, end_on)
        served = Fix(FixKind.SERVE, str(pair.elevator)) in chosen
        visits, limit_on = _visits(clock, closed, served, _kept_through(chosen, today, last), today)
        valid += len(visits)
        missed += len(missed_limits(limit_on, last, clock.limit_days))
        due = _due(pair, closed + visits, last, today)
    forgiven = is_forgiven(failed, valid, due)
    return due, missed + (0 if forgiven else failed)


def _through(days: int, today: date, last: date) -> date:
    return min(today + timedelta(days=days), last) if days else last


def _kept_through(chosen: Collection[Fix], today: date, last: date) -> date | None:
    """The day through which every due visit is made on time; None = none is."""
    through = (_through(days, today, last) for days in HORIZON_DAYS if Fix(FixKind.KEEP, str(days)) in chosen)
    return max(through, default=None)


def _visits(
    clock: Running, closed: Sequence[date], served: bool, through: date | None, today: date
) -> tuple[list[date], date]:
    """The days of the visits to come, and the first limit that is left alone after them."""
    usual = timedelta(days=clock.limit_days)
    visits, limit_on = [], max([clock.limit_on, *(on + usual for on in closed)])
    if served:
        visits, limit_on = [today], today + usual
    while through is not None and limit_on <= through:
        visits.append(max(limit_on, today))
        limit_on = visits[-1] + usual
    return visits, limit_on


def _due(pair: PairFacts, visits: Sequence[date], last: date, today: date) -> int:
    """Services due when the run of days of today goes on to its last day, or begins with its first visit."""
    runs = [Stretch(pair.first_on, pair.end_on, pair.paused_days, pair.on_demand), *pair.later]
    running = runs[-1].end_on >= today
    if running and runs[-1].first_on is not None:
        runs[-1] = replace(runs[-1], end_on=max(last, runs[-1].end_on))
    elif visits:
        runs = [*(runs[:-1] if running else runs), Stretch(min(visits), last)]
    return sum(run.due(pair.interval_days) for run in runs)


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix of so many elevators (of the five others: things) with what it makes of its item's score: done alone, and
    left out of everything."""

    fix: Fix
    elevators: int
    alone: Score
    without: Score


@dataclass(frozen=True, slots=True)
class Simulation:
    """The score at the period's end when nothing more is done, the chosen together, and everything; the fixes."""

    nothing: Score
    chosen: Score
    everything: Score
    offers: list[Offer]

    def gain(self, offer: Offer) -> tuple[Fraction, Fraction]:
        """The points that it brings alone, and those that everything loses without it."""
        return offer.alone.exact - self.nothing.exact, self.everything.exact - offer.without.exact


def simulate(prospects: Sequence[Prospect], chosen: Collection[Fix], today: date, end_on: date) -> Simulation:
    """Every fix that there is, those first that bring most; what is chosen and cannot be done changes nothing."""
    of_fix: dict[Fix, list[int]] = {}
    for number, prospect in enumerate(prospects):
        for fix in dict.fromkeys(fixes_of(prospect, today, end_on)):
            of_fix.setdefault(fix, []).append(number)
    every = frozenset(of_fix)

    def sums(fixes: Collection[Fix]) -> list[Sums]:
        return [outcome(prospect, fixes, today, end_on) for prospect in prospects]

    def changed(base: Sequence[Sums], numbers: Iterable[int], fixes: Collection[Fix]) -> Score:
        due, bad = _total(base)
        for number in numbers:
            was, now = base[number], outcome(prospects[number], fixes, today, end_on)
            due, bad = due + now[0] - was[0], bad + now[1] - was[1]
        return rate_score(due, bad)

    nothing, everything = sums(()), sums(every)
    offers = []
    for fix, numbers in of_fix.items():
        # A shorter stretch of visits on time is part of a longer one: without it means without any. Renewed cover
        # brings limits of other elevators as well.
        on_time = fix.kind is FixKind.KEEP
        alike = {one for one in every if one.kind is FixKind.KEEP} if on_time else {fix}
        without = changed(everything, range(len(prospects)) if on_time else numbers, every - alike)
        offers.append(Offer(fix, len(numbers), changed(nothing, numbers, {fix}), without))
    joint = sums(frozenset(chosen) & every)
    at_end = [rate_score(*_total(some)) for some in (nothing, joint, everything)]
    made = Simulation(at_end[0], at_end[1], at_end[2], offers)
    offers.sort(key=lambda offer: (*(-gain for gain in made.gain(offer)), offer.fix))
    return made


def _total(sums: Iterable[Sums]) -> Sums:
    due, bad = zip(*sums, strict=True) if (sums := list(sums)) else ((), ())
    return sum(due), sum(bad)
