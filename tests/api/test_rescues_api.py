"""RES-01 to RES-05: rescues by the interface, as the pages have them."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.permissions import Role
from app.transaction import transaction
from app.workflows.rescue import rescues
from tests.api.callers import Caller
from tests.factories import World, make_account, make_policy

pytestmark = pytest.mark.feature("RES-02", "INT-04")
FORM = {"outcome": "entrapment", "cause": "power_cut", "trapped": 2, "injured": 0}


@pytest.fixture
def world(world: World) -> World:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(world.session, "rescue_desk_minutes", 2)
    world.session.commit()
    return world


def test_from_the_call_to_the_call_back(app: Any, world: World) -> None:
    agent, worker = Caller(app, world, "agent"), Caller(app, world, "worker")
    sent = {"elevator_id": world.own.id, "phone": "13900001111", "caller": "顾女士", "trapped": 2}
    row = agent.post("/rescues", sent).json
    key = row["id"]
    assert (row["status"], row["phone"], row["source"], row["badge"]) == ("taken", "139****1111", "call", None)
    assert agent.post("/rescues", sent).json["id"] == key
    assert worker.post("/rescues", sent).status_code == 403
    found = agent.get(f"/rescues/{key}/candidates").json["rows"]
    assert [one["name"] for one in found] == [world.other_firm.name]
    old = row["row_version"]
    now = agent.get(f"/rescues/{key}").json["row_version"]
    row = agent.post(f"/rescues/{key}/dispatch", {"level": 1, "row_version": now}).json
    assert row["status"] == "dispatched" and row["calls"][0]["unit_id"] == world.firm.id
    assert agent.post(f"/rescues/{key}/dispatch", {"level": 3, "row_version": old}).status_code == 422
    assert worker.post(f"/rescues/{key}/accept", {"phone_at": "gestern"}).status_code == 422
    taken = worker.post(f"/rescues/{key}/accept", {"phone_at": clock.now().isoformat(), "latitude": 30.5,
                                                   "longitude": 120.5}).json  # fmt: skip
    assert taken["status"] == "accepted" and taken["steps"][-1]["phone_at"]
    assert worker.post(f"/rescues/{key}/accept", {}).status_code == 200
    assert worker.post(f"/rescues/{key}/arrive", {}).json["status"] == "arrived"
    assert worker.post(f"/rescues/{key}/free", {"outcome": "entrapment"}).status_code == 422
    done = worker.post(f"/rescues/{key}/free", FORM).json
    assert (done["status"], done["badge"], done["late_steps"]) == ("freed", "on_time", [])
    kept = agent.post(f"/rescues/{key}/call-back", {"kind": "rescue", "satisfaction": "good"}).json
    assert kept["callbacks"][0]["satisfaction"] == "good"
    assert agent.post(f"/rescues/{key}/back", {"reason": "人数填错"}).json["status"] == "arrived"


def test_lists_and_what_is_not_ones_own(app: Any, world: World) -> None:
    with transaction(world.session):
        key = rescues.report(world.session, None, world.own, source="iot", at=clock.now()).id
        other = rescues.report(world.session, None, world.foreign, source="page", at=clock.now()).id
    agent, worker = Caller(app, world, "agent"), Caller(app, world, "worker")
    assert [row["id"] for row in agent.get("/rescues/centre?tab=waiting").json["rows"]] == [other, key]
    assert [row["id"] for row in worker.get("/rescues").json["rows"]] == [key]
    assert agent.get("/rescues?tab=nosuch").status_code == 422
    assert worker.get(f"/rescues/{other}").status_code == 404
    assert worker.post(f"/rescues/{key}/take", {}).status_code == 403
    assert agent.post(f"/rescues/{key}/take", {}).json["status"] == "taken"
    number = agent.get(f"/rescues/{other}").json["number"]
    assert agent.post(f"/rescues/{key}/join", {"number": number}).json["joined_to_id"] == other
    ended = agent.post(f"/rescues/{other}/close", {"outcome": "false_alarm", "note": "已核实"})
    assert ended.json["status"] == "closed"
    assert worker.post(f"/rescues/{key}/pass", {"worker_id": 1}).status_code == 422
