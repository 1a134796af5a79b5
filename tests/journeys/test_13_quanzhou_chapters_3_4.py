"""Quanzhou's handbook for maintenance units, 操作手册（一）: chapters 3 设备履历信息补充导入 and 4 维保计划.

Each step as the handbook tells it, at the desk (电脑端) and on the phone (手机端).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Visit
from tests.journeys.conftest import PHONE
from tests.journeys.product import Subject
from tests.journeys.steps import download, fact, follow, go, job_over, menu, path_of, press, read_sheets, rows, search
from tests.journeys.test_04_approval import decide, open_from_queue
from tests.journeys.test_10_export import XLSX, export, table

DAY = dt.timedelta(days=1)
NEW_ONLY, UPDATE_ONLY = "新增导入", "更新导入"


def edited(source: Path, changes: Mapping[str, Mapping[str, Any]], to: Path) -> Path:
    """An exported or blank workbook, with the rows of these codes only and their cells filled in by heading."""
    heads, *lines = next(iter(read_sheets(source).values()))
    place = {str(head).rstrip("* "): at for at, head in enumerate(heads) if head}
    at_code = place["识别码"]
    book = Workbook()
    book.active.append(heads)
    for line in lines:
        if line[at_code] in changes:
            for head, value in changes[line[at_code]].items():
                line[place[head]] = value
            book.active.append(line)
    assert book.active.max_row == len(changes) + 1, "every row to be edited was exported"
    book.save(to)
    return to


def upload(page: Any, kind: str, mode: str, file: Path) -> None:
    """导入 from the list, which chose its kind already; the wizard's first step and its second, 校验数据."""
    go(page.get_by_role("link", name="导入", exact=True).last)
    expect(page.get_by_role("radio", name=re.compile(f"^{kind}"))).to_be_checked()
    page.get_by_label("方式").select_option(label=mode)
    page.get_by_label("文件").set_input_files(file)
    press(page, "上传并校验")
    job_over(page)
    expect(page.locator(".imp-sheet")).to_be_visible()


def tab(page: Any, label: str) -> int:
    """How many rows of this kind the check found."""
    text = page.get_by_role("navigation", name="分类").get_by_role("link", name=re.compile(f"^{label} ")).inner_text()
    return int(text.removeprefix(label))


def import_rows(page: Any, count: int) -> None:
    """Steps 3 and 4: 导入数据, 完成."""
    go(page.get_by_role("button", name=f"导入 {count} 行"))
    job_over(page)
    expect(page.get_by_role("link", name="去看导入的内容")).to_be_visible()


def with_columns(page: Any, *wanted: str) -> Path:
    """The list's workbook with these columns as well."""
    page.locator("summary", has_text=re.compile("^列$")).click()
    for label in wanted:
        page.locator("details[open]").get_by_role("checkbox", name=label, exact=True).check()
    press(page, "显示这些列")
    return export(page, XLSX)


def tick(page: Any, *codes: str) -> None:
    """勾选 rows of a list."""
    for code in codes:
        page.get_by_role("row").filter(has_text=code).get_by_role("checkbox").check()


def block(product: Any, first: int, last: int) -> tuple[list[Subject], list[Subject]]:
    """Spare elevators of a journey's own: those due within five days, and the others."""
    today = clock.today()
    with product.session() as session:
        due = dict(session.execute(select(MaintenanceClock.elevator_id, MaintenanceClock.limit_on)).all())
    own = product.spare[first : last + 1]
    near = [one for one in own if today < due[one.id] <= today + DAY * 5]
    return near, [one for one in own if due[one.id] > today + DAY * 6]


@pytest.fixture(scope="module")
def known(product: Any) -> tuple[list[Subject], list[Subject]]:
    return block(product, 14, 23)


