"""The parts that every deed about a rescue has: its row held, its state worked out anew, the step kept, who is told.

The state follows from the calls that were sent out (`rules.rescues.state_of`); nothing else sets it but the desk's
taking, closing and joining.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app import clock, scope
from app.models import AuditEntry, Elevator, Rescue, RescueDispatch, RescueStep, Unit
from app.models.choices import ESCALATORS
from app.models.policy import policy_value
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.rules.checkin import Place
from app.rules.deadlines import Deadline
from app.rules.other_scores import NO_LIMIT, Outcome
from app.rules.rescues import (
    OPEN,
    Call,
    Course,
    Minutes,
    RescueLimit,
    RescueStatus,
    RescueVerb,
    badge,
    course_of,
    late_steps,
    next_act,
    running,
    state_of,
)
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, moves, outbox
from app.workflows.rescue import rescue_phones

ENTITY = "rescue"
# A phone whose clock is off by more is not believed for anything, nor kept; the step is taken all the same.
LONGEST_SKEW = dt.timedelta(days=2)
OPENED = "rescue.open_secret"
# So long after its end the desk may still open the case of a 涉密 elevator, to call back.
CALL_BACK_WITHIN = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a phone says beside a step: its own clock, and where it was if it knew."""

    at: dt.datetime | None = None
    latitude: float | None = None
    longitude: float | None = None


NOTHING = Sent()


