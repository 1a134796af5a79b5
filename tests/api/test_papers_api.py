"""Commitment letters and insurance records by the interface: the rules and refusals of the pages (UNT-08, UNT-09)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.models import Commitment, InsuranceMonth, InsuranceRecord, InsuredPerson
from app.permissions import Verb
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_person, picture
from tests.workflows.filing_world import AT
from tests.workflows.test_insurance import id_number

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
OTHER = "980403000000"
YEAR = {"valid_from": "2026-01-01", "valid_until": "2026-12-31"}


def sent(caller: Caller, kind: str, name: str = "承诺书.pdf", data: bytes | None = None) -> int:
    """A file sent ahead, by its number."""
    more = {} if data is None else {"data": data}
    answer = caller.send_file(f"/files?kind={kind}", name, **more)
    assert answer.status_code == 201 and answer.json["kind"] == kind, answer.text
    return int(answer.json["id"])


@pytest.mark.feature("UNT-08")
def test_a_letter_is_handed_in_returned_and_approved(app: Any, session: Any, world: World) -> None:
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    assert rules_of(firm.post("/commitments", {})) == {"承诺起始", "承诺截止", "附件"}
    assert rules_of(firm.post("/commitments", YEAR | {"scans": [10**9]})) == {"材料"}
    scans = [sent(firm, "commitment")]
    photos = [sent(firm, "photo", "门头.png", picture())]
    asked, key = YEAR | {"scans": scans, "pictures": photos}, {"Idempotency-Key": "letter-000001"}
    made = firm.post("/commitments", asked, headers=key)
    assert made.status_code == 201 and firm.post("/commitments", asked, headers=key).json == made.json
    number, letter = made.json["id"], made.json["entity_id"]
    assert rules_of(firm.post("/commitments", YEAR | {"scans": [sent(firm, "commitment")]})) == {
        "同一事项只能有一件在办"
    }
    seen = officer.get(f"/commitments/{letter}").json
    assert (seen["state"], seen["holds"], seen["application"]["id"]) == ("submitted", False, number)
    assert {f["kind"] for f in seen["files"]} == {"commitment", "photo"}
    assert officer.get(f"/files/{scans[0]}").status_code == 200
    url = f"/applications/{number}"
    version = officer.get(url).json["row_version"]
    back = officer.post(f"{url}/decision", {"verb": "return", "opinion": "章不清", "seen_version": version})
    assert back.json["state"] == "returned" and firm.get(f"/commitments/{letter}").json["state"] == "returned"
    mended = {"attachments": [sent(firm, "commitment")], "reason": "补正", "filed": YEAR | {"note": "改过"}}
    wrong = mended | {"filed": {"valid_from": YEAR["valid_until"], "valid_until": YEAR["valid_from"]}}
    assert "承诺期限" in rules_of(firm.post(f"{url}/resubmit", wrong))
    again = firm.post(f"{url}/resubmit", mended)
    assert again.json["state"] == "submitted"
    assert {"label": "备注", "text": "改过"} in again.json["asked"]
    done = officer.post(
        f"{url}/decision", {"verb": "approve", "opinion": "属实", "seen_version": again.json["row_version"]}
    )
    assert done.json["state"] == "approved" and firm.get(f"/commitments/{letter}").json["holds"]
    assert [r["id"] for r in firm.get("/commitments").json["rows"]] == [letter]
    assert firm.get("/commitments?tab=waiting").json["count"] == 0
    assert firm.get("/commitments?tab=nosuch").status_code == 422


@pytest.mark.feature("UNT-08")
def test_a_letter_is_taken_back_by_its_unit(app: Any, world: World) -> None:
    firm, clerk = Caller(app, world, "maintenance_head"), Caller(app, world, "clerk")
    made = firm.post("/commitments", YEAR | {"scans": [sent(firm, "commitment")]}).json
    assert Caller(app, world, "inspector").post(f"/applications/{made['id']}/withdraw").status_code in (403, 404)
    assert clerk.post(f"/applications/{made['id']}/withdraw").json["state"] == "withdrawn"
    assert clerk.get(f"/commitments/{made['entity_id']}").json["state"] == "withdrawn"


@pytest.mark.feature("UNT-08")
def test_letters_are_their_units_and_regions(app: Any, session: Any, world: World) -> None:
    foreign = Commitment(
        unit_id=world.other_firm.id, region_code=OTHER, valid_from=clock.today(), valid_until=clock.today()
    )
    session.add(foreign)
    session.commit()
    for persona in ("maintenance_head", "inspector"):
        caller = Caller(app, world, persona)
        assert caller.get(f"/commitments/{foreign.id}").status_code == 404
        assert caller.get("/commitments?tab=all").json["count"] == 0
    assert Caller(app, world, "inspector").post("/commitments", YEAR).status_code == 403
    assert Caller(app, world, "worker").get("/commitments").status_code == 403
    only = Caller(app, world, "maintenance_head", [Verb.COMMITMENT_READ.value])
    assert only.post("/commitments", YEAR).status_code == 403 and only.get("/commitments").status_code == 200
    assert {only.send_file(f"/files{tail}").status_code for tail in ("", "?kind=commitment", "?kind=grade")} == {403}
    assert only.send_file("/files?kind=export").status_code == 422


PEOPLE = [
    {"name": "王砚秋", "id_number": id_number(1), "phone": "13700000001"},
    {"name": "顾以宁", "id_number": id_number(2)},
]
RECORD = {"payer": "澜州恒枢电梯工程有限公司", "from_month": "2026-10", "to_month": "2026-10", "people": PEOPLE}


@pytest.fixture
def long_there(world: World) -> None:
    """People who were filed before the month that is compared."""
    for person in (world.worker, make_person(world.session, world.firm, "何一帆")):
        person.created_at = dt.datetime(2020, 1, 1, tzinfo=clock.SHANGHAI)
    world.session.commit()


@pytest.mark.feature("UNT-09")
@pytest.mark.usefixtures("long_there")
def test_a_record_is_drafted_filed_compared_withdrawn(app: Any, session: Any, world: World) -> None:
    firm, key = Caller(app, world, "clerk"), {"Idempotency-Key": "insured-00001"}
    assert rules_of(firm.post("/insurance", {})) == {"缴纳公司", "开始", "结束"}
    made = firm.post("/insurance", RECORD, headers=key)
    assert made.status_code == 201 and firm.post("/insurance", RECORD, headers=key).json == made.json
    assert (made.json["state"], made.json["people"], made.json["may_write"]) == ("draft", 2, True)
    url = f"/insurance/{made.json['id']}"
    assert rules_of(firm.post(f"{url}/submit")) == {"缴费明细凭证"}
    assert rules_of(firm.call("PATCH", url, {"people": [PEOPLE[0], {"name": "无证", "id_number": "1"}]})) == {
        "第 1 行 身份证号",
        "第 2 行 居民身份证号（GB 11643）",
    }
    more = firm.call("PATCH", url, {"people": [{"name": "苏见山", "id_number": id_number(3)}], "note": "补"})
    assert (more.json["people"], more.json["note"], more.json["payer"]) == (3, "补", RECORD["payer"])
    lines = firm.get(f"{url}/people").json["rows"]
    assert [row["name"] for row in lines] == ["王砚秋", "顾以宁", "苏见山"]
    assert id_number(1) not in firm.get(f"{url}/people").text and "13700000001" not in firm.get(f"{url}/people").text
    assert firm.call("DELETE", f"{url}/people/{lines[2]['id']}").json["people"] == 2
    assert rules_of(firm.call("DELETE", f"{url}/people/{lines[2]['id']}")) == {"人员"}
    assert rules_of(firm.call("POST", f"{url}/vouchers")) == {"缴费明细凭证"}
    vouchers = firm.send_file(f"{url}/vouchers", "缴费.pdf").json["vouchers"]
    assert firm.call("DELETE", f"{url}/vouchers/{vouchers[0]['id']}").json["vouchers"] == []
    assert firm.send_file(f"{url}/vouchers", "缴费.pdf").status_code == 201
    filed = firm.post(f"{url}/submit").json
    assert (filed["state"], filed["may_write"]) == ("filed", False)
    assert firm.call("PATCH", url, {"note": "改"}).status_code == 409
    assert firm.call("DELETE", url).status_code == 409
    officer = Caller(app, world, "inspector")
    compared = officer.get("/insurance-months").json["rows"]
    assert [(r["month"], r["insured"], r["uninsured"], r["unfiled"]) for r in compared] == [("2026-10", 2, 1, 1)]
    month = officer.get(f"/insurance-months/{compared[0]['id']}").json
    assert {(g["kind"], g["name"]) for g in month["gaps"]} == {("uninsured", "何一帆"), ("unfiled", "顾以宁")}
    assert [g["name"] for g in officer.get("/insurance-gaps").json["rows"]] == ["何一帆"]
    assert officer.get("/insurance-gaps?tab=unfiled&q=顾").json["count"] == 1
    assert rules_of(firm.post(f"{url}/withdraw", {"reason": ""})) == {"撤回原因"}
    assert firm.post(f"{url}/withdraw", {"reason": "人数有误"}).json["withdrawn_note"] == "人数有误"
    assert firm.post(f"{url}/withdraw", {"reason": "再撤"}).status_code == 409
    again = firm.post(f"/insurance-months/{compared[0]['id']}/again").json
    assert (again["records"], again["uninsured"]) == (0, 2)
    assert firm.get("/insurance?tab=withdrawn").json["count"] == 1 and firm.get("/insurance").json["count"] == 0


@pytest.mark.feature("UNT-09")
def test_a_draft_brings_the_people_of_the_last_record_or_those_with_a_number(
    app: Any, session: Any, world: World
) -> None:
    firm = Caller(app, world, "clerk")
    november = RECORD | {"from_month": "2026-11", "to_month": "2026-11", "people": [PEOPLE[1]]}
    nobody = firm.post("/insurance", november | {"bring": "last"})
    assert nobody.status_code == 422 and nobody.json["errors"][0]["field"] == "bring"
    assert nobody.json["errors"][0]["found"] == "开始月份以前没有缴交明细"
    october = firm.post("/insurance", RECORD).json
    made = firm.post("/insurance", november | {"bring": "last"})
    assert made.status_code == 201 and made.json["people"] == 2, "each once, those sent among them"
    url = f"/insurance/{made.json['id']}"
    assert id_number(1) not in firm.get(f"{url}/people").text
    assert rules_of(firm.call("PATCH", url, {"bring": "everybody"})) == {"参数"}
    world.worker.resident_id = id_number(3)
    world.worker.hired_on = dt.date(2020, 1, 1)
    session.commit()
    assert firm.call("PATCH", url, {"bring": "people"}).json["people"] == 3
    assert firm.get(f"/insurance/{october['id']}").json["people"] == 2


@pytest.mark.feature("UNT-09")
def test_a_draft_is_deleted(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    key = firm.post("/insurance", RECORD).json["id"]
    assert firm.get("/insurance?tab=draft").json["count"] == 1
    assert firm.call("DELETE", f"/insurance/{key}").json == {"done": True}
    assert firm.get(f"/insurance/{key}").status_code == 404 and session.query(InsuredPerson).count() == 0


@pytest.mark.feature("UNT-09")
def test_records_are_their_units_and_regions(app: Any, session: Any, world: World) -> None:
    day = dt.date(2026, 10, 1)
    place: dict[str, Any] = {"unit_id": world.other_firm.id, "region_code": OTHER}
    record = InsuranceRecord(payer="别家", from_on=day, to_on=dt.date(2026, 10, 31), **place)
    month = InsuranceMonth(month=day, uninsured=1, compared_at=AT, **place)
    session.add_all([record, month])
    session.commit()
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    for caller in (firm, officer):
        assert caller.get(f"/insurance/{record.id}").status_code == 404
        assert caller.get(f"/insurance/{record.id}/people").status_code == 404
        assert caller.get(f"/insurance-months/{month.id}").status_code == 404
        assert caller.post(f"/insurance-months/{month.id}/again").status_code == 404
        for place_of in ("insurance", "insurance-months", "insurance-gaps"):
            assert caller.get(f"/{place_of}?tab=all").json["count"] == 0
    url = f"/insurance/{record.id}"
    deeds = [
        ("POST", f"{url}/submit"), ("POST", f"{url}/withdraw"), ("DELETE", url), ("PATCH", url),
        ("DELETE", f"{url}/people/1"), ("DELETE", f"{url}/vouchers/1"),
    ]  # fmt: skip
    assert {firm.call(method, path, {"reason": "原因"}).status_code for method, path in deeds} == {404}
    assert firm.send_file(f"{url}/vouchers").status_code == 404
    assert officer.post("/insurance", RECORD).status_code == 403
