"""MNT-07 in the statistical report: what use units thought of visits, by maintenance unit, within scope."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openpyxl
import pytest

from app import clock, scope
from app.listing import moment
from app.listings.visits import VISITS
from app.reports import statistics, statistics_workbook
from app.reports.ratings import RATING_HEADS
from tests.factories import World
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("MNT-07", "STA-02")
DAY = dt.timedelta(days=1)


def build(world: World, who: str) -> statistics.Statistics:
    today = clock.today()
    with scope.acting(world.actor(who)):
        now = moment(world.session, world.actor(who))
        return statistics.build(now, statistics.Frame(None, today - 30 * DAY, today))


@pytest.fixture
def rated(world: World) -> World:
    today = clock.today()
    for days, word in ((3, "good"), (17, "poor"), (18, None), (29, "good"), (45, "poor")):
        add_visit(world.session, world.own, world.worker, today - days * DAY, rating=word)
    world.session.commit()
    return world


def test_each_number_is_what_the_list_of_visits_counts(rated: World) -> None:
    found = build(rated, "inspector")
    assert [(line.label, line.counts) for line in found.ratings] == [(rated.firm.name, (3, 2, 0, 1))]
    assert len(RATING_HEADS) == 4
    now = moment(rated.session, rated.actor("inspector"))
    for count, link in zip(found.ratings[0].counts, found.ratings[0].links, strict=True):
        query = VISITS.read(dict(parse_qsl(urlsplit(link).query)))
        assert not query.notices and VISITS.total(now, query) == count, link
    assert build(rated, "other_inspector").ratings == []
    assert build(rated, "maintenance_head").ratings[0].counts == (3, 2, 0, 1)


def test_the_page_and_the_workbook_show_them_where_there_are_any(
    app: Any, rated: World, sign_in: Any, tmp_path: Path
) -> None:
    page = sign_in(rated.accounts["inspector"]).get("/reports/").get_data(as_text=True)
    assert 'id="ratings"' in page and "基本满意" in page
    assert 'id="ratings"' not in sign_in(rated.accounts["other_inspector"]).get("/reports/").get_data(as_text=True)
    path = tmp_path / "x.xlsx"
    statistics_workbook.write(build(rated, "inspector"), path)
    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book["使用单位评价"][1]] == ["维保单位", *RATING_HEADS]
    assert [cell.value for cell in book["使用单位评价"][2]] == [rated.firm.name, 3, 2, 0, 1]


@pytest.mark.feature("RPR-01")
def test_reports_from_before_they_were_counted_prove_as_before(rated: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = build(rated, "inspector")
    monkeypatch.setattr(statistics, "ratings", lambda *_asked: [])
    before = build(rated, "inspector")
    assert now.ratings and not before.ratings and now.digest == before.digest
