"""留言 behind the code (CMP-01): a line for whoever keeps the elevator, its reply, and what of both is public."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, ElevatorMessage
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.calendar import day_start
from app.rules.complaints import MOST_OF_ELEVATOR, SAME_WITHIN
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.public.complaints import passer_by

ENTITY = "elevator_message"
LONGEST = 300


def leave(
    session: AnySession, elevator: Elevator, body: str, at: dt.datetime, address: str | None
) -> ElevatorMessage:  # fmt: skip
    """A passer-by's line, without name and phone. The same line within minutes is one tap made twice."""
    body = body.strip()
    raise_failing([_text(body, "留言", "body")])
    hold(session, f"message:elevator {elevator.id}")
    with scope.acting(SYSTEM):
        here = ElevatorMessage.elevator_id == elevator.id
        same = select(ElevatorMessage).where(
            here, ElevatorMessage.sent_at > at - SAME_WITHIN, ElevatorMessage.body == body
        )
        held: ElevatorMessage | None = session.scalar(same.limit(1))
        if held is not None:
            return held
        today = day_start(clock.local_day(at))
        count = session.scalar(select(func.count()).where(here, ElevatorMessage.sent_at >= today)) or 0
        if count >= MOST_OF_ELEVATOR:
            raise refuse("留言次数", say("这台电梯今天已收到 %(n)s 条留言", n=count), "请明天再试")
        row = ElevatorMessage(
            elevator_id=elevator.id, region_code=elevator.region_code, unit_id=elevator.maintenance_unit_id,
            use_unit_id=elevator.use_unit_id, body=body, sent_at=at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, passer_by(address), at, "message.write", ENTITY, row.id, after={"elevator_id": elevator.id}
        )
        who = {
            account for unit in (row.unit_id, row.use_unit_id)
            for account in outbox.readers_of(session, unit, Verb.COMPLAINT_HANDLE, elevator.id)
        }  # fmt: skip
        title = say("收到留言：%(place)s", place=elevator.place)
        outbox.notify(session, at, who, "message", title, body, f"/messages/{row.id}", f"message:{row.id}")
    return row


def reply(session: AnySession, actor: Actor, key: int, text: str, at: dt.datetime) -> ElevatorMessage:
    """The unit's answer, maintenance or use; a new one takes the place of the old, and is public only anew."""
    row = _held(session, actor, key, Verb.COMPLAINT_HANDLE)
    if actor.unit_id is None or actor.unit_id not in (row.unit_id, row.use_unit_id):
        raise NotAllowed(Finding("回复", False, "由维保单位和使用单位回复", "请由其账号回复"))
    text = text.strip()
    raise_failing([_text(text, "回复", "reply")])
    before = {"reply": row.reply, "published_at": row.published_at}
    row.reply, row.replied_at, row.replied_by_id, row.reply_unit_id = text, at, actor.user_id, actor.unit_id
    row.published_at = row.withheld_at = None
    session.flush()
    audit.record(session, actor, at, "message.reply", ENTITY, row.id, before=before, after={"reply": text})
    outbox.settle(session, at, "message", f"/messages/{row.id}")
    return row


def publish(session: AnySession, actor: Actor, key: int, shown: bool, at: dt.datetime) -> ElevatorMessage:
    """Show the line with its reply behind the code, or withhold it; a regulator's word alone.

    Whoever is complained about would show praise only. What has no reply yet is not shown.
    """
    row = _held(session, actor, key, Verb.COMPLAINT_CLOSE)
    if shown and row.replied_at is None:
        raise refuse("公开留言", "还没有回复", "请等维保单位或使用单位回复后再公开")
    before = {"published_at": row.published_at, "withheld_at": row.withheld_at}
    row.published_at, row.withheld_at = (at, None) if shown else (None, at)
    session.flush()
    audit.record(
        session, actor, at, "message.publish" if shown else "message.withhold", ENTITY, row.id, before=before,
        after={"published_at": row.published_at, "withheld_at": row.withheld_at},
    )  # fmt: skip
    return row


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> ElevatorMessage:
    require(actor, verb)
    visible(session, actor, ElevatorMessage, key, "这条留言")
    row = lock(session, ElevatorMessage, key)
    assert row is not None
    return row


def _text(text: str, rule: str, field: str) -> Finding:
    ok = 0 < len(text) <= LONGEST
    return Finding(rule, ok, say("%(count)s 个字", count=len(text)) if text else "没有填写",
        say("请填写 1 至 %(most)s 个字", most=LONGEST), field=field)
