"""The six items of a region for 数据驾驶舱 (DSH-02): means, who lowers them most, and how the total went by quarters.

Of the newest run of the very region that has all six. The means are over all of its units, whoever looks; units are
named within the reader's scope.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select

from app import scope
from app.models import Score, ScoreRun, Unit
from app.permissions import Actor
from app.reports.fairness import COUNTS
from app.rules.region_scores import Shown, lowers, mean
from app.rules.score_items import Item
from app.rules.scoring import FULL_POINTS, ScoreState

# How many quarters that are settled the trend shows, and how long a quarter is.
QUARTERS = 8
QUARTER_DAYS = range(89, 93)
FULL_TOTAL = FULL_POINTS * len(Item)


@dataclass(frozen=True, slots=True)
class Puller:
    """A unit that lowers the region's mean, by so much, and its score."""

    score_id: int
    unit: str
    points: Decimal
    lowers: Fraction


@dataclass(frozen=True, slots=True)
class RegionItem:
    """An item, or the total (`item` None). `points` None: nobody has data. `counted`, `bad`: over all units."""

    item: Item | None
    points: Decimal | None
    counted: int
    bad: int
    pullers: tuple[Puller, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """The total of a period: a settled quarter, or what runs."""

    from_on: dt.date
    to_on: dt.date
    settled: bool
    total: Decimal


@dataclass(frozen=True, slots=True)
class RegionScores:
    """Everything of one run, and of the settled quarters before."""

    run: ScoreRun
    units: int
    total: RegionItem
    items: tuple[RegionItem, ...]
    terms: tuple[Term, ...]

    @property
    def change(self) -> tuple[Term, Decimal] | None:
        """The last settled quarter, and how much better or worse what is shown is; none beside itself."""
        before = [term for term in self.terms if (term.from_on, term.to_on) != (self.run.from_on, self.run.to_on)]
        return None if not before or self.total.points is None else (before[-1], self.total.points - before[-1].total)


def build(session: Any, actor: Actor, runs: Any, region_code: str, most: int = 1) -> RegionScores | None:
    """Of the newest run of just this region; None where none has all six.

    `runs`: a statement of those that the actor sees, newest first; `most`: how many pullers of each.
    """
    of_region = runs.where(ScoreRun.region_code == region_code, ScoreRun.items_digest.is_not(None))
    run = session.scalar(of_region.limit(1))
    if run is None:
        return None
    settled = _quarters(session, of_region, run)
    sums = _sums(session, [run.id, *(one.id for one in settled)])
    own = sums.get(run.id)
    if own is None:
        return RegionScores(run, 0, RegionItem(None, None, 0, 0, ()), (), ())
    elevators, units = own["elevators"], own["units"]
    items = tuple(
        RegionItem(
            item, mean(own[item], elevators) if own["data", item] else None, own["counted", item], own["bad", item],
            _pullers(session, actor, run, item, elevators, most),
        )
        for item in Item
    )  # fmt: skip
    total = RegionItem(None, mean(own["total"], elevators), units, 0,
                       _pullers(session, actor, run, None, elevators, most))  # fmt: skip
    terms = [
        Term(one.from_on, one.to_on, True, found)
        for one in settled if one.id in sums and (found := mean(sums[one.id]["total"], sums[one.id]["elevators"]))
    ]  # fmt: skip
    if total.points is not None and run.id not in {one.id for one in settled}:
        terms.append(Term(run.from_on, run.to_on, False, total.points))
    return RegionScores(run, units, total, items, tuple(terms))


def _quarters(session: Any, of_region: Any, run: ScoreRun) -> list[ScoreRun]:
    """The newest settled run of each of the last quarters, oldest first."""
    recent = of_region.where(ScoreRun.state == ScoreState.FINAL.value, ScoreRun.to_on <= run.to_on)
    found: dict[dt.date, ScoreRun] = {}
    for one in session.scalars(recent.order_by(None).order_by(ScoreRun.to_on.desc(), ScoreRun.as_of.desc()).limit(60)):
        if (one.to_on - one.from_on).days + 1 in QUARTER_DAYS:
            found.setdefault(one.from_on, one)
    return [found[on] for on in sorted(found)[-QUARTERS:]]


def _points(item: Item | None) -> Any:
    if item is None:
        return Score.total
    return Score.points if item is Item.MAINTENANCE else getattr(Score, f"{item}_points")


def _sums(session: Any, runs: list[int]) -> dict[int, dict[Any, Any]]:
    """By run: elevators × points in each item and in the total, over the units that have one; and what was counted."""
    columns: list[tuple[Any, Any]] = [
        ("units", func.count()), ("elevators", func.sum(Score.elevators)),
        ("total", func.sum(Score.elevators * Score.total)),
    ]  # fmt: skip
    for item in Item:
        points, (counted, bad) = _points(item), COUNTS[item]
        columns += [
            (item, func.sum(Score.elevators * func.coalesce(points, FULL_POINTS))),
            (("data", item), func.count(points)), (("counted", item), func.coalesce(func.sum(counted), 0)),
            (("bad", item), func.coalesce(func.sum(bad), 0)),
        ]  # fmt: skip
    rows = session.execute(
        select(Score.run_id, *(column for _, column in columns))
        .where(Score.run_id.in_(runs), Score.total.is_not(None))
        .group_by(Score.run_id).execution_options(skip_scope=True)
    )  # fmt: skip
    return {row[0]: dict(zip((name for name, _ in columns), row[1:], strict=True)) for row in rows}


def _pullers(
    session: Any, actor: Actor, run: ScoreRun, item: Item | None, elevators: int, most: int
) -> tuple[Puller, ...]:
    points, full = _points(item), FULL_TOTAL if item is None else FULL_POINTS
    worst = scope.apply(
        select(Score.id, Unit.name, Score.elevators, points)
        .join(Unit, Unit.id == Score.unit_id)
        .where(Score.run_id == run.id, Score.total.is_not(None), points < full)
        .order_by((Score.elevators * (full - points)).desc(), Score.id).limit(most),
        actor, Score,
    )  # fmt: skip
    return tuple(
        Puller(key, name, got, lowers(Shown(weight, got), elevators, full))
        for key, name, weight, got in session.execute(worst.execution_options(skip_scope=True))
    )
