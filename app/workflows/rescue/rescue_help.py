"""Who is called out (RES-04): the contracted unit, then the nearest that can help, then the fire service.

The clock does what people leave undone: `act` dispatches a report that no operator took up and calls the next level
where nobody accepted or arrived. It works on one case, held, and looks again whether it is still due: run twice, or
late, it calls nobody twice.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select

from app import scope
from app.models import Elevator, Rescue, RescueDispatch, Unit
from app.permissions import SYSTEM, Actor
from app.rules.rescues import (
    HIGHEST_LEVEL,
    Candidate,
    RescueStatus,
    RescueVerb,
    metres_between,
    nearest_first,
)
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.rescue.rescue_course import (
    ENTITY,
    LEVEL_WORDS,
    calls_of,
    crew,
    desk_of,
    is_open,
    keep_step,
    point_of,
    settle,
    spoken,
    tell,
    tell_call,
)

FIRE_SERVICE = say("消防救援 119")
MOST_SHOWN = 12
# The first four digits of a code are its city: help from farther away comes too late.
CITY = 4


def candidates(session: AnySession, row: Rescue, most: int = MOST_SHOWN) -> list[Candidate]:
    """Who could help at the second level, the nearest first: units and stations of the city that were not called yet.

    Whoever asks sees them by name and distance alone; a unit without a point on the map comes after those with one.
    """
    elevator = _elevator(session, row)
    called = {one.unit_id for one in calls_of(session, row) if one.is_open}
    low, high = row.region_code[:CITY] + "0" * 8, row.region_code[:CITY] + "9" * 8
    helpers = select(Unit).where(
        Unit.approved_version > 0, or_(Unit.is_rescue, Unit.is_maintenance), Unit.region_code >= low,
        Unit.region_code <= high,
    )  # fmt: skip
    found = []
    for unit in session.scalars(helpers.execution_options(skip_scope=True)):
        if unit.id in called or unit.id == row.unit_id:
            continue
        metres = metres_between(point_of(elevator), point_of(unit))
        found.append(Candidate(unit.id, unit.name, unit.is_rescue, metres, unit.duty_phone or ""))
    return nearest_first(found)[:most]


def call_out(
    session: AnySession, actor: Actor, row: Rescue, level: int, at: dt.datetime, *, unit: Unit | None = None,
    name: str = "", worker: tuple[int, str] | None = None, replace: bool = False, note: str = "",
) -> RescueDispatch:  # fmt: skip
    """Send one call out, on a held row; whoever it takes the place of is told that it is called off.

    A call of a lower level that nobody accepted ends with it (升级), one of the same level is replaced; one that was
    accepted goes on beside it, for whoever comes first frees them. `replace` ends every other call.
    """
    verb = RescueVerb.REPLACE if replace else RescueVerb.DISPATCH
    if row.taken_at is None:
        row.taken_at = at
        keep_step(session, actor, row, RescueVerb.TAKE, at)
        settle(session, actor, row, RescueVerb.TAKE, at)
    for one in calls_of(session, row):
        if one.is_open and (replace or (one.accepted_at is None and one.level <= level)):
            one.ended_at, one.end_reason = at, "escalated" if one.level < level and not replace else "replaced"
            who = crew(session, row, one)
            title = say("不用再前往：%(place)s", place=row.place)
            body = say("已改由 %(name)s 前往救援", name=name or (unit.name if unit else FIRE_SERVICE))
            tell(session, row, who, "off", title, body, at, f"off:{one.id}")
            outbox.settle(session, at, "rescue.call", f"/rescues/{row.id}")
    metres = metres_between(point_of(_elevator(session, row)), point_of(unit))
    call = RescueDispatch(
        rescue_id=row.id, level=level, unit_id=None if unit is None else unit.id,
        name=(unit.name if unit is not None else name or FIRE_SERVICE)[:120], dispatched_at=at, distance_m=metres,
        worker_id=None if worker is None else worker[0], worker_name=None if worker is None else worker[1][:80],
        is_automatic=actor.system,
    )  # fmt: skip
    session.add(call)
    row.level = max(row.level, level)
    session.flush()
    keep_step(session, actor, row, verb, at, call=call, note=note)
    settle(session, actor, row, verb, at, note=note)
    audit.record(
        session, actor, at, "rescue.dispatch", ENTITY, row.id,
        after={"level": level, "unit_id": call.unit_id, "name": call.name, "worker_id": call.worker_id,
               "automatic": actor.system},
    )  # fmt: skip
    if unit is not None:
        tell_call(session, row, call, at)
    return call


def call_next(session: AnySession, row: Rescue, at: dt.datetime) -> RescueDispatch | None:
    """Call whoever is next by rule, on a held row: the contracted unit, then the nearest, then the fire service."""
    calls = [one for one in calls_of(session, row) if one.end_reason != "returned"]
    level = max((one.level for one in calls), default=0) + 1
    if level > HIGHEST_LEVEL:
        return None
    if level == 1:
        own = None if row.unit_id is None else session.get(Unit, row.unit_id)
        if own is not None:
            return call_out(session, SYSTEM, row, 1, at, unit=own)
        level = 2
    if level == 2:
        nearest = candidates(session, row, 1)
        if nearest:
            return call_out(session, SYSTEM, row, 2, at, unit=session.get(Unit, nearest[0].key))
        level = 3
    return call_out(session, SYSTEM, row, level, at)


def act(session: AnySession, key: int, at: dt.datetime) -> RescueDispatch | None:
    """What is due for one case by itself; None if somebody was quicker."""
    with scope.acting(SYSTEM):
        row = lock(session, Rescue, key)
        if row is None or not is_open(row) or row.act_at is None or row.act_at > at:
            return None
        before = row.level
        left = row.status in (RescueStatus.WAITING, RescueStatus.TAKEN)
        call = call_next(session, row, at)
        if call is None:
            row.act_at = None
            return None
        desk = desk_of(session, row)
        if left:
            title = say("已自动派单：%(place)s", place=spoken(session, row))
            body = say("报警后无人派单，系统已派给%(name)s", name=call.name)
        else:
            title = say("救援升级为%(level)s：%(place)s", level=LEVEL_WORDS[call.level], place=spoken(session, row))
            body = say("上一级没有按时接单或到达，系统已派给%(name)s", name=call.name)
            for one in calls_of(session, row):
                if one.is_open and one.id != call.id:
                    tell(session, row, crew(session, row, one), "up", title, body, at, f"up:{call.id}:{one.id}")
        if call.unit_id is None:
            body = say("%(body)s。请立即拨打 119", body=body)
        tell(session, row, desk, "desk", title, body, at, f"act:{call.id}:{before}")
        return call


def due(session: AnySession, at: dt.datetime) -> list[int]:
    """The cases for which the clock has to act, those that wait longest first; all of them, for one that fails each
    time stays due and must not stand before another."""
    statement = select(Rescue.id).where(
        Rescue.status.in_(("waiting", "taken", "dispatched", "accepted", "arrived")), Rescue.act_at <= at
    )
    return list(session.scalars(statement.order_by(Rescue.act_at, Rescue.id).execution_options(skip_scope=True)))


# --- parts


def _elevator(session: AnySession, row: Rescue) -> Elevator | None:
    statement = select(Elevator).where(Elevator.id == row.elevator_id)
    return session.scalar(statement.execution_options(skip_scope=True))
