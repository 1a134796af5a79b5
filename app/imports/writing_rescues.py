"""Past rescues written with their true times, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, select

from app import scope
from app.errors import Refusal, refuse
from app.models import ImportRow, Rescue, RescueCallback, RescueDispatch, RescueStep
from app.permissions import Actor
from app.transaction import AnySession
from app.workflows import audit, past_rescues


def take_over(
    session: AnySession, actor: Actor, batch_id: int, rows: Sequence[ImportRow], at: Any,
    failed: Callable[[ImportRow, Refusal], None],
) -> None:  # fmt: skip
    """Each by itself: a rescue moves nothing of its elevator."""
    for row in sorted(rows, key=lambda one: (one.data or {}).get("reported_at") or ""):
        try:
            with session.begin_nested():
                made = past_rescues.take_over(session, actor, row.data or {}, at, batch_id)
            row.entity_id, row.applied = made.id, True
        except Refusal as refusal:
            failed(row, refusal)


def undo(session: AnySession, actor: Actor, row: ImportRow, finished: Any, at: Any) -> None:
    """Taken away again, unless somebody worked on it since."""
    found: Rescue = scope.visible(session, actor, Rescue, row.entity_id, "救援记录")
    called = select(RescueCallback.id).where(RescueCallback.rescue_id == found.id).limit(1)
    worked = session.scalar(called.execution_options(skip_scope=True)) is not None or found.row_version > 1
    if worked or not found.taken_over:
        raise refuse("撤销", "导入之后又有变动")
    for model in (RescueStep, RescueDispatch):
        session.execute(
            delete(model).where(model.rescue_id == found.id).execution_options(
                skip_scope=True, synchronize_session="fetch"
            )
        )
    audit.record(
        session, actor, at, "rescue.undo", "rescue", found.id,
        before={"number": found.number, "elevator_id": found.elevator_id},
    )  # fmt: skip
    session.delete(found)
    session.flush()
