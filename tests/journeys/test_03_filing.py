"""Step 3: a new maintenance unit files itself, a customer and elevators: by form first, then many from a workbook."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect

from app import clock
from app.models import Elevator
from tests.journeys.steps import (
    change_first_password,
    download,
    fact,
    follow,
    go,
    job_over,
    menu,
    press,
    profile,
    read_sheets,
    rows,
    search,
    sign_in,
    uscc,
)
from tests.journeys.test_02_accounts import make_unit
from tests.journeys.test_04_approval import decide, open_from_queue

NEW = 120
FIRM, CUSTOMER = "澜州踏莎电梯有限公司", "青坪望舒物业服务有限公司"


def short(name: str) -> str:
    """A company as lists name it."""
    return name.removesuffix("有限公司")


def fill(page: Any, values: dict[str, Any]) -> None:
    """Type into a filing form by its labels; a bool ticks a box."""
    form = page.locator("form.ta-filing")
    for label, value in values.items():
        box = form.get_by_label(re.compile(rf"^\s*{label}(（.*）)?\s*$"))
        if value is True:
            box.check()
        elif label in ("所在地区", "品种", "使用场所"):
            box.select_option(label=value)
        else:
            box.fill(str(value))


def approve(officer: Any, words: str, kind: str = "") -> None:
    open_from_queue(officer, words, kind)
    decide(officer, "同意")


@pytest.fixture(scope="module")
def firm(product: Any, browser: Any) -> tuple[str, str]:
    """The main account of a unit that the administrator has just made: login name and first password."""
    context = profile(browser, base_url=product.address, locale="zh-CN")
    login = product.login("区域管理员")
    try:
        return make_unit(sign_in(context.new_page(), login.name, login.password), "维保单位", FIRM, uscc(31))
    finally:
        context.close()


@pytest.mark.feature("UNT-01", "UNT-02", "UNT-05", "UNT-06", "UNT-07", "ELV-01", "ELV-04")
def test_a_new_unit_files_itself_and_its_first_elevator(
    product: Any, firm: tuple[str, str], enter: Any, open_page: Any, shot: Any
) -> None:
    today = clock.today()
    unit, officer = open_page(), enter("区域管理员")
    sign_in(unit, *firm)
    change_first_password(unit, firm[1])
    follow(unit, "完善单位备案并上报")
    expect(unit.get_by_role("heading", level=1)).to_contain_text(FIRM)
    shot(unit, "what is still missing stands on the page")
    follow(unit, "修改")
    fill(unit, {"企业地址": "青坪区知春路 6 号", "资格证书编号": "TS3398031-2030", "许可级别": "A2"})
    press(unit, "保存并上报")
    expect(unit.get_by_role("main")).to_contain_text("草稿已保存，还不能上报")
    told = unit.get_by_role("alert").filter(has_text="许可有效期至没有填写")
    expect(told.get_by_role("link", name="许可有效期至")).to_be_visible()
    assert unit.get_by_label("许可级别").input_value() == "A2", "nothing typed is lost"
    shot(unit, "one field is missing")
    fill(unit, {"许可有效期至": (today + dt.timedelta(days=900)).isoformat()})
    press(unit, "保存并上报")
    approve(officer, FIRM)

    menu(unit, "单位")
    follow(unit, "登记单位")
    fill(unit, {
        "统一社会信用代码": uscc(32)[:-1] + "?", "单位名称": CUSTOMER, "所在地区": "青坪区",
        "企业地址": "青坪大道 8 号", "使用单位": True, "负责人": "顾清和", "负责人手机": "19905553201",
        "安全管理员": "林映川", "安全管理员电话": "19905553202",
    })  # fmt: skip
    press(unit, "保存并上报")
    expect(unit.get_by_role("main")).to_contain_text("统一社会信用代码")
    fill(unit, {"统一社会信用代码": uscc(32)})
    press(unit, "保存并上报")
    expect(unit.get_by_role("main")).to_contain_text("已上报，等待审核")
    approve(officer, CUSTOMER)

    menu(unit, "电梯")
    follow(unit, "新增备案")
    fill(unit, {
        "识别码": "981001", "所在地区": "青坪区", "品种": "曳引驱动乘客电梯", "地址": "青坪大道 8 号 1 幢",
        "楼盘": "青坪望舒苑", "使用单位": CUSTOMER, "维保单位": FIRM, "纬度": "30.68", "经度": "120.06",
        "下次检验日期": (today + dt.timedelta(days=300)).isoformat(), "应急救援电话": "96333",
    })  # fmt: skip
    press(unit, "保存草稿")
    expect(unit.get_by_role("main")).to_contain_text("草稿已保存")
    press(unit, "审核上报")
    shot(unit, "an elevator by form, filed")
    approve(officer, "981001")
    menu(officer, "电梯")
    search(officer, "电梯", "981001")
    found = rows(officer)
    shown = [(row["识别码"], row["维保单位"], row["使用单位"]) for row in found]
    assert shown == [("981001", short(FIRM), short(CUSTOMER))]
    follow(officer, "981001")
    assert fact(officer, "楼盘") == "青坪望舒苑"
    shot(officer, "the elevator is on the register")


@pytest.mark.feature("IMP-01")
def test_many_elevators_come_from_a_workbook(product: Any, enter: Any, tmp_path: Any, shot: Any) -> None:
    known = product.spare[11]
    with product.session() as session:
        lift = session.get(Elevator, known.id)
        use_unit, place = lift.use_unit.name, f"临河区{lift.region.name}"
    page = enter("维保单位负责人")
    menu(page, "导入")
    page.get_by_label("电梯").check()
    blank = download(page, page.locator("label", has_text="识别码、").get_by_role("link", name="下载模板").first.click)
    heads = [str(cell) for cell in next(iter(read_sheets(blank).values()))[0] if cell]
    assert {"识别码", "品种", "地址", "所在地区", "使用单位", "应急救援电话"} <= set(heads)

    wanted = ("应急救援电话", "识别码", "品种", "地址", "所在地区", "使用单位")
    book = Workbook()
    book.active.append(wanted)
    for number in range(NEW):
        book.active.append(
            ("96333", f"982{number:03d}", "曳引驱动乘客电梯", f"揽月街 {number + 1} 号", place, use_unit)
        )
    book.active.append(("0398-5559000", known.code, "曳引驱动乘客电梯", known.address, place, use_unit))
    book.active.append(("96333", "982999", "飞行电梯", "揽月街 999 号", "没有这个区", use_unit))
    file = tmp_path / "电梯.xlsx"
    book.save(file)
    page.get_by_label("文件").set_input_files(file)
    press(page, "上传并校验")
    job_over(page)
    sheet = page.locator(".imp-sheet")
    expect(sheet).to_be_visible()
    expect(page.get_by_role("link", name=f"新增 {NEW}", exact=True)).to_be_visible()
    wrong = sheet.locator("td.bad").all_inner_texts()
    assert [cell.split("\n")[0] for cell in wrong] == ["飞行电梯", "没有这个区"], "every error of the row, by cell"
    assert sheet.locator("tbody th").all_inner_texts() == [str(NEW + 3)]
    assert page.get_by_label("品种 对应的字段").locator("option:checked").inner_text() == "品种 *"
    shot(page, "every error by row and column, nothing written yet")
    bad = download(page, page.get_by_role("link", name=re.compile("下载有错误的 1 行")).click)
    lines = next(iter(read_sheets(bad).values()))
    assert any("982999" in map(str, line) for line in lines)

    go(page.get_by_role("link", name=re.compile("^更新")).first)
    assert "0398-5559000\n96333" in page.locator(".imp-sheet td.was").all_inner_texts()
    shot(page, "what would change, old and new")
    go(page.get_by_role("button", name=re.compile("^导入 ")))
    job_over(page)
    done = page.locator(".imp-sum div", has_text="已导入").locator("b").first
    expect(done).to_have_text(str(NEW + 1))
    shot(page, "imported")
    menu(page, "电梯")
    go(page.get_by_role("navigation", name="电梯", exact=True).get_by_role("link", name="全部"))
    search(page, "电梯", "982016")
    assert [(row["地址"], row["使用单位"]) for row in rows(page)] == [
        ("揽月街 17 号 曳引驱动乘客电梯", short(use_unit))
    ]
