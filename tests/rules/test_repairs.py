"""REP-03: the steps of a repair, the order of its times, the limits that run. Edges first."""

from __future__ import annotations

import datetime as dt

import pytest

from app.errors import Refusal
from app.models.anomaly import ANOMALY_KIND, ANOMALY_OUTCOME, ANOMALY_STATE
from app.models.repair import REPAIR_CAUSE, REPAIR_LEVEL, REPAIR_STATE
from app.rules import anomalies, repairs
from app.rules.anomalies import AnomalyState, AnomalyVerb, anomaly_move
from app.rules.repairs import (
    MOVES,
    OPEN_STATES,
    Hours,
    RepairState,
    RepairVerb,
    Step,
    end_findings,
    late_steps,
    repair_move,
    report_findings,
    running,
    sending_findings,
    time_findings,
)

pytestmark = pytest.mark.feature("REP-03")
S, V = RepairState, RepairVerb
H, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)
START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)


def test_words_and_values_are_one_list() -> None:
    assert set(REPAIR_STATE) == {s.value for s in S} == {s.value for s in repairs.STATE_LABELS}
    assert set(repairs.VERB_LABELS) == set(V)
    assert set(ANOMALY_STATE) == {s.value for s in AnomalyState}
    assert set(ANOMALY_OUTCOME) == set(anomalies.OUTCOME.values())
    assert set(anomalies.REPAIR_LEVEL_OF) <= set(ANOMALY_KIND)
    assert set(anomalies.REPAIR_LEVEL_OF.values()) <= set(REPAIR_LEVEL)


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("verb", list(V))
def test_what_is_over_stays_over_and_every_refusal_names_the_state(state: RepairState, verb: RepairVerb) -> None:
    if (state, verb) in MOVES:
        assert state in OPEN_STATES and repair_move(state, verb) is MOVES[state, verb]
        return
    with pytest.raises(Refusal, match=f"现为“{repairs.STATE_LABELS[state]}”"):
        repair_move(state, verb)


def test_who_is_there_need_not_set_out_and_what_began_is_not_taken_back() -> None:
    assert repair_move(S.ACCEPTED, V.START) is S.STARTED
    assert repair_move(S.ASSIGNED, V.FINISH) is S.DONE  # all times told with the end
    for verb in (V.TAKE_BACK, V.CANCEL, V.HAND_ON):
        with pytest.raises(Refusal):
            repair_move(S.STARTED, verb)


@pytest.mark.parametrize(
    ("accept", "finish", "accepted", "ended", "step", "hours"),
    [
        (None, None, False, False, None, 0),
        (1, None, False, False, Step.ACCEPT, 1),
        (1, None, True, False, None, 0),
        (1, 24, False, False, Step.ACCEPT, 1),
        (1, 24, True, False, Step.FINISH, 24),
        (None, 24, False, False, Step.FINISH, 24),
        (1, 24, True, True, None, 0),
    ],
)
def test_the_limit_that_runs_counts_from_the_report(
    accept: int | None, finish: int | None, accepted: bool, ended: bool, step: Step | None, hours: int
) -> None:
    found = running(START, accepted, ended, Hours(accept, finish))
    assert (found and found[0]) == step
    if found is not None:
        assert found[1].due_at == START + hours * H + SECOND


@pytest.mark.parametrize(
    ("heard", "now", "late"),
    [
        (START + H, START + 9 * H, []),
        (START + H + SECOND, START + 9 * H, [Step.ACCEPT]),
        (None, START + H, []),
        (None, START + H + SECOND, [Step.ACCEPT]),
    ],
)
def test_late_is_what_was_heard_of_late(heard: dt.datetime | None, now: dt.datetime, late: list[Step]) -> None:
    assert late_steps(START, heard, None, Hours(1, None), now) == late
    assert late_steps(START, heard, None, Hours(None, None), now) == []


def test_both_limits_may_be_missed() -> None:
    heard = START + 30 * H
    assert late_steps(START, heard, heard, Hours(1, 24), heard) == [Step.ACCEPT, Step.FINISH]
    assert late_steps(START, START, START + 24 * H, Hours(1, 24), heard) == []


