"""RES-01 to RES-05: rescues by the interface, as the pages have them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Rescue
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


# --- by the code that a caller reads out


def secret(world: World, lift: Any = None) -> str:
    row = lift or world.own
    row.is_secret = True
    world.session.commit()
    return str(row.code)


def opened(world: World) -> list[int]:
    world.session.rollback()
    statement = select(AuditEntry.actor_id).where(AuditEntry.action == "rescue.open_secret")
    return list(world.session.scalars(statement.order_by(AuditEntry.id)))


@pytest.mark.feature("RES-01")
def test_a_secret_elevator_is_reported_by_its_code_and_that_is_written_down(app: Any, world: World) -> None:
    code, agent = secret(world), Caller(app, world, "agent")
    by_number = agent.post("/rescues", {"elevator_id": world.own.id, "phone": "13900001111"})
    assert by_number.status_code == 404 and opened(world) == []
    row = agent.post("/rescues", {"code": f" {code.lower()} ", "phone": "13900001111", "trapped": 1}).json
    assert (row["status"], row["source"], row["code"]) == ("taken", "call", code)
    assert row["place"].endswith(world.own.address) and agent.get("/rescues").json["count"] == 0
    assert opened(world) == [world.accounts["agent"].id]
    again = agent.post("/rescues", {"code": code, "scene": "有人按铃"}).json
    assert again["id"] == row["id"] and again["reports"] == 2
    assert opened(world) == [world.accounts["agent"].id], "once for an account and a case"
    dispatched = agent.post(f"/rescues/{row['id']}/dispatch", {"level": 1, "row_version": again["row_version"]})
    assert dispatched.json["status"] == "dispatched"


@pytest.mark.feature("RES-01")
def test_the_code_of_any_other_elevator_is_as_good_as_its_number(app: Any, world: World) -> None:
    world.own.rescue_code = "JY981001"
    world.session.commit()
    agent = Caller(app, world, "agent")
    first = agent.post("/rescues", {"code": world.own.code}).json
    assert agent.post("/rescues", {"code": "jy981001"}).json["id"] == first["id"]
    assert first["elevator_id"] == world.own.id and opened(world) == []


@pytest.mark.feature("RES-01")
def test_codes_that_lead_nowhere_look_alike(app: Any, world: World) -> None:
    """Unknown, another region's, another region's 涉密, a part of one, and one that was never approved."""
    world.accounts["near"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980402000000")
    near, agent = Caller(app, world, "near"), Caller(app, world, "agent")
    code = secret(world)

    def refused(desk: Caller, text: str) -> str:
        answer = desk.post("/rescues", {"code": text})
        assert answer.status_code == 404, answer.text
        (error,) = answer.json["errors"]
        assert error["field"] == "code"
        return str(error["found"]).replace(text, "X")

    told = {refused(near, world.foreign.code), refused(near, "NOSUCH1"), refused(agent, code[:-1])}
    told.add(refused(near, secret(world, world.foreign)))
    world.own.approved_version = 0
    world.session.commit()
    told.add(refused(agent, code))
    assert len(told) == 1
    assert world.session.scalar(select(Rescue.id)) is None and opened(world) == []


@pytest.mark.feature("RES-01")
def test_nobody_but_the_desk_reports_by_code(app: Any, world: World) -> None:
    code = secret(world)
    for who in ("worker", "maintenance_head", "use_head", "inspector"):
        answer = Caller(app, world, who).post("/rescues", {"code": code})
        assert answer.status_code == 403, who
    assert world.session.scalar(select(Rescue.id)) is None


@pytest.mark.feature("RES-01")
@pytest.mark.parametrize(
    "sent", [{}, {"code": "   "}, {"code": 17}, {"code": "x" * 41}, {"code": "A", "elevator_id": 1}]
)
def test_one_of_both_names_the_elevator(app: Any, world: World, sent: dict[str, Any]) -> None:
    assert Caller(app, world, "agent").post("/rescues", sent).status_code == 422


@pytest.mark.feature("RES-01")
def test_what_is_wrong_with_the_report_opens_nothing(app: Any, world: World) -> None:
    code = secret(world)
    answer = Caller(app, world, "agent").post("/rescues", {"code": code, "trapped": 100_000})
    assert answer.status_code == 422 and opened(world) == []
