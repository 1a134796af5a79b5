"""Past rescues, repairs and complaints written with their true times, and taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from app import scope
from app.errors import Refusal, refuse
from app.models import Complaint, ImportRow, RepairOrder, Rescue, RescueCallback, RescueDispatch, RescueStep
from app.permissions import Actor
from app.transaction import AnySession
from app.workflows.core import audit
from app.workflows.public import past_complaints
from app.workflows.repair import past_repairs
from app.workflows.rescue import past_rescues

# When each began.
BEGUN: dict[Any, str] = {Rescue: "reported_at", RepairOrder: "reported_at", Complaint: "complained_at"}


def rescues(*given: Any) -> None:
    _take_over(Rescue, past_rescues.take_over, *given)


def repairs(*given: Any) -> None:
    _take_over(RepairOrder, past_repairs.take_over, *given)


def complaints(*given: Any) -> None:
    _take_over(Complaint, past_complaints.take_over, *given)


def _take_over(
    model: Any, deed: Callable[..., Any], session: AnySession, actor: Actor, batch_id: int, rows: Sequence[ImportRow],
    at: Any, failed: Callable[[ImportRow, Refusal], None],
) -> None:  # fmt: skip
    """Each by itself: none moves anything of its elevator. What another file brought since the check is there."""
    for row in sorted(rows, key=lambda one: (one.data or {}).get(BEGUN[model]) or ""):
        try:
            with session.begin_nested():
                _not_there(session, model, row.data or {})
                made = deed(session, actor, row.data or {}, at, batch_id)
            row.entity_id, row.applied = made.id, True
        except Refusal as refusal:
            failed(row, refusal)


def _not_there(session: AnySession, model: Any, data: Mapping[str, Any]) -> None:
    begun = BEGUN[model]
    same = select(model.id).where(
        model.elevator_id == data.get("elevator_id"),
        getattr(model, begun) == dt.datetime.fromisoformat(data[begun]),
    )  # fmt: skip
    if session.scalar(same.limit(1).execution_options(skip_scope=True)) is not None:
        raise refuse("识别码", "校验之后已存在", "既往记录不更新，请删去这一行", field="code")


def undo_rescue(session: AnySession, actor: Actor, row: ImportRow, finished: Any, at: Any) -> None:
    """Taken away again, unless somebody worked on it since."""
    found: Rescue = scope.visible(session, actor, Rescue, row.entity_id, "救援记录")
    called = select(RescueCallback.id).where(RescueCallback.rescue_id == found.id).limit(1)
    worked = session.scalar(called.execution_options(skip_scope=True)) is not None
    _untouched(found, worked)
    for model in (RescueStep, RescueDispatch):
        session.execute(
            delete(model).where(model.rescue_id == found.id).execution_options(
                skip_scope=True, synchronize_session="fetch"
            )
        )
    _remove(session, actor, found, "rescue", found.number, at)


def undo_repair(session: AnySession, actor: Actor, row: ImportRow, finished: Any, at: Any) -> None:
    """The same of a repair."""
    found: RepairOrder = scope.visible(session, actor, RepairOrder, row.entity_id, "维修工单")
    _untouched(found)
    _remove(session, actor, found, "repair", repr(found), at)


def undo_complaint(session: AnySession, actor: Actor, row: ImportRow, finished: Any, at: Any) -> None:
    """The same of a complaint."""
    found: Complaint = scope.visible(session, actor, Complaint, row.entity_id, "这件投诉")
    _untouched(found)
    _remove(session, actor, found, "complaint", found.number, at)


def _untouched(found: Any, worked: bool = False) -> None:
    if worked or found.row_version > 1 or not found.taken_over:
        raise refuse("撤销", "导入之后又有变动")


def _remove(session: AnySession, actor: Actor, found: Any, what: str, number: str, at: Any) -> None:
    audit.record(
        session, actor, at, f"{what}.undo", type(found).__tablename__, found.id,
        before={"number": number, "elevator_id": found.elevator_id},
    )  # fmt: skip
    session.delete(found)
    session.flush()
