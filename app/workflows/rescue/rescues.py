"""Rescues are reported (RES-01): behind the code, on the phone to the desk, by a sensor; the same is one case.

Nobody who is shut in is refused for what the elevator is. What is bounded is how many new cases strangers open, and
whoever meets that bound is told whom to phone.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Elevator, Rescue
from app.models.choices import ESCALATORS
from app.models.policy import policy_value
from app.models.rescue import RESCUE_SOURCE
from app.permissions import SYSTEM, Actor, Verb
from app.policy import Key
from app.rules.calendar import day_start
from app.rules.identifiers import check_call_number
from app.rules.rescues import (
    CENTRE_DAYS,
    LONGEST_NAME,
    MOST_MORE_OF_ADDRESS,
    MOST_MORE_OF_CASE,
    MOST_OF_ADDRESS,
    MOST_PEOPLE,
    SAME_WITHIN,
    RescueStatus,
    RescueVerb,
    flood_findings,
    words_finding,
)
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.access import signin
from app.workflows.contracts import cover
from app.workflows.core import audit, numbers
from app.workflows.rescue.rescue_course import (
    ENTITY,
    desk_of,
    keep_step,
    open_of,
    policy_minutes,
    settle,
    spoken,
    tell,
)
from app.workflows.rescue.rescue_help import call_next

PREFIX = "JY"


def report(
    session: AnySession, actor: Actor | None, elevator: Elevator, *, source: str, at: dt.datetime, caller: str = "",
    phone: str = "", scene: str = "", trapped: int | None = None, address: str | None = None,
) -> Rescue:  # fmt: skip
    """Take a report that somebody is shut in; gives the case that now sees to it, a new one or the open one it joins.

    Nobody who reports is refused here for what an elevator is (停用, without a unit, without a contract): people are
    inside. `source` is page, call or iot; `at` is our clock, or the sensor's where its event comes late, which then
    joins the case that was open at that instant. An operator who takes a call has taken the case with it.
    """
    if source not in RESCUE_SOURCE:
        raise ValueError(f"no source {source}")
    if actor is None:
        actor = Actor(None, "扫码用户", via="code", address=address) if source == "page" else SYSTEM
    caller, scene = " ".join(caller.split()), scene.strip()
    findings = [
        Finding("报警人", len(caller) <= LONGEST_NAME, say("%(count)s 个字", count=len(caller)),
                say("最多 %(most)s 个字", most=LONGEST_NAME), field="caller"),
        words_finding("现场描述", "scene", scene, required=False),
        Finding("困人人数", trapped is None or 0 <= trapped <= MOST_PEOPLE, say("%(n)s 人", n=trapped),
                say("请填写 0 至 %(most)s 的整数", most=MOST_PEOPLE), field="trapped"),
    ]  # fmt: skip
    try:
        phone = check_call_number(phone, "phone") if phone.strip() else ""
    except Refusal as refusal:
        findings += refusal.findings
    raise_failing(findings)
    # Fifty presses at once would else all find that there was no case.
    hold(session, f"rescue:elevator {elevator.id}")
    with scope.acting(SYSTEM):
        known = open_of(session, elevator.id) or _open_then(session, elevator.id, at)
        if known is not None:
            return _joined(session, actor, known, source, caller, phone, scene, trapped, at)
        if source == "page":
            of_phone = signin.count_number(session, "trapped", phone, address, at) if phone else 0
            raise_failing(flood_findings(_today_of(session, elevator, at), of_phone))
        row = _made(session, actor, elevator, source, caller, phone, scene, trapped, at)
        keep_step(session, actor, row, "report", at, note=scene)
        taken = actor.may(Verb.RESCUE_DESK) and not actor.system
        if taken:
            row.taken_at = at
            keep_step(session, actor, row, RescueVerb.TAKE, at)
        settle(session, actor, row, RescueVerb.TAKE, at)
        audit.record(
            session, actor, at, "rescue.report", ENTITY, row.id,
            after={"number": row.number, "elevator_id": elevator.id, "source": source, "unit_id": row.unit_id},
        )  # fmt: skip
        if not taken:
            place = spoken(session, row)
            title = (
                say("扶梯险情报警，请立即处置：%(place)s", place=place) if elevator.category in ESCALATORS
                else say("困人报警，请立即处置：%(place)s", place=place)
            )  # fmt: skip
            body = say("%(source)s，识别码 %(code)s", source=str(RESCUE_SOURCE[source]), code=row.code)
            tell(session, row, desk_of(session, row), "desk", title, body, at, "new")
            if row.act_at is not None and row.act_at <= at:
                call_next(session, row, at)
    return row


def flooded(session: AnySession, elevator: Elevator, at: dt.datetime, address: str | None) -> Refusal | None:
    """Count one new report behind the code from this address; joining an open case is never counted nor refused.

    Gives the refusal instead of raising it: the count is to be kept.
    """
    if open_of(session, elevator.id) is not None:
        return None
    if signin.count_stranger(session, "rescue", address, MOST_OF_ADDRESS, at):
        return None
    found = say("同一网络地址一天最多在线报警 %(most)s 次", most=MOST_OF_ADDRESS)
    return refuse("报警次数", found, "请直接拨打轿厢内公布的救援电话")


def hotline_of(session: AnySession, elevator: Elevator, on: dt.date) -> str | None:
    """Whom to phone: the number on the car, else the region's hotline."""
    told = policy_value(session, Key.RESCUE_HOTLINE, elevator.region_code, on)
    return elevator.emergency_phone or (None if told is None else str(told))


