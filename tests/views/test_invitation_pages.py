"""Pages of invitations, of the invitee and of leaving (PER-01 to PER-07)."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app.models import AuditEntry, GradeCertificate, Invitation, Person
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World, make_ledger, make_person
from tests.field.test_phone import picture
from tests.workflows.invitations.ground import FORM, PHONE
from tests.workflows.test_one_unit import resident_id


@pytest.fixture
def world(world: World, app: Any) -> World:
    attachments.use_folder(app.config["UPLOAD_DIR"])
    return world


def post(client: Any, url: str, data: dict[str, Any], status: int = 302) -> Any:
    sent = data | {"csrf_token": csrf(client)}
    answer = client.post(url, data=sent)
    assert answer.status_code == status, f"{url}: {answer.status_code} {answer.get_data(as_text=True)[-3000:]}"
    return answer


def open_post(client: Any, page: str, url: str, data: dict[str, Any], status: int = 302) -> Any:
    """A post of somebody without account: the token stands in the form."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)[1]
    answer = client.post(url, data=data | {"csrf_token": token}, content_type="multipart/form-data")
    assert answer.status_code == status, f"{url}: {answer.status_code} {answer.text[-3000:]}"
    return answer


def invite(client: Any, world: World, **more: Any) -> str:
    """The link of a new invitation, as the page shows it once."""
    data = {"unit_id": str(world.firm.id), "name": "何一帆", "phone": PHONE, "kind": "worker"} | more
    page = post(client, "/invitations/new", data, 200)
    assert "no-store" in page.headers["Cache-Control"] and "<svg" in page.text
    return re.search(r"http://localhost(/m/join/[\w-]{43})", page.text)[1]


