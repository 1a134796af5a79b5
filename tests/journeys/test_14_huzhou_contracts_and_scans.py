"""Huzhou's handbook for maintenance units: 1.7.4 维保合同, and 3.2 what a scan says and how to go on from it.

3.2.1 to 3.2.12 in an order in which one worker meets them; each is refused in the handbook's words, mended as the
handbook says, and tried again.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import (
    Account,
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    Visit,
)
from app.workflows.visits import ageing
from tests.journeys.conftest import PHONE
from tests.journeys.product import Subject
from tests.journeys.steps import (
    change_first_password,
    fact,
    follow,
    go,
    look_for,
    menu,
    path_of,
    pdf,
    press,
    rows,
    search,
    sheet_stands,
    sign_in,
    tab_count,
)
from tests.journeys.test_04_approval import decide, open_from_queue
from tests.journeys.test_07_site import AWAY, add_sub_account, at_place, let_pass, look_up

DAY = dt.timedelta(days=1)
TABS = ("待生效", "生效中", "临近失效", "已失效")
WORKER, NAME = "shao.saoma14", "邵听澜"


def counts(page: Any) -> dict[str, int]:
    menu(page, "维保合同")
    return {tab: tab_count(page, "维保合同", tab) for tab in TABS}


def in_tab(page: Any, tab: str, number: str) -> dict[str, str]:
    """A contract's row, found where a tab has it."""
    menu(page, "维保合同")
    go(page.get_by_role("navigation", name="维保合同", exact=True).get_by_role("link", name=tab))
    return next(row for row in search(page, "维保合同", number) if row["合同编号"] == number)


def new_contract(page: Any, number: str, starts: dt.date, ends: dt.date, note: str = "") -> str:
    """1.7.4.2 新增合同: 合同编号、合同属性、起始日期、截止日期和合同备注; gives its address."""
    menu(page, "维保合同")
    follow(page, "新增合同")
    page.get_by_label("合同编号").fill(number)
    page.get_by_label("半包").check()
    page.get_by_label("签订日期").fill(clock.today().isoformat())
    page.get_by_label("起始日期").fill(starts.isoformat())
    page.get_by_label("截止日期").fill(ends.isoformat())
    page.get_by_label("备注").fill(note)
    press(page, "保存合同")
    expect(page.get_by_role("main")).to_contain_text("合同已建立，请追加电梯")
    return path_of(page)


def bind(page: Any, address: str, *codes: str) -> None:
    """1.7.4.3 绑定电梯: 追加."""
    for code in codes:
        page.goto(f"{address}?q={code}")
        page.get_by_label(f"选择 {code}").check()
        press(page, "追加所选电梯")
        expect(page.get_by_role("main")).to_contain_text("已追加电梯")


