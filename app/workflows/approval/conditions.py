"""Can this happen? What every application about an elevator is asked for, each condition pass or fail (GAT-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_, select

from app.errors import Finding
from app.models import Application, Elevator
from app.rules.approval import ApplicationState, FilingState
from app.rules.calendar import day_finding
from app.rules.lifecycle import BARRED_BY, ELEVATOR_KINDS, KIND_LABELS, STATUS_LABELS, ApplicationKind, ElevatorStatus
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import effects, submissions
from app.workflows.approval.submissions import Asked

# A day further off is a slip of the keyboard; what is planned for later is applied for later.
FURTHEST_DAYS = 366


def filed(elevator: Elevator) -> Finding:
    """Only what is in force can change."""
    ok = elevator.approved_version > 0
    return Finding(
        "备案已通过", ok,
        say("电梯 %(code)s 备案已审核通过", code=elevator.code)
        if ok else say("电梯 %(code)s 备案尚未审核通过", code=elevator.code),
        "" if ok else "请先上报电梯备案，审核通过后再办理", link=None if ok else f"/elevators/{elevator.id}",
    )  # fmt: skip


def not_in_filing(session: AnySession, elevator: Elevator) -> Finding:
    """A filing under review would be approved on top of a register that has moved meanwhile."""
    ok = elevator.filing_state != FilingState.PENDING
    link = None
    if not ok:
        other = submissions.open_of(session, "elevator_filing", Elevator.__tablename__, elevator.id)
        link = submissions.link_of(other) if other is not None else f"/elevators/{elevator.id}"
    return Finding(
        "没有审核中的备案", ok, "备案没有在审核" if ok else say("电梯 %(code)s 的备案修改正在审核", code=elevator.code),
        "" if ok else "请等它审核完，或先撤回", link=link,
    )  # fmt: skip


def alone(
    session: AnySession, elevator: Elevator, kind: ApplicationKind, application_id: int | None, what: str
) -> Finding:
    """Nothing that bars the kind is open for the elevator, or approved and waiting for its day."""
    found = under_way(session, elevator.id)
    other = next((a for a in found if a.id != application_id and a.kind in BARRED_BY[kind]), None)
    if other is None:
        return Finding("没有其他在办事项", True, say("没有其他%(what)s的申请", what=what))
    said = say("%(kind)s %(number)s", kind=KIND_LABELS[ApplicationKind(other.kind)], number=other.number)
    state = "正在办理" if other.is_open else say("已批准，将于 %(effective_on)s 生效", effective_on=other.effective_on)
    return Finding(
        "没有其他在办事项",
        False,
        say("%(said)s %(state)s", said=said, state=state),
        "请等它办结，或先撤回它" if other.is_open else "请等它生效",
        link=submissions.link_of(other),
    )


def under_way(session: AnySession, elevator_id: int) -> list[Application]:
    """Applications about an elevator that are open, then those that are approved and wait for their day."""
    statement = select(Application).where(Application.elevator_id == elevator_id, waits_or_is_open())
    return in_order(session.scalars(statement.execution_options(skip_scope=True)))


def waits_or_is_open() -> ColumnElement[bool]:
    """Of applications about elevators in force those that are under way."""
    return or_(and_(effects.of_elevators(), Application.is_open.is_(True)), effects.waits_for_its_day())


def in_order(found: Iterable[Application]) -> list[Application]:
    """Those of an elevator's applications that are under way: open ones first, then by the day that they wait for."""
    about = [row for row in found if row.kind in ELEVATOR_KINDS]
    waiting = (r for r in about if not r.is_open and r.state == ApplicationState.APPROVED and r.took_effect_at is None)
    return [
        *sorted((row for row in about if row.is_open), key=lambda row: row.id),
        *sorted(waiting, key=lambda row: (row.effective_on or dt.date.max, row.id)),
    ]


def day(label: str, asked: Asked) -> list[Finding]:
    """The effective day: given, meant, never before the submission, not further off than a year."""
    on = asked.effective_on
    if on is None:
        return [
            Finding("生效日期", False, say("没有填写%(label)s的日期", label=label), "请填写日期", field="effective_on")
        ]
    sane = day_finding(on, "effective_on", "生效日期")
    if sane.stops:
        return [sane]
    late = on >= asked.submitted_on
    near = (on - asked.submitted_on).days <= FURTHEST_DAYS
    found = say("生效日期 %(on)s，提交日 %(submitted_on)s", on=on, submitted_on=asked.submitted_on)
    return [
        Finding(
            "生效日期不早于提交日", late, found, "" if late else say("请填写 %(submitted_on)s 或以后的日期",
                submitted_on=asked.submitted_on),
            field="effective_on", value=on.isoformat(),
        ),
        Finding(
            "生效日期不超过一年", near, found, "" if near else "请到临近时再提交", field="effective_on",
            value=on.isoformat(),
        ),
    ]  # fmt: skip


def reason(asked: Asked) -> Finding:
    ok = bool(asked.reason and asked.reason.strip())
    return Finding("原因", ok, "已写明" if ok else "没有填写原因", "" if ok else "请写明原因", field="reason")


def documents(asked: Asked, what: str) -> Finding:
    """At least one file; `what` says which paper it is."""
    ok = bool(asked.attachments)
    found = say("已上传 %(count)s 份", count=len(asked.attachments)) if ok else "没有上传材料"
    return Finding("材料", ok, found, "" if ok else say("请上传%(what)s", what=what), field="attachments")


def in_use(elevator: Elevator, what: str) -> Finding:
    ok = elevator.status == ElevatorStatus.IN_USE
    label = STATUS_LABELS[ElevatorStatus(elevator.status)]
    found = "电梯在用" if ok else say("电梯现为%(label)s，不能办理%(what)s", label=label, what=what)
    return Finding("电梯状态", ok, found, "" if ok else "在用的电梯才能办理", link=None if ok else _page(elevator))


def not_scrapped(elevator: Elevator) -> Finding:
    ok = elevator.status != ElevatorStatus.SCRAPPED
    return Finding("电梯状态", ok, "电梯没有报废" if ok else "电梯已报废", "" if ok else "报废的电梯不再变更")


def by_maintenance_unit(elevator: Elevator, asked: Asked, what: str) -> Finding:
    """For what only the unit that serves the elevator can mean; without an applicant nothing is asked."""
    ok = elevator.maintenance_unit_id is not None and asked.unit_id in (None, elevator.maintenance_unit_id)
    found = "由维保单位申请" if ok else say("%(what)s须由这台电梯的维保单位申请", what=what)
    return Finding("申请单位", ok, found, "" if ok else "请由维保单位的账号提出")


def _page(elevator: Elevator) -> str:
    return f"/elevators/{elevator.id}"
