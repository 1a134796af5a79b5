"""层门 (ELV-05): made from 站数, one a landing; what each was found to be, with its history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, raise_failing
from app.models import Elevator, LandingDoor, LandingDoorCheck
from app.models.part import DOOR_SIDE, DOOR_STATE
from app.permissions import Actor, Verb, require
from app.rules import parts
from app.rules.calendar import day_finding
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.filing.components import ready
from app.workflows.filing.corrections import held_by_a_side

LONGEST_NOTE, LONGEST_LANDING = 200, 10
MOST_DOORS = 2 * parts.MOST_STOPS
# Escalators and moving walks have none.
WITHOUT_DOORS = "33"


@dataclass(frozen=True, slots=True)
class Found:
    """What one door was found to be."""

    state: str
    note: str = ""


def generate(
    session: AnySession, actor: Actor, elevator_id: int, lowest: int, at: dt.datetime, both_sides: bool = False
) -> int:  # fmt: skip
    """A door for each landing that has none yet, from the lowest floor up; how many were made."""
    require(actor, Verb.COMPONENT_EDIT)
    elevator = held_by_a_side(session, actor, elevator_id)
    raise_failing([*ready(elevator), has_doors(elevator), *parts.stops_findings(elevator.stops, lowest)])
    return make(session, actor, elevator, lowest, at, both_sides)


def make(
    session: AnySession, actor: Actor, elevator: Elevator, lowest: int, at: dt.datetime, both_sides: bool = False
) -> int:  # fmt: skip
    """The same of an elevator that is held and may have doors."""
    there = {(row.landing, row.side) for row in _rows(session, elevator.id)}
    sides = ("front", "rear") if both_sides else ("front",)
    made = 0
    for position, landing in enumerate(parts.landings(elevator.stops or 0, lowest), 1):
        for side in sides:
            if (landing, side) not in there:
                session.add(_new(elevator, position, landing, side, actor))
                made += 1
    session.flush()
    if made:
        audit.record(session, actor, at, "landing_door.add", Elevator.__tablename__, elevator.id,
                     after={"doors": made, "lowest": lowest})  # fmt: skip
    return made


def check(
    session: AnySession, actor: Actor, elevator_id: int, found: Mapping[int, Found], checked_on: dt.date | None,
    at: dt.datetime,
) -> int:  # fmt: skip
    """What doors of an elevator were found to be; those that are as they were said to be are left alone."""
    require(actor, Verb.COMPONENT_EDIT)
    elevator = held_by_a_side(session, actor, elevator_id)
    doors = {row.id: row for row in _rows(session, elevator.id)}
    day = checked_on or clock.local_day(at)
    raise_failing([
        *ready(elevator), *day_findings(day, at),
        *(f for key, one in found.items() for f in _one(doors.get(key), one)),
    ])  # fmt: skip
    changed = 0
    for key, one in sorted(found.items()):
        door = doors[key]
        note = one.note.strip() or None
        if (door.condition, door.note) != (one.state, note):
            put(session, actor, door, one, day, at)
            changed += 1
    return changed


def put(
    session: AnySession, actor: Actor, door: LandingDoor, one: Found, day: dt.date, at: dt.datetime
) -> None:
    """One door's new state, and the row of its history."""
    before = {"condition": door.condition, "note": door.note}
    door.condition, door.note, door.checked_on = one.state, one.note.strip() or None, day
    made = LandingDoorCheck(
        door_id=door.id, elevator_id=door.elevator_id, region_code=door.region_code, condition=door.condition,
        note=door.note, checked_on=day, at=at, by_name=actor.name[:60],
    )  # fmt: skip
    session.add(made)
    session.flush()
    audit.record(session, actor, at, "landing_door.check", "landing_door", door.id, before=before,
                 after={"condition": door.condition, "note": door.note, "landing": door.landing})  # fmt: skip


def add(
    session: AnySession, actor: Actor, elevator_id: int, landing: str, side: str, found: Found,
    checked_on: dt.date | None, at: dt.datetime, batch_id: int | None = None,
) -> LandingDoor:  # fmt: skip
    """One door by itself, as a file says it."""
    require(actor, Verb.COMPONENT_EDIT)
    elevator = held_by_a_side(session, actor, elevator_id)
    held = _rows(session, elevator.id)
    raise_failing([
        *ready(elevator), has_doors(elevator), *new_findings(landing, side, found),
        *day_findings(checked_on or clock.local_day(at), at),
        Finding("层站", len(held) < MOST_DOORS, say("已有 %(n)s 个层门", n=len(held)), "请核对层站", field="landing"),
        Finding("层站", all((d.landing, d.side) != (landing, side) for d in held), "这一层已有层门", "请改它的状态",
                field="landing"),
    ])  # fmt: skip
    row = _new(elevator, len(held) + 1, landing, side, actor)
    row.batch_id = batch_id
    session.add(row)
    session.flush()
    if found.state != row.condition or found.note.strip():
        put(session, actor, row, found, checked_on or clock.local_day(at), at)
    _in_order(session, elevator.id)
    return row


