"""The six items of a whole region: what its elevators get on the mean, and which unit lowers that by how much. Pure.

A unit weighs as many elevators as it served, so that a region is as good as what its elevators get. Only units with a
total count, and an item without data stands with full marks, as in that total (SCO-07): so the six means sum to the
mean of the totals, and what units lower sums to what is missing.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from app.rules.scoring import FULL_POINTS, round_half_up


class Shown(NamedTuple):
    """A unit's points in an item; None = no data, which lowers nothing."""

    elevators: int
    points: Decimal | None


def mean(weighted: Decimal | Fraction, elevators: int) -> Decimal | None:
    """The mean of a region from the sum of elevators × points; None where no elevator counts."""
    return round_half_up(Fraction(weighted) / elevators) if elevators else None


def lowers(one: Shown, elevators: int, full_points: int = FULL_POINTS) -> Fraction:
    """By how many points a unit lowers the mean of `elevators` in all; never below 0: a bonus makes up for nobody."""
    if one.points is None or not elevators:
        return Fraction(0)
    return max(Fraction(one.elevators * (full_points - one.points)) / elevators, Fraction(0))
