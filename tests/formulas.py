"""Whole formulas that the product works out in parts: of one unit from its pairs, of a region from its units."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from app.reference import Item, of_annex
from app.rules.region_scores import Shown, mean
from app.rules.scoring import FULL_POINTS, PairFacts, Score, tallied_score, tally


def maintenance_score(pairs: Iterable[PairFacts]) -> Score:
    """SCO-01 of one unit: the formula over the sums of its pairs, bad capped by due once, over all (T10)."""
    return tallied_score(tally(pair.judged for pair in pairs))


def mean_of(shown: Iterable[Shown]) -> Decimal | None:
    """A region's mean from its units one by one; no data stands with full marks (SCO-07)."""
    some = list(shown)
    points = [FULL_POINTS if one.points is None else one.points for one in some]
    weighted = sum((Fraction(p) * one.elevators for p, one in zip(points, some, strict=True)), Fraction(0))
    return mean(weighted, sum(one.elevators for one in some))


def all_items() -> list[Item]:
    """Every item of the law."""
    return [item for annex in "ABCD" for item in of_annex(annex)]
