"""PAT-01: rounds over chosen elevators, results on the phone, what was left out."""

from __future__ import annotations

import datetime as dt
import io
import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import Notification, PatrolRound, PatrolStop
from app.transaction import transaction
from app.workflows.on_site import patrols
from tests.conftest import csrf
from tests.factories import World, make_elevator, picture

pytestmark = pytest.mark.feature("PAT-01")
DAY = dt.timedelta(days=1)


def plan(
    world: World, persona: str = "use_head", who: str = "safety_officer", days: int = 3, **more: Any
) -> PatrolRound:
    keys = more.get("ids", [world.own.id])
    with transaction(world.session):
        return patrols.plan(
            world.session, world.actor(persona), more.get("title", "月初巡检"), clock.today() + days * DAY,
            world.accounts[who].id, keys, clock.now(), "看机房",
        )  # fmt: skip


def check(world: World, stop: PatrolStop, persona: str = "safety_officer", **more: Any) -> PatrolStop:
    given = {"is_fine": True} | more
    with transaction(world.session):
        return patrols.check(world.session, world.actor(persona), stop.id, clock.now(), **given)


@pytest.fixture
def two(world: World) -> PatrolRound:
    second = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    return plan(world, ids=[world.own.id, second.id, world.own.id])


def test_a_round_from_plan_to_its_last_stop(world: World, two: PatrolRound) -> None:
    told = world.session.query(Notification).filter_by(topic="patrol").one()
    assert told.recipient_id == world.accounts["safety_officer"].id and "2 台" in (told.body or "")
    first, second = two.stops
    check(world, first)
    assert two.closed_at is None
    check(world, second, is_fine=False, finding="层门变形", handled="已报修")
    world.session.refresh(two)
    assert two.closed_at is not None and (second.finding, second.handled) == ("层门变形", "已报修")
    found = world.session.query(Notification).filter_by(topic="patrol").order_by(Notification.id.desc()).first()
    assert found.recipient_id == world.accounts["use_head"].id and "发现问题" in found.title
    assert patrols.left_out(two, two.due_on + DAY) == 0


def test_what_was_left_out_shows_when_over(world: World, two: PatrolRound) -> None:
    check(world, two.stops[0])
    assert (patrols.left_out(two, two.due_on), patrols.left_out(two, two.due_on + DAY)) == (0, 1)
    with transaction(world.session):
        patrols.close(world.session, world.actor("use_head"), two.id, clock.now())
    assert patrols.left_out(two, clock.today()) == 1
    with pytest.raises(Stale):
        check(world, two.stops[1])


def test_a_result_stands_and_a_finding_says_what(world: World, two: PatrolRound) -> None:
    with pytest.raises(Refusal, match="没有写明"):
        check(world, two.stops[0], is_fine=False, finding=" ")
    with pytest.raises(Refusal, match="没有选择"):
        check(world, two.stops[0], is_fine=None)
    check(world, two.stops[0])
    with pytest.raises(Stale, match="不再修改"):
        check(world, two.stops[0], is_fine=False, finding="晚了")


