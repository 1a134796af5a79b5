"""Lifecycle applications (LIF-01 to LIF-04): what is checked, and what an approval does to the elevator.

An effective day after the approval waits: the nightly schedule job applies it on that day (`take_effect_due`).
An effective day before it (approval took some days) holds from that day, known since the approval.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import and_, exists, select

from app import clock
from app.errors import Finding, Refusal, refuse
from app.models import Application, Elevator, StatusChange
from app.permissions import SYSTEM, Actor
from app.rules.calendar import day_finding
from app.rules.inspection import WarningLevel, warning_level
from app.rules.lifecycle import (
    KIND_LABELS,
    STATUS_KINDS,
    ApplicationKind,
    ElevatorStatus,
    elevator_move,
)
from app.transaction import AnySession, lock
from app.workflows import clocks, cover, moves, submissions

_K = ApplicationKind
_NEEDS_REASON = {_K.SUSPENSION, _K.REACTIVATION, _K.SCRAPPING}
_NEEDS_DOCUMENT = {_K.USE_REGISTRATION}
_RUNS_AFTER = {_K.USE_REGISTRATION, _K.REACTIVATION}
# A day further off is a slip of the keyboard; what is planned for later is applied for later.
FURTHEST_DAYS = 366


def findings(
    session: AnySession,
    kind: str,
    elevator: Elevator,
    *,
    effective_on: dt.date | None,
    reason: str | None,
    attachments: Sequence[int],
    submitted_on: dt.date,
    application_id: int | None = None,
) -> list[Finding]:
    """Can this happen? All conditions, passing and failing: shown before submitting and again on the approval page."""
    what = ApplicationKind(kind)
    found = [_filed(elevator), _status(elevator, what), _alone(session, elevator, application_id)]
    found += _day(what, effective_on, submitted_on)
    if what in _NEEDS_REASON:
        ok = bool(reason and reason.strip())
        text = "已写明" if ok else "没有填写原因"
        found.append(Finding("原因", ok, text, "" if ok else "请写明原因", field="reason"))
    if what in _NEEDS_DOCUMENT:
        ok = bool(attachments)
        found.append(
            Finding(
                "材料", ok, f"已上传 {len(attachments)} 份" if ok else "没有上传材料",
                "" if ok else "请上传申请材料和告知文件", field="attachments",
            )
        )  # fmt: skip
    if what in _RUNS_AFTER:
        found += [_inspection(elevator, what, effective_on or submitted_on),
                  _contract(session, elevator, effective_on or submitted_on)]  # fmt: skip
    return found


def application_findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """The checks of a submitted application, as things stand now."""
    elevator = session.get(Elevator, application.elevator_id)
    if elevator is None:
        raise refuse("管辖范围", "没有找到这台电梯，或不在您的管辖范围内", "请从列表重新打开")
    return findings(
        session, application.kind, elevator, effective_on=application.effective_on, reason=application.reason,
        attachments=application.data.get("attachments", []),
        submitted_on=clock.local_day(application.submitted_at or at), application_id=application.id,
    )  # fmt: skip


def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Change the status now, or leave it to the nightly job when the effective day is still to come."""
    effective_on = application.effective_on or clock.local_day(at)
    if effective_on <= clock.local_day(at):
        take_effect(session, actor, application, effective_on, at)


def take_effect(
    session: AnySession, actor: Actor, application: Application, on: dt.date, at: dt.datetime
) -> None:
    """The status, the clock and what ends with it, in one transaction."""
    elevator = lock(session, Elevator, application.elevator_id)
    if elevator is None:
        raise refuse("管辖范围", "没有找到这台电梯，或不在您的管辖范围内", "请从列表重新打开")
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


def waiting(session: AnySession, on: dt.date | None = None, elevator_id: int | None = None) -> list[Application]:
    """Approved lifecycle applications that have not taken effect, due by a day or for an elevator."""
    done = exists().where(
        and_(StatusChange.application_id == Application.id, StatusChange.entity == Elevator.__tablename__)
    )
    statement = select(Application).where(
        Application.kind.in_([k.value for k in STATUS_KINDS]), Application.state == "approved", ~done
    )
    if on is not None:
        statement = statement.where(Application.effective_on <= on)
    if elevator_id is not None:
        statement = statement.where(Application.elevator_id == elevator_id)
    return list(session.scalars(statement.order_by(Application.effective_on, Application.id)))


