"""ANO-03, APL-01 by the interface: every deed of the pages has its door."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Appeal, Enforcement
from app.transaction import transaction
from tests.api.callers import Caller, rules_of
from tests.factories import World
from tests.workflows.score_world import put_overdue

pytestmark = pytest.mark.feature("ANO-03", "INT-04")
DAY = dt.timedelta(days=1)


def said(world: World, **more: Any) -> dict[str, Any]:
    return {
        "unit_id": world.firm.id, "kind": "talk", "decided_on": clock.today().isoformat(), "facts": "多次超期",
        "demand": "十日内补做", "reply_days": 10,
    } | more  # fmt: skip


def missed(world: World) -> int:
    with transaction(world.session):
        row = put_overdue(world.session, world.own, world.firm, (clock.today() - DAY).replace(day=1))
        key = row.id
    world.session.commit()
    return key


def test_a_talk_from_draft_to_close(app: Any, world: World) -> None:
    late = missed(world)
    desk, unit = Caller(app, world, "inspector"), Caller(app, world, "clerk")
    assert {"事实", "答复期限"} <= rules_of(desk.post("/enforcement", said(world, facts="", reply_days=0)))
    made = desk.post("/enforcement", said(world, evidence=[f"overdue_period-{late}"]))
    assert made.status_code == 201 and made.json["evidence"][0]["key"] == f"overdue_period-{late}"
    key = made.json["id"]
    assert unit.get(f"/enforcement/{key}").status_code == 404
    changed = desk.call("PATCH", f"/enforcement/{key}", said(world, facts="改", row_version=made.json["row_version"]))
    assert changed.json["facts"] == "改" and changed.json["evidence"] == []
    assert desk.call("PATCH", f"/enforcement/{key}", said(world, row_version=99)).status_code == 409
    assert desk.post(f"/enforcement/{key}/issue", {}).json["state"] == "in_force"
    assert unit.get("/enforcement?tab=in_force").json["rows"][0]["id"] == key
    assert unit.post(f"/enforcement/{key}/reply", {"reply": "已补做"}).json["state"] == "replied"
    assert desk.post(f"/enforcement/{key}/send-back", {"note": "还差两台", "days": 3}).json["state"] == "in_force"
    assert unit.post(f"/enforcement/{key}/reply", {"reply": "全部补做"}).json["state"] == "replied"
    assert unit.post(f"/enforcement/{key}/close", {"note": "x"}).status_code == 403
    assert desk.post(f"/enforcement/{key}/close", {"note": "已核查"}).json["state"] == "closed"


def test_a_penalty_by_two_and_taken_back(app: Any, world: World) -> None:
    late = missed(world)
    desk, head = Caller(app, world, "inspector"), Caller(app, world, "region_admin")
    heavy = said(
        world, kind="penalty", legal_basis="条款", document_no="3号", evidence=[f"overdue_period-{late}"]
    )
    key = desk.post("/enforcement", heavy).json["id"]
    assert desk.post(f"/enforcement/{key}/propose", {}).json["state"] == "proposed"
    assert desk.post(f"/enforcement/{key}/decision", {"agreed": True}).status_code == 403
    assert head.post(f"/enforcement/{key}/decision", {"agreed": False, "note": "补证据"}).json["state"] == "draft"
    desk.post(f"/enforcement/{key}/propose", {})
    assert head.post(f"/enforcement/{key}/decision", {"agreed": True}).json["state"] == "in_force"
    assert head.post(f"/enforcement/{key}/withdraw", {"note": "发错"}).json["state"] == "withdrawn"
    assert world.session.scalars(select(Enforcement)).one().withdraw_reason == "发错"


@pytest.mark.feature("APL-01")
def test_an_appeal_and_what_it_came_to(app: Any, world: World) -> None:
    late = missed(world)
    unit, desk = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    assert "申诉理由" in rules_of(unit.post("/appeals", {"about": f"overdue_period-{late}", "grounds": ""}))
    paper = unit.send_file("/files?kind=document").json["id"]
    made = unit.post("/appeals", {"about": f"overdue_period-{late}", "grounds": "断电", "files": [paper]})
    assert made.status_code == 201 and made.json["kind"] == "appeal"
    (row,) = desk.get("/appeals?tab=waiting").json["rows"]
    assert row["grounds"] == "断电" and row["application_id"] == made.json["id"]
    desk.post(
        f"/applications/{made.json['id']}/decision",
        {"verb": "approve", "opinion": "属实", "seen_version": made.json["row_version"]},
    )
    shown = unit.get(f"/appeals/{row['id']}").json
    assert shown["state"] == "approved" and {"label": "超期", "before": "1", "after": "0"} in shown["figures"]
    assert Caller(app, world, "other_inspector").get(f"/appeals/{row['id']}").status_code == 404
    assert world.session.scalars(select(Appeal)).one().in_force_from is not None
