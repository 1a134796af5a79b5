"""MNT-06 as rules: what a typed number asks for, which steps a photo takes, what a visit is meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.errors import Finding, Refusal
from app.rules.calendar import day_start
from app.rules.checkin import CheckInFacts, Place, check_in_findings
from app.rules.label_photos import (
    DECISIONS,
    MOVES,
    LabelState,
    LabelVerb,
    decision_findings,
    label_move,
    photo_finding,
)
from app.rules.lifecycle import ElevatorStatus
from app.rules.visits import (
    CheckOutFacts,
    Decision,
    VisitFacts,
    VisitPolicy,
    VisitReason,
    VisitState,
    check_out_findings,
    counts_for_clock,
    visit_state,
)

pytestmark = pytest.mark.feature("MNT-06")
NANTONG = VisitPolicy(min_minutes=30, upload_hours=8, daily_elevators=8)
HUZHOU = VisitPolicy(min_minutes=35, max_hours=8, review_days=15, review_required=True)
QUANZHOU = VisitPolicy(manager_approval=True, review_required=True)
IN = day_start(date(2026, 3, 2)) + timedelta(hours=9)
OUT = IN + timedelta(hours=1)
LATER = OUT + timedelta(days=60)
S, V = LabelState, LabelVerb


# --- the check-in


def facts(**more: object) -> CheckInFacts:
    here = Place(30.5, 120.5)
    return CheckInFacts(
        at=IN, now=IN, elevator_code="981001", elevator_status=ElevatorStatus.IN_USE, elevator_place=here,
        worker_place=here, covered_until_on=date(2027, 1, 1), certificate_until_on=date(2029, 1, 1), **more,
    )  # fmt: skip


def told(one: CheckInFacts) -> list[tuple[bool, bool]]:
    return [(f.ok, f.stops) for f in check_in_findings(one) if f.rule == "标签照片"]


def test_a_photo_is_spoken_of_only_where_it_is_asked_for() -> None:
    assert told(facts()) == [] and told(facts(label_photos=0)) == []
    assert told(facts(label_by="regulator", label_photos=1)) == [(True, False)]
    assert told(facts(label_by="regulator", label_photos=0)) == [(False, True)]


def test_beforehand_it_is_a_warning_that_stops_nothing() -> None:
    assert told(facts(label_by="unit")) == [(False, False)]


def test_codes_that_are_tried_out_tell_nothing_of_it() -> None:
    assert told(facts(label_by="regulator", label_photos=0, may_serve=False)) == []


@pytest.mark.parametrize(("by", "who"), [("unit", "维保单位的经理"), ("regulator", "监管部门")])
def test_the_finding_says_who_looks_and_what_to_do(by: str, who: str) -> None:
    early, late = photo_finding(None, by), photo_finding(0, by)
    assert who in early.found and early.level == "warn"
    assert late.stops and late.field == "label" and "扫码签到" in late.remedy


# --- its steps


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("verb", V)
def test_the_table_of_steps_is_all_there_is(state: LabelState, verb: LabelVerb) -> None:
    if (state, verb) in MOVES:
        assert label_move(state, verb) is MOVES[state, verb]
    else:
        with pytest.raises(Refusal):
            label_move(state, verb)


def test_what_is_decided_stays_decided() -> None:
    assert not [1 for (state, _verb) in MOVES if state in (S.APPROVED, S.REJECTED)]
    assert {DECISIONS[new.value] for new in (S.APPROVED, S.REJECTED, S.MORE)} == {V.APPROVE, V.REJECT, V.ASK}


def stops(state: LabelState | None, decision: str, reason: str = "", **more: bool) -> set[str]:
    known = {"running": False, "counts": True, "newest": True} | more
    return {f.rule for f in decision_findings(state, decision, reason, **known) if f.stops}


def test_a_decision_at_its_edges() -> None:
    assert stops(S.WAITING, "approved") == set()
    assert stops(S.WAITING, "rejected", "不是这台电梯的标签") == set() == stops(S.WAITING, "more", "看不清")
    assert stops(S.WAITING, "rejected") == {"理由"} == stops(S.WAITING, "more", "  ")
    assert stops(S.WAITING, "perhaps") == {"决定"}
    assert stops(S.WAITING, "rejected", "长" * 500) == set() and stops(S.WAITING, "rejected", "长" * 501) == {"理由"}
    assert stops(None, "approved") == {"待核对"} == stops(S.APPROVED, "approved") == stops(S.REJECTED, "approved")
    assert stops(S.WAITING, "approved", running=True, counts=False) == {"已签退"}
    assert stops(S.WAITING, "approved", counts=False) == {"记录状态"}


def test_while_another_photo_is_waited_for_it_may_only_be_turned_down() -> None:
    assert stops(S.MORE, "approved") == {"补拍"} == stops(S.MORE, "more", "再拍")
    assert stops(S.MORE, "rejected", "没有补拍") == set()


def test_a_photo_that_came_since_is_looked_at_first() -> None:
    for decision in ("approved", "more"):
        assert stops(S.WAITING, decision, "看不清", newest=False) == {"照片已更新"}
    assert stops(S.WAITING, "rejected", "作弊", newest=False) == set()


def test_every_refusal_says_what_to_do() -> None:
    for decision in ("approved", "rejected", "more", "perhaps"):
        for state in (None, *S):
            found = decision_findings(state, decision, "", running=True, counts=False, newest=False)
            assert all(f.remedy and f.found for f in found if f.stops)


# --- at check-out


def test_a_check_out_by_number_needs_a_photo_of_its_own_and_any_other_none() -> None:
    def said(**more: object) -> list[Finding]:
        facts = CheckOutFacts(IN, OUT, **more)  # type: ignore[arg-type]
        return [f for f in check_out_findings(facts, NANTONG) if f.field == "label_out"]

    assert said() == []
    (missing,), (there,) = said(label_photos=0), said(label_photos=1)
    assert missing.stops and "扫码签退" in missing.remedy and there.ok and not there.remedy


@pytest.mark.parametrize("state", [*LabelState])
def test_only_a_visit_whose_label_nobody_waits_for_brings_one(state: LabelState) -> None:
    assert label_move(None, LabelVerb.BRING) is LabelState.WAITING
    with pytest.raises(Refusal):
        label_move(state, LabelVerb.BRING)


# --- the state of the visit


@pytest.mark.parametrize("policy", [NANTONG, HUZHOU])
@pytest.mark.parametrize(
    ("label", "state", "reason"),
    [
        (S.WAITING, VisitState.PENDING, VisitReason.LABEL_UNDECIDED),
        (S.MORE, VisitState.PENDING, VisitReason.LABEL_ASKED),
        (S.APPROVED, VisitState.VALID, None),
        (S.REJECTED, VisitState.REJECTED, VisitReason.LABEL_REJECTED),
        (None, VisitState.VALID, None),
    ],
)
def test_what_a_visit_is_while_its_label_is_looked_at(
    policy: VisitPolicy, label: LabelState | None, state: VisitState, reason: VisitReason | None
) -> None:
    standing = visit_state(VisitFacts(IN, OUT, signed_at=OUT, label=label), policy, LATER)
    assert (standing.state, standing.reason) == (state, reason)
    assert counts_for_clock(standing.state) is (label is not S.REJECTED)


def test_an_open_visit_is_open_whatever_is_said_of_its_label() -> None:
    assert visit_state(VisitFacts(IN, label=S.WAITING), HUZHOU, IN).state is VisitState.OPEN


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"received_at": OUT + timedelta(hours=8, seconds=1)}, VisitState.ABNORMAL),
        ({"nth_of_day": 9}, VisitState.ABNORMAL),
        ({"on_site": False}, VisitState.VOID),
    ],
)
def test_what_does_not_count_anyway_waits_for_nobody(more: dict[str, object], state: VisitState) -> None:
    assert visit_state(VisitFacts(IN, OUT, label=S.WAITING, **more), NANTONG, LATER).state is state


def test_late_sheets_and_reviews_show_once_the_label_is_settled() -> None:
    waiting = visit_state(VisitFacts(IN, OUT, label=S.WAITING), HUZHOU, LATER)
    assert waiting.reasons == (VisitReason.LABEL_UNDECIDED, VisitReason.REVIEW_LATE)
    assert visit_state(VisitFacts(IN, OUT, label=S.APPROVED), HUZHOU, LATER).state is VisitState.NONCONFORMING


def test_the_managers_word_and_the_look_at_the_label_are_two() -> None:
    both = VisitFacts(IN, OUT, label=S.WAITING)
    assert visit_state(both, QUANZHOU, LATER).reasons[:2] == (VisitReason.UNDECIDED, VisitReason.LABEL_UNDECIDED)
    assert visit_state(replace(both, decision=Decision.APPROVED), QUANZHOU, LATER).state is VisitState.PENDING
    assert visit_state(replace(both, label=S.APPROVED), QUANZHOU, LATER).state is VisitState.PENDING
    done = replace(both, label=S.APPROVED, decision=Decision.APPROVED)
    assert visit_state(done, QUANZHOU, LATER).state is VisitState.VALID
    for one in (replace(done, label=S.REJECTED), replace(done, decision=Decision.REJECTED)):
        assert visit_state(one, QUANZHOU, LATER).state is VisitState.REJECTED


def test_an_upheld_appeal_forgives_a_label_that_was_turned_down() -> None:
    facts = VisitFacts(IN, OUT, label=S.REJECTED, appeal_upheld=True)
    assert visit_state(facts, NANTONG, LATER).state is VisitState.VALID
