"""Contracts' dates, clashes and reach into the past; every refusal of a check-in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.approval import FilingState
from app.rules.calendar import day_start
from app.rules.checkin import (
    CheckInFacts,
    Place,
    check_in_findings,
    distance_metres,
    distance_words,
    names_an_elevator,
)
from app.rules.contracts import (
    Binding,
    Clash,
    ContractState,
    Span,
    contract_state,
    days_text,
    in_force,
    overlaps,
    span_findings,
    touches_past,
)
from app.rules.lifecycle import ElevatorStatus

D = date
TODAY = D(2021, 1, 23)


@pytest.mark.feature("CON-02")
@pytest.mark.parametrize(
    ("today", "state", "text"),
    [
        (D(2021, 1, 31), ContractState.PENDING, "等待 1 天"),
        (D(2021, 2, 1), ContractState.ACTIVE, "剩余 27 天"),
        (D(2021, 2, 20), ContractState.ACTIVE, "剩余 8 天"),
        (D(2021, 2, 21), ContractState.NEAR, "剩余 7 天"),
        (D(2021, 2, 28), ContractState.NEAR, "剩余 0 天"),
        (D(2021, 3, 1), ContractState.ENDED, "已过 1 天"),
    ],
)
def test_contract_tabs_through_time(today: date, state: ContractState, text: str) -> None:
    starts, ends = D(2021, 2, 1), D(2021, 2, 28)
    assert contract_state(starts, ends, today, 7) is state
    assert days_text(starts, ends, today) == text
    assert in_force(starts, ends, today) is (state in (ContractState.ACTIVE, ContractState.NEAR))


@pytest.mark.feature("CON-03")
def test_overlaps_name_elevator_and_days() -> None:
    mine = [Binding("N", 1, D(2021, 1, 1), D(2021, 6, 30)), Binding("N", 2, D(2021, 1, 1), D(2021, 6, 30))]
    others = [
        Binding("O", 1, D(2020, 7, 1), D(2021, 1, 1)),
        Binding("P", 1, D(2021, 6, 30), D(2022, 6, 30)),
        Binding("O", 2, D(2020, 7, 1), D(2020, 12, 31)),
        Binding("N", 2, D(2021, 2, 1), D(2021, 3, 1)),
    ]
    assert overlaps(mine, others) == [
        Clash(1, "N", "O", D(2021, 1, 1), D(2021, 1, 1)),
        Clash(1, "N", "P", D(2021, 6, 30), D(2021, 6, 30)),
    ]


@pytest.mark.feature("CON-01")
@pytest.mark.parametrize(
    ("starts", "ends", "signed", "failing"),
    [
        (D(2021, 2, 1), D(2022, 1, 31), D(2021, 1, 20), set()),
        (D(2021, 2, 1), D(2021, 2, 1), D(2021, 2, 1), set()),
        (D(2021, 2, 1), D(2031, 1, 31), D(2021, 1, 20), set()),
        (D(2021, 2, 1), D(2031, 2, 1), D(2021, 1, 20), {"合同期限长度"}),
        (D(2021, 2, 1), D(2021, 1, 31), D(2021, 1, 20), {"合同期限顺序"}),
        (D(2021, 2, 1), D(9999, 12, 31), D(2021, 1, 20), {"日期范围"}),
        (D(2021, 2, 1), D(2022, 1, 31), None, {"签订日期"}),
        (D(2021, 2, 1), D(2022, 1, 31), D(2021, 2, 2), set()),
        (D(2199, 12, 31), D(2199, 12, 31), D(21, 1, 1), {"日期范围"}),
    ],
)
def test_span_findings(starts: date, ends: date, signed: date | None, failing: set[str]) -> None:
    findings = span_findings(starts, ends, signed)
    assert {f.rule for f in findings if f.stops} == failing
    assert all(f.remedy and f.field for f in findings if not f.ok)


@pytest.mark.feature("CON-01")
def test_signing_after_the_start_warns() -> None:
    findings = span_findings(D(2021, 2, 1), D(2022, 1, 31), D(2021, 2, 2))
    assert [f.rule for f in findings if not f.ok] == ["签订日期"]


@pytest.mark.feature("CON-05")
@pytest.mark.parametrize(
    ("old", "new", "touches"),
    [
        (Span(D(2021, 1, 1), D(2021, 6, 30)), Span(D(2021, 1, 1), D(2021, 1, 23)), False),
        (Span(D(2021, 1, 1), D(2021, 6, 30)), Span(D(2021, 1, 1), D(2021, 1, 22)), True),
        (Span(D(2021, 1, 1), D(2021, 6, 30)), Span(D(2021, 1, 1), D(2021, 1, 21)), True),
        (Span(D(2021, 1, 1), D(2021, 6, 30)), None, True),
        (Span(D(2021, 1, 23), D(2021, 6, 30)), None, True),
        (Span(D(2021, 1, 24), D(2021, 6, 30)), None, False),
        (None, Span(D(2021, 1, 22), D(2021, 6, 30)), True),
        (None, Span(D(2021, 1, 23), D(2021, 6, 30)), False),
        (Span(D(2021, 1, 1), D(2021, 6, 30)), Span(D(2021, 1, 2), D(2021, 6, 30)), True),
        (Span(D(2020, 1, 1), D(2020, 6, 30)), Span(D(2020, 1, 1), D(2020, 7, 30)), True),
    ],
)
def test_touches_past(old: Span | None, new: Span | None, touches: bool) -> None:
    assert touches_past(old, new, TODAY) is touches


spans = st.one_of(
    st.none(),
    st.tuples(st.integers(-40, 40), st.integers(0, 60)).map(
        lambda t: Span(TODAY + timedelta(days=t[0]), TODAY + timedelta(days=t[0] + t[1]))
    ),
)


@given(spans, spans)
def test_touches_past_day_by_day(old: Span | None, new: Span | None) -> None:
    def covered(span: Span | None) -> set[date]:
        past = [TODAY - timedelta(days=n) for n in range(1, 60)]
        return {d for d in past if span is not None and span.from_on <= d <= span.to_on}

    def holds_today(span: Span | None) -> bool:
        return span is not None and span.from_on <= TODAY <= span.to_on

    given_up = holds_today(old) and not holds_today(new)
    assert touches_past(old, new, TODAY) is (given_up or covered(old) != covered(new))
    assert touches_past(old, new, TODAY, fresh=True) is (covered(old) != covered(new))


HERE = Place(30.0, 120.0)
AT = day_start(TODAY) + timedelta(hours=10)
GOOD = CheckInFacts(
    at=AT,
    now=AT,
    elevator_code="208611",
    elevator_status=ElevatorStatus.IN_USE,
    elevator_place=HERE,
    worker_place=HERE,
    covered_until_on=D(2021, 6, 30),
    certificate_until_on=D(2022, 1, 1),
    quota_used=10,
    quota_limit=100,
)


def stopping(facts: CheckInFacts) -> list[str]:
    return [f.rule for f in check_in_findings(facts) if f.stops]


@pytest.mark.feature("MNT-01", "GAT-01")
def test_a_good_check_in_shows_what_passed() -> None:
    findings = check_in_findings(GOOD)
    assert all(f.ok for f in findings)
    assert len(findings) >= 12
    assert all(f.rule and f.found and not f.remedy for f in findings)


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("981001", True), ("TC-123_456", True), (" 981001 ", True), ("https://tian.example.invalid/m/p/aB3_x-9", True),
        ("HTTPS://TIAN.EXAMPLE.INVALID/M/P/AB3_X-9/", True), ("/m/e/981001", True), ("", False), ("  ", False),
        ("https://pay.example.invalid/q/8F3A", False), ("https://tian.example.invalid/m/p/", False),
        ("WIFI:S:lobby;P:12345678;;", False), ("pay.example.invalid 8F3A", False), ("9" * 41, False), ("电梯", False),
        ("https://pay.example.invalid/m/p/a?next=1", False),
    ],
)
def test_what_can_name_an_elevator(text: str, may: bool) -> None:
    assert names_an_elevator(text) is may


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"code_valid": False}, "二维码非法无效"),
        ({"elevator_status": None}, "电梯不存在"),
        ({"may_serve": False}, "无电梯权限"),
        ({"may_serve": False, "others_then": True}, "当时由其他单位维保"),
        ({"may_serve": False, "nobody_then": True}, "当时没有维保单位"),
        ({"elevator_place": None}, "电梯尚未标注位置"),
        ({"worker_place": None}, "定位未打开"),
        ({"worker_place": Place(30.01, 120.0)}, "电梯位置较远"),
        ({"is_main_account": True}, "主账号不允许进行维保作业,请切换为子账号操作"),
        ({"covered_until_on": None}, "电梯已超有效期(脱保)"),
        ({"quota_used": 100}, "您本月有效扫码维保次数已达上限"),
        ({"certificate_until_on": D(2021, 1, 22)}, "证书已过有效期"),
        ({"certificate_until_on": None}, "没有作业人员证"),
        ({"elevator_status": ElevatorStatus.SUSPENDED}, "电梯已停用"),
        ({"elevator_status": ElevatorStatus.SCRAPPED}, "电梯已报废"),
        ({"maintenance_paused": True}, "维保已暂停"),
        ({"open_elsewhere": "208612"}, "已在其他电梯签到"),
        ({"open_here": True}, "这台电梯正在维保"),
        ({"unit_approved": False}, "单位备案未通过"),
        ({"person_photo": True, "selfies": 0}, "请对本人进行拍摄"),
        ({"now": AT - timedelta(minutes=6)}, "签到时间在将来"),
    ],
)
def test_each_refusal(change: dict[str, object], rule: str) -> None:
    facts = replace(GOOD, **change)
    assert stopping(facts) == [rule]
    assert all(f.remedy and f.found for f in check_in_findings(facts) if f.stops)


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("filing", "own", "found", "turn"),
    [
        (FilingState.DRAFT, True, "还没有上报", "请单位主账号或文员上报备案"),
        (FilingState.PENDING, True, "备案审核中", "请等监管部门审核通过后再签到"),
        (FilingState.REJECTED, True, "审核没有通过", "请单位主账号或文员按审核意见修改后重新上报"),
        (FilingState.DRAFT, False, "还没有上报", "请备案的填报方上报备案"),
        (FilingState.REJECTED, False, "审核没有通过", "请备案的填报方按审核意见修改后重新上报"),
    ],
)
def test_an_own_elevator_that_waits_for_approval(filing: FilingState, own: bool, found: str, turn: str) -> None:
    facts = replace(
        GOOD, elevator_status=None, filing=filing, filed_by_own=own, elevator_code="981234", links={"filing": "/there"}
    )
    [told] = [f for f in check_in_findings(facts) if f.stops]
    assert told.rule == "这台电梯还没有通过审核" and told.link == "/there"
    assert "981234" in told.found and found in told.found and told.remedy.startswith(turn)


@pytest.mark.feature("MNT-02")
def test_what_is_in_force_says_nothing_of_a_draft_with_its_code() -> None:
    """Another's approved elevator has the code: the own draft of the same code changes nothing."""
    facts = replace(GOOD, may_serve=False, filing=FilingState.DRAFT)
    assert stopping(facts) == ["无电梯权限"]


