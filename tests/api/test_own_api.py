"""One's own profile, certificates and personal data by the interface (ACC-06, PER-06, PER-07, PER-10)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Consent, Declaration, GradeCertificate, PersonalRequest, RealNameCheck
from app.permissions import Verb
from tests.api.callers import Caller, rules_of
from tests.api.test_filing_api import token
from tests.factories import PASSWORD, World, picture
from tests.workflows.filing_world import AT, attachment

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
CERTIFICATE = {"grade": "senior", "certificate_no": "DJ-001", "issued_on": "2026-01-05"}


def in_person(app: Any, world: World, persona: str) -> Caller:
    """Somebody who signed in himself."""
    caller = Caller(app, world, persona)
    caller.headers = token(app, world, persona)
    return caller


def send(caller: Caller, path: str, data: bytes, method: str = "PUT", name: str = "图.png") -> Any:
    return caller.call(method, path, data={"file": (io.BytesIO(data), name)})


@pytest.mark.feature("ACC-06")
def test_the_profile_is_read_and_changed(app: Any, session: Any, world: World) -> None:
    account = world.accounts["worker"]
    account.phone = "13900001234"
    session.commit()
    worker = in_person(app, world, "worker")
    seen = worker.get("/me/profile").json
    assert (seen["login_name"], seen["second_factor"], seen["second_factor_owed"]) == (account.username, None, False)
    assert seen["phone"] == "139****1234" and seen["mail"] is None and seen["avatar"] is None
    assert worker.call("PATCH", "/me/profile", {"sex": "male"}).json["sex"] == "male"
    assert rules_of(worker.call("PATCH", "/me/profile", {"sex": "x"})) == {"性别"}
    # What the page does not let one change, no word of the body changes.
    assert rules_of(worker.call("PATCH", "/me/profile", {"name": "改名", "phone": "13900009999"})) == {"参数"}
    worker.call("PATCH", "/me/profile", {"sex": "", "name": "改名", "is_main": True, "roles": ["platform_admin"]})
    session.refresh(account)
    assert (account.first_name != "改名", account.is_main, account.sex) == (True, False, None)
    kept = send(worker, "/me/avatar", picture())
    assert kept.status_code == 200 and worker.get(kept.json["avatar"].removeprefix("/api/v1")).status_code == 200
    other = kept.json["avatar"].removeprefix("/api/v1")
    assert Caller(app, world, "other_head").get(other).status_code == 404
    assert rules_of(send(worker, "/me/avatar", b"no picture")) == {"头像"}
    assert worker.call("DELETE", "/me/avatar").json["avatar"] is None


@pytest.mark.feature("ACC-06")
@pytest.mark.parametrize("verbs", [[Verb.ELEVATOR_READ.value], None])
def test_no_token_changes_its_owner(app: Any, session: Any, world: World, verbs: list[str] | None) -> None:
    """Whatever was ticked: who he is says he himself."""
    reader = Caller(app, world, "worker", verbs)
    for answer in (
        reader.call("PATCH", "/me/profile", {"sex": "male"}), send(reader, "/me/avatar", picture()),
        reader.call("DELETE", "/me/avatar"), reader.post("/me/real-name", {}),
    ):  # fmt: skip
        assert rules_of(answer, 403) == {"本人办理"}
    session.refresh(world.accounts["worker"])
    assert world.accounts["worker"].sex is None and reader.get("/me/profile").json["avatar"] is None


@pytest.mark.feature("ACC-06")
def test_a_mail_address_is_verified_by_its_owner(app: Any, session: Any, world: World) -> None:
    for deed in (("POST", "/me/mail/code"), ("PUT", "/me/mail")):
        answer = Caller(app, world, "worker").call(*deed, {"mail": "worker@example.com", "code": "123456"})
        assert rules_of(answer, 403) == {"本人办理"}
    himself = in_person(app, world, "worker")
    assert rules_of(himself.post("/me/mail/code", {"mail": "no address"})) == {"原密码"}
    known = {"mail": "no address", "own_password": PASSWORD}
    assert rules_of(himself.post("/me/mail/code", known)) <= {"邮箱", "邮件"}
    assert himself.call("PUT", "/me/mail", {"mail": "worker@example.com", "code": "000000"}).status_code == 422
    session.refresh(world.accounts["worker"])
    assert world.accounts["worker"].email_verified_at is None


@pytest.mark.feature("PER-06", "PER-07")
def test_a_worker_asks_for_his_level(app: Any, session: Any, world: World) -> None:
    worker, key = Caller(app, world, "worker", [Verb.OWN_CERTIFICATE.value]), {"Idempotency-Key": "grade-000001"}
    mine = worker.get("/me/person").json
    assert (mine["id"], mine["face"], mine["may_ask"]) == (world.worker.id, False, True)
    assert world.worker.phone not in worker.get("/me/person").text
    assert rules_of(worker.post("/me/certificates", {})) == {"等级", "发证日期", "证书编号"}
    assert rules_of(worker.post("/me/certificates", CERTIFICATE)) == {"证书扫描件"}
    foreign = attachment(session, world.actor("clerk"), kind="grade")
    assert rules_of(worker.post("/me/certificates", CERTIFICATE | {"attachments": [foreign.id]})) == {"材料"}
    assert session.scalar(select(GradeCertificate.id)) is None, "all of it or nothing"
    scan = worker.send_file("/files?kind=grade", "证书.pdf").json["id"]
    asked = CERTIFICATE | {"attachments": [scan], "person_id": world.other_worker.id}
    made = worker.post("/me/certificates", asked, headers=key)
    assert made.status_code == 201 and worker.post("/me/certificates", asked, headers=key).json == made.json
    assert (made.json["person_id"], made.json["state"], made.json["in_force_from"]) == (
        world.worker.id, "submitted", None,
    )  # fmt: skip
    assert [row["certificate_no"] for row in worker.get("/me/certificates").json["rows"]] == ["DJ-001"]
    assert worker.get("/me/person").json["quota"]["grade"] == "general", "a claim raises nothing"
    assert Caller(app, world, "other_worker").get("/me/certificates").json["rows"] == []


@pytest.mark.feature("PER-07")
def test_who_has_no_level_to_ask_for(app: Any, world: World) -> None:
    assert Caller(app, world, "clerk").post("/me/certificates", CERTIFICATE).status_code == 403
    assert rules_of(Caller(app, world, "clerk").get("/me/person"), 404) == {"人员"}
    reader = Caller(app, world, "worker", [Verb.ORDER_READ.value])
    assert reader.post("/me/certificates", CERTIFICATE).status_code == 403
    assert reader.send_file("/files?kind=grade").status_code == 403


@pytest.mark.feature("PER-10")
def test_consent_and_requests_are_the_persons_own(app: Any, session: Any, world: World) -> None:
    machine, himself = Caller(app, world, "worker"), in_person(app, world, "worker")
    for method, path in (
        ("GET", "/privacy"), ("PUT", "/privacy/face"), ("DELETE", "/privacy/face"), ("POST", "/privacy/requests"),
        ("POST", "/privacy/copy"),
    ):  # fmt: skip
        assert rules_of(machine.call(method, path, {}), 403) == {"本人办理"}
    assert "单独同意" in himself.get("/privacy").json["words"]
    assert rules_of(send(himself, "/privacy/face", picture())) == {"单独同意"}
    assert rules_of(himself.call("PUT", "/privacy/face?agreed=1")) == {"人脸照片"}
    given = send(himself, "/privacy/face?agreed=1", picture())
    assert given.status_code == 200 and given.json["consented_at"] and given.json["face"]
    assert machine.get("/me/person").json["face"]
    assert himself.call("DELETE", "/privacy/face").json["face"] is None
    assert rules_of(himself.call("DELETE", "/privacy/face")) == {"人脸照片"}
    assert session.scalar(select(Consent.withdrawn_at)) is not None
    copy = himself.post("/privacy/copy")
    assert copy.json["data"]["人员"]["手机"] == world.worker.phone and "no-store" in copy.headers["Cache-Control"]
    assert session.scalar(select(AuditEntry.id).where(AuditEntry.action == "personal_request.copy"))
    assert rules_of(himself.post("/privacy/requests", {})) == {"请求", "具体要求"}
    asked = himself.post("/privacy/requests", {"kind": "correction", "detail": "姓名的字不对"})
    assert asked.status_code == 201 and asked.json["state"] == "open"
    assert [row["id"] for row in himself.get("/privacy").json["requests"]] == [asked.json["id"]]


@pytest.mark.feature("PER-10")
def test_requests_are_answered_in_their_region(app: Any, session: Any, world: World) -> None:
    asked = in_person(app, world, "worker").post("/privacy/requests", {"kind": "copy", "detail": "全部资料"}).json
    admin = Caller(app, world, "region_admin")
    foreign = PersonalRequest(
        kind="copy", name="别区的人", account_id=world.accounts["other_worker"].id, detail="全部", asked_at=AT,
        due_on=clock.today(), region_code="980403000000",
    )  # fmt: skip
    session.add(foreign)
    session.commit()
    assert [row["id"] for row in admin.get("/personal-requests").json["rows"]] == [asked["id"]]
    assert admin.get(f"/personal-requests/{foreign.id}").status_code == 404
    url = f"/personal-requests/{asked['id']}/answer"
    seen = {"seen_version": admin.get(f"/personal-requests/{asked['id']}").json["row_version"]}
    others = f"/personal-requests/{foreign.id}/answer"
    assert admin.post(others, seen | {"result": "done", "answer": "已办"}).status_code == 404
    assert rules_of(admin.post(url, seen | {"result": "maybe", "answer": "再说"})) == {"参数"}
    assert rules_of(admin.post(url, seen | {"result": "done", "answer": ""})) == {"办理结果和理由"}
    assert admin.post(url, {"seen_version": 0, "result": "done", "answer": "已经交给本人"}).status_code == 409
    done = admin.post(url, seen | {"result": "done", "answer": "已把全部资料交给本人"}).json
    assert (done["state"], done["answer"]) == ("done", "已把全部资料交给本人")
    assert rules_of(admin.post(url, seen | {"result": "done", "answer": "再答复一次"})) == {"请求"}
    assert {row["kind"] for row in admin.get("/personal-requests/retention").json["rows"]} >= {"face", "numbers"}
    for persona in ("inspector", "maintenance_head"):
        assert Caller(app, world, persona).get("/personal-requests").status_code == 403


@pytest.mark.feature("PER-06")
def test_a_worker_hands_in_his_own_declaration(app: Any, session: Any, world: World) -> None:
    worker, key = Caller(app, world, "worker", [Verb.OWN_CERTIFICATE.value]), {"Idempotency-Key": "declared-000001"}
    days = {"signed_on": "2026-01-05", "valid_until": "2027-01-04"}
    assert worker.post("/me/declarations", days).status_code == 422, "a scan is asked for"
    scan = worker.send_file("/files?kind=declaration", "承诺书.pdf").json["id"]
    asked = days | {"attachments": [scan], "person_id": world.other_worker.id}
    made = worker.post("/me/declarations", asked, headers=key)
    assert made.status_code == 201 and worker.post("/me/declarations", asked, headers=key).json == made.json
    row = session.scalars(select(Declaration)).one()
    assert (row.person_id, row.state) == (world.worker.id, "submitted")
    assert Caller(app, world, "worker", [Verb.ELEVATOR_READ.value]).post("/me/declarations", asked).status_code == 403


@pytest.mark.feature("ACC-06")
def test_nobody_is_checked_where_there_is_no_service(app: Any, session: Any, world: World) -> None:
    worker = in_person(app, world, "worker")
    answer = worker.post("/me/real-name", {})
    assert (answer.status_code, rules_of(answer)) == (422, {"实名核验"})
    assert session.scalar(select(RealNameCheck.id)) is None
