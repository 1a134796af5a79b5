"""The statistical report as a workbook: a sheet a table, Excel's own charts beside them, the sheet 说明."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.models.choices import ELEVATOR_STATUS
from app.reports import rescues
from app.reports.enforcement import APPEAL_HEADS, DEED_HEADS, Line
from app.reports.exports import digest_of
from app.reports.ratings import RATING_HEADS
from app.reports.repairs import COUNTS
from app.reports.statistics import FORMULAS, Bar, Statistics, UnitLine, as_of_text
from app.reports.tables import open_workbook, write_note
from app.telling import told
from app.wording import say

# More units than these make no readable chart; the table has all of them.
UNITS_IN_CHART = 20
BLUE, ORANGE, GREEN, GREY = "#1A62A8", "#D58A00", "#12866A", "#75828D"
STATUS_COLOURS = {"in_use": GREEN, "suspended": ORANGE, "notified": BLUE, "scrapped": GREY}
NO_DATA = "无数据"
DIGEST_LABEL = "数字摘要 SHA-256"

REPAIR_HEAD = (
    "报修次数", "已处理", "未完成", "不及时", "其中困人", "未恢复运行", "平均接单用时（分钟）", "平均完成用时（分钟）",
)  # fmt: skip
HEAD = ("维保单位", "在用电梯", "脱保", "应维保", "完成", "超期", "其中已补做", "完成率（%）")


def write(found: Statistics, path: Path) -> None:
    """Write all figures; a workbook of an empty region says so instead of showing empty charts."""
    book = open_workbook(path, told("统计报表"), found.as_of)
    head = book.add_format({"bold": True, "bg_color": "#E7EFF7", "bottom": 1, "bottom_color": "#9FB6CC"})
    for title, label, bars in (
        ("按品种", "品种", found.kinds), ("按使用年限", "使用年限", found.ages), ("按状态", "状态", found.statuses),
        ("按使用场所", "使用场所", found.places),
    ):  # fmt: skip
        _breakdown(book, head, title, label, bars)
    _units(book, head, found)
    _rescues(book, head, found)
    _repairs(book, head, found)
    _deeds(book, head, "约谈与处罚", "类别", DEED_HEADS, found.deeds)
    _deeds(book, head, "申诉", "对象", APPEAL_HEADS, found.appeals)
    _deeds(book, head, "使用单位评价", "维保单位", RATING_HEADS, found.ratings)
    _more(book, head, found)
    write_note(book, note(found))
    book.close()


def note(found: Statistics) -> list[tuple[str, str]]:
    """What the figures are, as every export says it."""
    return [
        ("内容", "统计报表"),
        ("地区", found.region),
        ("统计期间", say("%(from_on)s 至 %(to_on)s", from_on=found.frame.from_on, to_on=found.frame.to_on)),
        ("数据截至", as_of_text(found)),
        ("政策版本", found.policy),
        ("行数", str(lines(found))),
        (DIGEST_LABEL, found.digest),
        *((say("口径：%(name)s", name=name), text) for name, text in FORMULAS),
    ]


def lines(found: Statistics) -> int:
    bars = len(found.kinds) + len(found.ages) + len(found.statuses) + len(found.places)
    cuts = sum(map(len, found.rescue_cuts.values()))
    repairs = len(found.repair_levels) + len(found.repair_causes)
    more = len(found.more.areas) + len(found.more.inspections) + len(_beside(found))
    return bars + len(found.units) + cuts + repairs + len(found.deeds) + len(found.appeals) + len(found.ratings) + more


def summary(found: Statistics, path: Path) -> dict[str, Any]:
    """The same as the note in short, for the record of the export, a job's result and the audit log."""
    return {
        "file": digest_of(path),
        "rows": lines(found), "sha256": found.digest, "policy": found.policy,
        "filter": say("地区：%(region)s；期间：%(from_on)s 至 %(to_on)s", region=found.region,
            from_on=found.frame.from_on, to_on=found.frame.to_on),
        "as_of": found.as_of.isoformat(timespec="seconds"),
    }  # fmt: skip


def _breakdown(book: Any, head: Any, title: str, label: str, bars: Sequence[Bar]) -> None:
    title = told(title)
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 6, 11)
    present = [s for s in ELEVATOR_STATUS if any(s in bar.statuses for bar in bars)]
    heads = [label, *(str(ELEVATOR_STATUS[s]) for s in present), "合计"]
    for column, text in enumerate(heads):
        sheet.write_string(0, column, told(text), head)
    sheet.freeze_panes(1, 0)
    if not bars:
        sheet.write_string(1, 0, told(NO_DATA))
        return
    for line, bar in enumerate(bars, 1):
        sheet.write_string(line, 0, told(bar.label))
        for column, status in enumerate(present, 1):
            sheet.write_number(line, column, bar.statuses.get(status, 0))
        sheet.write_number(line, len(present) + 1, bar.count)
    chart = book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, status in enumerate(present, 1):
        _series(chart, title, column, len(bars), STATUS_COLOURS.get(status, GREY))
    _finish(chart, say("%(title)s（台）", title=title), len(bars))
    sheet.insert_chart(0, len(heads) + 1, chart)


