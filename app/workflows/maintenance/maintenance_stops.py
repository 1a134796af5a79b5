"""维保暂停 and its end (LIF-06, PLN-11): the clock stands while the elevator stays in use, with approval.

A stop may name the day on which it ends; then the clock runs again by itself, else 恢复维保 is applied for.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app.errors import Finding
from app.models import Application, Elevator, MaintenanceClock, MaintenancePause
from app.permissions import Actor
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import conditions, effects, submissions
from app.workflows.approval.submissions import Asked
from app.workflows.maintenance import clocks

DAY = dt.timedelta(days=1)
OFTEN_DAYS = 365
_PAUSE = ApplicationKind.MAINTENANCE_PAUSE


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """The elevator stays in use; it must not be stopped already, or must be, for the end of the stop."""
    what = ApplicationKind(kind)
    paused_on = session.scalar(
        select(MaintenanceClock.paused_on).where(MaintenanceClock.elevator_id == elevator.id)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    found = [
        conditions.filed(elevator), conditions.in_use(elevator, KIND_LABELS[what]),
        conditions.alone(session, elevator, what, asked.application_id, "影响维保计时"),
        *conditions.day(KIND_LABELS[what], asked), conditions.reason(asked),
    ]  # fmt: skip
    if what is _PAUSE:
        free = paused_on is None
        found.append(
            Finding(
                "维保未暂停", free, "维保正在计时" if free else say("维保自 %(paused_on)s 起已暂停",
                    paused_on=paused_on),
                "" if free else "不需要再申请；恢复请办理恢复维保", link=None if free else f"/elevators/{elevator.id}",
            )
        )  # fmt: skip
        found += [*_until(asked), conditions.documents(asked, "暂停的证明材料"), often(session, elevator, asked)]
    else:
        found.append(
            Finding(
                "维保已暂停", paused_on is not None,
                say("维保自 %(paused_on)s 起暂停", paused_on=paused_on) if paused_on is not None else "维保没有暂停",
                "" if paused_on is not None else "不需要恢复", link=None,
            )
        )  # fmt: skip
    return found


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """Stop the clock, or let it run again with the days that were left."""
    if application.kind == _PAUSE:
        until = application.data.get("until_on")
        clocks.pause(
            session, elevator.id, on, application, at, reason=say("维保暂停"),
            planned_to_on=dt.date.fromisoformat(until) if until else None,
        )  # fmt: skip
    else:
        clocks.resume(session, elevator.id, on, at)


def end_due(session: AnySession, on: dt.date, at: dt.datetime) -> int:
    """Let the clocks run again whose stop named a day up to `on`; how many. An elevator stopped since stays stopped."""
    statement = (
        select(MaintenancePause, Elevator.status)
        .join(Elevator, Elevator.id == MaintenancePause.elevator_id)
        .where(MaintenancePause.to_on.is_(None), MaintenancePause.planned_to_on <= on)
        .order_by(MaintenancePause.id)
    )
    ended = 0
    for pause, status in session.execute(statement.execution_options(skip_scope=True)).all():
        if status == "in_use" and pause.planned_to_on is not None:
            clocks.resume(session, pause.elevator_id, pause.planned_to_on, at)
            ended += 1
    return ended


def often(session: AnySession, elevator: Elevator, asked: Asked) -> Finding:
    """Stopping and starting each fortnight would keep any limit away: the officer sees how often it was done."""
    since = asked.submitted_on - DAY * OFTEN_DAYS
    statement = select(MaintenancePause.from_on, MaintenancePause.to_on).where(
        MaintenancePause.elevator_id == elevator.id, MaintenancePause.from_on > since
    )
    stops = session.execute(statement.execution_options(skip_scope=True)).all()
    days = sum(((to_on or asked.submitted_on) - from_on).days for from_on, to_on in stops)
    ok = len(stops) < 2
    found = (
        say("近一年已停止维保计时 %(count)s 次，共 %(days)s 天", count=len(stops), days=days)
        if stops
        else "近一年没有停止过维保计时"
    )
    remedy = "" if ok else "请核对是否为规避超期"
    link = None if ok else f"/elevators/{elevator.id}/history"
    return Finding("频繁停用", ok, found, remedy, level="warn", link=link)


def _until(asked: Asked) -> list[Finding]:
    text = asked.data.get("until_on")
    if not text:
        return []
    until, on = dt.date.fromisoformat(text), asked.effective_on or asked.submitted_on
    ok = 0 < (until - on).days <= conditions.FURTHEST_DAYS
    return [
        Finding(
            "恢复日期", ok, say("暂停 %(on)s 至 %(until)s", on=on, until=until),
                "" if ok else "恢复日期须晚于暂停日期，且不超过一年",
            field="until_on", value=text,
        )
    ]  # fmt: skip


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect
)
