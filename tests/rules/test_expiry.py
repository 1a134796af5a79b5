"""When a paper's end is told: at each of the policy's days, on the day, after it; of missed ones the newest."""

from __future__ import annotations

import datetime as dt

import pytest

from app.rules.expiry import is_due, rest_words, step_of

pytestmark = pytest.mark.feature("PER-06")
TODAY = dt.date(2026, 3, 20)
DAYS = (60, 30, 7)


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (61, None), (60, 60), (59, 60), (31, 60), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-1, -1), (-90, -1),
        (-91, None),
    ],
)  # fmt: skip
def test_the_step_is_the_smallest_day_that_the_rest_is_not_above(left: int, step: int | None) -> None:
    assert step_of(TODAY + dt.timedelta(days=left), TODAY, DAYS) == step


@pytest.mark.parametrize(("left", "step"), [(60, None), (8, None), (7, 7), (0, 0), (-1, -1)])
def test_steps_that_are_off_are_none(left: int, step: int | None) -> None:
    assert step_of(TODAY + dt.timedelta(days=left), TODAY, (None, None, 7)) == step


@pytest.mark.parametrize(
    ("left", "told", "due"),
    [
        (60, None, 60), (60, 60, None), (45, 60, None), (30, 60, 30), (5, 60, 7), (5, 7, None), (0, 7, 0),
        (-3, 60, -1), (-3, -1, None),
        # The policy's day was moved after the first message: 45 is a step of its own, 60 again is none.
        (60, 30, None),
    ],
)  # fmt: skip
def test_a_step_is_told_once_and_never_after_a_later_one(left: int, told: int | None, due: int | None) -> None:
    assert is_due(TODAY + dt.timedelta(days=left), TODAY, DAYS, told) == due


@pytest.mark.parametrize(
    ("left", "words"), [(28, "还有 28 天到期"), (1, "还有 1 天到期"), (0, "今天到期"), (-1, "已于 2026-03-19 到期")]
)
def test_the_rest_in_words(left: int, words: str) -> None:
    assert rest_words(TODAY + dt.timedelta(days=left), TODAY) == words
