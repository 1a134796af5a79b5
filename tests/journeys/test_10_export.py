"""Step 10: what a list shows is what its file holds; a large one becomes a job; a report counts a region's year."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect
from sqlalchemy import func, select

from app.models import Elevator, Visit
from tests.journeys.steps import download, fact, go, job_done, menu, press, read_csv, read_sheets, rows, total

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
    go(page.get_by_role("button", name="应用筛选"))
    page.locator("summary", has_text=re.compile("^列$")).click()
    for wanted in ("楼盘", "所在地区"):
        page.locator("details[open]").get_by_role("checkbox", name=wanted, exact=True).check()
    go(page.get_by_role("button", name="显示这些列"))
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


@pytest.mark.feature("STA-01", "RPR-01")
def test_a_large_list_becomes_a_job(product: Any, enter: Any, shot: Any) -> None:
    page = enter("区域管理员")
    with product.session() as session:
        count = session.scalar(select(func.count()).select_from(Visit))
    assert count > 5000, "more than goes out at once"
    menu(page, "维保记录")
    page.locator("summary", has_text="导出").click()
    press(page, XLSX)
    job_done(page)
    assert fact(page, "行数").replace(",", "") == str(count)
    shot(page, "a large export is a job with its file")
    lines = table(download(page, page.get_by_role("link", name="下载结果").click))
    assert len(lines) == count + 1


@pytest.mark.feature("STA-02", "RPR-01")
def test_a_report_counts_a_region_and_a_period(product: Any, enter: Any, shot: Any) -> None:
    page = enter("区域管理员")
    menu(page, "统计报表")
    page.get_by_role("combobox", name="地区").fill("临河")
    page.get_by_role("option", name=re.compile("^临河区")).first.click()
    go(page.get_by_role("button", name="统计", exact=True))
    year = page.get_by_role("link", name="本年")
    go(year)
    expect(page.locator(".ta-head p")).to_contain_text("临河区")
    shot(page, "report of a district and a year")
    shown = {
        part.locator(".t").inner_text(): part.locator(".n").inner_text().replace(",", "")
        for part in page.locator(".ta-figs > *").all()
    }  # fmt: skip
    # Rates, and what there is no data of, are no counts.
    figures = {word: int(figure) for word, figure in shown.items() if figure.isdigit()}
    assert figures["应维保"] == figures["完成"] + figures["超期"]
    units = rows(page, page.get_by_role("region", name="按维保单位").locator("table"))
    for head in ("应维保", "完成", "超期"):
        assert sum(int(row[head].replace(",", "")) for row in units[:-1]) == figures[head]
    with product.session() as session:
        known = session.scalar(
            select(func.count()).select_from(Elevator).where(
                Elevator.approved_version > 0, Elevator.region_code.startswith("980402"),
                Elevator.status != "scrapped",
            )
        )  # fmt: skip
    assert figures["在册电梯"] == known

    book = download(page, page.get_by_role("button", name="导出工作簿").click)
    sheets = read_sheets(book)
    kinds = sheets["按品种"]
    whole = kinds[0].index("合计")
    assert sum(line[whole] for line in kinds[1:]) == known
    assert {str(line[0]): line[1] for line in sheets["说明"]}["地区"] == "临河区"
    by_unit = sheets["按维保单位"]
    assert [str(cell) for cell in by_unit[0]][:3] == ["维保单位", "在用电梯", "脱保"]
    assert [line[0] for line in by_unit[1 : len(units) + 1]] == [row["维保单位"] for row in units]
    assert sum(len(sheet._charts) for sheet in load_workbook(book)) >= 1, "with a chart"
