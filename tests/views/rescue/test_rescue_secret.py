"""RES-05: cases of 涉密 elevators at a desk without the right to them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Rescue
from app.permissions import Role
from tests.api.callers import Caller
from tests.factories import World, make_account
from tests.views.rescue.ground import post, report, row_of

pytestmark = pytest.mark.feature("RES-05")


@pytest.mark.feature("RES-01", "RES-05")
def test_the_desk_opens_a_secret_case_and_nothing_else_of_the_elevator(world: World, sign_in: Any) -> None:
    """Its place and the car's data on the case's own page; who opened it stands in the log, once."""
    world.own.is_secret, world.own.emergency_phone = True, "0398-5550096"
    world.session.commit()
    key = report(world, 0.5)
    agent = sign_in(world.accounts["agent"])
    address, code = world.own.address, world.own.code
    for path in ("/rescues/", "/rescues/history/", "/rescues/open", "/", "/map/"):
        shown = agent.get(path).text
        assert address not in shown, path
    assert f"涉密电梯 {code}" in agent.get("/rescues/open").json["html"]
    centre = agent.get("/rescues/").text
    assert f'href="/rescues/{key}"' in centre and "涉密电梯救援处置中" in centre
    assert code not in agent.get("/rescues/history/").text

    def logged() -> list[int | None]:
        world.session.rollback()
        said = select(AuditEntry.actor_id).where(AuditEntry.action == "rescue.open_secret", AuditEntry.entity_id == key)
        return list(world.session.scalars(said))

    assert logged() == []
    for _ in range(2):
        page = agent.get(f"/rescues/{key}").text
        assert address in page and "0398-5550096" in page and f'href="/elevators/{world.own.id}"' not in page
    assert logged() == [world.accounts["agent"].id]
    assert agent.get(f"/elevators/{world.own.id}").status_code == 404
    assert agent.get(f"/rescues/{key}/stand").status_code == 200
    post(agent, f"/rescues/{key}/take")
    post(agent, f"/rescues/{key}/dispatch", level="1")
    assert row_of(world, key).status == "dispatched"
    page = post(agent, f"/rescues/{key}/close", outcome="false_alarm", note="对讲确认无人").text
    assert address in page and row_of(world, key).status == "closed", "a day to call back"
    row_of(world, key).ended_at = clock.now() - dt.timedelta(days=1, seconds=1)
    world.session.commit()
    assert agent.get(f"/rescues/{key}").status_code == 404
    assert logged() == [world.accounts["agent"].id]


@pytest.mark.feature("RES-01")
def test_of_which_secret_cases_a_desk_opens_none(world: World, sign_in: Any) -> None:
    """Another region's, and none at all for whoever is no desk; who may see 涉密 needs no door of his own."""
    world.accounts["afar"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980403000000")
    world.own.is_secret = True
    world.session.commit()
    key = report(world, 0.5)
    for who in ("afar", "inspector", "other_inspector", "other_head"):
        assert sign_in(world.accounts[who]).get(f"/rescues/{key}").status_code == 404, who
    assert world.own.address in sign_in(world.accounts["region_admin"]).get(f"/rescues/{key}").text
    assert world.session.scalar(select(AuditEntry.id).where(AuditEntry.action == "rescue.open_secret")) is None


@pytest.mark.feature("RES-01")
def test_a_caller_reads_out_the_code_of_a_secret_elevator(world: World, sign_in: Any) -> None:
    world.own.is_secret = True
    world.session.commit()
    agent, code, address = sign_in(world.accounts["agent"]), world.own.code, world.own.address
    assert "没有找到这台电梯" in agent.get(f"/rescues/new?q=X{code}").text
    by_number = agent.get(f"/rescues/new?elevator_id={world.own.id}").text
    assert code not in by_number and address not in by_number
    found = agent.get(f"/rescues/new?q={code}").text
    assert f"涉密电梯 {code}" in found and address not in found and world.use_unit.name not in found
    assert agent.get(f"/rescues/new?q={world.foreign.code}").text.count("涉密电梯 ") == 0
    page = post(agent, "/rescues/new", code=code, phone="13900001111", caller="顾女士").text
    world.session.rollback()
    row = world.session.scalars(select(Rescue)).one()
    assert (row.elevator_id, row.source, row.status) == (world.own.id, "call", "taken") and address in page


@pytest.mark.feature("INT-04")
def test_a_secret_case_by_the_interface(app: Any, world: World) -> None:
    world.own.is_secret = True
    world.session.commit()
    key = report(world, 0.5)
    desk = Caller(app, world, "agent")
    assert desk.get("/rescues").json["count"] == 0
    assert desk.get(f"/rescues/{key}").json["place"].endswith(world.own.address)
    assert desk.post(f"/rescues/{key}/take", {}).status_code == 200
    world.session.rollback()
    said = select(AuditEntry.actor_id).where(AuditEntry.action == "rescue.open_secret")
    assert world.session.scalars(said).all() == [world.accounts["agent"].id]
