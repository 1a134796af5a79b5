"""SCO-01 of every unit in a period, counted the long way from plain events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

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

    `in_use_on`: None for huzhou, where an elevator never visited by the unit counts nothing; else for each elevator
    the day it came into use, and such a pair starts at the later of that day and the contract's first day.
    """
    seen = [v for v in visits if period_from <= v.on <= period_to]
    live = [c for c in covers if c.from_on <= period_to and c.to_on >= period_from]
    pairs = {(v.unit, v.elevator) for v in seen} | {(c.unit, c.elevator) for c in live}
    rows = []
    for unit, elevator in sorted(pairs):
        own = [v for v in seen if (v.unit, v.elevator) == (unit, elevator)]
        own_covers = [c for c in live if (c.unit, c.elevator) == (unit, elevator)]
        counted_days = sorted(v.on for v in own if v.state in COUNTED)
        first_on = counted_days[0] if counted_days else None
        until = [v for v in visits if v.on <= period_to and v.state in COUNTED]
        ever = any((v.unit, v.elevator) == (unit, elevator) for v in until)
        if first_on is None and not ever and in_use_on and elevator in in_use_on and own_covers:
            first_on = max(in_use_on[elevator], min(c.from_on for c in own_covers), period_from)
        end_on = min([period_to, *([max(c.to_on for c in own_covers)] if own_covers else [])])
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
                due_by_days(first_on, end_on, elevator, stops, slower, interval_days),
                len(missed),
                sum(v.state == "nonconforming" for v in own),
                sum(v.state == "valid" for v in own),
            )
        )
    return rows


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
