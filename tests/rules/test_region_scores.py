"""The six of a region: means by elevators, and who lowers them by how much."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.region_scores import Shown, lowers, mean
from tests.formulas import mean_of

pytestmark = pytest.mark.feature("DSH-02")


def shown(elevators: int, points: str | None) -> Shown:
    return Shown(elevators, None if points is None else Decimal(points))


def test_a_unit_weighs_as_many_elevators_as_it_served() -> None:
    assert mean_of([shown(90, "16.00"), shown(10, "6.00")]) == Decimal("15.00")
    assert mean(Fraction(90 * 16 + 10 * 6), 100) == Decimal("15.00")


@pytest.mark.parametrize(("weighted", "told"), [(Fraction(1500_4, 10), "15.00"), (Fraction(1500_5, 10), "15.01")])
def test_it_is_rounded_half_up_once(weighted: Fraction, told: str) -> None:
    assert mean(weighted, 100) == Decimal(told)


def test_nothing_counts_where_nobody_served() -> None:
    assert mean_of([]) is None and mean(Fraction(0), 0) is None and lowers(shown(0, "3.00"), 0) == 0


def test_no_data_stands_with_full_marks_and_lowers_nothing() -> None:
    assert mean_of([shown(50, None), shown(50, "8.00")]) == Decimal("12.00")
    assert lowers(shown(50, None), 100) == 0 and lowers(shown(50, "8.00"), 100) == 4


def test_a_bonus_lowers_nothing() -> None:
    assert lowers(shown(50, "17.50"), 100) == 0
    assert lowers(shown(50, "90.00"), 100, 96) == 3


points = st.integers(0, 1600).map(lambda n: Decimal(n) / 100)
units = st.lists(st.builds(Shown, st.integers(1, 500), points), min_size=1)


@given(units)
def test_what_units_lower_sums_to_what_is_missing(some: list[Shown]) -> None:
    elevators = sum(one.elevators for one in some)
    told = mean_of(some)
    assert told is not None
    missing = sum((lowers(one, elevators) for one in some), Fraction(0))
    assert abs(16 - Fraction(told) - missing) <= Fraction(1, 200)
