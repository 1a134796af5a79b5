"""SCO-08: weights, enforcement, vetoes, thresholds at their edges; lines that sum to what is missing of 100."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.rating import Deed, Footing, RatingRule, Scheme, credit_of, rate, stars_of, to_next_star
from app.rules.score_items import Item

pytestmark = pytest.mark.feature("SCO-08")
R = RatingRule
EQUAL = Scheme(dict.fromkeys(Item, 1), {"talk": 1, "warning": 3, "penalty": 10})
FULL = {item: Decimal("16.00") for item in Item}


def points(maintenance: str, **others: str) -> dict[Item, Decimal | None]:
    return FULL | {Item.MAINTENANCE: Decimal(maintenance)} | {Item(name): Decimal(got) for name, got in others.items()}


def test_everything_is_five_stars_and_a() -> None:
    found = rate(FULL, 0, 100, [], EQUAL)
    assert found is not None
    assert (found.points, found.stars, found.credit, found.lines) == (Decimal("100.00"), 5, "A", ())
    assert to_next_star(found, EQUAL) is None


def test_no_maintenance_no_rating_and_no_data_is_full() -> None:
    assert rate(FULL | {Item.MAINTENANCE: None}, 0, 0, [], EQUAL) is None
    found = rate(dict.fromkeys(Item) | {Item.MAINTENANCE: Decimal("16.00")}, 0, 100, [], EQUAL)
    assert found is not None and found.points == 100


def test_weights() -> None:
    """Half of the maintenance points lost: a sixth of the weights, or half of them."""
    found = rate(points("8.00"), 0, 100, [], EQUAL)
    assert found is not None and found.points == Decimal("91.67")
    heavy = Scheme({Item.MAINTENANCE: 50, **dict.fromkeys(list(Item)[1:], 10)}, {})
    found = rate(points("8.00"), 0, 100, [], heavy)
    assert found is not None and found.points == Decimal("75.00")
    # More than 16 in rescues makes up for nothing.
    again = rate(points("8.00", rescue="18.00"), 0, 100, [], heavy)
    assert again is not None and again.points == Decimal("75.00")


@pytest.mark.parametrize(
    ("shown", "stars", "credit"),
    [("95.00", 5, "A"), ("94.99", 4, "A"), ("90.00", 4, "A"), ("89.99", 4, "B"), ("85.00", 4, "B"), ("84.99", 3, "B"),
     ("80.00", 3, "B"), ("79.99", 3, "C"), ("75.00", 3, "C"), ("74.99", 2, "C"), ("60.00", 2, "C"), ("59.99", 2, "D"),
     ("0.00", 2, "D")],
)  # fmt: skip
def test_thresholds(shown: str, stars: int, credit: str) -> None:
    assert (stars_of(Decimal(shown), EQUAL), credit_of(Decimal(shown), EQUAL)) == (stars, credit)


def test_a_penalty_caps_whatever_the_points_are() -> None:
    light = Scheme(EQUAL.weights, {"penalty": 1})
    found = rate(FULL, 0, 100, [Deed("penalty", 7, "2024-05-01"), Deed("talk", 8, "2024-05-02")], light)
    assert found is not None
    assert (found.points, found.stars_by_points, found.stars, found.credit) == (Decimal("99.00"), 5, 3, "C")
    assert [line.rule for line in found.lines] == [R.PENALTY, R.TALK, R.VETO_PENALTY, R.VETO_PENALTY]
    assert to_next_star(found, light) == (4, Decimal(0))
    off = Scheme(EQUAL.weights, {"penalty": 1}, penalty_stars=None, penalty_credit=None)
    free = rate(FULL, 0, 100, [Deed("penalty", 7, "2024-05-01")], off)
    assert free is not None and (free.stars, free.credit) == (5, "A")


@pytest.mark.parametrize(("overdue", "stars"), [(5, 5), (6, 3)])
def test_too_much_overdue(overdue: int, stars: int) -> None:
    found = rate(FULL, overdue, 100, [], EQUAL)
    assert found is not None and found.stars == stars


def test_one_star_more() -> None:
    found = rate(points("8.00"), 0, 100, [Deed("warning", 1, "2024-05-01")], EQUAL)
    assert found is not None
    assert (found.points, found.stars) == (Decimal("88.67"), 4)
    assert to_next_star(found, EQUAL) == (5, Decimal("6.33"))


shown = st.integers(0, 1600).map(lambda n: Decimal(n) / 100)
deeds = st.lists(st.builds(Deed, st.sampled_from(["talk", "warning", "penalty"]), st.integers(1, 9), st.just("x")))


@pytest.mark.feature("LED-01")
@given(
    st.fixed_dictionaries(dict.fromkeys(Item, shown)), deeds,
    st.fixed_dictionaries({item: st.integers(0, 50) for item in Item}).filter(lambda w: any(w.values())),
)  # fmt: skip
def test_lines_sum_to_what_is_missing(got: dict[Item, Decimal], done: list[Deed], weights: dict[Item, int]) -> None:
    found = rate(got, 0, 100, done, Scheme(weights, {"talk": 2, "warning": 5, "penalty": 20}))
    assert found is not None
    assert 0 <= found.exact <= 100
    assert abs(Fraction(found.points) - found.exact) <= Fraction(1, 200)
    assert 2 <= found.stars <= found.stars_by_points <= 5
    assert found.credit >= found.credit_by_points


OURS = Scheme(EQUAL.weights, {}, uncovered_permille=10, licence_stars=2, licence_credit="D")
END = dt.date(2024, 12, 31)


@pytest.mark.parametrize(
    ("elevators", "uncovered", "stars"),
    [(100, 0, 5), (100, 1, 5), (100, 2, 3), (99, 1, 3), (300, 3, 5), (300, 4, 3), (0, 1, 3), (2, 5, 3)],
)
def test_too_many_without_contract(elevators: int, uncovered: int, stars: int) -> None:
    """Ten of a thousand themselves are not beyond; a unit that served none has at least those that it lost."""
    found = rate(FULL, 0, 100, [], OURS, Footing(elevators, uncovered))
    assert found is not None and (found.stars, found.credit) == (stars, "A")
    assert [line.rule for line in found.lines] == ([] if stars == 5 else [R.VETO_UNCOVERED])


def test_none_at_all_may_be_without_contract() -> None:
    strict = replace(OURS, uncovered_permille=0, uncovered_stars=4)
    found = rate(FULL, 0, 100, [], strict, Footing(5000, 1))
    assert found is not None and found.stars == 4
    assert found.lines[0].reason == "脱保 1 台，超过 5000 台电梯的千分之 0，最高 4 星"
    clean = rate(FULL, 0, 100, [], strict, Footing(5000, 0))
    assert clean is not None and clean.stars == 5


@pytest.mark.parametrize(
    ("until", "stars", "credit"),
    [(None, 5, "A"), (END + dt.timedelta(days=1), 5, "A"), (END, 5, "A"), (END - dt.timedelta(days=1), 2, "D")],
)
def test_the_last_day_of_a_licence_is_in_force(until: dt.date | None, stars: int, credit: str) -> None:
    found = rate(FULL, 0, 100, [], OURS, Footing(100, 0, until, END))
    assert found is not None and (found.stars, found.credit, found.points) == (stars, credit, Decimal("100.00"))
    if stars == 2:
        assert [line.rule for line in found.lines] == [R.VETO_LICENCE, R.VETO_LICENCE]
        assert found.lines[0].reason == "许可证 2024 年 12 月 30 日已到期，最高 2 星"
        assert to_next_star(found, OURS) == (3, Decimal(0)), "no points stand in the way"


def test_without_these_vetoes_nothing_is_capped() -> None:
    found = rate(FULL, 0, 100, [], EQUAL, Footing(10, 10, END - dt.timedelta(days=400), END))
    assert found is not None and (found.stars, found.credit, found.lines) == (5, "A", ())


def test_the_hardest_veto_counts() -> None:
    done = [Deed("penalty", 7, "2024-05-01")]
    found = rate(FULL, 50, 100, done, OURS, Footing(100, 50, END - dt.timedelta(days=1), END))
    assert found is not None and (found.stars, found.credit) == (2, "D")
    milder = replace(OURS, licence_stars=4, licence_credit="B")
    found = rate(FULL, 0, 100, done, milder, Footing(100, 0, END - dt.timedelta(days=1), END))
    assert found is not None and (found.stars, found.credit) == (3, "C")