def _units(book: Any, head: Any, found: Statistics) -> None:
    title = told("按维保单位")
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, len(HEAD) - 1, 12)
    for column, text in enumerate(HEAD):
        sheet.write_string(0, column, told(text), head)
    sheet.freeze_panes(1, 1)
    if not found.units:
        sheet.write_string(1, 0, told(NO_DATA))
        return
    for line, unit in enumerate(found.units, 1):
        _unit(sheet, line, unit)
    _unit(sheet, len(found.units) + 1, found.sum, head)
    shown = min(len(found.units), UNITS_IN_CHART)
    chart = book.add_chart({"type": "bar", "subtype": "stacked"})
    _series(chart, title, HEAD.index("完成"), shown, GREEN)
    _series(chart, title, HEAD.index("超期"), shown, ORANGE)
    more = say("，超期最多的 %(shown)s 家", shown=shown) if shown < len(found.units) else ""
    _finish(chart, say("完成与超期（次%(more)s）", more=more), shown)
    sheet.insert_chart(0, len(HEAD) + 1, chart)


def rescue_heads(label: str) -> list[str]:
    """What stands above the columns of 救援: how it is cut, then each figure with its unit."""
    return [
        told(label),
        *(told(say("%(v)s（%(label)s）", v=str(one.label), label=str(one.unit))) if one.unit else str(one.label)
          for one in rescues.COLUMNS[1:]),
    ]  # fmt: skip


def _rescues(book: Any, head: Any, found: Statistics) -> None:
    """One sheet for all cuts of 救援, one below the other, with a chart of the hours."""
    title = told("救援")
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, len(rescues.COLUMNS), 12)
    if not found.rescued.total:
        sheet.write_string(0, 0, told(NO_DATA))
        return
    row, hours = 0, (0, 0)
    for name, cut in {"sum": [found.rescued], **found.rescue_cuts}.items():
        if not cut:
            continue
        label = "合计" if name == "sum" else str(rescues.BY[name])
        for column, text in enumerate(rescue_heads(label)):
            sheet.write_string(row, column, text, head)
        first = row + 1
        for line in cut:
            row += 1
            for column, one in enumerate(rescues.COLUMNS):
                value = one.value(line)
                if isinstance(value, str):
                    sheet.write_string(row, column, told(value))
                elif value is None:
                    sheet.write_string(row, column, told(NO_DATA))
                else:
                    sheet.write_number(row, column, value)
        if name == "hour":
            hours = (first, row)
        row += 2
    if hours[1]:
        chart = book.add_chart({"type": "column"})
        chart.add_series({
            "name": str(rescues.COLUMNS[1].label), "categories": [title, hours[0], 0, hours[1], 0],
            "values": [title, hours[0], 1, hours[1], 1], "fill": {"color": ORANGE}, "gap": 60,
        })  # fmt: skip
        chart.set_title({"name": told("救援次数，按报警时段"), "name_font": {"size": 12}})
        chart.set_legend({"none": True})
        chart.set_size({"width": 720, "height": 320})
        sheet.insert_chart(0, len(rescues.COLUMNS) + 1, chart)


def _deeds(
    book: Any, head: Any, title: str, label: str, heads: Sequence[str], found: Sequence[Line]
) -> None:  # fmt: skip
    """A sheet only where there is anything: a report of a quiet quarter stays as it was."""
    if not found:
        return
    sheet = book.add_worksheet(told(title))
    sheet.set_column(0, 0, 22)
    for column, text in enumerate((label, *heads)):
        sheet.write_string(0, column, told(text), head)
    sheet.freeze_panes(1, 0)
    for line, one in enumerate(found, 1):
        sheet.write_string(line, 0, told(one.label))
        for column, count in enumerate(one.counts, 1):
            sheet.write_number(line, column, count)


def _unit(sheet: Any, line: int, unit: UnitLine, style: Any = None) -> None:
    sheet.write_string(line, 0, told(unit.name), style)
    counts = (unit.elevators, unit.uncovered, unit.due, unit.done, unit.overdue, unit.made_up)
    for column, count in enumerate(counts, 1):
        sheet.write_number(line, column, count, style)
    if unit.rate is None:
        sheet.write_string(line, len(HEAD) - 1, told(NO_DATA), style)
    else:
        sheet.write_number(line, len(HEAD) - 1, unit.rate, style)


