"""IMP-03: repairs of a platform that is replaced, with their true times, marked as taken over; by regulators only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, Person, RepairOrder
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.past_repairs import STEPS, WORDS, PastRepair, past_findings
from app.rules.repairs import RepairState
from app.scope import visible
from app.transaction import AnySession
from app.workflows.contracts import cover
from app.workflows.core import audit
from app.workflows.repair import repairs
from app.workflows.repair.repairs import ENTITY

INSTANTS = tuple(name for name, _word in STEPS)


def take_over(
    session: AnySession, actor: Actor, data: Mapping[str, Any], at: dt.datetime, batch_id: int | None = None
) -> RepairOrder:  # fmt: skip
    """One past repair, ended as it is. Its limits are those of the region on its day; a step whose time nobody kept
    is judged by no limit. Whose it was is said, else by who repaired, the binding of its day, the elevator's unit.
    """
    require(actor, Verb.TAKE_OVER)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("既往维修", False, "由监管部门接管", "请联系监管部门"))
    elevator: Elevator = visible(session, actor, Elevator, data["elevator_id"], "这台电梯")
    times: dict[str, Any] = {n: dt.datetime.fromisoformat(data[n]) if data.get(n) else None for n in INSTANTS}
    words: dict[str, Any] = {name: str(data.get(name) or "").strip() for name, _word in WORDS}
    level = data.get("level") or ""
    raise_failing(past_findings(PastRepair(**times, level=level, **words), at))
    reported = times["reported_at"]
    if reported is None:
        raise refuse("报修时间", "没有填写", "请填写报修时间", field="reported_at")
    worker = None
    if data.get("worker_id") is not None:
        worker = visible(session, actor, Person, data["worker_id"], "维修员")
    on = clock.local_day(reported)
    bound = cover.in_force(session, elevator.id, on)
    own = elevator.maintenance_unit_id if bound is None else bound.unit_id
    row = RepairOrder(
        elevator_id=elevator.id, region_code=elevator.region_code, code=elevator.code, place=elevator.place[:300],
        unit_id=data.get("unit_id") or (own if worker is None else worker.unit_id), use_unit_id=elevator.use_unit_id,
        source=data.get("source") or "report", level=level, **{name: text or None for name, text in words.items()},
        **times, worker_id=None if worker is None else worker.id, cause=data.get("cause") or None,
        restored=data.get("restored"), heard_at=times["ended_at"], closed_at=times["ended_at"],
        state=RepairState.DONE.value, taken_over=True, batch_id=batch_id, created_by_id=actor.user_id,
    )  # fmt: skip
    if worker is not None and worker.unit_id != row.unit_id:
        raise refuse("维修员", "不是这个单位的人员", "请核对维保单位和维修员", field="worker_id")
    accept, finish = Key.REPAIR_ACCEPT_HOURS, Key.REPAIR_FINISH_HOURS
    row.accept_hours = None if row.accepted_at is None else policy_value(session, accept, elevator.region_code, on)
    row.finish_hours = policy_value(session, finish, elevator.region_code, on)
    repairs.retime(row, at, RepairState.DONE)
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "repair.take_over", ENTITY, row.id,
        after={"number": repr(row), "elevator_id": elevator.id, "level": row.level, "ended_at": row.ended_at},
    )  # fmt: skip
    return row
