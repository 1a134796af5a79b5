"""Xinxiang's handbook for maintenance units: chapter 2 备案信息上报 (2.1 to 2.3) and what chapter 3 looks up.

A unit that has just been let in reports itself, its people and its elevators, by hand and by workbook; the regulator
decides; then the three registers are looked at: 查看, 导出, 历史.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect

from app import clock
from app.rules.identifiers import RESIDENT_ID_CHECKS, RESIDENT_ID_WEIGHTS
from tests.journeys.steps import (
    change_first_password,
    download,
    fact,
    follow,
    go,
    menu,
    pdf,
    press,
    profile,
    rows,
    search,
    sign_in,
    uscc,
)
from tests.journeys.test_02_accounts import make_unit
from tests.journeys.test_03_filing import approve, fill
from tests.journeys.test_04_approval import decide, open_from_queue
from tests.journeys.test_10_export import XLSX, export, table
from tests.journeys.test_13_quanzhou_chapters_3_4 import NEW_ONLY, import_rows, tab, upload

DAY = dt.timedelta(days=1)
FIRM, CUSTOMER = "澜州听澜电梯服务有限公司", "青坪栖霞物业服务有限公司"
BY_HAND, MISTAKEN = ("骆清扬", 1), ("骆青杨", 2)
BY_BOOK = (("简听松", 3), ("阮知秋", 4))


def resident_id(serial: int) -> str:
    """A valid invented number of the demo region."""
    first = f"98040319910307{serial:03d}"
    return first + RESIDENT_ID_CHECKS[sum(int(c) * w for c, w in zip(first, RESIDENT_ID_WEIGHTS, strict=True)) % 11]


def state(page: Any) -> str:
    """What the record's heading says of its filing."""
    text: str = page.locator(".ta-head .ta-pill").first.inner_text()
    return text.strip()


def add_person(page: Any, name: str, serial: int) -> None:
    """2.2.1 单击添加按钮，进入维保人员维护页面，填写维保人员信息."""
    menu(page, "人员与证书")
    follow(page, "添加人员")
    for label, value in {
        "姓名": name, "手机": f"1990555151{serial}", "身份证号": resident_id(serial), "工种": "电梯维护人员",
        "作业人员证编号": f"T-2026-150{serial}", "证书发证日期": (clock.today() - DAY * 400).isoformat(),
        "证书有效期至": (clock.today() + DAY * 900).isoformat(),
    }.items():  # fmt: skip
        page.get_by_label(label, exact=True).fill(value)
    press(page, "保存人员")
    expect(page.get_by_role("main")).to_contain_text("已保存")


def report_chosen(page: Any, title: str, words: str, count: int) -> None:
    """选中需要申报的信息，左键单击审核上报."""
    assert len(search(page, title, words)) == count
    page.get_by_label("全选本页").check()
    press(page, "审核上报")
    go(page.get_by_role("dialog").get_by_role("button", name="审核上报"))
    expect(page.get_by_role("main")).to_contain_text(f"成功 {count}，未成 0")


def approve_all(page: Any, kind: str, words: list[str]) -> None:
    """The regulator ticks what this unit reported and agrees at once; each is checked by itself."""
    page.goto(f"/applications/queue?kind={kind}&size=100")
    for word in words:
        page.get_by_role("row").filter(has_text=word).get_by_role("checkbox").check()
    press(page, "批量同意")
    go(page.get_by_role("dialog", name=f"批量同意 {len(words)} 件申请？").get_by_role("button", name="批量同意"))
    expect(page.get_by_role("main")).to_contain_text(f"已办理 {len(words)} 件")


def sheet(page: Any, kind: str, lines: list[dict[str, Any]], to: Path) -> Path:
    """批量导入 1. 下载一个规范的导入表格; 2. 按照表格的提示填写相对应的表格内容."""
    follow(page, "导入")
    option = page.locator("label", has=page.get_by_role("radio", name=re.compile(f"^{kind}")))
    blank = download(page, option.get_by_role("link", name="下载模板").click)
    heads = [str(head) for head in table(blank)[0] if head]
    plain = [head.rstrip("* ") for head in heads]
    assert set(lines[0]) <= set(plain), set(lines[0]) - set(plain)
    book = Workbook()
    book.active.append(heads)
    for line in lines:
        book.active.append([line.get(head) for head in plain])
    book.save(to)
    return to


