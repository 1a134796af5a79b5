"""CMP-04, RES-05: each number of the statistics of complaints and rescues is the length of the list behind it."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from app import clock, scope
from app.listing import moment
from app.listings.complaints import COMPLAINTS
from app.listings.rescues import RESCUES
from app.models import Complaint, ExportRecord, Rescue
from app.models.region import digits_below
from app.permissions import SYSTEM, Role
from app.reports import asked as over_days
from app.reports import complaints, rescues
from app.reports.asked import Asked
from app.transaction import transaction
from app.workflows.public import complaints as course
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator, make_policy, region
from tests.statements import statements
from tests.views.rescue.ground import freed, report

CITY, DISTRICT, OTHER = "980400000000", "980402000000", "980403000000"
H = dt.timedelta(hours=1)


def listed(session: Any, actor: Any, listing: Any, href: str) -> int:
    """How many rows the list has that an address opens, for whoever looks."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(href).query, keep_blank_values=True).items()}
    query = listing.read(asked)
    assert not query.notices, (href, query.notices)
    assert set(asked) - {"tab"} == set(query_names(query)), href
    with scope.acting(actor):
        return int(listing.total(moment(session, actor), query))


def query_names(query: Any) -> list[str]:
    """The parameters that a query was narrowed by."""
    found = []
    for name, value in query.filters.items():
        if isinstance(value, tuple):
            found += [f"f_{name}_{tail}" for tail, day in zip(("from", "to"), value, strict=True) if day]
        else:
            found.append(f"f_{name}")
    return found


@pytest.fixture
def world(world: World) -> World:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code=CITY)
    make_policy(world.session, "rescue_desk_minutes", 2)
    world.session.commit()
    return world


@pytest.fixture
def spread(world: World) -> World:
    """Complaints in whatever state over three places, one of them of nobody, and over a year."""
    rng, now = random.Random(5), clock.now()
    session = world.session
    far = make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.other_use_unit, region_code=OTHER)
    nobody = make_elevator(session, region_code=DISTRICT)
    session.commit()
    for n in range(60):
        lift = rng.choice((world.own, far, nobody))
        kinds = rng.sample(["shaking", "noise", "doors", "other"], rng.randint(1, 3))
        with transaction(session):
            begun = now - rng.choice((10, 300, 900, 3000, 6000)) * H - n * H
            form = {"name": "甲", "phone": f"1390000{n:04d}", "body": "第 三 件"}
            row = course.complain(session, lift, form, kinds, (), begun, None)
            if row.unit_id is None or rng.random() < 0.3:
                continue
            course.close(session, world.actor("platform_admin"), row.id, "办结", rng.random() < 0.5, begun + H)
        if rng.random() < 0.5:
            session.get(Complaint, row.id).late_steps = rng.choice(("accept", None))
            session.commit()
    # Whatever its state, the lists and the statistics judge what stands in the row.
    for row in session.query(Complaint).filter(Complaint.state == "closed", Complaint.id % 2 == 0):
        row.is_untrue, row.reviewed_at = False, row.complained_at + 2 * H
    session.commit()
    return world


@pytest.mark.feature("CMP-04")
@pytest.mark.parametrize("place", [None, CITY, DISTRICT])
def test_each_number_of_complaints_opens_as_many(spread: World, place: str | None) -> None:
    actor, today = spread.actor("platform_admin"), clock.today()
    for by in complaints.BY:
        asked = Asked(by, today - dt.timedelta(days=200), today, None, place)
        lines = complaints.lines(spread.session, actor, asked, clock.now())
        whole = complaints.whole(spread.session, actor, asked, clock.now())
        assert lines and whole.total and whole.late and whole.on_time and whole.open and whole.untrue
        for line in (*lines, whole):
            links = complaints.links_of(asked, line)
            assert set(links) == {"total", "late", "on_time", "open", "untrue"}, line
            for name, href in links.items():
                assert listed(spread.session, actor, COMPLAINTS, href) == getattr(line, name), (line, name, href)
        several = sum(line.total for line in lines)
        assert several == whole.total if by != "kind" else several > whole.total, by


