"""Inspections (INS-01, INS-02): entered by who inspects or by the regulator, never changed, corrected by another.

What counts moves the elevator's days (`inspection_days`), and nothing else does; when it is due next is `next_days`.
What units hand in themselves is `inspection_reports`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Elevator, Inspection, Unit
from app.permissions import Actor, Verb, require
from app.rules.approval import FilingState
from app.rules.identifiers import normal_code
from app.rules.inspection import (
    BY_OTHERS,
    KIND_LABELS,
    InspectionKind,
    InspectionResult,
    Record,
    like,
    record_findings,
)
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import conditions, filing_versions
from app.workflows.contracts import cover
from app.workflows.core import audit, outbox
from app.workflows.files import attachments
from app.workflows.inspection import inspection_days, next_days

ENTITY = Inspection.__tablename__
LONGEST_NUMBER, LONGEST_BY = 60, 120
NOT_PASSED = InspectionResult.FAILED


@dataclass(frozen=True, slots=True)
class Entry:
    """What is entered of one; `unit_id` only of what another platform recorded (else contracts say who answered)."""

    kind: str
    number: str
    done_on: dt.date | None
    result: str
    tested_by_id: int | None = None
    tested_by: str = ""
    failed_items: str = ""
    is_fault: bool = False
    next_on: dt.date | None = None
    next_reason: str = ""
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """An entry with what the rules make of it, and what is wrong with it."""

    record: Record
    tested_by_id: int | None
    rule_on: dt.date | None
    next_on: dt.date | None
    next_kind: str | None
    rechecks: bool
    findings: list[Finding]


# --- judged


def judged(
    session: AnySession, actor: Actor, elevator: Elevator, entry: Entry, at: dt.datetime, *,
    past: Sequence[Any] | None = None, taken_over: bool = False, but: int | None = None,
) -> Judged:  # fmt: skip
    """What would be stored, and everything that is wrong. `past` are the elevator's records in order of their days,
    where the caller has read them; `but` is the one that would be corrected."""
    today = clock.local_day(at)
    if past is None:
        past = next_days.history(session, elevator.id)
    corrected = next((row for row in past if row.id == but), None) if but is not None else None
    past = [row for row in past if row.id != but]
    unit, wrong = _tester(session, actor, entry, taken_over)
    wrong += _own_lift(actor, elevator, entry)
    record = _record(entry, unit.name if unit is not None else entry.tested_by.strip())
    standing = inspection_days.due_before(elevator, corrected)
    rule_on, next_kind, latest_on = next_days.by_rule(session, elevator, record, past, standing)
    if record.result is None or record.result is NOT_PASSED:
        record = replace(record, next_on=None, next_reason="")
    on = record.done_on
    again = record.kind is not None and any(
        like(row.kind) == like(record.kind) and row.result == NOT_PASSED and (on is None or row.done_on <= on)
        for row in past
    )
    wrong += record_findings(
        record, today, known_from=elevator.made_on, rule_on=rule_on, latest_on=latest_on,
        failed_before=again or taken_over,
    )  # fmt: skip
    if len(record.number) > LONGEST_NUMBER:
        wrong.append(_too_long("报告编号", len(record.number), LONGEST_NUMBER, "number"))
    if len(record.by) > LONGEST_BY:
        wrong.append(_too_long("检验单位", len(record.by), LONGEST_BY, "tested_by"))
    same = next((row for row in past if _same(row, record)), None)
    if same is not None:
        wrong.append(Finding(
            "报告编号", False, say("%(number)s 已经登记（%(day)s）", number=same.number, day=same.done_on),
            "请打开那条记录；有错请更正，不要重复登记", field="number", link=f"/inspections/{same.id}",
        ))  # fmt: skip
    next_on = None if record.result is NOT_PASSED else record.next_on or rule_on
    return Judged(
        record, None if unit is None else unit.id, rule_on, next_on,
        None if next_on is None or next_kind is None else next_kind.value, again, [f for f in wrong if not f.ok],
    )  # fmt: skip


def _too_long(label: str, count: int, most: int, field: str) -> Finding:
    return Finding(label, False, say("%(count)s 个字", count=count), say("最多 %(most)s 个字", most=most), field=field)


def _record(entry: Entry, by: str) -> Record:
    kind = InspectionKind(entry.kind) if entry.kind in set(InspectionKind) else None
    result = InspectionResult(entry.result) if entry.result in set(InspectionResult) else None
    return Record(
        kind, " ".join(entry.number.split()), entry.done_on, result, by, entry.failed_items.strip(), entry.is_fault,
        entry.next_on, entry.next_reason.strip(),
    )  # fmt: skip


def _same(row: Any, record: Record) -> bool:
    asked = (record.kind, record.done_on, normal_code(record.number))
    return bool((row.kind, row.done_on, row.number_key) == asked)


def _own_lift(actor: Actor, elevator: Elevator, entry: Entry) -> list[Finding]:
    """Nobody inspects what he maintains or uses himself; 自行检测 and the checks of parts are theirs."""
    own = actor.unit_id is not None and actor.unit_id in (elevator.maintenance_unit_id, elevator.use_unit_id)
    if not own or entry.kind not in BY_OTHERS:
        return []
    return [Finding("检验单位", False, "这台电梯由本单位维保或使用", "请由其他检验单位登记", field="tested_by")]


def _tester(
    session: AnySession, actor: Actor, entry: Entry, taken_over: bool
) -> tuple[Unit | None, list[Finding]]:
    """Who signed the report: for inspection people their own unit, else one of the register's or a name."""
    key = entry.tested_by_id
    if actor.unit_id is not None and actor.may(Verb.INSPECTION_EDIT) and not taken_over:
        key = actor.unit_id
    if key is None:
        return None, []
    statement = select(Unit).where(Unit.id == key)
    if key != actor.unit_id:
        statement = scope.apply(statement, actor, Unit)
    unit = session.scalar(statement.execution_options(skip_scope=True))
    if unit is None or not unit.is_inspection or not unit.approved_version:
        found = say("%(unit)s不是备案通过的检验单位", unit=unit.name if unit is not None else "")
        own = unit is not None and unit.id == actor.unit_id
        chosen, mine = say("请选择检验单位，或填写报告上的单位名称"), say("请先完善本单位备案并上报，审核通过后再登记")
        way = mine if own else chosen
        return unit, [Finding("检验单位", False, found, way, link="/units/mine" if own else None, field="tested_by")]
    return unit, []


