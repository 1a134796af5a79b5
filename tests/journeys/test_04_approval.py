"""Step 4: a change is filed, an officer sees old and new and decides on exactly that; the register keeps it all."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from app import clock
from app.models import Version
from tests.journeys.steps import appears, follow, go, look_for, menu, path_of, press, rows


def edit(page: Any, elevator: Any, **values: str) -> None:
    """Change fields of an elevator by its form and file it."""
    page.goto(f"/elevators/{elevator.id}")
    follow(page, "修改")
    for label, value in values.items():
        page.get_by_label(label, exact=True).fill(value)
    press(page, "保存并上报")


def open_from_queue(page: Any, code: str, kind: str = "") -> str:
    """Find what waits about an elevator or a unit and open it; gives the application's address."""
    menu(page, "待我审批")
    look_for(page, code)
    # A unit's name finds all that it asks for as well.
    found = [row for row in rows(page) if code in row["内容"] and kind in row["事项"]]
    assert len(found) == 1, found
    follow(page, found[0]["申请编号"])
    return path_of(page)


def decide(page: Any, verb: str, opinion: str = "") -> None:
    page.get_by_role("radio", name=re.compile(f"^{verb}")).check()
    page.get_by_label("意见").fill(opinion)
    go(page.locator("[data-approval-go]"))


def versions(product: Any, elevator: Any) -> int:
    """The number of the elevator's last version."""
    with product.session() as session:
        where = Version.entity == "elevator", Version.entity_id == elevator.id
        return int(session.scalar(select(func.max(Version.number)).where(*where)))


@pytest.mark.feature("UNT-05", "ELV-04", "ELV-10", "LIF-08")
def test_a_decision_names_the_version_that_was_seen(product: Any, enter: Any, shot: Any) -> None:
    elevator = product.spare[0]
    unit, officer = enter("维保单位负责人"), enter("监察员")
    before = versions(product, elevator)

    edit(unit, elevator, 应急救援电话="0398-5551001")
    expect(unit.get_by_role("main")).to_contain_text("正在审核")
    shot(unit, "filed, what is in force stays")

    first = open_from_queue(officer, elevator.code)
    changed = rows(officer, officer.locator("table.ta-diff").first)
    # Beside what is asked for he may say that it is wrong.
    told = ["96333", "0398-5551001 指出有误"]
    assert [(row["字段"], list(row.values())[1:]) for row in changed] == [("应急救援电话", told)]
    expect(officer.get_by_role("heading", name="自动核对")).to_be_visible()
    shot(officer, "old and new side by side")

    # The unit takes it back and files something else while the officer still looks at the first one.
    unit.reload()
    press(unit, "撤回上报")
    edit(unit, elevator, 应急救援电话="0398-5551002", 安全管理员="苏望舒")
    decide(officer, "同意")
    expect(officer.get_by_role("alert")).to_contain_text("没有办理")
    assert path_of(officer).startswith(first)
    shot(officer, "what was seen is no longer what waits")

    second = open_from_queue(officer, elevator.code)
    assert second != first
    changed = rows(officer, officer.locator("table.ta-diff").first)
    assert {row["字段"] for row in changed} == {"应急救援电话", "安全管理员"}
    decide(officer, "同意", "材料齐全")

    unit.goto(f"/elevators/{elevator.id}")
    main = unit.get_by_role("main")
    expect(main).to_contain_text("0398-5551002")
    expect(main).to_contain_text(f"已通过的第 {before + 2} 版")
    unit.get_by_label("日期", exact=True).fill((clock.today() - dt.timedelta(days=1)).isoformat())
    press(unit, "看这一天的档案")
    expect(main).to_contain_text(f"当日生效的是第 {before} 版")
    expect(main).not_to_contain_text("0398-5551002")
    shot(unit, "the register as of yesterday")
    unit.goto(f"/elevators/{elevator.id}/history")
    expect(main).to_contain_text("已撤回")
    expect(main).to_contain_text("材料齐全")
    expect(main).to_contain_text("苏望舒")
    shot(unit, "history says who, when and why")


@pytest.mark.feature("UNT-05", "LIF-07", "NTF-01")
def test_turned_down_with_a_reason_mended_and_approved(product: Any, enter: Any, shot: Any) -> None:
    elevator = product.spare[1]
    unit, officer = enter("维保单位负责人"), enter("监察员")
    edit(unit, elevator, 内部编号="甲-1")
    open_from_queue(officer, elevator.code)
    decide(officer, "不通过")
    expect(officer.get_by_role("alert")).to_contain_text("理由")
    decide(officer, "不通过", "内部编号应与现场一致，请核对")

    menu(unit, "首页")
    go(unit.get_by_role("banner").get_by_role("link", name="收件箱"))
    appears(unit, f"不通过：变更　{elevator.code}")
    shot(unit, "the unit is told")
    unit.goto(f"/elevators/{elevator.id}")
    expect(unit.get_by_role("main")).to_contain_text("内部编号应与现场一致，请核对")
    shot(unit, "the reason stands on the record")
    edit(unit, elevator, 内部编号="乙-1")
    open_from_queue(officer, elevator.code)
    decide(officer, "同意")
    unit.goto(f"/elevators/{elevator.id}")
    expect(unit.get_by_role("main")).to_contain_text("乙-1")
    expect(unit.get_by_role("main")).not_to_contain_text("审核不通过")
