"""Repairs come into being (REP-01, REP-03): reported by people, found at a visit, wanted by the use unit on confirming
it, made of an anomaly. What is done about them afterwards is `repair_work`.

Of a visit and of an anomaly comes one order at most, whoever asks how often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from app import clock, scope
from app.errors import Finding, raise_failing, refuse
from app.models import Account, Anomaly, Elevator, RepairOrder, Visit
from app.models.choices import word
from app.models.policy import policy_value
from app.models.repair import REPAIR_LEVEL, crew
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.rules.deadlines import Deadline
from app.rules.lifecycle import ElevatorStatus
from app.rules.repairs import (
    BEFORE_START,
    LONGEST_USE_NOTE,
    OPEN_STATES,
    SAME_WITHIN,
    Hours,
    RepairState,
    RepairVerb,
    Step,
    late_steps,
    report_findings,
    running,
)
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, moves, outbox
from app.workflows.files import attachments

ENTITY = "repair_order"
# A fault that a visit found: the elevator was in use when the worker left it.
LEVEL_OF_VISIT = "running"


def report(
    session: AnySession, actor: Actor, elevator_id: int | None, level: str, fault: str, note: str, at: dt.datetime, *,
    photo_ids: Sequence[int] = (), client_key: str | None = None,
) -> RepairOrder:  # fmt: skip
    """报修登记 for an elevator that one sees; all that is wrong is told at once.

    The same key again, or the same words within minutes, is one tap made twice: the order that there is comes back.
    """
    require(actor, Verb.REPAIR_REPORT)
    fault, note = fault.strip(), note.strip()
    findings = [
        Finding("识别码", elevator_id is not None, "没有选择", "请选择电梯", field="elevator_id"),
        *report_findings(level, REPAIR_LEVEL, fault, note),
    ]  # fmt: skip
    if client_key and len(client_key) > 40:
        findings.append(Finding("提交键", False, "超过 40 个字符", "请刷新页面后重试", field="client_key"))
    elevator: Elevator | None = None
    if elevator_id is not None:
        elevator = as_of_now(session, visible(session, actor, Elevator, elevator_id, "电梯").id)
        findings.append(Finding(
            "电梯状态", elevator.status != ElevatorStatus.SCRAPPED, "电梯已报废", "报废的电梯不能报修",
            field="elevator_id",
        ))  # fmt: skip
    raise_failing(findings)
    assert elevator is not None
    hold(session, f"repair:{elevator.id}")
    row = _same(session, actor, elevator, level, fault, at, client_key or None)
    if row is not None:
        return row
    row = RepairOrder(level=level, fault=fault or None, note=note or None, client_key=client_key or None)
    _open(session, actor, row, elevator, elevator.maintenance_unit_id, elevator.use_unit_id, "report", at)
    attachments.adopt(session, actor, photo_ids, ENTITY, row.id)
    return row


def of_visit(
    session: AnySession, actor: Actor, visit: Visit, at: dt.datetime, use_note: str = ""
) -> RepairOrder:  # fmt: skip
    """The order of a visit that found something to repair; the one that there is comes back.

    `use_note`: what the use unit, signing on the spot, wrote when it asked for it.
    """
    held = for_visit(session, visit.id)
    if held is not None:
        return held
    note = use_note.strip() or None
    row = RepairOrder(level=LEVEL_OF_VISIT, fault=visit.feedback or note, use_note=note, visit_id=visit.id)
    _open_of_visit(session, actor, row, visit, "visit", at)
    return row


def wanted(session: AnySession, actor: Actor, visit: Visit, note: str, at: dt.datetime) -> RepairOrder:
    """是否报修 of the use unit on confirming a visit: with the order that the worker's findings made, or a new one."""
    note = note.strip()
    held = for_visit(session, visit.id)
    if held is None:
        row = RepairOrder(
            level=LEVEL_OF_VISIT, fault=visit.feedback or note or None, use_note=note or None, visit_id=visit.id
        )
        _open_of_visit(session, actor, row, visit, "review", at)
        return row
    if note and held.use_note != note:
        before = held.use_note
        # Of an elevator handed on since, the order is another use unit's; who repairs it needs the words all the same.
        with scope.acting(SYSTEM):
            held.use_note = note
            session.flush()
        audit.record(
            session, actor, at, "repair.wanted", ENTITY, held.id, before={"use_note": before}, after={"use_note": note}
        )
    return held


def wanted_findings(note: str) -> list[Finding]:
    """Of the use unit's words."""
    count = len(note.strip())
    return [
        Finding("报修备注", count <= LONGEST_USE_NOTE, say("有 %(count)s 个字", count=count),
            say("最多 %(most)s 个字", most=LONGEST_USE_NOTE), field="repair_note"),
    ]  # fmt: skip