@pytest.mark.feature("CON-01", "CON-02", "CON-03", "CON-05", "WRN-01")
def test_1_7_4_contracts(product: Any, enter: Any, shot: Any) -> None:
    today = clock.today()
    first, second = product.spare[24], product.spare[25]
    with product.session() as session:
        head_unit = session.scalar(
            select(Account.unit_id).where(Account.username == product.login("维保单位负责人").name)
        )
        free_from = max(session.get(MaintenanceClock, one.id).covered_until for one in (first, second)) + DAY
        others = session.scalar(
            select(Elevator.code).where(
                Elevator.maintenance_unit_id != head_unit, Elevator.approved_version > 0,
                Elevator.status == "in_use", Elevator.is_secret.is_(False),
            ).limit(1)
        )  # fmt: skip
    head = enter("维保单位负责人")

    # 1.7.4.1 合同列表: 待生效, 生效中, 临近失效 (七天内), 已失效.
    before = counts(head)
    shot(head, "contracts and their tabs")

    # 1.7.4.2 新增合同; 1.7.4.3 绑定电梯: 只有完成电梯绑定后，该合同才算录入完成.
    address = new_contract(head, "HZ-2026-1401", free_from, free_from + DAY * 364, "两台，顾园小区")
    expect(head.get_by_role("main")).to_contain_text("只有绑定了电梯的合同才录入完成")
    bind(head, address, first.code, second.code)
    assert fact(head, "电梯台数") == "2"
    shot(head, "two elevators under the contract")
    row = in_tab(head, "待生效", "HZ-2026-1401")
    assert row["合同状态"] == f"待生效 等待 {(free_from - today).days} 天"
    assert row["电梯台数"] == "2" and row["合同属性"] == "半包"
    # 删除电梯: 勾选要删除的电梯，再点击“删除电梯”.
    head.goto(address)
    head.get_by_label(f"选择 {second.code}").first.check()
    press(head, "删除所选电梯")
    assert fact(head, "电梯台数") == "1"
    # 注: 如果查询不到所要操作的电梯，请先确认是否已办理维保变更手续; also 3.2.11 维保合同追加电梯查询不到.
    head.goto(f"{address}?q={others}")
    expect(head.get_by_role("main")).to_contain_text("尚未变更维保单位的，请先办理变更")
    expect(head.get_by_label(f"选择 {others}")).to_have_count(0)
    shot(head, "another firm's elevator is not found")

    # 1.7.4.4 编辑合同.
    head.goto(address)
    follow(head, "编辑")
    head.get_by_label("截止日期").fill((free_from + DAY * 400).isoformat())
    head.get_by_label("备注").fill("一台，顾园小区")
    press(head, "保存合同")
    expect(head.get_by_role("main")).to_contain_text("合同已保存")
    assert fact(head, "备注") == "一台，顾园小区" and fact(head, "期限").endswith(str(free_from + DAY * 400))
    newest = rows(head, head.locator("section", has=head.get_by_role("heading", name="版本")).locator("table"))[0]
    assert f"{free_from + DAY * 364} → {free_from + DAY * 400}" in newest["改动"]
    shot(head, "what was edited stands in the versions")

    # 1.7.4.5 删除合同: 在弹出的对话框中点击; one that covered elevators stays, and says why.
    expect(head.get_by_role("main")).to_contain_text("绑定过电梯的合同留作历史，不能删除")
    expect(head.get_by_role("button", name="删除", exact=True)).to_have_count(0)
    new_contract(head, "HZ-2026-1402", free_from, free_from + DAY * 90)
    press(head, "删除")
    box = head.get_by_role("dialog")
    expect(box).to_contain_text("删除合同 HZ-2026-1402？")
    go(box.get_by_role("button", name="删除"))
    expect(head.get_by_role("main")).to_contain_text("合同已删除")
    assert search(head, "维保合同", "HZ-2026-1402") == []

    # 临近失效 within seven days; 注: 对于到期的合同，请不要直接编辑或删除原合同，续保则重新增加最新合同.
    ending = new_contract(head, "HZ-2026-1403", today, today + DAY * 6)
    assert in_tab(head, "临近失效", "HZ-2026-1403")["合同状态"] == "生效中 剩余 6 天"
    now = counts(head)
    assert {tab: now[tab] - before[tab] for tab in TABS} == {"待生效": 1, "生效中": 1, "临近失效": 1, "已失效": 0}
    with product.session() as session:  # a month later, as it were
        held = session.get(Contract, int(ending.rsplit("/", 1)[-1]))
        held.signed_on, held.starts_on, held.ends_on = today - DAY * 37, today - DAY * 37, today - DAY
    assert in_tab(head, "已失效", "HZ-2026-1403")["合同状态"].startswith("已失效")
    head.goto(ending)
    expect(head.get_by_role("main").get_by_role("link", name="编辑")).to_have_count(0)
    expect(head.get_by_role("button", name="删除", exact=True)).to_have_count(0)
    shot(head, "an ended contract can only be renewed")
    follow(head, "续签")
    head.get_by_label("合同编号").fill("HZ-2026-1403-续")
    head.get_by_label("签订日期").fill(today.isoformat())
    head.get_by_label("起始日期").fill(today.isoformat())
    head.get_by_label("截止日期").fill((today + DAY * 364).isoformat())
    press(head, "保存合同")
    assert fact(head, "续签自") == "原合同"
    head.goto(ending)
    assert fact(head, "已续签为") == "HZ-2026-1403-续"


# --- 3.2


def scan(page: Any, text: str) -> Any:
    """扫码, with what the camera read; gives the refusals."""
    page.goto("/m/scan")
    page.get_by_label("识别码").fill(text)
    go(page.get_by_role("button", name="查看这台电梯"))
    return page.get_by_role("alert")


def ready(page: Any, one: Subject) -> None:
    """Nothing stands in the way of a check-in."""
    look_up(page, one.code)
    expect(page.locator("[data-gate]")).to_contain_text("项已通过")
    expect(page.get_by_role("alert")).to_have_count(0)


def serve_with_sheet(product: Any, page: Any, one: Subject) -> str:
    """Check in and out with 按上传维保单; gives the record's address."""
    look_up(page, one.code)
    page.get_by_role("button", name="签到", exact=True).click()
    page.wait_for_url("**/m/visits/*")
    visit = path_of(page)
    let_pass(product, visit, 40)
    page.goto(visit)
    check_out(page, one)
    expect(page.locator("body")).to_contain_text("已签退")
    return visit