@pytest.mark.feature("ELV-06", "ELV-07", "PLN-01", "PLN-02", "PLN-03", "IMP-01", "STA-01")
def test_chapter_3_ledgers_are_filled_in_by_workbook(
    product: Any, enter: Any, known: Any, tmp_path: Path, shot: Any
) -> None:
    today = clock.today()
    first, second = known[0][:2]
    codes = first.code, second.code
    with product.session() as session:
        # Two that have just come in: no ledger yet, and nobody told us the rescue phone of one of them.
        for one in (first, second):
            session.query(Visit).filter_by(elevator_id=one.id).update({"order_id": None})
            session.query(MaintenanceOrder).filter_by(elevator_id=one.id, state="open").delete()
            session.query(MaintenanceLedger).filter_by(elevator_id=one.id).delete()
        session.get(Elevator, first.id).emergency_phone = None
        last = {one.code: session.get(MaintenanceClock, one.id).last_visit_on for one in (first, second)}
    clerk, officer = enter("维保文员"), enter("区域管理员")

    # 【维保管理】-【设备履历】-输入查询条件: 下次维保时间及维保人员为必填信息，否则无法正常生成维保工单.
    menu(clerk, "设备履历")
    go(clerk.get_by_role("navigation", name="设备履历", exact=True).get_by_role("link", name="不会生成任务"))
    waiting = {row["识别码"]: row for row in rows(clerk)}
    assert [(waiting[c]["维保人员"], waiting[c]["下次半月维保"]) for c in codes] == [("未选择", "未填写")] * 2
    shot(clerk, "ledgers that lack what orders need")

    # 导出后编辑，填写必填信息: 优先填写年度维保时间，其他留空; or 全部填写, with 季度 in the month of 半月.
    follow(clerk, codes[0])
    workers = clerk.get_by_label("维保人员", exact=True).locator("option").all_inner_texts()[1:]
    clerk.go_back()
    exported = with_columns(clerk, "下次季度维保", "下次半年维保")
    annual, interval = today + DAY * 200, {codes[0]: 15, codes[1]: 14}
    next_on = {code: last[code] + DAY * interval[code] for code in codes}
    file = edited(exported, {
        codes[0]: {"维保人员": workers[0], "任务生成模式": "自动", "维保间隔": 15, "下次年度维保": annual},
        codes[1]: {
            "维保人员": workers[1], "任务生成模式": "自动", "维保间隔": 14, "下次半月维保": next_on[codes[1]],
            "下次季度维保": next_on[codes[1]], "下次半年维保": annual - DAY * 60, "下次年度维保": annual,
        },
    }, tmp_path / "设备履历.xlsx")  # fmt: skip

    # 更新导入.
    upload(clerk, "设备履历", UPDATE_ONLY, file)
    assert (tab(clerk, "有错误"), tab(clerk, "新增")) == (0, 2)
    shot(clerk, "the workbook is checked cell by cell")
    import_rows(clerk, 2)
    shot(clerk, "imported")
    menu(clerk, "设备履历")
    shown = [search(clerk, "设备履历", code)[0] for code in codes]
    assert [(r["维保人员"], r["下次半月维保"], r["下次年度维保"]) for r in shown] == [
        (workers[n], next_on[code].isoformat(), annual.isoformat()) for n, code in enumerate(codes)
    ]

    # 系统自动计算半月、季度、半年; 新入驻设备首次完善资料将自动生成符合条件的未来五天内工单.
    clerk.goto(f"/ledgers/{first.id}")
    derived = [clerk.get_by_label(f"下次{word}维保").input_value() for word in ("季度", "半年")]
    assert all(today.isoformat() < day < annual.isoformat() for day in derived), derived
    clerk.goto("/orders/")
    made = {code: search(clerk, "维保计划", code) for code in codes}
    assert {c: [(r["计划日期"], r["维保人员"], r["状态"]) for r in found] for c, found in made.items()} == {
        code: [(next_on[code].isoformat(), workers[n], "待维保")] for n, code in enumerate(codes)
    }
    # 注①: 当月如有季度维保，季度保合并至半月维保时间.
    assert made[codes[1]][0]["频次"] == "季度"

    # 半月保维保间隔天数设置. 单台: 点击设备码进入，15 天或者 14 天.
    menu(clerk, "设备履历")
    search(clerk, "设备履历", codes[0])
    follow(clerk, codes[0])
    clerk.get_by_label("维保间隔").select_option(label="14 天")
    press(clerk, "保存履历")
    assert clerk.get_by_label("下次半月维保").input_value() == (last[codes[0]] + DAY * 14).isoformat()
    shot(clerk, "fourteen days, and the next day moves with it")
    # 批量: 勾选-导出-编辑后更新导入; both back to 15.
    menu(clerk, "设备履历")
    page_of_both = export(clerk, XLSX)
    upload(clerk, "设备履历", UPDATE_ONLY, edited(
        page_of_both, {code: {"维保间隔": 15, "下次半月维保": None} for code in codes}, tmp_path / "间隔.xlsx"
    ))  # fmt: skip
    assert tab(clerk, "更新") == 2
    go(clerk.get_by_role("navigation", name="分类").get_by_role("link", name=re.compile("^更新")))
    assert clerk.locator(".imp-sheet td.was").all_inner_texts() == ["15\n14", "15\n14"]
    import_rows(clerk, 2)
    clerk.goto("/ledgers/")
    assert search(clerk, "设备履历", codes[0])[0]["下次半月维保"] == (last[codes[0]] + DAY * 15).isoformat()

    # 进入【设备履历】，勾选对应的电梯，点击【一梯一码】; 注: 【应急救援电话】为必填信息.
    clerk.goto("/ledgers/?size=100")
    tick(clerk, *codes)
    press(clerk, "一梯一码 标签")
    expect(clerk.get_by_role("main")).to_contain_text("没有应急救援电话，不能制作")
    assert clerk.locator(".lb-c").all_inner_texts() == [codes[1]]
    shot(clerk, "no rescue phone, no label")
    # 填写必填信息（应急救援电话）: the register's own workbook, then 上报; what is filed is decided by the regulator.
    clerk.goto(f"/elevators/?tab=every&q={codes[0]}")
    upload(clerk, "电梯", UPDATE_ONLY, edited(
        with_columns(clerk, "应急救援电话", "所在地区"), {codes[0]: {"应急救援电话": "96333"}}, tmp_path / "电梯.xlsx"
    ))  # fmt: skip
    import_rows(clerk, 1)
    clerk.goto(f"/elevators/{first.id}")
    press(clerk, "审核上报")
    open_from_queue(officer, codes[0])
    decide(officer, "同意")
    clerk.goto("/ledgers/?size=100")
    tick(clerk, *codes)
    press(clerk, "一梯一码 标签")
    assert sorted(clerk.locator(".lb-c").all_inner_texts()) == sorted(codes)
    expect(clerk.locator(".lb").first).to_contain_text("被困时立即扫码救援!")
    shot(clerk, "a label for each")


