"""Inspections of a file written, corrected, taken over and taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select

from app import scope
from app.errors import Refusal, refuse
from app.imports.comparing_inspections import entry_of
from app.models import Elevator, ImportRow, Inspection
from app.permissions import Actor
from app.rules.inspection import YEARLY
from app.transaction import AnySession
from app.wording import ours, say
from app.workflows.inspection import inspections, next_days


def write(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """One entered, or one that stands put right."""
    data = row.data or {}
    if row.entity_id is None:
        entry = entry_of(data, None)
        return inspections.enter(session, actor, data["elevator_id"], entry, at, batch_id=batch_id).id
    old: Inspection = scope.visible(session, actor, Inspection, row.entity_id, "检验记录")
    made = inspections.correct(session, actor, old.id, entry_of(data, old), data["reason"], at)
    made.batch_id = batch_id
    return made.id


def take_over(
    session: AnySession, actor: Actor, batch_id: int, rows: Sequence[ImportRow], at: dt.datetime,
    failed: Callable[[ImportRow, Refusal], None],
) -> None:  # fmt: skip
    """All past inspections of some elevators: their days move once, after the last."""
    touched: set[int] = set()
    for row in sorted(rows, key=lambda one: (one.data or {}).get("done_on") or ""):
        data = row.data or {}
        try:
            with session.begin_nested():
                made = inspections.enter(
                    session, actor, data["elevator_id"], entry_of(data, None), at, batch_id=batch_id,
                    taken_over=True, follow=False,
                )  # fmt: skip
            row.entity_id, row.applied = made.id, True
            touched.add(data["elevator_id"])
        except Refusal as refusal:
            failed(row, refusal)
    for key in sorted(touched):
        elevator = session.get(Elevator, key)
        assert elevator is not None
        next_days.after_filing(session, actor, elevator, at)


def undo(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    """The record ends, and stays to be read; what a later one stands on, and a correction, stay."""
    record: Inspection = scope.visible(session, actor, Inspection, row.entity_id, "检验记录")
    if record.corrects_id is not None:
        raise refuse("撤销", "是对已有记录的更正，请再更正一次")
    if not record.stands:
        raise refuse("撤销", "导入之后又有变动")
    kinds = [k.value for k in YEARLY] if record.kind in YEARLY else [record.kind]
    later = select(Inspection.number).where(
        Inspection.elevator_id == record.elevator_id, Inspection.kind.in_(kinds), Inspection.id > record.id,
        Inspection.done_on >= record.done_on, Inspection.state == "approved", Inspection.ended_at.is_(None),
        Inspection.batch_id.is_distinct_from(record.batch_id),
    )  # fmt: skip
    number: Any = session.scalar(later.limit(1).execution_options(skip_scope=True))
    if number is not None:
        raise refuse("撤销", say("之后又登记了检验 %(number)s", number=number))
    inspections.annul(session, actor, record.id, str(ours("撤销导入")), at)