def check_out(page: Any, one: Subject) -> None:
    sheet_stands(page)
    page.get_by_label("按上传维保单").check()
    page.get_by_label("无故障").check()
    page.get_by_label("再次扫码或输入识别码").fill(one.code)
    go(page.get_by_role("button", name="签退"))


def long_ago(product: Any, visit: str, days: int) -> None:
    """Nobody waits for days here: the whole visit, and what is due of it, was so much earlier."""
    with product.session() as session:
        row = session.get(Visit, int(visit.rsplit("/", 1)[-1]))
        moments = (
            "checked_in_at", "checked_out_at", "received_at", "sheet_at", "sheet_due_at", "review_due_at",
            "next_change_at",
        )  # fmt: skip
        for name in moments:
            if getattr(row, name) is not None:
                setattr(row, name, getattr(row, name) - DAY * days)
        row.visit_on -= DAY * days


@pytest.fixture
def worker(product: Any, enter: Any, open_page: Any) -> Any:
    """A worker's phone, his account just opened by the main account, his certificate on file; no elevator yet."""
    head = enter("维保单位负责人")
    first = add_sub_account(head, WORKER, NAME, "维保员")
    menu(head, "人员与证书")
    search(head, "人员与证书", NAME)
    follow(head, NAME)
    follow(head, "修改")
    head.get_by_label("作业人员证编号").fill("T-2026-1401")
    head.get_by_label("证书有效期至").fill((clock.today() + DAY * 900).isoformat())
    press(head, "保存人员")
    page = sign_in(open_page(PHONE), WORKER, first)
    change_first_password(page, first)
    return page


def give(head: Any, *codes: str) -> None:
    """1.4.5 子用户电梯分配."""
    head.goto("/sub-accounts/")
    go(head.get_by_role("row").filter(has_text=WORKER).get_by_role("link", name="分配电梯"))
    for code in codes:
        look_for(head, code)
        head.get_by_label(code, exact=True).check()
        press(head, "分配所选")
        expect(head.get_by_role("main")).to_contain_text("新分配 1 台")


