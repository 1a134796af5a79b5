"""A fair look at rates of unlike sizes, beside the official points and never in their place (FAI-01).

Of a unit with eight services due one failure moves the rate by an eighth; of one with eight thousand by nothing. So
each rate gets the band in which the true one lies with 95 % confidence, and two units are told apart only where the
numbers can tell them apart. Any of the six items is such a rate, and so is their total: the rates' sum, whose band is
put together from theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def points(share: float | Fraction, full_points: int = FULL_POINTS) -> Decimal:
    """A share as points, to two places as scores are."""
    return round_half_up(Fraction(share) * full_points)


@dataclass(frozen=True, slots=True)
class Compared:
    """A unit's place beside all: its band in points (None without data) and what can be said of it.

    `own` and `whole`: its rate and that of all as points. Beside the official points of SCO-02 and SCO-05 the rate
    knows nothing of what is given or taken besides.
    """

    low: Decimal | None
    high: Decimal | None
    standing: Standing
    own: Decimal | None = None
    whole: Decimal | None = None


NO_DATA = Compared(None, None, Standing.NO_DATA)


def compare(due: int, bad: int, everybody: Fraction | None, least: int) -> Compared:
    """`bad` is capped by `due`, as the score does; `everybody` is the share of all units of the run together.

    Fewer due than `least` is too small a sample to say anything, whatever the band.
    """
    if due == 0 or everybody is None:
        return NO_DATA
    good = due - min(bad, due)
    low, high = band(good, due)
    standing = Standing.FEW if due < least else _standing(low, high, everybody)
    return Compared(points(low), points(high), standing, points(Fraction(good, due)), points(everybody))


def _standing(low: float, high: float, whole: Fraction) -> Standing:
    if low > whole:
        return Standing.ABOVE
    return Standing.BELOW if high < whole else Standing.LEVEL


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a unit: so many of a total were bad; and the share of all units that was good (None of nothing)."""

    total: int
    bad: int
    everybody: Fraction | None


def compare_total(samples: Sequence[Sample], least: int) -> Compared:
    """The six together: the first is SCO-01, without which there is no total; its sample says whether there are enough.

    The band of a sum of independent rates is put together from their bands by their distances from the rates, squared
    and summed (the method of variance estimates recovery). An item without data stands with full marks, as in the
    total, in the unit and in the whole that it is laid beside: it moves no comparison.
    """
    first = samples[0]
    if first.total == 0 or first.everybody is None:
        return NO_DATA
    own = whole = Fraction(0)
    below = above = 0.0
    for one in samples:
        if one.total == 0 or one.everybody is None:
            own, whole = own + 1, whole + 1
            continue
        good = one.total - min(one.bad, one.total)
        share, (low, high) = Fraction(good, one.total), band(good, one.total)
        own, whole = own + share, whole + one.everybody
        below, above = below + (float(share) - low) ** 2, above + (high - float(share)) ** 2
    low, high = max(float(own) - sqrt(below), 0.0), min(float(own) + sqrt(above), float(len(samples)))
    standing = Standing.FEW if first.total < least else _standing(low, high, whole)
    return Compared(points(low), points(high), standing, points(own), points(whole))


def share_of_all(due: int, bad: int) -> Fraction | None:
    """What share of all services due was good; nothing due has none. `bad` is the sum of what each unit's cap left."""
    return Fraction(due - bad, due) if due else None
