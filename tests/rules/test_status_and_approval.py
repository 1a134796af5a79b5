"""What moves where: elevators, applications, filings; and who may decide."""

from __future__ import annotations

import pytest

from app.errors import Finding, Refusal
from app.rules.approval import (
    APPLICATION_MOVES,
    BEFORE_ITS_DAY,
    BY_ITSELF,
    FILING_MOVES,
    OPEN_STATES,
    ApplicationState,
    ApplicationVerb,
    FilingState,
    InfoState,
    application_move,
    filing_move,
    info_state,
    may_decide,
    needs_reason,
    reason_finding,
    verbs_possible,
)
from app.rules.lifecycle import (
    ELEVATOR_MOVES,
    ApplicationKind,
    ElevatorStatus,
    declared_move,
    elevator_move,
    kinds_possible,
)

S, V = ApplicationState, ApplicationVerb


@pytest.mark.feature("LIF-01", "LIF-02", "LIF-03", "LIF-04", "ELV-09")
@pytest.mark.parametrize("kind", list(ApplicationKind))
@pytest.mark.parametrize("status", list(ElevatorStatus))
def test_every_move_or_its_refusal(kind: ApplicationKind, status: ElevatorStatus) -> None:
    allowed = {
        ("use_registration", "notified"): "in_use",
        ("suspension", "in_use"): "suspended",
        ("reactivation", "suspended"): "in_use",
        ("scrapping", "in_use"): "scrapped",
        ("scrapping", "suspended"): "scrapped",
    }
    if (kind.value, status.value) in allowed:
        assert elevator_move(status, kind) == allowed[kind.value, status.value]
        return
    with pytest.raises(Refusal) as caught:
        elevator_move(status, kind)
    finding = caught.value.findings[0]
    assert finding.remedy
    assert finding.value == kind.value


@pytest.mark.feature("LIF-04")
def test_scrapped_is_for_good() -> None:
    assert kinds_possible(ElevatorStatus.SCRAPPED) == []
    assert kinds_possible(ElevatorStatus.IN_USE) == [ApplicationKind.SUSPENSION, ApplicationKind.SCRAPPING]
    assert all(status is not ElevatorStatus.SCRAPPED for _, status in ELEVATOR_MOVES)


@pytest.mark.feature("ELV-09", "IMP-03")
def test_a_declared_status_takes_force_once() -> None:
    assert declared_move(None, ElevatorStatus.SUSPENDED) is ElevatorStatus.SUSPENDED
    assert declared_move(ElevatorStatus.IN_USE, ElevatorStatus.SCRAPPED) is None


@pytest.mark.feature("LIF-07")
def test_the_way_of_an_application() -> None:
    state = S.DRAFT
    for verb in (V.SUBMIT, V.ACCEPT, V.RETURN_, V.RESUBMIT, V.ACCEPT, V.APPROVE):
        state = application_move(state, verb)
    assert state is S.APPROVED
    for verb in set(ApplicationVerb) - BEFORE_ITS_DAY:
        with pytest.raises(Refusal, match="已办结"):
            application_move(state, verb)
    # What waits for its day may still be called off; it is never offered where only the state is known.
    assert application_move(state, V.CALL_OFF) is S.WITHDRAWN and verbs_possible(state) == []
    assert application_move(state, V.REVOKE) is S.WITHDRAWN and application_move(state, V.ASK_REVOKE) is S.APPROVED


@pytest.mark.feature("LIF-07")
@pytest.mark.parametrize("state", list(ApplicationState))
@pytest.mark.parametrize("verb", list(ApplicationVerb))
def test_no_decision_before_acceptance_and_withdrawal_while_open(state: S, verb: V) -> None:
    possible = (state, verb) in APPLICATION_MOVES
    assert (verb in verbs_possible(state)) is (possible and verb not in BEFORE_ITS_DAY | BY_ITSELF)
    if verb in (V.APPROVE, V.REJECT):
        assert possible is (state in (S.ACCEPTED, S.ENDORSED))
    if verb is V.WITHDRAW:
        assert possible is (state in OPEN_STATES)
    if verb is V.HAND_ON:
        assert possible is (state is S.ENDORSED)
    if verb in BEFORE_ITS_DAY:
        assert possible is (state is S.APPROVED)
    if not possible:
        with pytest.raises(Refusal) as caught:
            application_move(state, verb)
        assert caught.value.findings[0].remedy


@pytest.mark.feature("UNT-05", "ELV-04", "PER-05")
def test_filing_moves() -> None:
    F = FilingState
    assert {(s.value, v.value): t.value for (s, v), t in FILING_MOVES.items()} == {
        ("draft", "submit"): "pending",
        ("pending", "approve"): "approved",
        ("pending", "reject"): "rejected",
        ("pending", "return"): "rejected",
        ("pending", "withdraw"): "draft",
        ("rejected", "submit"): "pending",
        ("rejected", "resubmit"): "pending",
    }
    with pytest.raises(Refusal, match="待上报"):
        filing_move(F.DRAFT, V.APPROVE)
    with pytest.raises(Refusal, match="审核中"):
        filing_move(F.PENDING, V.SUBMIT)


@pytest.mark.feature("UNT-05")
@pytest.mark.parametrize(
    ("before", "state", "info"),
    [
        (False, FilingState.DRAFT, InfoState.NEW),
        (False, FilingState.REJECTED, InfoState.NEW),
        (True, FilingState.PENDING, InfoState.CHANGED),
        (True, FilingState.APPROVED, InfoState.NORMAL),
    ],
)
def test_info_state(before: bool, state: FilingState, info: InfoState) -> None:
    assert info_state(before, state) is info


@pytest.mark.feature("LIF-07")
def test_who_is_turned_down_reads_why() -> None:
    assert {v for v in ApplicationVerb if needs_reason(v)} == {V.RETURN_, V.REJECT}
    assert reason_finding(V.REJECT, " \n").stops
    assert reason_finding(V.REJECT, "材料不清").ok
    assert reason_finding(V.APPROVE, "").ok


def failing(findings: list[Finding]) -> set[str]:
    return {f.rule for f in findings if f.stops}


@pytest.mark.feature("LIF-07", "LIF-08")
def test_who_may_decide() -> None:
    regions = ("33", "3399", "339902")
    assert failing(may_decide(1, 2, subject_regions=regions, officer_region="3399")) == set()
    assert failing(may_decide(1, 1, subject_regions=regions, officer_region="3399")) == {"申请人不得审批"}
    assert failing(may_decide(1, 2, subject_regions=regions, officer_region="339903")) == {"审批辖区"}
    same = may_decide(
        1, 2, subject_regions=regions, officer_region="33", applicant_unit_id=7, officer_unit_id=7, decided_by=[2]
    )
    assert failing(same) == {"申请单位不得审批", "两级审批须由两人"}
    no_unit = may_decide(1, 2, subject_regions=regions, officer_region="33", applicant_unit_id=None)
    assert failing(no_unit) == set()
    assert all(f.remedy for f in same if not f.ok)
