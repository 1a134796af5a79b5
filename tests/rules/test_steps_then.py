"""What a case or an order was by an instant, told by its steps: the first of each, until one is taken back (STA-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.rules.repairs import Heard, RepairVerb, heard_then
from app.rules.rescues import CallThen, Course, RescueVerb, calls_then, course_then

pytestmark = pytest.mark.feature("STA-03")
V, R = RescueVerb, RepairVerb
T = [dt.datetime(2026, 3, 2, 4, minute, tzinfo=dt.UTC) for minute in range(10)]


@pytest.mark.parametrize(
    ("steps", "ended", "course"),
    [
        ([], {}, Course(None, None, None, None, None)),
        (["report", V.TAKE, (V.DISPATCH, 1)], {}, Course(T[2], None, None, None, None)),
        # Of one that was replaced only its beginning counts, as it does now.
        ([(V.DISPATCH, 1), (V.REPLACE, 2), (V.ACCEPT, 2)], {1: T[1]}, Course(T[0], T[2], None, None, None)),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.REPLACE, 2)], {1: T[2]}, Course(T[0], None, None, None, None)),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.REPLACE, 2), (V.ACCEPT, 2)], {1: T[2]},
         Course(T[0], T[3], None, None, None)),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.ARRIVE, 1), (V.FREE, 1)], {}, Course(T[0], T[1], T[2], T[3], None)),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.ARRIVE, 1), (V.FREE, 1), V.BACK], {},
         Course(T[0], T[1], T[2], None, None)),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), V.BACK, V.BACK], {1: T[3]}, Course(None, None, None, None, None)),
        ([(V.DISPATCH, 1), V.BACK, (V.DISPATCH, 2)], {1: T[1]}, Course(T[2], None, None, None, None)),
        ([V.TAKE, V.BACK], {}, Course(None, None, None, None, None)),
        ([(V.DISPATCH, 1), V.CLOSE], {1: T[1]}, Course(T[0], None, None, None, T[1])),
        ([V.JOIN], {}, Course(None, None, None, None, T[0])),
        ([(V.DISPATCH, 1), ("pass", 1), "joined"], {}, Course(T[0], None, None, None, None)),
        # Two went, and whoever accepted first and whoever freed them are two.
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.DISPATCH, 2), (V.ACCEPT, 2), (V.FREE, 2)], {1: T[4]},
         Course(T[0], T[1], None, T[4], None)),
    ],
)  # fmt: skip
def test_a_rescue(steps: Any, ended: Any, course: Course) -> None:
    taken = [(str(one), at, None) if isinstance(one, str) else (str(one[0]), at, one[1])
             for one, at in zip(steps, T, strict=False)]  # fmt: skip
    assert course_then(calls_then(taken, ended).values(), taken) == course


GONE, CAME = CallThen(T[1]), CallThen(T[1], T[2])


@pytest.mark.feature("RES-02", "SCO-02")
@pytest.mark.parametrize(
    ("steps", "ended", "found"),
    [
        ([], {}, {}),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.ARRIVE, 1), (V.FREE, 1)], {}, {1: CallThen(T[1], T[2], T[3])}),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.ARRIVE, 1), (V.FREE, 1), (V.BACK, None)], {}, {1: CAME}),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.ARRIVE, 1), (V.BACK, None)], {}, {1: GONE}),
        ([(V.DISPATCH, 1), (V.ACCEPT, 1), (V.BACK, None)], {}, {1: CallThen()}),
        ([(V.DISPATCH, 1), (V.BACK, None)], {1: T[1]}, {1: CallThen(ended_at=T[1], returned=True)}),
        # Escalated before the desk took all of it back: known as taken back since then only.
        ([(V.DISPATCH, 1), (V.DISPATCH, 2)], {1: T[1]}, {1: CallThen(ended_at=T[1]), 2: CallThen()}),
        (
            [(V.DISPATCH, 1), (V.DISPATCH, 2), (V.BACK, None)], {1: T[1], 2: T[2]},
            {1: CallThen(ended_at=T[1], returned=True), 2: CallThen(ended_at=T[2], returned=True)},
        ),
        # Who was replaced had accepted, whoever else is sent back to that.
        (
            [(V.DISPATCH, 1), (V.ACCEPT, 1), (V.REPLACE, 2), (V.ACCEPT, 2), (V.BACK, None)], {1: T[2]},
            {1: CallThen(T[1], ended_at=T[2]), 2: CallThen()},
        ),
        # Another freed them, and it turned out that nobody did.
        (
            [(V.DISPATCH, 1), (V.ACCEPT, 1), (V.DISPATCH, 2), (V.ACCEPT, 2), (V.FREE, 2)], {1: T[4]},
            {1: CallThen(T[1], ended_at=T[4]), 2: CallThen(T[3], done_at=T[4])},
        ),
        (
            [(V.DISPATCH, 1), (V.ACCEPT, 1), (V.DISPATCH, 2), (V.ACCEPT, 2), (V.FREE, 2)], {},
            {1: CallThen(T[1], ended_at=T[4], relieved=True), 2: CallThen(T[3], done_at=T[4])},
        ),
        (
            [(V.DISPATCH, 1), (V.ACCEPT, 1), (V.DISPATCH, 2), (V.ACCEPT, 2), (V.FREE, 2), (V.BACK, None)], {},
            {1: GONE, 2: CallThen(T[3])},
        ),
        ([("report", None), (V.TAKE, None), (V.BACK, None), (V.DISPATCH, 1), ("pass", 1)], {}, {1: CallThen()}),
        # Of another platform: no step tells of the call.
        ([(V.ACCEPT, 7), (V.BACK, None)], {}, {}),
    ],
)  # fmt: skip
def test_the_calls_of_a_rescue(steps: Any, ended: Any, found: Any) -> None:
    assert calls_then([(str(verb), at, key) for (verb, key), at in zip(steps, T, strict=False)], ended) == found


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
