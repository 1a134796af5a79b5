"""Can this happen? On the phone, with the same words as the desk and the API, and a way out from here (GAT-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.errors import Finding
from app.workflows.desk import gates
from app.workflows.on_site import presence
from tests import factories as make
from tests.factories import World
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("GAT-01")


def lines(findings: list[Finding]) -> set[str]:
    return {f.found for f in findings}


def test_the_phone_says_what_the_desk_says(session: Any, world: World, sign_in: Any) -> None:
    head, row = world.actor("maintenance_head"), world.own
    row.status = "suspended"
    session.commit()
    said = {what: gates.of_elevator(session, head, row, what, clock.now()) for what in gates.WORDS}
    code, key, foreign = row.code, row.id, world.foreign.code
    session.rollback()
    client = sign_in(world.accounts["maintenance_head"])
    for what, findings in said.items():
        desk = client.get(f"/elevators/{key}/gate?what={what}").text
        phone = client.get(f"/m/gate?code={code}&what={what}").text
        for finding in findings:
            assert finding.found in desk and finding.found in phone, (what, finding)
            assert not finding.link or (finding.link in desk and finding.link in phone), (what, finding)
        assert ("还不可以" in phone) is any(f.stops for f in findings)
    assert "去申请" in client.get(f"/m/gate?code={code}&what=reactivation").text
    other = client.get(f"/m/gate?code={foreign}&what=check_in", follow_redirects=True).text
    assert "没有找到电梯" in other and world.foreign.address not in other
    assert client.get("/m/gate?code=%E2%80%8B&what=nonsense").status_code in (200, 302)


def test_a_worker_is_led_to_his_check_in(session: Any, world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["worker"]).get(f"/m/gate?code={world.own.code}").text
    assert f'href="/m/e/{world.own.code}"' in page and "停用登记" not in page


def test_a_check_out_is_told_before_it_is_tried(session: Any, world: World, sign_in: Any) -> None:
    now = clock.now()
    visit = add_visit(
        session, world.own, world.worker, clock.today(), state="open", checked_out_at=None, counted=False,
        checked_in_at=now - dt.timedelta(minutes=5), unit_id=world.firm.id, next_change_at=now + dt.timedelta(hours=8),
    )  # fmt: skip
    session.commit()
    found = {f.rule for f in gates.of_check_out(session, visit, presence.Position(), now) if f.stops}
    assert found == {"维保时间不足", "定位未打开"}
    near = presence.Position(world.own.latitude, world.own.longitude)
    later = now + dt.timedelta(minutes=31)
    assert not [f for f in gates.of_check_out(session, visit, near, later) if f.stops]
    key = visit.id
    session.rollback()
    client = sign_in(world.accounts["worker"])
    page = client.get(f"/m/visits/{key}").text
    assert "签退还差 2 项条件" in page and "data-gate" in page
    there = f"latitude={near.latitude}&longitude={near.longitude}"
    assert "签退还差 1 项条件" in client.get(f"/m/visits/{key}?{there}").text


def test_a_review_that_is_not_his_to_give_is_told_at_once(session: Any, world: World, sign_in: Any) -> None:
    now = clock.now()
    visit = add_visit(
        session, world.own, world.worker, clock.today(), unit_id=world.firm.id, use_unit_id=world.use_unit.id,
        awaiting_review=True, review_due_at=now + dt.timedelta(days=15),
    )  # fmt: skip
    world.accounts["use_head"].phone = world.worker.phone = "13900000001"
    session.commit()
    key = visit.id
    told = [f for f in gates.of_review(session, world.actor("use_head"), visit) if f.stops]
    assert [f.rule for f in told] == ["复核人手机"]
    session.rollback()
    assert "维保单位人员或账号的手机号" in sign_in(world.accounts["use_head"]).get(f"/m/reviews/{key}").text


@pytest.mark.feature("CON-03", "CON-05")
def test_binding_and_renewal_are_told_before_they_are_tried(session: Any, world: World, sign_in: Any) -> None:
    units = {"maintenance_unit": world.firm, "use_unit": world.use_unit}
    free = make.make_elevator(session, **units, registration_code="3110Z77")
    other = make.make_contract(session, world.firm, [])
    session.commit()
    head = world.actor("maintenance_head")
    stopped = gates.of_binding(session, head, other, [free, world.own, world.foreign], clock.today())
    assert stopped[free.id] == [] and "已有合同" in stopped[world.own.id][0].found
    assert "不是本单位" in stopped[world.foreign.id][0].found
    renewal = gates.of_renewal(session, head, world.contract, clock.today())
    assert not [f for f in renewal if f.stops] and any("1 台电梯随合同续签" in f.found for f in renewal)
    foreign = gates.of_renewal(session, world.actor("other_head"), world.contract, clock.today())
    assert "合同一方" in {f.rule for f in foreign if f.stops}
    key, held, code = other.id, world.own.code, free.code
    renewed = world.contract.id
    session.rollback()
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get(f"/contracts/{key}?q=").text
    assert "已有合同" in page and f'name="ids" value="{free.id}"' in page
    assert f'aria-label="选择 {held}"' not in page.split("追加电梯")[-1]
    assert code in client.get(f"/contracts/{key}?q=3110z77").text, "found by its registration code"
    assert "随合同续签" in client.get(f"/contracts/{renewed}/renew").text


def test_an_own_elevator_that_waits_for_approval_is_told_of(session: Any, world: World, sign_in: Any) -> None:
    """As at a check-in: how its filing stands, at the phone and at the desk; of another unit's nothing is told."""
    waits = {"filing_state": "pending", "approved_version": 0, "approved_on": None}
    own = make.make_elevator(session, maintenance_unit=world.firm, filed_by_unit_id=world.firm.id, **waits)
    other = make.make_elevator(session, maintenance_unit=world.other_firm, **waits)
    session.commit()
    for who in ("worker", "clerk"):
        page = sign_in(world.accounts[who]).get(f"/m/gate?code={own.code}&what=check_in").text
        assert f"电梯 {own.code} 的备案审核中" in page and "还不可以" in page and "没有找到" not in page, who
        assert f"/m/position/{own.code}" not in page and "去签到" not in page
    head = sign_in(world.accounts["maintenance_head"])
    assert "备案审核中" in head.get(f"/elevators/{own.id}/gate?what=check_in").text
    page = head.get(f"/m/gate?code={own.code}&what=suspension").text
    assert f"电梯 {own.code} 备案尚未审核通过" in page and "还不可以" in page
    lost = head.get(f"/m/gate?code={other.code}&what=check_in", follow_redirects=True).text
    assert "没有找到电梯" in lost and "审核中" not in lost.partition("<main")[2]
