"""DSH-03: the map's page, what it shows of a box, and what lets its files and pictures through."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock
from app.listing import moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator, IotDevice, IotLive, Rescue
from app.permissions import Verb
from app.reports import elevator_map, map_layers
from app.rules.map_grid import Box
from app.transaction import transaction
from app.views.frame.map_tiles import origin
from app.workflows.rescue import rescue_desk, rescues
from tests.factories import World, make_clock, make_elevator
from tests.statements import statements

pytestmark = pytest.mark.feature("DSH-03")
ALL = "30.0,120.0,31.0,121.0"
DAY = dt.timedelta(days=1)


@pytest.fixture
def several(world: World) -> dict[str, Elevator]:
    """Of the own firm: one in time, one overdue, one suspended, one secret, one without a position."""
    parts = {"maintenance_unit": world.firm, "use_unit": world.use_unit}
    made = {
        "late": make_elevator(world.session, latitude=30.52, longitude=120.52, **parts),
        "stopped": make_elevator(world.session, latitude=30.54, longitude=120.54, status="suspended", **parts),
        "secret": make_elevator(world.session, latitude=30.56, longitude=120.56, is_secret=True, **parts),
        "nowhere": make_elevator(world.session, latitude=None, longitude=None, **parts),
    }
    make_clock(world.session, world.own, clock.today(), limit_on=clock.today() + 10 * DAY)
    make_clock(world.session, made["late"], clock.today() - 30 * DAY, limit_on=clock.today() - 15 * DAY)
    world.session.commit()
    return made


def seen(browser: Any, box: str = ALL, zoom: int = 18, **more: Any) -> Any:
    asked = urlencode({"box": box, "zoom": zoom} | more)
    return browser.get(f"/map/seen?{asked}", headers={"Accept": "application/json"})


def codes(answer: Any) -> set[str]:
    return {one["title"] for one in answer.json["drawn"]}


def test_what_the_map_shows_is_what_the_list_holds(world: World, sign_in: Any, several: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    found = seen(browser)
    tones = {one["title"]: one["tone"] for one in found.json["drawn"] if "tone" in one}
    own, late, stopped = (row.code for row in (world.own, several["late"], several["stopped"]))
    assert (tones[own], tones[late], tones[stopped]) == ("ok", "over", "suspended")
    assert several["nowhere"].code not in tones
    assert found.json["labels"][0]["name"] in ("明水街道", "临河区", "青坪区")
    assert codes(seen(browser, tab="overdue")) == {late}
    assert codes(seen(browser, f_status="suspended")) == {stopped}
    assert codes(seen(browser, q=own)) == {own}
    assert codes(seen(browser, box="10,20,11,21")) == set()


def test_from_afar_they_are_one_circle_with_its_parts(world: World, sign_in: Any, several: Any) -> None:
    found = seen(sign_in(world.accounts["region_admin"]), zoom=6, f_region="980402000000").json
    assert len(found["drawn"]) == 1
    circle = found["drawn"][0]
    assert dict(circle["ring"]) == {"over": 1, "ok": 2, "suspended": 1} and circle["n"] == found["count"] == 4
    assert "维保超期 1" in circle["text"] and "link" not in circle
    inside = sign_in(world.accounts["region_admin"]).get(f"/map/rows?box={circle['box']}&f_region=980402000000").json
    assert inside["count"] == 4 and {r["title"] for r in inside["rows"]} >= {world.own.code, several["late"].code}


@pytest.mark.parametrize(
    ("persona", "sees"), [("inspector", False), ("region_admin", True), ("maintenance_head", True), ("worker", True)]
)
def test_secret_ones_are_for_those_with_the_right(
    world: World, sign_in: Any, several: Any, persona: str, sees: bool
) -> None:
    browser, code = sign_in(world.accounts[persona]), several["secret"].code
    assert (code in codes(seen(browser))) is sees
    rows = browser.get("/map/rows?box=30.55,120.55,30.57,120.57").json["rows"]
    assert bool(rows) is sees
    total = seen(browser, zoom=4).json["count"]
    assert total == sum(one["n"] for one in seen(browser).json["drawn"])


def test_a_unit_sees_its_own(world: World, sign_in: Any, several: Any) -> None:
    world.foreign.latitude = 30.7
    world.session.commit()
    assert world.foreign.code not in codes(seen(sign_in(world.accounts["maintenance_head"])))
    assert world.foreign.code in codes(seen(sign_in(world.accounts["platform_admin"])))


def test_without_a_script_there_are_numbers_by_region(world: World, sign_in: Any, several: Any) -> None:
    page = sign_in(world.accounts["region_admin"]).get("/map/?f_status=in_use").text
    assert "<noscript>" in page and "各地台数" in page and "f_region=980402000000" in page
    assert "尚未标注位置" in page and "f_located=0" in page and "下次检验日期" in page
    begin = json.loads(re.search(r'data-map="([^"]+)"', page)[1].replace("&#34;", '"').replace("&amp;", "&"))
    assert begin["query"] == "f_status=in_use" and begin["tiles"] == "" and begin["zoom"] >= 10


def test_an_empty_register_says_what_to_do(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["region_admin"]).get("/map/?q=没有这样的词").text
    assert "没有符合条件的记录" in page and "data-map" not in page and "leaflet" not in page.split("<main")[-1]


def test_the_list_leads_to_the_map_with_its_filters(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["inspector"]).get("/elevators/?f_status=in_use").text
    assert 'href="/map/?f_status=in_use"' in page and "在地图上看" in page


@pytest.mark.parametrize(
    "address",
    ["/map/seen?zoom=9", "/map/seen?box=1,2,3&zoom=9", f"/map/seen?box={ALL}&zoom=x", "/map/rows?box=a,b,c,d",
     "/map/layer/visits?box="],
)  # fmt: skip
def test_a_wrong_box_or_zoom_is_told(world: World, sign_in: Any, address: str) -> None:
    answer = sign_in(world.accounts["region_admin"]).get(address, headers={"Accept": "application/json"})
    assert answer.status_code == 422 and answer.json["errors"][0]["rule"] in ("地图范围", "地图级别")


def test_layers_are_for_those_who_hold_the_verb(world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = [map_layers.Spot(30.5, 120.5, "困人", "已派单 3 分钟", "/rescues/1")]
    made = map_layers.Layer("test", _l("应急救援"), Verb.APPLICATION_DECIDE, "over", True, lambda m, b: here)
    monkeypatch.setitem(map_layers.LAYERS, "test", made)
    regulator, worker = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["worker"])
    assert "应急救援" in regulator.get("/map/").text and "应急救援" not in worker.get("/map/").text
    assert regulator.get(f"/map/layer/test?box={ALL}").json["spots"][0]["title"] == "困人"
    assert worker.get(f"/map/layer/test?box={ALL}").status_code == 403
    assert regulator.get(f"/map/layer/none?box={ALL}").status_code == 404


def test_firms_with_a_point_are_a_layer(world: World, sign_in: Any) -> None:
    world.firm.latitude, world.firm.longitude, world.firm.office_address = 30.51, 120.51, "澜江路 8 号"
    world.session.commit()
    spots = sign_in(world.accounts["region_admin"]).get(f"/map/layer/units?box={ALL}").json["spots"]
    assert [(s["title"], s["text"], s["link"]) for s in spots] == [
        (world.firm.name, "澜江路 8 号", f"/units/{world.firm.id}")
    ]


@pytest.mark.feature("RES-05")
def test_open_rescues_are_a_live_layer_for_those_who_see_them(world: World, sign_in: Any, several: Any) -> None:
    ended = make_elevator(world.session, maintenance_unit=world.firm, latitude=30.6, longitude=120.6)
    world.session.commit()
    with transaction(world.session):
        for row in (world.own, several["secret"], several["nowhere"], ended):
            rescues.report(world.session, None, row, source="iot", at=clock.now() - dt.timedelta(minutes=7))
        case = world.session.scalars(select(Rescue).where(Rescue.elevator_id == ended.id)).one()
        rescue_desk.close(world.session, world.actor("region_admin"), case.id, "false_alarm", "按错了", clock.now())

    def spots(who: str, box: str = ALL) -> list[str]:
        return [one["link"] for one in sign_in(world.accounts[who]).get(f"/map/layer/rescues?box={box}").json["spots"]]

    own, secret = (
        f"/rescues/{world.session.scalar(select(Rescue.id).where(Rescue.elevator_id == row.id))}"
        for row in (world.own, several["secret"])
    )
    assert spots("region_admin") == [own, secret]
    assert spots("inspector") == [own], "a 涉密 one is for those with the right"
    assert spots("maintenance_head") == [own, secret] and spots("other_head") == []
    assert spots("region_admin", "10,20,11,21") == []
    one = sign_in(world.accounts["inspector"]).get(f"/map/layer/rescues?box={ALL}").json["spots"][0]
    assert world.own.address in one["title"] and "7 分钟前报警" in one["text"]
    assert map_layers.LAYERS["rescues"].live and "正在救援" in sign_in(world.accounts["inspector"]).get("/map/").text


def test_squares_count_what_counting_one_by_one_does(world: World, several: Any) -> None:
    for n in range(40):
        make_elevator(
            world.session, maintenance_unit=world.firm, latitude=30.3 + n * 0.011, longitude=120.2 + n * 0.013,
            status=("in_use", "suspended", "notified")[n % 3],
        )  # fmt: skip
    world.session.commit()
    now = moment(world.session, world.actor("region_admin"))
    query, box = ELEVATORS.read({}), Box(30.0, 120.0, 31.0, 121.0)
    plain = list(ELEVATORS.rows(now, query))
    inside = [e for e in plain if e.latitude is not None and 30 <= e.latitude <= 31 and 120 <= e.longitude <= 121]
    for zoom in (4, 9, 12, 16):
        found = elevator_map.seen(ELEVATORS, now, query, box, zoom)
        assert found.count == len(inside) == sum(one.count for one in found.clusters)
        for status in ("in_use", "suspended", "notified"):
            counted = sum(one.by_status.get(status, 0) for one in found.clusters)
            assert counted == sum(e.status == status for e in inside)
        assert sum(one.over for one in found.clusters) == 1


# --- files and pictures


def test_leaflet_is_given_by_the_product_itself_and_only_there(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    page = browser.get("/map/").text
    script = re.search(r'src="(/static/js/leaflet\.js\?v=[^"]+)"', page)[1]
    answer = browser.get(script, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200 and answer.mimetype == "text/javascript"
    assert answer.headers["Content-Encoding"] == "gzip" and "immutable" in answer.headers["Cache-Control"]
    assert browser.get("/static/css/leaflet.css").mimetype == "text/css"
    assert "leaflet" not in browser.get("/elevators/").text
    assert not re.search(r'(?:src|href)="https?://', page)


def test_the_policy_follows_the_tiles(world: World, sign_in: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = sign_in(world.accounts["inspector"])
    assert "img-src 'self' data:" in browser.get("/map/").headers["Content-Security-Policy"]
    monkeypatch.setitem(app.config, "MAP_TILES", "https://t{s}.tiles.example.com:8443/{z}/{x}/{y}.png")
    monkeypatch.setitem(app.config, "MAP_TILES_DATUM", "gcj02")
    monkeypatch.setitem(app.config, "MAP_ATTRIBUTION", "© <b>某图</b>")
    answer = browser.get("/map/")
    assert "img-src 'self' https://*.tiles.example.com:8443 data:" in answer.headers["Content-Security-Policy"]
    assert "tiles.example" not in browser.get("/elevators/").headers["Content-Security-Policy"]
    assert "<b>某图" not in answer.text and "某图" in answer.text


def test_points_are_shifted_for_the_map_and_back_for_the_register(
    world: World, sign_in: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = sign_in(world.accounts["region_admin"])
    monkeypatch.setitem(app.config, "MAP_TILES", "https://tiles.example.com/{z}/{x}/{y}.png")
    monkeypatch.setitem(app.config, "MAP_TILES_DATUM", "gcj02")
    drawn = next(one for one in seen(browser).json["drawn"] if one["title"] == world.own.code)
    latitude, longitude = drawn["at"]
    assert abs(latitude - 30.5) > 0.001 and abs(longitude - 120.5) > 0.001
    around = f"{latitude - 1e-4},{longitude - 1e-4},{latitude + 1e-4},{longitude + 1e-4}"
    assert codes(seen(browser, box=around)) == {world.own.code}
    assert codes(seen(browser, box="30.4999,120.4999,30.5001,120.5001")) == set()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("", ""), ("/tiles/{z}/{x}/{y}.png", ""), ("javascript:alert(1)//", ""),
        ("https://tiles.example.com/{z}/{x}/{y}.png", "https://tiles.example.com"),
        ("http://10.0.0.8:8080/{z}/{x}/{y}", "http://10.0.0.8:8080"),
        ("https://{s}.tile.example.org/{z}", "https://*.tile.example.org"),
        ("https://webrd0{s}.is.example.com/x", "https://*.is.example.com"),
        ("https://a.{s}.example.com/x", "https://*.example.com"), ("https://{s}/x", ""),
        ("https://evil.example; script-src */x", ""),
    ],
)  # fmt: skip
def test_where_pictures_come_from(url: str, place: str) -> None:
    assert origin(url) == place


@pytest.fixture
def devices(world: World) -> Any:
    """Makes a device at a place, heard of so many minutes ago, with or without an alarm that goes on."""
    made = []

    def make(latitude: float, longitude: float, heard: float | None = 0, alarm: bool = False, **more: Any) -> IotDevice:
        lift = more.pop("elevator", None) or make_elevator(
            world.session, maintenance_unit=more.pop("unit", world.firm), latitude=latitude, longitude=longitude, **more
        )
        now = clock.now()
        row = IotDevice(
            serial=f"D{len(made):05d}", elevator_id=lift.id, region_code=lift.region_code, standard="TS",
            bound_at=now - DAY,
        )  # fmt: skip
        world.session.add(row)
        world.session.flush()
        if heard is not None:
            world.session.add(IotLive(
                device_id=row.id, seen_at=now - dt.timedelta(minutes=heard), skew_seconds=0,
                fault_at=now - dt.timedelta(minutes=5) if alarm else None, fault_kind="alarm" if alarm else None,
                fault_standard="TS" if alarm else None, fault_code="E1" if alarm else None,
            ))  # fmt: skip
        made.append(row)
        return row

    return make


@pytest.mark.feature("INT-03")
def test_devices_are_a_layer_with_their_state(world: World, sign_in: Any, devices: Any) -> None:
    on, silent, never = devices(30.5, 120.5), devices(30.51, 120.5, 9999), devices(30.52, 120.5, None)
    ringing = devices(30.53, 120.5, 9999, alarm=True)
    hidden = devices(30.54, 120.5, is_secret=True)
    ended = devices(30.55, 120.5)
    ended.ended_at = clock.now()
    devices(30.5, 119.0)
    world.session.commit()

    def spots(who: str) -> dict[str, Any]:
        answer = sign_in(world.accounts[who]).get(f"/map/layer/devices?box={ALL}")
        return {one["link"]: one for one in answer.json["spots"]}

    found = spots("inspector")
    told = {f"/iot/devices/{row.id}": tone for row, tone in (
        (on, "device-ok"), (silent, "device-near"), (never, "device-near"), (ringing, "device-over"),
    )}  # fmt: skip
    assert {link: one["tone"] for link, one in found.items()} == told
    said = {link: one["text"] for link, one in found.items()}
    assert said[f"/iot/devices/{on.id}"].startswith("在线") and "最近通信" in said[f"/iot/devices/{on.id}"]
    assert said[f"/iot/devices/{never.id}"] == "离线　从未上报"
    assert said[f"/iot/devices/{ringing.id}"].startswith("异常")
    assert found[f"/iot/devices/{on.id}"]["title"].startswith(on.elevator.code)
    assert f"/iot/devices/{hidden.id}" in spots("region_admin"), "who has the right to 涉密 sees it"
    assert spots("other_inspector") == {} and spots("other_head") == {}
    page = sign_in(world.accounts["inspector"]).get("/map/").text
    box = re.search(r'<input[^>]*value="devices"[^>]*>', page)
    assert box is not None and "checked" not in box[0] and 'data-live="1"' in box[0]


@pytest.mark.feature("INT-03")
def test_many_devices_become_circles_that_lose_none(
    world: World, sign_in: Any, devices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_layers, "MOST", 10)
    for n in range(10):
        devices(30.1 + n * 0.08, 120.1 + n * 0.08, (0, 9999, None)[n % 3], alarm=n % 3 == 1)
    world.session.commit()
    browser = sign_in(world.accounts["region_admin"])
    assert len(browser.get(f"/map/layer/devices?box={ALL}").json["spots"]) == 10
    world.session.rollback()
    devices(30.1, 120.1)
    devices(30.1, 120.1, is_secret=True)
    world.session.commit()
    with statements() as seen:
        found = browser.get(f"/map/layer/devices?box={ALL}").json["spots"]
    assert len(seen) <= 8, len(seen)
    assert sum(one["n"] for one in found) == 12 and 1 < len(found) < 12 and "link" not in found[0]
    sums: dict[str, int] = {}
    for one in found:
        assert sum(n for _tone, n in one["ring"]) == one["n"] and f"{one['n']} 台物联网设备" == one["title"]
        for tone, n in one["ring"]:
            sums[tone] = sums.get(tone, 0) + n
    # Each third alarms though it is silent, each third was never heard of.
    assert sums == {"over": 3, "near": 3, "ok": 6}
    assert sum(one["n"] for one in sign_in(world.accounts["inspector"]).get(
        f"/map/layer/devices?box={ALL}").json["spots"]) == 11  # fmt: skip
    south, west, north, east = (float(part) for part in found[0]["box"].split(","))
    assert 30 < south < north < 31 and 120 < west < east < 121 and len(found[0]["fit"]) == 2