def rules(**times: dt.datetime | None) -> dict[str | None, str]:
    found = time_findings(START, times, START + 10 * H, dt.timedelta(minutes=5))
    return {f.field: f.found for f in found if not f.ok}


def test_times_are_there_in_order_and_not_to_come() -> None:
    whole = {"accepted_at": START + H, "departed_at": None, "started_at": START + 2 * H, "ended_at": START + 3 * H}
    assert rules(**whole) == {}
    assert rules(**whole | {"departed_at": START + 2 * H}) == {}
    assert set(rules()) == {"accepted_at", "started_at", "ended_at"}
    assert rules(**whole | {"accepted_at": START - SECOND}) == {"accepted_at": "早于报修时间"}
    assert rules(**whole | {"started_at": START}) == {"started_at": "早于接单时间"}
    assert rules(**whole | {"ended_at": START + 11 * H}) == {"ended_at": "在将来"}
    # What is typed has no seconds.
    typed = START + dt.timedelta(hours=2)
    assert rules(**whole | {"started_at": typed, "departed_at": typed + dt.timedelta(seconds=40)}) == {}
    assert set(rules(**whole | {"departed_at": typed + dt.timedelta(seconds=60)})) == {"started_at"}
    # A phone's clock is a little ahead.
    assert rules(**whole | {"ended_at": START + 10 * H + dt.timedelta(minutes=5)}) == {}


def test_of_many_what_somebody_has_stays_with_him() -> None:
    for state in (S.WAITING, S.DONE, S.CANCELLED, S.ASSIGNED, S.STARTED, S.ENDED):
        assert sending_findings(state, "甲", his=False) == [], state  # the move itself refuses what began
    for state, his, said in (
        (S.ASSIGNED, True, "已派给甲"), (S.ACCEPTED, True, "已由甲办理"), (S.DEPARTED, True, "已由甲办理"),
        (S.STARTED, True, "已由甲办理"), (S.ENDED, True, "已由甲办理"), (S.ACCEPTED, False, "已由甲接单"),
        (S.DEPARTED, False, "已由甲接单"),
    ):  # fmt: skip
        found = sending_findings(state, "甲", his)
        assert len(found) == 1 and not found[0].ok and said in found[0].found, (state, his)


def test_what_a_report_and_an_end_must_say() -> None:
    def wrong(found: list[repairs.Finding]) -> set[str | None]:
        return {f.field for f in found if not f.ok}

    assert wrong(report_findings("running", REPAIR_LEVEL, "", "")) == set()
    assert wrong(report_findings("", REPAIR_LEVEL, "", "")) == {"level"}
    assert wrong(report_findings("other", REPAIR_LEVEL, "", "")) == {"fault"}
    assert wrong(report_findings("stopped", REPAIR_LEVEL, "长" * 501, "长" * 501)) == {"fault", "note"}
    assert wrong(end_findings("", REPAIR_CAUSE, "", None)) == {"cause", "action", "restored"}
    assert wrong(end_findings("door", REPAIR_CAUSE, "更换门锁触点", False)) == set()


@pytest.mark.feature("ANO-02")
def test_an_anomaly_ends_from_both_states_and_never_twice() -> None:
    for verb in AnomalyVerb:
        moved = anomaly_move(AnomalyState.FOUND, verb)
        assert moved is (AnomalyState.CONFIRMED if verb is AnomalyVerb.CONFIRM else AnomalyState.CLOSED)
        with pytest.raises(Refusal, match="现为“已处理”"):
            anomaly_move(AnomalyState.CLOSED, verb)
    with pytest.raises(Refusal):
        anomaly_move(AnomalyState.CONFIRMED, AnomalyVerb.CONFIRM)


@pytest.mark.feature("ANO-02")
@pytest.mark.parametrize(
    ("verb", "note", "ok"),
    [("confirm", "", True), ("repair", "", True), ("dismiss", "", False), ("solve", "", False), ("rescue", "", True),
     ("dismiss", "调试", True), ("repair", "长" * 501, False)],
)  # fmt: skip
def test_why_it_ended_stands_there(verb: str, note: str, ok: bool) -> None:
    assert anomalies.note_finding(AnomalyVerb(verb), note).ok is ok
