"""Risk lists, officers, patrols, back-tests and the log's package by the interface (SAF, PAT, POL, AUD)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import ElevatorOfficer, Job, PatrolRound, RiskItem
from app.tasks import MODULES
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.core import jobs
from tests.api.callers import Caller, rules_of
from tests.api.test_filing_api import token
from tests.factories import World
from tests.workflows.filing_world import AT

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
RISK = {
    "place": "机房", "risk": "夏季高温", "level": "larger", "measures": "通风", "cycle": "weekly",
    "responsible": "安全员",
}  # fmt: skip


@pytest.mark.feature("SAF-01")
def test_a_risk_is_added_changed_ended(app: Any, session: Any, world: World) -> None:
    use, key = Caller(app, world, "use_head"), {"Idempotency-Key": "risk-00000001"}
    made = use.post("/risks", RISK, headers=key)
    assert made.status_code == 201 and use.post("/risks", RISK, headers=key).json["id"] == made.json["id"]
    assert len(rules_of(use.post("/risks", {}))) > 4
    url = f"/risks/{made.json['id']}"
    changed = use.call("PATCH", url, {"level": "major", "seen_version": made.json["row_version"]}).json
    assert changed["level"] == "major" and changed["measures"] == "通风"
    assert use.call("PATCH", url, {"level": "low", "seen_version": 1}).status_code == 409
    assert Caller(app, world, "inspector").get("/risks?level=major").json["count"] == 1
    assert Caller(app, world, "inspector").post(f"{url}/end").status_code == 403
    assert use.post(f"{url}/end").json["ended_on"] == "2026-11-20"
    assert use.get("/risks").json["count"] == 0 and use.get("/risks?tab=ended").json["count"] == 1
    foreign = RiskItem(**RISK, unit_id=world.other_use_unit.id, region_code="980403000000")
    session.add(foreign)
    session.commit()
    assert use.get(f"/risks/{foreign.id}").status_code == 404
    assert use.post(f"/risks/{foreign.id}/end").status_code == 404
    assert use.call("PATCH", f"/risks/{foreign.id}", {"level": "low", "seen_version": 1}).status_code == 404


@pytest.mark.feature("SAF-01")
def test_officers_are_named(app: Any, session: Any, world: World) -> None:
    use, officer = Caller(app, world, "use_head"), world.accounts["safety_officer"].id
    sent = {"account_id": officer, "elevator_ids": [world.own.id]}
    assert use.call("PUT", "/officers", sent).json == {"changed": 1}
    assert use.call("PUT", "/officers", sent).json == {"changed": 0}
    rows = use.get("/officers").json["rows"]
    assert [(r["elevator_id"], r["account"]["id"]) for r in rows] == [(world.own.id, officer)]
    assert use.call("PUT", "/officers", sent | {"elevator_ids": [world.foreign.id]}).status_code == 404
    assert rules_of(use.call("PUT", "/officers", sent | {"account_id": 2**40})) == {"安全员"}
    assert rules_of(use.call("PUT", "/officers", sent | {"account_id": world.accounts["worker"].id})) == {"安全员"}
    assert rules_of(use.call("PUT", "/officers", sent | {"elevator_ids": []})) == {"电梯"}
    assert session.scalar(select(ElevatorOfficer.account_id)) == officer


@pytest.mark.feature("PAT-01")
def test_a_patrol_is_planned_and_ended(app: Any, session: Any, world: World) -> None:
    use, who = Caller(app, world, "use_head"), world.accounts["safety_officer"].id
    assert who in {row["id"] for row in use.get("/patrols/patrollers").json["rows"]}
    sent = {"title": "冬季巡检", "due_on": "2026-11-30", "account_id": who, "elevator_ids": [world.own.id]}
    made = use.post("/patrols", sent, headers={"Idempotency-Key": "patrol-000001"})
    assert made.status_code == 201 and [s["elevator_id"] for s in made.json["stops"]] == [world.own.id]
    assert use.post("/patrols", sent, headers={"Idempotency-Key": "patrol-000001"}).json == made.json
    assert rules_of(use.post("/patrols", sent | {"due_on": "2026-11-01"})) == {"完成期限"}
    assert rules_of(use.post("/patrols", sent | {"account_id": 2**40, "title": ""})) == {"巡检人", "名称"}
    assert use.post("/patrols", sent | {"elevator_ids": [world.foreign.id]}).status_code == 404
    url = f"/patrols/{made.json['id']}/close"
    assert Caller(app, world, "region_admin").post(url).status_code == 403
    assert use.post(url).json["closed_at"] and rules_of(use.post(url)) == {"巡检"}
    foreign = PatrolRound(
        title="别家", due_on=clock.today(), account_id=who, account_name="别人", unit_id=world.other_use_unit.id,
        region_code="980403000000",
    )  # fmt: skip
    session.add(foreign)
    session.commit()
    assert use.post(f"/patrols/{foreign.id}/close").status_code == 404


@pytest.mark.feature("POL-01")
def test_a_back_test_is_entered_and_read(app: Any, session: Any, world: World) -> None:
    admin = Caller(app, world, "region_admin")
    sent = {"key": "limit_days", "value": 20, "from_on": "2026-07-01", "to_on": "2026-09-30"}
    made = admin.post("/policy-tests", sent)
    assert made.status_code == 201 and made.json["state"] == "queued" and made.json["region"] == "980402000000"
    assert rules_of(admin.post("/policy-tests", sent | {"to_on": "2027-01-01"})) == {"截止日期"}
    assert admin.post("/policy-tests", sent | {"value": "viele"}).status_code == 422
    assert rules_of(admin.post("/policy-tests", {"key": "limit_days"})) == {"参数"}
    assert admin.post("/policy-tests", sent | {"region_code": "980403000000"}).status_code in (403, 404, 422)
    row = session.get(Job, made.json["id"])
    with transaction(session):
        claim = jobs.claim(session, row.id, AT)
        assert claim is not None
        units = [{"unit_id": 1, "name": "甲", "moved": False}, {"unit_id": 2, "name": "乙", "moved": True}]
        jobs.finish(session, row.id, claim, AT, {"units": units})
    url = f"/policy-tests/{row.id}"
    assert [u["unit_id"] for u in admin.get(url).json["result"]["units"]] == [2]
    assert len(admin.get(f"{url}?all=1").json["result"]["units"]) == 2
    other = Job(kind="export", title="导出", state="done", created_at=AT, heartbeat_at=AT,
                created_by_id=world.accounts["region_admin"].id)  # fmt: skip
    foreign = Job(kind="policy_test", title="别人", state="done", created_at=AT, heartbeat_at=AT,
                  created_by_id=world.accounts["platform_admin"].id)  # fmt: skip
    session.add_all([other, foreign])
    session.commit()
    assert {admin.get(f"/policy-tests/{one.id}").status_code for one in (other, foreign)} == {404}


@pytest.mark.feature("AUD-01")
def test_the_logs_package_is_made_and_fetched_by_its_keeper_only(app: Any, session: Any, world: World) -> None:
    keeper, other = Caller(app, world, "platform_admin"), Caller(app, world, "region_admin")
    assert {one.post("/audit-packages").status_code for one in (keeper, other)} == {403}, "no token has this right"
    keeper.headers = token(app, world, "platform_admin")
    made = keeper.post("/audit-packages")
    assert made.status_code == 201 and (made.json["state"], made.json["file"]) == ("queued", None)
    number = made.json["id"]
    with app.app_context():
        for module in MODULES:
            import_module(module)
        assert running.run(number) == "done"
    ready = keeper.get(f"/audit-packages/{number}").json
    assert ready["state"] == "done" and keeper.get(f"/files/{ready['file']}").data.startswith(b"PK")
    assert other.get(f"/audit-packages/{number}").status_code == 403
    foreign = Job(kind="export", title="导出", state="done", created_at=AT, heartbeat_at=AT,
                  created_by_id=world.accounts["platform_admin"].id)  # fmt: skip
    session.add(foreign)
    session.commit()
    assert keeper.get(f"/audit-packages/{foreign.id}").status_code == 404
