"""ANO-03, APL-01 in the statistical report: counts by kind, each as its list counts, within the reader's scope."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openpyxl
import pytest
from sqlalchemy import select

from app import clock, scope
from app.listing import LISTINGS, moment
from app.models import OverduePeriod
from app.reports import enforcement as counted
from app.reports import statistics, statistics_workbook
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight.enforcement import Entry
from tests.factories import World
from tests.workflows.score_world import put_overdue

pytestmark = pytest.mark.feature("ANO-03", "STA-02")
DAY = dt.timedelta(days=1)
LISTS = {"/enforcement/": "enforcement", "/appeals/": "appeals"}


@pytest.fixture
def told(world: World) -> World:
    """Of the firm: a talk in force, a warning closed late, a talk withdrawn, a draft, an appeal upheld and one open."""
    now = clock.now()
    today = clock.local_day(now)

    def case(kind: str, *deeds: Any) -> None:
        with transaction(world.session):
            given = Entry(kind, today - 5 * DAY, "多次超期", "补做", reply_days=1)
            row = enforcement.draw_up(world.session, world.actor("inspector"), world.firm.id, given, now - 5 * DAY)
            for who, deed, *more in deeds:
                deed(world.session, world.actor(who), row.id, *more)

    issue = ("inspector", enforcement.issue, now - 5 * DAY)
    case("talk", issue)
    case("warning", issue, ("inspector", enforcement.close, "一直没有答复", now))
    case("talk", issue, ("inspector", enforcement.withdraw, "有误", now))
    case("talk")
    for days, decided in ((3, True), (2, False)):
        with transaction(world.session):
            row = put_overdue(world.session, world.own, world.firm, today - days * DAY)
            asked = appeals.submit(
                world.session, world.actor("clerk"), f"overdue_period-{row.id}", "停电", (), now - DAY
            )
            if decided:
                applications.decide(
                    world.session, world.actor("inspector"), asked.id, "approve", "属实", asked.row_version, now
                )
    return world


def build(world: World, who: str) -> statistics.Statistics:
    today = clock.today()
    with scope.acting(world.actor(who)):
        now = moment(world.session, world.actor(who))
        return statistics.build(now, statistics.Frame(None, today - 30 * DAY, today))


def test_each_number_is_what_its_list_counts(told: World) -> None:
    found = build(told, "inspector")
    assert [(line.label, line.counts) for line in found.deeds] == [
        ("约谈", (1, 1, 0, 0, 0, 1)), ("警告", (1, 0, 0, 1, 1, 0)),
    ]  # fmt: skip
    assert [(line.label, line.counts) for line in found.appeals] == [("超期记录", (2, 1, 1, 0, 0))]
    assert len(counted.DEED_HEADS) == 6 and len(counted.APPEAL_HEADS) == 5
    now = moment(told.session, told.actor("inspector"))
    for line in (*found.deeds, *found.appeals):
        for count, link in zip(line.counts, line.links, strict=True):
            if link:
                path, asked = urlsplit(link).path, dict(parse_qsl(urlsplit(link).query))
                listing = LISTINGS[LISTS[path]]
                query = listing.read(asked)
                assert not query.notices and listing.total(now, query) == count, link


def test_within_scope_and_none_where_there_is_none(told: World) -> None:
    assert build(told, "maintenance_head").deeds == build(told, "inspector").deeds
    other = build(told, "other_inspector")
    assert other.deeds == [] and other.appeals == []
    assert told.session.scalar(select(OverduePeriod.id).limit(1)) is not None


def test_the_workbook_has_a_sheet_of_each(told: World, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    statistics_workbook.write(build(told, "inspector"), path)
    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book["约谈与处罚"][1]] == ["类别", *counted.DEED_HEADS]
    assert [cell.value for cell in book["约谈与处罚"][2]] == ["约谈", 1, 1, 0, 0, 0, 1]
    assert [cell.value for cell in book["申诉"][2]] == ["超期记录", 2, 1, 1, 0, 0]
    statistics_workbook.write(build(told, "other_inspector"), path)
    assert "申诉" not in openpyxl.load_workbook(path).sheetnames
