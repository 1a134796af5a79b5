"""A number that comes back as it was shown, masked, was not changed; no other mask is ever kept (ELV-04, PER-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, Elevator, Person, Unit, Version
from app.models.sealed import as_held
from app.rules.identifiers import masked
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_person
from tests.workflows.filing_world import elevator_data, save, unit_data

NUMBER, OTHER = "13812341234", "13899991234"
RESIDENT = "980402199001010015"
MASK = "138****1234"


def number_of(session: Any, row: Any, name: str = "safety_phone") -> Any:
    """What the newest version of a filing holds."""
    session.rollback()
    found = session.scalars(
        select(Version).where(Version.entity == row.__tablename__, Version.entity_id == row.id)
        .order_by(Version.number.desc())
    ).first()
    return found.data.get(name)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (MASK, NUMBER), (f" {MASK} ", NUMBER), ("138****9999", "138****9999"), (OTHER, OTHER), ("", ""), (None, None),
        (NUMBER, NUMBER), (1234, 1234), ("*" * 11, "*" * 11),
    ],
)  # fmt: skip
def test_only_the_very_mask_stands_for_the_number(sent: Any, kept: Any) -> None:
    assert as_held({"safety_phone": sent}, {"safety_phone": NUMBER}) == {"safety_phone": kept}
    # Where nothing stands, a mask is none of anything; no other field is a number.
    assert as_held({"safety_phone": sent}, {"safety_phone": None}) == {"safety_phone": sent}
    assert as_held({"address": MASK}, {"address": NUMBER}) == {"address": MASK}


@pytest.mark.feature("ELV-04")
@pytest.mark.parametrize("place", ["elevators", "units"])
def test_a_draft_sent_back_as_it_was_read_changes_nothing(app: Any, session: Any, world: World, place: str) -> None:
    model, data = (Elevator, elevator_data(world)) if place == "elevators" else (Unit, unit_data(session))
    row = save(session, world.actor("maintenance_head"), model, None, data | {"safety_phone": NUMBER})
    firm, url = Caller(app, world, "maintenance_head"), f"/{place}/{row.id}/draft"
    read = firm.get(url).json
    assert read["data"]["safety_phone"] == MASK
    whole = {n: v for n, v in read["data"].items() if n != "attachments"}
    answer = firm.call("PATCH", url, {"data": whole, "seen_version": read["row_version"]})
    assert answer.status_code == 200 and answer.json["row_version"] == read["row_version"], answer.text
    assert number_of(session, row) == NUMBER
    # With something else that changed, the number stays.
    assert firm.call("PATCH", url, {"data": {"safety_phone": MASK, "note": "新备注"}}).status_code == 200
    assert number_of(session, row) == NUMBER and number_of(session, row, "note") == "新备注"
    # A mask of another number is none; a whole one is a change.
    for wrong in ("138****9999", "1**********", "*" * 11, "138****12345"):
        refused = firm.call("PATCH", url, {"data": {"safety_phone": wrong}})
        assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "safety_phone", wrong
    assert number_of(session, row) == NUMBER
    assert firm.call("PATCH", url, {"data": {"safety_phone": OTHER}}).status_code == 200
    assert number_of(session, row) == OTHER
    # Both look alike, masked: what stands now stays.
    assert firm.call("PATCH", url, {"data": {"safety_phone": MASK}}).status_code == 200
    assert number_of(session, row) == OTHER


@pytest.mark.feature("ELV-04")
def test_a_new_row_has_nothing_behind_a_mask(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    refused = firm.post("/elevators", {"data": elevator_data(world, safety_phone=MASK)})
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "safety_phone"
    assert session.scalar(select(Elevator).where(Elevator.code == "300001")) is None


@pytest.mark.feature("PER-03")
def test_a_person_sent_back_as_read_keeps_both_numbers(app: Any, session: Any, world: World) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    first = RESIDENT[:17]
    resident = first + "10X98765432"[sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11]
    person = make_person(session, world.firm, "苏见山", phone=NUMBER, resident_id=resident)
    session.commit()
    firm, url = Caller(app, world, "maintenance_head"), f"/people/{person.id}"
    read = firm.get(url).json
    assert (read["phone"], read["resident_id"]) == (MASK, masked("id", resident))
    sent = {"phone": read["phone"], "resident_id": read["resident_id"], "work_kind": "电梯修理"}
    answer = firm.call("PATCH", url, sent | {"seen_version": read["row_version"]})
    assert answer.status_code == 200 and answer.json["work_kind"] == "电梯修理", answer.text
    session.expire_all()
    row = session.get(Person, person.id)
    assert (row.phone, row.resident_id) == (NUMBER, resident)
    for field, wrong in (("phone", "139****1234"), ("resident_id", "980***********0000"), ("resident_id", "*" * 18)):
        refused = firm.call("PATCH", url, {field: wrong, "seen_version": answer.json["row_version"]})
        assert refused.status_code == 422 and refused.json["errors"][0]["field"] == field, wrong
    session.expire_all()
    row = session.get(Person, person.id)
    assert (row.phone, row.resident_id) == (NUMBER, resident)


@pytest.mark.feature("LIF-06", "LIF-07")
def test_a_change_that_was_returned_goes_back_as_it_was_read(app: Any, session: Any, world: World) -> None:
    world.own.safety_phone, world.own.safety_officer = NUMBER, "苏见山"
    session.commit()
    unit, officer = Caller(app, world, "use_head"), Caller(app, world, "inspector")
    day = (clock.today() + dt.timedelta(days=1)).isoformat()
    body = {
        "kind": "registration_change", "elevator_id": world.own.id, "effective_on": day, "reason": "使用单位变更",
        "cause": "use_unit", "attachments": [unit.send_file().json["id"]],
    }  # fmt: skip
    changes = {"use_unit_id": world.other_use_unit.id, "safety_officer": "沈越"}
    # The elevator's own number, masked, is no change; a mask of any other is refused.
    rules_of(unit.post("/applications", body | {"changes": changes | {"safety_phone": "138****9999"}}))
    same = unit.post("/applications", body | {"changes": changes | {"safety_phone": MASK}})
    assert same.status_code == 201, same.text
    kept = session.get(Application, same.json["id"])
    assert "safety_phone" not in kept.data["changes"]
    assert unit.post(f"/applications/{kept.id}/withdraw").status_code == 200
    body["attachments"] = [unit.send_file().json["id"]]
    asked = unit.post("/applications", body | {"changes": changes | {"safety_phone": OTHER}})
    assert asked.status_code == 201, asked.text
    made = asked.json
    url = f"/applications/{made['id']}"
    assert made["data"]["changes"]["safety_phone"] == MASK and OTHER not in unit.get(url).text
    back = officer.post(
        f"{url}/decision", {"verb": "return", "seen_version": made["row_version"], "opinion": "请核对"}
    ).json
    assert back["state"] == "returned", back
    again = {"effective_on": day, "reason": "已核对", "attachments": body["attachments"]}
    mended = unit.post(f"{url}/resubmit", again | {"filed": {"changes": made["data"]["changes"]}})
    assert mended.status_code == 200, mended.text
    session.expire_all()
    assert session.get(Application, made["id"]).data["changes"]["safety_phone"] == OTHER
