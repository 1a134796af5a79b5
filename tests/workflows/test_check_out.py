"""Check-out: time on site, every item with its result, and what a sheet lists by kind and level."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from app.errors import Refusal
from app.reference import items_for
from app.transaction import transaction
from app.workflows.on_site import check_outs, sites
from app.workflows.visits import visits
from app.workflows.visits.visit_state import settle
from app.workflows.visits.visits import CheckOut
from tests.formulas import all_items
from tests.workflows.visit_world import FAR, HERE, HOUR, MINUTE, START, answers, arrive, leave, rules_of


@pytest.mark.feature("MNT-03")
def test_T04_34_59_is_refused_and_35_00_passes(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + 35 * MINUTE - dt.timedelta(seconds=1))
    assert rules_of(refusal) == {"维保时间不足"}
    assert leave(session, huzhou, visit, START + 35 * MINUTE).state == "awaiting"


@pytest.mark.feature("MNT-03")
def test_T04_eight_hours_are_valid_and_a_second_more_is_void(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    with transaction(session):
        assert settle(session, visit, START + 8 * HOUR).state == "open"
        assert settle(session, visit, START + 8 * HOUR + dt.timedelta(seconds=1)).state == "void"
    assert (visit.state, visit.counted, visit.state_reason) == ("void", False, "过期未签退")
    with pytest.raises(Refusal):
        leave(session, huzhou, visit, START + 8 * HOUR + MINUTE)


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"results": {}}, "维保项目"),
        ({"results": {"A-1-01": {"result": "fine"}}}, "维保项目"),
        ({"results": {"Z-9-99": {"result": "ok"}}}, "维保项目"),
        ({"problem": None}, "没有填写"),
        ({"mode": "paper"}, "维保方式"),
        ({"note": "长" * 501}, "备注"),
    ],
)
def test_a_bad_check_out_says_what_is_missing(session: Any, huzhou: Any, more: dict[str, Any], rule: str) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR, **more)
    assert rule in str(refusal.value)
    session.refresh(visit)
    assert visit.checked_out_at is None


@pytest.mark.feature("MNT-04")
def test_repair_needs_its_story_not_applicable_its_reason_and_tests_their_value(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    items = items_for("3110", visit.level)
    tested = next(i for i in items if i.needs_test)
    plain = [i for i in items if not i.needs_test]
    results = answers(visit)
    results[plain[0].code] = {"result": "repair"}
    results[plain[1].code] = {"result": "na"}
    results[tested.code] = {"result": "ok", "value": ""}
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR, results=results)
    assert {"故障反馈", "不适用的理由", "实测值"} <= rules_of(refusal)
    results[plain[1].code]["reason"] = "本梯没有此部件"
    results[tested.code]["value"] = "0.8 mm"
    out = leave(session, huzhou, visit, START + HOUR, results=results, problem="门锁触点已更换")
    stored = {r["code"]: r for r in out.results}
    assert stored[plain[0].code]["result"] == "repair"
    assert stored[tested.code]["value"] == "0.8 mm"


@pytest.mark.feature("MNT-04")
def test_leaving_from_elsewhere_or_with_another_code_is_refused(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    done = CheckOut(results=answers(visit), problem="")
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_out(session, huzhou.actor("worker"), visit.id, huzhou.foreign.code, FAR, done, START + HOUR)
    assert {"同一台电梯", "电梯位置较远"} <= rules_of(refusal)


@pytest.mark.feature("MNT-03")
@pytest.mark.parametrize(
    ("text", "same", "said"),
    [
        ("", True, "扫的是签到的电梯"), (" ", False, "没有扫码，也没有填写识别码"),
        ("999999", False, "扫的不是签到的那台电梯"),
    ],
)
def test_what_named_the_elevator_is_asked_before_whether_there_is_a_text(
    session: Any, huzhou: Any, text: str, same: bool, said: str
) -> None:
    visit, who = arrive(session, huzhou), huzhou.actor("worker")
    work = replace(sites.own_work(session, who, visit.id, huzhou.own.code), text=text, same_code=same)
    done = CheckOut(results=answers(visit), problem="")
    told = check_outs.look(session, work, HERE, done, START + HOUR).findings
    assert [f.found for f in told if f.rule == "同一台电梯"] == [said]


def test_another_workers_visit_is_not_found(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    done = CheckOut(results=answers(visit), problem="")
    with pytest.raises(Refusal), transaction(session):
        visits.check_out(session, huzhou.actor("other_worker"), visit.id, huzhou.own.code, HERE, done, START + HOUR)


@pytest.mark.feature("PLN-08")
@pytest.mark.parametrize(
    ("category", "level", "count"),
    [("3110", "half_month", 31), ("3110", "quarter", 44), ("3120", "half_year", 59), ("3130", "annual", 76),
     ("3210", "annual", 66), ("3430", "annual", 52), ("3310", "annual", 63), ("3410", "annual", 0),
     ("3420", "annual", 0)],
)  # fmt: skip
def test_items_are_cumulative_by_kind_and_level(category: str, level: str, count: int) -> None:
    assert len(items_for(category, level)) == count


@pytest.mark.feature("PLN-08")
def test_there_are_257_items_each_with_its_own_code() -> None:
    assert len({i.code for i in all_items()}) == len(all_items()) == 257