def edit_one(
    session: AnySession, actor: Actor, key: int, found: Found, checked_on: dt.date | None, at: dt.datetime
) -> LandingDoor:  # fmt: skip
    """The state of one door, as a file says it."""
    row: LandingDoor = scope.visible(session, actor, LandingDoor, key, "这个层门")
    check(session, actor, row.elevator_id, {row.id: found}, checked_on, at)
    return row


def remove(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> None:
    """A door that there is not; with its history."""
    require(actor, Verb.COMPONENT_EDIT)
    seen: LandingDoor = scope.visible(session, actor, LandingDoor, key, "这个层门")
    elevator = held_by_a_side(session, actor, seen.elevator_id)
    row = lock(session, LandingDoor, key)
    assert row is not None
    before = {"landing": row.landing, "side": row.side, "condition": row.condition, "note": row.note}
    for one in session.scalars(select(LandingDoorCheck).where(LandingDoorCheck.door_id == row.id)):
        session.delete(one)
    session.flush()
    session.delete(row)
    session.flush()
    audit.record(session, actor, at, "landing_door.remove", Elevator.__tablename__, elevator.id, before=before)


def of_elevator(session: AnySession, actor: Actor, elevator_id: int) -> list[LandingDoor]:
    """Its doors from the bottom up."""
    statement = select(LandingDoor).where(LandingDoor.elevator_id == elevator_id)
    order = statement.order_by(LandingDoor.position, LandingDoor.side, LandingDoor.id)
    return list(session.scalars(scope.apply(order, actor).limit(MOST_DOORS)))


def checks_of(session: AnySession, doors: list[LandingDoor], most: int = 30) -> list[LandingDoorCheck]:
    """What the doors were found to be, the newest first."""
    keys = [door.id for door in doors]
    statement = select(LandingDoorCheck).where(LandingDoorCheck.door_id.in_(keys))
    return list(session.scalars(statement.order_by(LandingDoorCheck.id.desc()).limit(most))) if keys else []


def has_doors(elevator: Elevator) -> Finding:
    """Lifts have landing doors, escalators have none."""
    ok = not elevator.category.startswith(WITHOUT_DOORS)
    return Finding("层门", ok, "扶梯和人行道没有层门" if not ok else "有层门", "" if ok else "不需要登记")


def new_findings(landing: str, side: str, found: Found) -> list[Finding]:
    """What is wrong with a door as it is said."""
    named = 0 < len(landing) <= LONGEST_LANDING
    known = side in DOOR_SIDE
    return [
        Finding("层站", named, landing[:20] or "没有填写", say("请填写层站，最多 %(n)s 个字", n=LONGEST_LANDING),
                field="landing"),
        Finding("侧", known, side[:10], "请选择前门或后门", field="side"), *_said(found),
    ]  # fmt: skip


def day_findings(day: dt.date, at: dt.datetime) -> list[Finding]:
    """A day on which a door can have been looked at."""
    past = day <= clock.local_day(at)
    return [
        day_finding(day, "checked_on", "检查日期"),
        Finding("检查日期", past, str(day), "" if past else "不能晚于今天", field="checked_on"),
    ]


def _one(door: LandingDoor | None, one: Found) -> list[Finding]:
    if door is None:
        return [Finding("层门", False, "不是这台电梯的层门", "请刷新页面")]
    return _said(one)


def _said(one: Found) -> list[Finding]:
    count = len(one.note.strip())
    return [
        Finding("层门状态", one.state in DOOR_STATE, one.state[:20], "请重新选择", field="condition"),
        Finding("备注", count <= LONGEST_NOTE, say("%(n)s 个字", n=count), say("最多 %(n)s 个字", n=LONGEST_NOTE),
                field="note"),
    ]  # fmt: skip


def _new(elevator: Elevator, position: int, landing: str, side: str, actor: Actor) -> LandingDoor:
    return LandingDoor(
        elevator_id=elevator.id, region_code=elevator.region_code, position=position, landing=landing, side=side,
        condition="normal", created_by_id=actor.user_id,
    )  # fmt: skip


def _rows(session: AnySession, elevator_id: int) -> list[LandingDoor]:
    statement = select(LandingDoor).where(LandingDoor.elevator_id == elevator_id).order_by(LandingDoor.position)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def _in_order(session: AnySession, elevator_id: int) -> None:
    """Numbers in their order, then names: where a file added a landing between others it stands between them."""

    def place(row: LandingDoor) -> tuple[int, int, str, str]:
        number = row.landing.lstrip("-")
        known = number.isascii() and number.isdigit()
        return (0, int(row.landing), "", row.side) if known and number else (1, 0, row.landing, row.side)

    for position, row in enumerate(sorted(_rows(session, elevator_id), key=place), 1):
        if row.position != position:
            row.position = position
    session.flush()

