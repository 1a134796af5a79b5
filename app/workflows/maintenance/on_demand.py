"""按需维保 (PLN-11): one elevator at a longer interval, with approval, reason and an end; then it returns by itself.

The clock knows the length of each period from `rules.schedule.period_days`; scores count the span with its own
interval (`rules.scoring.on_demand_segment`).
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, and_, func, select

from app.errors import Finding, refuse
from app.models import Application, Elevator, OnDemandInterval
from app.models.policy import policy_value
from app.permissions import Actor
from app.policy import Key
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import conditions, effects, submissions
from app.workflows.approval.submissions import Asked
from app.workflows.core import audit
from app.workflows.maintenance import clocks

KIND = ApplicationKind.ON_DEMAND
LABEL = KIND_LABELS[KIND]
DAY = dt.timedelta(days=1)


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """In use, by its maintenance unit, longer than usual and within policy, with an end, none already."""
    found = [
        conditions.filed(elevator), conditions.in_use(elevator, LABEL),
        conditions.by_maintenance_unit(elevator, asked, LABEL),
        conditions.alone(session, elevator, KIND, asked.application_id, "影响维保间隔"),
        *conditions.day(LABEL, asked), conditions.reason(asked), conditions.documents(asked, "按需维保方案"),
        _interval(session, elevator, asked),
    ]  # fmt: skip
    return found + _days(session, elevator, asked)


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """Keep the span and let the running period last as it says."""
    if elevator.maintenance_unit_id is None or elevator.maintenance_unit_id != application.unit_id:
        raise refuse("申请单位", "电梯已不由申请单位维保", "请退回，由现在的维保单位申请")
    data = application.data
    row = OnDemandInterval(
        elevator_id=elevator.id, unit_id=elevator.maintenance_unit_id, region_code=elevator.region_code, from_on=on,
        to_on=dt.date.fromisoformat(data["until_on"]), interval_days=int(data["interval_days"]),
        reason=application.reason, application_id=application.id, known_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    clocks.lengthen(session, elevator.id, on, at)
    after = {"interval_days": row.interval_days, "from_on": row.from_on, "to_on": row.to_on}
    audit.record(session, actor, at, "elevator.on_demand", Elevator.__tablename__, elevator.id, after=after)


def runs_on(on: dt.date) -> ColumnElement[bool]:
    """Of spans those that hold on a day."""
    last = func.coalesce(OnDemandInterval.closed_on, OnDemandInterval.to_on)
    return and_(OnDemandInterval.from_on <= on, last >= on)


def _interval(session: AnySession, elevator: Elevator, asked: Asked) -> Finding:
    on = asked.effective_on or asked.submitted_on
    usual = int(policy_value(session, Key.LIMIT_DAYS, elevator.region_code, on))
    most = policy_value(session, Key.ON_DEMAND_MAX_DAYS, elevator.region_code, on)
    days = asked.data.get("interval_days")
    if most is None:
        return Finding("维保间隔", False, "本地区不允许按需维保", "请按通常的间隔维保", field="interval_days")
    if days is None:
        said = "没有填写维保间隔"
        return Finding(
            "维保间隔",
            False,
            said,
            say("请填写 %(usual)s 至 %(most)s 天", usual=usual + 1, most=most),
            field="interval_days",
        )
    ok = usual < int(days) <= int(most)
    return Finding(
        "维保间隔", ok, say("%(days)s 天，通常 %(usual)s 天，最长 %(most)s 天", days=days, usual=usual, most=most),
            "" if ok else say("请填写 %(usual)s 至 %(most)s 天", usual=usual + 1, most=most),
        field="interval_days", value=str(days),
    )  # fmt: skip


def _days(session: AnySession, elevator: Elevator, asked: Asked) -> list[Finding]:
    on, text = asked.effective_on or asked.submitted_on, asked.data.get("until_on")
    if not text:
        return [Finding("截止日期", False, "没有填写截止日期", "到期自动恢复通常的间隔，请填写", field="until_on")]
    until = dt.date.fromisoformat(text)
    ok = 0 < (until - on).days <= conditions.FURTHEST_DAYS
    found = [
        Finding(
            "截止日期", ok, say("%(on)s 至 %(until)s", on=on, until=until),
                "" if ok else "须晚于生效日期，且不超过一年；期满可以再申请",
            field="until_on", value=text,
        )
    ]  # fmt: skip
    other = session.scalar(
        select(OnDemandInterval)
        .where(
            OnDemandInterval.elevator_id == elevator.id, OnDemandInterval.from_on <= until,
            func.coalesce(OnDemandInterval.closed_on, OnDemandInterval.to_on) >= on,
        )
        .limit(1)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    said = (
        "这段时间没有其他按需维保"
        if other is None
        else say("%(from_on)s 至 %(to_on)s 已批准按需维保", from_on=other.from_on, to_on=other.to_on)
    )
    remedy = "" if other is None else "请等它到期后再申请"
    found.append(Finding("没有其他按需维保", other is None, said, remedy, field="until_on"))
    return found


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect
)
