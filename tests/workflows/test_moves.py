"""Moves: every change of a status is legal, recorded and audited; nothing goes round it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import AuditEntry, MaintenanceOrder, StatusChange, Visit
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.core import moves
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY

pytestmark = pytest.mark.feature("ELV-09")


def order(world: World, **fields: Any) -> MaintenanceOrder:
    row = MaintenanceOrder(
        **{
            "elevator_id": world.own.id, "unit_id": world.firm.id, "region_code": world.own.region_code,
            "worker_id": world.worker.id, "planned_on": TODAY, "level": "half_month", "origin": "manual",
        }
        | fields
    )  # fmt: skip
    world.session.add(row)
    world.session.commit()
    return row


def visit(world: World, state: str) -> Visit:
    row = Visit(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        visit_on=TODAY, checked_in_at=AT, received_at=AT, state=state,
    )  # fmt: skip
    world.session.add(row)
    world.session.commit()
    return row


def test_a_step_is_recorded_and_audited(session: Any, world: World) -> None:
    actor = world.actor("inspector")
    with transaction(session):
        assert moves.move(
            session, actor, world.own, "status", "suspended", verb="suspension", at=AT,
            effective_on=TODAY + dt.timedelta(days=2), reason="改造",
        )  # fmt: skip
    change = session.scalars(select(StatusChange)).one()
    assert (change.old, change.new, change.effective_on, change.known_at, change.actor_id, change.reason) == (
        "in_use", "suspended", TODAY + dt.timedelta(days=2), AT, actor.user_id, "改造",
    )  # fmt: skip
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "elevator.suspension")).one()
    assert (entry.before, entry.after["status"], entry.actor_id) == ({"status": "in_use"}, "suspended", actor.user_id)


def test_the_same_state_is_no_step(session: Any, world: World) -> None:
    with transaction(session):
        assert moves.move(session, SYSTEM, world.own, "status", "in_use", verb="anything", at=AT) is False
    assert session.scalars(select(StatusChange)).all() == []


@pytest.mark.parametrize(
    ("old", "new", "legal"),
    [("open", "done", True), ("open", "void", True), ("done", "open", False), ("void", "done", False)],
)
def test_orders(session: Any, world: World, old: str, new: str, legal: bool) -> None:
    row = order(world, state=old)
    if legal:
        with transaction(session):
            moves.move(session, SYSTEM, row, "state", new, verb="visit", at=AT)
        assert row.state == new
    else:
        with pytest.raises(Refusal), transaction(session):
            moves.move(session, SYSTEM, row, "state", new, verb="visit", at=AT)


@pytest.mark.parametrize(
    ("old", "new", "legal"),
    [
        ("open", "awaiting", True), ("open", "void", True), ("awaiting", "nonconforming", True),
        ("void", "valid", False), ("awaiting", "open", False),
    ],
)  # fmt: skip
def test_visits(session: Any, world: World, old: str, new: str, legal: bool) -> None:
    row = visit(world, old)
    if legal:
        with transaction(session):
            assert moves.move(session, SYSTEM, row, "state", new, verb="age", at=AT)
    else:
        with pytest.raises(Refusal), transaction(session):
            moves.move(session, SYSTEM, row, "state", new, verb="age", at=AT)


def test_many_rows_take_the_same_step(session: Any, world: World) -> None:
    mine = [order(world) for _ in range(3)]
    done = order(world, state="done")
    theirs = order(world, elevator_id=world.foreign.id, unit_id=world.other_firm.id)
    with transaction(session):
        ids = moves.move_where(
            session, SYSTEM, MaintenanceOrder, "state", "open", "void",
            MaintenanceOrder.elevator_id == world.own.id, verb="stop", at=AT, reason="报废",
            values={"closed_at": AT, "close_reason": "报废"},
        )  # fmt: skip
    assert sorted(ids) == sorted(row.id for row in mine)
    assert {row.state for row in mine} == {"void"} and mine[0].closed_at == AT
    assert (done.state, theirs.state) == ("done", "open")
    recorded = session.scalars(select(StatusChange.entity_id).where(StatusChange.entity == "maintenance_order"))
    assert sorted(recorded) == sorted(ids)


def test_rows_that_are_held_move_and_others_stay(session: Any, world: World) -> None:
    one, two = order(world), order(world, planned_on=TODAY + dt.timedelta(days=9))
    session.commit()
    with transaction(session):
        moves.move_held(
            session, SYSTEM, MaintenanceOrder, "state", "open", "done", [one.id], verb="visit", at=AT,
            values={"closed_at": AT},
        )  # fmt: skip
        moves.move_held(session, SYSTEM, MaintenanceOrder, "state", "open", "done", [], verb="visit", at=AT)
        with pytest.raises(Refusal, match="状态变更"):
            moves.move_held(session, SYSTEM, MaintenanceOrder, "state", "done", "open", [one.id], verb="visit", at=AT)
        with pytest.raises(ValueError, match="row by row"):
            moves.move_held(session, SYSTEM, type(world.own), "status", "in_use", "scrapped", [1], verb="x", at=AT)
    assert (one.state, one.closed_at, two.state) == ("done", AT, "open")
    steps = session.scalars(select(StatusChange).where(StatusChange.entity == "maintenance_order")).all()
    assert [(step.entity_id, step.old, step.new, step.verb) for step in steps] == [(one.id, "open", "done", "visit")]


def test_an_elevator_never_moves_in_bulk(session: Any, world: World) -> None:
    with pytest.raises(ValueError, match="row by row"):
        moves.move_where(
            session, SYSTEM, type(world.own), "status", "in_use", "scrapped", type(world.own).id > 0, verb="scrapping",
            at=AT,
        )  # fmt: skip


def test_a_field_without_a_table_is_refused(session: Any, world: World) -> None:
    with pytest.raises(Refusal, match="状态变更"), transaction(session):
        moves.move(session, SYSTEM, world.own, "code", "999999", verb="edit", at=AT)
