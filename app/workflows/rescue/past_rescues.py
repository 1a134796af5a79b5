"""IMP-03: rescues of a platform that is replaced, with their true times, marked as taken over; by regulators only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, Rescue, RescueDispatch, Unit
from app.permissions import Actor, Verb, require
from app.rules.past_rescues import PastRescue, past_findings
from app.rules.rescues import RescueStatus, late_steps
from app.scope import visible
from app.transaction import AnySession
from app.workflows.contracts import cover
from app.workflows.core import audit, numbers
from app.workflows.rescue.rescue_course import ENTITY, course, policy_minutes
from app.workflows.rescue.rescue_help import FIRE_SERVICE
from app.workflows.rescue.rescues import PREFIX

INSTANTS = ("reported_at", "dispatched_at", "accepted_at", "arrived_at", "done_at", "second_at")


def take_over(
    session: AnySession, actor: Actor, data: Mapping[str, Any], at: dt.datetime, batch_id: int | None = None
) -> Rescue:  # fmt: skip
    """One past rescue. Its limits are those of the region on its day; who answered for it is said, else found."""
    require(actor, Verb.TAKE_OVER)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("既往救援", False, "由监管部门接管", "请联系监管部门"))
    elevator: Elevator = visible(session, actor, Elevator, data["elevator_id"], "这台电梯")
    times = {n: dt.datetime.fromisoformat(data[n]) if data.get(n) else None for n in INSTANTS}
    level = int(data.get("level") or 1)
    trapped, injured = (None if data.get(n) is None else int(data[n]) for n in ("trapped", "injured"))
    raise_failing(past_findings(
        PastRescue(**times, level=level, outcome=data.get("outcome") or "", cause=data.get("cause") or "",
                   trapped=trapped, injured=injured, has_helper=data.get("helper_id") is not None),
        at,
    ))  # fmt: skip
    reported = times["reported_at"]
    if reported is None:
        raise refuse("报警时间", "没有填写", "请填写报警时间", field="reported_at")
    on = clock.local_day(reported)
    bound = cover.in_force(session, elevator.id, on)
    own = elevator.maintenance_unit_id if bound is None else bound.unit_id
    row = Rescue(
        elevator_id=elevator.id, region_code=elevator.region_code, unit_id=data.get("unit_id") or own,
        use_unit_id=elevator.use_unit_id, code=elevator.code, place=elevator.place[:300],
        in_centre=elevator.is_central if data.get("in_centre") is None else bool(data["in_centre"]),
        source=data.get("source") or "call", reported_at=reported, scene=(data.get("scene") or "")[:500] or None,
        level=level, taken_at=times["dispatched_at"], dispatched_at=times["dispatched_at"],
        accepted_at=times["accepted_at"], arrived_at=times["arrived_at"], done_at=times["done_at"],
        ended_at=times["done_at"] or times["arrived_at"] or times["accepted_at"] or times["dispatched_at"] or reported,
        outcome=data.get("outcome") or None, cause=data.get("cause") or None, method=data.get("method") or None,
        cause_note=(data.get("cause_note") or "")[:500] or None, trapped=trapped, injured=injured, taken_over=True,
        batch_id=batch_id, created_by_id=actor.user_id, accept_minutes=0, arrive_minutes=0, done_minutes=0,
        status=(RescueStatus.FREED if times["done_at"] else RescueStatus.CLOSED).value,
        number=numbers.next_number(session, f"{PREFIX}Q", reported),
    )  # fmt: skip
    limits = policy_minutes(session, elevator, on, row.in_centre)
    row.accept_minutes, row.arrive_minutes, row.done_minutes = limits.accept, limits.arrive, limits.done
    row.late_steps = ",".join(step.value for step in late_steps(course(row), limits, at)) or None
    session.add(row)
    session.flush()
    _calls(session, row, data, times)
    audit.record(
        session, actor, at, "rescue.take_over", ENTITY, row.id,
        after={
            "number": row.number, "elevator_id": elevator.id, "outcome": row.outcome, "cause": row.cause,
            "trapped": row.trapped, "injured": row.injured,
        },
    )  # fmt: skip
    return row


def _calls(session: AnySession, row: Rescue, data: Mapping[str, Any], times: Mapping[str, Any]) -> None:
    """Who was called: the unit itself, and the one that helped, each with its own times."""
    if row.dispatched_at is None:
        return
    done = {n: times[n] for n in ("accepted_at", "arrived_at", "done_at")}
    unit = None if row.unit_id is None else session.get(Unit, row.unit_id)
    first = RescueDispatch(
        rescue_id=row.id, level=1, unit_id=row.unit_id, name=(unit.name if unit else "")[:120] or "—",
        dispatched_at=row.dispatched_at, **(done if row.level == 1 else {}),
    )  # fmt: skip
    if row.level > 1:
        first.ended_at, first.end_reason = times["second_at"] or row.dispatched_at, "escalated"
    elif row.done_at is None:
        first.ended_at, first.end_reason = row.ended_at, "closed"
    session.add(first)
    if row.level > 1:
        helper = session.get(Unit, data["helper_id"]) if data.get("helper_id") else None
        session.add(RescueDispatch(
            rescue_id=row.id, level=row.level, unit_id=None if helper is None else helper.id,
            name=(helper.name if helper is not None else str(FIRE_SERVICE))[:120],
            dispatched_at=times["second_at"] or row.dispatched_at, **done,
            **({} if row.done_at else {"ended_at": row.ended_at, "end_reason": "closed"}),
        ))  # fmt: skip
    session.flush()