# --- entered


def enter(
    session: AnySession, actor: Actor, elevator_id: int, entry: Entry, at: dt.datetime, *,
    scans: Sequence[int] = (), batch_id: int | None = None, taken_over: bool = False, follow: bool = True,
) -> Inspection:  # fmt: skip
    """登记: it counts at once. `taken_over`: another platform's, with its own days and who answered then.

    Not `follow`: the caller enters more of the elevator and moves its days after the last (`inspection_days`).
    """
    require(actor, Verb.TAKE_OVER if taken_over else Verb.INSPECTION_EDIT)
    elevator = held(session, actor, elevator_id)
    found = judged(session, actor, elevator, entry, at, taken_over=taken_over)
    raise_failing([*ready(elevator, taken_over), *found.findings])
    row = make(
        session, actor, elevator, entry, found, at, counts=True, batch_id=batch_id, taken_over=taken_over
    )
    _count(session, actor, elevator, row, scans, at, follow=follow)
    if follow and elevator.filing_state != FilingState.PENDING:
        next_days.tell_later(session, actor, elevator, [row], at)
    _tell(session, elevator, row, at)
    return row


def correct(
    session: AnySession, actor: Actor, inspection_id: int, entry: Entry, reason: str, at: dt.datetime, *,
    scans: Sequence[int] = (), expected_version: int | None = None,
) -> Inspection:  # fmt: skip
    """更正: another record in its place, which names it and why; the old one stays to be read, and counts no more."""
    require(actor, Verb.INSPECTION_EDIT)
    old, elevator = _own(session, actor, inspection_id, expected_version)
    found = judged(session, actor, elevator, entry, at, taken_over=old.taken_over, but=old.id)
    raise_failing([_reason(reason), *_settled(session, elevator), *found.findings])
    if not _differs(old, entry, found) and not scans:
        raise refuse("更正", "与原记录完全相同", "请改正有错的内容；没有错就不用更正")
    _end(session, actor, old, reason, at)
    entry = replace(entry, unit_id=entry.unit_id or old.unit_id)
    row = make(
        session, actor, elevator, entry, found, at, counts=True, corrects_id=old.id, taken_over=old.taken_over
    )
    # What the old one brought with it is the new one's evidence as well.
    for file in attachments.of(session, ENTITY, old.id) if not scans else ():
        file.entity_id = row.id
    _count(session, actor, elevator, row, scans, at, instead_of=old)
    if not inspection_days.same_days(old, row):
        next_days.tell_later(session, actor, elevator, [old, row], at)
    _tell(session, elevator, row, at)
    return row