def of_anomaly(session: AnySession, actor: Actor, anomaly: Anomaly, level: str, at: dt.datetime) -> RepairOrder:
    """The order that an anomaly makes; the unit of now sees to it."""
    held: RepairOrder | None = session.scalar(_any().where(RepairOrder.anomaly_id == anomaly.id))
    if held is not None:
        return held
    elevator = as_of_now(session, anomaly.elevator_id)
    row = RepairOrder(level=level, fault=(anomaly.body or "")[:500] or None, anomaly_id=anomaly.id)
    _open(session, actor, row, elevator, elevator.maintenance_unit_id, elevator.use_unit_id, "anomaly", at)
    return row


def again(
    session: AnySession, actor: Actor, before: RepairOrder, elevator: Elevator, note: str, at: dt.datetime
) -> RepairOrder:
    """The order that comes of 仍有问题: a repair of its own, with limits of its own, by whoever maintains it now.

    What the first one showed stays as it was: when it ended, and whether that was in time.
    """
    # Whoever was trapped then is free: nobody is called to a rescue by it.
    freed = "running" if before.restored else "stopped"
    row = RepairOrder(level=freed if before.level == "trapped" else before.level, fault=note, again_of_id=before.id)
    _open(session, actor, row, elevator, elevator.maintenance_unit_id, elevator.use_unit_id, "again", at)
    return row


def unit_changed(session: AnySession, elevator_id: int, unit_id: int | None, at: dt.datetime) -> int:
    """What nobody has begun goes to the elevator's new unit, unassigned; what is begun the old one ends. How many.

    The limits stay: whoever waits for his elevator does not care whose it is.
    """
    moved = 0
    for row in _held_of(session, elevator_id, BEFORE_START):
        if row.unit_id == unit_id:
            continue
        before = {"unit_id": row.unit_id, "worker_id": row.worker_id}
        row.unit_id, row.worker_id, row.assigned_at, row.accepted_at, row.departed_at = unit_id, None, None, None, None
        set_helpers(session, row, [])
        retime(row, at)
        by = SYSTEM.by("clock")
        if row.state != RepairState.WAITING:
            moves.move(session, by, row, "state", "waiting", verb=RepairVerb.HAND_ON.value, at=at)
        session.flush()
        audit.record(session, by, at, "repair.hand_on", ENTITY, row.id, before=before, after={"unit_id": unit_id})
        _tell_office(session, row, at)
        moved += 1
    return moved


def scrapped(session: AnySession, elevator_id: int, at: dt.datetime) -> int:
    """What nobody has begun ends with the elevator; what is begun its worker ends. How many."""
    ended = 0
    for row in _held_of(session, elevator_id, BEFORE_START):
        people = accounts_of(session, [row.worker_id, *helper_ids(session, row)])
        office = outbox.readers_of(session, row.unit_id, Verb.REPAIR_ASSIGN, row.elevator_id)
        row.closed_at, row.end_note = at, say("电梯报废")
        retime(row, at, RepairState.CANCELLED)
        moves.move(
            session, SYSTEM.by("clock"), row, "state", "cancelled", verb=RepairVerb.CANCEL.value, at=at,
            reason=row.end_note,
        )  # fmt: skip
        for topic in ("repair.assign", "repair.accept"):
            outbox.settle(session, at, topic, link_of(row))
        title = say("报修已撤销：%(place)s", place=row.place)
        mark = f"repair:{row.id}:cancel"
        told = {*people, *office, *([row.reported_by_id] if row.reported_by_id is not None else [])}
        outbox.notify(session, at, told, "repair.cancel", title, row.end_note, link_of(row), mark)
        ended += 1
    return ended


def use_unit_changed(session: AnySession, elevator_id: int, use_unit_id: int | None, at: dt.datetime) -> int:
    """What stands open is the new use unit's to follow and to confirm, wherever the repair stands. How many."""
    moved = 0
    for row in _held_of(session, elevator_id, OPEN_STATES):
        if row.use_unit_id == use_unit_id:
            continue
        before, row.use_unit_id = {"use_unit_id": row.use_unit_id}, use_unit_id
        session.flush()
        after = {"use_unit_id": use_unit_id}
        audit.record(session, SYSTEM.by("clock"), at, "repair.hand_on", ENTITY, row.id, before=before, after=after)
        who = outbox.readers_of(session, use_unit_id, Verb.REPAIR_REPORT, elevator_id)
        title = say("电梯有未办结的报修，由您的单位接手：%(place)s", place=row.place)
        mark = f"repair:{row.id}:use:{use_unit_id or 0}:{at:%y%m%d%H%M}"
        outbox.notify(session, at, who, "repair.hand_on", title, (row.fault or "")[:200], link_of(row), mark)
        moved += 1
    return moved


