"""What devices send is taken in (INT-03): each event once, whenever and however often it comes; few statements a batch.

The sender is a device by its own key, or another system by a token with the right 上报物联网数据, for the elevators
that its owner sees. What one message has wrong is told of it; the others are taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update

from app import clock, scope
from app.errors import raise_failing
from app.models import Elevator, IotDevice, IotEvent, IotLive
from app.models.among import among
from app.models.policy import policy_value
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.reference import iot as codes
from app.rules.iot import (
    CALLING,
    Event,
    EventKind,
    Message,
    Wrong,
    is_late,
    is_signed,
    messages_of,
    normal_serial,
    put_right,
    repeats,
    skew,
    too_old,
)
from app.rules.places import named_place
from app.transaction import AnySession, connection_of, hold, insert_of
from app.wording import say
from app.workflows.partners import iot_raising

_device: Any = IotDevice.__table__.c
_elevator: Any = Elevator.__table__.c
_event: Any = IotEvent.__table__.c
_BECAME = (
    update(IotEvent.__table__).where(_event.id == bindparam("row"))
    .values(raised=bindparam("what"), raised_id=bindparam("which"))
)  # fmt: skip
STATUS = ("told_at", "floor", "direction", "door", "speed", "mode", "occupied")


@dataclass(frozen=True, slots=True)
class Bound:
    """A device with what of its elevator its events keep."""

    id: int
    serial: str
    standard: str
    elevator_id: int
    region_code: str
    unit_id: int | None
    use_unit_id: int | None
    code: str
    place: str
    is_secret: bool


@dataclass(slots=True)
class Taken:
    """What became of a call."""

    received_at: dt.datetime
    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    statuses: int = 0
    raised: int = 0
    refused: list[Wrong] = field(default_factory=list)
    skews: dict[str, int] = field(default_factory=dict)


def signer(
    session: AnySession, serial: str, given: str, method: str, path: str, stamp: str, nonce: str, body: bytes,
    at: dt.datetime,
) -> str | None:  # fmt: skip
    """The number of the device whose key signed this; None for a wrong signature and an unknown device alike."""
    serial = normal_serial(serial)
    statement = select(IotDevice).where(IotDevice.serial == serial, IotDevice.ended_at.is_(None))
    row = session.scalar(statement.execution_options(skip_scope=True)) if serial else None
    # Compared in any case: how long the answer takes does not tell whether there is such a device.
    key = (row.key if row is not None else None) or "-" * 43
    right = is_signed(key, given, method, path, stamp, nonce, body, at)
    return serial if right and row is not None and row.key else None


def receive(
    session: AnySession, actor: Actor, body: Any, at: dt.datetime, *, serial: str | None = None
) -> Taken:  # fmt: skip
    """Take in a call. `serial`: the device itself speaks, its signature was right; else the actor's right decides."""
    if serial is None:
        require(actor, Verb.IOT_SEND)
    messages, wrong = messages_of(body, serial)
    raise_failing([] if wrong is None else [wrong])
    taken = Taken(at, refused=[each for message in messages for each in message.wrong])
    bound = _bound(session, SYSTEM if serial is not None else actor, messages)
    known: list[tuple[Bound, Message, int]] = []
    for message in messages:
        device = bound.get(message.serial)
        if device is not None:
            known.append((device, message, skew(message.sent_at, at)))
        elif message.serial:
            taken.refused.append(Wrong(message.serial, "", say("没有绑定这个设备，或不在管辖范围内")))
    taken.skews = {device.serial: seconds for device, _message, seconds in known if seconds}
    fresh = _write(session, known, taken)
    _keep_live(session, known, fresh, taken)
    with scope.acting(SYSTEM):
        taken.raised = _raise(session, fresh, at)
        iot_raising.cleared(
            session,
            [(one.device.elevator_id, one.row["happened_at"]) for one in fresh if one.kind is EventKind.CLEAR],
        )  # fmt: skip
    return taken


def _bound(session: AnySession, actor: Actor, messages: Sequence[Message]) -> dict[str, Bound]:
    """The devices that are spoken of, with their elevators, within what the sender sees: one statement."""
    serials = sorted({message.serial for message in messages if message.serial})
    if not serials:
        return {}
    statement = (
        select(
            _device.id, _device.serial, _device.standard, _elevator.id, _elevator.region_code,
            _elevator.maintenance_unit_id, _elevator.use_unit_id, _elevator.code, _elevator.estate, _elevator.address,
            _elevator.is_secret,
        )
        .join_from(IotDevice.__table__, Elevator.__table__, _elevator.id == _device.elevator_id)
        .where(_device.ended_at.is_(None), among(session, _device.serial, serials))
        .where(scope.over(_elevator, Elevator, actor))
    )  # fmt: skip
    found = {}
    for key, serial, standard, lift, region, unit, user, code, estate, address, secret in session.execute(statement):
        place = named_place(estate, address)
        found[serial] = Bound(key, serial, standard, lift, region, unit, user, code, place, secret)
    return found


