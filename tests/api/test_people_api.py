"""People and invitations by the interface: entered, filed, handed over, asked to join (PER-01 to -08)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import ApiCall, GradeCertificate, Invitation, MaintenanceLedger, Person
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_person
from tests.workflows.filing_world import AT, TODAY

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
NUMBER = "980402199001010015"
PHONE = "13900000061"


def person(**more: Any) -> dict[str, Any]:
    return {
        "name": "苏见山", "phone": PHONE, "kind": "worker", "sex": "male", "certificate_no": "T98000777",
        "certificate_issued_on": "2025-01-01", "certificate_until": "2029-01-01",
    } | more  # fmt: skip


@pytest.fixture
def resident_id() -> str:
    """A well-formed invented number."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    first = NUMBER[:17]
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11]


@pytest.mark.feature("PER-03", "PER-05")
def test_entered_changed_filed_withdrawn(app: Any, session: Any, world: World, resident_id: str) -> None:
    firm = Caller(app, world, "maintenance_head")
    key = {"Idempotency-Key": "person-000001"}
    made = firm.post("/people", person(resident_id=resident_id), headers=key)
    assert made.status_code == 201, made.text
    assert firm.post("/people", person(resident_id=resident_id), headers=key).json["id"] == made.json["id"]
    assert made.json["phone"] == "139****0061" and resident_id not in made.text and PHONE not in made.text
    assert rules_of(firm.post("/people", person(name="别人"))) == {"手机号码"}
    wrong = rules_of(firm.post("/people", person(phone="1", resident_id="9")))
    assert wrong == {"手机号码", "居民身份证号（GB 11643）"}
    url = f"/people/{made.json['id']}"
    changed = firm.call("PATCH", url, {"work_kind": "电梯修理", "seen_version": made.json["row_version"]})
    assert changed.json["work_kind"] == "电梯修理" and changed.json["certificate_until"] == "2029-01-01"
    row = session.get(Person, made.json["id"])
    assert (row.phone, row.resident_id, row.sex) == (PHONE, resident_id, "male")  # what was not sent stays
    assert firm.call("PATCH", url, {"name": "x", "seen_version": 99}).status_code == 409
    assert all(one["ok"] for one in changed.json["checks"])
    assert rules_of(firm.post(f"{url}/withdraw")) == {"撤回"}
    assert rules_of(firm.post(f"{url}/discard")) == {"放弃修改"}  # nothing is in force to go back to
    assert firm.get(url).json["filing_state"] == "draft"
    asked = firm.post(f"{url}/submit")
    assert asked.status_code == 201 and asked.json["kind"] == "person_filing"
    told = {one["field"]: one["new"] for one in asked.json["differences"]}
    assert told["phone"] == "139****0061" and told["certificate_until"] == "2029-01-01"
    assert resident_id not in asked.text and PHONE not in asked.text
    assert rules_of(firm.post(f"{url}/submit")) == {"审核中不能修改"}
    assert firm.post(f"{url}/withdraw").json["state"] == "withdrawn"
    assert firm.get(url).json["filing_state"] == "draft"
    firm.post(f"{url}/submit")
    waiting = Caller(app, world, "inspector")
    one = waiting.get("/applications?waiting=1").json["rows"][0]
    whole = waiting.get(f"/applications/{one['id']}").json
    body = {"verb": "approve", "opinion": "属实", "seen_version": whole["row_version"]}
    assert waiting.post(f"/applications/{one['id']}/decision", body).status_code == 200
    assert firm.get(url).json["approved_version"] == 2
    told = firm.get(f"{url}/history")
    assert {"submit", "withdraw", "approve"} <= {s["verb"] for s in told.json["steps"]}
    assert resident_id not in told.text and PHONE not in told.text
    seen = firm.get(url).json["row_version"]
    assert firm.call("PATCH", url, {"name": "苏见川", "seen_version": seen}).json["name"] == "苏见山"
    assert firm.post(f"{url}/discard").json["draft"]["name"] == "苏见山"
    assert rules_of(firm.call("DELETE", url)) == {"不能删除"}


@pytest.mark.feature("PER-03")
def test_listed_by_the_pages_filters(app: Any, session: Any, world: World) -> None:
    gone = make_person(session, world.firm, "旧同事", left_on=TODAY, kind="clerk")
    session.commit()
    firm, officer = Caller(app, world, "clerk"), Caller(app, world, "inspector")
    assert [r["id"] for r in firm.get("/people").json["rows"]] == [world.worker.id]
    assert [r["id"] for r in firm.get("/people?tab=left&kind=clerk").json["rows"]] == [gone.id]
    assert rules_of(firm.get("/people?until_from=tomorrow")) == {"证书有效期至"}
    assert rules_of(firm.get("/people?unit=x")) == {"所属单位"}
    seen = {r["id"] for r in officer.get("/people?tab=all").json["rows"]}
    assert world.worker.id in seen and world.other_worker.id not in seen
    for text in (firm.get("/people?tab=all").text, officer.get(f"/people/{world.worker.id}").text):
        assert world.worker.phone not in text
    assert officer.get(f"/people/{world.worker.id}").json["draft"] is None