@pytest.fixture
def unit(product: Any, browser: Any) -> Any:
    """The unit's main account on its first day (chapter 1), with the page that it keeps open."""
    context = profile(browser, base_url=product.address, locale="zh-CN")
    admin, mine = context.new_page(), profile(
        browser, base_url=product.address, viewport={"width": 1366, "height": 768}, locale="zh-CN",
        accept_downloads=True,
    )  # fmt: skip
    login = product.login("区域管理员")
    name, first = make_unit(sign_in(admin, login.name, login.password), "维保单位", FIRM, uscc(41))
    page = sign_in(mine.new_page(), name, first)
    change_first_password(page, first)
    yield page
    context.close()
    mine.close()


@pytest.mark.feature(
    "UNT-02", "UNT-04", "UNT-05", "UNT-06", "UNT-07", "PER-03", "PER-05", "ELV-01", "ELV-04", "ELV-10", "IMP-01",
    "STA-01",
)
def test_chapters_2_1_to_3_3(unit: Any, enter: Any, tmp_path: Path, shot: Any) -> None:
    """One story: what the unit does in each chapter stands on the one before."""
    officer = enter("区域管理员")
    the_unit_reports_itself(unit, officer, shot)
    people_by_hand_and_by_workbook(unit, officer, tmp_path, shot)
    elevators_and_the_registers(unit, officer, tmp_path, shot)


def the_unit_reports_itself(unit: Any, officer: Any, shot: Any) -> None:
    """2.1."""
    # 1. 登录程序，单击维保信息上报; 2. 选中维保公司信息，单击编辑按钮.
    unit.goto("/")
    follow(unit, "完善单位备案并上报")
    assert state(unit) == "待上报"
    follow(unit, "修改")
    # 3. 将维保公司的相关信息维护完毕后，单击保存.
    fill(unit, {
        "企业地址": "青坪区听涛路 18 号", "资格证书编号": "TS3398041-2030", "许可级别": "B",
        "许可有效期至": (clock.today() + DAY * 900).isoformat(),
    })  # fmt: skip
    shot(unit, "2.1.3 the unit's information")
    press(unit, "保存草稿")
    assert state(unit) == "待上报"
    # 4. 企业相关证件、合同等附件上传: 可以一次选中多条内容进行上传.
    follow(unit, "附件")
    unit.locator("#files").set_input_files([pdf("营业执照.pdf"), pdf("房屋租赁合同.pdf")])
    press(unit, "保存")
    expect(unit.get_by_role("main")).to_contain_text("已上传")
    expect(unit.get_by_role("main")).to_contain_text("房屋租赁合同.pdf")
    expect(unit.locator("section", has_text="营业执照").first).to_contain_text("2 份")
    shot(unit, "2.1.4 papers, two at once")
    # 5. 信息维护完毕, 单击审核上报.
    menu(unit, "单位")
    search(unit, "单位", FIRM)
    go(unit.get_by_role("main").locator("tbody a").first)
    press(unit, "审核上报")
    assert state(unit) == "审核中"
    shot(unit, "2.1.5 reported")
    open_from_queue(officer, FIRM)
    decide(officer, "不通过", "请核对许可级别")
    unit.reload()
    assert state(unit) == "不通过"
    expect(unit.get_by_role("main")).to_contain_text("请核对许可级别")
    follow(unit, "修改")
    fill(unit, {"许可级别": "A2"})
    press(unit, "保存并上报")
    approve(officer, FIRM)
    unit.reload()
    assert (state(unit), fact(unit, "许可级别")) == ("通过", "A2")


