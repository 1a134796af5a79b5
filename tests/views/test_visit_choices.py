"""What a worker chooses at a visit: the level where no order waits, kinds of fault, his face or not (MNT-01 to 05)."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import FaceCheck, MaintenanceOrder, RepairOrder, Visit
from app.rules.levels import Level, level_on_site
from app.rules.visit_faults import faults_findings
from app.transaction import transaction
from app.workflows.people import consents
from app.workflows.visits import face_checks, offline
from app.workflows.visits.offline import Moment
from tests.api.test_label_photos_api import START, URL, Caller
from tests.conftest import csrf
from tests.faces import ALIKE, OTHER, Service, face_service
from tests.factories import World, make_ledger, make_policy, picture
from tests.views.test_visit_photo_pages import HERE, ahead, post, sheet
from tests.workflows.offline.ground import kept, well_done
from tests.workflows.visit_world import arrive

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def huzhou(session: Any, world: World) -> World:
    make_policy(session, "preset", "huzhou")
    make_ledger(session, world.own, next_level="quarter")
    session.commit()
    return world


def order(session: Any, world: World, level: str) -> MaintenanceOrder:
    today = clock.today()
    row = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, planned_on=today,
        limit_on=today, level=level, origin="auto", state="open", created_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row


def visit_of(session: Any) -> Visit:
    session.rollback()
    return session.scalars(select(Visit)).one()  # type: ignore[no-any-return]


# --- the level


@pytest.mark.feature("MNT-01", "PLN-02")
@pytest.mark.parametrize(
    ("waits", "due", "chosen", "level"),
    [("annual", "quarter", "half_month", "annual"), (None, "quarter", None, "quarter"),
     (None, None, None, "half_month"), (None, "quarter", "annual", "annual"),
     (None, "annual", "half_month", "half_month"), ("half_month", "annual", "annual", "half_month")],
)  # fmt: skip
def test_an_order_says_what_is_done_else_whoever_is_there(
    waits: str | None, due: str | None, chosen: str | None, level: str
) -> None:
    assert level_on_site(waits, due, chosen) is Level(level)


@pytest.mark.feature("MNT-01")
def test_the_phone_offers_the_four_with_what_is_due(session: Any, huzhou: World, sign_in: Any) -> None:
    client, url = sign_in(huzhou.accounts["worker"]), f"/m/e/{huzhou.own.code}"
    text = client.get(url).text
    chosen = re.findall(r'name="level"\s+value="(\w+)"( checked)?', text)
    assert chosen == [("half_month", ""), ("quarter", " checked"), ("half_year", ""), ("annual", "")]
    wrong = post(client, url, HERE | {"level": "weekly"})
    assert wrong.status_code == 422 and "没有“weekly”这个频次" in wrong.text
    assert post(client, url, HERE | {"level": "annual"}).status_code == 302
    row = visit_of(session)
    assert (row.level, row.order_id) == ("annual", None)


@pytest.mark.feature("MNT-01")
def test_where_a_task_waits_there_is_nothing_to_choose(session: Any, huzhou: World, sign_in: Any) -> None:
    task = order(session, huzhou, "half_year")
    client, url = sign_in(huzhou.accounts["worker"]), f"/m/e/{huzhou.own.code}"
    assert 'name="level"' not in client.get(url).text
    # A page from before the night that made the task.
    assert post(client, url, HERE | {"level": "half_month"}).status_code == 302
    row = visit_of(session)
    assert (row.level, row.order_id) == ("half_year", task.id)


@pytest.mark.feature("MNT-01")
def test_by_the_interface_and_where_nothing_is_said(app: Any, huzhou: World) -> None:
    body, caller = {"code": huzhou.own.code, "latitude": 30.5, "longitude": 120.5}, Caller(app, huzhou)
    assert caller.post(URL, body | {"level": "year"}).status_code == 422
    told = caller.post(URL, body)
    assert told.status_code == 201 and told.json["level"] == "quarter" and told.json["face"] is None


@pytest.mark.feature("MNT-05")
def test_what_was_chosen_without_network_counts_where_no_task_waits(session: Any, huzhou: World) -> None:
    one = kept(huzhou, minutes=None)
    began = Moment(one.began.text, one.began.shown_at, one.began.position, level="half_year")  # type: ignore[union-attr]
    with transaction(session):
        row = offline.receive(session, huzhou.actor("worker"), replace(one, began=began), one.phone.received_at)
    assert row.level == "half_year"


# --- faults


@pytest.fixture
def running(session: Any, huzhou: World) -> Visit:
    return arrive(session, huzhou, clock.now() - 40 * MINUTE)


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("kinds", "told", "said"),
    [([], "", []), (["door", "brake"], "", []), (["other"], "", ["选了“其他故障”，没有写明"]), (["other"], "异响", []),
     (["wheels"], "", ["没有“wheels”这类故障"])],
)  # fmt: skip
def test_what_kinds_want(kinds: list[str], told: str, said: list[str]) -> None:
    assert [f.found for f in faults_findings(kinds, told, {"door", "brake", "other"})] == said


@pytest.mark.feature("MNT-04")
def test_several_kinds_are_ticked_and_shown_everywhere(
    session: Any, running: Visit, huzhou: World, sign_in: Any
) -> None:
    client, key = sign_in(huzhou.accounts["worker"]), running.id
    page, form = f"/m/visits/{key}", sheet(running)
    assert len(re.findall(r'name="faults"', client.get(page).text)) == 11
    nothing = post(client, f"{page}/out", form | {"fault": "some"})
    assert nothing.status_code == 422 and "请填写故障反馈" in nothing.text
    other = post(client, f"{page}/out", form | {"fault": "some", "faults": ["door", "other"]})
    assert other.status_code == 422 and "选了“其他故障”" in other.text
    assert len(re.findall(r'value="(?:door|other)" checked', other.text)) == 2
    done = post(
        client, f"{page}/out", form | {"fault": "some", "faults": ["door", "power"], "problem": "门刀松动，已紧固"}
    )
    assert done.status_code == 302, done.text
    row = visit_of(session)
    assert (row.faults, row.problem) == (["power", "door"], "门刀松动，已紧固")
    assert row.feedback == "供电异常或电压不稳、门系统：门刀松动，已紧固"
    desk = sign_in(huzhou.accounts["inspector"])
    for text in (client.get(page).text, desk.get(f"/visits/{key}").text):
        assert "供电异常或电压不稳、门系统：门刀松动，已紧固" in text
    for kind, sees in (("door", True), ("brake", False), ("brake,power", True)):
        assert (f"/visits/{key}" in desk.get(f"/visits/?f_fault={kind}").text) is sees, kind
    assert "供电异常或电压不稳、门系统" in desk.get("/visits/?cols=code,faults").text


@pytest.mark.feature("MNT-04")
def test_no_fault_is_none_whatever_was_ticked_before(session: Any, running: Visit, huzhou: World, sign_in: Any) -> None:
    client = sign_in(huzhou.accounts["worker"])
    done = post(client, f"/m/visits/{running.id}/out", sheet(running) | {"fault": "none", "faults": ["door"]})
    assert done.status_code == 302
    row = visit_of(session)
    assert (row.faults, row.problem, row.feedback) == (None, None, None)


@pytest.mark.feature("MNT-05", "REP-01")
def test_by_the_phones_queue_and_in_the_repair_that_follows(session: Any, huzhou: World) -> None:
    done = well_done(problem=None, faults=["door", "brake"], repair=True)
    one = kept(huzhou, done=done)
    one = replace(one, began=replace(one.began, level="half_month"))  # type: ignore[type-var]
    with transaction(session):
        row = offline.receive(session, huzhou.actor("worker"), one, one.phone.received_at)
    assert row.faults == ["brake", "door"] and row.problem is None
    assert session.scalars(select(RepairOrder.fault)).all() == ["制动器、门系统"]


@pytest.mark.feature("MNT-04")
def test_kinds_by_the_interface(app: Any, session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou, START - 40 * MINUTE)
    given, url = sheet(visit), f"{URL}/{visit.id}/check-out"
    results = [
        {"code": name[7:], "result": "ok", "value": given.get(f"value-{name[7:]}", "")}
        for name in given if name.startswith("result-")
    ]  # fmt: skip
    body = {"code": huzhou.own.code, "latitude": 30.5, "longitude": 120.5, "results": results}
    caller = Caller(app, huzhou)
    for wrong in ("door", ["door"] * 12, [1], {"door": True}, ["wheels"]):
        assert caller.post(url, body | {"faults": wrong}).status_code == 422, wrong
    told = caller.post(url, body | {"faults": ["door", "door", "car"]})
    assert told.status_code == 200 and told.json["faults"] == ["door", "car"] and told.json["problem"] is None


# --- the face


@pytest.fixture
def service() -> Iterator[Service]:
    with face_service() as held:
        yield held


@pytest.fixture
def compared(session: Any, huzhou: World) -> World:
    make_policy(session, "person_proof", "face")
    make_policy(session, "face_attempts", 2)
    session.commit()
    with transaction(session):
        consents.give_face(
            session, huzhou.actor("worker"), io.BytesIO(picture("JPEG", colour="#112233")), "本人.jpg", True,
            clock.now(),
        )  # fmt: skip
        consents.agree_to_compare(session, huzhou.actor("worker"), True, clock.now())
    return huzhou


@pytest.mark.feature("PER-10", "MNT-02")
def test_on_the_phone_refused_twice_then_the_way_without(
    session: Any, compared: World, service: Service, sign_in: Any
) -> None:
    service.says = [OTHER]
    client, url = sign_in(compared.accounts["worker"]), f"/m/e/{compared.own.code}"
    text = client.get(url).text
    assert "您已同意比对" in text and 'name="without_face"' in text
    first = ahead(client, "selfie")
    refused = post(client, url, HERE | {"selfie_ids": first})
    assert refused.status_code == 422 and "照片与登记的人脸照片不一致" in refused.text
    # That photo is not wanted any more.
    assert f'name="selfie_ids" value="{first}"' not in refused.text
    second = ahead(client, "selfie")
    last = post(client, url, HERE | {"selfie_ids": second})
    assert last.status_code == 422 and "刷脸失败次数过多" in last.text and 'href="#without-face"' in last.text
    # This one is: only the tick is missing, and it stands there.
    assert f'name="selfie_ids" value="{second}"' in last.text
    assert re.search(r'name="without_face"\s+value="1" checked', last.text)
    assert post(client, url, HERE | {"selfie_ids": second, "without_face": "1"}).status_code == 302
    row = visit_of(session)
    key, found = row.id, session.scalars(select(FaceCheck)).one()
    assert (found.visit_id, found.state, found.failures) == (key, "unmatched", 2)

    # The desk sees it, is led to it, and says what it saw; the use unit learns nothing of it.
    assert f"/visits/{key}" not in sign_in(compared.accounts["use_head"]).get("/visits/?tab=face").text
    desk = sign_in(compared.accounts["inspector"])
    assert f"/visits/{key}" in desk.get("/visits/?tab=face").text
    assert "人脸待核对" in desk.get("/visits/").text
    compared_by = face_checks._asker
    face_checks.use(None)
    try:  # nothing is compared any more, and this one still waits for its look
        assert "人脸待核对" in desk.get("/visits/").text
    finally:
        face_checks.use(compared_by)
    assert f"/visits/{key}" in desk.get("/visits/?f_face=unmatched").text
    assert f"/visits/{key}" not in desk.get("/visits/?f_face=matched").text
    page = desk.get(f"/visits/{key}").text
    assert 'id="face"' in page and "不一致" in page and 'name="verdict"' in page
    wrong = send(desk, f"/visits/{key}/face", {"verdict": "other"})
    assert wrong.status_code == 422 and "请写明从哪里看出" in wrong.text
    assert send(desk, f"/visits/{key}/face", {"verdict": "same"}).status_code == 302
    assert f"/visits/{key}" not in desk.get("/visits/?tab=face").text
    assert "人脸待核对" in desk.get("/visits/").text
    face_checks.use(None)
    try:  # an installation where nothing is compared, nor waits
        assert "人脸待核对" not in desk.get("/visits/").text
    finally:
        face_checks.use(compared_by)
    head = sign_in(compared.accounts["maintenance_head"]).get(f"/visits/{key}").text
    assert 'id="face"' in head and 'name="verdict"' not in head
    use = sign_in(compared.accounts["use_head"])
    assert 'id="face"' not in use.get(f"/visits/{key}").text
    assert f"/visits/{key}" not in use.get("/visits/?f_face=unmatched").text
    assert f"/visits/{key}" in use.get("/visits/").text


def send(client: Any, url: str, form: dict[str, Any]) -> Any:
    return client.post(url, data={"csrf_token": csrf(client), **form})


@pytest.mark.feature("PER-10", "MNT-02")
def test_by_the_interface_the_same(app: Any, compared: World, service: Service) -> None:
    service.says = [OTHER, OTHER, ALIKE]
    caller, body = Caller(app, compared), {"code": compared.own.code, "latitude": 30.5, "longitude": 120.5}

    def tried(**more: Any) -> Any:
        return caller.post(URL, body | {"selfie_ids": [caller.photo("selfie")]} | more)

    fields = [[e["field"] for e in tried().json["errors"] if e["field"]] for _ in range(2)]
    assert fields == [["selfie"], ["without_face"]]
    told = tried(without_face=True)
    assert told.status_code == 201, told.text
    assert told.json["face"]["state"] == "unmatched" and told.json["face"]["failures"] == 2
    office, door = Caller(app, compared, "inspector"), f"{URL}/{told.json['id']}/face"
    office.headers["Idempotency-Key"] = "look-0001"
    done = office.post(door, {"verdict": "unclear", "note": "光线太暗"})
    assert done.status_code == 200 and done.json["face"]["verdict"] == "unclear", done.text
    office.headers["Idempotency-Key"] = "look-0002"
    assert office.post(door, {"verdict": "same"}).status_code == 422
    assert Caller(app, compared, "use_head").get(f"{URL}/{told.json['id']}").json["face"] is None


@pytest.mark.feature("PER-10", "MNT-05")
def test_kept_without_network_it_is_compared_when_it_comes(
    session: Any, compared: World, service: Service, sign_in: Any
) -> None:
    client = sign_in(compared.accounts["worker"])
    number = int(ahead(client, "selfie"))
    session.rollback()
    now = clock.now()
    one = kept(compared, began=now - 60 * MINUTE, sent=now, contact=now - 120 * MINUTE, minutes=None)
    began = replace(one.began, selfie_ids=[number])  # type: ignore[type-var]
    with transaction(session):
        row = offline.receive(session, compared.actor("worker"), replace(one, began=began), now)
    found = session.scalars(select(FaceCheck).where(FaceCheck.visit_id == row.id)).one()
    assert (found.state, found.next_try_at, found.photo_id) == ("waiting", now, number) and service.asked == []


@pytest.mark.feature("PER-10")
def test_consent_to_comparing_is_given_and_taken_back_by_oneself(
    session: Any, huzhou: World, service: Service, sign_in: Any
) -> None:
    client = sign_in(huzhou.accounts["worker"])
    assert "/privacy/face/compare" not in client.get("/privacy/").text, "there is no photo yet"
    photo = io.BytesIO(picture("JPEG"))
    given = client.post("/privacy/face", data={"csrf_token": csrf(client), "agreed": "1", "face": (photo, "我.jpg")})
    assert given.status_code == 302
    assert "同意比对" in client.get("/privacy/").text
    session.rollback()
    assert consents.comparable(session, huzhou.worker.id) is None
    session.rollback()
    untold = send(client, "/privacy/face/compare", {})
    assert untold.status_code == 422 and "没有勾选" in untold.text
    assert send(client, "/privacy/face/compare", {"compare": "1"}).status_code == 302
    session.rollback()
    assert consents.comparable(session, huzhou.worker.id) is not None
    session.rollback()
    assert "不再比对" in client.get("/privacy/").text
    assert send(client, "/privacy/face/compare", {"off": "1"}).status_code == 302
    session.rollback()
    assert consents.comparable(session, huzhou.worker.id) is None
    assert consents.face_of(session, huzhou.worker.id) is not None