@pytest.mark.feature("MNT-02")
def test_all_reasons_at_once() -> None:
    facts = replace(
        GOOD,
        worker_place=Place(30.01, 120.0),
        covered_until_on=None,
        is_main_account=True,
        quota_used=100,
    )
    assert set(stopping(facts)) == {
        "电梯位置较远",
        "电梯已超有效期(脱保)",
        "主账号不允许进行维保作业,请切换为子账号操作",
        "您本月有效扫码维保次数已达上限",
    }


@pytest.mark.feature("MNT-02")
def test_of_a_strangers_elevator_nothing_is_told_but_that() -> None:
    facts = replace(GOOD, may_serve=False, worker_place=Place(30.01, 120.0), covered_until_on=None, quota_used=100)
    assert set(stopping(facts)) == {"无电梯权限", "您本月有效扫码维保次数已达上限"}


@pytest.mark.feature("MNT-02", "PER-06")
def test_what_only_warns_or_is_off() -> None:
    near = replace(GOOD, certificate_until_on=TODAY)
    assert stopping(near) == []
    assert [f.rule for f in check_in_findings(near) if not f.ok] == ["证书今天到期"]
    ended = replace(GOOD, certificate_until_on=D(2021, 1, 1), certificate_blocks=False)
    assert stopping(ended) == []
    assert [f.level for f in check_in_findings(ended) if not f.ok] == ["warn"]
    assert stopping(replace(GOOD, certificate_until_on=None, certificate_required=False)) == []
    assert stopping(replace(GOOD, quota_limit=None, quota_used=1000)) == []
    assert stopping(replace(GOOD, now=AT - timedelta(minutes=5))) == []
    assert stopping(replace(GOOD, person_photo=True, selfies=1)) == []
    # Beforehand nothing was sent yet: it is told, and stops nothing.
    asked = replace(GOOD, person_photo=True)
    assert stopping(asked) == []
    assert [(f.rule, f.field) for f in check_in_findings(asked) if not f.ok] == [("请对本人进行拍摄", "selfie")]
    # Of an elevator that is not his nobody is photographed.
    assert "selfie" not in {f.field for f in check_in_findings(replace(asked, may_serve=False))}


