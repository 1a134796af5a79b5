"""A fair look at rates of unlike sizes, beside the official points and never in their place (FAI-01).

Of a unit with eight services due one failure moves the rate by an eighth; of one with eight thousand by nothing. So
each rate gets the band in which the true one lies with 95 % confidence, and two units are told apart only where the
numbers can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import sqrt

from app.rules.scoring import FULL_POINTS, round_half_up

# The normal deviate of a two-sided band of 95 %.
DEVIATE = 1.959964
CONFIDENCE = 95


class Standing(StrEnum):
    """What the numbers say of a unit beside all of its region: 高于, 相当, 低于 the whole, 样本不足, 无数据."""

    ABOVE = "above"
    LEVEL = "level"
    BELOW = "below"
    FEW = "few"
    NO_DATA = "no_data"


def band(good: int, total: int) -> tuple[float, float]:
    """Wilson's score interval of `good` in `total`, as shares from 0 to 1; it holds near 0 and 1 and for few alike.

    Raises ValueError for nothing at all, or more good than there are.
    """
    if not 0 <= good <= total or total == 0:
        raise ValueError(f"{good} of {total}")
    square = DEVIATE * DEVIATE
    middle = (good + square / 2) / (total + square)
    half = DEVIATE / (total + square) * sqrt(good * (total - good) / total + square / 4)
    # At the ends the formula gives the end itself, but for the last bits.
    low = 0.0 if good == 0 else max(middle - half, 0.0)
    high = 1.0 if good == total else min(middle + half, 1.0)
    return low, high


def points(share: float, full_points: int = FULL_POINTS) -> Decimal:
    """A share as points, to two places as scores are."""
    return round_half_up(Fraction(share) * full_points)


@dataclass(frozen=True, slots=True)
class Compared:
    """A unit's place beside all: its band in points (None without data) and what can be said of it."""

    low: Decimal | None
    high: Decimal | None
    standing: Standing


def compare(due: int, bad: int, everybody: Fraction | None, least: int) -> Compared:
    """`bad` is capped by `due`, as the score does; `everybody` is the share of all units of the run together.

    Fewer due than `least` is too small a sample to say anything, whatever the band.
    """
    if due == 0 or everybody is None:
        return Compared(None, None, Standing.NO_DATA)
    low, high = band(due - min(bad, due), due)
    if due < least:
        standing = Standing.FEW
    elif low > everybody:
        standing = Standing.ABOVE
    elif high < everybody:
        standing = Standing.BELOW
    else:
        standing = Standing.LEVEL
    return Compared(points(low), points(high), standing)


def share_of_all(due: int, bad: int) -> Fraction | None:
    """What share of all services due was good; nothing due has none. `bad` is the sum of what each unit's cap left."""
    return Fraction(due - bad, due) if due else None
