"""A register of another country's city comes in through the wizard: columns, units of measure, dates and words matched
by hand once, its bad rows mended in their own workbook and sent again, and all of it taken back at the end."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect
from sqlalchemy import func, select

from app.models import Elevator
from tests.imports import foreign_register as register
from tests.journeys.steps import download, go, job_over, menu, press, read_sheets
from tests.journeys.test_13_quanzhou_chapters_3_4 import import_rows, tab

ROWS, SEED = 300, 6
PLACE = re.compile("临河区$")
STATUS = {"Sealed by order": "停用", "n/a": "留空"}
KIND = {"Personnel Hoist": "强制驱动载货电梯", "Handicap Lift": "曳引驱动乘客电梯"}


def send(page: Any, file: Path) -> None:
    menu(page, "导入")
    page.get_by_role("radio", name=re.compile("^电梯")).check()
    page.get_by_label("文件").set_input_files(file)
    press(page, "上传并校验")
    job_over(page)
    expect(page.locator(".imp-sheet")).to_be_visible()


def column(page: Any, heading: str) -> Any:
    """A line of the columns' card, by its heading in the file."""
    return page.locator(".imp-map > [role=listitem]").filter(has=page.get_by_text(heading, exact=True))


def explain(page: Any, field: str, words: dict[str, Any]) -> None:
    """Say what words of the file mean; '' is a blank cell."""
    box = page.locator(".imp-field").filter(has=page.get_by_role("heading", name=re.compile(f"^{field}")))
    for word, meaning in words.items():
        line = box.locator("label").filter(has_text=re.compile(rf"^\s*{re.escape(word or '空着的格')}\s+\d+ 行"))
        if isinstance(meaning, re.Pattern):
            meaning = next(text for text in line.locator("option").all_inner_texts() if meaning.search(text))
        line.locator("select").select_option(label=meaning)


def mended(source: Path) -> Path:
    """Each wrong cell put right in the workbook of bad rows, by what stands in its last column."""
    book = load_workbook(source)
    sheet: Any = book.worksheets[0]
    at = {name: n for n, name in enumerate(register.HEADINGS, 1)}
    for row in range(2, sheet.max_row + 1):
        wrong = str(sheet.cell(row, sheet.max_column).value)
        if "没有填写" in wrong and not str(sheet.cell(row, 1).value or "").strip():
            sheet.cell(row, 1, f"NL-9{row:05d}")
        if "不止一次" in wrong and "(rear)" in str(sheet.cell(row, at["STREET_NAME"]).value):
            sheet.cell(row, 1, f"{sheet.cell(row, 1).value.strip()}-R")
        if "投用日期" in wrong:
            sheet.cell(row, at["Approval Date"], "15-Jan-2020")
        if "额定载重量" in wrong:
            sheet.cell(row, at["LOAD_LBS"], "1000 kg")
        if "所在地区" in wrong:
            sheet.cell(row, at["Borough"], register.BOROUGHS[0])
        if "地址" in wrong:
            sheet.cell(row, at["STREET_NAME"], "Quay St")
    book.save(source)
    return source


def count_of(product: Any) -> int:
    with product.session() as session:
        return int(session.scalar(select(func.count()).where(Elevator.code.like("NL-%"))))


@pytest.mark.feature("IMP-01", "IMP-03")
def test_a_foreign_register_is_matched_imported_mended_and_undone(
    product: Any, enter: Any, tmp_path: Path, shot: Any
) -> None:
    made = list(register.lines(ROWS, SEED))
    fates = Counter(line.fate for line in made)
    register.write(tmp_path / "register.xlsx", iter(made))
    page = enter("区域管理员")

    # Upload: what the product knows by itself is said, what it does not is asked.
    send(page, tmp_path / "register.xlsx")
    assert tab(page, "有错误") > ROWS / 2, "places and some words are nobody's own yet"
    chosen = "select >> nth={} >> option:checked"
    expect(column(page, "Equipment ID").locator(chosen.format(0))).to_contain_text("识别码")
    expect(column(page, "LOAD_LBS").locator(chosen.format(1))).to_contain_text("磅")
    shot(page, "columns, units of measure and words to confirm")

    # Mapping and values.
    column(page, "Machine").locator("select").first.select_option(label="备注")
    column(page, "Floors").get_by_role("checkbox").check()
    for name in ("commissioned_on", "inspected_on"):
        page.locator(f"select[name=order-{name}]").select_option(label="日/月/年")
    explain(page, "所在地区", dict.fromkeys(register.PLACES, PLACE))
    explain(page, "申报状态", STATUS)
    explain(page, "品种", KIND)
    press(page, "按这样重新校验")
    job_over(page)
    expect(page.locator(".imp-sheet")).to_be_visible()

    # Preview: every row is accounted for, its errors told by cell.
    told = {label: tab(page, label) for label in ("有错误", "新增", "更新", "无变化")}
    good, repeat, bad = fates[register.GOOD], fates[register.REPEAT], fates[register.BAD]
    assert told == {"有错误": bad, "新增": good, "更新": 0, "无变化": repeat}
    wrong = page.locator(".imp-sheet td.bad")
    for cell in ("2,500 stone", "32-Dec-2020", "Atlantis"):
        expect(wrong.filter(has_text=cell).first).to_be_visible()
    shot(page, "preview with every error by cell")
    go(page.get_by_role("navigation", name="分类").get_by_role("link", name=re.compile("^新增")))
    expect(page.locator(".imp-sheet tbody tr").first).to_contain_text("Quay St")
    assert count_of(product) == 0, "nothing is written before it is asked for"
    import_rows(page, good)
    first = page.url
    assert count_of(product) == good
    shot(page, "imported")

    # The rows that did not go in, mended in their own workbook: the choices are remembered.
    file = download(page, page.get_by_role("link", name=f"下载有错误的 {bad} 行").click)
    assert len(next(iter(read_sheets(file).values()))) == bad + 1
    send(page, mended(file))
    assert (tab(page, "新增"), tab(page, "有错误")) == (bad, 0), page.locator(".imp-sheet").inner_text()
    import_rows(page, bad)
    assert count_of(product) == good + bad

    # Both files are taken back.
    for address in (page.url, first):
        page.goto(address)
        page.get_by_role("button", name="撤销这批导入").click()
        go(page.get_by_role("dialog").get_by_role("button", name="撤销这批导入"))
        job_over(page)
        tabs = page.get_by_role("navigation", name="分类")
        expect(tabs.get_by_role("link", name=re.compile("^已撤销"))).to_be_visible()
    assert (tab(page, "已撤销"), tab(page, "未撤销")) == (good, 0)
    shot(page, "undone")
    assert count_of(product) == 0