@pytest.mark.feature("PER-07", "PER-08")
def test_a_grade_certificate_with_its_scan(app: Any, session: Any, world: World) -> None:
    firm, url = Caller(app, world, "maintenance_head"), f"/people/{world.worker.id}"
    assert firm.get(f"{url}/quota").json["grade"] == "general"
    sent = {"grade": "senior", "certificate_no": "DJ-001", "issued_on": "2026-01-05"}
    assert rules_of(firm.post(f"{url}/certificates", sent)) == {"证书扫描件"}
    assert session.scalar(select(func.count(GradeCertificate.id))) == 0  # both or neither
    assert rules_of(firm.post(f"{url}/certificates", {"grade": "king"})) == {"等级", "发证日期", "证书编号"}
    paper = firm.send_file(name="证书.pdf").json["id"]
    asked = firm.post(f"{url}/certificates", sent | {"attachments": [paper]})
    assert asked.status_code == 201 and asked.json["kind"] == "grade_certificate"
    rows = firm.get(f"{url}/certificates").json["rows"]
    assert [(r["grade"], r["state"]) for r in rows] == [("senior", "submitted")]
    assert firm.get(f"{url}/quota").json["grade"] == "general"  # a claim raises nothing
    officer = Caller(app, world, "inspector")
    body = {"verb": "approve", "opinion": "属实", "seen_version": asked.json["row_version"]}
    assert officer.post(f"/applications/{asked.json['id']}/decision", body).status_code == 200
    with clock.frozen(AT + dt.timedelta(minutes=1)):
        assert firm.get(f"{url}/quota").json["grade"] == "senior"


@pytest.mark.feature("PER-04")
def test_handed_over_then_left(app: Any, session: Any, world: World) -> None:
    other = make_person(session, world.firm, "接手人")
    session.add(MaintenanceLedger(
        elevator_id=world.own.id, worker_id=world.worker.id, next_half_month_on=TODAY, unit_id=world.firm.id,
        region_code="980402000000",
    ))  # fmt: skip
    session.commit()
    firm, url = Caller(app, world, "maintenance_head"), f"/people/{world.worker.id}"
    board = firm.get(f"{url}/leaving").json
    assert {"ledgers", "orders", "visits", "accounts"} <= set(board["held"])
    assert board["left"] == 1 and rules_of(firm.post(f"{url}/leave", {"left_on": TODAY.isoformat()})) == {"设备履历"}
    done = firm.post(f"{url}/hand-over", {"successor_id": other.id, "all": True})
    assert done.status_code == 200 and done.json["board"]["left"] == 0, done.text
    assert session.scalar(select(MaintenanceLedger.worker_id)) == other.id
    assert rules_of(firm.post(f"{url}/hand-over", {"successor_id": other.id, "all": True})) == {"离职交接"}
    assert rules_of(firm.post(f"{url}/hand-over", {"successor_id": other.id, "chosen": {"x": [1]}})) == {"离职交接"}
    assert rules_of(firm.post(f"{url}/leave", {})) == {"离职日期"}
    assert rules_of(firm.post(f"{url}/leave", {"left_on": "2026-12-24"})) == {"离职日期"}
    assert firm.post(f"{url}/leave", {"left_on": TODAY.isoformat()}).json["left_on"] == TODAY.isoformat()
    session.refresh(world.accounts["worker"])
    assert not world.accounts["worker"].active


@pytest.mark.feature("PER-03")
@pytest.mark.parametrize("persona", ["maintenance_head", "use_head", "inspector"])
def test_another_units_person_is_not_found(app: Any, session: Any, world: World, persona: str) -> None:
    caller, url = Caller(app, world, persona), f"/people/{world.other_worker.id}"
    told = {caller.get(url + tail).status_code for tail in ("", "/quota", "/history", "/certificates")}
    told |= {caller.post(url + tail, {"left_on": "2026-11-20"}).status_code for tail in ("/leave", "/discard")}
    told |= {caller.call("PATCH", url, {"name": "改名", "seen_version": 1}).status_code}
    told |= {caller.call("DELETE", url).status_code}
    assert told <= {403, 404} and 404 in told