def take_effect_due(session: AnySession, on: dt.date, at: dt.datetime) -> int:
    """Apply what was approved for a day up to `on`; gives how many took effect. Again the same day: none.

    One that has become impossible meanwhile (scrapped by order) is left as it is and stays visible as waiting.
    """
    count = 0
    for application in waiting(session, on):
        try:
            with session.begin_nested():
                take_effect(session, SYSTEM, application, application.effective_on or on, at)
            count += 1
        except Refusal:
            continue
    return count


def _filed(elevator: Elevator) -> Finding:
    ok = elevator.approved_version > 0
    return Finding(
        "备案已通过", ok, f"电梯 {elevator.code} " + ("备案已审核通过" if ok else "备案尚未审核通过"),
        "" if ok else "请先上报电梯备案，审核通过后再办理", link=None if ok else f"/elevators/{elevator.id}",
    )  # fmt: skip


def _status(elevator: Elevator, kind: ApplicationKind) -> Finding:
    try:
        elevator_move(ElevatorStatus(elevator.status), kind)
    except Refusal as refusal:
        return refusal.findings[0]
    return Finding("电梯状态变更", True, f"当前状态可以办理{KIND_LABELS[kind]}")


def _alone(session: AnySession, elevator: Elevator, application_id: int | None) -> Finding:
    kinds = [k.value for k in STATUS_KINDS]
    statement = select(Application).where(
        Application.elevator_id == elevator.id, Application.kind.in_(kinds), Application.is_open.is_(True),
        Application.id != (application_id or 0),
    )  # fmt: skip
    other = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    if other is None:
        other = next((a for a in waiting(session, elevator_id=elevator.id) if a.id != application_id), None)
    if other is None:
        return Finding("没有其他在办事项", True, "没有其他影响状态的申请")
    what = f"{KIND_LABELS[ApplicationKind(other.kind)]} {other.number}"
    state = "正在办理" if other.is_open else f"已批准，将于 {other.effective_on} 生效"
    return Finding(
        "没有其他在办事项", False, f"{what} {state}", "请等它办结或生效，或先撤回它", link=submissions.link_of(other)
    )


def _day(kind: ApplicationKind, effective_on: dt.date | None, submitted_on: dt.date) -> list[Finding]:
    label = KIND_LABELS[kind]
    if effective_on is None:
        return [Finding("生效日期", False, f"没有填写{label}的日期", "请填写日期", field="effective_on")]
    sane = day_finding(effective_on, "effective_on", "生效日期")
    if sane.stops:
        return [sane]
    late = effective_on >= submitted_on
    near = (effective_on - submitted_on).days <= FURTHEST_DAYS
    found = f"生效日期 {effective_on}，提交日 {submitted_on}"
    return [
        Finding(
            "生效日期不早于提交日", late, found, "" if late else f"请填写 {submitted_on} 或以后的日期",
            field="effective_on", value=effective_on.isoformat(),
        ),
        Finding(
            "生效日期不超过一年", near, found, "" if near else "请到临近时再提交", field="effective_on",
            value=effective_on.isoformat(),
        ),
    ]  # fmt: skip


def _inspection(elevator: Elevator, kind: ApplicationKind, on: dt.date) -> Finding:
    due = elevator.next_inspection_on
    over = due is None or warning_level(due, on, 0) is WarningLevel.OVER
    found = "没有登记下次检验日期" if due is None else f"检验有效期至 {due}" + (f"，{on} 已超过" if over else "")
    # Put back into use past its inspection is refused (LIF-03); a new elevator's first date is often still to come.
    level = "fail" if kind is _K.REACTIVATION else "warn"
    return Finding(
        "检验有效期", not over, found, "请先检验合格，修改下次检验日期并经审核通过，再办理" if over else "",
        field="next_inspection_on", link=f"/elevators/{elevator.id}" if over else None,
        level=level,  # type: ignore[arg-type]
    )  # fmt: skip


def _contract(session: AnySession, elevator: Elevator, on: dt.date) -> Finding:
    bound = cover.in_force(session, elevator.id, on)
    return Finding(
        "维保合同", bound is not None, f"{on} " + ("有生效的维保合同" if bound else "没有生效的维保合同（脱保）"),
        "" if bound else "可以办理；投用前请签订合同并绑定电梯，否则维保员不能签到", level="warn",
    )  # fmt: skip


APPLICATION = submissions.Handlers(findings=application_findings, approved=approved)
