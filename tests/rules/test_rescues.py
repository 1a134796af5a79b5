"""RES-02 to RES-04: the state that follows from the calls, limits to the second, the clock's next act."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from app.errors import Refusal
from app.rules.checkin import Place
from app.rules.identifiers import check_call_number
from app.rules.other_scores import Outcome, rescue_badge
from app.rules.rescues import (
    MOVES,
    Call,
    Candidate,
    Course,
    Minutes,
    RescueLimit,
    RescueStatus,
    RescueVerb,
    badge,
    check_verb,
    course_of,
    expected_minutes,
    late_steps,
    metres_between,
    nearest_first,
    next_act,
    people_findings,
    rescue_move,
    result_findings,
    running,
    state_of,
)

pytestmark = pytest.mark.feature("RES-02")
M, S = dt.timedelta(minutes=1), dt.timedelta(seconds=1)
T = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
CENTRE, OUTSIDE = Minutes(3, 18, 30), Minutes(3, 30, 60)
# A policy may give less time to free people than to arrive.
FREED_FIRST = Minutes(3, 45, 30)


def test_a_step_without_a_limit_is_never_late_and_nothing_runs() -> None:
    """RES-03 where a city has no limits: no deadline, nothing late, nobody called by the clock."""
    off, year = Minutes(0, 0, 0), T + dt.timedelta(days=365)
    for course in (Course(T), Course(T, T + M), Course(T, T + M, T + 2 * M)):
        assert running(course, off) is None and late_steps(course, off, year) == []
        assert badge(course, off, year) is None
    whole = Course(T, T + 500 * M, T + 900 * M, year)
    assert late_steps(whole, off, year) == [] and badge(whole, off, year) is Outcome.ON_TIME
    for calls in ([Call(1, T)], [Call(1, T, T + M)]):
        assert next_act(calls, T, off, 2, 0) is None
    assert next_act([], T, off, 2, 0) == T + 2 * M, "whom the desk called nobody for, the clock still does"
    assert expected_minutes(None, off) is None and expected_minutes(40_000, off) == 103


@pytest.mark.parametrize(("minutes", "step", "due"), [
    (Minutes(3, 0, 30), RescueLimit.FREE, 30), (Minutes(3, 18, 0), RescueLimit.ARRIVE, 18),
    (Minutes(3, 30, 30), RescueLimit.ARRIVE, 30), (Minutes(3, 31, 30), RescueLimit.FREE, 30),
])  # fmt: skip
def test_of_two_steps_the_one_with_a_limit_runs(minutes: Minutes, step: RescueLimit, due: int) -> None:
    found = running(Course(T, T), minutes)
    assert found is not None and found[0] is step and found[1].due_at == T + due * M + S
    assert late_steps(Course(T, T), minutes, T + due * M) == []
    assert late_steps(Course(T, T), minutes, T + due * M + S) == [step]


def test_only_the_steps_of_the_table() -> None:
    assert rescue_move(RescueStatus.WAITING, RescueVerb.TAKE, RescueStatus.TAKEN) is RescueStatus.TAKEN
    with pytest.raises(Refusal, match="救援现为“已救出”，不能接单"):
        check_verb(RescueStatus.FREED, RescueVerb.ACCEPT)
    with pytest.raises(Refusal):
        rescue_move(RescueStatus.WAITING, RescueVerb.ACCEPT, RescueStatus.ACCEPTED)
    ended = (RescueStatus.CLOSED, RescueStatus.JOINED)
    assert not [move for move in MOVES if move[0] in ended]


@pytest.mark.parametrize(("calls", "taken", "expected"), [
    ([], False, "waiting"), ([], True, "taken"), ([Call(1, T)], True, "dispatched"),
    ([Call(1, T, is_open=False), Call(2, T + M)], True, "dispatched"),
    ([Call(1, T, T + M), Call(2, T + M)], True, "accepted"),
    ([Call(1, T, T + M, stands=False, is_open=False)], True, "taken"),
    ([Call(1, T, T + M), Call(2, T, T + M, T + 2 * M)], True, "arrived"),
    ([Call(1, T, T + M), Call(3, T, None, None, T + 9 * M, is_open=False)], True, "freed"),
])  # fmt: skip
def test_the_state_is_that_of_whoever_came_farthest(calls: list[Call], taken: bool, expected: str) -> None:
    assert state_of(calls, taken) == expected


def test_the_course_is_the_first_of_each_step() -> None:
    taken_back = Call(1, T - M, T, stands=False)
    calls = [Call(1, T, T + 2 * M), Call(2, T + 5 * M, T + 6 * M, T + 9 * M, T + 20 * M), taken_back]
    assert course_of(calls) == Course(T, T + 2 * M, T + 9 * M, T + 20 * M)
    assert course_of([]) == Course()


@pytest.mark.feature("RES-03")
@pytest.mark.parametrize(("course", "minutes", "at", "expected"), [
    (Course(), CENTRE, T + 99 * M, None),
    (Course(T), CENTRE, T + 3 * M, None),
    (Course(T), CENTRE, T + 3 * M + S, Outcome.LATE),
    (Course(T, T + 3 * M), CENTRE, T + 21 * M, None),
    (Course(T, T + 3 * M), CENTRE, T + 21 * M + S, Outcome.LATE),
    (Course(T, T + M, T + 19 * M, T + 31 * M), CENTRE, T + 99 * M, Outcome.ON_TIME),
    (Course(T, T + M, T + 19 * M, T + 31 * M + S), CENTRE, T + 99 * M, Outcome.LATE),
    (Course(T, T + M, T + 31 * M, T + 61 * M), OUTSIDE, T + 99 * M, Outcome.ON_TIME),
    (Course(T, T + M, None, T + 19 * M), CENTRE, T + 99 * M, Outcome.ON_TIME),
    (Course(T, T + M, None, T + 20 * M), CENTRE, T + 99 * M, Outcome.LATE),
    (Course(T, T + M), FREED_FIRST, T + 31 * M, None),
    (Course(T, T + M), FREED_FIRST, T + 31 * M + S, Outcome.LATE),
    (Course(T, T + M, T + 40 * M), FREED_FIRST, T + 40 * M, Outcome.LATE),
    (Course(T, ended_at=T + 2 * M), CENTRE, T + 99 * M, None),
    (Course(T, ended_at=T + 4 * M), CENTRE, T + 99 * M, Outcome.LATE),
])  # fmt: skip
def test_the_badge_at_the_edges(course: Course, minutes: Minutes, at: dt.datetime, expected: Any) -> None:
    assert badge(course, minutes, at) is expected
    assert bool(late_steps(course, minutes, at)) is (expected is Outcome.LATE)
    if course.dispatched_at is not None:
        limits = {"accept_minutes": minutes.accept, "arrive_minutes": minutes.arrive, "done_minutes": minutes.done}
        steps = course.dispatched_at, course.accepted_at, course.arrived_at, course.done_at
        assert rescue_badge(*steps, course.ended_at or at, **limits) is expected


@pytest.mark.feature("RES-03", "RES-05")
def test_of_an_open_case_only_the_step_that_runs_is_late_by_now() -> None:
    """Nobody is there yet: it is the arrival that is late, and with it the case. Ended so, both were."""
    accepted, there = Course(T, T + M), Course(T, T + M, T + 40 * M)
    assert late_steps(accepted, CENTRE, T + 90 * M) == [RescueLimit.ARRIVE]
    assert late_steps(there, CENTRE, T + 40 * M) == [RescueLimit.ARRIVE, RescueLimit.FREE]
    assert late_steps(replace(accepted, ended_at=T + 90 * M), CENTRE, T + 99 * M) == [
        RescueLimit.ARRIVE, RescueLimit.FREE
    ]
    assert late_steps(Course(None, T + 9 * M, None, T + 99 * M), CENTRE, T + 99 * M) == []


@pytest.mark.feature("RES-03")
def test_the_limit_that_runs() -> None:
    assert running(Course(), CENTRE) is None
    step, limit = running(Course(T), CENTRE) or (None, None)
    assert step is RescueLimit.ACCEPT and limit is not None and limit.due_at == T + 3 * M + S
    step, limit = running(Course(T, T + M), CENTRE) or (None, None)
    assert step is RescueLimit.ARRIVE and limit is not None and limit.due_at == T + 19 * M + S
    step, limit = running(Course(T, T + M, T + 9 * M), OUTSIDE) or (None, None)
    assert step is RescueLimit.FREE and limit is not None and limit.due_at == T + 61 * M + S
    step, limit = running(Course(T, T + M), FREED_FIRST) or (None, None)
    assert step is RescueLimit.FREE and limit is not None and limit.due_at == T + 31 * M + S
    step, _ = running(Course(T, T + M), Minutes(3, 30, 30)) or (None, None)
    assert step is RescueLimit.ARRIVE
    assert running(Course(T, T + M, T + 9 * M, T + 20 * M), CENTRE) is None
    assert running(Course(T, ended_at=T + M), CENTRE) is None


@pytest.mark.feature("RES-04")
@pytest.mark.parametrize(("calls", "desk", "up", "expected"), [
    ([], 2, 0, T + 2 * M), ([], 0, 0, T), ([], None, 0, None),
    ([Call(1, T)], 2, 0, T + 3 * M + S), ([Call(1, T)], 2, 5, T + 8 * M + S), ([Call(1, T)], 2, None, None),
    ([Call(1, T, T + M)], 2, 0, T + 19 * M + S), ([Call(1, T, T + M, T + 2 * M)], 2, 0, None),
    ([Call(1, T, is_open=False), Call(2, T + 4 * M)], 2, 0, T + 7 * M + S),
    ([Call(1, T, T + M), Call(2, T + 19 * M)], 2, 0, T + 22 * M + S),
    ([Call(1, T), Call(3, T + M)], 2, 0, None),
    ([Call(1, T, stands=False, is_open=False)], 2, 0, T + 2 * M),
])  # fmt: skip
def test_when_the_clock_acts(calls: list[Call], desk: int | None, up: int | None, expected: Any) -> None:
    assert next_act(calls, T, CENTRE, desk, up) == expected


@pytest.mark.feature("RES-04")
def test_the_nearest_comes_first_and_who_has_no_point_comes_last() -> None:
    far, near = Candidate(1, "远", False, 9000), Candidate(2, "近", False, 1200)
    unknown, station = Candidate(3, "不明", False, None), Candidate(4, "站", True, None)
    assert [c.key for c in nearest_first([unknown, far, station, near])] == [2, 1, 4, 3]
    assert metres_between(Place(30.5, 120.5), None) is None
    assert 1400 < (metres_between(Place(30.5, 120.5), Place(30.51, 120.51)) or 0) < 1500
    assert (expected_minutes(None, CENTRE), expected_minutes(0, CENTRE), expected_minutes(99999, CENTRE)) == (18, 3, 18)
    assert expected_minutes(2000, CENTRE) == 8


@pytest.mark.parametrize(("trapped", "injured", "bad"), [
    (None, 0, 1), (1, None, 1), (None, None, 2), (2, 3, 1), (0, 0, 0), (200, 200, 0), (201, 0, 1), (-1, 0, 1),
])  # fmt: skip
def test_numbers_before_the_end(trapped: int | None, injured: int | None, bad: int) -> None:
    found = [f for f in people_findings(trapped, injured) if not f.ok]
    assert len(found) == bad + (1 if trapped == -1 else 0)


def test_outcome_and_numbers_agree() -> None:
    assert result_findings("entrapment", 1)[0].ok and not result_findings("entrapment", 0)[0].ok
    assert result_findings("cleaning", 0)[0].ok and not result_findings("cleaning", 1)[0].ok


@pytest.mark.parametrize(("typed", "kept"), [("139 0000-1111", "13900001111"), ("（0572）2345678", "05722345678"),
    ("＋86 13900001111", "8613900001111"), ("96333", "96333")])  # fmt: skip
def test_a_number_to_call_back(typed: str, kept: str) -> None:
    assert check_call_number(typed) == kept
    for bad in ("没有", "123", "1" * 16, "12a45"):
        with pytest.raises(Refusal):
            check_call_number(bad)
