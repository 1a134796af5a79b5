"""REP-01 on the pages: a report from desk or phone, by code or scan, and what its form leads to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, RepairOrder
from app.transaction import transaction
from app.workflows.oversight import anomalies
from app.workflows.rescue import rescues
from tests.factories import World
from tests.pages import flat
from tests.views.repairs.ground import H, photo, report
from tests.workflows.visit_world import arrive, leave

pytestmark = pytest.mark.feature("REP-03")


@pytest.mark.feature("REP-01")
def test_the_code_fills_the_elevator_in(at: Any, world: World) -> None:
    world.own.emergency_phone = "0398-5550096"
    world.session.commit()
    status, page = at("clerk", f"/repairs/new?elevator_id={world.own.id}")
    assert status == 200
    for shown in (world.own.code, world.use_unit.name, world.firm.name, world.own.address, "0398-5550096"):
        assert shown in page
    status, page = at("clerk", f"/repairs/about?elevator_id={world.own.id}")
    assert status == 200 and world.use_unit.name in page
    # Somebody else's elevator fills in nothing.
    assert world.other_use_unit.name not in at("clerk", f"/repairs/about?elevator_id={world.foreign.id}")[1]


@pytest.mark.feature("REP-01")
def test_a_report_with_a_photo_from_the_desk(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "level": "trapped", "fault": "有人被困", "photo": photo()}
    status, _page = at("clerk", "/repairs/new", form)
    row = world.session.scalars(select(RepairOrder)).one()
    assert status == 302 and (row.level, row.state) == ("trapped", "waiting")
    assert world.session.scalar(select(Attachment.entity_id).where(Attachment.entity == "repair_order")) == row.id
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "有人被困，先救人" in page and "现场.png" in page


@pytest.mark.feature("REP-01")
def test_a_refused_report_keeps_what_was_written(at: Any, world: World) -> None:
    status, page = at("clerk", "/repairs/new", {"elevator_id": str(world.own.id), "level": "", "fault": "门关不上"})
    assert status == 422 and "请选择故障级别" in page and "门关不上" in page
    status, page = at("clerk", "/repairs/new", {"level": "stopped"})
    assert status == 422 and "请选择电梯" in page


@pytest.mark.feature("REP-01", "ANO-02")
@pytest.mark.parametrize("door", ["/m/repairs/new", "/m/anomalies/new"])
def test_a_report_from_the_phone_begins_with_a_scan(at: Any, world: World, door: str) -> None:
    """The label's address names the elevator as its number does; other labels say no more than that they are none."""
    own, foreign = world.own, world.foreign
    for text in (f"https://tian.example.invalid/m/p/{own.public_token}", own.public_token, f"/m/e/{own.code}"):
        status, page = at("worker", f"{door}?code={quote(text)}")
        assert status == 200 and f'name="elevator_id" value="{own.id}"' in flat(page), text
        first = flat(page).partition('class="fd-first"')[2].partition("</div>")[0]
        assert "有人被困" in first and 'class="ta-a"' not in first, "a button, not a word in a line"
    asked = [at("worker", f"{door}?code={quote(f'https://tian.example.invalid/m/p/{token}')}") for token in
             (foreign.public_token, "nobodys", "x" * 300)]  # fmt: skip
    asked.append(at("worker", f"{door}?code={quote('https://pay.example.invalid/q?to=8F3A')}"))
    for status, page in asked:
        assert status == 200 and "扫到的不是您范围内电梯的标签" in page
        assert 'id="code" name="code" value=""' in flat(page)
        assert foreign.address not in page and foreign.code not in page and "没有找到识别码" not in page
    assert "data-camera-start" in page and "这个浏览器不能直接扫码" in page


