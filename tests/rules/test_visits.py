"""States of visits by preset, as they age; check-out; the ninth elevator; quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.calendar import day_end, day_start
from app.rules.label_photos import LabelState
from app.rules.quota import Grade, grade_limit, quota_finding, units_used
from app.rules.visits import (
    CheckOutFacts,
    DayVisit,
    Decision,
    VisitFacts,
    VisitMode,
    VisitPolicy,
    VisitReason,
    VisitState,
    check_out_findings,
    counts_for_clock,
    nth_elevators,
    visit_state,
)

HUZHOU = VisitPolicy(
    min_minutes=35, max_hours=8, sheet_hours=24, review_days=15, review_required=True, sheet_makes_nonconforming=True
)
NANTONG = VisitPolicy(min_minutes=30, upload_hours=8, daily_elevators=8)
QUANZHOU = VisitPolicy(manager_approval=True, review_required=True)
SHENZHEN = VisitPolicy()

IN = day_start(date(2021, 3, 1)) + timedelta(hours=15)
OUT = IN + timedelta(hours=1)
LATER = OUT + timedelta(days=60)
SECOND = timedelta(seconds=1)


def state(facts: VisitFacts, policy: VisitPolicy, now: datetime = LATER) -> VisitState:
    return visit_state(facts, policy, now).state


@pytest.mark.feature("MNT-08")
def test_huzhou_open_until_eight_hours() -> None:
    standing = visit_state(VisitFacts(IN), HUZHOU, IN + timedelta(hours=8))
    assert standing.state is VisitState.OPEN
    assert standing.next_change_at == IN + timedelta(hours=8, seconds=1)
    gone = visit_state(VisitFacts(IN), HUZHOU, standing.next_change_at)
    assert (gone.state, gone.reason, gone.next_change_at) == (VisitState.VOID, VisitReason.OPEN_TOO_LONG, None)


@pytest.mark.feature("MNT-08")
def test_without_a_maximum_a_visit_stays_open() -> None:
    standing = visit_state(VisitFacts(IN), NANTONG, LATER)
    assert (standing.state, standing.next_change_at) == (VisitState.OPEN, None)


@pytest.mark.feature("MNT-07", "MNT-08")
def test_huzhou_both_flags_at_once_then_each_ages() -> None:
    facts = VisitFacts(IN, OUT, mode=VisitMode.SHEET)
    first = visit_state(facts, HUZHOU, OUT)
    assert (first.state, first.awaiting_sheet, first.awaiting_review) == (VisitState.AWAITING, True, True)
    assert first.next_change_at == OUT + timedelta(hours=24, seconds=1)
    second = visit_state(facts, HUZHOU, first.next_change_at)
    assert (second.state, second.awaiting_sheet, second.awaiting_review) == (VisitState.NONCONFORMING, False, True)
    assert second.next_change_at == day_end(date(2021, 3, 16))
    third = visit_state(facts, HUZHOU, second.next_change_at)
    assert third.reasons == (VisitReason.SHEET_LATE, VisitReason.REVIEW_LATE)
    assert (third.state, third.next_change_at) == (VisitState.NONCONFORMING, None)


@pytest.mark.feature("MNT-04", "MNT-07")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (VisitFacts(IN, OUT, signed_at=OUT), VisitState.VALID),
        (VisitFacts(IN, OUT, reviewed_at=day_end(date(2021, 3, 16)) - SECOND), VisitState.VALID),
        (VisitFacts(IN, OUT, reviewed_at=day_end(date(2021, 3, 16))), VisitState.NONCONFORMING),
        (
            VisitFacts(IN, OUT, VisitMode.SHEET, sheet_at=OUT + timedelta(hours=24), signed_at=OUT),
            VisitState.VALID,
        ),
        (
            VisitFacts(IN, OUT, VisitMode.SHEET, sheet_at=OUT + timedelta(hours=24, seconds=1), signed_at=OUT),
            VisitState.NONCONFORMING,
        ),
        (VisitFacts(IN, IN + timedelta(minutes=34), signed_at=OUT), VisitState.VOID),
        (VisitFacts(IN, OUT, signed_at=OUT, on_site=False), VisitState.VOID),
        (VisitFacts(IN, OUT, signed_at=OUT, abnormal=True), VisitState.ABNORMAL),
        (VisitFacts(IN, OUT, signed_at=OUT, label=LabelState.WAITING), VisitState.PENDING),
        (VisitFacts(IN, OUT, signed_at=OUT, label=LabelState.APPROVED), VisitState.VALID),
        (VisitFacts(IN, OUT, signed_at=OUT, label=LabelState.REJECTED), VisitState.REJECTED),
        (VisitFacts(IN, OUT, VisitMode.SHEET, appeal_upheld=True, signed_at=OUT), VisitState.VALID),
    ],
)
def test_huzhou_table(facts: VisitFacts, expected: VisitState) -> None:
    assert state(facts, HUZHOU) is expected


@pytest.mark.feature("MNT-08", "ANO-01", "PER-09")
@pytest.mark.parametrize(
    ("facts", "expected", "reason"),
    [
        (VisitFacts(IN, OUT), VisitState.VALID, None),
        (VisitFacts(IN, IN + timedelta(minutes=30)), VisitState.VALID, None),
        (VisitFacts(IN, IN + timedelta(minutes=29, seconds=59)), VisitState.VOID, VisitReason.TOO_SHORT),
        (VisitFacts(IN, OUT, on_site=False), VisitState.VOID, VisitReason.NOT_ON_SITE),
        (VisitFacts(IN, OUT, received_at=OUT + timedelta(hours=8)), VisitState.VALID, None),
        (
            VisitFacts(IN, OUT, received_at=OUT + timedelta(hours=8, seconds=1)),
            VisitState.ABNORMAL,
            VisitReason.LATE_UPLOAD,
        ),
        (VisitFacts(IN, OUT, nth_of_day=8), VisitState.VALID, None),
        (VisitFacts(IN, OUT, nth_of_day=9), VisitState.ABNORMAL, VisitReason.OVER_DAILY),
        (VisitFacts(IN, OUT, mode=VisitMode.SHEET), VisitState.VALID, None),
    ],
)
def test_nantong_table(facts: VisitFacts, expected: VisitState, reason: VisitReason | None) -> None:
    standing = visit_state(facts, NANTONG, LATER)
    assert (standing.state, standing.reason) == (expected, reason)


@pytest.mark.feature("MNT-09")
def test_quanzhou_the_manager_decides_and_confirmation_waits() -> None:
    waiting = visit_state(VisitFacts(IN, OUT), QUANZHOU, LATER)
    assert (waiting.state, waiting.next_change_at) == (VisitState.PENDING, None)
    approved = visit_state(VisitFacts(IN, OUT, decision=Decision.APPROVED), QUANZHOU, LATER)
    assert (approved.state, approved.awaiting_review) == (VisitState.VALID, True)
    assert state(VisitFacts(IN, OUT, decision=Decision.REJECTED), QUANZHOU) is VisitState.REJECTED


@pytest.mark.feature("MNT-08")
def test_shenzhen_recorded_is_valid() -> None:
    assert state(VisitFacts(IN, OUT, VisitMode.SHEET), SHENZHEN) is VisitState.VALID


@pytest.mark.feature("PLN-01")
def test_which_states_move_the_clock() -> None:
    counted = {s for s in VisitState if counts_for_clock(s)}
    assert counted == {VisitState.VALID, VisitState.AWAITING, VisitState.NONCONFORMING, VisitState.PENDING}


maybe = st.one_of(st.none(), st.integers(0, 40 * 86400).map(lambda s: OUT + timedelta(seconds=s)))


@given(
    st.builds(
        VisitFacts,
        checked_in_at=st.just(IN),
        checked_out_at=st.sampled_from([None, OUT, IN + timedelta(hours=9)]),
        mode=st.sampled_from(VisitMode),
        sheet_at=maybe,
        signed_at=st.sampled_from([None, OUT]),
        reviewed_at=maybe,
        received_at=maybe,
        decision=st.sampled_from([None, *Decision]),
        nth_of_day=st.sampled_from([None, 8, 9]),
        label=st.sampled_from([None, *LabelState]),
        appeal_upheld=st.booleans(),
    ),
    st.sampled_from([HUZHOU, NANTONG, QUANZHOU, SHENZHEN, replace(HUZHOU, sheet_makes_nonconforming=False)]),
    st.integers(0, 30 * 86400),
)
def test_a_standing_changes_exactly_when_it_says(facts: VisitFacts, policy: VisitPolicy, seconds: int) -> None:
    """Up to the second before `next_change_at` nothing changes; at it, something does."""
    now = OUT + timedelta(seconds=seconds)
    known = replace(
        facts,
        sheet_at=facts.sheet_at if facts.sheet_at and facts.sheet_at <= now else None,
        reviewed_at=facts.reviewed_at if facts.reviewed_at and facts.reviewed_at <= now else None,
    )
    standing = visit_state(known, policy, now)
    if standing.next_change_at is None:
        assert visit_state(known, policy, now + timedelta(days=400)) == standing
        return
    assert standing.next_change_at > now
    assert visit_state(known, policy, standing.next_change_at - SECOND) == standing
    assert visit_state(known, policy, standing.next_change_at) != standing


@pytest.mark.feature("MNT-04")
def test_check_out_tells_all_reasons_at_once() -> None:
    facts = CheckOutFacts(
        IN,
        IN + timedelta(minutes=10),
        same_code=False,
        distance_m=340.4,
        open_items=3,
        missing_values=1,
        fault_text=None,
    )
    failing = [f for f in check_out_findings(facts, HUZHOU) if f.stops]
    assert {f.rule for f in failing} == {
        "维保时间不足", "同一台电梯", "电梯位置较远", "维保项目", "实测值", "故障反馈",
    }  # fmt: skip
    assert all(f.remedy and f.found for f in failing)
    assert "25 分钟" in next(f.remedy for f in failing if f.rule == "维保时间不足")


@pytest.mark.feature("MNT-04")
def test_check_out_at_its_edges() -> None:
    def stops(facts: CheckOutFacts, policy: VisitPolicy = HUZHOU) -> set[str]:
        return {f.rule for f in check_out_findings(facts, policy) if f.stops}

    assert stops(CheckOutFacts(IN, OUT, distance_m=200.0)) == set()
    assert stops(CheckOutFacts(IN, OUT, distance_m=200.1)) == {"电梯位置较远"}
    assert stops(CheckOutFacts(IN, OUT, distance_m=None)) == {"定位未打开"}
    assert stops(CheckOutFacts(IN, OUT, already_out=True)) == {"尚未签退"}
    assert stops(CheckOutFacts(IN, IN - SECOND), SHENZHEN) == {"签退时间"}
    assert stops(CheckOutFacts(IN, OUT, mode=VisitMode.SHEET, open_items=31)) == set()


@pytest.mark.feature("PER-09")
def test_the_ninth_elevator_in_order_of_receipt() -> None:
    order = [1, 2, 1, 3, 4, 5, 6, 7, 8, 9]
    visits = [DayVisit(n, elevator, IN + timedelta(minutes=n)) for n, elevator in enumerate(order)]
    nth = nth_elevators(reversed(visits))
    assert nth[2] == nth[0] == 1
    assert (nth[8], nth[9]) == (8, 9)
    same = nth_elevators([DayVisit(7, 70, IN), DayVisit(3, 30, IN)])
    assert same == {3: 1, 7: 2}


@pytest.mark.feature("PER-07", "PER-08")
def test_quota_edges() -> None:
    limits = {Grade.GENERAL: 100, Grade.TECHNICIAN: 130}
    assert grade_limit(None, limits) == 100
    assert grade_limit(Grade.TECHNICIAN, limits) == 130
    assert units_used({}) == 0
    assert units_used({"A": 0, "B": 1, "C": 7}) == 3
    assert quota_finding(101, 100).stops
    assert quota_finding(0, 0).stops