@pytest.mark.feature("CMP-04")
def test_an_estate_narrows_every_cut_and_each_number_opens_as_many(spread: World) -> None:
    """Huzhou 1.8.2: 所属楼盘, by a part of its name; `%` is no word of the database's."""
    actor, today = spread.actor("platform_admin"), clock.today()
    spread.own.estate = "滨江花园 南区"
    spread.session.commit()
    since = today - dt.timedelta(days=300)
    all_of = complaints.whole(spread.session, actor, Asked("unit", since, today), clock.now())
    for by in complaints.BY:
        asked = Asked(by, since, today, estate="滨江 南区")
        lines = complaints.lines(spread.session, actor, asked, clock.now())
        whole = complaints.whole(spread.session, actor, asked, clock.now())
        assert lines and 0 < whole.total < all_of.total, by
        for line in (*lines, whole):
            for name, href in complaints.links_of(asked, line).items():
                assert "f_estate=" in href
                assert listed(spread.session, actor, COMPLAINTS, href) == getattr(line, name), (line, name, href)
        for words in ("没有", "%", "滨江 北区"):
            assert complaints.lines(spread.session, actor, replace(asked, estate=words), clock.now()) == [], words


@pytest.mark.feature("CMP-04")
def test_the_page_asks_for_an_estate_and_its_table_says_so(spread: World, sign_in: Any) -> None:
    spread.own.estate = "滨江花园"
    spread.session.commit()
    browser = sign_in(spread.accounts["region_admin"])
    page = browser.get("/complaints/statistics?by=elevator&estate=滨江%20&region=" + DISTRICT).text
    assert 'value="滨江"' in page and spread.own.code in page and "estate=%E6%BB%A8%E6%B1%9F" in page
    assert "没有投诉" in browser.get("/complaints/statistics?estate=nowhere").text
    assert 'name="estate"\n' not in browser.get("/rescues/statistics?estate=x").text
    form = {"by": "elevator", "estate": "滨江", "format": "csv", "csrf_token": csrf(browser, "/complaints/statistics")}
    table = browser.post("/complaints/statistics/table", data=form).get_data(as_text=True)
    assert spread.own.code in table and table.count("\n") <= 3
    spread.session.rollback()
    assert "estate=%E6%BB%A8%E6%B1%9F" in spread.session.scalars(select(ExportRecord)).one().query


@pytest.mark.feature("CMP-04")
def test_a_use_unit_or_an_elevator_narrows_every_cut(spread: World, sign_in: Any) -> None:
    """Huzhou 1.8.2: 使用单位, 电梯唯一码."""
    session, actor, today = spread.session, spread.actor("platform_admin"), clock.today()
    whole = Asked("unit", today - dt.timedelta(days=300), today)
    all_of = complaints.whole(session, actor, whole, clock.now()).total
    for narrowed in (replace(whole, use_unit_id=spread.use_unit.id), replace(whole, elevator_id=spread.own.id)):
        for by in complaints.BY:
            asked = replace(narrowed, by=by)
            lines, all_ = (told(session, actor, asked, clock.now()) for told in (complaints.lines, complaints.whole))
            assert lines and 0 < all_.total < all_of, by
            for line in (*lines, all_):
                for name, href in complaints.links_of(asked, line).items():
                    assert listed(session, actor, COMPLAINTS, href) == getattr(line, name), (line, name, href)
    browser = sign_in(spread.accounts["region_admin"])
    more = {"use_unit": str(spread.use_unit.id), "elevator": str(spread.own.id)}
    page = browser.get("/complaints/statistics?" + urlencode(more | {"by": "elevator"})).text
    assert f"use_unit={spread.use_unit.id}&amp;elevator={spread.own.id}" in page, "the other cuts stay with it"
    assert spread.use_unit.name in page and page.count(f'value="{spread.own.id}"') >= 2
    form = {"by": "elevator", "format": "csv", "csrf_token": csrf(browser, "/complaints/statistics")} | more
    table = browser.post("/complaints/statistics/table", data=form).get_data(as_text=True)
    assert spread.own.code in table and table.count("\n") <= 3
    session.rollback()
    assert f"elevator={spread.own.id}" in session.scalars(select(ExportRecord)).one().query


