"""维保人员变更 (LIF-06): other people of the maintenance unit serve the elevator; its open orders go with them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app.errors import Finding, raise_failing, refuse
from app.models import Application, Elevator
from app.permissions import Actor
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession
from app.workflows.approval import conditions, effects, submissions
from app.workflows.approval.submissions import Asked
from app.workflows.core import audit
from app.workflows.maintenance import ledger_rows, ledgers, orders

KIND = ApplicationKind.WORKER_CHANGE
PEOPLE = ledgers.PERSONS


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """A ledger to change, people of the unit who are not gone, and a change at all."""
    ledger, data = ledger_rows.of_elevator(session, elevator.id), asked.data
    wanted: dict[str, Any] = {name: data.get(name) for name in PEOPLE}
    found = [
        conditions.filed(elevator), conditions.not_scrapped(elevator),
        conditions.by_maintenance_unit(elevator, asked, KIND_LABELS[KIND]),
        Finding(
            "设备履历", ledger is not None, "已填写" if ledger is not None else "还没有填写设备履历",
            "" if ledger is not None else "请先填写设备履历", link=None if ledger else f"/ledgers/{elevator.id}",
        ),
        conditions.alone(session, elevator, KIND, asked.application_id, "人员变更"),
        *conditions.day(KIND_LABELS[KIND], asked), conditions.reason(asked),
    ]  # fmt: skip
    if wanted["worker_id"] is None:
        found.append(Finding("维保人员", False, "没有选择维保人员", "请选择接手的维保人员", field="worker_id"))
    for name, label in PEOPLE.items():
        if wanted[name] is not None:
            unit_id = elevator.maintenance_unit_id or 0
            person = orders.worker_finding(session, wanted[name], unit_id, asked.submitted_on, name)
            found.append(Finding(label, person.ok, person.found, person.remedy, name, person.value))
    twice = wanted["worker_id"] is not None and wanted["worker_id"] == wanted["co_worker_id"]
    if twice:
        said = "协同维保人员与维保人员是同一人"
        found.append(Finding("协同维保人员", False, said, "请选择另一名人员，或留空", "co_worker_id"))
    if ledger is not None and wanted["worker_id"] is not None:
        same = all(getattr(ledger, name) == wanted[name] for name in PEOPLE)
        said = "与现在的人员相同" if same else "人员有变化"
        found.append(Finding("有变更", not same, said, "" if not same else "不需要申请", field="worker_id"))
    return found


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """The ledger names the new people; open orders of the former worker are the new one's."""
    ledger = ledger_rows.of_elevator(session, elevator.id, locked=True)
    if ledger is None or ledger.unit_id != elevator.maintenance_unit_id:
        raise refuse("设备履历", "电梯已不由申请时的单位维保", "请退回，由现在的维保单位申请")
    wanted: dict[str, Any] = {name: application.data.get(name) for name in PEOPLE}
    orders.hold_people(session, wanted.values())
    for name, key in wanted.items():
        if key is not None:
            raise_failing([orders.worker_finding(session, key, ledger.unit_id, on, name)])
    before = {name: getattr(ledger, name) for name in PEOPLE}
    for name, value in wanted.items():
        setattr(ledger, name, value)
    orders.follow(session, actor, ledger, before["worker_id"], wanted["worker_id"], at)
    audit.record(
        session, actor, at, "ledger.worker_change", "maintenance_ledger", ledger.id, before=before,
        after=wanted | {"application": application.number},
    )  # fmt: skip
    orders.make_due(session, on, at, elevator_ids=[elevator.id])


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect
)
