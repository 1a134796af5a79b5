"""Inspections of a file against what stands: new ones, corrections with their reason, and what another platform had."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from app import scope
from app.imports.comparing import BLANK, EXISTS, Standing, as_json, judge, new_row, tell, told_key
from app.imports.comparing_service import elevator_of
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.models import Elevator, Inspection, Unit
from app.rules.identifiers import normal_code
from app.workflows.inspection import inspections
from app.workflows.inspection.inspections import Entry

# What a record says, in the words of the columns; `reason` is why one that stands is put right.
FIELDS = (
    "kind", "number", "done_on", "result", "tested_by", "failed_items", "is_fault", "next_on", "next_reason",
)  # fmt: skip
WOULD_WRITE = ("new", "changed")
PAST = "past_checks"


def inspection_rows(checker: Judging, rows: list[Row]) -> None:
    """A report of an elevator that stands is the same or is corrected; all others are new.

    What another platform had is left alone where it is there already, whatever the row says of it.
    """
    past = checker.kind.name == PAST
    held = _held(checker, [e.id for e in checker.elevators.values()])
    testers = _testers(checker, rows)
    for row in rows:
        elevator = elevator_of(checker, row)
        reason = row.data.pop("reason", None)
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in FIELDS}
        there = _same_report(held.get(elevator.id, ()), row.data) if elevator is not None else []
        if there and past:
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = there[-1].id, {}, "same"
            if checker.mode == "new":
                told_key(checker, row, "已存在", "既往记录不更新，请删去这一行", EXISTS)
            continue
        if there:
            given["number"] = there[-1].number  # written otherwise, it is the same number
        shown = [Standing(one.id, stands := _shown(one), stands) for one in there]
        found = judge(checker, row, shown, given, {})
        old = next((one for one in there if found is not None and one.id == found.id), None)
        if found is None:
            row.data = given | ({"unit_id": row.data["unit_id"]} if row.data.get("unit_id") else {})
            if elevator is not None and _shows_one_that_is_over(checker, row, elevator.id, given):
                continue
            if not new_row(checker, row):
                continue
        if row.verdict not in WOULD_WRITE or elevator is None:
            continue
        if old is not None:
            row.data["reason"] = str(reason or "").strip()
            if not row.data["reason"]:
                row.bad("更正原因", None, "没有填写", "与登记的不同就是更正，请填写更正原因", BLANK, "reason")
        _judge(checker, row, elevator, old, held.setdefault(elevator.id, []), testers, past)


def entry_of(data: Mapping[str, Any], old: Inspection | None) -> Entry:
    """The entry that a row asks for; of one that stands what the row does not name stays.

    A next day that was the rule's is left to the rule: the cell that shows it says nothing of its own.
    """
    values = {n: data.get(n) for n in FIELDS}
    if old is not None:
        values = _shown(old) | {n: v for n, v in data.items() if n in FIELDS}
        if "next_on" not in data and old.next_on == old.rule_on:
            values["next_on"] = None
    return Entry(
        kind=values["kind"] or "", number=values["number"] or "", done_on=_day(values["done_on"]),
        result=values["result"] or "", tested_by=values["tested_by"] or "", failed_items=values["failed_items"] or "",
        is_fault=bool(values["is_fault"]), next_on=_day(values["next_on"]), next_reason=values["next_reason"] or "",
        tested_by_id=data.get("tested_by_id"), unit_id=data.get("unit_id"),
    )  # fmt: skip


def _judge(
    checker: Judging, row: Row, elevator: Elevator, old: Any, held: list[Any], testers: Mapping[str, int], past: bool
) -> None:
    """What the verb would refuse. Rows before this one count as records: a second inspection stands on the first."""
    entry = entry_of(row.data, old)
    tester = testers.get(entry.tested_by)
    if tester is not None:
        row.data["tested_by_id"] = tester
        entry = entry_of(row.data, old)
    found = inspections.judged(
        checker.session, checker.actor, elevator, entry, checker.at, past=held, taken_over=past,
        but=None if old is None else old.id,
    )  # fmt: skip
    wrong = [*inspections.ready(elevator, past), *found.findings]
    if old is not None and checker.actor.unit_id not in (None, old.tested_by_id):
        row.bad("报告编号", entry.number, "由其他单位出具", "请由出具报告的单位或监管部门更正", "其他", "number")
    tell(checker, row, wrong)
    if old is None:
        row.data["elevator_id"] = elevator.id
        row.entity_id = elevator.id if past else None
    record = found.record
    if row.verdict in WOULD_WRITE and record.done_on is not None:
        if old is not None:
            held.remove(old)
        # No record has such a number yet: the row stands for it.
        held.append(SimpleNamespace(
            id=-row.number, kind=str(record.kind), number=record.number, number_key=normal_code(record.number),
            done_on=record.done_on, result=str(record.result), next_on=found.next_on, next_kind=found.next_kind,
            replaced=None,
        ))  # fmt: skip
        held.sort(key=lambda one: (one.done_on, one.id))


def _same_report(held: Sequence[Any], data: Mapping[str, Any]) -> list[Any]:
    """The records with the row's number that were there before this file; of several those of its kind."""
    key = normal_code(str(data.get("number") or ""))
    found = [one for one in held if one.number_key == key and isinstance(one, Inspection)]
    alike = [one for one in found if one.kind == data.get("kind")]
    same_day = [one for one in alike if one.done_on == data.get("done_on")]
    return same_day or alike or (found if len(found) == 1 else [])


