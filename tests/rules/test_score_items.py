"""The five others: points of counts, and lines that sum to what was lost to the last digit (LED-01)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.other_scores import Outcome, RescueMinutes, call_outcome
from app.rules.score_items import Change, Fault, Feedback, Inspection, ItemRule, Record, Rescue, Scale, total_points

R = ItemRule


def records(*elevators: int) -> list[Record]:
    return [Record(elevator, "2024-05-01", number) for number, elevator in enumerate(elevators)]


some = st.lists(st.integers(1, 5), max_size=8).map(lambda elevators: records(*sorted(elevators)))
Facts = Rescue | Feedback | Inspection | Fault | Change


def assert_sums(facts: Facts) -> None:
    score = facts.score()
    if not score.no_data:
        assert sum((line.lost for line in facts.lines()), Fraction(0)) == score.lost


tenths = st.integers(0, 160).map(lambda n: Fraction(n, 10))
scales = st.builds(Scale, tenths, st.fixed_dictionaries({2: tenths, 3: tenths, 4: tenths}))


@pytest.mark.feature("SCO-02", "LED-01")
@given(st.builds(Rescue, st.integers(0, 9), some, some, scales))
def test_lines_of_rescues(facts: Rescue) -> None:
    assert_sums(facts)


@pytest.mark.feature("SCO-03", "LED-01")
@given(st.builds(Feedback, st.integers(0, 9), some))
def test_lines_of_feedback(facts: Feedback) -> None:
    assert_sums(facts)


@pytest.mark.feature("SCO-04", "LED-01")
@given(st.builds(Inspection, st.integers(5, 9), some))
def test_lines_of_inspections(facts: Inspection) -> None:
    assert_sums(facts)


@pytest.mark.feature("SCO-05", "LED-01")
@given(st.builds(Fault, st.integers(5, 9), some, st.dictionaries(st.integers(1, 5), st.integers(0, 9)), scales))
def test_lines_of_faults(facts: Fault) -> None:
    assert_sums(facts)
    assert 0 <= facts.score().exact <= 16


@pytest.mark.feature("SCO-06", "LED-01")
@given(st.integers(0, 5).flatmap(lambda n: st.builds(
    Change, st.integers(n, 9), st.fixed_dictionaries({unit: some.filter(bool) for unit in range(n)}),
)))  # fmt: skip
def test_lines_of_changes(facts: Change) -> None:
    assert_sums(facts)


@pytest.mark.feature("SCO-02")
def test_T16() -> None:
    assert Rescue(8, records(1, 2), records(3, 4, 5)).score().points == Decimal("16.50")
    lines = list(Rescue(8, records(1, 2), records(3, 4, 5)).lines())
    assert [(line.rule, line.lost) for line in lines] == [
        (R.RESCUE_LATE, Fraction(8, 5)), (R.RESCUE_LATE, Fraction(8, 5)), (R.RESCUE_MADE_UP, -Fraction(8, 5)),
        (R.RESCUE_MADE_UP, -Fraction(8, 5)), (R.RESCUE_BONUS, -Fraction(1, 2)),
    ]  # fmt: skip
    assert Rescue(8, records(1, 2), records(3)).score().points == Decimal("14.40")


@pytest.mark.feature("SCO-05")
def test_T17_with_its_lines() -> None:
    facts = Fault(10, records(1, 1, 1, 2, 2), {1: 3, 2: 2})
    assert facts.score().points == Decimal("11.20") + Decimal("1.60") - Decimal("2.50")
    assert [(line.rule, line.lost) for line in facts.lines() if line.lost] == [
        (R.FAULT, Fraction(8, 5)), (R.FAULT, Fraction(8, 5)), (R.FAULT_OFTEN, 2), (R.FAULT_OFTEN, Fraction(1, 2)),
    ]  # fmt: skip
    assert facts.counts() == {
        "elevators": 10, "faulty": 2, "entrapments": 5, "twice": 1, "thrice": 1, "often": 0,
    }  # fmt: skip


@pytest.mark.feature("SCO-02", "SCO-05", "POL-01")
def test_a_region_weighs_by_its_own_numbers() -> None:
    """T16 and T17 with other numbers: one point for help, 1, 3 and 5 for being shut in often."""
    scale = Scale(Fraction(1), {2: Fraction(1), 3: Fraction(3), 4: Fraction(5)})
    helped = Rescue(8, records(1, 2), records(3, 4, 5), scale)
    assert helped.score().points == Decimal("17.00") and [line.lost for line in helped.lines()][-1] == -1
    assert Rescue(8, records(1, 2), records(3), scale).score().points == Decimal("14.40"), "none beyond the late ones"
    shut = Fault(10, records(1, 1, 1, 2, 2), {1: 3, 2: 2}, scale)
    assert shut.score().points == Decimal("8.80")
    assert [line.lost for line in shut.lines() if line.rule is R.FAULT_OFTEN] == [3, 1]
    # Nothing besides: the rate alone.
    none = Scale(Fraction(0), dict.fromkeys((2, 3, 4), Fraction(0)))
    assert Fault(10, records(1, 1, 1, 2, 2), {1: 3, 2: 2}, none).score().points == Decimal("12.80")
    assert Rescue(8, records(1, 2), records(3, 4, 5), none).score().points == Decimal("16.00")


@pytest.mark.feature("SCO-05")
def test_no_less_than_nothing() -> None:
    facts = Fault(1, records(1, 1, 1, 1), {1: 4})
    assert facts.score().points == Decimal("0.00")
    assert [line.lost for line in facts.lines()][-1] == -4


@pytest.mark.feature("SCO-04", "SCO-06")
def test_what_counts_once_is_told_once_more_for_nothing() -> None:
    rules = [(line.rule, line.lost) for line in Inspection(4, records(1, 1, 2)).lines()]
    assert rules == [(R.INSPECTION_FAILED, 4), (R.INSPECTION_AGAIN, 0), (R.INSPECTION_FAILED, 4)]
    changes = [(line.rule, line.lost) for line in Change(2, {7: records(1, 2)}).lines()]
    assert changes == [(R.CHANGE_LATE, 8), (R.CHANGE_AGAIN, 0)]


@pytest.mark.feature("SCO-07")
def test_the_total_is_the_sum_of_what_is_shown() -> None:
    """As the manual's ranking adds it; what has nothing to count stands with full marks."""
    shown = ["15.82", "14.70", "16.00", "15.92", "12.60", "16.00"]
    assert total_points(Decimal(one) for one in shown) == Decimal("91.04")
    assert total_points([Decimal("15.82"), None, Decimal("12.00"), None, None, None]) == Decimal("91.82")
    assert total_points([None, Decimal("16.00"), Decimal("16.00"), None, None, None]) is None


NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.feature("SCO-02", "RES-04")
@pytest.mark.parametrize(
    ("accepted", "arrived", "done", "ended", "outcome"),
    [
        (1, 10, 20, None, Outcome.ON_TIME),
        (1, 10, 20, 25, Outcome.ON_TIME),
        (1, None, 20, 20, Outcome.ON_TIME),
        (None, None, None, 3, None),
        (None, None, None, 4, Outcome.LATE),
        (1, None, None, 19, None),
        (1, None, None, 20, Outcome.LATE),
        (1, 18, None, 25, None),
        (1, 18, None, 32, Outcome.LATE),
        (4, 10, None, 12, Outcome.LATE),
        (1, None, None, None, Outcome.LATE),
    ],
)
def test_a_call_that_ended(
    accepted: int | None, arrived: int | None, done: int | None, ended: int | None, outcome: Outcome | None
) -> None:
    at = [None if minutes is None else later(minutes) for minutes in (accepted, arrived, done, ended)]
    assert call_outcome(NOON, *at, later(600), RescueMinutes(3, 18, 30)) is outcome
    # Of one that goes on nothing is said before a limit is over.
    assert call_outcome(NOON, None, None, None, None, later(3), RescueMinutes(3, 18, 30)) is None
    assert call_outcome(NOON, later(1), None, None, None, later(25), RescueMinutes(3, 18, 30)) is None