@pytest.mark.feature("CMP-04")
def test_a_unit_and_a_district_narrow_every_cut(spread: World) -> None:
    actor, today = spread.actor("platform_admin"), clock.today()
    for by in complaints.BY:
        asked = Asked(by, today - dt.timedelta(days=400), today, spread.firm.id, OTHER)
        assert complaints.lines(spread.session, actor, asked, clock.now()) == [], by
        assert complaints.whole(spread.session, actor, asked, clock.now()).total == 0


@pytest.mark.feature("RES-05")
@pytest.mark.parametrize("place", [None, CITY, DISTRICT])
def test_each_number_of_rescues_opens_as_many(world: World, place: str | None) -> None:
    session = world.session
    lifts = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, place_type=kind)
        for kind in ("hospital", None, "school")
    ]
    lone = make_elevator(session, region_code=DISTRICT)
    session.commit()
    freed(world, ago=60, elevator=lifts[0])
    freed(world, ago=60 * 7, elevator=lifts[1], accept=9)
    freed(world, ago=60 * 24 * 40, elevator=lifts[2], outcome="false_alarm", cause="", trapped="0")
    report(world, ago=30, elevator=lifts[2])
    report(world, ago=200, elevator=lone)
    report(world, ago=60 * 24 * 300, elevator=lifts[0])
    actor, today = world.actor("platform_admin"), clock.today()
    asked = Asked("unit", today - dt.timedelta(days=100), today, None, place)
    whole, cuts = rescues.cuts(session, actor, asked, rescues.BY, clock.now())
    assert whole.total == 5 and whole.late and whole.on_time and whole.open == 2 and whole.entrapments == 2
    for by, lines in cuts.items():
        assert sum(line.total for line in lines) == 5, by
        for line in (*lines, whole):
            links = rescues.links_of(line)
            assert set(links) == {"total", "late", "entrapments", "on_time", "open"}, line
            for name, href in links.items():
                assert listed(session, actor, RESCUES, href) == getattr(line, name), (line, name, href)


@pytest.mark.feature("RES-05")
def test_a_case_stands_in_the_two_hours_of_shanghai_in_which_it_was_reported(world: World) -> None:
    key = report(world)
    row = world.session.get(Rescue, key)
    actor, today = world.actor("platform_admin"), clock.today()
    for at, hour in (("00:00:00", 0), ("01:59:59.9", 0), ("02:00:00", 1), ("07:59:59", 3), ("08:00:00", 4),
                     ("23:59:59.9", 11)):  # fmt: skip
        row.reported_at = clock.instant_of(dt.datetime.fromisoformat(f"{today} {at}"))
        world.session.commit()
        found = [
            n for n in range(12)
            if listed(world.session, actor, RESCUES, f"/rescues/history/?f_hour={n}")
        ]  # fmt: skip
        assert found == [hour], at
        _whole, cut = rescues.cuts(world.session, actor, Asked("hour", today, today), ["hour"], clock.now())
        assert [line.key for line in cut["hour"]] == [hour]


def test_what_is_filed_at_the_region_itself_opens_no_list_of_its_own(world: World) -> None:
    session = world.session
    region(session)
    named = over_days.areas(session, ["980400", "980402"])
    assert named["980402"][1] == DISTRICT and named["980400"][1] == "" and "本级" in named["980400"][0]
    # Alone it is all there is, and the list of the region is its own.
    assert over_days.areas(session, ["980400"])["980400"][1] == CITY
    # Of a street's own rows among its villages', and of a code that ends below all levels.
    below = over_days.areas(session, ["980402003000", "980402003004"])
    assert (below["980402003000"][1], below["980402003004"][1]) == ("", "980402003004")


