"""Bands of confidence and what they allow to say: known values, edges, and what must hold for every count."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.fairness import NO_DATA, Sample, Standing, band, compare, compare_total, points, share_of_all

pytestmark = pytest.mark.feature("FAI-01")
WHOLE = Fraction(95, 100)


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [
        # Wilson's interval of textbooks, 95 %.
        (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1), (0, 10, 0, 0.2775), (1, 1, 0.2065, 1), (0, 1, 0, 0.7935),
        (81, 263, 0.2553, 0.3662), (950, 1000, 0.9347, 0.9619),
    ],
)  # fmt: skip
def test_bands_of_textbooks(good: int, total: int, low: float, high: float) -> None:
    assert band(good, total) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


counts = st.integers(1, 100_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(counts)
def test_the_rate_lies_in_its_band_and_more_of_the_same_narrows_it(count: tuple[int, int]) -> None:
    good, total = count
    low, high = band(good, total)
    assert 0 <= low <= good / total <= high <= 1
    wider_low, wider_high = low, high
    low, high = band(good * 10, total * 10)
    assert high - low < wider_high - wider_low


@given(counts)
def test_good_and_bad_are_mirrored(count: tuple[int, int]) -> None:
    good, total = count
    low, high = band(good, total)
    other_low, other_high = band(total - good, total)
    assert low == pytest.approx(1 - other_high) and high == pytest.approx(1 - other_low)


@pytest.mark.parametrize(("good", "total"), [(0, 0), (2, 1), (-1, 3)])
def test_no_band_of_what_cannot_be(good: int, total: int) -> None:
    with pytest.raises(ValueError, match="of"):
        band(good, total)


@pytest.mark.parametrize(
    ("due", "bad", "standing"),
    [
        (1000, 10, Standing.ABOVE), (1000, 50, Standing.LEVEL), (1000, 90, Standing.BELOW),
        # The same rate of few says nothing.
        (30, 0, Standing.LEVEL), (30, 3, Standing.LEVEL), (30, 30, Standing.BELOW),
        (29, 0, Standing.FEW), (29, 29, Standing.FEW), (0, 0, Standing.NO_DATA), (0, 3, Standing.NO_DATA),
        # More bad than due is as bad as can be.
        (100, 250, Standing.BELOW),
    ],
)  # fmt: skip
def test_what_can_be_said(due: int, bad: int, standing: Standing) -> None:
    assert compare(due, bad, WHOLE, 30).standing is standing


def test_the_band_is_in_points_of_the_score() -> None:
    found = compare(10, 2, WHOLE, 1)
    assert (found.low, found.high) == (Decimal("7.84"), Decimal("15.09"))
    assert compare(0, 0, WHOLE, 1) == compare(5, 0, None, 1)
    assert compare(0, 0, WHOLE, 1).low is None


def test_a_band_that_touches_the_whole_is_level() -> None:
    low, high = band(800, 1000)
    assert compare(1000, 200, Fraction(low), 1).standing is Standing.LEVEL
    assert compare(1000, 200, Fraction(high), 1).standing is Standing.LEVEL


def test_the_whole_counts_services_not_units() -> None:
    assert share_of_all(1000, 50) == Fraction(19, 20)
    assert share_of_all(0, 0) is None
    assert points(0.95) == Decimal("15.20")


def sample(total: int, bad: int, everybody: Fraction | None = WHOLE) -> Sample:
    return Sample(total, bad, everybody)


def test_a_total_of_one_item_is_that_item() -> None:
    one = compare(1000, 10, WHOLE, 30)
    assert compare_total([sample(1000, 10)], 30) == one
    assert compare_total([sample(0, 0)], 30) == compare_total([sample(9, 0, None)], 30) == NO_DATA


def test_items_without_data_stand_with_full_marks_and_move_nothing() -> None:
    alone = compare_total([sample(1000, 10)], 30)
    six = compare_total([sample(1000, 10), *[sample(0, 0)] * 3, *[sample(5, 5, None)] * 2], 30)
    assert six.standing is alone.standing is Standing.ABOVE
    assert (six.own, six.whole) == (alone.own + 80, alone.whole + 80)  # type: ignore[operator]
    assert (six.low, six.high) == (alone.low + 80, alone.high + 80)  # type: ignore[operator]


def test_the_band_of_a_sum_is_put_together_by_squares() -> None:
    """Two alike: the sum's band is √2 times one's, not twice."""
    one, two = compare_total([sample(100, 5)], 1), compare_total([sample(100, 5)] * 2, 1)
    wide = [float(c.own - c.low) for c in (one, two)]  # type: ignore[operator]
    assert wide[1] == pytest.approx(wide[0] * 2**0.5, abs=0.02)
    assert two.own == one.own * 2  # type: ignore[operator]


def test_few_of_one_item_widen_the_band_of_the_total() -> None:
    many = compare_total([sample(5000, 100), sample(400, 4)], 30)
    few = compare_total([sample(5000, 100), sample(4, 0)], 30)
    assert many.standing is Standing.ABOVE and few.standing is Standing.LEVEL


@pytest.mark.parametrize(("due", "standing"), [(29, Standing.FEW), (30, Standing.LEVEL)])
def test_the_total_has_enough_when_maintenance_has(due: int, standing: Standing) -> None:
    assert compare_total([sample(due, 1), sample(3, 0)], 30).standing is standing


@given(st.lists(counts, min_size=1, max_size=6))
def test_the_total_lies_in_its_band_and_the_band_in_what_can_be(some: list[tuple[int, int]]) -> None:
    found = compare_total([sample(total, total - good) for good, total in some], 1)
    assert found.low is not None and found.high is not None and found.own is not None
    assert 0 <= found.low <= found.own + Decimal("0.01") and found.own <= found.high + Decimal("0.01")
    assert found.high <= 16 * len(some)
