"""What an event of a device sets going (INT-03): a rescue, an anomaly, or those who keep the elevator are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import func, or_, select, update

from app import clock
from app.models import Elevator, IotEvent, IotLive, Rescue
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key
from app.reference import iot as codes
from app.rules.iot import OLDEST, EventKind, Raised, raised, stands_for
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import outbox
from app.workflows.oversight import anomalies
from app.workflows.rescue import rescues

TITLES = {
    EventKind.TRAPPED: "困人：电梯 %(code)s", EventKind.ALARM: "报警：电梯 %(code)s",
    EventKind.FAULT: "故障：电梯 %(code)s",
}  # fmt: skip


class Lift(Protocol):
    """What of a device's elevator is told."""

    @property
    def elevator_id(self) -> int: ...
    @property
    def region_code(self) -> str: ...
    @property
    def unit_id(self) -> int | None: ...
    @property
    def use_unit_id(self) -> int | None: ...
    @property
    def code(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def is_secret(self) -> bool: ...


def call(
    session: AnySession, lift: Lift, event: Mapping[str, Any], at: dt.datetime
) -> tuple[str, int | None]:  # fmt: skip
    """Let one event that repeats no other call for somebody; what it became, and the row of that."""
    kind, on = EventKind(event["kind"]), clock.local_day(at)
    becomes = raised(
        kind, event["is_late"],
        rescues=bool(policy_value(session, Key.IOT_RESCUES, lift.region_code, on)),
        anomalies=bool(policy_value(session, Key.IOT_ANOMALIES, lift.region_code, on)),
    )  # fmt: skip
    name = name_of(event["standard"], event["code"])
    if becomes is Raised.ANOMALY:
        # It tells those who keep the elevator itself.
        return "anomaly", _anomaly(session, lift, event, kind, name, at)
    key = _rescue(session, lift, event, name) if becomes is Raised.RESCUE else None
    _tell(session, lift, event, kind, name, at)
    return ("notice", None) if key is None else ("rescue", key)


def _rescue(session: AnySession, lift: Lift, event: Mapping[str, Any], name: str) -> int:
    elevator = session.get(Elevator, lift.elevator_id)
    assert elevator is not None
    case = rescues.report(session, None, elevator, source="iot", at=event["happened_at"], scene=name)
    _keep_told(session, case, lift, event)
    return case.id


def _keep_told(session: AnySession, case: Rescue, lift: Lift, event: Mapping[str, Any]) -> None:
    """运行状态 and 恢复时间 (huzhou 1.6): how the car stood by the device's last word, and a 恢复 that came sooner."""
    live = session.get(IotLive, event["device_id"], populate_existing=True)
    on = clock.local_day(event["received_at"])
    minutes = int(policy_value(session, Key.IOT_OFFLINE_MINUTES, lift.region_code, on))
    if live is not None and stands_for(event["happened_at"], live.told_at, minutes):
        for name in ("floor", "direction", "occupied"):
            if getattr(case, name) is None:
                setattr(case, name, getattr(live, name))
    if (event["data"] or {}).get("occupied") is True:
        case.occupied = True
    if case.cleared_at is None:
        case.cleared_at = session.scalar(
            select(func.min(IotEvent.happened_at)).where(
                IotEvent.elevator_id == case.elevator_id, IotEvent.kind == EventKind.CLEAR.value,
                IotEvent.happened_at >= event["happened_at"],
            ).execution_options(skip_scope=True)
        )  # fmt: skip
    session.flush()


def cleared(session: AnySession, clears: Sequence[tuple[int, dt.datetime]]) -> None:
    """Tell 恢复 at elevators to the cases that their devices had told of before: the first since then counts."""
    cases, event = Rescue.__table__.c, IotEvent.__table__.c
    for elevator_id, at in clears:
        told = select(event.raised_id).where(
            event.elevator_id == elevator_id, event.happened_at <= at, event.happened_at > at - OLDEST,
            event.raised == "rescue",
        )  # fmt: skip
        later = or_(cases.cleared_at.is_(None), cases.cleared_at > at)
        session.execute(update(Rescue.__table__).where(cases.id.in_(told), later).values(cleared_at=at))


def _anomaly(
    session: AnySession, lift: Lift, event: Mapping[str, Any], kind: EventKind, name: str, at: dt.datetime
) -> int:  # fmt: skip
    elevator = session.get(Elevator, lift.elevator_id)
    assert elevator is not None
    meaning = codes.meaning(event["standard"], event["code"])
    sort = "trapped" if kind is EventKind.TRAPPED else "other" if meaning is None else meaning.anomaly
    return anomalies.found(
        session, None, elevator, source="iot", kind=sort, text=name, at=at, found_at=event["happened_at"]
    ).id


def _tell(
    session: AnySession, lift: Lift, event: Mapping[str, Any], kind: EventKind, name: str, at: dt.datetime
) -> None:  # fmt: skip
    link = f"/iot/events/{event['id']}"
    body = say(
        "%(place)s　%(name)s　%(at)s", place=lift.place, name=name,
        at=f"{clock.local(event['happened_at']):%m-%d %H:%M}",
    )  # fmt: skip
    who = set(outbox.readers_of(session, lift.unit_id, Verb.IOT_READ, lift.elevator_id))
    who |= set(outbox.readers_of(session, lift.use_unit_id, Verb.IOT_READ, lift.elevator_id))
    if kind is EventKind.TRAPPED or not who:
        who |= set(outbox.officers_of(session, lift.region_code, Verb.IOT_READ, secret=lift.is_secret))
    title = say(TITLES[kind], code=lift.code)
    outbox.notify(session, at, sorted(who), f"iot.{kind}", title, body, link, f"iot:{event['id']}")


def name_of(standard: str, code: str) -> str:
    """What a code is called; one that no table knows, as it came."""
    meaning = codes.meaning(standard, code)
    return say("未知代码 %(code)s", code=code) if meaning is None else meaning.name