def people_by_hand_and_by_workbook(unit: Any, officer: Any, tmp_path: Path, shot: Any) -> None:
    """2.2."""
    # 2.2.1 手工增加 1. 维保人员增加.
    add_person(unit, *BY_HAND)
    shot(unit, "2.2.1 a person by hand")
    add_person(unit, *MISTAKEN)
    # 2. 维保人员信息修改: 选中需要编辑的人员，单击编辑按钮; 单击保存.
    menu(unit, "人员与证书")
    follow(unit, BY_HAND[0])
    follow(unit, "修改")
    unit.get_by_label("工种", exact=True).fill("维保工程师")
    press(unit, "保存人员")
    assert fact(unit, "工种") == "维保工程师"
    # 3. 维保人员信息删除: 单击删除按钮，确认即可.
    menu(unit, "人员与证书")
    follow(unit, MISTAKEN[0])
    press(unit, "删除人员")
    go(unit.get_by_role("dialog").get_by_role("button", name="删除人员"))
    menu(unit, "人员与证书")
    shown = [(row["姓名"], row["备案状态"]) for row in rows(unit)]
    assert (BY_HAND[0], "待上报") in shown and MISTAKEN[0] not in [name for name, _filing in shown]

    # 2.2.2 批量导入: 下载一个规范的导入表格，填写; one number is mistyped.
    lines: list[dict[str, Any]] = [
        {"姓名": name, "手机": f"1990555151{serial}", "身份证号": resident_id(serial), "工种": "电梯维护人员",
         "作业人员证编号": f"T-2026-150{serial}", "证书发证日期": clock.today() - DAY * 300,
         "证书有效期至": clock.today() + DAY * 800}
        for name, serial in BY_BOOK
    ]  # fmt: skip
    wrong = resident_id(5)[:-1] + ("1" if resident_id(5)[-1] != "1" else "2")
    lines.append(lines[0] | {"姓名": "阮知夏", "身份证号": wrong, "作业人员证编号": "T-2026-1509"})
    file = sheet(unit, "人员", lines, tmp_path / "人员.xlsx")
    menu(unit, "人员与证书")
    upload(unit, "人员", NEW_ONLY, file)
    assert (tab(unit, "新增"), tab(unit, "有错误")) == (2, 1)
    expect(unit.locator(".imp-sheet td.bad")).to_contain_text("末位校验码")
    shot(unit, "2.2.2 a workbook of people")
    import_rows(unit, 2)

    # 2.2.3 维保人员审核上报: 选中需要申报的维保人员信息，单击审核上报; 审核中.
    unit.goto("/people/?tab=here")
    reported = [BY_HAND[0], *(name for name, _serial in BY_BOOK)]
    report_chosen(unit, "人员与证书", "T-2026-150", 3)
    shot(unit, "2.2.3 reported, each checked by itself")
    unit.goto("/people/?q=T-2026-150")
    assert {row["备案状态"] for row in rows(unit)} == {"审核中"}
    approve_all(officer, "person_filing", reported)
    shot(officer, "three people approved at once")
    unit.reload()
    assert sorted((row["姓名"], row["备案状态"]) for row in rows(unit)) == sorted((name, "通过") for name in reported)

    # 注意事项②: 信息修改以后，人员信息需要重新单击审核上报; what was approved stays in force meanwhile.
    follow(unit, BY_BOOK[0][0])
    follow(unit, "修改")
    unit.get_by_label("工种", exact=True).fill("维保班长")
    press(unit, "保存人员")
    assert state(unit) == "备案待上报" and fact(unit, "工种") == "电梯维护人员"
    shot(unit, "2.2.1 a change waits to be reported")
    press(unit, "审核上报")
    open_from_queue(officer, BY_BOOK[0][0])
    decide(officer, "同意")
    unit.reload()
    assert fact(unit, "工种") == "维保班长"
    # 3. 注意事项①: 已经产生信息的人员，是无法删除的.
    expect(unit.get_by_role("button", name="删除人员")).to_have_count(0)