# --- parts


def _made(
    session: AnySession, actor: Actor, elevator: Elevator, source: str, caller: str, phone: str, scene: str,
    trapped: int | None, at: dt.datetime,
) -> Rescue:  # fmt: skip
    on = clock.local_day(at)
    bound = cover.in_force(session, elevator.id, on)
    limits = policy_minutes(session, elevator, on)
    row = Rescue(
        elevator_id=elevator.id, region_code=elevator.region_code,
        unit_id=elevator.maintenance_unit_id if bound is None else bound.unit_id, use_unit_id=elevator.use_unit_id,
        code=elevator.code, place=elevator.place[:300], in_centre=elevator.is_central, source=source,
        reported_at=at, caller=caller or None, phone=phone or None, scene=scene or None, trapped=trapped,
        accept_minutes=limits.accept, arrive_minutes=limits.arrive, done_minutes=limits.done,
        created_by_id=actor.user_id, number=numbers.next_number(session, PREFIX, at),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _joined(
    session: AnySession, actor: Actor, known: Rescue, source: str, caller: str, phone: str, scene: str,
    trapped: int | None, at: dt.datetime,
) -> Rescue:  # fmt: skip
    """One more report of what is known: counted, and kept as a row of its own when it says something new."""
    known.reports += 1
    if trapped is not None and known.trapped is None:
        known.trapped = trapped
    if not known.phone and phone:
        known.phone, known.caller = phone, caller or known.caller
    session.flush()
    if _said_before(session, known, source, phone, at):
        return known
    if source == "page" and not _heard(session, known, actor.address, at):
        return known
    elevator = session.get(Elevator, known.elevator_id)
    assert elevator is not None
    row = Rescue(
        elevator_id=known.elevator_id, region_code=known.region_code, unit_id=known.unit_id,
        use_unit_id=known.use_unit_id, code=known.code, place=known.place, in_centre=known.in_centre, source=source,
        reported_at=at, caller=caller or None, phone=phone or None, scene=scene or None, trapped=trapped,
        accept_minutes=known.accept_minutes, arrive_minutes=known.arrive_minutes, done_minutes=known.done_minutes,
        joined_to_id=known.id, status=RescueStatus.JOINED.value, ended_at=at, created_by_id=actor.user_id,
        number=numbers.next_number(session, PREFIX, at),
    )  # fmt: skip
    session.add(row)
    session.flush()
    keep_step(session, actor, known, "joined", at, note=row.number)
    audit.record(session, actor, at, "rescue.joined", ENTITY, row.id, after={"joined_to_id": known.id})
    title = say("又一次报警，已并入：%(place)s", place=spoken(session, known))
    tell(session, known, desk_of(session, known), "again", title, scene, at, f"again:{row.id}")
    return known


def _said_before(session: AnySession, known: Rescue, source: str, phone: str, at: dt.datetime) -> bool:
    """The same way of reporting, the same phone or none, within minutes: one tap made twice."""
    statement = select(Rescue).where(
        (Rescue.id == known.id) | (Rescue.joined_to_id == known.id), Rescue.source == source,
        Rescue.reported_at > at - SAME_WITHIN,
    )  # fmt: skip
    return any(not phone or row.phone == phone for row in session.scalars(statement))


def _heard(session: AnySession, known: Rescue, address: str | None, at: dt.datetime) -> bool:
    """Whether one more report of strangers gets a row: one number after the other would fill the desk's inbox."""
    if not signin.count_stranger(session, "rescue+", address, MOST_MORE_OF_ADDRESS, at):
        return False
    added = select(func.count()).where(Rescue.joined_to_id == known.id, Rescue.source == "page")
    return (session.scalar(added) or 0) < MOST_MORE_OF_CASE


def _open_then(session: AnySession, elevator_id: int, at: dt.datetime) -> Rescue | None:
    """The case that was open at an instant in the past: what a sensor tells late was known then."""
    statement = select(Rescue).where(
        Rescue.elevator_id == elevator_id, Rescue.reported_at <= at, Rescue.ended_at > at,
        Rescue.joined_to_id.is_(None), Rescue.reported_at > at - dt.timedelta(days=CENTRE_DAYS),
    )  # fmt: skip
    return session.scalars(statement.order_by(Rescue.reported_at.desc()).limit(1)).first()


def _today_of(session: AnySession, elevator: Elevator, at: dt.datetime) -> int:
    """New cases of strangers today."""
    today = day_start(clock.local_day(at))
    counted = select(func.count()).where(
        Rescue.reported_at >= today, Rescue.source == "page", Rescue.joined_to_id.is_(None)
    )
    return session.scalar(counted.where(Rescue.elevator_id == elevator.id)) or 0