@dataclass(slots=True)
class Fresh:
    """A new event with its device; `id` once it is written."""

    device: Bound
    row: dict[str, Any]
    id: int = 0

    @property
    def kind(self) -> EventKind:
        return EventKind(self.row["kind"])


def _write(session: AnySession, known: Sequence[tuple[Bound, Message, int]], taken: Taken) -> list[Fresh]:
    """Insert the events that are not there yet: one statement; which these are, the database says."""
    rows: dict[tuple[int, str], Fresh] = {}
    late_after: dict[str, int] = {}
    at = taken.received_at
    for device, message, seconds in known:
        if device.region_code not in late_after:
            late_after[device.region_code] = int(
                policy_value(session, Key.IOT_LATE_MINUTES, device.region_code, clock.local_day(at))
            )
        for event in message.events:
            happened_at = put_right(event.told_at, seconds, at)
            if too_old(happened_at, at):
                taken.refused.append(Wrong(device.serial, event.id, say("发生在 30 天以前，不再接收")))
            elif (device.id, event.id) in rows:
                taken.duplicates += 1
            else:
                late = is_late(happened_at, at, late_after[device.region_code])
                rows[device.id, event.id] = Fresh(device, _row(device, event, happened_at, at, seconds, late))
    if not rows:
        return []
    # In one order, so that two calls with the same events wait for each other and neither for ever.
    ordered = [rows[key] for key in sorted(rows)]
    statement = insert_of(session, IotEvent).on_conflict_do_nothing(index_elements=["device_id", "event_id"])
    statement = statement.returning(_event.id, _event.device_id, _event.event_id)
    written = connection_of(session).execute(statement, [fresh.row for fresh in ordered]).all()
    fresh = []
    for number, device_id, event_id in written:
        one = rows[device_id, event_id]
        one.id = number
        fresh.append(one)
    taken.accepted, taken.late = len(fresh), sum(one.row["is_late"] for one in fresh)
    taken.duplicates += len(rows) - len(fresh)
    return sorted(fresh, key=lambda one: (one.row["happened_at"], one.id))


def _row(
    device: Bound, event: Event, happened_at: dt.datetime, at: dt.datetime, seconds: int, late: bool
) -> dict[str, Any]:  # fmt: skip
    standard = codes.standard_of(event.standard) if event.standard.strip() else device.standard
    meaning = codes.meaning(standard, event.code)
    kind = EventKind.UNKNOWN if meaning is None else meaning.kind
    if meaning is not None and meaning.occupied is not None and event.occupied:
        kind = meaning.occupied
    return {
        "device_id": device.id, "event_id": event.id, "elevator_id": device.elevator_id,
        "region_code": device.region_code, "unit_id": device.unit_id, "use_unit_id": device.use_unit_id,
        "standard": standard, "code": event.code, "kind": kind.value, "told_at": event.told_at,
        "happened_at": happened_at, "received_at": at, "skew_seconds": seconds, "is_late": late, "data": event.data,
        "joined_id": None, "raised": None, "raised_id": None,
    }  # fmt: skip


# --- live