@pytest.mark.feature("PER-01", "PER-02")
def test_from_the_invitation_to_the_person(app: Any, session: Any, world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    link = invite(head, world, with_account="1")
    me = app.test_client()
    door = me.get(link).text
    # Whose link it is, is not told before the phone is proved.
    assert world.firm.name not in door and "何一帆" not in door and PHONE not in door
    assert "不正确" in open_post(me, link, f"{link}/prove", {"phone": "13900000000"}, 422).text
    assert me.get("/m/joining").status_code == 404
    assert open_post(me, link, f"{link}/prove", {"phone": PHONE}).location == "/m/joining"
    assert world.firm.name in me.get("/m/joining").text
    open_post(me, "/m/joining", "/m/joining/accept", {})
    wrong = open_post(me, "/m/joining", "/m/joining/data", FORM | {"name": ""}, 422).text
    assert "请拍摄身份证人像面" in wrong and FORM["certificate_no"] in wrong and FORM["password"] not in wrong
    files = {"identity": (io.BytesIO(picture()), "身份证.png"), "face": (io.BytesIO(picture(3)), "脸.png")}
    open_post(me, "/m/joining", "/m/joining/data", FORM | files)
    assert "等待单位审核" in me.get("/m/joining").text
    session.rollback()
    row = session.scalars(select(Invitation)).one()
    page = head.get(f"/invitations/{row.id}").text
    assert FORM["resident_id"] not in page and PHONE not in page and "139****2222" in page
    assert FORM["resident_id"] in post(head, f"/reveal/invitation/{row.id}", {"what": "resident_id"}, 200).text
    shown = post(head, f"/reveal/invitation/{row.id}", {"what": "identity"}, 200)
    assert shown.mimetype == "image/png" and shown.data.startswith(picture()[:8])
    post(head, f"/invitations/{row.id}/end", {"seen_version": row.row_version, "with_account": "1"})
    assert "已入职" in me.get("/m/joining").text
    session.rollback()
    person = session.scalars(select(Person).where(Person.name == FORM["name"])).one()
    assert person.unit_id == world.firm.id
    # Pictures of a person have no address of their own.
    stored = session.scalars(select(AuditEntry.after).where(AuditEntry.action == "attachment.store")).all()
    assert len(stored) == 2
    for after in stored:
        assert head.get(f"/files/{after['attachment']}").status_code == 403
    signed = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', signed.get("/login/").text)[1]
    data = {"username": PHONE, "password": FORM["password"], "csrf_token": token}
    assert signed.post("/login/", data=data).status_code == 302


@pytest.mark.feature("PER-01")
def test_links_that_open_nothing_are_alike(app: Any, session: Any, world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    link = invite(head, world)
    session.rollback()
    row = session.scalars(select(Invitation)).one()
    post(head, f"/invitations/{row.id}/cancel", {})
    nobody = app.test_client()
    answers = {nobody.get(path).status_code for path in (link, "/m/join/x", f"/m/join/{'x' * 43}", "/m/join-by/abc")}
    assert answers == {404}
    pages = {re.sub(r'nonce="[^"]*"', "", nobody.get(path).text) for path in (link, f"/m/join/{'x' * 43}")}
    assert len({re.sub(r"[\w-]{43}|请求编号 [0-9a-f]+", "", page) for page in pages}) == 1


@pytest.mark.feature("PER-01")
def test_a_clerk_waits_for_the_manager(session: Any, world: World, sign_in: Any) -> None:
    clerk = sign_in(world.accounts["clerk"])
    data = {"unit_id": str(world.firm.id), "name": "何一帆", "phone": PHONE, "kind": "worker"}
    post(clerk, "/invitations/new", data)
    session.rollback()
    row = session.scalars(select(Invitation)).one()
    assert "待主管审批" in clerk.get(f"/invitations/{row.id}").text
    post(clerk, f"/invitations/{row.id}/approve", {}, 403)
    head = sign_in(world.accounts["maintenance_head"])
    assert "/m/join/" in post(head, f"/invitations/{row.id}/approve", {}, 200).text
    listed = clerk.get("/invitations/?tab=open").text
    assert "何一帆" in listed and PHONE not in listed
    refused = post(clerk, "/invitations/new", data | {"phone": "1"}, 422).text
    assert 'value="何一帆"' in refused and "11 位" in refused


@pytest.mark.feature("PER-01")
def test_a_qr_picture_is_asked_by_and_continued_in_one_browser(
    app: Any, session: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.views.access.captcha.answered", lambda: None)
    head = sign_in(world.accounts["maintenance_head"])
    data = {"unit_id": str(world.firm.id), "kind": "worker", "hours": "24", "most": "3"}
    link = re.search(r"(/m/join-by/[\w-]{43})", post(head, "/invitations/posters", data, 200).text)[1]
    me = app.test_client()
    assert world.firm.name in me.get(link).text
    open_post(me, link, link, {"name": "何一帆", "phone": PHONE})
    assert "等待单位主管审批" in me.get(link).text
    session.rollback()
    row = session.scalars(select(Invitation)).one()
    post(head, f"/invitations/{row.id}/approve", {})
    assert me.get(link).location == "/m/joining"
    # Whoever only knows the number opens nothing.
    other = app.test_client()
    open_post(other, link, link, {"name": "何一帆", "phone": PHONE})
    assert other.get(link).status_code == 200 and other.get("/m/joining").status_code == 404


@pytest.mark.feature("PER-04")
def test_the_board_of_leaving(session: Any, world: World, sign_in: Any) -> None:
    heir = make_person(session, world.firm, "何一舟")
    make_ledger(session, world.own, world.worker)
    session.commit()
    clerk = sign_in(world.accounts["clerk"])
    url = f"/people/{world.worker.id}"
    page = clerk.get(f"{url}/leaving").text
    assert world.own.code in page and "全部交接后才能办理" in page
    refused = post(clerk, f"{url}/leave", {"left_on": "2026-01-01"}, 422).text
    assert "1 台电梯" in refused
    assert "没有选择要交接" in post(clerk, f"{url}/leaving", {"successor_id": str(heir.id)}, 422).text
    post(clerk, f"{url}/leaving", {"successor_id": str(heir.id), "all": "1"})
    post(clerk, f"{url}/leave", {"left_on": "2026-01-01"})
    session.rollback()
    assert session.get(Person, world.worker.id).left_on is not None
    assert sign_in(world.accounts["other_head"]).get(f"{url}/leaving").status_code == 404


@pytest.mark.feature("PER-05")
def test_a_filing_is_handed_in_decided_and_read_back(session: Any, world: World, sign_in: Any) -> None:
    person = make_person(session, world.firm, "何一帆")
    session.commit()
    clerk, officer = sign_in(world.accounts["clerk"]), sign_in(world.accounts["inspector"])
    url, number = f"/people/{person.id}", resident_id()
    page = clerk.get(f"{url}/edit").text
    version = re.search(r'name="row_version" value="(\d+)"', page)[1]
    data = {
        "name": "何一帆", "phone": person.phone, "certificate_no": person.certificate_no, "row_version": version,
        "certificate_until": "2035-12-31", "certificate_issued_on": "2025-01-01", "resident_id": number,
        "kind": "worker",
    }  # fmt: skip
    post(clerk, f"{url}/edit", data)
    masked = f"{number[:3]}{'*' * 11}{number[-4:]}"
    assert number not in clerk.get(url).text and masked in clerk.get(url).text
    post(clerk, f"{url}/submit", {})
    session.rollback()
    link = re.search(r"/applications/\d+", clerk.get(url).text)[0]
    asked = officer.get(link).text
    assert masked in asked and number not in asked and "人员备案" in asked and "退回补正</b>" not in asked
    seen = re.search(r'name="seen_version" value="(\d+)"', asked)[1]
    post(officer, f"{link}/decision", {"verb": "approve", "seen_version": seen})
    assert "何一帆" in officer.get("/people/?tab=filed").text
    history = officer.get(f"{url}/history").text
    assert "第 1 版" in history and masked in history and number not in history
    assert officer.get(f"/people/?f_resident={number}&tab=all").text.count("何一帆") >= 1
    assert "何一帆" not in officer.get(f"/people/?f_resident={number[:10]}&tab=all").text


@pytest.mark.feature("PER-03")
def test_a_filing_sheet_is_made_for_a_reason(session: Any, world: World, sign_in: Any) -> None:
    world.worker.resident_id = number = resident_id()
    world.worker.work_kind = "=1+1"
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    moved = post(head, "/people/deed/sheet", {"ids": [str(world.worker.id), str(world.other_worker.id)]})
    assert number not in head.get(moved.location).text
    data = {"ids": [str(world.worker.id)], "reason": " "}
    post(head, "/people/sheet", data, 422)
    sent = post(head, "/people/sheet", data | {"reason": "报送备案"}, 200)
    cells = [c.value for c in list(openpyxl.load_workbook(io.BytesIO(sent.data)).active.rows)[1]]
    assert number in cells and "=1+1" in cells and world.firm.name in cells
    session.rollback()
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.reveal")).one()
    assert entry.after["reason"] == "报送备案" and number not in str(entry.after)
    post(head, "/people/sheet", {"ids": [str(world.other_worker.id)], "reason": "报送备案"}, 404)
    post(sign_in(world.accounts["clerk"]), "/people/sheet", data | {"reason": "报送备案"}, 403)


@pytest.mark.feature("PER-06", "PER-07")
def test_a_worker_sees_his_own_and_asks_for_a_level(session: Any, world: World, sign_in: Any) -> None:
    world.worker.resident_id = number = resident_id()
    session.commit()
    me = sign_in(world.accounts["worker"])
    page = me.get("/m/me/data").text
    assert world.worker.certificate_no in page and number not in page and world.worker.phone not in page
    assert "0 / 100" in page
    data = {"grade": "senior", "certificate_no": "G-1", "issued_on": "2025-01-01", "valid_until": ""}
    assert "没有上传" in post(me, "/m/me/certificate", data, 422).text
    post(me, "/m/me/certificate", data | {"scan": (io.BytesIO(picture()), "证书.png")})
    session.rollback()
    row = session.scalars(select(GradeCertificate)).one()
    assert (row.person_id, row.state) == (world.worker.id, "submitted")
    assert "待受理" in me.get("/m/me/data").text
    assert sign_in(world.accounts["safety_officer"]).get("/m/me/data").status_code == 404
