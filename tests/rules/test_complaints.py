"""CMP-03: steps and limits of a complaint at their edges; SCO-03 from the instants alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import Refusal
from app.rules.complaints import (
    MOVES,
    TRACKING_LENGTH,
    TRACKING_SIGNS,
    TURNS,
    ComplaintState,
    ComplaintVerb,
    Course,
    Hours,
    Party,
    Step,
    complaint_move,
    flood_findings,
    kinds_finding,
    late_steps,
    normal_tracking,
    note_finding,
    open_step,
    outcome,
    running,
    shown_tracking,
    text_finding,
)
from app.rules.other_scores import Outcome, complaint_outcome

pytestmark = pytest.mark.feature("CMP-03")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOURS = Hours(24, 72, 48)
H, SECOND = timedelta(hours=1), timedelta(seconds=1)
LATER = NOON + 400 * H
S, V = ComplaintState, ComplaintVerb


def course(accept: float = 1, handle: float = 10, review: float = 20, **more: object) -> Course:
    """Steps so many hours after the complaint."""
    return Course(NOON, NOON + accept * H, NOON + handle * H, NOON + review * H, **more)  # type: ignore[arg-type]


def test_every_state_but_the_last_is_somebodys_turn() -> None:
    """Whoever may move it on besides the regulator, who may end any; at the second 不认可 nobody else can."""
    assert set(TURNS) == set(S) - {S.CLOSED}
    alone = {state for state in TURNS if all(verb is V.CLOSE for at, verb in MOVES if at is state)}
    assert alone == {state for state, party in TURNS.items() if party is Party.OFFICE} == {S.DISPUTED}


def test_a_step_without_a_limit_is_never_late_and_nothing_runs() -> None:
    """Where a city sets no hours; a step that has some is judged from the end of the one before, whenever that was."""
    off, opened = Hours(0, 0, 0), Course(NOON)
    assert open_step(opened, off) == (Step.ACCEPT, NOON, 0), "it waits all the same"
    assert running(opened, off) is None and late_steps(opened, off, LATER) == [] and outcome(opened, off, LATER) is None
    whole = course(accept=300, handle=600, review=900)
    assert outcome(whole, off, LATER) is Outcome.ON_TIME and late_steps(whole, off, LATER) == []
    only_handling, taken = Hours(0, 72, 0), Course(NOON, NOON + 300 * H)
    assert running(opened, only_handling) is None
    assert late_steps(taken, only_handling, NOON + 372 * H) == []
    assert late_steps(taken, only_handling, NOON + 372 * H + SECOND) == [Step.HANDLE]
    assert outcome(taken, only_handling, NOON + 372 * H + SECOND) is Outcome.LATE


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("verb", list(V))
def test_only_the_steps_of_the_table_are_legal(state: ComplaintState, verb: ComplaintVerb) -> None:
    if (state, verb) in MOVES:
        assert complaint_move(state, verb) is MOVES[state, verb]
        return
    with pytest.raises(Refusal) as caught:
        complaint_move(state, verb)
    assert "不能" in str(caught.value) and "刷新" in str(caught.value)


def test_a_regulator_ends_whatever_is_open_and_nothing_leaves_the_end() -> None:
    assert {state for (state, verb) in MOVES if verb is V.CLOSE} == set(S) - {S.CLOSED}
    assert all(state is not S.CLOSED for state, _verb in MOVES)


@pytest.mark.feature("SCO-03")
@pytest.mark.parametrize(
    ("steps", "late"),
    [
        ((24, 30, 40), []), ((24 + 1 / 3600, 30, 40), [Step.ACCEPT]), ((1, 73, 80), []),
        ((1, 73 + 1 / 3600, 80), [Step.HANDLE]), ((1, 10, 58), []), ((1, 10, 58 + 1 / 3600), [Step.REVIEW]),
        ((25, 99, 150), [Step.ACCEPT, Step.HANDLE, Step.REVIEW]),
    ],
)  # fmt: skip
def test_each_step_has_its_own_limit_and_is_named_when_late(steps: tuple[float, ...], late: list[Step]) -> None:
    one = course(*steps)
    assert late_steps(one, HOURS, LATER) == late
    assert outcome(one, HOURS, LATER) is (Outcome.LATE if late else Outcome.ON_TIME)
    alike = complaint_outcome(
        NOON, one.accepted_at, one.handled_at, one.reviewed_at, LATER, accept_hours=24, handle_hours=72,
        review_hours=48,
    )  # fmt: skip
    assert outcome(one, HOURS, LATER) is alike


@pytest.mark.parametrize(
    ("open_", "hours", "step"),
    [
        (Course(NOON), 24, Step.ACCEPT),
        (Course(NOON, NOON + H), 73, Step.HANDLE),
        (Course(NOON, NOON + H, NOON + 2 * H), 50, Step.REVIEW),
        (course(1, 2, 3, sent_back=True), 75, Step.HANDLE_AGAIN),
        (course(1, 2, 3, sent_back=True, handled_again_at=NOON + 4 * H), 52, Step.REVIEW_AGAIN),
    ],
)
def test_an_open_step_runs_until_its_limit_and_is_late_a_second_after(open_: Course, hours: int, step: Step) -> None:
    found = running(open_, HOURS)
    assert found is not None and found[0] is step and found[1].due_at == NOON + hours * H + SECOND
    assert outcome(open_, HOURS, NOON + hours * H) is None and late_steps(open_, HOURS, NOON + hours * H) == []
    assert outcome(open_, HOURS, found[1].due_at) is Outcome.LATE
    assert late_steps(open_, HOURS, found[1].due_at) == [step]


def test_what_was_sent_back_is_judged_in_both_rounds() -> None:
    back = course(1, 10, 20, sent_back=True, handled_again_at=NOON + 92 * H, reviewed_again_at=NOON + 140 * H)
    assert outcome(back, HOURS, LATER) is Outcome.ON_TIME
    assert running(back, HOURS) is None
    slow = replace(back, handled_again_at=NOON + 92 * H + SECOND)
    assert outcome(slow, HOURS, LATER) is Outcome.LATE and late_steps(slow, HOURS, LATER) == [Step.HANDLE_AGAIN]
    # A late first round is not healed by a quick second.
    assert outcome(replace(back, accepted_at=NOON + 25 * H, handled_at=NOON + 26 * H,
        reviewed_at=NOON + 27 * H), HOURS, LATER) is Outcome.LATE


def test_the_regulators_end_stops_the_clock_and_forgives_nothing() -> None:
    assert outcome(Course(NOON, ended_at=NOON + 24 * H), HOURS, LATER) is None
    assert outcome(Course(NOON, ended_at=NOON + 24 * H + SECOND), HOURS, LATER) is Outcome.LATE
    assert running(Course(NOON, ended_at=NOON + H), HOURS) is None


def test_late_is_late_for_some_step_and_only_then() -> None:
    rng = random.Random(3)
    for _ in range(400):
        at, instants = NOON, []
        for hours in (30, 90, 60, 90, 60):
            at += timedelta(minutes=rng.randint(0, hours * 60))
            instants.append(at)
        done = rng.randint(0, 5)
        given = [*instants[:done], *[None] * (5 - done)]
        one = Course(NOON, *given[:3], sent_back=done >= 3 and rng.random() < 0.7)
        if one.sent_back:
            one = replace(one, handled_again_at=given[3], reviewed_again_at=given[4])
        now = max([i for i in given if i] or [NOON]) + timedelta(hours=rng.randint(0, 100))
        assert bool(late_steps(one, HOURS, now)) is (outcome(one, HOURS, now) is Outcome.LATE)


@pytest.mark.feature("CMP-02")
def test_kinds_words_and_notes_are_asked_for() -> None:
    known = ("noise", "other")
    assert kinds_finding(["noise"], known).ok and not kinds_finding([], known).ok
    assert not kinds_finding(["noise", "nosuch"], known).ok
    assert text_finding("", ["noise"]).ok and not text_finding("", ["other"]).ok
    assert text_finding("字" * 500, ["other"]).ok and not text_finding("字" * 501, ["noise"]).ok
    assert note_finding("已换配件", "处置情况", "请写明").ok
    assert not note_finding("", "处置情况", "请写明").ok and not note_finding("字" * 501, "处置情况", "请写明").ok


@pytest.mark.feature("CMP-02")
def test_too_many_of_a_day_are_told_whom_to_call() -> None:
    assert all(f.ok for f in flood_findings(29, 4))
    for counts in ((30, 0), (0, 5)):
        (bad,) = [f for f in flood_findings(*counts) if not f.ok]
        assert "救援电话" in bad.remedy


@pytest.mark.feature("CMP-02")
@pytest.mark.parametrize("typed", ["K7QM3XPD9WRT", "k7qm-3xpd-9wrt", " Ｋ7QM 3XPD　9WRT\n", "K7QM–3XPD–9WRT"])
def test_a_tracking_number_is_known_however_it_is_typed(typed: str) -> None:
    assert normal_tracking(typed) == "K7QM3XPD9WRT"
    assert shown_tracking("K7QM3XPD9WRT") == "K7QM-3XPD-9WRT"


@pytest.mark.feature("CMP-02")
def test_a_tracking_number_cannot_be_guessed_and_a_long_one_is_no_number() -> None:
    assert len(set(TRACKING_SIGNS)) ** TRACKING_LENGTH > 2**58
    assert not set("0O1IL") & set(TRACKING_SIGNS)
    assert len(normal_tracking("A" * 5000)) == TRACKING_LENGTH + 1
