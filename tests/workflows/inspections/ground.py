"""What tests of inspections look at, the elevator, its days and its clock; and a record put right or handed in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import scope
from app.models import Elevator, Inspection, InspectionClock
from app.permissions import Actor
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.inspection import inspection_reports, inspections
from tests.factories import World
from tests.workflows.inspection_world import AT, entry, report

D = dt.date


def lift(world: World) -> Elevator:
    world.session.expire_all()
    row = world.session.get(Elevator, world.own.id)
    assert row is not None
    return row


def days(world: World) -> tuple[Any, ...]:
    row = lift(world)
    return row.inspected_on, row.next_inspection_on, row.governor_on


def held(world: World) -> InspectionClock:
    world.session.expire_all()
    row = world.session.get(InspectionClock, world.own.id)
    assert row is not None
    return row


def set_up(world: World, **values: Any) -> None:
    """The elevator as the register has it, before any record."""
    for name, value in ({"commissioned_on": D(2020, 11, 15), "next_inspection_on": D(2026, 11, 15)} | values).items():
        setattr(world.own, name, value)
    world.session.commit()


def correct(world: World, who: Actor, row: Inspection, reason: str = "日期看错", **values: Any) -> Inspection:
    with scope.acting(who), transaction(world.session):
        return inspections.correct(world.session, who, row.id, entry(**values), reason, AT)


def annul(world: World, who: Actor, row: Inspection, reason: str = "登记错电梯") -> None:
    with scope.acting(who), transaction(world.session):
        inspections.annul(world.session, who, row.id, reason, AT)


def hand_in(world: World, who: str = "clerk", scan: bool = True, **values: Any) -> Any:
    actor = world.actor(who)
    scans = [report(world, actor)] if scan else []
    given = {"kind": "governor", "number": "XSQ-1", "tested_by": "澜州恒枢电梯工程有限公司"} | values
    with scope.acting(actor), transaction(world.session):
        return inspection_reports.hand_in(world.session, actor, world.own.id, entry(**given), scans, AT)


def decide(world: World, application: Any, verb: str = "approve", opinion: str = "同意") -> None:
    with transaction(world.session):
        officer = world.actor("inspector")
        applications.decide(world.session, officer, application.id, verb, opinion, application.row_version, AT)