def elevators_and_the_registers(unit: Any, officer: Any, tmp_path: Path, shot: Any) -> None:
    """2.3, and what 3.1 to 3.3 look up."""
    menu(unit, "单位")
    follow(unit, "登记单位")
    fill(unit, {
        "统一社会信用代码": uscc(42), "单位名称": CUSTOMER, "所在地区": "青坪区", "企业地址": "青坪区栖霞路 2 号",
        "使用单位": True, "负责人": "计望舒", "负责人手机": "19905551521", "安全管理员": "辛照野",
        "安全管理员电话": "19905551522",
    })  # fmt: skip
    press(unit, "保存并上报")
    approve(officer, CUSTOMER)

    # 2.3.1 手工增加 1. 电梯信息增加: 打开电梯信息添加页面，填写完毕，单击保存.
    common = {
        "所在地区": "青坪区", "品种": "曳引驱动乘客电梯", "楼盘": "青坪栖霞里", "使用单位": CUSTOMER, "维保单位": FIRM,
        "纬度": "30.69", "经度": "120.07", "应急救援电话": "96333",
    }  # fmt: skip
    next_on = clock.today() + DAY * 300
    for code in ("981501", "981502"):
        menu(unit, "电梯")
        follow(unit, "新增备案")
        address = f"青坪区栖霞路 2 号 {code[-1]} 幢"
        fill(unit, common | {"识别码": code, "地址": address, "下次检验日期": next_on.isoformat()})
        press(unit, "保存草稿")
        expect(unit.get_by_role("main")).to_contain_text("草稿已保存")
    # 3. 电梯信息删除: 单击删除按钮.
    press(unit, "删除草稿")
    expect(unit.get_by_role("main")).to_contain_text("草稿已删除")
    # 2. 电梯信息修改: 选中信息，单击编辑按钮，修改信息完毕后单击保存. 4. 单击查看.
    unit.goto("/elevators/?tab=every&q=981501")
    follow(unit, "981501")
    follow(unit, "修改")
    fill(unit, {"内部编号": "1#"})
    press(unit, "保存草稿")
    assert (fact(unit, "内部编号"), fact(unit, "楼盘")) == ("1#", "青坪栖霞里")
    shot(unit, "2.3.1 an elevator by hand")

    # 2.3.2 批量导入.
    lines = [
        common | {"识别码": f"98151{n}", "地址": f"青坪区栖霞路 2 号 {n + 5} 幢", "下次检验日期": next_on}
        for n in range(2)
    ]
    menu(unit, "电梯")
    file = sheet(unit, "电梯", lines, tmp_path / "电梯.xlsx")
    menu(unit, "电梯")
    upload(unit, "电梯", NEW_ONLY, file)
    assert (tab(unit, "新增"), tab(unit, "有错误")) == (2, 0)
    import_rows(unit, 2)

    # 2.3.3 电梯信息审核上报: 选中需要申报的电梯信息，单击审核上报.
    codes = ["981501", "981510", "981511"]
    unit.goto("/elevators/?tab=every")
    report_chosen(unit, "电梯", "9815", 3)
    assert [row["状态"] for row in rows(unit)] == ["审核中"] * 3, "the list is the one that was looked at"
    shot(unit, "2.3.3 three elevators reported")
    approve_all(officer, "elevator_filing", codes)

    # 3.1 电梯档案管理: 审核通过的电梯数据，可以查看、导出、历史查询.
    unit.goto("/elevators/?tab=every&q=9815")
    assert sorted(row["识别码"] for row in rows(unit)) == codes
    shot(unit, "3.1 the register of elevators")
    heads, *written = table(export(unit, XLSX))
    assert sorted(line[heads.index("识别码")] for line in written) == codes
    follow(unit, "981501")
    assert state(unit) != "待上报" and fact(unit, "使用单位") == CUSTOMER
    has_history(unit, "第 1 版")
    shot(unit, "3.1 an elevator's history")

    # 3.2 维保公司信息: 查看、导出、历史.
    menu(unit, "单位")
    assert len(search(unit, "单位", FIRM)) == 1
    heads, *written = table(export(unit, XLSX))
    assert len(written) == 1 and FIRM in written[0]
    go(unit.get_by_role("main").locator("tbody a").first)
    assert fact(unit, "资格证书编号") == "TS3398041-2030"
    has_history(unit, "请核对许可级别")
    shot(unit, "3.2 the unit's history")

    # 3.3 维保人员信息: 查看、导出、历史.
    unit.goto("/people/?tab=filed&q=T-2026-150")
    names = sorted(row["姓名"] for row in rows(unit))
    assert names == sorted([BY_HAND[0], *(name for name, _serial in BY_BOOK)])
    heads, *written = table(export(unit, XLSX))
    assert sorted(line[heads.index("姓名")] for line in written) == names
    follow(unit, BY_BOOK[0][0])
    has_history(unit, "第 2 版")
    expect(unit.get_by_role("main")).to_contain_text("维保班长")
    shot(unit, "3.3 a person's history")


def has_history(page: Any, words: str) -> None:
    """历史: every approved version, who changed what, who decided."""
    follow(page, "历史")
    expect(page.get_by_role("main")).to_contain_text(words)