@pytest.mark.parametrize(
    ("persona", "error"), [("use_head", NotAllowed), ("inspector", NotAllowed), ("other_inspector", NotFound)]
)
def test_only_the_patroller_gives_results(world: World, two: PatrolRound, persona: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(world, two.stops[0], persona)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"title": " "}, "title"), ({"days": -1}, "due_on"), ({"ids": []}, "ids"), ({"who": "worker"}, "account_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plan(world: World, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        plan(world, **more)
    assert [f.field for f in refused.value.findings if not f.ok] == [field]


def test_elevators_within_ones_scope_only(world: World) -> None:
    with pytest.raises(NotFound):
        plan(world, ids=[world.foreign.id])
    with pytest.raises(NotAllowed):
        plan(world, "safety_officer")
    with pytest.raises(NotAllowed):
        plan(world, "maintenance_head", "clerk")


def test_a_regulators_round_is_the_offices_own(world: World) -> None:
    row = plan(world, "region_admin", "inspector")
    assert row.unit_id is None
    check(world, row.stops[0], "inspector", is_fine=False, finding="维保标志过期")
    assert world.session.scalars(scope.apply(select(PatrolRound), world.actor("use_head"))).all() == []
    with pytest.raises(NotAllowed), transaction(world.session):
        patrols.close(world.session, world.actor("region_admin"), plan(world).id, clock.now())


def test_the_last_stops_at_once_close_the_round(world: World, two: PatrolRound, database: Any) -> None:
    stops, who = [s.id for s in two.stops], world.actor("safety_officer")
    number = two.id
    world.session.commit()
    start = threading.Barrier(2)

    def work(key: int) -> None:
        start.wait()
        with Session(database.engine) as own, transaction(own):
            patrols.check(own, who, key, clock.now(), is_fine=True)

    threads = [threading.Thread(target=work, args=(key,)) for key in stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.session.expire_all()
    assert world.session.get(PatrolRound, number).closed_at is not None


def test_desk_and_phone(world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["use_head"])
    officer_id = world.accounts["safety_officer"].id
    token = csrf(head, "/patrols/new")
    sent = {
        "title": "节前巡检", "due_on": (clock.today() + DAY).isoformat(), "account_id": str(officer_id),
        "ids": [str(world.own.id)], "csrf_token": token,
    }  # fmt: skip
    assert "请选择日期" in head.post("/patrols/new", data=sent | {"due_on": ""}).text
    page = head.post("/patrols/new", data=sent, follow_redirects=True).text
    assert "节前巡检" in page and "未巡" in page and "进行中" in page
    officer = sign_in(world.accounts["safety_officer"])
    assert "节前巡检" in officer.get("/m/patrols").text
    phone = officer.get("/m/patrols/1").text
    assert world.own.code in phone and "/m/patrols/stops/1" in phone
    answer = {"csrf_token": csrf(officer), "result": "bad", "finding": ""}
    assert officer.post("/m/patrols/stops/1", data=answer).status_code == 422
    done = officer.post("/m/patrols/stops/1", data=answer | {"finding": "地坎有异物"}, follow_redirects=True)
    assert "地坎有异物" in done.text
    assert "地坎有异物" in head.get("/patrols/1").text and "节前巡检" in head.get("/patrols/?tab=found").text
    assert "节前巡检" not in sign_in(world.accounts["other_inspector"]).get("/patrols/?tab=all").text


PICTURE = picture()


def test_position_and_photos_stand_beside_the_result(world: World, two: PatrolRound, sign_in: Any) -> None:
    """Near, far, or without a place: all count, and what lacks shows at the desk and on the phone."""
    first, second = two.stops
    number, keys, secret = two.id, [first.id, second.id], world.own
    world.session.rollback()
    officer = sign_in(world.accounts["safety_officer"])
    token = csrf(officer)
    near = {"latitude": str(secret.latitude), "longitude": str(secret.longitude)}
    sent = {"csrf_token": token, "result": "fine", "photo": (io.BytesIO(PICTURE), "机房.png")} | near
    assert officer.post(f"/m/patrols/stops/{keys[0]}", data=sent).status_code == 302
    far = {"csrf_token": token, "result": "fine", "latitude": "0", "longitude": "0"}
    assert officer.post(f"/m/patrols/stops/{keys[1]}", data=far).status_code == 302
    world.session.rollback()
    row = world.session.get(PatrolRound, number)
    assert row.stops[0].distance == 0 and (row.stops[1].distance or 0) > 1_000_000
    assert patrols.lacking(world.session, row)[keys[0]] == []
    (photo,) = patrols.photos_of(world.session, row)[keys[0]]
    file, kept = photo.id, (photo.entity, photo.unit_id)
    assert kept == ("patrol_stop", world.use_unit.id)
    world.session.rollback()
    head = sign_in(world.accounts["use_head"])
    desk = head.get(f"/patrols/{number}").text
    assert "距电梯 0 米" in desk and "公里" in desk and f"/files/{file}?view=1" in desk
    assert f"/files/{file}" in officer.get(f"/m/patrols/{number}").text
    assert head.get(f"/files/{file}").data == PICTURE
    for persona in ("other_head", "maintenance_head", "other_inspector"):
        assert sign_in(world.accounts[persona]).get(f"/files/{file}").status_code == 404, persona


def test_without_a_place_it_says_so(world: World, two: PatrolRound) -> None:
    stop = check(world, two.stops[0])
    assert patrols.lacks(stop, 200) == ["没有位置"] and patrols.lacks(two.stops[1], 200) == []


def test_a_text_named_as_a_picture_is_refused_whole(world: World, two: PatrolRound, sign_in: Any) -> None:
    number, key = two.id, two.stops[0].id
    world.session.rollback()
    officer = sign_in(world.accounts["safety_officer"])
    sent = {
        "csrf_token": csrf(officer), "result": "fine", "photo": (io.BytesIO(b"<svg>"), "机房.png"),
    }  # fmt: skip
    answer = officer.post(f"/m/patrols/stops/{key}", data=sent)
    assert answer.status_code == 422 and "机房.png" in answer.text
    world.session.rollback()
    assert world.session.get(PatrolRound, number).stops[0].checked_at is None