def _shows_one_that_is_over(checker: Judging, row: Row, elevator_id: int, given: Mapping[str, Any]) -> bool:
    """An update that shows a corrected, void or waiting record word for word asks for nothing.

    Of updates only: a file that is imported anew after its undoing shows such records, too.
    """
    if checker.mode != "update":
        return False
    key = normal_code(str(given.get("number") or ""))
    statement = select(Inspection).where(Inspection.elevator_id == elevator_id, Inspection.number_key == key)
    for one in checker.session.scalars(scope.apply(statement, checker.actor, Inspection)):
        shown = _shown(one)
        if all(_plain(shown[n]) == _plain(value) for n, value in given.items()):
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = one.id, {}, "same"
            return True
    return False


def _plain(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def _shown(row: Inspection) -> dict[str, Any]:
    return {n: as_json(getattr(row, n)) for n in FIELDS}


def _held(checker: Judging, ids: Collection[int]) -> dict[int, list[Any]]:
    """By elevator the records that count, in order of their days, whoever may see them."""
    found: dict[int, list[Any]] = {}
    for part in parts(sorted(ids)):
        statement = select(Inspection).where(
            Inspection.elevator_id.in_(part), Inspection.state == "approved", Inspection.ended_at.is_(None)
        )
        order = statement.order_by(Inspection.done_on, Inspection.id).execution_options(skip_scope=True)
        for row in checker.session.scalars(order):
            found.setdefault(row.elevator_id, []).append(row)
    return found


def _testers(checker: Judging, rows: Sequence[Row]) -> dict[str, int]:
    """The inspection units that the rows name, where there is one of that name; all others are names on a report."""
    if checker.actor.unit_id is not None:
        return {}
    names = sorted({str(row.data["tested_by"]) for row in rows if row.data.get("tested_by")})
    found: dict[str, list[int]] = {}
    for part in parts(names):
        statement = select(Unit.name, Unit.id).where(
            Unit.name.in_(part), Unit.is_inspection, Unit.approved_version > 0
        )
        for name, key in checker.session.execute(scope.apply(statement, checker.actor, Unit)):
            found.setdefault(name, []).append(key)
    return {name: keys[0] for name, keys in found.items() if len(keys) == 1}


def _day(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else value