@pytest.mark.feature("MNT-01", "MNT-02", "MNT-03", "MNT-07", "MNT-08", "CON-04", "PER-07", "ACC-10", "ACC-14", "ELV-07")
def test_3_2_what_a_scan_says(product: Any, enter: Any, worker: Any, shot: Any) -> None:
    today = clock.today()
    good, nowhere, bare, later = product.spare[26:30]
    with product.session() as session:
        lifts = {one.id: session.get(Elevator, one.id) for one in (good, nowhere, bare, later)}
        place = {key: (lift.latitude, lift.longitude) for key, lift in lifts.items()}
        lifts[nowhere.id].latitude = lifts[nowhere.id].longitude = None
        session.get(MaintenanceClock, bare.id).covered_until = today - DAY
        for held in session.scalars(select(ContractElevator).where(ContractElevator.elevator_id == bare.id)):
            held.starts_on, held.ends_on = min(held.starts_on, today - DAY), today - DAY
    head, officer = enter("维保单位负责人"), enter("区域管理员")

    # 3.2.8 主账号不允许进行维保作业: 所有扫码维保工作必须由子账号进行.
    head.goto(f"/m/e/{good.code}")
    expect(head.get_by_role("alert")).to_contain_text("主账号不允许进行维保作业,请切换为子账号操作")
    shot(head, "3.2.8 the main account")

    # 3.2.1 提示无电梯权限: 主账号未给该子账号分配电梯，需要分配后才能进行操作.
    at_place(worker, *place[good.id])
    expect(scan(worker, good.code)).to_contain_text("无电梯权限")
    shot(worker, "3.2.1 no right to the elevator")
    give(head, good.code, nowhere.code, bare.code, later.code)
    ready(worker, good)

    # 3.2.2 提示电梯位置较远: 请前往现场扫码后开展维保工作.
    at_place(worker, place[good.id][0] + AWAY, place[good.id][1])
    look_up(worker, good.code)
    expect(worker.get_by_role("alert")).to_contain_text("电梯位置较远")
    expect(worker.get_by_role("alert")).to_contain_text("要求 200 米内")
    shot(worker, "3.2.2 too far away")
    at_place(worker, *place[good.id])
    ready(worker, good)

    # 3.2.3 二维码非法无效: 扫到了张贴在轿厢中的其他二维码; 对准智慧电梯的二维码后重新扫码.
    expect(scan(worker, "https://pay.example.invalid/q/8F3A")).to_contain_text("二维码非法无效")
    shot(worker, "3.2.3 another code that hangs in the car")
    # 3.2.6 电梯不存在.
    expect(scan(worker, "979797")).to_contain_text("电梯不存在")
    shot(worker, "3.2.6 no such elevator")

    # 3.2.5 电梯尚未标注位置: 对电梯地理信息进行采集，更新完成后再次扫码即可正常工作.
    at_place(worker, *place[nowhere.id])
    expect(scan(worker, nowhere.code)).to_contain_text("电梯尚未标注位置")
    shot(worker, "3.2.5 nobody entered its place")
    head.goto(f"/elevators/{nowhere.id}/edit")
    head.get_by_role("textbox", name="纬度").fill(str(place[nowhere.id][0]))
    head.get_by_label("经度").fill(str(place[nowhere.id][1]))
    press(head, "保存并上报")
    open_from_queue(officer, nowhere.code)
    decide(officer, "同意")
    ready(worker, nowhere)

    # 3.2.9 电梯已超有效期(脱保): 请先根据 1.7.4 录入合同并绑定电梯后再进行扫码维保工作.
    at_place(worker, *place[bare.id])
    look_up(worker, bare.code)
    expect(worker.get_by_role("alert")).to_contain_text("电梯已超有效期(脱保)")
    expect(worker.get_by_role("alert")).to_contain_text(f"合同已于 {today - DAY} 到期")
    shot(worker, "3.2.9 no contract in force")
    bind(head, new_contract(head, "HZ-2026-1404", today, today + DAY * 364), bare.code)
    ready(worker, bare)

    # 3.2.4 无法签退: 签到与签退时间不少于35分钟，请达到规定时间后再次扫码签退.
    at_place(worker, *place[good.id])
    look_up(worker, good.code)
    worker.get_by_role("button", name="签到", exact=True).click()
    worker.wait_for_url("**/m/visits/*")
    unsent = path_of(worker)
    check_out(worker, good)
    expect(worker.get_by_role("alert")).to_contain_text("维保时间不足")
    shot(worker, "3.2.4 too early to check out")
    let_pass(product, unsent, 40)
    worker.goto(unsent)
    check_out(worker, good)
    expect(worker.locator("body")).to_contain_text("已签退")

    # 3.2.7 维保后显示不合规: (1) 未在24小时内上传维保单; (2) 使用单位未在15天内复核.
    at_place(worker, *place[later.id])
    sent = serve_with_sheet(product, worker, later)
    worker.get_by_label("维保单", exact=True).set_input_files(pdf("维保单.pdf"))
    press(worker, "上传维保单")
    expect(worker.locator("body")).to_contain_text("维保单已上传")
    worker.goto("/m/")
    used = re.search(r"本月台次\D*(\d+)", worker.locator("body").inner_text())
    assert used and int(used[1]) == 2

    # 3.2.10 您本月有效扫码维保次数已达上限: 普工 100 台次/月, here 2 for a day's trial.
    at_place(worker, *place[bare.id])
    with product.policy("980402000000", "临河区市场监管局 2026 年第 3 号通知", quota_general=2):
        look_up(worker, bare.code)
        expect(worker.get_by_role("alert")).to_contain_text("您本月有效扫码维保次数已达上限")
        expect(worker.get_by_role("alert")).to_contain_text("本月已用 2 台次，上限 2 台次")
        shot(worker, "3.2.10 the month's limit")
    ready(worker, bare)

    long_ago(product, unsent, 2)
    long_ago(product, sent, 16)
    with product.session() as session:
        ageing.run(session, clock.now())
    for visit, why in ((unsent, "维保单"), (sent, "复核")):
        head.goto(visit.removeprefix("/m"))
        assert head.get_by_role("main").locator(".ta-head .ta-pill").first.inner_text().strip() == "不合规"
        expect(head.get_by_role("main")).to_contain_text(why)
    worker.goto("/m/visits?kind=nonconforming")
    expect(worker.locator("body")).to_contain_text("不合规")
    shot(worker, "3.2.7 both records do not conform")

    # 3.2.12 二维码打印、补制.
    head.goto(f"/elevators/?tab=every&q={good.code}")
    head.get_by_role("row").filter(has_text=good.code).get_by_role("checkbox").check()
    press(head, "打印标签")
    assert head.locator(".lb-c").all_inner_texts() == [good.code]
    shot(head, "3.2.12 a label printed anew")