def annul(
    session: AnySession, actor: Actor, inspection_id: int, reason: str, at: dt.datetime, *,
    expected_version: int | None = None,
) -> Inspection:  # fmt: skip
    """作废: entered for the wrong elevator, say. It stays to be read; the register goes back to what stood before."""
    require(actor, Verb.INSPECTION_EDIT)
    row, elevator = _own(session, actor, inspection_id, expected_version)
    raise_failing([_reason(reason), *_settled(session, elevator)])
    _end(session, actor, row, reason, at)
    inspection_days.ended(session, actor, elevator, row, at)
    next_days.tell_later(session, actor, elevator, [row], at)
    return row


def held(session: AnySession, actor: Actor, elevator_id: int) -> Elevator:
    """The elevator within scope, held: its days and its records move together."""
    scope.visible(session, actor, Elevator, elevator_id, "这台电梯")
    found = lock(session, Elevator, elevator_id)
    assert found is not None
    return found


def ready(elevator: Elevator, taken_over: bool = False) -> list[Finding]:
    """What the elevator must be for a record about it."""
    found = [conditions.filed(elevator)]
    if not taken_over:
        found.append(conditions.not_scrapped(elevator))
    return [f for f in found if not f.ok]


def make(
    session: AnySession, actor: Actor, elevator: Elevator, entry: Entry, found: Judged, at: dt.datetime, *,
    counts: bool, **more: Any,
) -> Inspection:  # fmt: skip
    """The row, flushed; of two at once that say the same and count the table's key lets one in."""
    row = Inspection(
        elevator_id=elevator.id, region_code=elevator.region_code, use_unit_id=elevator.use_unit_id,
        **values_of(session, elevator, entry, found), entered_by=actor.name,
        created_by_id=actor.user_id, created_at=at, state="approved" if counts else "draft",
        in_force_from=at if counts else None, **more,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        found_now = say("%(number)s 刚刚已经登记", number=found.record.number)
        raise refuse("报告编号", found_now, "请刷新后核对", field="number") from None
    return row


def values_of(session: AnySession, elevator: Elevator, entry: Entry, found: Judged) -> dict[str, Any]:
    """What a row keeps of an entry that the rules let pass."""
    record = found.record
    assert record.kind is not None and record.result is not None and record.done_on is not None
    return {
        "unit_id": entry.unit_id or maintained_by(session, elevator, record.done_on), "kind": record.kind.value,
        "number": record.number, "number_key": normal_code(record.number), "done_on": record.done_on,
        "tested_by_id": found.tested_by_id, "tested_by": record.by, "result": record.result.value,
        "failed_items": record.failed_items or None, "is_fault": record.is_fault, "next_on": found.next_on,
        "next_kind": found.next_kind, "rule_on": found.rule_on,
        "next_reason": record.next_reason or None if found.next_on != found.rule_on else None,
    }  # fmt: skip


def maintained_by(session: AnySession, elevator: Elevator, on: dt.date) -> int | None:
    """Who maintained the elevator on a day: its contract, else what the register said then; None: nobody knows."""
    bound = cover.in_force(session, elevator.id, on)
    if bound is not None:
        return bound.unit_id
    version = filing_versions.as_of(session, elevator, on)
    if version is not None:
        found: int | None = version.data.get("maintenance_unit_id")
        return found
    known = elevator.approved_on is not None and on >= elevator.approved_on
    return elevator.maintenance_unit_id if known else None


def _count(
    session: AnySession, actor: Actor, elevator: Elevator, row: Inspection, scans: Sequence[int], at: dt.datetime,
    instead_of: Inspection | None = None, follow: bool = True,
) -> None:  # fmt: skip
    """It counts from now on."""
    attachments.adopt(session, actor, scans, ENTITY, row.id)
    audit.record(session, actor, at, "inspection.enter", ENTITY, row.id, after=as_data(row))
    if follow:
        inspection_days.took_force(session, actor, elevator, row, at, instead_of)


def as_data(row: Inspection) -> dict[str, Any]:
    """What the log keeps of a record."""
    return {
        "elevator": row.elevator_id, "kind": row.kind, "number": row.number, "done_on": row.done_on,
        "result": row.result, "is_fault": row.is_fault, "next_on": row.next_on, "corrects": row.corrects_id,
        "taken_over": row.taken_over,
    }  # fmt: skip


def _own(
    session: AnySession, actor: Actor, inspection_id: int, expected_version: int | None
) -> tuple[Inspection, Elevator]:
    """A record that counts, held with its elevator; inspection people only touch what their own unit signed."""
    row: Inspection = scope.visible(session, actor, Inspection, inspection_id, "这条检验记录")
    elevator = held(session, actor, row.elevator_id)
    locked = lock(session, Inspection, inspection_id)
    assert locked is not None
    if actor.unit_id is not None and locked.tested_by_id != actor.unit_id:
        raise NotAllowed(Finding("检验单位", False, "这份报告由其他单位出具", "请由出具报告的单位或监管部门更正"))
    if not locked.stands:
        raise refuse("检验记录", "这条记录已经更正或作废，或还没有通过", "请刷新页面，打开现行的记录")
    if expected_version is not None and expected_version != locked.row_version:
        raise Refusal(Finding("页面已过期", False, "记录在您打开页面后有变动", "请刷新页面核对后再办理"))
    return locked, elevator


def _end(session: AnySession, actor: Actor, row: Inspection, reason: str, at: dt.datetime) -> None:
    row.ended_at, row.ended_by, row.end_reason = at, actor.name, reason.strip()
    session.flush()
    audit.record(
        session, actor, at, "inspection.end", ENTITY, row.id, before=as_data(row), after={"reason": reason.strip()}
    )


def _settled(session: AnySession, elevator: Elevator) -> list[Finding]:
    """A filing under review may hold the very days that a correction takes back."""
    found = conditions.not_in_filing(session, elevator)
    return [] if found.ok else [found]


def _reason(reason: str) -> Finding:
    text = reason.strip()
    ok = 0 < len(text) <= 200
    found = say("%(count)s 个字", count=len(text)) if text else "没有填写"
    return Finding("原因", ok, found, "请填写原因，最多 200 个字", field="reason")


def _differs(old: Inspection, entry: Entry, found: Judged) -> bool:
    record = found.record
    now = (record.kind, record.number, record.done_on, record.result, record.by, record.failed_items or None,
           record.is_fault, found.next_on, found.tested_by_id, entry.unit_id or old.unit_id)  # fmt: skip
    was = (old.kind, old.number, old.done_on, old.result, old.tested_by, old.failed_items, old.is_fault, old.next_on,
           old.tested_by_id, old.unit_id)  # fmt: skip
    return now != was


def _tell(session: AnySession, elevator: Elevator, row: Inspection, at: dt.datetime) -> None:
    """A failed one is told to both sides at once; what was taken over is no news."""
    if row.result != NOT_PASSED or row.taken_over:
        return
    recipients = {
        account for unit_id in {row.unit_id, elevator.use_unit_id, elevator.maintenance_unit_id}
        for account in outbox.readers_of(session, unit_id, Verb.INSPECTION_REPORT, elevator.id)
    }  # fmt: skip
    what = KIND_LABELS[InspectionKind(row.kind)]
    body = say("%(day)s，报告 %(number)s：%(items)s", day=row.done_on, number=row.number, items=row.failed_items or "")
    if row.is_fault:
        body += say("。涉及维保单位整改，请整改后申请复检")
    outbox.notify(
        session, at, sorted(recipients), "inspection",
        say("%(code)s %(what)s不合格", code=elevator.code, what=what), body, f"/inspections/{row.id}",
        dedupe_key=f"inspection:{row.id}",
    )  # fmt: skip