@pytest.mark.parametrize(
    ("who", "place", "digits"),
    [("inspector", None, 9), ("inspector", CITY, 6), ("maintenance_head", None, 6), ("maintenance_head", DISTRICT, 9)],
)
def test_without_a_region_asked_it_is_cut_below_the_officer_s_own(
    world: World, who: str, place: str | None, digits: int
) -> None:
    asked, actor = Asked("region", dt.date(2026, 1, 1), dt.date(2026, 1, 1), None, place), world.actor(who)
    actor = replace(actor, region_code=DISTRICT)
    assert over_days.digits_of(asked, actor) == digits
    assert over_days.digits_of(asked, SYSTEM) == (digits_below(place) if place else 6)


@pytest.mark.feature("CMP-04", "RES-05")
def test_a_city_s_own_rows_are_no_link_when_no_region_is_asked(world: World) -> None:
    session = world.session
    for code in (CITY, DISTRICT):
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, region_code=code)
        session.commit()
        report(world, elevator=lift)
        with transaction(session):
            form = {"name": "甲", "phone": "13900001111", "body": "第 三 件"}
            course.complain(session, lift, form, ["noise"], (), clock.now(), None)
    actor, today = replace(world.actor("region_admin"), region_code=CITY), clock.today()
    asked = Asked("region", today - dt.timedelta(days=1), today)
    found = {line.key: line for line in rescues.cuts(session, actor, asked, ["region"], clock.now())[1]["region"]}
    assert set(found) == {"980400", "980402"}
    assert "本级" in found["980400"].name and not rescues.links_of(found["980400"])
    assert rescues.links_of(found["980402"])
    told = {line.key: line for line in complaints.lines(session, actor, asked, clock.now())}
    assert "本级" in told["980400"].name and not complaints.links_of(asked, told["980400"])
    assert complaints.links_of(asked, told["980402"])


@pytest.mark.parametrize(
    ("code", "digits"),
    [("980000000000", 4), (CITY, 6), (DISTRICT, 9), ("980402003000", 12), ("980402003004", 12)],
)
def test_places_below_a_region(code: str, digits: int) -> None:
    assert digits_below(code) == digits


def test_months_are_cut_as_the_period_is_and_many_become_years() -> None:
    day = dt.date
    found = over_days.whole_months(Asked("month", day(2026, 1, 31), day(2026, 3, 1)))
    assert found == [(day(2026, 1, 31), day(2026, 1, 31)), (day(2026, 2, 1), day(2026, 2, 28)),
                     (day(2026, 3, 1), day(2026, 3, 1))]  # fmt: skip
    assert [over_days.month_words(*one) for one in found] == ["2026-01", "2026-02", "2026-03"]
    years = over_days.whole_months(Asked("month", day(2010, 5, 2), day(2026, 3, 1)))
    assert years[0] == (day(2010, 5, 2), day(2010, 12, 31)) and years[-1] == (day(2026, 1, 1), day(2026, 3, 1))
    assert len(years) == 17 and over_days.month_words(*years[1]) == "2011"
    whole = over_days.whole_months(Asked("month", day(1950, 1, 1), day(2199, 12, 31)))
    assert len(whole) == 250 and whole[-1][1] == day(2199, 12, 31)


@pytest.mark.feature("CMP-04", "RES-05")
@pytest.mark.parametrize("path", ["/complaints/statistics", "/rescues/statistics"])
def test_the_page_narrows_to_a_district_by_few_statements(spread: World, sign_in: Any, path: str) -> None:
    report(spread)
    browser = sign_in(spread.accounts["region_admin"])
    cuts = complaints.BY if path.startswith("/complaints") else rescues.BY
    for by in cuts:
        address = f"{path}?by={by}&region={DISTRICT}"
        browser.get(address)
        with statements() as seen:
            page = browser.get(address)
        assert page.status_code == 200 and len(seen) <= 10, (by, len(seen))
        assert f'name="region"\n value="{DISTRICT}"' in page.text and "上月" in page.text and "本季度" in page.text
