"""MNT-04, MNT-01 on the phone and at the desk: a field for each place, the photo of the person, who sees it."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, Visit
from app.reference import items_for
from app.transaction import transaction
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World, make_policy, picture
from tests.pages import flat
from tests.workflows.visit_world import arrive, file_of

HERE = {"latitude": "30.5", "longitude": "120.5"}
KINDS = ("photo_pit", "photo_top", "photo_room")


@pytest.fixture
def town(session: Any, world: World) -> World:
    make_policy(session, "preset", "quanzhou")
    session.commit()
    return world


def post(client: Any, url: str, form: dict[str, Any]) -> Any:
    sent = {"csrf_token": csrf(client, "/m/me"), **form}
    return client.post(url, data=sent, content_type="multipart/form-data")


def photo(colour: str = "#3a6ea5") -> tuple[io.BytesIO, str]:
    return io.BytesIO(picture("JPEG", (400, 300), colour)), "现场.jpg"


def ahead(client: Any, kind: str) -> str:
    sent = post(client, "/files/", {"kind": kind, "file": photo()})
    assert sent.status_code == 201, sent.text
    return str(sent.json["id"])


def sheet(visit: Visit) -> dict[str, Any]:
    items = items_for(visit.snapshot["category"], visit.level)
    given = {f"result-{i.code}": "ok" for i in items} | {f"value-{i.code}": "合格" for i in items if i.needs_test}
    return {**HERE, **given, "mode": "items", "fault": "none", "code": str(visit.snapshot["code"])}


@pytest.fixture
def running(session: Any, town: World) -> Visit:
    return arrive(session, town, clock.now() - dt.timedelta(minutes=40))


@pytest.mark.feature("MNT-04")
def test_the_form_has_a_camera_for_each_place_that_is_asked_for(town: World, running: Visit, sign_in: Any) -> None:
    text = sign_in(town.accounts["worker"]).get(f"/m/visits/{running.id}").text
    fields = re.findall(r'data-upload="(photo[a-z_]*)"', text)
    assert fields == [*KINDS, "photo"]
    for kind in fields:
        field = re.search(rf'<input class="ta-up__in"[^>]*id="{kind}"[^>]*>', text)
        # The browser asks for none of them: without a line the photo waits on the phone.
        assert field and 'capture="environment"' in field[0] and "required" not in field[0]
    assert "底坑照片" in text and "没有机房的拍驱动主机或控制柜" in text and "附加照片" in text


@pytest.mark.feature("MNT-04")
def test_where_nothing_is_asked_there_is_one_field(session: Any, world: World, sign_in: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    row = arrive(session, world, clock.now() - dt.timedelta(minutes=40))
    text = sign_in(world.accounts["worker"]).get(f"/m/visits/{row.id}").text
    assert re.findall(r'data-upload="(photo[a-z_]*)"', text) == ["photo"] and "附加照片" not in text


@pytest.mark.feature("MNT-04")
def test_a_refused_check_out_names_the_places_and_keeps_what_was_sent(
    session: Any, town: World, running: Visit, sign_in: Any
) -> None:
    client = sign_in(town.accounts["worker"])
    key, form = running.id, sheet(running)
    pit = ahead(client, "photo_pit")
    answer = post(client, f"/m/visits/{key}/out", form | {"photo_pit_ids": pit})
    text = flat(answer.text)
    assert answer.status_code == 422
    assert 'href="#places"' in answer.text and "机房照片" in text and "请在“轿顶照片”里拍一张轿顶再签退" in text
    assert f'name="photo_pit_ids" value="{pit}"' in answer.text
    done = post(
        client, f"/m/visits/{key}/out",
        form | {"photo_pit_ids": pit, "photo_top_ids": ahead(client, "photo_top"), "photo_room": photo("#7b6a55")},
    )  # fmt: skip
    assert done.status_code == 302, done.text
    session.rollback()
    kinds = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == key)
    assert sorted(session.scalars(kinds)) == sorted(KINDS)
    # By place, with its name, for the worker, for the use unit and at the desk.
    record = client.get(f"/m/visits/{key}").text
    captions = re.findall(r"<small>(底坑照片|轿顶照片|机房照片)</small>", record)
    assert captions == ["底坑照片", "轿顶照片", "机房照片"]
    desk = sign_in(town.accounts["inspector"]).get(f"/visits/{key}").text
    assert re.findall(r"<small>(底坑照片|轿顶照片|机房照片)　", desk) == captions


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("hours", "late", "said"),
    [
        (48, True, "签退后 48 小时内在“记录”里上传维保单照片；逾期为不合规。"),
        (24, False, "签退后 24 小时内在“记录”里上传维保单照片。"),
        (None, True, "签退后在“记录”里上传维保单照片。"),
    ],
)
def test_the_hours_of_the_sheet_are_those_of_the_region(
    session: Any, world: World, sign_in: Any, hours: int | None, late: bool, said: str
) -> None:
    make_policy(session, "sheet_hours", hours)
    make_policy(session, "sheet_makes_nonconforming", late)
    session.commit()
    row = arrive(session, world, clock.now() - dt.timedelta(minutes=40))
    text = flat(sign_in(world.accounts["worker"]).get(f"/m/visits/{row.id}").text)
    assert re.findall(r"签退后[^<]*“记录”里上传维保单照片[^<]*", text) == [said]


@pytest.mark.feature("PER-07")
@pytest.mark.parametrize(
    ("general", "others", "said"),
    [
        (90, None, "普工 90，中级工 不限，高级工 不限，技师 不限"),
        (None, 120, "普工 不限，中级工 120，高级工 120，技师 120"),
        (None, None, "本地区不限每月台次"),
    ],
)  # fmt: skip
def test_numbers_on_the_phone_are_those_of_the_region(
    session: Any, world: World, sign_in: Any, general: int | None, others: int | None, said: str
) -> None:
    make_policy(session, "quota_general", general)
    for grade in ("intermediate", "senior", "technician"):
        make_policy(session, f"quota_{grade}", others)
    make_policy(session, "horizon_days", 9)
    session.commit()
    client = sign_in(world.accounts["worker"])
    assert "近 9 天没有维保任务" in flat(client.get("/m/").text)
    assert said in flat(client.get("/m/me/data").text)


@pytest.fixture
def watched(session: Any, world: World) -> World:
    make_policy(session, "preset", "huzhou")
    make_policy(session, "person_proof", "photo")
    session.commit()
    return world


@pytest.mark.feature("MNT-01", "MNT-02")
def test_the_person_is_photographed_first(session: Any, watched: World, sign_in: Any) -> None:
    client, url = sign_in(watched.accounts["worker"]), f"/m/e/{watched.own.code}"
    text = client.get(f"{url}?latitude=30.5&longitude=120.5").text
    assert 'data-upload="selfie"' in text and 'capture="user"' in text and "180 天后删除" in text
    assert "现在还不能签到" not in text
    refused = post(client, url, HERE)
    assert refused.status_code == 422 and "请对本人进行拍摄" in refused.text and 'href="#selfie-card"' in refused.text
    assert session.scalar(select(Visit.id)) is None
    number = ahead(client, "selfie")
    # The small picture of what he just took is his to see.
    assert client.get(f"/files/{number}?thumb=1").status_code == 200
    begun = post(client, url, HERE | {"selfie_ids": number})
    assert begun.status_code == 302, begun.text
    session.rollback()
    row = session.scalars(select(Visit)).one()
    assert [f.kind for f in attachments.of(session, "visit", row.id)] == ["selfie"]


@pytest.mark.feature("MNT-01")
def test_where_nobody_asks_for_it_there_is_no_field(session: Any, world: World, sign_in: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    assert 'data-upload="selfie"' not in sign_in(world.accounts["worker"]).get(f"/m/e/{world.own.code}").text


@pytest.mark.feature("PER-03", "PER-10")
def test_the_record_shows_it_with_a_reason_only(session: Any, watched: World, sign_in: Any) -> None:
    began = clock.now() - dt.timedelta(hours=1)
    row = arrive(session, watched, began, selfie_ids=[file_of(session, watched, "selfie")])
    with transaction(session):
        for old in attachments.of(session, "visit", row.id):
            session.delete(old)
        kept = attachments.store(
            session, watched.actor("worker"), clock.now(), *photo(), "selfie", "visit", row.id, row.unit_id,
            row.region_code,
        )  # fmt: skip
    key, file = row.id, kept.id
    for who, sees in (("maintenance_head", True), ("inspector", True), ("use_head", False), ("worker", False)):
        text = sign_in(watched.accounts[who]).get(f"/visits/{key}").text
        assert (f'action="/reveal/visit/{key}"' in text) is sees, who
        assert f"/files/{file}" not in text, who
    client = sign_in(watched.accounts["inspector"])
    assert client.get(f"/files/{file}").status_code == 403
    shown = post(client, f"/reveal/visit/{key}", {"what": "selfie", "reason": "核对签到人"})
    assert shown.status_code == 200 and shown.mimetype == "image/jpeg" and shown.data[:3] == b"\xff\xd8\xff"
    # Among the photos of the phone's record there is none of him.
    assert f"/files/{file}" not in sign_in(watched.accounts["worker"]).get(f"/m/visits/{key}").text
