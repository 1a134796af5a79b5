"""Components and landing doors of a file written, and taken back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select

from app import clock, scope
from app.errors import refuse
from app.imports import writing_since
from app.imports.comparing import as_json
from app.imports.comparing_parts import DOOR_FIELDS, day_of
from app.models import Component, ImportRow, LandingDoor, LandingDoorCheck
from app.permissions import Actor
from app.transaction import AnySession, lock
from app.workflows.filing import components, landing_doors
from app.workflows.filing.corrections import held_by_a_side
from app.workflows.filing.landing_doors import Found


def write_component(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """One that is in the elevator, or what is written otherwise of one that stands."""
    data = row.data or {}
    if row.entity_id is None:
        part = components.of_data(data)
        return components.add(session, actor, data["elevator_id"], part, at, batch_id).id
    there = _held(session, actor, Component, row.entity_id, "这个组件")
    if not writing_since.as_it_stands(row, {n: getattr(there, n) for n in components.FIELDS}):
        return int(there.id)
    return components.edit(session, actor, there.id, components.of_data(row.data or {}, there), at).id


def write_door(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A door, or its state."""
    data = row.data or {}
    day = day_of(data.get("checked_on"))
    if row.entity_id is None:
        found = Found(data.get("condition") or "normal", data.get("note") or "")
        made = landing_doors.add(
            session, actor, data["elevator_id"], data["landing"], data.get("side") or "front", found, day, at, batch_id
        )
        return made.id
    there = _held(session, actor, LandingDoor, row.entity_id, "这个层门")
    if not writing_since.as_it_stands(row, {n: getattr(there, n) for n in DOOR_FIELDS}):
        return int(there.id)
    data = row.data or {}
    day = day_of(data.get("checked_on"))
    found = Found(data.get("condition") or there.condition, data.get("note", there.note) or "")
    if (found.state, found.note or None) == (there.condition, there.note):
        # The day alone: it was looked at again and found as it was.
        landing_doors.put(session, actor, there, found, day or there.checked_on or clock.local_day(at), at)
        return int(there.id)
    return landing_doors.edit_one(session, actor, there.id, found, day, at).id


def _held(session: AnySession, actor: Actor, model: Any, key: int, label: str) -> Any:
    """A part as it is now, held with its elevator as its workflows hold it."""
    seen = scope.visible(session, actor, model, key, label)
    held_by_a_side(session, actor, seen.elevator_id)
    return lock(session, model, key)


def undo_component(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    """One that came new is taken out again; one that was changed is put back."""
    assert row.entity_id is not None
    if row.before is None:
        components.undo(session, actor, row.entity_id, at)
        return
    there: Component = scope.visible(session, actor, Component, row.entity_id, "这个组件")
    moved = any(as_json(getattr(there, n)) != v for n, v in (row.data or {}).items() if n in components.FIELDS)
    if there.ended_on is not None or moved:
        raise refuse("撤销", "导入之后又有变动")
    values = {n: getattr(there, n) for n in components.FIELDS} | dict(row.before)
    components.edit(session, actor, there.id, components.of_data(values), at)


def undo_door(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    """One that came new goes, unless it was looked at since; a state goes back to what it was."""
    assert row.entity_id is not None
    there: LandingDoor = scope.visible(session, actor, LandingDoor, row.entity_id, "这个层门")
    since = select(func.count()).select_from(LandingDoorCheck).where(
        LandingDoorCheck.door_id == there.id, LandingDoorCheck.at > finished
    )  # fmt: skip
    if session.scalar(since):
        raise refuse("撤销", "导入之后又有变动")
    if row.before is None:
        landing_doors.remove(session, actor, there.id, at)
        return
    before = row.before
    state = Found(before.get("condition") or there.condition, before.get("note", there.note) or "")
    day = day_of(before.get("checked_on")) or there.checked_on or clock.local_day(at)
    landing_doors.put(session, actor, there, state, day, at)
