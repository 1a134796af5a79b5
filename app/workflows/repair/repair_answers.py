"""The use unit's word on a repair that ended (REP-03): 确认修好, or 仍有问题, which makes an order of its own.

Said once. The order that ended stays as it is, with the answer; whoever repaired it hears of it. Where it is said of
an order that came of such an answer itself, the regulator hears of it too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from app import scope
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Elevator, RepairOrder
from app.permissions import Actor, Verb, require
from app.rules.lifecycle import ElevatorStatus
from app.rules.repairs import RepairState, answer_findings
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.files import attachments
from app.workflows.repair import repairs


def answer(
    session: AnySession, actor: Actor, key: int, fixed: bool | None, note: str, at: dt.datetime,
    photo_ids: Sequence[int] = (),
) -> RepairOrder:  # fmt: skip
    """The order with the answer; the same answer again changes nothing. Photos go with the new order."""
    require(actor, Verb.REPAIR_REPORT)
    visible(session, actor, RepairOrder, key, "维修工单")
    row = lock(session, RepairOrder, key)
    assert row is not None
    if actor.unit_id is None or actor.unit_id != row.use_unit_id:
        raise NotAllowed(Finding("使用单位确认", False, "由这台电梯的使用单位确认", "请用使用单位的账号确认"))
    note, said = note.strip(), {True: "confirmed", False: "disputed"}.get(fixed) if fixed is not None else None
    if said is not None and row.answer == said:
        return row
    raise_failing(answer_findings(row.state, row.answer is not None, row.taken_over, fixed, note))
    following = None if fixed else _again(session, actor, row, note, at, photo_ids)
    row.answer, row.answered_at, row.answered_by_id = said, at, actor.user_id
    row.answer_note = None if fixed else note
    session.flush()
    audit.record(
        session, actor, at, "repair_order.answer", repairs.ENTITY, row.id,
        after={"answer": row.answer, "answer_note": row.answer_note},
    )  # fmt: skip
    outbox.settle(session, at, "repair.done", repairs.link_of(row))
    _tell(session, row, following, at)
    return row


def may_answer(actor: Actor, row: RepairOrder) -> bool:
    """Whether the actor's unit is asked for it."""
    own = actor.unit_id is not None and actor.unit_id == row.use_unit_id and actor.may(Verb.REPAIR_REPORT)
    return own and row.state == RepairState.DONE and row.answer is None and not row.taken_over


def following_of(session: AnySession, actor: Actor, row: RepairOrder) -> RepairOrder | None:
    """The order that came of 仍有问题, for whoever may read it."""
    return _seen(session, actor, RepairOrder.again_of_id == row.id) if row.answer == "disputed" else None


def before_of(session: AnySession, actor: Actor, row: RepairOrder) -> RepairOrder | None:
    """The order that this one came of, for whoever may read it."""
    return _seen(session, actor, RepairOrder.id == row.again_of_id) if row.again_of_id is not None else None


# --- parts


def _again(
    session: AnySession, actor: Actor, row: RepairOrder, note: str, at: dt.datetime, photo_ids: Sequence[int]
) -> RepairOrder:
    elevator = repairs.as_of_now(session, visible(session, actor, Elevator, row.elevator_id, "电梯").id)
    raise_failing([
        Finding("电梯状态", elevator.status != ElevatorStatus.SCRAPPED, "电梯已报废", "报废的电梯不能报修"),
        Finding("使用单位", elevator.use_unit_id == actor.unit_id, "电梯已由其他单位使用", "请由现在的使用单位报修"),
    ])  # fmt: skip
    following = repairs.again(session, actor, row, elevator, note, at)
    attachments.adopt(session, actor, photo_ids, repairs.ENTITY, following.id)
    return following


def _tell(session: AnySession, row: RepairOrder, following: RepairOrder | None, at: dt.datetime) -> None:
    """Whoever repaired it, of the order that they may open; of what was said twice the regulator."""
    people = [row.worker_id, *repairs.helper_ids(session, row)]
    sentence = "使用单位确认修好：%(place)s" if following is None else "使用单位反映仍有问题：%(place)s"
    shown = following if following is not None and following.unit_id == row.unit_id else row
    outbox.notify(
        session, at, repairs.accounts_of(session, people), "repair.answered", say(sentence, place=row.place),
        row.answer_note or "", repairs.link_of(shown), f"repair:{row.id}:answer",
    )  # fmt: skip
    if following is None or row.again_of_id is None:
        return
    secret = session.scalar(
        select(Elevator.is_secret).where(Elevator.id == row.elevator_id).execution_options(skip_scope=True)
    )
    officers = outbox.officers_of(session, row.region_code, Verb.REPAIR_READ, secret=bool(secret))
    outbox.notify(
        session, at, officers, "repair.disputed", say("返修后使用单位仍反映有问题：%(place)s", place=row.place),
        row.answer_note or "", repairs.link_of(following), f"repair:{row.id}:disputed",
    )  # fmt: skip


def _seen(session: AnySession, actor: Actor, criterion: object) -> RepairOrder | None:
    statement = scope.apply(select(RepairOrder).where(criterion), actor, RepairOrder)  # type: ignore[arg-type]
    found: RepairOrder | None = session.scalar(statement.execution_options(skip_scope=True))
    return found
