"""The back office's chapters 14 to 18 in one go: 使用登记, 维保单位变更, 停用, 停用后启用, 报废.

Each step as the handbook tells it: the unit enters code, day and reason and uploads its papers; the regulator approves;
the status, or the unit, is then what the chapter says.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, Elevator, Unit
from tests.journeys.steps import fact, follow, go, menu, path_of, pdf, press
from tests.journeys.test_04_approval import decide, open_from_queue
from tests.journeys.test_05_lifecycle import apply, status


@pytest.mark.feature("LIF-01", "LIF-02", "LIF-03", "LIF-04", "LIF-05", "LIF-07", "LIF-08", "GAT-01")
def test_chapters_14_to_18(product: Any, enter: Any, shot: Any) -> None:
    elevator = product.spare[12]
    with product.session() as session:
        head = session.scalar(select(Account).where(Account.username == product.login("维保单位负责人").name))
        taker = session.scalar(
            select(Unit).where(Unit.is_maintenance, Unit.id != head.unit_id, Unit.approved_version > 0).limit(1)
        )
        # Chapter 14 begins with an elevator that is on the register and not in use yet.
        session.get(Elevator, elevator.id).status = "notified"
        taker_name, taker_uscc = taker.name, taker.uscc
    unit, officer = enter("维保单位负责人"), enter("区域管理员")

    # 14 使用登记申请: 上传相关申请资料以及告知文件; 审核通过，状态变成正常使用.
    unit.goto(f"/elevators/{elevator.id}/gate?what=use_registration")
    expect(unit.get_by_role("main")).to_contain_text("当前状态可以办理使用登记")
    apply(unit, elevator.id, "使用登记", "监督检验合格")
    open_from_queue(officer, elevator.code)
    decide(officer, "同意")
    unit.goto(f"/elevators/{elevator.id}")
    assert status(unit) == "在用"

    # 16 停用登记申请: 注册码、停用时间、停用原因; 17 停用后启用登记申请.
    apply(unit, elevator.id, "停用登记", "楼宇改造")
    open_from_queue(officer, elevator.code)
    decide(officer, "同意")
    unit.goto(f"/elevators/{elevator.id}")
    assert status(unit) == "停用"
    address = apply(unit, elevator.id, "停用后启用登记", "改造完成")
    open_from_queue(officer, elevator.code)
    decide(officer, "同意")
    unit.goto(f"/elevators/{elevator.id}")
    assert status(unit) == "在用"

    # The form of an application, as a file with a Chinese font in it.
    made = unit.request.get(product.url(f"{address}/form.pdf"))
    assert made.ok and made.headers["content-type"] == "application/pdf" and made.body().startswith(b"%PDF-")
    unit.goto(f"{address}/print")
    expect(unit.locator("body")).to_contain_text("停用后启用登记申请表")
    shot(unit, "the form to print")

    # 18 报废登记申请 is refused for nothing here; it is taken back before it is decided.
    scrapping = apply(unit, elevator.id, "报废登记", "误提交")
    press(unit, "撤回申请")
    assert status(unit) == "已撤回"
    assert scrapping == path_of(unit)

    # 15 维保单位变更申请: 注册码、要变更的维保公司、到期的维保合同; 审核通过，电梯转移到另一家维保公司下.
    menu(unit, "维保单位变更")
    follow(unit, "申请变更")
    unit.get_by_label("识别码或注册代码").fill(elevator.code)
    press(unit, "下一步")
    unit.get_by_label("新维保单位").fill(taker_uscc)
    unit.get_by_label("新合同签订日期").fill(clock.today().isoformat())
    unit.get_by_label("原因").fill("合同到期")
    unit.get_by_label("到期的维保合同").set_input_files(pdf("到期合同.pdf"))
    shot(unit, "a change of the maintenance unit")
    press(unit, "提交")
    expect(unit.get_by_role("main")).to_contain_text("已提交，编号")
    assert fact(unit, "新维保单位") == taker_name
    open_from_queue(officer, elevator.code)
    shot(officer, "what the officer sees of it")
    decide(officer, "同意")
    unit.reload()
    assert status(unit) == "通过"
    assert unit.goto(f"/elevators/{elevator.id}").status == 404, "the former unit no longer sees it"
    officer.goto(f"/elevators/{elevator.id}")
    expect(officer.get_by_role("main")).to_contain_text(taker_name)

    # 18 once more, by its office's queue with the keyboard; 报废后无法再使用.
    spare = product.spare[13]
    apply(unit, spare.id, "报废登记", "达到设计使用年限")
    officer.goto(f"/applications/queue?q={spare.code}")
    officer.keyboard.press("j")
    officer.keyboard.press("a")
    sure = officer.get_by_role("dialog", name="批量同意 1 件申请？")
    go(sure.get_by_role("button", name="批量同意"))
    expect(officer.get_by_role("main")).to_contain_text("已办理 1 件")
    unit.goto(f"/elevators/{spare.id}")
    assert status(unit) == "报废"
