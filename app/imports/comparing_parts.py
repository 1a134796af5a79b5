"""Components and landing doors of a file against what stands (ELV-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select

from app import scope
from app.errors import Finding
from app.imports.comparing import Standing, as_json, judge, new_row, tell
from app.imports.comparing_service import elevator_of
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.models import Component, Elevator, LandingDoor
from app.workflows.filing import components, landing_doors
from app.workflows.filing.landing_doors import Found

DOOR_FIELDS = ("landing", "side", "condition", "checked_on", "note")
WOULD_WRITE = ("new", "changed")


def component_rows(checker: Judging, rows: list[Row]) -> None:
    """A part is found again by elevator and name, among those that are in it; a replaced one is history."""
    held: dict[tuple[int, str], Component] = {}
    for row in _rows(checker, Component, Component.ended_on.is_(None)):
        held[row.elevator_id, row.name] = row
    for row in rows:
        elevator = elevator_of(checker, row)
        if elevator is None:
            continue
        name = " ".join(str(row.data.get("name") or "").split())
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in components.FIELDS}
        given |= {"name": name} if name else {}
        there = held.get((elevator.id, name))
        _against(checker, row, elevator, there, given, components.FIELDS)
        if row.verdict in WOULD_WRITE:
            part = components.of_data(row.data, there)
            life = part.life_months or components.life_of(checker.session, elevator.region_code, checker.today)
            said = components.findings(components.of_data(row.data | {"life_months": life}, there), checker.at)
            _tell(checker, row, elevator, said)


def door_rows(checker: Judging, rows: list[Row]) -> None:
    """A door is found again by elevator, landing and side; without a side it is the front one."""
    held = {(d.elevator_id, d.landing, d.side): d for d in _rows(checker, LandingDoor)}
    for row in rows:
        elevator = elevator_of(checker, row)
        if elevator is None:
            continue
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in DOOR_FIELDS}
        given["side"] = given.get("side") or "front"
        there = held.get((elevator.id, str(given.get("landing") or ""), given["side"]))
        _against(checker, row, elevator, there, given, DOOR_FIELDS)
        if row.verdict in WOULD_WRITE:
            data = {n: getattr(there, n) for n in DOOR_FIELDS} if there is not None else {}
            data |= row.data
            found = Found(data.get("condition") or "normal", data.get("note") or "")
            said = landing_doors.new_findings(data.get("landing") or "", data.get("side") or "front", found)
            day = day_of(data.get("checked_on"))
            said += landing_doors.day_findings(day, checker.at) if day is not None else []
            _tell(checker, row, elevator, [*said, landing_doors.has_doors(elevator)])


def day_of(value: Any) -> dt.date | None:
    """A day as a row keeps it."""
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else value


def _against(
    checker: Judging, row: Row, elevator: Elevator, there: Any, given: dict[str, Any], names: Iterable[str]
) -> None:
    if there is None:
        row.data = given | {"elevator_id": elevator.id}
        new_row(checker, row)
        return
    shown = {name: as_json(getattr(there, name)) for name in names}
    judge(checker, row, [Standing(there.id, shown, shown)], given, {})


def _tell(checker: Judging, row: Row, elevator: Elevator, said: list[Finding]) -> None:
    """What the verb would refuse."""
    actor = checker.actor
    own = actor.unit_id is not None and actor.unit_id in (elevator.maintenance_unit_id, elevator.use_unit_id)
    side = Finding("单位", own, "不是本单位使用或维保的电梯", "请由使用单位或维保单位的人员办理", field="code")
    tell(checker, row, [side, *components.ready(elevator), *said])


def _rows(checker: Judging, model: Any, *more: Any) -> Collection[Any]:
    """Those of the elevators that the file names."""
    found: list[Any] = []
    for part in parts([e.id for e in checker.elevators.values()]):
        statement = select(model).where(model.elevator_id.in_(part), *more).order_by(model.id)
        found += checker.session.scalars(scope.apply(statement, checker.actor, model)).all()
    return found
