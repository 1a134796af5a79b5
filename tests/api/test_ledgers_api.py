"""设备履历, the manager's word on visits and the tree of regions, changed by the interface (ELV-06, MNT-09, ACC-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import MaintenanceLedger, Region, VisitNote
from app.permissions import Verb
from tests.api.callers import Caller, rules_of
from tests.api.test_own_api import in_person
from tests.factories import World, make_elevator, make_person, make_policy
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("INT-04")
DAY = dt.timedelta(days=1)


@pytest.mark.feature("ELV-06")
def test_a_ledger_is_read_filled_in_and_changed(app: Any, world: World) -> None:
    head, url, today = Caller(app, world, "clerk"), f"/ledgers/{world.own.id}", clock.today()
    assert head.get(url).json["version"] == 0
    year = (today + 200 * DAY).isoformat()
    made = head.call("PATCH", url, {"worker_id": world.worker.id, "interval_days": 15, "next_annual_on": year})
    assert made.status_code == 200, made.text
    assert (made.json["worker_id"], made.json["mode"], made.json["next_annual_on"]) == (world.worker.id, "auto", year)
    assert made.json["next_quarter_on"] is not None and made.json["code"] == world.own.code
    seen = made.json["version"]
    manual = {"mode": "manual", "worker_id": None, "seen_version": seen}
    changed = head.call("PATCH", url, manual).json
    assert (changed["mode"], changed["worker_id"], changed["interval_days"]) == ("manual", None, 15)
    assert head.get(url).json == changed
    assert head.call("PATCH", url, manual).status_code == 409
    assert rules_of(head.call("PATCH", url, {"interval_days": 20})) == {"维保间隔"}
    assert rules_of(head.call("PATCH", url, {"next_annual_on": "明年"})) == {"参数"}
    assert head.get(f"/ledgers/{world.foreign.id}").status_code == 404
    reader = Caller(app, world, "clerk", [Verb.LEDGER_READ.value])
    assert reader.call("PATCH", url, {"mode": "auto"}).status_code == 403


@pytest.mark.feature("ELV-06")
def test_many_ledgers_are_changed_each_with_its_outcome(app: Any, session: Any, world: World) -> None:
    others = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(2)]
    make_person(session, world.firm, "沈知微")
    session.commit()
    first = clock.today() + 100 * DAY
    ids = [others[1].id, world.foreign.id, world.own.id, others[0].id]
    head = Caller(app, world, "clerk")
    wish = {"elevator_ids": ids, "worker_id": world.worker.id, "next_annual_on": first.isoformat(), "a_day": 2}
    done = head.post("/ledgers/change", wish)
    assert done.status_code == 200, done.text
    assert [(row["id"], row["ok"]) for row in done.json["rows"]] == [(key, key != world.foreign.id) for key in ids]
    assert done.json["rows"][0]["text"] == "已修改"
    kept = {one.elevator_id: one.next_annual_on for one in session.scalars(select(MaintenanceLedger))}
    assert kept == {ids[0]: first, ids[2]: first + DAY, ids[3]: first + DAY}
    assert rules_of(head.post("/ledgers/change", {"elevator_ids": ids})) == {"批量修改"}
    assert rules_of(head.post("/ledgers/change", wish | {"a_day": 0})) == {"每天几台"}
    assert rules_of(head.post("/ledgers/change", {"elevator_ids": ids, "mode": "auto", "a_day": 3})) == {"每天几台"}
    wrong = head.post("/ledgers/change", {"elevator_ids": ids[:1], "interval_days": 20}).json["rows"]
    assert not wrong[0]["ok"] and "20" in wrong[0]["text"]


@pytest.mark.feature("MNT-09", "MNT-10")
@pytest.mark.parametrize(("decision", "state"), [("approved", "valid"), ("rejected", "rejected")])
def test_the_manager_decides_on_a_visit(app: Any, session: Any, world: World, decision: str, state: str) -> None:
    make_policy(session, "preset", "quanzhou")
    row = add_visit(
        session, world.own, world.worker, clock.today() - DAY, state="pending", awaiting_review=False,
        signed_at=clock.now(), signer="苏见山", snapshot={"code": world.own.code, "worker": "王砚秋"},
    )  # fmt: skip
    session.commit()
    url = f"/visits/{row.id}/decision"
    head = Caller(app, world, "maintenance_head")
    assert rules_of(head.post(url, {"decision": "rejected"})) == {"理由"}
    assert rules_of(head.post(url, {"decision": "perhaps"})) == {"决定"}
    told = head.post(url, {"decision": decision, "reason": "照片核对"})
    assert told.status_code == 200, told.text
    assert (told.json["state"], told.json["decision"], told.json["decision_reason"]) == (state, decision, "照片核对")
    assert rules_of(head.post(url, {"decision": decision, "reason": "再来"})) == {"待审批"}
    assert Caller(app, world, "worker").post(url, {"decision": "approved"}).status_code == 403
    assert head.post(f"/visits/{row.id}/notes", {"body": "门机皮带已换"}).json == {"done": True}
    assert session.scalars(select(VisitNote.body)).all() == ["门机皮带已换"]


@pytest.mark.feature("ACC-01")
def test_the_tree_is_changed_by_a_person_who_signed_in(app: Any, session: Any, world: World) -> None:
    """Another system reads it alone, whatever its owner may do."""
    there = session.scalars(select(Region).where(Region.level == "district").order_by(Region.code)).first()
    token = Caller(app, world, "platform_admin")
    assert token.post("/regions/end", {"region": there.code}).status_code == 403
    admin = in_person(app, world, "platform_admin")
    code = there.code[:6] + "987000"
    made = admin.post("/regions", {"code": code, "name": "新街道", "valid_from": "2026-01-01"})
    assert made.status_code == 201 and made.json["level"] == "street" and made.json["parent_id"] == there.id
    assert rules_of(admin.post("/regions", {"code": "一", "name": ""})) == {"名称", "区划代码"}
    lines = f"{there.code[:6]}988000 甲街道\n{code} 新街道"
    assert admin.post("/regions/many", {"lines": lines}).json == {"made": 1, "there": 1}
    assert rules_of(admin.post("/regions/many", {"lines": "甲街道"})) == {"第 1 行"}
    ended = admin.post("/regions/end", {"region": code, "valid_until": "2026-12-31"}).json
    assert ended["valid_until"] == "2026-12-31"
    assert admin.post("/regions/end", {"region": code}).json["valid_until"] is None
    assert rules_of(admin.post("/regions/end", {"region": code, "valid_until": "2025-01-01"})) == {"停用日期"}
