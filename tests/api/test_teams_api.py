"""The REST resources for teams and for joining a visit (PLN-07, MNT-11)."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.permissions import Role
from app.transaction import transaction
from app.workflows.visits import visits
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_account, make_person, make_policy
from tests.workflows.visit_world import HERE

pytestmark = pytest.mark.feature("INT-04")
PLACE = {"latitude": 30.5, "longitude": 120.5}


@pytest.mark.feature("PLN-07")
def test_a_team_from_its_making_to_its_end(app: Any, world: World) -> None:
    head = Caller(app, world, "maintenance_head")
    made = head.post("/teams", {"name": "城东一组", "members": [world.worker.id]})
    assert made.status_code == 201, made.text
    team = made.json
    assert team["members"] == [{"person_id": world.worker.id, "name": "王砚秋"}] and team["elevators"] == 0
    changed = {"name": "城东二组", "members": [world.worker.id], "seen_version": team["version"]}
    assert head.call("PUT", f"/teams/{team['id']}", changed).json["name"] == "城东二组"
    assert head.call("PUT", f"/teams/{team['id']}", changed).status_code == 409
    assert rules_of(head.post("/teams", {"name": "", "members": []})) == {"小组名称", "小组成员"}
    assert [row["name"] for row in head.get("/teams").json["rows"]] == ["城东二组"]
    assert head.get(f"/teams/{team['id']}").json["unit_id"] == world.firm.id
    assert Caller(app, world, "worker").post("/teams", {"name": "我的", "members": []}).status_code == 403
    assert head.post(f"/teams/{team['id']}/disband", {}).json["disbanded_at"] is not None
    assert head.get("/teams").json["rows"] == []


@pytest.mark.feature("MNT-11")
def test_joining_a_visit(app: Any, world: World, session: Any) -> None:
    make_policy(session, "preset", "huzhou")
    mate = make_person(session, world.firm, "沈听澜")
    world.accounts["mate"] = make_account(
        session, Role.WORKER, unit=world.firm, person=mate, sees_all_elevators=True
    )
    session.commit()
    with transaction(session):
        key = visits.check_in(session, world.actor("worker"), world.own.code, HERE, clock.now()).id
    second = Caller(app, world, "mate")
    assert second.get(f"/visits/{key}/companions").json["result"] == []
    far = second.post(f"/visits/{key}/companions", PLACE | {"latitude": 30.6, "code": world.own.code})
    assert rules_of(far) == {"电梯位置较远"}
    joined = second.post(f"/visits/{key}/companions", PLACE | {"code": world.own.code})
    assert joined.status_code == 201 and [row["name"] for row in joined.json["result"]] == ["沈听澜"]
    assert second.post(f"/visits/{key}/companions", PLACE | {"code": world.own.code}).json == joined.json
    own = Caller(app, world, "worker").post(f"/visits/{key}/companions", PLACE | {"code": world.own.code})
    assert "协同维保人员" in rules_of(own)
