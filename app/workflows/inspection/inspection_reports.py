"""自行检测, 限速器校验 and 制动试验 that a unit hands in (INS-01, INS-02), for an officer to approve."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from app.errors import Finding, NotAllowed, raise_failing
from app.models import Application, Elevator, Inspection
from app.models.choices import INSPECTION_RESULT
from app.permissions import Actor, Verb, require
from app.rules.approval import ApplicationVerb
from app.rules.inspection import HANDED_IN, KIND_LABELS, InspectionKind
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.approval.following import Following, scans_of
from app.workflows.approval.submissions import Mend, Values
from app.workflows.core import audit
from app.workflows.inspection import inspection_days, inspections, next_days
from app.workflows.inspection.inspections import Entry

KIND = ApplicationKind.INSPECTION_REPORT
_PAPER = Following(Inspection, "检测、校验报告", "这份检测、校验报告")


def hand_in(
    session: AnySession, actor: Actor, elevator_id: int, entry: Entry, scans: Sequence[int], at: dt.datetime
) -> Application:
    """Hand in the report of what was done by the unit or for it, of an elevator that it maintains or uses."""
    require(actor, Verb.INSPECTION_REPORT)
    elevator = inspections.held(session, actor, elevator_id)
    if actor.unit_id is None or actor.unit_id not in (elevator.maintenance_unit_id, elevator.use_unit_id):
        raise NotAllowed(Finding("单位", False, "不是本单位使用或维保的电梯", "请由使用单位或维保单位上传"))
    entry = replace(entry, unit_id=None)
    found = inspections.judged(session, actor, elevator, entry, at)
    raise_failing([
        *inspections.ready(elevator), _kind(entry.kind),
        Finding("检测、校验报告", bool(scans), "没有上传报告", "请上传检测、校验（试验）报告的扫描件", field="scan"),
        *found.findings, _none_waits(session, elevator, entry),
    ])  # fmt: skip
    row = inspections.make(session, actor, elevator, entry, found, at, counts=False)
    application = submissions.open_application(
        session, actor, KIND.value, entity=Inspection.__tablename__, entity_id=row.id, elevator=elevator,
        title=_title(elevator, row),
        region_code=elevator.region_code, at=at, attachments=scans,
        parties=[elevator.maintenance_unit_id, elevator.use_unit_id],
    )  # fmt: skip
    _PAPER.follow(session, actor, row, ApplicationVerb.SUBMIT, at, application)
    return application


def _title(elevator: Elevator, row: Inspection) -> str:
    kind = KIND_LABELS[InspectionKind(row.kind)]
    return say("%(kind)s　%(code)s　%(day)s", kind=kind, code=elevator.code, day=row.done_on)


def _kind(kind: str) -> Finding:
    names = together(KIND_LABELS[k] for k in sorted(HANDED_IN))
    ok = kind in HANDED_IN
    return Finding("检验类型", ok, "由检验单位登记", say("单位只能上传%(names)s的报告", names=names), field="kind")


def _none_waits(session: AnySession, elevator: Elevator, entry: Entry) -> Finding:
    other = _PAPER.waiting(session, Inspection.elevator_id == elevator.id, Inspection.kind == entry.kind)
    return Finding(
        "同一事项只能有一件在办", other is None,
        say("已有办理中的检测、校验报告 %(number)s", number=other.number) if other else "没有办理中的检测、校验报告",
        "请等待办结，或先撤回再提交", link=f"/applications/{other.id}" if other else None,
    )  # fmt: skip


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """Report there and open to be read, the elevator in force, and still nothing that says the same."""
    row: Inspection = _PAPER.row(session, application)
    elevator = session.get(Elevator, row.elevator_id)
    kinds, readable = scans_of(session, application)
    same = next(
        (one for one in next_days.history(session, row.elevator_id)
         if (one.kind, one.number_key, one.done_on) == (row.kind, row.number_key, row.done_on)),
        None,
    )  # fmt: skip
    filed = elevator is not None and elevator.approved_version > 0 and elevator.status != "scrapped"
    return [
        Finding("检测、校验报告", bool(kinds), say("%(scans)s 份", scans=len(kinds)),
                "" if kinds else "请退回，补交报告"),
        readable,
        Finding("电梯", filed, f"{elevator}", "" if filed else "已不在册，请退回"),
        Finding("不重复", same is None, "没有相同的记录" if same is None else "已有相同编号和日期的记录",
                "" if same is None else "请驳回", link=None if same is None else f"/inspections/{same.id}"),
    ]  # fmt: skip


def _approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    row: Inspection = _PAPER.row(session, application)
    elevator = inspections.held(session, actor, row.elevator_id)
    next_days.tell_anew(session, elevator, row)
    _HANDLERS.approved(session, actor, application, at)
    audit.record(
        session, actor, at, "inspection.enter", Inspection.__tablename__, row.id,
        after=inspections.as_data(row) | {"application": application.number},
    )  # fmt: skip
    inspection_days.took_force(session, actor, elevator, row, at)


def _put_right(
    session: AnySession, actor: Actor, application: Application, row: Inspection, values: Values, at: dt.datetime
) -> None:
    """What was written wrong of the report; which test it was, and of which elevator, stays."""
    elevator = inspections.held(session, actor, row.elevator_id)

    def said(name: str) -> str:
        return str(values.get(name) or "")

    next_on = values.get("next_on")
    entry = Entry(
        kind=row.kind, number=said("number"), done_on=values.get("done_on"), result=said("result"),
        # A registered tester, whom only the interface can name, stays while nobody wrote another one.
        tested_by_id=row.tested_by_id if said("tested_by") == row.tested_by else None,
        tested_by=said("tested_by"), failed_items=said("failed_items"), is_fault=bool(values.get("is_fault")),
        # A next day that is the rule's moves with the day of the test.
        next_on=None if next_on == row.rule_on else next_on, next_reason=said("next_reason"),
    )  # fmt: skip
    found = inspections.judged(session, actor, elevator, entry, at, but=row.id)
    raise_failing([*inspections.ready(elevator), *found.findings])
    for name, value in inspections.values_of(session, elevator, entry, found).items():
        setattr(row, name, value)
    submissions.entitle(application, _title(elevator, row))


MENDS = (
    Mend("number", say("报告编号")), Mend("done_on", say("检验日期"), "date"),
    Mend("result", say("检验结果"), "choice", choices=INSPECTION_RESULT),
    Mend("tested_by", say("检测、校验（试验）单位")),
    Mend("failed_items", say("不合格项"), "long", required=False),
    Mend("is_fault", say("涉及维保单位整改"), "check", required=False),
    Mend("next_on", say("下次日期"), "date", required=False), Mend("next_reason", say("调整原因"), required=False),
)  # fmt: skip
_HANDLERS = _PAPER.handlers(findings, MENDS, _put_right, Verb.INSPECTION_REPORT)
APPLICATION = replace(_HANDLERS, approved=_approved)