# --- what others ask


def shown_with(session: AnySession, actor: Actor, visit_id: int) -> RepairOrder | None:
    """The order of a visit, for whoever may open it: that of an elevator handed on since is the new unit's."""
    if not actor.may(Verb.REPAIR_READ):
        return None
    statement = scope.apply(select(RepairOrder).where(RepairOrder.visit_id == visit_id), actor, RepairOrder)
    found: RepairOrder | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def for_visit(session: AnySession, visit_id: int) -> RepairOrder | None:
    """The order of a visit, whoever asks: the caller has the visit."""
    found: RepairOrder | None = session.scalar(_any().where(RepairOrder.visit_id == visit_id))
    return found


def open_of(session: AnySession, actor: Actor, elevator_id: int) -> list[RepairOrder]:
    """What stands open of an elevator, as far as the actor sees it: for whoever is about to report it again."""
    states = [state.value for state in OPEN_STATES]
    statement = select(RepairOrder).where(RepairOrder.elevator_id == elevator_id, RepairOrder.state.in_(states))
    seen = scope.apply(statement.order_by(RepairOrder.id.desc()).limit(5), actor, RepairOrder)
    return list(session.scalars(seen.execution_options(skip_scope=True)))


def as_of_now(session: AnySession, elevator_id: int) -> Elevator:
    """The elevator that an order is about to be written for, as it is now.

    Whoever hands it on or scraps it waits until the order stands, and finds it.
    """
    # The very lock that the order's foreign key takes when it is written: taken now, what is read cannot change first.
    held = select(Elevator).where(Elevator.id == elevator_id)
    held = held.with_for_update(read=True, key_share=True, of=Elevator)
    return session.scalars(held.execution_options(populate_existing=True, skip_scope=True)).one()


def hours_of(row: RepairOrder) -> Hours:
    return Hours(row.accept_hours, row.finish_hours)


def running_of(row: RepairOrder) -> tuple[Step, Deadline] | None:
    """The step whose limit runs, and the limit."""
    ended = row.state in (RepairState.ENDED, RepairState.DONE, RepairState.CANCELLED)
    return running(row.reported_at, row.accepted_at is not None, ended, hours_of(row))


def late_of(row: RepairOrder, at: dt.datetime) -> list[Step]:
    """The steps that were late, or are by now; of what was cancelled, by then."""
    over = row.closed_at if row.state == RepairState.CANCELLED and row.closed_at is not None else at
    later = set((row.told_later or "").split(","))
    accepted = row.heard_at if "accepted_at" in later else row.accepted_at
    return late_steps(row.reported_at, accepted, row.heard_at, hours_of(row), over)


def retime(row: RepairOrder, at: dt.datetime, state: RepairState | None = None) -> None:
    """Work out what the instants make: the limit that runs, and what was late. `state`: the one it is about to have."""
    ended = (state or row.state) in (RepairState.ENDED, RepairState.DONE, RepairState.CANCELLED)
    next_ = running(row.reported_at, row.accepted_at is not None, ended, hours_of(row))
    row.due_at = None if next_ is None else next_[1].due_at
    row.late_steps = ",".join(step.value for step in late_of(row, at)) or None
    row.accept_minutes, row.end_minutes = (
        None if done is None else round((done - row.reported_at).total_seconds() / 60)
        for done in (row.accepted_at, row.ended_at)
    )


def set_helpers(session: AnySession, row: RepairOrder, ids: Iterable[int]) -> None:
    """Who goes along; the list is written anew."""
    session.flush()
    held, wished = set(helper_ids(session, row)), set(ids)
    if gone := held - wished:
        session.execute(delete(crew).where(crew.c.repair_order_id == row.id, crew.c.person_id.in_(gone)))
    if more := sorted(wished - held):
        session.execute(insert(crew), [{"repair_order_id": row.id, "person_id": key} for key in more])
    session.expire(row, ["helpers"])


def helper_ids(session: AnySession, row: RepairOrder) -> list[int]:
    found = select(crew.c.person_id).where(crew.c.repair_order_id == row.id).order_by(crew.c.person_id)
    return list(session.scalars(found))


def accounts_of(session: AnySession, people: Iterable[int | None]) -> list[int]:
    """Active accounts of these people."""
    keys = [key for key in people if key is not None]
    statement = select(Account.id).where(Account.person_id.in_(keys), Account.active.is_(True))
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def link_of(row: RepairOrder) -> str:
    return f"/repairs/{row.id}"


# --- parts


