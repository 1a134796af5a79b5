"""SCO-01 of every unit in a period, counted the long way from plain events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.clock import COUNTED, DAY, Cover, Overdue, Slower, Stop, Visit


@dataclass(frozen=True)
class PairCount:
    """What was counted for one unit and one elevator."""

    unit: str
    elevator: int
    due: int
    overdue: int
    nonconforming: int
    valid: int

    @property
    def bad(self) -> int:
        return self.overdue if self.valid >= self.due else self.overdue + self.nonconforming


@dataclass(frozen=True)
class UnitScore:
    """A unit's sums and points; `points` None = 无数据."""

    unit: str
    due: int
    bad: int
    points: Decimal | None


def lost(entries: Iterable[Any]) -> Fraction:
    """The exact sum of ledger entries."""
    return sum((Fraction(int(entry.numerator), int(entry.denominator)) for entry in entries), Fraction(0))


def due_by_days(
    first_on: date | None,
    end_on: date,
    elevator: int,
    stops: Sequence[Stop],
    slower: Sequence[Slower],
    interval_days: int,
) -> int:
    """Every day that passes from the first visit to the end adds 1/interval, unless the clock stands."""
    total = Fraction(0)
    day = first_on
    while day is not None and day < end_on:
        stands = any(
            s.elevator == elevator and s.from_on <= day and (s.until_on is None or day < s.until_on) for s in stops
        )
        if not stands:
            own = [s.interval_days for s in slower if s.elevator == elevator and s.from_on <= day <= s.to_on]
            total += Fraction(1, own[0] if own else interval_days)
        day += DAY
    return int(total)


def pair_counts(
    period_from: date,
    period_to: date,
    visits: Sequence[Visit],
    overdue: Sequence[Overdue],
    covers: Sequence[Cover],
    stops: Sequence[Stop] = (),
    slower: Sequence[Slower] = (),
    interval_days: int = 15,
    in_use_on: dict[int, date] | None = None,
) -> list[PairCount]:
    """One row for each unit and elevator that had a contract or a visit in the period.

    A unit's time is the days that its contracts cover, in runs without a gap; each run is counted by itself, from its
    first counted visit to its last day. Without any contract in the period the whole period is its time, less the days
    of other units' contracts; but where its contract ended before the period, it has none.
    `in_use_on`: None for huzhou, where an elevator never visited by the unit counts nothing; else for each elevator
    the day it came into use, and such a run starts at the later of that day and its own first day: the first run of the
    period only where the unit never came before the period, a later one always.
    """
    seen = [v for v in visits if period_from <= v.on <= period_to]
    live = [c for c in covers if c.from_on <= period_to and c.to_on >= period_from]
    pairs = {(v.unit, v.elevator) for v in seen} | {(c.unit, c.elevator) for c in live}
    rows = []
    for unit, elevator in sorted(pairs):
        own = [v for v in seen if (v.unit, v.elevator) == (unit, elevator)]
        own_covers = [c for c in live if (c.unit, c.elevator) == (unit, elevator)]
        counted_days = sorted(v.on for v in own if v.state in COUNTED)
        before = any(
            (v.unit, v.elevator) == (unit, elevator) and v.on < period_from and v.state in COUNTED for v in visits
        )
        due = 0
        for number, run in enumerate(_runs(unit, elevator, period_from, period_to, covers)):
            in_run = [on for on in counted_days if run[0] <= on <= run[-1]]
            first_on = in_run[0] if in_run else None
            unvisited = first_on is None and bool(own_covers) and (number > 0 or not before)
            if unvisited and in_use_on and elevator in in_use_on:
                first_on = max(in_use_on[elevator], run[0])
            due += due_by_days(first_on, run[-1], elevator, stops, slower, interval_days)
        missed = [
            o
            for o in overdue
            if o.elevator == elevator
            and period_from <= o.limit_on <= period_to
            and any(c.from_on <= o.limit_on <= c.to_on for c in own_covers)
        ]
        rows.append(
            PairCount(
                unit,
                elevator,
                due,
                len(missed),
                sum(v.state == "nonconforming" for v in own),
                sum(v.state == "valid" for v in own),
            )
        )
    return rows


def _covered(day: date, covers: Sequence[Cover]) -> bool:
    return any(c.from_on <= day <= c.to_on for c in covers)


def _runs(
    unit: str, elevator: int, period_from: date, period_to: date, covers: Sequence[Cover]
) -> list[list[date]]:
    """The unit's days of the period, day by day, parted where one is missing."""
    mine = [c for c in covers if c.elevator == elevator and c.unit == unit and c.from_on <= period_to]
    others = [c for c in covers if c.elevator == elevator and c.unit != unit]
    runs: list[list[date]] = []
    day, joins = period_from, False
    while day <= period_to:
        belongs = _covered(day, mine) if mine else not _covered(day, others)
        if belongs and joins:
            runs[-1].append(day)
        elif belongs:
            runs.append([day])
        day, joins = day + DAY, belongs
    return runs


def unit_scores(rows: Sequence[PairCount]) -> dict[str, UnitScore]:
    """16 × (1 − min(bad, due)/due) over the sums, in whole hundredths, half up."""
    scores = {}
    for unit in sorted({r.unit for r in rows}):
        due = sum(r.due for r in rows if r.unit == unit)
        bad = sum(r.bad for r in rows if r.unit == unit)
        if due == 0:
            points = None if bad == 0 else Decimal("0.00")
        else:
            good = due - min(bad, due)
            hundredths = (2 * 1600 * good + due) // (2 * due)
            points = Decimal(hundredths) / 100
        scores[unit] = UnitScore(unit, due, bad, points)
    return scores
