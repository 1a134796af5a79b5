"""RES-05, RES-06: what is open is said on banner, home and menu; lists, their order and statistics."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app import clock
from app.listing import Moment
from app.listings import rescues as listed
from app.models import Rescue, RescueDispatch
from app.permissions import SYSTEM
from app.reports import cockpit
from app.reports import rescues as counted
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_course, rescue_desk
from tests.factories import World, make_elevator
from tests.views.rescue.ground import M, freed, post, report

pytestmark = pytest.mark.feature("RES-05")


def test_the_banner_home_and_menu_say_what_is_open(world: World, sign_in: Any) -> None:
    inspector, head = sign_in(world.accounts["inspector"]), sign_in(world.accounts["maintenance_head"])
    assert 'class="ta-alarm"' not in inspector.get("/inbox/").text
    key = report(world, 10)
    page = inspector.get("/inbox/").text
    assert 'class="ta-alarm"' in page and "1 件困人救援处置中" in page and 'data-alarm="/rescues/open"' in page
    told = inspector.get("/rescues/open").json
    assert (told["count"], told["late"], told["rows"][0]["id"]) == (1, 0, key) and world.own.address in told["html"]
    assert f'href="/rescues/{key}"' in told["html"], "a case named in the banner is one click away"
    # Whoever goes out is alarmed of his own, as the desk is; who maintains others, and the use unit, is not.
    for client in (head, sign_in(world.accounts["clerk"])):
        assert 'data-alarm="/rescues/open"' in client.get("/inbox/").text
        assert "1 件困人救援处置中" in client.get("/inbox/").text and "困人处置中" in client.get("/").text
        told = client.get("/rescues/open").json
        assert (told["count"], told["rows"][0]["id"]) == (1, key) and world.own.address in told["html"]
    other, use = sign_in(world.accounts["other_head"]), sign_in(world.accounts["use_head"])
    assert 'class="ta-alarm"' not in other.get("/inbox/").text and other.get("/rescues/open").json["rows"] == []
    assert 'data-alarm="/rescues/open"' in other.get("/inbox/").text, "it asks again, for its own next one"
    assert "data-alarm" not in use.get("/inbox/").text and "困人处置中" in use.get("/").text
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now() - 5 * M)
    world.session.commit()
    assert "其中 1 件超时" in inspector.get("/inbox/").text
    assert sign_in(world.accounts["other_inspector"]).get("/rescues/open").json["count"] == 0
    figures = cockpit.build(Moment(world.session, SYSTEM, clock.today(), clock.now()), None).figures
    assert (figures.rescues, figures.late_rescues) == (1, 1)


def test_the_tabs_count_what_the_rule_says(world: World, sign_in: Any) -> None:
    lifts = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(5)]
    world.session.commit()
    good, slow = freed(world, elevator=lifts[0]), freed(world, accept=5, elevator=lifts[1])
    old = freed(world, 60 * 24 * 5, elevator=lifts[2])
    waiting = report(world, elevator=lifts[3])
    none = report(world, elevator=lifts[4])
    with transaction(world.session) as session:
        rescue_desk.close(session, world.actor("agent"), none, "cleaning", "保洁", clock.now())
    report(world, elevator=lifts[3], source="iot")
    world.session.commit()
    now = Moment(world.session, world.actor("agent"), clock.today(), clock.now())
    for row in world.session.scalars(select(Rescue)):
        late = rescue_course.outcome_of(row, now.now) is Outcome.LATE
        assert late is (row.id == slow)
    agent = sign_in(world.accounts["agent"])
    shown = {
        tab: {key for key in (good, slow, old, waiting, none) if f'href="/rescues/{key}"' in agent.get(path).text}
        for tab, path in {
            "centre": "/rescues/", "waiting": "/rescues/?tab=waiting", "late": "/rescues/?tab=late",
            "all": "/rescues/history/", "cleaning": "/rescues/history/?tab=cleaning",
            "uncalled": "/rescues/history/?tab=uncalled", "cause": "/rescues/history/?f_cause=door_vane",
            "level": "/rescues/history/?f_level=2",
        }.items()
    }
    assert shown == {
        "centre": {good, slow, waiting, none}, "waiting": {waiting}, "late": {slow},
        "all": {good, slow, old, waiting, none}, "cleaning": {none}, "uncalled": {good, slow, old},
        "cause": {good, slow, old}, "level": set(),
    }  # fmt: skip
    assert "已并入" in agent.get("/rescues/history/?tab=joined").text
    on_time = world.session.scalars(select(Rescue.id).where(listed.on_time())).all()
    assert set(on_time) == {good, old}


def test_a_unit_that_is_called_to_help_is_alarmed_as_well(world: World, sign_in: Any) -> None:
    key, other = report(world, 10), sign_in(world.accounts["other_head"])
    assert other.get("/rescues/open").json["count"] == 0
    with transaction(world.session) as session:
        unit = world.accounts["other_head"].unit_id
        rescue_desk.dispatch(session, world.actor("agent"), key, 2, clock.now(), unit_id=unit)
    assert [row["id"] for row in other.get("/rescues/open").json["rows"]] == [key]


@pytest.mark.feature("STA-02")
def test_statistics_by_level_cause_hour_and_unit(world: World, sign_in: Any) -> None:
    lifts = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(3)]
    world.session.commit()
    freed(world, elevator=lifts[0], accept=2, done=10)
    freed(world, elevator=lifts[1], accept=4, done=20, cause="power_cut", injured="1")
    report(world, elevator=lifts[2])
    today = clock.today()
    asked = counted.Asked("unit", today - dt.timedelta(days=1), today)
    whole, cuts = counted.cuts(world.session, SYSTEM, asked, counted.BY, clock.now())
    assert (whole.total, whole.entrapments, whole.on_time, whole.late, whole.open) == (3, 2, 1, 1, 1)
    assert (whole.percent, whole.mean("accept"), whole.mean("done"), whole.mean("arrive")) == (50.0, 3.0, 15.0, None)
    assert (whole.trapped, whole.injured) == (4, 1)
    assert {name: sum(line.total for line in lines) for name, lines in cuts.items()} == dict.fromkeys(counted.BY, 3)
    assert [(line.name, line.total) for line in cuts["unit"]] == [(world.firm.name, 3)]
    agent = sign_in(world.accounts["agent"])
    for by in counted.BY:
        assert agent.get(f"/rescues/statistics?by={by}").status_code == 200
    page = agent.get("/rescues/statistics?by=cause").text
    assert "停电" in page and "50.0%" in page and "tab=late" in page
    assert agent.get("/rescues/statistics?from_on=2026-03-02&to_on=2026-03-01").status_code == 422
    assert agent.get("/rescues/statistics?region=990000000000").status_code == 404
    sent = post(agent, "/rescues/statistics/table", by="level", format="csv")
    assert "一级" in sent.get_data(as_text=True)
    report_page = sign_in(world.accounts["inspector"]).get("/reports/").text
    assert "平均救出" in report_page and "停电" in report_page
    book = post(sign_in(world.accounts["region_admin"]), "/reports/workbook")
    sheet = openpyxl.load_workbook(io.BytesIO(book.data))["救援"]
    said = {row[0]: row[1] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert (said["合计"], said["停电"], said["一级"], len(sheet._charts)) == (3, 1, 3, 1)


def test_the_home_page_shows_what_is_open_to_whom_it_concerns(world: World, sign_in: Any) -> None:
    agent, head = sign_in(world.accounts["agent"]), sign_in(world.accounts["maintenance_head"])
    page = agent.get("/").text
    assert "没有处置中的救援" in page and 'href="/rescues/new"' in page and "待回访" not in page
    assert "处置中的救援" not in head.get("/").text
    freed(world, ago=120)
    key = report(world)
    for client in (agent, head):
        page = client.get("/").text
        assert "处置中的救援" in page and f'href="/rescues/{key}"' in page and world.own.address in page
    assert "待回访 1 件" in agent.get("/").text and "待回访" not in head.get("/").text
    assert "处置中的救援" not in sign_in(world.accounts["other_head"]).get("/").text


def test_the_case_whose_limit_ends_first_stands_first(world: World, sign_in: Any) -> None:
    """One on the way has half an hour; a later one was not answered yet, and has three minutes."""
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    first, at = report(world, ago=10), clock.now()
    with transaction(world.session) as session:
        call = rescue_desk.dispatch(session, world.actor("agent"), first, 1, at - 10 * M)
        rescue_answers.accept(session, world.actor("worker"), first, at - 9 * M, call_id=call.id)
    later, agent = report(world, elevator=other), sign_in(world.accounts["agent"])
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), later, 1, at)

    def places() -> list[str]:
        return re.findall(r'class="ta-a ta-b"\s+href="/rescues/(\d+)"', agent.get("/").text)

    assert places() == [str(later), str(first)]
    with transaction(world.session) as session:
        call = session.scalars(select(RescueDispatch).where(RescueDispatch.rescue_id == later)).one()
        rescue_answers.accept(session, world.actor("worker"), later, at + 1 * M, call_id=call.id)
    # Both are on their way, and who set out first is to be there first.
    assert places() == [str(first), str(later)]


@pytest.mark.feature("RES-06", "MNT-12")
def test_whoever_has_no_home_on_the_phone_finds_what_is_open_on_his_own_page(world: World, sign_in: Any) -> None:
    report(world)
    head, safety = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["safety_officer"])
    page = head.get("/m/me").text
    assert 'href="/m/rescues"' in page and "处置中 1" in page and "报修与维修" in page and "公众投诉" in page
    assert "处置中 1" in safety.get("/m/reviews").text
    assert "困人救援" not in sign_in(world.accounts["worker"]).get("/m/me").text


@pytest.mark.feature("RES-06")
def test_lists_say_how_many_people_and_what_was_told(world: World, sign_in: Any) -> None:
    """Huzhou 2.5.1: 困人人数, 受伤人数, 现场描述 are seen before a case is opened."""
    key = report(world, 10, scene="停在 5、6 楼之间，灯亮着" + "，" * 60)
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
        row = session.get(Rescue, key)
        row.trapped, row.injured = 3, 1
    world.session.commit()
    phone = sign_in(world.accounts["worker"]).get("/m/rescues").text
    assert "困人 3 人" in phone and "受伤 1 人" in phone
    assert "停在 5、6 楼之间，灯亮着" in phone and "，" * 60 not in phone
    desk = sign_in(world.accounts["inspector"]).get("/rescues/").text
    assert "困人 3 人　受伤 1 人" in desk
    with transaction(world.session) as session:
        row = session.get(Rescue, key)
        row.trapped, row.injured, row.scene = None, None, None
    world.session.commit()
    assert "受伤" not in sign_in(world.accounts["worker"]).get("/m/rescues").text.split("<section")[1]


def test_a_case_leads_to_the_map_and_to_earlier_ones_of_its_elevator(world: World, sign_in: Any) -> None:
    world.own.latitude, world.own.longitude = 30.5, 120.25
    world.session.commit()
    key = report(world, 10)
    page = sign_in(world.accounts["agent"]).get(f"/rescues/{key}").text
    assert 'href="/map/#17/30.50000/120.25000"' in page
    assert f'href="/rescues/history/?f_elevator={world.own.id}"' in page
    world.session.rollback()
    world.own.latitude = None
    world.session.commit()
    assert 'href="/map/#' not in sign_in(world.accounts["agent"]).get(f"/rescues/{key}").text
