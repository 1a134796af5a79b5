"""Past rescues of a file (IMP-03) against what stands: one of its elevator and instant is left alone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.imports.comparing import EXISTS, as_json, new_row, tell, told_key
from app.imports.comparing_service import elevator_of
from app.imports.references import parts
from app.models import Rescue
from app.rules.past_rescues import PastRescue, past_findings

if TYPE_CHECKING:
    from app.imports.checking import Checker, Row

INSTANTS = ("reported_at", "dispatched_at", "accepted_at", "arrived_at", "done_at", "second_at")
FIELDS = (
    *INSTANTS, "source", "level", "outcome", "cause", "method", "cause_note", "scene", "trapped", "injured",
    "in_centre", "unit_id", "helper_id",
)  # fmt: skip


def rescue_rows(checker: Checker, rows: list[Row]) -> None:
    """What another platform had is taken over once; a row that is there already changes nothing, whatever it says."""
    held = _held(checker)
    for row in rows:
        elevator = elevator_of(checker, row)
        if elevator is None:
            continue
        at = row.data.get("reported_at")
        key = (elevator.id, at)
        if at is not None and key in held:
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = held[key], {}, "same"
            if checker.mode == "new":
                told_key(checker, row, "已存在", "既往记录不更新，请删去这一行", EXISTS)
            continue
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in FIELDS}
        tell(checker, row, past_findings(past_of(row.data), checker.at))
        row.data = given | {"elevator_id": elevator.id}
        if not new_row(checker, row):
            continue
        row.entity_id = elevator.id
        if at is not None:
            held[key] = elevator.id


def past_of(data: dict[str, Any]) -> PastRescue:
    """The facts of a row, in its own words or as they are kept."""
    instants = {n: dt.datetime.fromisoformat(v) if isinstance(v := data.get(n), str) else v for n in INSTANTS}
    level = data.get("level")
    return PastRescue(
        **instants, level=int(level) if level else 1, outcome=data.get("outcome") or "", cause=data.get("cause") or "",
        trapped=_count(data.get("trapped")), injured=_count(data.get("injured")),
        has_helper=data.get("helper_id") is not None,
    )  # fmt: skip


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _held(checker: Checker) -> dict[tuple[int, Any], int]:
    """By elevator and instant, whoever may see them."""
    found: dict[tuple[int, Any], int] = {}
    for part in parts(sorted(e.id for e in checker.elevators.values())):
        statement = select(Rescue.elevator_id, Rescue.reported_at, Rescue.id).where(Rescue.elevator_id.in_(part))
        for elevator_id, at, key in checker.session.execute(statement.execution_options(skip_scope=True)):
            found[elevator_id, at] = key
    return found