def _keep_live(
    session: AnySession, known: Sequence[tuple[Bound, Message, int]], fresh: Sequence[Fresh], taken: Taken
) -> None:  # fmt: skip
    """The last that each device told: one statement for those that told something. What is older changes nothing."""
    at = taken.received_at
    rows: dict[int, dict[str, Any]] = {}
    for device, message, seconds in known:
        row = rows.setdefault(device.id, {
            "device_id": device.id, "seen_at": at, "skew_seconds": seconds, **dict.fromkeys(STATUS),
            "fault_at": None, "fault_kind": None, "fault_standard": None, "fault_code": None, "clear_at": None,
        })  # fmt: skip
        row["skew_seconds"] = seconds
        status = message.live
        if status is None:
            continue
        taken.statuses += 1
        told_at = put_right(status.told_at, seconds, at)
        if row["told_at"] is None or told_at >= row["told_at"]:
            row |= {name: getattr(status, name) for name in STATUS} | {"told_at": told_at}
    for one in fresh:
        row = rows[one.device.id]
        if one.kind in CALLING and (row["fault_at"] is None or one.row["happened_at"] >= row["fault_at"]):
            row |= {
                "fault_at": one.row["happened_at"], "fault_kind": one.kind.value,
                "fault_standard": one.row["standard"], "fault_code": one.row["code"],
            }  # fmt: skip
        if one.kind is EventKind.CLEAR and (row["clear_at"] is None or one.row["happened_at"] >= row["clear_at"]):
            row["clear_at"] = one.row["happened_at"]
    if not rows:
        return
    statement = insert_of(session, IotLive)
    new, old = statement.excluded, IotLive.__table__.c
    newer = {
        name: case((_later(new[when], old[when]), new[name]), else_=old[name])
        for when, names in (
            ("told_at", STATUS), ("clear_at", ("clear_at",)),
            ("fault_at", ("fault_at", "fault_kind", "fault_standard", "fault_code")),
        )
        for name in names
    }  # fmt: skip
    statement = statement.on_conflict_do_update(
        index_elements=["device_id"], set_={"seen_at": new.seen_at, "skew_seconds": new.skew_seconds, **newer}
    ).returning(IotLive.__table__.c.device_id)  # with what is given back the rows go as one statement
    connection_of(session).execute(statement, [rows[key] for key in sorted(rows)]).all()


def _later(new: Any, old: Any) -> Any:
    return new.is_not(None) & or_(old.is_(None), new >= old)


# --- what becomes of them


def _raise(session: AnySession, fresh: Sequence[Fresh], at: dt.datetime) -> int:
    """Let what calls for somebody call once: repeats join the first; how many were no repeats."""
    calling = [one for one in fresh if one.kind in CALLING]
    if not calling:
        return 0
    lifts = sorted({one.device.elevator_id for one in calling})
    # Two calls at once about one elevator: the second sees the first's event.
    hold(session, *(f"iot:elevator {key}" for key in lifts))
    minutes = {
        one.device.region_code: int(
            policy_value(session, Key.IOT_REPEAT_MINUTES, one.device.region_code, clock.local_day(at))
        )
        for one in calling
    }
    heads = _heads(session, lifts, {one.id for one in fresh}, calling, max(minutes.values()))
    raised: list[dict[str, Any]] = []
    joined: list[tuple[int, int]] = []
    for one in calling:
        same = heads.setdefault((one.device.elevator_id, *_sort(one.kind, one.row["standard"], one.row["code"])), [])
        within = minutes[one.device.region_code]
        head = next((key for key, when in same if repeats(one.row["happened_at"], when, within)), None)
        if head is not None:
            joined.append((one.id, head))
            continue
        same.append((one.id, one.row["happened_at"]))
        what, which = iot_raising.call(session, one.device, one.row | {"id": one.id}, at)
        raised.append({"row": one.id, "what": what, "which": which})
    if raised:
        connection_of(session).execute(_BECAME, raised)
    for head in sorted({head for _key, head in joined}):
        keys = [key for key, of in joined if of == head]
        session.execute(update(IotEvent.__table__).where(_event.id.in_(keys)).values(joined_id=head))
    return len(raised)


def _sort(kind: EventKind, standard: str, code: str) -> tuple[str, ...]:
    """What makes two events the same trouble: people in the car are, by whatever code; else the code itself."""
    return (kind.value,) if kind is EventKind.TRAPPED else (kind.value, standard, code)


def _heads(
    session: AnySession, lifts: Sequence[int], but: Iterable[int], calling: Sequence[Fresh], minutes: int
) -> dict[tuple[Any, ...], list[tuple[int, dt.datetime]]]:  # fmt: skip
    """The earlier calls of these elevators that one of the new ones might repeat."""
    times = [one.row["happened_at"] for one in calling]
    around = dt.timedelta(minutes=minutes)
    statement = select(
        _event.id, _event.elevator_id, _event.kind, _event.standard, _event.code, _event.happened_at
    ).where(
        among(session, _event.elevator_id, lifts), _event.happened_at >= min(times) - around,
        _event.happened_at <= max(times) + around, _event.joined_id.is_(None), _event.kind.in_(sorted(CALLING)),
    )  # fmt: skip
    own, found = set(but), dict[tuple[Any, ...], list[tuple[int, dt.datetime]]]()
    for key, lift, kind, standard, code, happened_at in session.execute(statement.order_by(_event.id)):
        if key not in own:
            sort = _sort(EventKind(kind), standard, code)
            found.setdefault((lift, *sort), []).append((key, happened_at))
    return found