def _repairs(book: Any, head: Any, found: Statistics) -> None:
    """By level, and below by cause; no sheet where nothing was reported."""
    if not found.repair_levels:
        return
    title = told("报修与维修")
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, len(REPAIR_HEAD), 14)
    line = 0
    for label, rows in (("故障级别", found.repair_levels), ("故障原因", found.repair_causes)):
        for column, text in enumerate((label, *REPAIR_HEAD)):
            sheet.write_string(line, column, told(text), head)
        for row in rows:
            line += 1
            sheet.write_string(line, 0, told(row.name))
            for column, value in enumerate((*(getattr(row, n) for n in COUNTS), row.to_accept, row.to_end), 1):
                if value is not None:
                    sheet.write_number(line, column, value)
        line += 2
    chart = book.add_chart({"type": "bar", "subtype": "stacked"})
    _series(chart, title, 2, len(found.repair_levels), GREEN)
    _series(chart, title, 3, len(found.repair_levels), ORANGE)
    _finish(chart, say("%(title)s（次）", title=title), len(found.repair_levels))
    sheet.insert_chart(0, len(REPAIR_HEAD) + 2, chart)


def _more(book: Any, head: Any, found: Statistics) -> None:
    """Places, inspections, and what is a few numbers: sign-in, labels, complaints, scores."""
    areas = [(a.label, a.count) for a in found.more.areas]
    sheet = _sheet(book, head, "按地区", ("地区", "在册电梯"), areas)
    shown = areas[:UNITS_IN_CHART]
    more = say("，最多的 %(shown)s 处", shown=len(shown)) if len(shown) < len(areas) else ""
    _bars(book, sheet, "按地区", shown, {1: BLUE}, say("按地区（台%(more)s）", more=more))
    checked = [(i.label, i.passed, i.passed_again, i.failed, i.rate) for i in found.more.inspections]
    heads = ("类别", "合格", "复检合格", "不合格", "合格台次占比（%）")
    sheet = _sheet(book, head, "检验检测", heads, checked)
    title = say("%(title)s（台次）", title="检验检测")
    _bars(book, sheet, "检验检测", checked, {1: GREEN, 2: BLUE, 3: ORANGE}, title)
    _sheet(book, head, "签到、投诉和得分", ("项目", "数"), _beside(found))


def _beside(found: Statistics) -> list[tuple[Any, ...]]:
    s, c, scored = found.more.sign_in, found.more.complaints, found.more.scores
    return [
        ("扫码签到", s.by_label), ("已知签到方式", s.known), ("没有记录签到方式", s.unknown),
        ("扫码签到率（%）", s.rate), ("在册电梯", s.registered), ("标牌登记为完好的电梯", s.intact),
        ("期内扫到的电梯", s.seen), ("标牌完好或期内扫到的电梯", s.labelled), ("标牌覆盖率（%）", s.coverage),
        ("投诉总次数", c.total), ("处置及时", c.on_time), ("处置不及时", c.late),
        ("办理中", c.open), ("不属实", c.untrue),
        ("投诉及时率（%）", c.rate), ("参加排名的单位", scored.units if scored else None),
        ("最高得分", scored.best if scored else None), ("最低得分", scored.worst if scored else None),
    ]  # fmt: skip


def _bars(
    book: Any, sheet: Any, name: str, rows: Sequence[tuple[Any, ...]], colours: Mapping[int, str], title: str
) -> None:  # fmt: skip
    """Beside a table that begins with these rows, its columns of counts as bars; of nothing no chart."""
    if any(row[column] for row in rows for column in colours):
        chart = book.add_chart({"type": "bar", "subtype": "stacked"})
        for column, colour in colours.items():
            _series(chart, told(name), column, len(rows), colour)
        _finish(chart, title, len(rows))
        sheet.insert_chart(0, len(rows[0]) + 1, chart)


def _sheet(book: Any, head: Any, title: str, heads: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Any:
    """A plain table; what is nothing to count is 无数据."""
    sheet = book.add_worksheet(told(title))
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, len(heads) - 1, 14)
    for column, text in enumerate(heads):
        sheet.write_string(0, column, told(text), head)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, 1):
        sheet.write_string(line, 0, told(row[0]))
        for column, value in enumerate(row[1:], 1):
            if value is None:
                sheet.write_string(line, column, told(NO_DATA))
            else:
                sheet.write_number(line, column, value)
    return sheet


def _series(chart: Any, title: str, column: int, rows: int, colour: str) -> None:
    chart.add_series(
        {
            "name": [title, 0, column], "categories": [title, 1, 0, rows, 0],
            "values": [title, 1, column, rows, column], "fill": {"color": colour}, "gap": 60,
        }
    )  # fmt: skip


def _finish(chart: Any, title: str, rows: int) -> None:
    chart.set_title({"name": told(title), "name_font": {"size": 12}})
    # Excel draws bars from below; the table's first line belongs on top.
    chart.set_y_axis({"reverse": True, "major_gridlines": {"visible": False}})
    chart.set_x_axis({"major_gridlines": {"visible": True, "line": {"color": "#E3E9EC"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 720, "height": max(300, 110 + 30 * rows)})
