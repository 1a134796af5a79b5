"""Where the phone's pages lead: back to where one came from, from a refusal to its remedy, to the item that lacks."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.permissions import Role
from tests.conftest import PASSWORD, csrf
from tests.factories import World, make_account, make_person, make_unit
from tests.pages import flat
from tests.workflows.clock_world import add_visit


def post(client: Any, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)})


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        ("http://localhost/m/orders?kind=over", "/m/orders?kind=over"), ("http://localhost/m/", "/m/"),
        ("http://localhost/elevators/", "/m/scan"), ("http://evil.example/m/orders", "/m/scan"), ("", "/m/scan"),
    ],
)
def test_back_goes_where_one_came_from(world: World, sign_in: Any, referrer: str, back: str) -> None:
    client = sign_in(world.accounts["worker"])
    page = client.get(f"/m/e/{world.own.code}", headers={"Referer": referrer} if referrer else {}).text
    assert f'<a href="{back.replace("&", "&amp;")}" aria-label="返回">' in flat(page)


@pytest.mark.feature("MNT-02")
def test_a_refusal_leads_whoever_may_act(session: Any, world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["maintenance_head"]).get(f"/m/e/{world.own.code}").text
    assert 'href="/sub-accounts/"' in page
    assert 'class="ta-glove" data-checkin' in page  # not the thing to press while refused
    page = sign_in(world.accounts["worker"]).get(f"/m/e/{world.own.code}?latitude=31.5&longitude=120.5").text
    assert "公里，要求 200 米内" in page and "/sub-accounts/" not in page
    assert f'href="/m/position/{world.own.code}">现场标注位置</a>' in flat(page) and "去办理" not in page


@pytest.mark.feature("MNT-04")
def test_what_still_stands_in_the_way_of_leaving_does_not_look_done(
    session: Any, world: World, sign_in: Any
) -> None:
    visit = add_visit(
        session, world.own, world.worker, clock.today(), state="open", checked_out_at=None, counted=False,
        checked_in_at=clock.now(), next_change_at=clock.now() + dt.timedelta(hours=8),
    )  # fmt: skip
    session.commit()
    page = flat(sign_in(world.accounts["worker"]).get(f"/m/visits/{visit.id}").text)
    assert 'class="ta-card fd-passed fd-passed--open" open><summary>▲ 签退还差' in page


@pytest.mark.feature("MNT-02")
def test_a_visit_that_runs_elsewhere_is_one_press_away(session: Any, world: World, sign_in: Any) -> None:
    other = add_visit(
        session, world.foreign, world.worker, clock.today(), state="open", checked_out_at=None, counted=False,
        checked_in_at=clock.now(), unit_id=world.firm.id, next_change_at=clock.now() + dt.timedelta(hours=8),
    )  # fmt: skip
    session.commit()
    page = sign_in(world.accounts["worker"]).get(f"/m/e/{world.own.code}").text
    assert f'href="/m/visits/{other.id}"' in page


@pytest.mark.feature("MNT-04")
def test_a_refused_check_out_leads_to_the_first_item_that_lacks(session: Any, world: World, sign_in: Any) -> None:
    began = clock.now() - dt.timedelta(hours=1)
    visit = add_visit(
        session, world.own, world.worker, clock.local_day(began), state="open", checked_out_at=None, counted=False,
        checked_in_at=began, received_at=began, snapshot={"category": "3110", "code": world.own.code},
    )  # fmt: skip
    session.commit()
    client = sign_in(world.accounts["worker"])
    answer = post(client, f"/m/visits/{visit.id}/out", {"mode": "items", "code": world.own.code})
    assert answer.status_code == 422
    first = answer.text.partition('data-item id="')[2].partition('"')[0]
    assert first and f'href="#{first}"' in answer.text and 'href="#fault"' in answer.text
    assert "没有故障请选“无故障”" in answer.text and "is-missing" in answer.text


@pytest.mark.feature("MNT-06")
def test_a_code_is_typed_where_the_camera_cannot_read(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["worker"]).get("/m/scan").text
    assert "data-camera-none" in page and "autofocus" in page and "这个浏览器不能直接扫码" in page


PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0 Mobile Safari/537.36", "Sec-CH-UA-Mobile": "?1"}
DESK = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0 Safari/537.36", "Sec-CH-UA-Mobile": "?0"}


def lands(client: Any, headers: dict[str, str], url: str = "/") -> str:
    """Where an address ends, with all that leads on from it; itself where it is shown."""
    answer = client.get(url, headers=headers, follow_redirects=True)
    assert answer.status_code == 200
    return str(answer.request.path)


@pytest.mark.feature("MNT-12", "DSH-01")
@pytest.mark.parametrize(
    ("persona", "by_phone", "at_desk"),
    [
        ("worker", "/m/", "/m/"), ("safety_officer", "/m/reviews", "/"), ("use_head", "/", "/"), ("clerk", "/", "/"),
        ("maintenance_head", "/", "/"), ("inspector", "/", "/"),
    ],
)
def test_who_works_on_site_lands_on_the_phone_pages(
    world: World, sign_in: Any, persona: str, by_phone: str, at_desk: str
) -> None:
    client = sign_in(world.accounts[persona])
    assert lands(client, PHONE) == by_phone
    assert lands(client, DESK) == at_desk


@pytest.mark.feature("MNT-12")
def test_a_maintenance_office_begins_at_what_waits(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["clerk"]).get("/m/", headers=PHONE, follow_redirects=True)
    assert page.request.path == "/m/me" and 'href="/m/plan"' in page.text


@pytest.mark.feature("MNT-09", "REP-03", "PER-01", "MNT-12")
def test_a_manager_sees_on_the_phone_what_waits_for_his_word(session: Any, world: World, sign_in: Any) -> None:
    manager = make_account(session, Role.MAINTENANCE_MANAGER, unit=world.firm)
    add_visit(session, world.own, world.worker, clock.today(), state="pending", reason="undecided", counted=False)
    add_visit(session, world.foreign, make_person(session, world.other_firm), clock.today(), state="pending",
              reason="undecided", counted=False)  # fmt: skip
    session.commit()
    text = sign_in(manager).get("/m/me").text
    ways = dict(re.findall(r'href="(/(?:visits|repairs|invitations)/[^"]*)"><span>[^<]*</span><b>([^<]*)</b>', text))
    assert {way: flat(said).strip() for way, said in ways.items()} == {"/visits/?tab=approval": "待审批 1 ›"}
    assert 'href="/invitations/"' in text and sign_in(manager).get("/visits/?tab=approval").status_code == 200
    for persona in ("worker", "inspector", "use_head"):
        assert "/visits/?tab=approval" not in sign_in(world.accounts[persona]).get("/m/me").text

@pytest.mark.feature("MNT-12")
def test_an_inspector_begins_at_what_is_due_and_an_office_at_what_waits(
    session: Any, world: World, sign_in: Any
) -> None:
    body = make_unit(session, "澜州检验所", is_inspection=True)
    tester = make_account(session, Role.TESTER, unit=body)
    session.commit()
    page = sign_in(tester).get("/m/", headers=PHONE, follow_redirects=True)
    assert page.request.path == "/m/inspections" and 'aria-label="返回"' not in page.text
    page = sign_in(world.accounts["inspector"]).get("/m/", headers=PHONE, follow_redirects=True)
    assert page.request.path == "/m/me" and 'href="/m/anomalies"' in page.text and 'href="/m/patrols"' in page.text


@pytest.mark.feature("RES-06", "MNT-12")
def test_a_rescuer_begins_at_his_rescues(session: Any, world: World, sign_in: Any) -> None:
    station = make_unit(session, "临河区应急救援站", is_rescue=True)
    rescuer = make_account(session, Role.RESCUER, unit=station)
    session.commit()
    client = sign_in(rescuer)
    page = client.get("/", headers=PHONE, follow_redirects=True)
    assert page.request.path == "/m/rescues" and page.status_code == 200
    assert '<a href="/m/rescues" aria-current="page">' in page.text and 'aria-label="返回"' not in page.text
    own = client.get("/m/me").text
    assert 'href="/m/rescues"' in own and 'href="/m/gate"' not in own, "what he may not open is not offered"


@pytest.mark.feature("MNT-12")
def test_after_signing_in_by_phone_a_guard_sees_the_phone_pages(world: World, app: Any) -> None:
    client, name = app.test_client(), world.accounts["safety_officer"].username
    form = {"username": name, "password": PASSWORD, "csrf_token": csrf(client)}
    answer = client.post("/login/", data=form, headers=PHONE, follow_redirects=True)
    assert answer.request.path == "/m/reviews"
    client.post("/logout/", data={"csrf_token": csrf(client)})
    # A page that was asked for before comes first.
    form["csrf_token"] = csrf(client)
    answer = client.post("/login/?next=/elevators/", data=form, headers=PHONE)
    assert answer.location == "/elevators/"


@pytest.mark.feature("MNT-12", "DSH-01")
@pytest.mark.parametrize("persona", ["worker", "safety_officer"])
def test_the_desk_is_a_press_away_and_stays_until_the_phone_is_chosen(
    world: World, sign_in: Any, persona: str
) -> None:
    client = sign_in(world.accounts[persona])
    first = client.get("/", headers=PHONE, follow_redirects=True)
    assert 'href="/?desk=1"' in first.text
    assert lands(client, PHONE, "/?desk=1") == "/" and lands(client, PHONE) == "/"
    assert 'href="/m/"' in client.get("/", headers=PHONE).text  # and back
    assert lands(client, PHONE, "/m/").startswith("/m/") and lands(client, PHONE).startswith("/m/")
    client.get("/?desk=1", headers=PHONE)
    client.post("/logout/", data={"csrf_token": csrf(client)})
    again = sign_in(world.accounts[persona])
    assert lands(again, PHONE).startswith("/m/")


@pytest.mark.feature("MNT-12")
def test_a_worker_who_is_a_guard_as_well_lands_by_phone_alone(session: Any, world: World, sign_in: Any) -> None:
    both = make_account(session, Role.WORKER, Role.SAFETY_OFFICER, unit=world.firm, person=world.worker)
    office = make_account(session, Role.WORKER, Role.CLERK, unit=world.firm, person=world.worker)
    session.commit()
    client = sign_in(both)
    assert lands(client, PHONE) == "/m/" and lands(client, DESK) == "/"
    assert lands(sign_in(office), PHONE) == "/"
