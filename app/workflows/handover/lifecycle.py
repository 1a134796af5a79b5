"""Lifecycle applications (LIF-01 to LIF-04): what is checked, and what an approval does to the elevator."""

from __future__ import annotations

import datetime as dt

from app.errors import Finding, Refusal
from app.models import Application, Elevator, InspectionClock
from app.permissions import Actor
from app.rules.inspection import WarningLevel, warning_level
from app.rules.lifecycle import (
    KIND_LABELS,
    ApplicationKind,
    ElevatorStatus,
    elevator_move,
)
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import conditions, effects, submissions
from app.workflows.approval.submissions import Asked
from app.workflows.contracts import cover
from app.workflows.core import moves
from app.workflows.maintenance import clocks, maintenance_stops
from app.workflows.repair import repairs

_K = ApplicationKind
_NEEDS_REASON = {_K.SUSPENSION, _K.REACTIVATION, _K.SCRAPPING}
_NEEDS_DOCUMENT = {_K.USE_REGISTRATION}
_RUNS_AFTER = {_K.USE_REGISTRATION, _K.REACTIVATION}


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """Can this happen? All conditions, passing and failing: shown before submitting and again on the approval page."""
    what = ApplicationKind(kind)
    found = [
        conditions.filed(elevator), _status(elevator, what),
        conditions.alone(session, elevator, what, asked.application_id, "影响状态"),
    ]  # fmt: skip
    found += conditions.day(KIND_LABELS[what], asked)
    if what in _NEEDS_REASON:
        found.append(conditions.reason(asked))
    if what is _K.SUSPENSION:
        found.append(maintenance_stops.often(session, elevator, asked))
    if what in _NEEDS_DOCUMENT:
        found.append(conditions.documents(asked, "申请材料和告知文件"))
    if what in _RUNS_AFTER:
        on = asked.effective_on or asked.submitted_on
        found += [_inspection(elevator, what, on), *_not_failed(session, elevator, what)]
        found.append(_contract(session, elevator, on))
    return found


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """The status, the clock and what ends with it."""
    kind = ApplicationKind(application.kind)
    status = elevator_move(ElevatorStatus(elevator.status), kind)
    moves.move(
        session, actor, elevator, "status", status.value, verb=kind.value, at=at, effective_on=on,
        application=application, reason=application.reason,
    )  # fmt: skip
    if kind is _K.SUSPENSION:
        clocks.pause(session, elevator.id, on, application, at)
    elif kind is _K.REACTIVATION:
        clocks.resume(session, elevator.id, on, at)
    elif kind is _K.SCRAPPING:
        clocks.stop(session, elevator.id, on, at)
        repairs.scrapped(session, elevator.id, at)


def _status(elevator: Elevator, kind: ApplicationKind) -> Finding:
    try:
        elevator_move(ElevatorStatus(elevator.status), kind)
    except Refusal as refusal:
        return refusal.findings[0]
    return Finding("电梯状态变更", True, say("当前状态可以办理%(kind)s", kind=KIND_LABELS[kind]))


def _inspection(elevator: Elevator, kind: ApplicationKind, on: dt.date) -> Finding:
    due = elevator.next_inspection_on
    over = due is None or warning_level(due, on, 0) is WarningLevel.OVER
    found = (
        "没有登记下次检验日期"
        if due is None
        else say("检验有效期至 %(due)s%(more)s", due=due, more=say("，%(on)s 已超过", on=on) if over else "")
    )
    # Put back into use past its inspection is refused (LIF-03); a new elevator's first date is often still to come.
    level = "fail" if kind is _K.REACTIVATION else "warn"
    return Finding(
        "检验有效期", not over, found, "请先检验合格并登记检验记录，再办理" if over else "",
        field="next_inspection_on", link=f"/elevators/{elevator.id}" if over else None,
        level=level,  # type: ignore[arg-type]
    )  # fmt: skip


def _not_failed(session: AnySession, elevator: Elevator, kind: ApplicationKind) -> list[Finding]:
    """What failed its inspection is not put back into use before it passed again."""
    held = session.get(InspectionClock, elevator.id)
    if kind is not _K.REACTIVATION or held is None or held.failed_on is None:
        return []
    return [Finding(
        "检验结果", False, say("%(day)s 检验不合格，还没有复检合格", day=held.failed_on), "请整改并复检合格后再办理",
        link=f"/inspections/{held.failed_id}",
    )]  # fmt: skip


def _contract(session: AnySession, elevator: Elevator, on: dt.date) -> Finding:
    bound = cover.in_force(session, elevator.id, on)
    sentence = "%(on)s 有生效的维保合同" if bound else "%(on)s 没有生效的维保合同（脱保）"
    return Finding(
        "维保合同", bound is not None, say(sentence, on=on),
        "" if bound else "可以办理；投用前请签订合同并绑定电梯，否则维保员不能签到", level="warn",
        link=None if bound else "/contracts/",
    )  # fmt: skip


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect, holds=cover.hold_contracts
)
