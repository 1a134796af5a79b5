"""批量申请 by the interface: looked at, read, confirmed; each elevator has its own application."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.listing import MOST_CHOSEN
from app.models import Application, Attachment, Elevator
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_contract, make_elevator
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("INT-04")
FEW = 3


@pytest.fixture
def chosen(session: Any, world: World) -> list[Elevator]:
    rows = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, status=status)
        for status in ["in_use"] * FEW + ["suspended"]
    ]
    session.commit()
    return rows


def made(session: Any) -> list[Application]:
    session.rollback()
    return list(session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))


def looked(app: Any, session: Any, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    answer = caller.post("/applications/many", body)
    assert answer.status_code == 201, answer.text
    assert (answer.json["step"], answer.json["state"]) == ("check", "queued")
    work(app, session)
    found: dict[str, Any] = caller.get(f"/applications/many/{answer.json['id']}").json
    assert found["state"] == "done", found
    return found


@pytest.mark.feature("LIF-02")
def test_chosen_elevators_are_looked_at_and_applied_for(
    app: Any, session: Any, world: World, chosen: list[Elevator]
) -> None:
    unit = Caller(app, world, "use_head")
    paper = unit.send_file().json["id"]
    today = clock.today().isoformat()
    body = {
        "kind": "suspension", "elevator_ids": [row.id for row in chosen], "effective_on": today, "reason": "整体改造",
        "attachments": [paper],
    }  # fmt: skip
    found = looked(app, session, unit, body)
    assert (found["can"], found["refused"], found["entered"], found["missing"]) == (FEW, 1, None, [])
    (why,) = [one for one in found["why"] if one["first"][0]["code"] == chosen[-1].code]
    assert why["count"] == 1 and "停用" in why["first"][0]["found"]
    assert made(session) == []
    # Nobody else reads or confirms it, the firm of the elevators included.
    other = Caller(app, world, "maintenance_head")
    assert other.get(f"/applications/many/{found['id']}").status_code == 404
    assert other.post(f"/applications/many/{found['id']}/confirm").status_code == 404

    entered = unit.post(f"/applications/many/{found['id']}/confirm").json
    assert entered["step"] == "apply"
    assert unit.post(f"/applications/many/{found['id']}/confirm").json["id"] == entered["id"], "the same one"
    work(app, session)
    done = unit.get(f"/applications/many/{entered['id']}").json
    assert (done["state"], done["applied"], done["refused"], done["left"]) == ("done", FEW, 0, [])
    assert unit.get(f"/applications/many/{found['id']}").json["entered"] == entered["id"]
    rows = made(session)
    assert {(row.kind, row.batch, row.reason) for row in rows} == {("suspension", entered["id"], "整体改造")}
    papers = session.scalars(select(Attachment).where(Attachment.entity == "application")).all()
    assert {one.entity_id for one in papers} == {row.id for row in rows}


@pytest.mark.feature("LIF-05")
def test_a_taker_names_an_estate_by_its_codes(app: Any, session: Any, world: World, chosen: list[Elevator]) -> None:
    contract = make_contract(session, world.other_firm, [], clock.today())
    session.commit()
    taker = Caller(app, world, "other_head")
    body = {
        "kind": "unit_change", "codes": [*(row.code for row in chosen), "NOSUCH99"], "contract_id": contract.id,
        "effective_on": clock.today().isoformat(), "reason": "接手", "attachments": [taker.send_file().json["id"]],
    }  # fmt: skip
    found = looked(app, session, taker, body)
    assert (found["can"], found["refused"], found["missing"]) == (FEW + 1, 0, ["NOSUCH99"])
    entered = taker.post(f"/applications/many/{found['id']}/confirm").json
    work(app, session)
    assert {row.data["contract_id"] for row in made(session)} == {contract.id}
    # Once more: each is under way, and says so by the code that was sent.
    again = body | {"attachments": [taker.send_file().json["id"]]}
    found = looked(app, session, taker, again)
    assert (found["can"], found["refused"]) == (0, FEW + 1)
    assert {one["code"] for why in found["why"] for one in why["first"]} == {row.code for row in chosen}
    assert rules_of(taker.post(f"/applications/many/{found['id']}/confirm")) == {"批量申请"}
    assert len(made(session)) == FEW + 1 and entered["step"] == "apply"


@pytest.mark.feature("LIF-06")
def test_of_other_kinds_codes_name_only_what_one_sees(
    app: Any, session: Any, world: World, chosen: list[Elevator]
) -> None:
    firm, taker = Caller(app, world, "maintenance_head"), Caller(app, world, "other_head")
    body = {
        "kind": "maintenance_pause", "codes": [chosen[0].code, chosen[1].registration_code or chosen[1].code],
        "effective_on": clock.today().isoformat(), "reason": "装修", "until_on": clock.today().isoformat(),
    }  # fmt: skip
    wrong = rules_of(firm.post("/applications/many", body))
    assert "材料" in wrong and len(wrong) >= 2, "the day on which it ends, and the paper: all at once"
    body |= {"until_on": None}
    assert rules_of(taker.post("/applications/many", body)) == {"电梯"}
    found = looked(app, session, firm, body | {"attachments": [firm.send_file().json["id"]]})
    assert found["can"] == 2, found


def test_what_is_wrong_of_the_request_is_told(app: Any, session: Any, world: World, chosen: list[Elevator]) -> None:
    unit = Caller(app, world, "use_head")
    body: dict[str, Any] = {"kind": "suspension", "effective_on": clock.today().isoformat(), "reason": "改造"}
    ids = [row.id for row in chosen]
    assert rules_of(unit.post("/applications/many", body)) == {"电梯"}
    assert rules_of(unit.post("/applications/many", body | {"elevator_ids": ids, "codes": ["1"]})) == {"电梯"}
    single = body | {"elevator_ids": ids, "kind": "worker_change"}
    assert rules_of(unit.post("/applications/many", single)) == {"申请事项"}
    many = list(range(1, MOST_CHOSEN + 2))
    assert unit.post("/applications/many", body | {"elevator_ids": many}).status_code == 422
    unseen = make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.other_use_unit)
    session.commit()
    assert unit.post("/applications/many", body | {"elevator_ids": [*ids, unseen.id]}).status_code == 404
    assert unit.post("/applications/many", body | {"elevator_ids": ids, "effective_on": None}).status_code == 422
    assert unit.post("/applications/many", body | {"elevator_ids": ids, "attachments": [999999]}).status_code == 404
    assert unit.get("/applications/many/999999").status_code == 404
    assert made(session) == []
