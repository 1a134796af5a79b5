"""Contracts by the interface: the refusals of the pages, versions, renewal, changes of the past (CON-01 to -05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Contract, ContractElevator
from tests.api.callers import Caller, rules_of
from tests.factories import ENDS_ON, World, make_elevator
from tests.workflows.filing_world import AT, TODAY

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
DAY = dt.timedelta(days=1)


def terms(**more: Any) -> dict[str, Any]:
    return {
        "number": "HT-2026-001", "kind": "full", "signed_on": (TODAY - DAY).isoformat(),
        "starts_on": TODAY.isoformat(), "ends_on": (TODAY + 365 * DAY).isoformat(),
    } | more  # fmt: skip


@pytest.fixture
def lift(session: Any, world: World) -> Any:
    row = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    return row


@pytest.mark.feature("CON-01", "CON-03")
def test_made_bound_changed_unbound(app: Any, session: Any, world: World, lift: Any) -> None:
    firm, use = Caller(app, world, "maintenance_head"), Caller(app, world, "use_head")
    key = {"Idempotency-Key": "contract-0001"}
    made = firm.post("/contracts", terms(), headers=key)
    assert made.status_code == 201 and made.json["state"] == "active" and made.json["may_write"]
    assert firm.post("/contracts", terms(), headers=key).json["id"] == made.json["id"]
    assert rules_of(firm.post("/contracts", terms())) == {"合同编号"}
    url = f"/contracts/{made.json['id']}"
    assert firm.post(f"{url}/bind", {"elevator_ids": [lift.id]}).json["elevator_ids"] == [lift.id]
    assert firm.post(f"{url}/bind", {"elevator_ids": [lift.id]}).json["elevator_ids"] == []
    assert rules_of(firm.post(f"{url}/bind", {"elevator_ids": [world.own.id]}))  # another contract covers it
    assert rules_of(firm.post(f"{url}/bind", {"elevator_ids": [world.foreign.id]}))
    assert rules_of(firm.post(f"{url}/bind", {"elevator_ids": []})) == {"电梯"}
    seen = firm.get(url).json
    assert [e["elevator_id"] for e in seen["elevators"]] == [lift.id]
    changed = firm.call("PATCH", url, {"note": "半年付", "seen_version": seen["row_version"]})
    assert changed.json["note"] == "半年付" and changed.json["number"] == "HT-2026-001"
    assert firm.call("PATCH", url, {"note": "x", "seen_version": 1}).status_code in (200, 409)
    versions = firm.get(f"{url}/versions").json["rows"]
    assert versions[-1]["number"] == 1 and {"note"} <= {c["field"] for v in versions for c in v["changed"]}
    assert firm.post(f"{url}/unbind", {"elevator_ids": [lift.id]}).status_code == 200
    live = select(ContractElevator.ends_on).where(
        ContractElevator.elevator_id == lift.id, ContractElevator.removed_at.is_(None)
    )
    assert all(day <= TODAY for day in session.scalars(live))
    assert rules_of(firm.call("DELETE", url)) == {"删除合同"}
    assert use.get(f"/contracts/{made.json['id']}").status_code == 404


@pytest.mark.feature("CON-01")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"number": ""}, "number"), ({"number": 5}, "number"), ({"kind": "x"}, "kind"), ({"starts_on": None}, "starts_on"),
     ({"starts_on": "2026-13-01"}, "starts_on"), ({"ends_on": "2020-01-01"}, "ends_on"),
     ({"use_unit_id": "x"}, "use_unit_id"), ({"note": "长" * 501}, "note")],
)  # fmt: skip
def test_what_was_sent_wrongly_is_named(
    app: Any, session: Any, world: World, change: dict[str, Any], field: str
) -> None:
    before = session.scalar(select(func.count(Contract.id)))
    answer = Caller(app, world, "clerk").post("/contracts", terms(**change))
    assert answer.status_code == 422 and field in {e["field"] for e in answer.json["errors"]}
    assert session.scalar(select(func.count(Contract.id))) == before


@pytest.mark.feature("CON-05")
def test_past_days_take_an_approval(app: Any, session: Any, world: World) -> None:
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    url = f"/contracts/{world.contract.id}"
    seen = firm.get(url).json
    body = {"ends_on": (TODAY - 30 * DAY).isoformat(), "seen_version": seen["row_version"]}
    assert firm.call("PATCH", url, body).status_code == 422
    assert rules_of(firm.post(f"{url}/changes", body | {"reason": " "})) == {"变更原因"}
    asked = firm.post(f"{url}/changes", body | {"reason": "合同提前终止"})
    assert asked.status_code == 201 and asked.json["kind"] == "contract_change"
    assert firm.get(url).json["changes"][0]["id"] == asked.json["id"]
    waiting = officer.get(f"/applications/{asked.json['id']}").json
    body = {"verb": "approve", "opinion": "属实", "seen_version": waiting["row_version"]}
    assert officer.post(f"/applications/{asked.json['id']}/decision", body).json["state"] == "approved"
    assert firm.get(url).json["ends_on"] == (TODAY - 30 * DAY).isoformat()


@pytest.mark.feature("CON-05", "GAT-01")
def test_renewed_from_the_old_one(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    url = f"/contracts/{world.contract.id}"
    gate = firm.get(f"{url}/renewal").json
    assert gate["values"]["starts_on"] == (ENDS_ON + DAY).isoformat() and gate["findings"][0]["ok"]
    body = {"signed_on": TODAY.isoformat(), "ends_on": (ENDS_ON + 730 * DAY).isoformat()}
    made = firm.post(f"{url}/renew", body).json
    assert made["renewed_from_id"] == world.contract.id and made["state"] == "pending"
    assert [e["elevator_id"] for e in made["elevators"]] == [world.own.id]
    assert firm.get(url).json["renewed_by"] == [made["id"]]
    assert firm.send_file(f"{url}/scan", "合同.pdf").json["files"][0]["kind"] == "contract"
    assert rules_of(firm.post(f"{url}/scan")) == {"合同扫描件"}


@pytest.mark.feature("CON-01")
@pytest.mark.parametrize("persona", ["use_head", "inspector", "worker", "clerk"])
def test_another_firms_contract_is_not_found(app: Any, session: Any, world: World, persona: str) -> None:
    caller, url = Caller(app, world, persona), f"/contracts/{world.other_contract.id}"
    told = {caller.get(url + part).status_code for part in ("", "/versions", "/renewal", "/as-of")}
    told |= {caller.post(f"{url}/bind", {"elevator_ids": [world.own.id]}).status_code}
    told |= {caller.call("PATCH", url, {"note": "x", "seen_version": 1}).status_code}
    assert told <= {403, 404}
    if persona != "worker":
        assert world.other_contract.id not in {r["id"] for r in caller.get("/contracts").json["rows"]}


@pytest.mark.feature("CON-01")
def test_the_use_side_reads_and_does_not_write(app: Any, session: Any, world: World) -> None:
    world.contract.use_unit_id = world.use_unit.id
    session.commit()
    use, url = Caller(app, world, "use_head"), f"/contracts/{world.contract.id}"
    assert use.get(url).json["may_write"] is False
    assert use.post(f"{url}/unbind", {"elevator_ids": [world.own.id]}).status_code == 403


@pytest.mark.feature("ASO-01")
def test_as_of_and_as_known(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    made = firm.post("/contracts", terms()).json
    with clock.frozen(AT + 2 * DAY):
        seen = firm.get(f"/contracts/{made['id']}").json
        firm.call("PATCH", f"/contracts/{made['id']}", {"note": "后来写的", "seen_version": seen["row_version"]})
        before = (AT + DAY).isoformat()
        url = f"/contracts/{made['id']}/as-of"
        then = firm.get(url, query_string={"known_at": before}).json
        assert then["row"]["values"]["note"] is None and then["row"]["values"]["number"] == "HT-2026-001"
        assert firm.get(url).json["row"]["values"]["note"] == "后来写的"
        assert firm.get(url, query_string={"known_at": (AT - DAY).isoformat()}).json["row"] is None
        listed = firm.get("/contracts", query_string={"as_of": TODAY.isoformat(), "size": 1}).json
        assert listed["count"] == 2 and len(listed["rows"]) == 1 and listed["as_of"] == TODAY.isoformat()
        for name, wrong in (("as_of", "x"), ("known_at", "2026-11-20"), ("known_at", "2030-01-01T00:00:00+08:00")):
            answer = firm.get("/contracts", query_string={name: wrong})
            assert answer.status_code == 422 and answer.json["errors"][0]["field"] == name
    lift = firm.get(f"/elevators/{world.own.id}/as-of").json["row"]
    assert lift["values"]["code"] == world.own.code
    units = Caller(app, world, "inspector").get("/units", query_string={"as_of": TODAY.isoformat()}).json
    assert world.firm.name in {r["values"]["name"] for r in units["rows"]}
    assert world.other_firm.name not in str(units)