def believed(phone_at: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """What a phone's clock says, where it can be: some cannot even be written in our zone."""
    there = phone_at is not None and phone_at.tzinfo is not None and abs(phone_at - now) <= LONGEST_SKEW
    return phone_at if there else None


# --- reading


def calls_of(session: AnySession, row: Rescue) -> list[RescueDispatch]:
    """Every call of a case, the first one first, as they stand now; past scope: a side sees all who came."""
    statement = select(RescueDispatch).where(RescueDispatch.rescue_id == row.id).order_by(RescueDispatch.id)
    return list(session.scalars(statement.execution_options(skip_scope=True, populate_existing=True)))


def call_of(one: RescueDispatch) -> Call:
    """As the rules see it: one that was taken back never was; of one that was replaced only its beginning counts."""
    if one.end_reason == "replaced":
        return Call(one.level, one.dispatched_at, is_open=False)
    return Call(
        one.level, one.dispatched_at, one.accepted_at, one.arrived_at, one.done_at, one.end_reason != "returned",
        one.is_open,
    )  # fmt: skip


def minutes_of(row: Rescue) -> Minutes:
    return Minutes(row.accept_minutes, row.arrive_minutes, row.done_minutes)


def course(row: Rescue) -> Course:
    """Of the row alone: what was freed has its end, what the desk ended was judged until then."""
    ended = row.ended_at if row.done_at is None else None
    return Course(row.dispatched_at, row.accepted_at, row.arrived_at, row.done_at, ended)


def outcome_of(row: Rescue, at: dt.datetime) -> Outcome | None:
    """合规 or 不合规 as known at an instant; one that joined another has none.

    From the hour in which an appeal was upheld it is 合规.
    """
    if row.status == RescueStatus.JOINED:
        return None
    if row.appeal_upheld_at is not None and row.appeal_upheld_at <= at:
        return Outcome.ON_TIME
    return badge(course(row), minutes_of(row), at)


def late_of(row: Rescue, at: dt.datetime) -> list[RescueLimit]:
    return [] if row.status == RescueStatus.JOINED else late_steps(course(row), minutes_of(row), at)


def running_of(row: Rescue) -> tuple[RescueLimit, Deadline] | None:
    """The step whose limit runs, and the limit."""
    return running(course(row), minutes_of(row)) if is_open(row) else None


def is_open(row: Rescue) -> bool:
    return row.status in OPEN


def open_of(session: AnySession, elevator_id: int) -> Rescue | None:
    """The one open case of an elevator, whoever asks: a passer-by and a sensor have no scope."""
    statement = select(Rescue).where(Rescue.elevator_id == elevator_id, Rescue.status.in_(OPEN))
    return session.scalar(statement.execution_options(skip_scope=True))


def link_of(row: Rescue) -> str:
    return f"/rescues/{row.id}"


def point_of(row: Elevator | Unit | None) -> Place | None:
    if row is None or row.latitude is None or row.longitude is None:
        return None
    return Place(row.latitude, row.longitude)


# --- doing


def case_of(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Rescue:
    """A case for whoever reads or handles it.

    The desk opens one of a 涉密 elevator by its number while it is open, and for a day after its end to call back: the
    case with its place and the car's data, nothing else of that elevator. Who opened it stands in the log.
    """
    statement = select(Rescue).where(Rescue.id == key).execution_options(skip_scope=True)
    row: Rescue | None = session.scalar(statement)
    if row is None or not opens(session, actor, row, at):
        return visible(session, actor, Rescue, key, "这件救援")  # type: ignore[no-any-return]
    return row


def opened(session: AnySession, actor: Actor, row: Rescue, at: dt.datetime) -> None:
    """Write down, once for an account and a case, that the desk opened one that its lists do not show."""
    if not opens(session, actor, row, at):
        return
    known = select(AuditEntry.id).where(
        AuditEntry.entity == ENTITY, AuditEntry.entity_id == row.id, AuditEntry.action == OPENED,
        AuditEntry.actor_id == actor.user_id,
    )  # fmt: skip
    if session.scalar(known.limit(1).execution_options(skip_scope=True)) is None:
        audit.record(session, actor, at, OPENED, ENTITY, row.id, after={"number": row.number, "code": row.code})


def opens(session: AnySession, actor: Actor, row: Rescue, at: dt.datetime) -> bool:
    """Whether it is the desk's, and hidden from it but for this door."""
    if actor.unit_id is not None or not actor.may(Verb.RESCUE_DESK) or actor.may(Verb.SECRET_READ):
        return False
    span = actor.region_span
    inside = span is not None and span[0] <= row.region_code < span[1]
    if not inside or (not is_open(row) and (row.ended_at is None or at - row.ended_at > CALL_BACK_WITHIN)):
        return False
    return is_secret(session, row)


def is_secret(session: AnySession, row: Rescue) -> bool:
    found = select(Elevator.is_secret).where(Elevator.id == row.elevator_id)
    return bool(session.scalar(found.execution_options(skip_scope=True)))


def spoken(session: AnySession, row: Rescue) -> str:
    """What a notice that may lie about calls it: its place, of a 涉密 elevator the code alone."""
    return say("涉密电梯 %(code)s", code=row.code) if is_secret(session, row) else row.place


def held(session: AnySession, actor: Actor, key: int, verb: Verb) -> Rescue:
    """The row, seen by the actor and locked: of two operators the second finds what the first did."""
    require(actor, verb)
    now = clock.now()
    if not actor.system:
        opened(session, actor, case_of(session, actor, key, now), now)
    with scope.acting(SYSTEM):
        row = lock(session, Rescue, key)
    assert row is not None
    return row


def policy_minutes(
    session: AnySession, elevator: Elevator, on: dt.date, in_centre: bool | None = None
) -> Minutes:  # fmt: skip
    """The limits of the region on a day, in or outside of the centre: as the register has it, or as it then was."""
    centre = elevator.is_central if in_centre is None else in_centre
    keys = (
        Key.RESCUE_ACCEPT_MINUTES,
        Key.RESCUE_ARRIVE_MINUTES if centre else Key.RESCUE_ARRIVE_FAR_MINUTES,
        Key.RESCUE_DONE_MINUTES if centre else Key.RESCUE_DONE_FAR_MINUTES,
    )
    return Minutes(*(int(policy_value(session, key, elevator.region_code, on) or NO_LIMIT) for key in keys))


def settle(
    session: AnySession, actor: Actor, row: Rescue, verb: RescueVerb, at: dt.datetime, *, note: str = ""
) -> None:  # fmt: skip
    """Work out the row from its calls: instants, state, the limit that runs, when the clock acts next."""
    session.flush()
    calls = calls_of(session, row)
    found = [call_of(one) for one in calls]
    ended = row.ended_at if row.status in (RescueStatus.CLOSED, RescueStatus.JOINED) else None
    new = course_of(found, ended)
    row.dispatched_at, row.accepted_at = new.dispatched_at, new.accepted_at
    row.arrived_at, row.done_at = new.arrived_at, new.done_at
    if ended is None:
        status = state_of(found, row.taken_at is not None)
        row.ended_at = new.done_at
        if status != row.status:
            moves.move(session, actor, row, "status", status.value, verb=verb.value, at=at, reason=note or None)
    row.late_steps = ",".join(step.value for step in late_steps(new, minutes_of(row), at)) or None
    limit = running(new, minutes_of(row)) if is_open(row) else None
    row.due_at = None if limit is None else limit[1].due_at
    row.act_at = None
    if is_open(row):
        row.act_at = next_act(found, _since(row, calls, verb, at), minutes_of(row), *_waits(session, row))
    session.flush()


def _since(row: Rescue, calls: list[RescueDispatch], verb: RescueVerb, at: dt.datetime) -> dt.datetime:
    """From when the desk has its minutes: the report, its taking, and anew when it took a step back."""
    returned = [one.ended_at for one in calls if one.end_reason == "returned" and one.ended_at is not None]
    taken = [row.taken_at] if row.taken_at is not None else []
    return max([row.reported_at, *taken, *returned, *([at] if verb is RescueVerb.BACK else [])])


def _waits(session: AnySession, row: Rescue) -> tuple[int | None, int | None]:
    """Minutes until the clock dispatches, and until it escalates; an operator who has taken it has one at least."""
    on = clock.local_day(row.reported_at)
    desk, up = (
        policy_value(session, key, row.region_code, on)
        for key in (Key.RESCUE_DESK_MINUTES, Key.RESCUE_ESCALATE_MINUTES)
    )
    least = 0 if row.taken_at is None else 1
    return None if desk is None else max(int(desk), least), None if up is None else int(up)


def close_calls(session: AnySession, row: Rescue, reason: str, at: dt.datetime) -> None:
    """Whoever is still under way is called off."""
    for one in calls_of(session, row):
        if one.is_open:
            one.ended_at, one.end_reason = at, reason


def keep_step(
    session: AnySession, actor: Actor, row: Rescue, verb: str, at: dt.datetime, *, call: RescueDispatch | None = None,
    note: str = "", sent: Sent = NOTHING,
) -> RescueStep:  # fmt: skip
    """One line of the case's record; the phone's clock stands beside ours, which counts."""
    step = RescueStep(
        rescue_id=row.id, dispatch_id=None if call is None else call.id, verb=verb, at=at, phone_at=sent.at,
        latitude=sent.latitude, longitude=sent.longitude, account_id=actor.user_id, name=actor.name[:80],
        note=note[:500] or None,
    )  # fmt: skip
    session.add(step)
    session.flush()
    return step


# --- telling


def desk_of(session: AnySession, row: Rescue) -> list[int]:
    """The operators of the region and of those above it; where there are none, the officers who may dispatch."""
    return outbox.desks_of(session, row.region_code, Verb.RESCUE_DESK, secret=is_secret(session, row))


def crew_of(session: AnySession, row: Rescue, call: RescueDispatch) -> list[int]:
    """Whom a call goes to: the worker by name, else all of the unit who may take it on."""
    if call.worker_id is not None:
        return [call.worker_id]
    return crew(session, row, call)


def crew(session: AnySession, row: Rescue, call: RescueDispatch) -> list[int]:
    """Of the elevator's own unit whoever sees the elevator; a unit that helps has no elevators of its own here."""
    if call.level == 1:
        return outbox.readers_of(session, call.unit_id, Verb.RESCUE_HANDLE, row.elevator_id)
    return outbox.accounts_of_unit(session, call.unit_id, Verb.RESCUE_HANDLE)


def tell(
    session: AnySession, row: Rescue, who: Iterable[int], topic: str, title: str, body: str, at: dt.datetime,
    key: str = "",
) -> None:  # fmt: skip
    outbox.notify(
        session, at, who, f"rescue.{topic}", title, body, link_of(row), f"rescue:{row.id}:{key}" if key else None
    )


def on_escalator(session: AnySession, row: Rescue) -> bool:
    """Nobody is shut in on an escalator: what is reported there is somebody caught or fallen."""
    there = select(Elevator.category).where(Elevator.id == row.elevator_id).execution_options(skip_scope=True)
    return session.scalar(there) in ESCALATORS


def tell_call(session: AnySession, row: Rescue, call: RescueDispatch, at: dt.datetime) -> None:
    """Called out: in the inbox of all who may go, and by SMS on the telephones of `rescue_phones`.

    The desk is told where a call reaches no account, or no telephone.
    """
    fallen = on_escalator(session, row)
    title = (
        say("扶梯险情，请立即接单：%(place)s", place=row.place) if fallen
        else say("困人救援，请立即接单：%(place)s", place=row.place)
    )  # fmt: skip
    level = LEVEL_WORDS[call.level]
    body = (
        say("%(level)s派单，识别码 %(code)s。请尽快接单", level=level, code=row.code)
        if row.accept_minutes == NO_LIMIT
        else say("%(level)s派单，识别码 %(code)s。请在 %(n)s 分钟内接单", level=level, code=row.code,
                 n=row.accept_minutes)
    )  # fmt: skip
    who = crew_of(session, row, call)
    tell(session, row, who, "call", title, body, at, f"call:{call.id}:{call.worker_id or 0}")
    rung = rescue_phones.send_call(
        session, call, who, say("%(title)s。%(body)s", title=title, body=body), link_of(row), at
    )
    if who and rung:
        return
    phone = _duty_phone(call) or "未登记"
    by_hand = say("请打电话通知 %(name)s：%(place)s", name=call.name, place=spoken(session, row))
    missing = (
        say("没有可以收到派单短信的手机，值班电话 %(phone)s", phone=phone) if who
        else say("这个单位没有可以接单的账号，值班电话 %(phone)s", phone=phone)
    )  # fmt: skip
    tell(session, row, desk_of(session, row), "desk", by_hand, missing, at, f"silent:{call.id}:{call.worker_id or 0}")


def _duty_phone(call: RescueDispatch) -> str | None:
    return None if call.unit is None else call.unit.duty_phone


LEVEL_WORDS = {1: say("一级"), 2: say("二级"), 3: say("三级")}
