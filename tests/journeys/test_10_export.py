"""Step 10: what a list shows is what its file holds; a large one becomes a job; a report counts a region's year."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import download, menu, read_csv, read_sheets, rows, total

XLSX, CSV = "Excel 工作簿（.xlsx）", "文本（.csv）"
LISTS = ["单位", "人员与证书", "维保合同", "设备履历", "维保任务", "维保计划", "超期记录", "账号"]


def export(page: Any, kind: str) -> Path:
    """Press 导出 and a format."""
    button = page.get_by_role("button", name=kind)
    if not button.is_visible():
        page.locator("summary", has_text="导出").click()
    return download(page, button.click)


def table(path: Path) -> list[list[Any]]:
    return next(iter(read_sheets(path).values()))


@pytest.mark.feature("STA-01", "RPR-01", "ELV-02")
def test_a_file_holds_what_the_list_shows(product: Any, enter: Any, shot: Any) -> None:
    page = enter("区域管理员")
    menu(page, "电梯")
    page.locator("summary", has_text="筛选").click()
    panel = page.locator("details[open]")
    panel.get_by_label("状态", exact=True).select_option(label="停用")
    page.get_by_role("button", name="应用筛选").click()
    page.wait_for_load_state()
    page.locator("summary", has_text=re.compile("^列$")).click()
    for wanted in ("楼盘", "所在地区"):
        page.locator("label.ta-check", has_text=re.compile(f"^ ?{wanted}$")).get_by_role("checkbox").check()
    page.get_by_role("button", name="显示这些列").click()
    page.wait_for_load_state()
    shown, count = rows(page), total(page)
    assert 0 < count == len(shown) < 30
    assert {row["状态"] for row in shown} == {"停用"}
    shot(page, "elevators, filtered, with chosen columns")

    book, text = export(page, XLSX), export(page, CSV)
    heads, *lines = table(book)
    assert heads == [head for head in shown[0] if head], "the columns that were chosen, in their order"
    assert [line[heads.index("识别码")] for line in lines] == [row["识别码"] for row in shown]
    assert {line[heads.index("状态")] for line in lines} == {"停用"}
    written = read_csv(text)
    assert written[0] == heads
    assert len(written) == count + 1

    note = {str(line[0]): str(line[1]) for line in read_sheets(book)["说明"] if line[0]}
    assert note["行数"] == str(count)
    assert note["状态"] == "停用"
    assert note["数据范围"] == "澜州市及其下级"
    digest = next(value for key, value in note.items() if "SHA-256" in key)
    assert digest == hashlib.sha256(text.read_bytes()).hexdigest(), "the same table has the same digest"


@pytest.mark.feature("STA-01")
def test_every_list_goes_to_a_workbook(product: Any, enter: Any) -> None:
    page = enter("区域管理员")
    for title in LISTS:
        menu(page, title)
        count = total(page)
        heads, *lines = table(export(page, XLSX))
        assert len(lines) == count, title
        assert heads == [head for head in rows(page)[0] if head], title
    phone = heads.index("手机") if "手机" in heads else None
    if phone is not None:
        assert not [line for line in lines if line[phone] and "*" not in str(line[phone])], "phones stay masked"
    expect(page.get_by_role("main")).to_be_visible()
