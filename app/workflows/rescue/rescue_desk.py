"""The desk of 96333 (RES-02, RES-04): takes a case, calls units out, takes steps back, ends what was none, joins twins.

Every deed holds the case's row first, so of two operators who do the same the second is told what the first did.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select

from app import scope
from app.errors import Finding, NotAllowed, NotFound, Stale, raise_failing, refuse
from app.models import Elevator, Rescue, RescueDispatch, RescueStep, Unit
from app.models.rescue import RESCUE_OUTCOME, RESCUE_STATUS
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.identifiers import normal_code
from app.rules.rescues import (
    RescueStatus,
    RescueVerb,
    check_verb,
    choice_finding,
    words_finding,
)
from app.scope.parts import in_region
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import moves, outbox
from app.workflows.rescue.rescue_answers import worker_finding, worker_of
from app.workflows.rescue.rescue_course import (
    calls_of,
    close_calls,
    crew,
    held,
    is_open,
    keep_step,
    link_of,
    open_of,
    settle,
    spoken,
    tell,
)
from app.workflows.rescue.rescue_help import FIRE_SERVICE, call_out

_V = RescueVerb
LONGEST_UNIT = 120


def take(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Rescue:
    """接警 by an operator; a second one is told who was first."""
    row = _at_desk(session, actor, key)
    check_verb(RescueStatus(row.status), _V.TAKE)
    row.taken_at = at
    keep_step(session, actor, row, _V.TAKE, at)
    settle(session, actor, row, _V.TAKE, at)
    return row


def dispatch(
    session: AnySession, actor: Actor, key: int, level: int, at: dt.datetime, *, unit_id: int | None = None,
    name: str = "", worker_id: int | None = None, replace: bool = False, note: str = "", version: int | None = None,
) -> RescueDispatch:  # fmt: skip
    """派单 by an operator: the contracted unit, another one that can help, or somebody without an account here.

    `version` is that of the page from which it was sent: who dispatches on what he no longer sees is refused.
    """
    row = _at_desk(session, actor, key)
    if version is not None and version != row.row_version:
        raise refuse("派单", "救援在您打开页面后已有变化", "请核对现在的进度和派单，再决定是否派单", field="version")
    if not is_open(row):
        check_verb(RescueStatus(row.status), _V.DISPATCH)
    note, name = note.strip(), " ".join(name.split())
    with scope.acting(SYSTEM):
        unit = None if unit_id is None or level == 3 else session.get(Unit, unit_id)
        calls = calls_of(session, row)
        helps = unit is not None and unit.approved_version > 0 and (unit.is_maintenance or unit.is_rescue)
        again = unit is not None and any(one.is_open and one.unit_id == unit.id for one in calls)
        level_ok = level in (1, 2, 3)
        findings = [
            Finding("救援级别", level_ok, "没有选择", "请选择一级、二级或三级", field="level"),
            words_finding("改派原因" if replace else "说明", "note", note, required=replace, remedy="改派须写明原因"),
            Finding("救援单位", len(name) <= LONGEST_UNIT, say("%(count)s 个字", count=len(name)),
                    say("最多 %(most)s 个字", most=LONGEST_UNIT), field="name"),
        ]  # fmt: skip
        if level == 1:
            findings.append(Finding(
                "救援单位", row.unit_id is not None and (unit is None or unit.id == row.unit_id),
                "这台电梯没有签约的维保单位" if row.unit_id is None else "一级救援由签约的维保单位承担",
                "请选择二级或三级救援", field="unit_id",
            ))  # fmt: skip
            unit = unit or (None if row.unit_id is None else session.get(Unit, row.unit_id))
            again = unit is not None and any(one.is_open and one.unit_id == unit.id for one in calls)
        elif level == 2:
            found = "没有选择已备案的维保单位或救援单位"
            findings.append(Finding("救援单位", helps, found, "请从候选单位中选择", field="unit_id"))
        if unit is not None:
            found = say("%(name)s 已在救援途中", name=unit.name)
            findings.append(Finding("救援单位", not again, found, "请联系该单位，或另选单位", field="unit_id"))
        worker = None
        if worker_id is not None and unit is not None:
            account = worker_of(session, unit.id, worker_id)
            findings.append(worker_finding(account))
            worker = None if account is None else (account.id, account.get_full_name())
        raise_failing(findings)
        return call_out(
            session, actor, row, level, at, unit=unit, name=name or FIRE_SERVICE, worker=worker, note=note,
            replace=replace and any(one.is_open for one in calls),
        )  # fmt: skip


def lift_by_code(session: AnySession, actor: Actor, code: str) -> Elevator:
    """The elevator whose whole 识别码 or rescue code a caller reads out, a 涉密 one too: the desk may call help to it.

    A code that is none, another region's and one that the actor may not see look alike.
    """
    require(actor, Verb.RESCUE_DESK)
    known = normal_code(code)
    statement = scope.apply(_called(known), actor, Elevator).order_by((Elevator.code == known).desc())
    seen: Elevator | None = None
    if known:
        seen = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    found = seen or hidden_lift(session, actor, code)
    if found is None:
        told = say("没有找到识别码为 %(code)s 的电梯，或不在您的管辖范围内", code=code.strip()[:40])
        raise NotFound(Finding("电梯", False, told, "请让报警人再读一遍标签上的识别码", field="code"))
    return found


def hidden_lift(session: AnySession, actor: Actor, code: str) -> Elevator | None:
    """The 涉密 elevator of a caller who reads out its whole code; the desk learns no more of it than that it is one."""
    if actor.unit_id is not None or not actor.may(Verb.RESCUE_DESK) or actor.may(Verb.SECRET_READ):
        return None
    known = normal_code(code)
    statement = _called(known).where(Elevator.is_secret, in_region(Elevator, actor))
    found: Elevator | None = session.scalar(statement.limit(1).execution_options(skip_scope=True)) if known else None
    return found


def _called(code: str) -> Select[Any]:
    """Elevators in force by their whole 识别码 or rescue code."""
    named = or_(Elevator.code == code, Elevator.rescue_code == code)
    return select(Elevator).where(named, Elevator.approved_version > 0)


def step_back(
    session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime, seen: str = ""
) -> Rescue:  # fmt: skip
    """The desk takes the last step back, with its reason; what it was stands in the record.

    `seen` is the status that the operator looked at: two who take back the same step take back one.
    """
    row = _at_desk(session, actor, key)
    status = RescueStatus(row.status)
    if seen and seen != status:
        found = say("您打开页面后，处置进度已变为“%(status)s”", status=RESCUE_STATUS[status])
        raise Stale(Finding("处置进度", False, found, "请核对现在的进度；仍要退回的再退一次"), row.row_version)
    check_verb(status, _V.BACK)
    reason = reason.strip()
    findings = [words_finding("退回原因", "reason", reason, remedy="请写明为什么退回")]
    if status is RescueStatus.FREED:
        other = open_of(session, row.elevator_id)
        found = say("这台电梯已有新的救援 %(number)s", number=other.number if other else "")
        findings.append(Finding("救援", other is None, found, "请在新的救援中处置"))
    raise_failing(findings)
    calls = calls_of(session, row)
    _keep_taken_over(session, row, calls)
    for one in calls:
        if status is RescueStatus.FREED:
            one.done_at = None
            if one.end_reason == "relieved":
                one.ended_at = one.end_reason = None
        elif status is RescueStatus.ARRIVED:
            one.arrived_at = None
        elif status is RescueStatus.ACCEPTED and one.end_reason != "replaced":
            one.accepted_at = None
        elif status is RescueStatus.DISPATCHED and one.end_reason in (None, "escalated", "replaced"):
            one.ended_at, one.end_reason = one.ended_at or at, "returned"
    if status is RescueStatus.FREED:
        row.outcome = row.ended_at = None
    if status is RescueStatus.DISPATCHED:
        row.level = 1
    if status is RescueStatus.TAKEN:
        row.taken_at = None
    keep_step(session, actor, row, _V.BACK, at, note=reason)
    settle(session, actor, row, _V.BACK, at, note=reason)
    _tell_all(session, row, "back", say("救援退回上一步：%(place)s", place=spoken(session, row)), reason, at)
    return row


def _keep_taken_over(session: AnySession, row: Rescue, calls: Sequence[RescueDispatch]) -> None:
    """A case of another platform came without steps: before its first is taken back, what stood is written down with
    its true times. Its row is about to lose them, and who looks back asks the steps.
    """
    there = select(RescueStep.id).where(RescueStep.rescue_id == row.id).limit(1)
    if not row.taken_over or session.scalar(there.execution_options(skip_scope=True)) is not None:
        return
    stood = [
        (at, verb, call)
        for call in calls
        for verb, at in (
            (_V.DISPATCH, call.dispatched_at), (_V.ACCEPT, call.accepted_at), (_V.ARRIVE, call.arrived_at),
            (_V.FREE, call.done_at),
        ) if at is not None
    ]  # fmt: skip
    for at, verb, call in sorted(stood, key=lambda one: one[0]):
        session.add(
            RescueStep(rescue_id=row.id, dispatch_id=call.id, verb=verb.value, at=at, name=call.name[:80])
        )
        session.flush()


def close(session: AnySession, actor: Actor, key: int, outcome: str, note: str, at: dt.datetime) -> Rescue:
    """The desk ends what was no entrapment; whoever is under way is called off."""
    row = _at_desk(session, actor, key)
    check_verb(RescueStatus(row.status), _V.CLOSE)
    note = note.strip()
    none = [kind for kind in RESCUE_OUTCOME if kind != "entrapment"]
    raise_failing([
        choice_finding("处置结果", "outcome", outcome, none),
        words_finding("结束说明", "note", note, remedy="请写明怎样确认没有人被困"),
    ])  # fmt: skip
    row.outcome, row.end_note, row.ended_at, row.trapped, row.injured = outcome, note, at, 0, 0
    _end(session, actor, row, RescueStatus.CLOSED, _V.CLOSE, note, at)
    return row


def join(session: AnySession, actor: Actor, key: int, number: str, note: str, at: dt.datetime) -> Rescue:
    """并入: two reports are the same people (the neighbouring elevator's code, a code misread)."""
    row = _at_desk(session, actor, key)
    check_verb(RescueStatus(row.status), _V.JOIN)
    statement = scope.apply(select(Rescue).where(Rescue.number == number.strip().upper()), actor, Rescue)
    other = session.scalar(statement.execution_options(skip_scope=True))
    ok = other is not None and other.id != row.id and other.status != RescueStatus.JOINED
    note = note.strip()
    raise_failing([
        Finding("并入", ok, "没有这件救援，或它自己已并入别的", "请填写另一件救援的编号", field="number"),
        words_finding("说明", "note", note, required=False),
    ])  # fmt: skip
    assert other is not None
    row.joined_to_id, row.end_note, row.ended_at = other.id, note or None, at
    other.reports += row.reports
    _end(session, actor, row, RescueStatus.JOINED, _V.JOIN, note, at)
    keep_step(session, actor, other, "joined", at, note=row.number)
    return row


# --- parts


def _at_desk(session: AnySession, actor: Actor, key: int) -> Rescue:
    row = held(session, actor, key, Verb.RESCUE_DESK)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("救援", False, "接警和派单由应急坐席办理", "请联系应急坐席"))
    return row


def _end(
    session: AnySession, actor: Actor, row: Rescue, new: RescueStatus, verb: RescueVerb, note: str, at: dt.datetime
) -> None:
    _tell_all(session, row, "end", say("救援已结束：%(place)s", place=spoken(session, row)), note, at)
    close_calls(session, row, "closed", at)
    moves.move(session, actor, row, "status", new.value, verb=verb.value, at=at, reason=note or None)
    keep_step(session, actor, row, verb, at, note=note)
    settle(session, actor, row, verb, at)
    for topic in ("call", "desk"):
        outbox.settle(session, at, f"rescue.{topic}", link_of(row))


def _tell_all(session: AnySession, row: Rescue, topic: str, title: str, body: str, at: dt.datetime) -> None:
    for one in calls_of(session, row):
        if one.is_open:
            tell(session, row, crew(session, row, one), topic, title, body, at)