@pytest.mark.feature("PLN-05", "PLN-06", "IMP-01", "MNT-12")
def test_chapter_4_plans_are_made_and_given_to_others(
    product: Any, enter: Any, known: Any, tmp_path: Path, shot: Any
) -> None:
    today = clock.today()
    single, many, far = known[1][:3]
    with product.session() as session:
        account = session.scalar(select(Account).where(Account.username == product.login("维保员").name))
        worker_id = account.person_id
        # Of no team: a team's tasks are seen by each of its members.
        ledgers = session.query(MaintenanceLedger)
        ledgers.filter(MaintenanceLedger.elevator_id.in_([single.id, many.id, far.id])).update({"team_id": None})
    clerk = enter("维保文员")

    # 新增维保计划 1. 单台: 【维保计划】-【新增】，编辑相关信息，点击保存即可.
    menu(clerk, "维保计划")
    follow(clerk, "新增任务")
    clerk.get_by_label("识别码").fill(single.code)
    clerk.get_by_role("option").filter(has_text=single.code).click()
    # What the ledger knows is filled in.
    expect(clerk.get_by_label("维保人员")).not_to_have_value("")
    clerk.get_by_label("计划日期").fill((today + DAY * 2).isoformat())
    clerk.get_by_label("频次").select_option(label="半月")
    people = clerk.get_by_label("维保人员").locator("option").all_inner_texts()[1:]
    values = [o.get_attribute("value") for o in clerk.get_by_label("维保人员").locator("option").all()][1:]
    mine = people[values.index(str(worker_id))]
    other = next(name for name in people if name != mine)
    clerk.get_by_label("维保人员").select_option(label=mine)
    shot(clerk, "a plan by hand")
    press(clerk, "建立任务")
    expect(clerk.get_by_role("main")).to_contain_text("任务已建立")
    by_hand = path_of(clerk)
    assert (fact(clerk, "频次"), fact(clerk, "计划日期"), fact(clerk, "维保人员"), fact(clerk, "来源")) == (
        "半月", (today + DAY * 2).isoformat(), mine, "手动",
    )  # fmt: skip

    # 2. 批量: 【维保计划】-【导入】下载模板，编辑后选择【新增导入】.
    menu(clerk, "维保计划")
    follow(clerk, "导入")
    blank = download(clerk, clerk.locator("label", has_text="维保计划").get_by_role("link", name="下载模板").click)
    heads = [str(head).rstrip("* ") for head in table(blank)[0] if head]
    assert heads == ["任务编号", "识别码", "计划日期", "频次", "维保人员"]
    book = Workbook()
    book.active.append(heads)
    for code, day in ((many.code, today + DAY * 3), (many.code, today + DAY * 40), (far.code, today + DAY * 9)):
        book.active.append([None, code, day, "半月", mine])
    book.active.append([None, far.code, today - DAY, "每周", "查无此人"])
    file = tmp_path / "维保计划.xlsx"
    book.save(file)
    menu(clerk, "维保计划")
    upload(clerk, "维保计划", NEW_ONLY, file)
    assert (tab(clerk, "新增"), tab(clerk, "有错误")) == (3, 1)
    wrong = [cell.split("\n")[0] for cell in clerk.locator(".imp-sheet td.bad").all_inner_texts()]
    assert "每周" in wrong and "查无此人" in wrong, wrong
    shot(clerk, "a workbook of plans, wrong cells named")
    import_rows(clerk, 3)
    clerk.goto("/orders/")
    planned = search(clerk, "维保计划", many.code)
    assert [(r["计划日期"], r["频次"], r["状态"], r["维保人员"], r["来源"]) for r in planned] == [
        (day.isoformat(), "半月", "待维保", mine, "导入") for day in (today + DAY * 3, today + DAY * 40)
    ]

    # 或【更新导入】: the exported plans with another worker.
    upload(clerk, "维保计划", UPDATE_ONLY, edited(
        export_of(clerk, far.code), {far.code: {"维保人员": other}}, tmp_path / "改派.xlsx"
    ))  # fmt: skip
    assert (tab(clerk, "更新"), tab(clerk, "有错误")) == (1, 0)
    import_rows(clerk, 1)
    clerk.goto("/orders/")
    assert [r["维保人员"] for r in search(clerk, "维保计划", far.code)] == [other]

    # 维保任务重新分配 1. 电脑端: 【维保计划】-【修改】更换维保员.
    clerk.goto(by_hand)
    clerk.get_by_label("维保人员").select_option(label=other)
    press(clerk, "改派")
    expect(clerk.get_by_role("main")).to_contain_text("已分配")
    clerk.goto(by_hand)
    assert fact(clerk, "维保人员") == other
    shot(clerk, "another worker for one plan")
    # 或“勾选”对应维保工单，点击【批量分配】.
    clerk.goto(f"/orders/?q={many.code}")
    assert len(rows(clerk)) == 2
    clerk.get_by_label("全选本页").check()
    press(clerk, "批量分配")
    clerk.get_by_label("接手的维保人员").select_option(label=other)
    press(clerk, "分配 2 条任务")
    assert [(r["维保人员"], r["结果"]) for r in rows(clerk)] == [(other, "已分配")] * 2
    shot(clerk, "two plans given at once, each with its result")

    # 2. 手机端: 【维保计划】-【筛选】或直接“勾选”对应设备，支持批量重新分配【指派】，更换维保员，保存即可.
    phone = enter("维保经理", PHONE)
    phone.goto(f"/orders/?q={many.code}")
    for box in phone.get_by_role("main").locator("tbody").get_by_role("checkbox").all():
        box.check()
    shot(phone, "plans ticked on a manager's phone")
    press(phone, "批量分配")
    phone.get_by_label("接手的维保人员").select_option(label=mine)
    shot(phone, "given to another on the phone")
    press(phone, "分配 2 条任务")
    assert [r["维保人员"] for r in rows(phone)] == [mine] * 2

    # 注②: 维保员仅能看到5日内维保工单: the one in three days, not the one in forty.
    worker = enter("维保员", PHONE)
    worker.goto("/m/orders")
    listed = worker.locator("body").inner_text()
    assert listed.count(many.code) == 1 and single.code not in listed and far.code not in listed
    shot(worker, "the worker sees five days")

    # 删除 of what was made by hand; 注①: 【待维保】工单才可重新分配.
    clerk.goto(by_hand)
    clerk.get_by_label("原因", exact=True).fill("住户改期，另行安排")
    press(clerk, "作废任务")
    assert fact(clerk, "结束原因") == "住户改期，另行安排"
    expect(clerk.get_by_role("button", name="改派")).to_have_count(0)
    key = int(by_hand.rsplit("/", 1)[-1])
    clerk.goto(f"/orders/reassign?ids={key}")
    clerk.get_by_label("接手的维保人员").select_option(label=mine)
    press(clerk, "分配 1 条任务")
    told = rows(clerk)[0]
    assert told["维保人员"] == other and "待维保" in told["结果"], told
    shot(clerk, "a plan that no longer waits is given to nobody")
    with product.session() as session:
        assert session.get(MaintenanceOrder, key).state == "void"


def export_of(page: Any, code: str) -> Path:
    """The plans of one elevator as a workbook."""
    page.goto(f"/orders/?q={code}")
    return export(page, XLSX)
