"""Inspection people see the elevators of their region to inspect them, and do nothing else about them (INS-01)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.models import Elevator
from app.permissions import Role, Verb
from tests.factories import World, actor, make_account, make_unit
from tests.workflows.inspection_world import inspecting

pytestmark = pytest.mark.feature("INS-01")


def seen(world: World, who: Any) -> set[int]:
    return set(world.session.scalars(scope.apply(select(Elevator.id), who, Elevator)))


def test_who_also_maintains_sees_no_elevators_of_others(world: World) -> None:
    """Else whatever a maintenance unit's people may do with what they see, they could do with everybody's."""
    tester = inspecting(world)
    assert world.own.id in seen(world, tester)
    both = dataclasses.replace(tester, roles=frozenset({Role.TESTER, Role.MAINTENANCE_HEAD}))
    assert both.may(Verb.CONTRACT_EDIT) and both.may(Verb.INSPECTION_EDIT)
    assert seen(world, both) == set()


def test_no_labels_of_elevators_that_one_only_inspects(sign_in: Any, world: World) -> None:
    unit = make_unit(world.session, "临河特种设备检测院", is_inspection=True)
    account = make_account(world.session, Role.TESTER, unit=unit, is_main=True)
    world.own.emergency_phone = "96333"
    world.session.commit()
    key = world.own.id
    client = sign_in(account)
    assert client.get(f"/labels/?ids={key}").status_code == 404
    # Nor are any offered.
    for page in ("/elevators/", f"/elevators/{key}"):
        shown = client.get(page)
        assert shown.status_code == 200 and "/labels/" not in shown.text and "打印标签" not in shown.text, page
    assert actor(account).may(Verb.ELEVATOR_READ)
    firm = sign_in(world.accounts["maintenance_head"])
    assert firm.get(f"/labels/?ids={key}").status_code == 200
    assert "/labels/found" in firm.get("/elevators/").text and "打印标签" in firm.get("/elevators/").text
    assert f"/labels/?ids={key}" in firm.get(f"/elevators/{key}").text


def test_a_tester_is_shown_no_whole_phone(sign_in: Any, world: World) -> None:
    unit = make_unit(world.session, "临河特种设备检测院", is_inspection=True)
    account = make_account(world.session, Role.TESTER, unit=unit, is_main=True)
    world.own.safety_phone = "13900004321"
    world.session.commit()
    key, client = world.own.id, sign_in(account)
    for page in (f"/elevators/{key}", "/elevators/?cols=code&cols=safety_phone", "/inspections/due/?tab=all"):
        shown = client.get(page)
        assert shown.status_code == 200 and "13900004321" not in shown.get_data(as_text=True), page
    assert client.get(f"/elevators/{key}/edit").status_code in (403, 404)
    assert client.get("/complaints/").status_code == 403
    assert client.get("/cockpit/").status_code == 403
