"""Days of the working calendar from a workbook: 日期, 上班或放假, 名称; every row's every error at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.errors import Finding, Refusal, refuse
from app.imports.columns import plain_heading
from app.imports.reading import cells_of
from app.rules.calendar import day_finding
from app.telling import everywhere
from app.wording import say, together
from app.workflows.approval.calendars import LONGEST_NAME, MOST_DAYS, Day

HEADINGS = ("日期", "类型", "名称")
WORKED = {"上班": True, "调休上班": True, "工作日": True, "放假": False, "休息": False, "节假日": False}
COLUMNS = "列名为：日期、类型（上班或放假）、名称"
FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日")


def read(path: Path, name: str) -> list[Day]:
    """The days of a file, or a refusal that names every wrong cell by its row as in Excel."""
    table = cells_of(path, name)
    # Our own words in every language: whoever reads the page in English fills the file in English.
    known = {plain_heading(told): word for word in HEADINGS for told in everywhere(word)}
    at = next((n for n, row in enumerate(table[:10]) if "日期" in _headings(row, known)), None)
    if at is None:
        raise refuse("表头", "前 10 行里没有“日期”这一列", COLUMNS, field="file")
    headings = _headings(table[at], known)
    missing = [word for word in HEADINGS[:2] if word not in headings]
    if missing:
        raise refuse(
            "表头",
            say("缺少列：%(names)s", names=together(missing)),
            COLUMNS,
            field="file",
        )
    kinds = {told.casefold(): worked for word, worked in WORKED.items() for told in everywhere(word)}
    days: dict[dt.date, Day] = {}
    findings: list[Finding] = []
    for number, row in enumerate(table[at + 1 :], at + 2):
        cells = dict(zip(headings, row, strict=False))
        if all(cells.get(word) in (None, "") for word in HEADINGS):
            continue
        day = _row(number, cells, days, kinds, findings)
        if day is not None:
            days[day.on] = day
    if not days and not findings:
        raise refuse("数据", "只有表头，没有数据行", "请从表头下一行起填写", field="file")
    if len(days) > MOST_DAYS:
        findings.append(
            Finding(
                "行数",
                False,
                say("共 %(count)s 天", count=len(days)),
                say("一次最多 %(most_days)s 天", most_days=MOST_DAYS),
                field="file",
            )
        )
    if findings:
        raise Refusal(findings)
    return list(days.values())


def _headings(row: Sequence[Any], known: Mapping[str, str]) -> list[str]:
    return [known.get(heading, heading) for heading in map(plain_heading, row)]


def _row(
    number: int, cells: dict[str, Any], days: dict[dt.date, Day], kinds: Mapping[str, bool], findings: list[Finding]
) -> Day | None:
    on, kind = _day(cells.get("日期")), str(cells.get("类型") or "").strip()
    name = str(cells.get("名称") or "").strip()
    wrong = []
    if on is None:
        wrong.append(("日期", say("“%(a)s”不是日期", a=cells.get("日期") or ""), "请按 2026-10-01 的格式填写"))
    elif not day_finding(on, "on", "日期").ok:
        wrong.append(("日期", say("%(on)s 超出范围", on=on.isoformat()), "请核对年份"))
    elif on in days:
        wrong.append(("日期", say("%(on)s 在文件中出现两次", on=on.isoformat()), "请只留一行"))
    if kind.casefold() not in kinds:
        wrong.append(("类型", say("“%(kind)s”不是上班或放假", kind=kind), "请填写“上班”或“放假”"))
    if len(name) > LONGEST_NAME:
        wrong.append(
            (
                "名称",
                say("有 %(count)s 个字", count=len(name)),
                say("最多 %(longest_name)s 个字", longest_name=LONGEST_NAME),
            )
        )
    for column, found, remedy in wrong:
        findings.append(
            Finding(
                say("第 %(number)s 行 %(column)s", number=number, column=column),
                False,
                found,
                remedy,
                field="file",
                value=str(number),
            )
        )
    return None if wrong or on is None else Day(on, kinds[kind.casefold()], name)


def _day(cell: Any) -> dt.date | None:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    text = str(int(cell)) if isinstance(cell, float) and cell == int(cell) else str(cell or "").strip()
    for form in FORMS:
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
    return None