@pytest.mark.feature("REP-01")
def test_a_report_from_the_phone_of_the_use_unit(at: Any, world: World) -> None:
    status, page = at("safety_officer", "/m/repairs/new")
    assert status == 200 and world.own.code in page
    status, page = at("safety_officer", "/m/repairs/new?code=99999999")
    assert status == 200 and "没有找到识别码 99999999" in page
    place = f"{world.own.estate or ''} {world.own.address[:4]}".strip()
    status, page = at("safety_officer", f"/m/repairs/new?code={place}")
    assert status == 200 and f"elevator_id={world.own.id}" in page and "没有找到" not in page
    assert f"elevator_id={world.foreign.id}" not in at("safety_officer", "/m/repairs/new?code=路")[1]
    assert 'href="/m/repairs/new"' in at("safety_officer", "/m/reviews")[1], "one press from the first page"
    assert "data-camera-start" in page
    form = {"elevator_id": str(world.own.id), "level": "running", "fault": "抖动"}
    assert at("safety_officer", "/m/repairs/new", form)[0] == 302
    row = world.session.scalars(select(RepairOrder)).one()
    assert at("safety_officer", f"/m/repairs/{row.id}", {"verb": "cancel", "reason": "好了"})[0] == 302
    world.session.refresh(row)
    assert row.state == "cancelled"


def test_confirming_a_visit_asks_whether_to_repair(at: Any, session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, visit.checked_in_at + H, problem="门锁磨损")
    page = at("safety_officer", f"/m/reviews/{visit.id}")[1]
    assert "是否需要报修" in page
    form = {"verb": "confirm", "repair": "yes", "repair_note": "请换新的"}
    assert at("safety_officer", f"/m/reviews/{visit.id}", form)[0] == 302
    row = session.scalars(select(RepairOrder)).one()
    assert (row.source, row.use_note, row.visit_id) == ("review", "请换新的", visit.id)
    page = at("clerk", f"/repairs/{row.id}")[1]
    assert "请换新的" in page and f"/visits/{visit.id}" in page
    assert f"/repairs/{row.id}" in at("clerk", f"/visits/{visit.id}")[1]


@pytest.mark.feature("RES-01")
def test_the_form_leads_to_the_open_rescue_or_to_reporting_one(sign_in: Any, world: World) -> None:
    assert world.own.public_token
    about = f"/repairs/about?elevator_id={world.own.id}"
    client = sign_in(world.accounts["safety_officer"])
    text = client.get(about).text
    assert "还没有报警" in text and f"/m/p/{world.own.public_token}/trapped" in text
    with transaction(world.session):
        case = rescues.report(world.session, None, world.own, source="page", at=clock.now())
    text = client.get(about).text
    assert "正在救援中" in text and f"/rescues/{case.id}" in text and "还没有报警" not in text
    row = report(world, level="trapped", fault="有人被困")
    assert f'href="/rescues/{case.id}"' in client.get(f"/repairs/{row.id}").text
    phone = client.get(f"/m/repairs/new?elevator_id={world.own.id}", follow_redirects=True).text
    assert f"/m/rescues/{case.id}" in phone
    # An anomaly that is passed on names the case at the desk and on the phone.
    with transaction(world.session):
        finder = world.actor("safety_officer")
        odd = anomalies.report(world.session, finder, world.own.id, "trapped", "有人", clock.now())
        anomalies.handle(world.session, world.actor("clerk"), odd.id, "rescue", "", clock.now())
    assert f"/rescues/{case.id}" in client.get(f"/anomalies/{odd.id}").text
    assert f"/m/rescues/{case.id}" in client.get(f"/m/anomalies/{odd.id}").text


@pytest.mark.feature("REP-01", "REP-02")
def test_the_office_finds_the_way_from_the_phone_to_where_one_assigns(at: Any, world: World) -> None:
    row = report(world)
    way = f'href="/repairs/{row.id}">去派工'
    assert way in at("maintenance_head", f"/m/repairs/{row.id}")[1]
    assert way not in at("safety_officer", f"/m/repairs/{row.id}")[1]


def test_photos_of_a_report_are_sent_by_the_usual_field(at: Any, world: World) -> None:
    for path in ("/m/repairs/new", "/m/anomalies/new"):
        page = at("safety_officer", f"{path}?code={world.own.code}")[1]
        assert 'data-upload="photo"' in page and 'class="fd-file"' not in page