@pytest.mark.feature("MNT-01")
def test_presence_to_the_metre() -> None:
    degree = distance_metres(Place(30.0, 120.0), Place(31.0, 120.0))
    assert degree == pytest.approx(111_195, abs=1)
    away = Place(30.0 + 200 / degree, 120.0)
    assert distance_metres(HERE, away) == pytest.approx(200, abs=0.01)
    metres = distance_metres(HERE, away)
    assert stopping(replace(GOOD, worker_place=away, presence_m=int(metres) + 1)) == []
    assert stopping(replace(GOOD, worker_place=away, presence_m=int(metres) - 1)) == ["电梯位置较远"]


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
def test_distance_is_a_distance(a: float, b: float, c: float, d: float) -> None:
    here, there = Place(a, b), Place(c, d)
    metres = distance_metres(here, there)
    assert 0 <= metres <= 20_015_200
    assert metres == pytest.approx(distance_metres(there, here), abs=1e-3)
    assert distance_metres(here, here) == 0


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("metres", "words"), [(0, "0 米"), (199.6, "200 米"), (999.4, "999 米"), (1000, "1.0 公里"), (8449.0, "8.4 公里")]
)
def test_a_distance_is_said_as_people_say_it(metres: float, words: str) -> None:
    assert distance_words(metres) == words