@pytest.mark.feature("PER-01")
def test_invited_approved_linked_cancelled(app: Any, session: Any, world: World) -> None:
    clerk, head = Caller(app, world, "clerk"), Caller(app, world, "maintenance_head")
    sent = {"name": "受邀人", "phone": "13900000088", "kind": "worker"}
    asked = clerk.post("/invitations", sent)
    assert asked.status_code == 201 and asked.json["link"] is None
    assert rules_of(clerk.post("/invitations", sent)) == {"入职邀请"}
    url = f"/invitations/{asked.json['invitation']['id']}"
    assert clerk.post(f"{url}/approve").status_code == 403
    assert head.get("/invitations?tab=waiting").json["count"] == 1
    key = {"Idempotency-Key": "invitation-01"}
    linked = head.post(f"{url}/approve", headers=key)
    assert "/m/join/" in linked.json["link"] and session.scalar(select(ApiCall.id).limit(1)) is None
    assert rules_of(head.post(f"{url}/approve")) == {"入职邀请"}
    again = clerk.post(f"{url}/link").json["link"]
    assert again != linked.json["link"] and linked.json["link"] not in head.get(url).text
    assert app.test_client().get(again.split("localhost")[-1]).status_code == 200
    row = session.get(Invitation, asked.json["invitation"]["id"])
    assert rules_of(head.post(f"{url}/reject", {"opinion": "x", "seen_version": row.row_version - 1}), 409)
    assert head.post(f"{url}/take-on", {"seen_version": row.row_version}).status_code == 422
    assert clerk.post(f"{url}/cancel").json["state"] == "cancelled"
    assert rules_of(clerk.post(f"{url}/cancel")) == {"入职邀请"}
    assert Caller(app, world, "other_head").get(url).status_code == 404


@pytest.mark.feature("PER-01")
def test_taken_on_what_he_entered(app: Any, session: Any, world: World) -> None:
    row = Invitation(
        name="受邀人", phone="13900000087", kind="worker", by_unit_id=world.firm.id, state="review", approved_at=AT,
        unit_id=world.firm.id, region_code="980402000000", with_account=True, certificate_no="T98000555",
    )  # fmt: skip
    session.add(row)
    session.commit()
    head, url = Caller(app, world, "maintenance_head"), f"/invitations/{row.id}"
    seen = head.get(url).json
    assert seen["may_decide"] and all(one["ok"] for one in seen["checks"])
    done = head.post(f"{url}/take-on", {"seen_version": seen["row_version"], "with_account": True}).json
    assert done["state"] == "ended" and head.get(f"/people/{done['person_id']}").json["name"] == "受邀人"


@pytest.mark.feature("PER-01")
def test_many_at_once_each_with_a_result(app: Any, session: Any, world: World) -> None:
    head = Caller(app, world, "maintenance_head")
    people = [
        {"name": "甲", "phone": "13900000081", "kind": "worker"}, {"name": "乙", "phone": "1", "kind": "worker"},
        {"name": "丙", "phone": "13900000082", "kind": "king"},
        {"name": "丁", "phone": "13900000083", "kind": "clerk", "unit_id": world.other_firm.id},
    ]  # fmt: skip
    told = head.post("/invitations/batch", {"people": people}).json
    assert told["done"] == 1 and [one["done"] for one in told["results"]] == [True, False, False, False]
    assert told["results"][0]["link"] and told["results"][3]["status"] in (404, 422)
    assert session.scalar(select(func.count(Invitation.id))) == 1
    assert rules_of(head.post("/invitations/batch", {"people": []})) == {"参数"}


@pytest.mark.feature("PER-01")
def test_the_district_invites_the_first_clerk_only(app: Any, session: Any, world: World) -> None:
    admin = Caller(app, world, "region_admin")
    sent = {"name": "首文员", "phone": "13900000077", "kind": "clerk", "unit_id": world.firm.id}
    assert rules_of(admin.post("/invitations/first", sent)) == {"信息报备"}  # it has one
    assert admin.post("/invitations", sent).status_code == 403
    assert admin.post("/invitations/first", sent | {"unit_id": world.other_firm.id}).status_code == 404


@pytest.mark.feature("PER-01")
def test_lists_by_the_day_of_the_invitation(app: Any, session: Any, world: World, sign_in: Any) -> None:
    """The days are Shanghai's; the same filter on the page."""
    head = Caller(app, world, "maintenance_head")
    head.post("/invitations", {"name": "甲", "phone": "13900000081", "kind": "worker"})
    for span, count in (("made_from=2026-11-20&made_to=2026-11-20", 1), ("made_to=2026-11-19", 0),
                        ("made_from=2026-11-21", 0), ("made_from=0001-01-01&made_to=9999-12-31", 1)):  # fmt: skip
        assert head.get(f"/invitations?tab=all&{span}").json["count"] == count
    page = sign_in(world.accounts["maintenance_head"]).get("/invitations/?tab=all&f_made_from=2026-11-20")
    assert page.status_code == 200 and "甲" in page.text
