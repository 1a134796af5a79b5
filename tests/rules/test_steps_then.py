"""What a case or an order was by an instant, told by its steps: the first of each, until one is taken back (STA-03)."""

from __future__ import annotations

import datetime as dt

import pytest

from app.rules.repairs import Heard, RepairVerb, heard_then
from app.rules.rescues import Course, RescueVerb, course_then

pytestmark = pytest.mark.feature("STA-03")
V, R = RescueVerb, RepairVerb
T = [dt.datetime(2026, 3, 2, 4, minute, tzinfo=dt.UTC) for minute in range(10)]


@pytest.mark.parametrize(
    ("verbs", "course"),
    [
        ([], Course(None, None, None, None, None)),
        (["report", V.TAKE, V.DISPATCH], Course(T[2], None, None, None, None)),
        ([V.DISPATCH, V.REPLACE, V.ACCEPT, V.ACCEPT], Course(T[0], T[2], None, None, None)),
        ([V.DISPATCH, V.ACCEPT, V.ARRIVE, V.FREE], Course(T[0], T[1], T[2], T[3], None)),
        ([V.DISPATCH, V.ACCEPT, V.ARRIVE, V.FREE, V.BACK], Course(T[0], T[1], T[2], None, None)),
        ([V.DISPATCH, V.ACCEPT, V.BACK, V.BACK], Course(None, None, None, None, None)),
        ([V.DISPATCH, V.BACK, V.DISPATCH], Course(T[2], None, None, None, None)),
        ([V.TAKE, V.BACK], Course(None, None, None, None, None)),
        ([V.DISPATCH, V.CLOSE], Course(T[0], None, None, None, T[1])),
        ([V.JOIN], Course(None, None, None, None, T[0])),
        ([V.DISPATCH, "pass", "joined"], Course(T[0], None, None, None, None)),
    ],
)
def test_a_rescue(verbs: list[str], course: Course) -> None:
    assert course_then(zip(map(str, verbs), T, strict=False)) == course


@pytest.mark.parametrize(
    ("verbs", "heard"),
    [
        ([], Heard()),
        ([R.ASSIGN, R.ACCEPT], Heard(T[1])),
        ([R.ASSIGN, R.FINISH], Heard(T[1], T[1])),
        ([R.ACCEPT, R.START, R.END, R.APPROVE], Heard(T[0], T[2])),
        ([R.ACCEPT, R.END, R.REJECT], Heard(T[0])),
        ([R.ACCEPT, R.END, R.REJECT, R.END], Heard(T[0], T[3])),
        ([R.ACCEPT, R.TAKE_BACK], Heard()),
        ([R.ACCEPT, R.HAND_ON, R.ACCEPT], Heard(T[2])),
    ],
)
def test_a_repair(verbs: list[RepairVerb], heard: Heard) -> None:
    assert heard_then(zip(verbs, T, strict=False)) == heard
