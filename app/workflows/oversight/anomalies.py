"""电梯异常 (ANO-02): found by people with a phone or by a device, reviewed by the desk or the units, handled.

What is told again of the same kind while one stands open is the same anomaly: a device says it every minute.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import nullcontext

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Anomaly, Elevator
from app.models.anomaly import ANOMALY_KIND, ANOMALY_SOURCE
from app.models.choices import word
from app.models.repair import REPAIR_LEVEL
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.anomalies import (
    LONGEST_BODY,
    OLDEST,
    OUTCOME,
    REPAIR_LEVEL_OF,
    AnomalyState,
    AnomalyVerb,
    anomaly_move,
    note_finding,
    text_finding,
)
from app.rules.lifecycle import ElevatorStatus
from app.rules.rescues import LONGEST_TEXT as MOST_SCENE
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import finished, ours, say
from app.workflows.core import audit, moves, outbox
from app.workflows.files import attachments
from app.workflows.repair import repairs
from app.workflows.rescue import rescues

ENTITY = "anomaly"
# A text says too little of these to tell whether two are the same.
NEVER_JOINED = frozenset({"other"})
IOT = SYSTEM.by("iot")
# By these something else of the elevator comes into being, which is written under its lock.
_OF_THE_ELEVATOR = (AnomalyVerb.REPAIR, AnomalyVerb.RESCUE)


def found(
    session: AnySession, actor: Actor | None, elevator: Elevator, *, source: str, kind: str, text: str,
    at: dt.datetime, found_at: dt.datetime | None = None,
) -> Anomaly:  # fmt: skip
    """Keep what was found of an elevator; `actor` None: a device, `source` "iot". The caller has checked who may.

    One that stands open takes what is told again of its kind: counted, and what it says more is added. Unknown kinds
    are `other`. `found_at` is when it was, where that is not when it came here.
    """
    kind = kind if kind in ANOMALY_KIND else "other"
    source = source if source in ANOMALY_SOURCE else "phone"
    since, who = min(found_at or at, at), IOT if actor is None else actor
    text = text.strip()[:LONGEST_BODY]
    hold(session, f"anomaly:{elevator.id}:{kind}")
    # A device sees no elevators; people do, and what they write is looked at by scope.
    with scope.acting(SYSTEM) if actor is None else nullcontext():
        row = None if kind in NEVER_JOINED and source != "iot" else _standing(session, elevator, kind, text)
        if row is not None:
            return _again(session, who, row, text, since, at)
        row = Anomaly(
            elevator_id=elevator.id, region_code=elevator.region_code, unit_id=elevator.maintenance_unit_id,
            use_unit_id=elevator.use_unit_id, code=elevator.code,
            place=elevator.place, source=source, kind=kind, body=text or None,
            found_at=since, reported_by_id=who.user_id, reported_unit_id=who.unit_id, times=1, last_at=since,
            state=AnomalyState.FOUND.value,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, who, at, "anomaly.found", ENTITY, row.id,
            after={"elevator_id": elevator.id, "source": source, "kind": kind, "body": row.body, "found_at": since},
        )  # fmt: skip
    _tell(session, row, elevator, at, who)
    return row


def report(
    session: AnySession, actor: Actor, elevator_id: int | None, kind: str, text: str, at: dt.datetime, *,
    found_at: dt.datetime | None = None, photo_ids: Sequence[int] = (), source: str = "phone",
) -> Anomaly:  # fmt: skip
    """A person says what he found; all that is wrong is told at once."""
    require(actor, Verb.ANOMALY_REPORT)
    text, since = text.strip(), found_at or at
    findings = [
        Finding("识别码", elevator_id is not None, "没有选择", "请选择电梯", field="elevator_id"),
        Finding("异常类型", kind in ANOMALY_KIND, "没有选择", "请选择异常类型", field="kind"),
        text_finding(text),
        Finding("发现时间", since <= at, "在将来", "请填写已经发生的时间", field="found_at"),
        Finding("发现时间", since >= at - OLDEST, say("早于 %(days)s 天前", days=OLDEST.days),
            "太早的异常请直接报修或联系维保单位", field="found_at"),
    ]  # fmt: skip
    elevator: Elevator | None = None
    if elevator_id is not None:
        elevator = visible(session, actor, Elevator, elevator_id, "电梯")
        findings.append(Finding(
            "电梯状态", elevator.status != ElevatorStatus.SCRAPPED, "电梯已报废", "报废的电梯不登记异常",
            field="elevator_id",
        ))  # fmt: skip
    raise_failing(findings)
    assert elevator is not None
    row = found(session, actor, elevator, source=source, kind=kind, text=text, at=at, found_at=since)
    attachments.adopt(session, actor, photo_ids, ENTITY, row.id)
    return row


def handle(
    session: AnySession, actor: Actor, key: int, verb: str, note: str, at: dt.datetime, *, level: str = ""
) -> Anomaly:  # fmt: skip
    """Confirm it, or end it: dismissed or settled with the reason, passed on to repair by an order, or to rescue: the
    case that it starts, or that stands open there already.

    `level`: of that order, where it is another than the kind says. What the use unit reported the maintenance unit
    does not dismiss: it would judge itself.
    """
    require(actor, Verb.ANOMALY_HANDLE)
    seen = visible(session, actor, Anomaly, key, "这条异常")
    chosen = next((one for one in AnomalyVerb if one.value == verb), None)
    if chosen in _OF_THE_ELEVATOR:
        # Whoever hands the elevator on holds it and then its anomalies.
        repairs.as_of_now(session, seen.elevator_id)
    row = lock(session, Anomaly, key)
    assert row is not None
    note = note.strip()
    raise_failing([Finding("处理", chosen is not None, "没有选择", "请选择怎样处理", field="verb")])
    assert chosen is not None
    moved = anomaly_move(AnomalyState(row.state), chosen)
    raise_failing([note_finding(chosen, note)])
    if chosen is AnomalyVerb.DISMISS and not may_dismiss(actor, row):
        raise NotAllowed(Finding("排除", False, "这条异常由使用单位上报", "请由使用单位或监管部门排除，或转维修"))
    if row.reviewed_at is None:
        row.reviewed_at, row.reviewed_by_id = at, actor.user_id
    row.handle_note = note or row.handle_note
    if chosen is AnomalyVerb.RESCUE:
        row.rescue_id = _rescue(session, actor, row, note, at)
    if moved is AnomalyState.CLOSED:
        row.outcome, row.handled_at, row.handled_by_id = OUTCOME[chosen], at, actor.user_id
    moves.move(session, actor, row, "state", moved.value, verb=chosen.value, at=at, reason=note or None)
    if chosen is AnomalyVerb.REPAIR:
        repairs.of_anomaly(session, actor, row, level if level in REPAIR_LEVEL else level_of(row), at)
    outbox.settle(session, at, "anomaly.review", link_of(row))
    _tell_reporter(session, row, moved, at, actor)
    return row


def may_dismiss(actor: Actor, row: Anomaly) -> bool:
    """Whether the actor may say that it was none."""
    told_by_others = row.reported_unit_id is not None and row.reported_unit_id != actor.unit_id
    return actor.unit_id is None or not told_by_others


def level_of(row: Anomaly) -> str:
    """The level of the repair that it makes."""
    return REPAIR_LEVEL_OF.get(row.kind, "running")


def link_of(row: Anomaly) -> str:
    return f"/anomalies/{row.id}"


# --- parts


def _rescue(session: AnySession, actor: Actor, row: Anomaly, note: str, at: dt.datetime) -> int:
    """Start the rescue, or join the one that is open. Nobody is refused for what the elevator is: people are inside."""
    elevator = session.get_one(Elevator, row.elevator_id, execution_options={"skip_scope": True})
    scene = "　".join(part for part in (note, row.body or "") if part)[:MOST_SCENE]
    source = "iot" if row.source == "iot" else "found"
    return rescues.report(session, actor, elevator, source=source, at=at, scene=scene).id


def _standing(session: AnySession, elevator: Elevator, kind: str, text: str) -> Anomaly | None:
    """The open one of this kind; of `other` only one that says the very same."""
    same = select(Anomaly).where(Anomaly.elevator_id == elevator.id, Anomaly.kind == kind, Anomaly.state != "closed")
    if kind in NEVER_JOINED:
        same = same.where(Anomaly.body == (text or None))
    statement = same.order_by(Anomaly.id.desc()).limit(1).with_for_update()
    row: Anomaly | None = session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))
    return row


def _again(
    session: AnySession, who: Actor, row: Anomaly, text: str, since: dt.datetime, at: dt.datetime
) -> Anomaly:  # fmt: skip
    row.times += 1
    row.last_at = max(row.last_at, since)
    if text and text not in (row.body or ""):
        line = f"{clock.local(since):%m-%d %H:%M} {text}"
        row.body = f"{row.body}\n{line}"[:LONGEST_BODY] if row.body else line
    session.flush()
    if who.user_id is not None:
        # What a device says every minute is counted on the row; who said it a second time stands in the log.
        audit.record(session, who, at, "anomaly.again", ENTITY, row.id, after={"times": row.times, "body": text})
    return row


def _tell(session: AnySession, row: Anomaly, elevator: Elevator, at: dt.datetime, who: Actor) -> None:
    """Both units, and the regulator where somebody is trapped or no unit hears of it; not who has said it himself."""
    heard = {
        account for unit in (row.unit_id, row.use_unit_id)
        for account in outbox.readers_of(session, unit, Verb.ANOMALY_HANDLE, row.elevator_id)
    }  # fmt: skip
    if row.kind == "trapped" or not heard:
        verb = Verb.ANOMALY_HANDLE
        heard |= set(outbox.officers_of(session, row.region_code, verb, secret=elevator.is_secret))
    title = say("电梯异常待审核：%(place)s", place=row.place)
    kind = word(ANOMALY_KIND, row.kind)
    text = (row.body or "")[:200]
    body = (
        say("%(kind)s。有人被困请立即启动应急救援", kind=kind) if row.kind == "trapped"
        # A device's code is often called as its kind: once is enough.
        else ours(finished(kind)) if text in ("", finished(kind)) else say("%(kind)s。%(text)s", kind=kind, text=text)
    )  # fmt: skip
    told = heard - ({who.user_id} if who.user_id is not None else set())
    outbox.notify(session, at, told, "anomaly.review", title, body, link_of(row), f"anomaly:{row.id}:new")


def _tell_reporter(session: AnySession, row: Anomaly, moved: AnomalyState, at: dt.datetime, actor: Actor) -> None:
    if moved is not AnomalyState.CLOSED or row.reported_by_id in (None, actor.user_id):
        return
    assert row.reported_by_id is not None
    title = say("您上报的电梯异常已处理：%(place)s", place=row.place)
    outbox.notify(
        session, at, [row.reported_by_id], "anomaly.done", title, row.handle_note or "", link_of(row),
        f"anomaly:{row.id}:done",
    )  # fmt: skip
