"""ELV-08 on screen: the phone's page beside the elevator, the correction, the desk's map, lists and reports."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Application, Attachment, Elevator, PositionCapture
from app.rules.datum import Datum, to_datum
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_elevator, picture

pytestmark = pytest.mark.feature("ELV-08")
READINGS = ";".join(f"30.60000{n},119.900000,8" for n in range(4))


@pytest.fixture
def bare(world: World) -> Elevator:
    row = make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, latitude=None, longitude=None,
        estate="新楼盘",
    )  # fmt: skip
    world.session.commit()
    return row


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, content_type="multipart/form-data", follow_redirects=True)


def test_from_the_refusal_to_the_position(world: World, sign_in: Any, bare: Elevator) -> None:
    worker = sign_in(world.accounts["worker"])
    page = worker.get(f"/m/e/{bare.code}?latitude=30.6&longitude=119.9").text
    assert "电梯尚未标注位置" in page and f'href="/m/position/{bare.code}"' in page
    page = worker.get(f"/m/position/{bare.code}").text
    assert "开始定位" in page and "标牌情况" in page and "尚未标注" in page
    refused = post(worker, f"/m/position/{bare.code}", samples="30.6,119.9,80", plate_state="damaged")
    assert refused.status_code == 422 and "定位精度" in refused.text and "定位次数" in refused.text
    ticked = {"plate_state": "intact", "network": ["mobile", "telecom"]}
    done = post(worker, f"/m/position/{bare.code}", samples=READINGS, **ticked)
    assert "位置已标注，可以签到" in done.text and "采集记录" in done.text
    assert f'href="/m/e/{bare.code}">去签到' in done.text
    world.session.rollback()
    world.session.refresh(bare)
    assert (bare.plate_state, bare.network) == ("intact", "mobile_telecom")
    assert bare.latitude == pytest.approx(30.6, abs=1e-4)
    assert "电梯尚未标注位置" not in worker.get(f"/m/e/{bare.code}?latitude=30.6&longitude=119.9").text


def test_a_move_is_sent_for_review_with_its_photos(world: World, sign_in: Any) -> None:
    officer = sign_in(world.accounts["safety_officer"])
    page = post(
        officer, f"/m/position/{world.own.code}", samples=READINGS, note="楼栋标错了",
        photo=(io.BytesIO(picture("JPEG")), "门口.jpg"),
    )  # fmt: skip
    assert "已送监管部门审核" in page.text and "正在审核" in page.text
    world.session.rollback()
    asked = world.session.scalar(select(Application).where(Application.kind == "correction"))
    kept = world.session.scalars(select(Attachment).where(Attachment.entity_id == asked.id)).all()
    assert len(kept) == 1 and kept[0].entity == "application"
    shown = sign_in(world.accounts["region_admin"]).get(f"/applications/{asked.id}").text
    assert "信息纠错" in shown and "与原位置相距" in shown and "楼栋标错了" in shown and "纬度" in shown


def test_none_and_a_network_at_once_is_told(world: World, sign_in: Any) -> None:
    answer = post(sign_in(world.accounts["worker"]), f"/m/position/{world.own.code}", network=["none", "mobile"])
    assert answer.status_code == 422 and "网络覆盖" in answer.text


def test_a_correction_by_hand(world: World, sign_in: Any) -> None:
    worker = sign_in(world.accounts["worker"])
    page = worker.get(f"/m/correct/{world.own.code}").text
    assert world.own.address in page and "送审" in page
    refused = post(worker, f"/m/correct/{world.own.code}", stops="x", reason="")
    assert refused.status_code == 422 and "站数" in refused.text
    assert "已送审，编号 JC" in post(worker, f"/m/correct/{world.own.code}", stops="12", reason="铭牌").text
    page = worker.get(f"/m/correct/{world.own.code}").text
    assert "办结后才能再提交" in page
    # What is kept on a phone is its writer's alone, and gone once he has sent it: the next one read his words.
    kept = f"correct-{world.own.id}-{world.accounts['worker'].id}"
    assert f'data-kept="{kept}"' in page and "data-keep=" not in page
    other = world.accounts["maintenance_head"]
    page = sign_in(other).get(f"/m/correct/{world.own.code}").text
    assert f'data-keep="correct-{world.own.id}-{other.id}"' in page and "data-kept=" not in page


@pytest.mark.parametrize("path", ["/m/position/", "/m/correct/"])
def test_another_firms_elevator_is_not_there(world: World, sign_in: Any, path: str) -> None:
    assert sign_in(world.accounts["worker"]).get(path + world.foreign.code).status_code == 404
    assert sign_in(world.accounts["inspector"]).get(path + world.own.code).status_code == 403
    assert sign_in(world.accounts["worker"]).get(path + "没有/这台").status_code == 404


# --- at the desk


def version_of(page: str) -> str:
    return page.split('name="row_version" value="')[1].split('"')[0]


def test_set_on_the_map_it_is_a_draft_like_any_change(world: World, sign_in: Any, bare: Elevator) -> None:
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get(f"/elevators/{bare.id}").text
    assert f'href="/elevators/{bare.id}/position"' in page and "尚未标注位置，维保员不能签到" in page
    page = clerk.get(f"/elevators/{bare.id}/position").text
    assert "data-pick" in page and world.own.code in page and "WGS-84" in page
    place = {"row_version": version_of(page), "latitude": "30.6", "longitude": "119.9"}
    post(clerk, f"/elevators/{bare.id}/position", **place)
    world.session.rollback()
    world.session.refresh(bare)
    assert bare.latitude is None and bare.filing_state == "draft"
    assert "30.6" in clerk.get(f"/elevators/{bare.id}").text
    again = clerk.get(f"/elevators/{bare.id}/position").text
    place |= {"row_version": version_of(again), "latitude": "30.7", "then": "submit"}
    post(clerk, f"/elevators/{bare.id}/position", **place)
    world.session.rollback()
    world.session.refresh(bare)
    assert bare.filing_state == "pending"


@pytest.mark.parametrize(
    "place", [{"latitude": "", "longitude": "119"}, {"latitude": "95", "longitude": "119"}, {"drawn": "x,y"}, {}]
)
def test_what_is_no_place_is_told(world: World, sign_in: Any, bare: Elevator, place: dict[str, str]) -> None:
    clerk = sign_in(world.accounts["clerk"])
    answer = post(clerk, f"/elevators/{bare.id}/position", row_version="1", **place)
    assert answer.status_code == 422 and "没有保存" in answer.text


def test_drawn_on_a_shifted_map_it_is_shifted_back(
    world: World, sign_in: Any, bare: Elevator, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAP_TILES", "https://tiles.example.com/{z}/{x}/{y}.png")
    monkeypatch.setitem(app.config, "MAP_TILES_DATUM", "bd09")
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get(f"/elevators/{bare.id}/position")
    assert "tiles.example.com" in page.headers["Content-Security-Policy"]
    drawn = to_datum((30.6, 119.9), Datum.BD09)
    point = {"drawn": f"{drawn[0]:.7f},{drawn[1]:.7f}", "latitude": "", "longitude": ""}
    place = {"row_version": version_of(page.text)} | point
    post(clerk, f"/elevators/{bare.id}/position", **place)
    caller = Caller(app, world, "clerk")
    draft = caller.get(f"/elevators/{bare.id}/draft").json
    assert abs(draft["data"]["latitude"] - 30.6) < 1e-6 and abs(draft["data"]["longitude"] - 119.9) < 1e-6


def test_lists_find_what_is_missing(world: World, sign_in: Any, bare: Elevator) -> None:
    world.own.plate_state = "damaged"
    world.session.commit()
    browser = sign_in(world.accounts["region_admin"])
    page = browser.get("/elevators/?f_located=0").text
    assert bare.code in page and world.own.code not in page.split("<tbody>")[1]
    page = browser.get("/elevators/?f_plate=damaged,none").text
    assert world.own.code in page and bare.code not in page.split("<tbody>")[1]
    report = browser.get("/reports/coverage").text
    assert "尚未标注位置" in report and "f_located=0" in report


# --- the interface


def test_the_interface_takes_captures_and_corrections(world: World, app: Any, bare: Elevator) -> None:
    worker = Caller(app, world, "worker")
    samples = [{"latitude": 30.6, "longitude": 119.9, "accuracy": 6}] * 3
    made = worker.post(f"/elevators/{bare.id}/captures", {"samples": samples, "plate_state": "intact"})
    assert made.status_code == 201 and made.json["outcome"] == "in_force" and made.json["application"] is None
    moved = worker.post(f"/elevators/{bare.id}/captures", {"samples": [s | {"latitude": 30.7} for s in samples]})
    assert moved.json["application"]["kind"] == "correction" and moved.json["moved"] > 10_000
    rows = worker.get(f"/elevators/{bare.id}/captures").json["rows"]
    assert [r["outcome"] for r in rows] == ["review", "in_force"]
    for wrong in ("x", [{}] * 3, [{"latitude": True}] * 3, samples * 60):
        assert worker.post(f"/elevators/{world.own.id}/captures", {"samples": wrong}).status_code == 422
    asked = worker.post(f"/elevators/{world.own.id}/corrections", {"changes": {"stops": 9}, "reason": "数过"})
    assert asked.status_code == 201
    for wrong in ({"changes": []}, {"changes": {"status": "scrapped"}}, {"changes": {"stops": [1]}}):
        assert worker.post(f"/elevators/{world.own.id}/corrections", wrong | {"reason": "x"}).status_code == 422
    assert worker.post(f"/elevators/{world.foreign.id}/captures", {"samples": samples}).status_code == 404
    kept = select(PositionCapture.id).where(PositionCapture.elevator_id == world.foreign.id)
    assert world.session.scalar(kept) is None
