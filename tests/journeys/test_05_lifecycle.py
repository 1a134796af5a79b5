"""Step 5: 停用, 启用, 报废, 使用登记 go through the officer and move clock and status; contracts cover elevators."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, Elevator, MaintenanceClock
from tests.journeys.steps import fact, follow, go, look_for, menu, path_of, pdf, press, rows, tab_count, total
from tests.journeys.test_04_approval import decide, open_from_queue

DAY = dt.timedelta(days=1)


def apply(page: Any, elevator_id: int, kind: str, reason: str) -> str:
    """Apply for a lifecycle step from the elevator's page; gives the application's address."""
    page.goto(f"/elevators/{elevator_id}")
    follow(page, kind)
    page.get_by_label("原因").fill(reason)
    page.get_by_label("材料").set_input_files(pdf(f"{kind}申请表.pdf"))
    press(page, "提交")
    expect(page.get_by_role("main")).to_contain_text("已提交，编号")
    return path_of(page)


def status(page: Any) -> str:
    text: str = page.get_by_role("main").locator(".ta-head .ta-pill").first.inner_text()
    return text.strip()


def maintenance_limit(page: Any) -> str:
    text: str = page.get_by_role("region", name="时限").locator("div", has_text="维保期限").first.inner_text()
    return text


@pytest.mark.feature("LIF-01", "LIF-02", "LIF-03", "LIF-04", "LIF-07", "ELV-09")
def test_status_moves_only_by_applications(product: Any, enter: Any, shot: Any) -> None:
    stopped, ended = product.spare[2], product.spare[3]
    with product.session() as session:
        head = session.scalar(select(Account).where(Account.username == product.login("维保单位负责人").name))
        left = session.get(MaintenanceClock, stopped.id).limit_on - clock.today()
        new = session.scalar(
            select(Elevator.id).where(
                Elevator.maintenance_unit_id == head.unit_id, Elevator.status == "notified",
                Elevator.filing_state == "approved",
            )
        )  # fmt: skip
    unit, officer = enter("维保单位负责人"), enter("监察员")

    unit.goto(f"/elevators/{stopped.id}/apply/reactivation")
    expect(unit.get_by_role("main")).to_contain_text("电梯现为在用，不能办理停用后启用登记")
    apply(unit, stopped.id, "停用登记", "小区集中改造，住户已公告")
    assert status(unit) == "待受理"
    unit.goto(f"/elevators/{stopped.id}")
    assert status(unit) == "在用", "an application alone moves nothing"
    open_from_queue(officer, stopped.code)
    shot(officer, "the application as the officer sees it")
    decide(officer, "同意")
    unit.reload()
    assert status(unit) == "停用"
    assert "已暂停" in maintenance_limit(unit)
    shot(unit, "suspended, the clock is paused")

    apply(unit, stopped.id, "停用后启用登记", "改造完成，自检合格")
    open_from_queue(officer, stopped.code)
    decide(officer, "退回补正", "请附上改造完工照片")
    unit.reload()
    expect(unit.get_by_role("main")).to_contain_text("请附上改造完工照片")
    unit.get_by_label("补充材料").set_input_files(pdf("完工照片.pdf"))
    press(unit, "重新提交")
    open_from_queue(officer, stopped.code)
    expect(officer.get_by_role("main")).to_contain_text("完工照片.pdf")
    decide(officer, "同意")
    unit.goto(f"/elevators/{stopped.id}")
    assert status(unit) == "在用"
    assert (clock.today() + left).isoformat() in maintenance_limit(unit), "what was left is left (T13)"
    shot(unit, "running again with what was left")

    apply(unit, ended.id, "报废登记", "达到设计使用年限，拆除更新")
    open_from_queue(officer, ended.code)
    decide(officer, "同意")
    unit.goto(f"/elevators/{ended.id}")
    assert status(unit) == "报废"
    expect(unit.get_by_role("main").get_by_role("link", name="停用登记")).to_have_count(0)
    expect(unit.get_by_role("main").get_by_role("link", name="停用后启用登记")).to_have_count(0)

    if new is not None:
        apply(unit, new, "使用登记", "监检合格，申请使用登记")
        admin = enter("区域管理员")
        with product.session() as session:
            code = session.get(Elevator, new).code
        open_from_queue(admin, code)
        decide(admin, "同意")
        unit.goto(f"/elevators/{new}")
        assert status(unit) == "在用"


@pytest.mark.feature("CON-01", "CON-02", "CON-03", "CON-05")
def test_contracts_cover_elevators_once(product: Any, enter: Any, shot: Any) -> None:
    today = clock.today()
    elevator = product.spare[4]
    with product.session() as session:
        until = session.get(MaintenanceClock, elevator.id).covered_until
    page = enter("维保单位负责人")
    menu(page, "维保合同")
    before = {tab: tab_count(page, "维保合同", tab) for tab in ("待生效", "生效中", "已失效")}
    assert before["生效中"] >= 1

    follow(page, "新增合同")
    page.get_by_label("合同编号").fill("HT-2026-JOURNEY")
    page.get_by_label("半包").check()
    page.get_by_label("签订日期").fill(today.isoformat())
    page.get_by_label("起始日期").fill((until + DAY).isoformat())
    page.get_by_label("截止日期").fill(until.isoformat())
    press(page, "保存合同")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_label("合同编号").input_value() == "HT-2026-JOURNEY"
    shot(page, "an end before the start is refused")
    page.get_by_label("截止日期").fill((until + DAY * 365).isoformat())
    press(page, "保存合同")
    expect(page.get_by_role("main")).to_contain_text("合同已建立，请追加电梯")
    look_for(page, elevator.code, "查找本单位电梯")
    page.get_by_label(f"选择 {elevator.code}").check()
    press(page, "追加所选电梯")
    assert fact(page, "电梯台数") == "1"
    shot(page, "a contract that waits, with its elevator")

    # A second one for the same days of the same elevator is refused, and says which contract stands in the way.
    page.goto("/contracts/new")
    page.get_by_label("合同编号").fill("HT-2026-TWICE")
    for label in ("签订日期", "起始日期"):
        page.get_by_label(label).fill(today.isoformat())
    page.get_by_label("截止日期").fill((today + DAY * 90).isoformat())
    press(page, "保存合同")
    look_for(page, elevator.code, "查找本单位电梯")
    expect(page.get_by_label(f"选择 {elevator.code}")).to_have_count(0)
    stands = page.get_by_role("row").filter(has_text=elevator.code).last
    expect(stands).to_contain_text(f"电梯 {elevator.code} 在")
    expect(stands).to_contain_text("已有合同")
    assert fact(page, "电梯台数") == "0"
    shot(page, "two contracts for one day are refused")

    menu(page, "维保合同")
    assert tab_count(page, "维保合同", "待生效") == before["待生效"] + 1
    assert tab_count(page, "维保合同", "生效中") == before["生效中"] + 1
    go(page.get_by_role("navigation", name="维保合同", exact=True).get_by_role("link", name="待生效"))
    row = next(r for r in rows(page) if r["合同编号"] == "HT-2026-JOURNEY")
    assert row["合同状态"] == f"待生效 等待 {(until + DAY - today).days} 天"
    assert total(page) == before["待生效"] + 1
    go(page.get_by_role("navigation", name="维保合同", exact=True).get_by_role("link", name="已失效"))
    if before["已失效"]:
        follow(page, rows(page)[0]["合同编号"])
        expect(page.get_by_role("main").get_by_role("link", name="编辑")).to_have_count(0)
        expect(page.get_by_role("main").get_by_role("link", name="续签")).to_be_visible()
