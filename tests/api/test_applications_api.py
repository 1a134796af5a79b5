"""Applications by the interface: the conditions, verbs and refusals of the desk (INT-04, GAT-01, LIF-01 to LIF-08)."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import ApiCall, Application, Comment, Delegation, Elevator, Watch
from app.permissions import Role
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_account, make_policy
from tests.workflows.filing_world import AT, TODAY, elevator_data, unit_data

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
DAY = TODAY.isoformat()


def suspension(world: World, caller: Caller, **more: Any) -> dict[str, Any]:
    paper = caller.send_file().json["id"]
    return {
        "kind": "suspension", "elevator_id": world.own.id, "effective_on": DAY, "reason": "楼栋改造",
        "attachments": [paper],
    } | more  # fmt: skip


def applied(world: World, caller: Caller, **more: Any) -> dict[str, Any]:
    answer = caller.post("/applications", suspension(world, caller, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def decision(seen: dict[str, Any], verb: str, opinion: str = "") -> dict[str, Any]:
    return {"verb": verb, "opinion": opinion, "seen_version": seen["row_version"]}


@pytest.mark.feature("LIF-02", "LIF-07", "GAT-01")
def test_from_applying_to_the_effect(app: Any, session: Any, world: World) -> None:
    unit, officer = Caller(app, world, "use_head"), Caller(app, world, "inspector")
    gate = unit.get(f"/elevators/{world.own.id}/gate?what=suspension").json
    assert gate["passes"] and len(gate["findings"]) > 3
    made = applied(world, unit)
    assert made["state"] == "submitted" and made["files"][0]["name"] == "材料.pdf" and made["clock"]["side"] == "剩"
    assert [r["id"] for r in officer.get("/applications?waiting=1&kind=suspension").json["rows"]] == [made["id"]]
    seen = officer.get(f"/applications/{made['id']}").json
    assert seen["may_decide"] and seen["checks"] and all(c["ok"] for c in seen["checks"])
    assert officer.client.get(seen["files"][0]["url"], headers=officer.headers).data.startswith(b"%PDF")
    done = officer.post(f"/applications/{made['id']}/decision", decision(seen, "approve", "属实")).json
    assert (done["state"], done["is_open"]) == ("approved", False)
    assert [s["verb"] for s in done["steps"]] == ["submit", "accept", "approve"]
    assert unit.get(f"/elevators/{world.own.id}").json["status"] == "suspended"
    assert rules_of(officer.post(f"/applications/{made['id']}/decision", decision(seen, "approve")), 409)


@pytest.mark.feature("GAT-01")
def test_gate_and_deed_refuse_by_the_same_rules(app: Any, session: Any, world: World) -> None:
    world.own.status = "suspended"
    session.commit()
    unit = Caller(app, world, "use_head")
    told = unit.get(f"/elevators/{world.own.id}/gate?what=suspension").json
    refused = unit.post("/applications", suspension(world, unit))
    stopping = {f["rule"] for f in told["findings"] if not f["ok"] and f["level"] == "fail"}
    assert not told["passes"] and rules_of(refused) == stopping
    assert session.scalar(select(func.count(Application.id))) == 0


@pytest.mark.feature("LIF-02")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"effective_on": "昨天"}, "effective_on"), ({"effective_on": 5}, "effective_on"), ({"reason": ""}, "reason"),
     ({"reason": ["x"]}, "reason"), ({"attachments": [1.5]}, "attachments"), ({"attachments": "1"}, "attachments"),
     ({"attachments": [999999]}, "attachments"), ({"kind": "nothing"}, "kind"), ({"kind": "unit_change"}, "kind")],
)  # fmt: skip
def test_what_was_sent_wrongly_is_named(app: Any, world: World, change: dict[str, Any], field: str) -> None:
    unit = Caller(app, world, "use_head")
    answer = unit.post("/applications", suspension(world, unit) | change)
    assert answer.status_code == 422 and field in {e["field"] for e in answer.json["errors"]}
    assert all(e["rule"] and e["found"] for e in answer.json["errors"])


@pytest.mark.feature("LIF-07")
def test_returned_corrected_and_withdrawn(app: Any, session: Any, world: World) -> None:
    unit, officer = Caller(app, world, "use_head"), Caller(app, world, "inspector")
    made = applied(world, unit)
    url = f"/applications/{made['id']}"
    assert rules_of(officer.post(f"{url}/decision", decision(made, "return")))  # without a reason none
    back = officer.post(f"{url}/decision", decision(made, "return", "缺少证明")).json
    assert back["state"] == "returned"
    kept = [f["id"] for f in back["files"]]
    more = unit.send_file(name="证明.pdf").json["id"]
    body = {"effective_on": DAY, "reason": "已补证明", "attachments": [*kept, more]}
    again = unit.post(f"{url}/resubmit", body).json
    assert again["state"] == "submitted" and [f["name"] for f in again["files"]] == ["材料.pdf", "证明.pdf"]
    assert rules_of(officer.post(f"{url}/withdraw"), 403)
    assert unit.post(f"{url}/withdraw").json["state"] == "withdrawn"
    assert unit.post(f"{url}/withdraw").status_code in (409, 422)


@pytest.mark.feature("LIF-07")
def test_what_was_filed_is_put_right_with_what_is_sent_back(app: Any, session: Any, world: World) -> None:
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    files = [firm.send_file().json["id"]]
    asked = {"kind": "maintenance_pause", "elevator_id": world.own.id, "effective_on": DAY, "reason": "停梯改造"}
    soon, later = (f"{TODAY + dt.timedelta(days=n)}" for n in (5, 20))
    made = firm.post("/applications", asked | {"until_on": soon, "attachments": files}).json
    url = f"/applications/{made['id']}"
    assert officer.post(f"{url}/decision", decision(made, "return", "恢复日期不对")).json["state"] == "returned"
    body = {"effective_on": DAY, "reason": "已改", "attachments": files}
    assert firm.post(f"{url}/resubmit", body | {"filed": {"until_on": "昨天"}}).status_code == 422
    again = firm.post(f"{url}/resubmit", body | {"filed": {"until_on": later}}).json
    assert (again["state"], again["data"]["until_on"], again["opinion"]) == ("submitted", later, None)


def test_a_call_sent_again_is_done_once(app: Any, session: Any, world: World) -> None:
    unit = Caller(app, world, "use_head")
    body, key = suspension(world, unit), {"Idempotency-Key": "a-key-of-mine-1"}
    first = unit.post("/applications", body, headers=key)
    again = unit.post("/applications", body, headers=key)
    assert first.status_code == again.status_code == 201 and first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    other = unit.post("/applications", body | {"reason": "别的"}, headers=key)
    assert rules_of(other) == {"Idempotency-Key"}
    assert rules_of(unit.post("/applications", body, headers={"Idempotency-Key": "短"})) == {"Idempotency-Key"}
    # Another account's key is another key; what was refused keeps none.
    firm = Caller(app, world, "maintenance_head")
    assert firm.post("/applications", body, headers=key).status_code in (409, 422)
    assert session.scalar(select(func.count(Application.id))) == 1
    assert session.scalars(select(ApiCall.account_id)).all() == [world.accounts["use_head"].id]
    talk = f"/talk/application/{first.json['id']}/comments"
    for _ in range(2):
        unit.post(talk, {"body": "请尽快"}, headers={"Idempotency-Key": "a-key-of-mine-2"})
    assert session.scalar(select(func.count(Comment.id))) == 1


@pytest.mark.feature("LIF-08")
def test_many_decisions_each_with_its_result(app: Any, session: Any, world: World) -> None:
    unit, firm, officer = (Caller(app, world, p) for p in ("use_head", "maintenance_head", "inspector"))
    one = applied(world, unit)
    draft = firm.post("/elevators", {"data": elevator_data(world)}).json
    two = firm.post(f"/elevators/{draft['id']}/submit").json
    chosen = [
        {"id": one["id"], "seen_version": one["row_version"]}, {"id": two["id"], "seen_version": 99},
        {"id": 999999, "seen_version": 1},
    ]  # fmt: skip
    told = officer.post("/applications/batch", {"verb": "approve", "opinion": "属实", "chosen": chosen}).json
    assert told["done"] == 1 and [r["status"] for r in told["results"]] == [200, 409, 404]
    assert told["results"][1]["current_version"] == two["row_version"] and told["results"][2]["errors"]
    assert rules_of(officer.post("/applications/batch", {"verb": "accept", "chosen": chosen})) == {"审批动作"}
    for wrong in ([], "x", [1], [{"id": 1}], [{"id": n, "seen_version": 1} for n in range(201)]):
        assert officer.post("/applications/batch", {"verb": "approve", "chosen": wrong}).status_code == 422
    assert unit.post("/applications/batch", {"verb": "approve", "chosen": chosen}).status_code == 403


@pytest.mark.feature("LIF-07")
def test_two_persons_where_policy_asks_for_them(app: Any, session: Any, world: World) -> None:
    make_policy(session, "second_approval", "all")
    world.accounts["second"] = make_account(session, Role.INSPECTOR, region_code="980402000000")
    session.commit()
    unit, officer, second = (Caller(app, world, p) for p in ("use_head", "inspector", "second"))
    made = applied(world, unit)
    url = f"/applications/{made['id']}"
    first = officer.post(f"{url}/decision", decision(made, "approve", "初审")).json
    assert first["state"] == "endorsed" and first["is_open"] and not first["may_decide"]
    assert officer.post(f"{url}/decision", decision(first, "approve")).status_code in (403, 422)
    assert officer.get("/applications?waiting=1").json["rows"] == []
    assert second.post(f"{url}/decision", decision(first, "approve", "同意")).json["state"] == "approved"


@pytest.mark.feature("LIF-05")
def test_a_change_of_unit_by_the_new_side(app: Any, session: Any, world: World) -> None:
    new, old = Caller(app, world, "other_head"), Caller(app, world, "maintenance_head")
    body = {"code": world.own.code, "signed_on": DAY, "effective_on": DAY, "reason": "接手", "attachments": []}
    assert len(rules_of(new.post("/unit-changes", body))) > 1  # contract and papers, all at once
    assert rules_of(new.post("/unit-changes", body | {"code": "没有的编号"})) == {"电梯"}
    paper = old.send_file().json["id"]
    asked = body | {"new_unit_id": world.other_firm.id, "attachments": [paper]}
    made = old.post("/unit-changes", asked)
    assert made.status_code == 201, made.text
    # The other side reads it and sees no elevator behind it yet.
    assert new.get(f"/applications/{made.json['id']}").json["kind"] == "unit_change"
    assert new.get(f"/elevators/{world.own.id}").status_code == 404


@pytest.mark.feature("LIF-06")
def test_a_registration_change_takes_only_its_own_fields(app: Any, session: Any, world: World) -> None:
    unit = Caller(app, world, "use_head")
    paper = unit.send_file().json["id"]
    body = {
        "kind": "registration_change", "elevator_id": world.own.id, "effective_on": DAY, "reason": "更名",
        "cause": "rename", "attachments": [paper],
    }  # fmt: skip
    assert rules_of(unit.post("/applications", body | {"changes": {"rated_load": 5}})) == {"变更内容"}
    assert unit.post("/applications", body | {"changes": [1]}).status_code == 422
    made = unit.post("/applications", body | {"changes": {"owner_name": "新业主委员会"}})
    assert made.status_code == 201, made.text
    assert {"label": "产权单位", "text": "— → 新业主委员会"} in made.json["asked"] or made.json["asked"][0]["text"]


@pytest.mark.feature("LIF-07")
def test_remarks_and_watching(app: Any, session: Any, world: World) -> None:
    unit, officer = Caller(app, world, "use_head"), Caller(app, world, "inspector")
    talk = f"/talk/application/{applied(world, unit)['id']}"
    assert unit.call("PUT", f"{talk}/watch").json == {"watched": True}
    unit.call("PUT", f"{talk}/watch")
    assert session.scalar(select(func.count(Watch.id))) == 1
    assert officer.post(f"{talk}/comments", {"body": "内部核对", "internal": True}).status_code == 201
    assert officer.post(f"{talk}/comments", {"body": "请补照片"}).status_code == 201
    assert [c["body"] for c in unit.get(talk).json["rows"]] == ["请补照片"]
    assert len(officer.get(talk).json["rows"]) == 2
    assert rules_of(unit.post(f"{talk}/comments", {"body": "x", "internal": True}), 403)
    assert rules_of(unit.post(f"{talk}/comments", {"body": " "})) == {"留言"}
    assert unit.call("DELETE", f"{talk}/watch").json == {"watched": False}
    assert session.scalar(select(func.count(Watch.id))) == 0
    assert unit.get(f"/talk/elevator/{world.foreign.id}").status_code == 404
    assert unit.get("/talk/account/1").status_code == 404


@pytest.mark.feature("LIF-07", "LIF-08")
def test_delegation_and_what_waits(app: Any, session: Any, world: World) -> None:
    officer, admin = Caller(app, world, "inspector"), Caller(app, world, "region_admin")
    applied(world, Caller(app, world, "use_head"))
    line = officer.get("/applications/ageing").json["rows"]
    assert [(r["region_code"], r["waiting"], r["late"]) for r in line] == [("980402000000", 1, 0)]
    people = officer.get("/delegations").json["colleagues"]
    assert [p["id"] for p in people] == [world.accounts["region_admin"].id]
    body = {"to_id": people[0]["id"], "from_on": DAY, "to_on": DAY, "reason": "出差"}
    assert rules_of(officer.post("/delegations", body | {"to_id": world.accounts["clerk"].id})) == {"代办人"}
    made = officer.post("/delegations", body).json
    assert admin.get("/delegations").json["rows"][0]["from"]["id"] == world.accounts["inspector"].id
    assert Caller(app, world, "other_inspector").post(f"/delegations/{made['id']}/end").status_code == 404
    assert admin.post(f"/delegations/{made['id']}/end").json == {"done": True}
    assert session.get(Delegation, made["id"]).ended_at is not None


@pytest.mark.feature("ELV-04", "UNT-05")
def test_a_filing_from_draft_to_force(app: Any, session: Any, world: World) -> None:
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    draft = firm.post("/elevators", {"data": elevator_data(world)})
    assert draft.status_code == 201 and draft.json["filing_state"] == "draft"
    key = draft.json["id"]
    changed = firm.call("PATCH", f"/elevators/{key}/draft", {"data": {"estate": "明水家园"}})
    assert changed.json["data"]["estate"] == "明水家园"
    stale = {"data": {"estate": "别处"}, "seen_version": draft.json["row_version"]}
    assert firm.call("PATCH", f"/elevators/{key}/draft", stale).status_code == 409
    assert rules_of(firm.call("PATCH", f"/elevators/{key}/draft", {"data": {"status": "scrapped"}})) == {"备案字段"}
    sent = firm.post(f"/elevators/{key}/submit").json
    assert sent["kind"] == "elevator_filing" and {d["field"] for d in sent["differences"]} >= {"code", "address"}
    assert firm.post(f"/elevators/{key}/withdraw").json["state"] == "withdrawn"
    sent = firm.post(f"/elevators/{key}/submit").json
    assert officer.post(f"/applications/{sent['id']}/decision", decision(sent, "approve")).json["state"] == "approved"
    assert session.get(Elevator, key).approved_version > 0
    unit = firm.post("/units", {"data": unit_data(session)}).json
    assert firm.get(f"/units/{unit['id']}/draft").json["data"]["safety_phone"] == "138****0001"
    assert firm.call("DELETE", f"/units/{unit['id']}/draft").json == {"done": True}
    assert firm.get(f"/units/{unit['id']}").status_code == 404
    assert officer.post("/elevators", {"data": elevator_data(world)}).status_code == 403
    assert officer.get(f"/elevators/{key}/draft").status_code == 403


@pytest.mark.parametrize("persona", ["maintenance_head", "use_head", "inspector", "worker"])
def test_foreign_rows_are_not_found(app: Any, session: Any, world: World, persona: str) -> None:
    made = applied(world, Caller(app, world, "use_head"))
    stranger = Caller(app, world, "other_inspector")
    url = f"/applications/{made['id']}"
    assert stranger.get(url).status_code == 404
    assert stranger.post(f"{url}/decision", decision(made, "approve")).status_code == 404
    assert stranger.get(f"/clocks/applications/{made['id']}").status_code == 404
    assert stranger.get("/applications").json["rows"] == []
    file_id = made["files"][0]["id"]
    assert stranger.get(f"/files/{file_id}").status_code == 404
    mine = Caller(app, world, persona)
    foreign = world.foreign.id
    assert mine.get(f"/elevators/{foreign}/as-of?as_of={DAY}").status_code == 404
    assert mine.get(f"/clocks/elevators/{foreign}").status_code in (403, 404)
    body = {"kind": "suspension", "elevator_id": foreign, "effective_on": DAY, "reason": "x"}
    assert mine.post("/applications", body).status_code in (403, 404)
    assert mine.call("PATCH", f"/elevators/{foreign}/draft", {"data": {"estate": "x"}}).status_code in (403, 404)


def test_a_withdrawn_key_is_free_after_two_days(app: Any, session: Any, world: World) -> None:
    unit = Caller(app, world, "use_head")
    key = {"Idempotency-Key": "a-key-of-mine-9"}
    talk = f"/talk/elevator/{world.own.id}/comments"
    unit.post(talk, {"body": "一"}, headers=key)
    assert rules_of(unit.post(talk, {"body": "二"}, headers=key)) == {"Idempotency-Key"}
    with clock.frozen(AT + dt.timedelta(hours=49)):
        assert unit.post(talk, {"body": "二"}, headers=key).status_code == 201


def test_the_same_call_twice_at_once_is_done_once(app: Any, session: Any, world: World) -> None:
    unit = Caller(app, world, "use_head")
    body, headers = suspension(world, unit), unit.headers | {"Idempotency-Key": "both-at-once-1"}
    session.rollback()

    def send(_number: int) -> Any:
        with clock.frozen(AT):
            return app.test_client().post("/api/v1/applications", json=body, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(send, range(4)))
    assert {a.status_code for a in told} == {201}, [a.text for a in told]
    assert len({a.json["id"] for a in told}) == 1
    assert sum("Idempotent-Replayed" in a.headers for a in told) == 3
    assert session.scalar(select(func.count(Application.id))) == 1
