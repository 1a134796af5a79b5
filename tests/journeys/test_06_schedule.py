"""Step 6: a ledger with worker and dates makes orders; the schedule judges what is over; twice changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect

from app import clock
from app.models import MaintenanceClock, MaintenanceLedger, MaintenanceOrder
from tests.journeys.steps import fact, follow, go, job_done, menu, press, rows, search, tab_count, total

DAY = dt.timedelta(days=1)
FACTS = ("启动时钟", "判定超期", "生成任务")


def run_schedule(page: Any) -> dict[str, int]:
    """Have today's schedule run from the jobs page, and wait for what it did."""
    menu(page, "后台任务")
    press(page, "运行")
    job_done(page)
    return {name: int(fact(page, name)) for name in FACTS}


@pytest.mark.feature("ELV-06", "PLN-01", "PLN-03", "PLN-05", "PLN-06", "PLN-09", "PLN-10")
def test_orders_come_by_themselves_and_lateness_is_kept(product: Any, enter: Any, shot: Any) -> None:
    today = clock.today()
    planned, missed = product.spare[5], product.spare[6]
    with product.session() as session:
        # One whose ledger nobody filled in, and one whose limit was yesterday, with no night's job since.
        ledger = session.query(MaintenanceLedger).filter_by(elevator_id=planned.id).one()
        session.query(MaintenanceOrder).filter_by(elevator_id=planned.id, state="open").delete()
        session.delete(ledger)
        late = session.get(MaintenanceClock, missed.id)
        late.limit_on, late.judged_through = today - DAY, today - DAY * 2
        last = late.last_visit_on
        session.flush()
        waits = session.get(MaintenanceClock, planned.id).last_visit_on + DAY * 15

    head = enter("维保单位负责人")
    menu(head, "设备履历")
    found = search(head, "设备履历", planned.code)
    assert [row["维保人员"] for row in found] == ["未选择"]
    follow(head, planned.code)
    expect(head.get_by_role("main")).to_contain_text("还没有填写设备履历")
    shot(head, "no ledger, and the page says what follows")
    head.get_by_label("维保人员", exact=True).select_option(index=1)
    worker = head.get_by_label("维保人员", exact=True).locator("option:checked").inner_text()
    annual = today + DAY * 200
    head.get_by_label("下次年度维保").fill(annual.isoformat())
    press(head, "保存履历")
    expect(head.get_by_role("main")).not_to_contain_text("不会生成任务")
    dates = [head.get_by_label(name).input_value() for name in ("下次半月维保", "下次季度维保", "下次半年维保")]
    assert dates[0] == waits.isoformat(), "the last counted visit and the interval"
    assert all(today <= dt.date.fromisoformat(day) <= annual for day in dates[1:]), dates
    shot(head, "one date gives the others")

    menu(head, "维保计划")
    mine = search(head, "维保计划", planned.code)
    if waits <= today + DAY * 5:
        assert [(row["计划日期"], row["维保人员"]) for row in mine] == [(waits.isoformat(), worker)]
    else:
        assert mine == []

    menu(head, "维保任务")
    over = tab_count(head, "维保任务", "超期维保")
    head.goto("/overdue/")
    assert not [r for r in search(head, "超期记录", missed.code) if r["本期维保到期日期"] == (today - DAY).isoformat()]

    admin = enter("区域管理员")
    first = run_schedule(admin)
    assert first["判定超期"] == 1
    shot(admin, "what the schedule did")
    second = run_schedule(admin)
    assert second == dict.fromkeys(FACTS, 0), "twice changes nothing"
    told = product.flask("schedule", "--on", today.isoformat(), "--json")
    assert (told["overdue_judged"], told["orders_made"], told["clocks_started"]) == (0, 0, 0)

    menu(head, "维保任务")
    assert tab_count(head, "维保任务", "超期维保") == over, "the page did not wait for the night to say so"
    go(head.get_by_role("navigation", name="维保任务", exact=True).get_by_role("link", name="超期维保"))
    row = next(r for r in rows(head) if r["识别码"] == missed.code)
    assert row["剩余"] == f"超 1 天 {today - DAY} 未补做"
    assert row["上次维保日期"] == last.isoformat()
    assert total(head) == over
    shot(head, "overdue by one day")
    menu(head, "超期记录")
    entry = next(r for r in search(head, "超期记录", missed.code) if r["本期维保到期日期"] == (today - DAY).isoformat())
    # One line of a table has no room for 有限公司.
    assert entry["责任单位"] and product.login("维保单位负责人").place.startswith(entry["责任单位"])
    assert entry["上期维保是否完成"] == "是"
    assert entry["本期维保周期设置"] == "15 天"
    shot(head, "the missed period is kept")
