"""REP-03 on the pages: statistics, reports and workbooks count repairs as their lists do."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from app import clock
from app.listing import Moment
from app.reports import statistics, statistics_workbook
from app.transaction import transaction
from app.workflows.on_site.presence import Position
from app.workflows.repair import repair_work
from app.workflows.repair.repair_work import Ending
from tests.factories import World, make_elevator
from tests.views.repairs.ground import MINUTE, H, assigned, report

pytestmark = pytest.mark.feature("REP-03")


@pytest.mark.parametrize("by", ["unit", "elevator", "level", "cause"])
def test_statistics_count_as_their_lists_do(at: Any, world: World, by: str) -> None:
    done = assigned(world, ago=5 * H)
    for deed, n in ((repair_work.accept, 1), (repair_work.depart, 2)):
        with transaction(world.session):
            deed(world.session, world.actor("worker"), done.id, done.reported_at + n * H)
    with transaction(world.session):
        repair_work.start(world.session, world.actor("worker"), done.id, Position(), done.reported_at + 2 * H)
    with transaction(world.session):
        repair_work.end(
            world.session, world.actor("worker"), done.id, Ending("door", "调整", "", True), done.reported_at + 3 * H
        )
    report(world, level="running", ago=MINUTE)
    status, page = at("inspector", f"/repairs/statistics?by={by}")
    assert status == 200
    foot = re.search(r"<tfoot>(.*?)</tfoot>", page, re.S)
    assert foot is not None
    numbers = re.findall(r'class="num"[^>]*>\s*(?:<a[^>]*>)?\s*([^<\s][^<]*?)\s*<', foot[1])
    total = "1" if by == "cause" else "2"
    assert numbers[0] == total and numbers[1] == "1" and numbers[-1] == "3.0 小时"
    status, book = at("inspector", "/repairs/statistics/table", {"by": by, "format": "csv"})
    assert status == 200 and "平均完成用时" in book


def test_the_line_of_nobody_opens_its_list_and_no_other(at: Any, world: World) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.own.use_unit)
    world.session.commit()
    lone, theirs = report(world), report(world, elevator_id=other.id)
    lone.unit_id = None
    lone.due_at = theirs.due_at = clock.now() - MINUTE
    world.session.commit()
    page = at("inspector", "/repairs/statistics?by=unit")[1]
    row = page[page.index("没有维保单位") :].split("</tr>")[0]
    href = re.search(r'href="(/repairs/[^"]*tab=late[^"]*)"', row)
    assert href is not None and "f_no_unit=1" in href[1] and "f_unit" not in href[1]
    opened = at("inspector", href[1].replace("&amp;", "&"))[1]
    assert f'/repairs/{lone.id}"' in opened and f'/repairs/{theirs.id}"' not in opened
    unit = f"/repairs/statistics?by=unit&unit={world.firm.id}"
    foot = at("inspector", unit)[1].split("<tfoot>")[1]
    assert f"f_unit={world.firm.id}" in foot, "the sum is of the unit that was asked for"
    empty = at("inspector", "/repairs/statistics?by=unit&from_on=2001-01-01&to_on=2001-01-02")[1]
    assert "或换个地区、单位再试" in empty


@pytest.mark.feature("STA-02")
def test_the_report_of_the_region_has_repairs(at: Any, world: World) -> None:
    assert "报修次数" not in at("inspector", "/reports/")[1]
    report(world)
    page = at("inspector", "/reports/")[1]
    assert "报修次数" in page and "电梯故障停梯" in page


@pytest.mark.feature("STA-02")
def test_the_workbook_has_a_sheet_of_repairs_where_there_are_any(world: World, tmp_path: Path) -> None:
    now = clock.now()
    actor = world.actor("inspector")
    frame = statistics.Frame(actor.region_code, clock.local_day(now) - dt.timedelta(days=30), clock.local_day(now))

    def sheets() -> tuple[str, list[str], list[Any]]:
        found = statistics.build(Moment(world.session, actor, clock.local_day(now), now), frame)
        statistics_workbook.write(found, tmp_path / "x.xlsx")
        book = load_workbook(tmp_path / "x.xlsx")
        rows = list(book["报修与维修"].iter_rows(values_only=True)) if "报修与维修" in book.sheetnames else []
        return found.digest, book.sheetnames, rows

    bare, names, _rows = sheets()
    assert "报修与维修" not in names
    report(world)
    world.session.commit()
    told, names, rows = sheets()
    assert "报修与维修" in names and told != bare
    assert rows[0][:3] == ("故障级别", "报修次数", "已处理") and rows[1][:2] == ("电梯故障停梯", 1)


def test_home_and_menu_count_what_waits(at: Any, world: World) -> None:
    report(world)
    page = at("clerk", "/")[1]
    assert "未完成的维修" in page and "报修与维修" in page
    parts = re.findall(r'<a class="ta-nw" href="/repairs/\?tab=(\w+)">(.+?)</a>', page)
    assert parts == [("waiting", "待派工 1"), ("sent", "已派工 0"), ("ended", "待审批 0")]
    link = re.search(r'href="(/repairs/\?f_state=[^"]+)"><span class="t">未完成的维修</span><span class="n">1<', page)
    assert link is not None and "共 1 条" in at("clerk", link[1])[1]
    assert "未完成的维修" in at("use_head", "/")[1]
