"""Past rescues, repairs and complaints of a file (IMP-03) against what stands: one of its elevator and instant is left
alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app.errors import Finding, Refusal
from app.imports.comparing import EXISTS, as_json, new_row, tell, told_key
from app.imports.comparing_service import elevator_of, people_by_word, person_named
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.imports.writing_past import BEGUN
from app.models import Complaint, RepairOrder, Rescue
from app.rules import past_complaints, past_repairs
from app.rules.identifiers import check_mobile
from app.rules.past_complaints import PastComplaint
from app.rules.past_repairs import PastRepair
from app.rules.past_rescues import PastRescue, past_findings
from app.workflows.public.past_complaints import INSTANTS as COMPLAINT_INSTANTS
from app.workflows.public.past_complaints import TEXTS as COMPLAINT_TEXTS
from app.workflows.public.past_complaints import kinds_in

INSTANTS = ("reported_at", "dispatched_at", "accepted_at", "arrived_at", "done_at", "second_at")
FIELDS = (
    *INSTANTS, "source", "level", "outcome", "cause", "method", "cause_note", "scene", "trapped", "injured",
    "in_centre", "unit_id", "helper_id",
)  # fmt: skip
REPAIR_INSTANTS = tuple(name for name, _word in past_repairs.STEPS)
REPAIR_WORDS = ("level", *(name for name, _word in past_repairs.WORDS))
REPAIR_FIELDS = (*REPAIR_INSTANTS, *REPAIR_WORDS, "source", "cause", "restored", "unit_id", "worker_id")
COMPLAINT_FIELDS = (*COMPLAINT_INSTANTS, *COMPLAINT_TEXTS, "kinds", "is_untrue", "unit_id", "phone")


def rescue_rows(checker: Judging, rows: list[Row]) -> None:
    _past_rows(checker, rows, Rescue, FIELDS, lambda row: past_findings(past_of(row.data), checker.at))


def repair_rows(checker: Judging, rows: list[Row]) -> None:
    """As rescues; who repaired is somebody of the unit, where one is named."""
    known = people_by_word(checker)
    spec = checker.kind.spec("worker_id")
    assert spec is not None

    def judged(row: Row) -> Iterable[Finding]:
        named = person_named(row, spec, row.data.get("unit_id"), known)
        row.data[spec.name] = named
        return past_repairs.past_findings(past_repair_of(row.data), checker.at)

    _past_rows(checker, rows, RepairOrder, REPAIR_FIELDS, judged)


def complaint_rows(checker: Judging, rows: list[Row]) -> None:
    """As rescues; a number that is no mobile is no number of whoever complained."""

    def judged(row: Row) -> Iterable[Finding]:
        found = past_complaints.past_findings(past_complaint_of(row.data), checker.at)
        phone = row.data.get("phone")
        if phone:
            try:
                row.data["phone"] = check_mobile(phone)
            except Refusal as refusal:
                found += [replace(one, field="phone") for one in refusal.findings]
        return found

    _past_rows(checker, rows, Complaint, COMPLAINT_FIELDS, judged)


def _past_rows(
    checker: Judging, rows: list[Row], model: Any, fields: tuple[str, ...], judged: Callable[[Row], Iterable[Finding]]
) -> None:  # fmt: skip
    """What another platform had is taken over once; a row that is there already changes nothing, whatever it says."""
    begun = BEGUN[model]
    held = _held(checker, model, getattr(model, begun))
    for row in rows:
        elevator = elevator_of(checker, row)
        if elevator is None:
            continue
        at = row.data.get(begun)
        key = (elevator.id, at)
        if at is not None and key in held:
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = held[key], {}, "same"
            if checker.mode == "new":
                told_key(checker, row, "已存在", "既往记录不更新，请删去这一行", EXISTS)
            continue
        tell(checker, row, judged(row))
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in fields}
        row.data = given | {"elevator_id": elevator.id}
        if not new_row(checker, row):
            continue
        row.entity_id = elevator.id
        if at is not None:
            held[key] = elevator.id


def past_of(data: dict[str, Any]) -> PastRescue:
    """The facts of a row, in its own words or as they are kept."""
    level = data.get("level")
    return PastRescue(
        **_instants(data, INSTANTS), level=int(level) if level else 1, outcome=data.get("outcome") or "",
        cause=data.get("cause") or "", trapped=_count(data.get("trapped")), injured=_count(data.get("injured")),
        has_helper=data.get("helper_id") is not None,
    )  # fmt: skip


def past_repair_of(data: dict[str, Any]) -> PastRepair:
    """The same of a repair."""
    given = _instants(data, REPAIR_INSTANTS) | {name: data.get(name) or "" for name in REPAIR_WORDS}
    return PastRepair(**given)


def past_complaint_of(data: dict[str, Any]) -> PastComplaint:
    """The same of a complaint."""
    given = _instants(data, COMPLAINT_INSTANTS) | {name: data.get(name) or "" for name in COMPLAINT_TEXTS}
    return PastComplaint(**given, kinds=kinds_in(data.get("kinds")))


def _instants(data: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {n: dt.datetime.fromisoformat(v) if isinstance(v := data.get(n), str) else v for n in names}


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _held(checker: Judging, model: Any, begun: Any) -> dict[tuple[int, Any], int]:
    """By elevator and instant, whoever may see them."""
    found: dict[tuple[int, Any], int] = {}
    for part in parts(sorted(e.id for e in checker.elevators.values())):
        statement = select(model.elevator_id, begun, model.id).where(model.elevator_id.in_(part))
        for elevator_id, at, key in checker.session.execute(statement.execution_options(skip_scope=True)):
            found[elevator_id, at] = key
    return found