def _held_of(session: AnySession, elevator_id: int, states: Iterable[RepairState]) -> Iterator[RepairOrder]:
    """An elevator's orders in these states, each held when it is its turn and as it is then."""
    names = [state.value for state in states]
    statement = _any().where(RepairOrder.elevator_id == elevator_id, RepairOrder.state.in_(names))
    for found in session.scalars(statement.order_by(RepairOrder.id)).all():
        row = lock(session, RepairOrder, found.id)
        if row is not None and row.state in names:
            yield row


def _any() -> Any:
    return select(RepairOrder).execution_options(skip_scope=True)


def _same(
    session: AnySession, actor: Actor, elevator: Elevator, level: str, fault: str, at: dt.datetime, key: str | None
) -> RepairOrder | None:  # fmt: skip
    if key is not None:
        held: RepairOrder | None = session.scalar(_any().where(RepairOrder.client_key == key))
        if held is not None and held.reported_by_id != actor.user_id:
            raise refuse("提交键", "与他人的提交重复", "请刷新页面后重试", field="client_key")
        if held is not None:
            return held
    alike = _any().where(
        RepairOrder.elevator_id == elevator.id, RepairOrder.reported_at > at - SAME_WITHIN, RepairOrder.level == level,
        RepairOrder.reported_by_id == actor.user_id, RepairOrder.source == "report",
    )  # fmt: skip
    return next((row for row in session.scalars(alike) if (row.fault or "") == fault), None)


def _open_of_visit(
    session: AnySession, actor: Actor, row: RepairOrder, visit: Visit, source: str, at: dt.datetime
) -> None:
    """By whoever maintains the elevator now: it may have been handed on since the visit began."""
    elevator = as_of_now(session, visit.elevator_id)
    _open(session, actor, row, elevator, elevator.maintenance_unit_id, elevator.use_unit_id, source, at)


def _open(
    session: AnySession, actor: Actor, row: RepairOrder, elevator: Elevator, unit_id: int | None,
    use_unit_id: int | None, source: str, at: dt.datetime,
) -> None:  # fmt: skip
    """Write a new order. Whether the actor may was asked by the deed that makes it."""
    on = clock.local_day(at)
    hours = [
        policy_value(session, key, elevator.region_code, on)
        for key in (Key.REPAIR_ACCEPT_HOURS, Key.REPAIR_FINISH_HOURS)
    ]
    row.elevator_id, row.region_code, row.code = elevator.id, elevator.region_code, elevator.code
    row.place = elevator.place[:300]
    row.unit_id, row.use_unit_id, row.source = unit_id, use_unit_id, source
    row.reported_at = at
    row.reported_by_id, row.reported_unit_id = actor.user_id, actor.unit_id
    row.accept_hours, row.finish_hours = hours
    retime(row, at, RepairState.WAITING)
    with scope.acting(SYSTEM):
        session.add(row)
        session.flush()
    audit.record(
        session, actor, at, "repair.open", ENTITY, row.id,
        after={"elevator_id": elevator.id, "source": source, "level": row.level, "fault": row.fault,
               "visit_id": row.visit_id, "anomaly_id": row.anomaly_id, "again_of_id": row.again_of_id,
               "unit_id": unit_id},
    )  # fmt: skip
    _tell_office(session, row, at, actor)


def _tell_office(session: AnySession, row: RepairOrder, at: dt.datetime, actor: Actor | None = None) -> None:
    """Whoever assigns; of an elevator that no unit maintains its use unit and the regulator."""
    told = set(outbox.readers_of(session, row.unit_id, Verb.REPAIR_ASSIGN, row.elevator_id))
    if row.unit_id is None:
        secret = session.scalar(
            select(Elevator.is_secret).where(Elevator.id == row.elevator_id).execution_options(skip_scope=True)
        )
        told |= set(outbox.readers_of(session, row.use_unit_id, Verb.REPAIR_REPORT, row.elevator_id))
        told |= set(outbox.officers_of(session, row.region_code, Verb.REPAIR_READ, secret=bool(secret)))
        title = say("报修的电梯没有维保单位：%(place)s", place=row.place)
    else:
        sentence = "修后仍有问题，待派工：%(place)s" if row.again_of_id is not None else "报修待派工：%(place)s"
        title = say(sentence, place=row.place)
    level = word(REPAIR_LEVEL, row.level)
    body = (
        say("%(level)s。有人被困请立即启动应急救援", level=level) if row.level == "trapped"
        else say("%(level)s。%(text)s", level=level, text=(row.fault or "")[:200])
    )  # fmt: skip
    if actor is not None and actor.user_id is not None and not actor.may(Verb.REPAIR_ASSIGN):
        told -= {actor.user_id}
    # With the moment: an elevator may come back to a unit that it left.
    mark = f"repair:{row.id}:new:{row.unit_id or 0}:{at:%y%m%d%H%M%S}"
    outbox.notify(session, at, told, "repair.assign", title, body, link_of(row), mark)
