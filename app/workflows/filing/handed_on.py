"""What runs of an elevator goes to the units that answer for it now: repairs, anomalies, lines without an answer.

What is over stays where it happened, and so do complaints and rescues, whose limits are those of their day's units.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from sqlalchemy import select

from app import scope
from app.models import Anomaly, Elevator, ElevatorMessage, ElevatorOfficer, IotDevice
from app.permissions import SYSTEM, Verb
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.repair import repairs

_CLOCK = SYSTEM.by("clock")


class _Waits(NamedTuple):
    """What waits for somebody's word: which rows, whose word, and how it is told."""

    model: Any
    waits: Any
    verb: Verb
    topic: str
    title: str
    path: str
    deed: str


WAITING = (
    _Waits(Anomaly, Anomaly.state != "closed", Verb.ANOMALY_HANDLE, "anomaly.review",
        "电梯有未处理的异常，由您的单位接手：%(place)s", "/anomalies", "anomaly.hand_on"),
    _Waits(ElevatorMessage, ElevatorMessage.replied_at.is_(None), Verb.COMPLAINT_HANDLE, "message",
        "电梯有未回复的留言，由您的单位接手：%(place)s", "/messages", "message.hand_on"),
)  # fmt: skip


def follow_units(session: AnySession, elevator: Elevator, at: dt.datetime) -> None:
    """After a change of the maintenance or use unit, in its transaction; told twice nothing changes."""
    session.flush()
    # Whoever decides on the elevator need not be the one who may write what hangs on it.
    with scope.acting(SYSTEM):
        repairs.unit_changed(session, elevator.id, elevator.maintenance_unit_id, at)
        repairs.use_unit_changed(session, elevator.id, elevator.use_unit_id, at)
        for kind in WAITING:
            asked = select(kind.model.id).where(kind.model.elevator_id == elevator.id, kind.waits)
            for key in session.scalars(asked.order_by(kind.model.id).execution_options(skip_scope=True)).all():
                # Asked again of the row that is held: it may have been answered while it was waited for.
                row: Any = lock(session, kind.model, key, kind.waits)
                if row is not None:
                    _hand_on(session, kind, row, elevator, at)
        _end_officer(session, elevator, at)
        _tell_of_key(session, elevator, at)


def _hand_on(session: AnySession, kind: _Waits, row: Any, elevator: Elevator, at: dt.datetime) -> None:
    before = {"unit_id": row.unit_id, "use_unit_id": row.use_unit_id}
    after = {"unit_id": elevator.maintenance_unit_id, "use_unit_id": elevator.use_unit_id}
    row.region_code = elevator.region_code
    if before == after:
        return
    row.unit_id, row.use_unit_id = after.values()
    session.flush()
    link = f"{kind.path}/{row.id}"
    # Whom it was asked of before opens it no more; whoever is on both sides is asked anew.
    outbox.settle(session, at, kind.topic, link)
    who = {one for unit in after.values() for one in outbox.readers_of(session, unit, kind.verb, elevator.id)}
    mark = f"{row.__tablename__}:{row.id}:on:{row.unit_id or 0}:{row.use_unit_id or 0}:{at:%y%m%d%H%M}"
    title = say(kind.title, place=elevator.place)
    outbox.notify(session, at, who, kind.topic, title, row.body or "", link, mark)
    audit.record(session, _CLOCK, at, kind.deed, row.__tablename__, row.id, before, after)


def _tell_of_key(session: AnySession, elevator: Elevator, at: dt.datetime) -> None:
    """The device stays with the elevator and goes on calling for help, by a key that the unit it left was told.

    It cannot be ended from here without silencing the device: whoever answers for the elevator changes it there.
    """
    asked = select(IotDevice).where(
        IotDevice.elevator_id == elevator.id, IotDevice.ended_at.is_(None), IotDevice.unit_id.is_not(None)
    )
    device = session.scalar(asked.execution_options(skip_scope=True))
    units = (elevator.maintenance_unit_id, elevator.use_unit_id)
    if device is None or not device.key or device.unit_id in units:
        return
    who = {one for unit in units for one in outbox.readers_of(session, unit, Verb.IOT_EDIT, elevator.id)}
    title = say("电梯的物联网设备由原单位绑定，请换密钥：%(place)s", place=elevator.place)
    body = say("设备 %(serial)s 的密钥原单位知道。请在设备页面换新密钥，并同时装入设备", serial=device.serial)
    mark = f"iot_device:{device.id}:key:{units[0] or 0}:{units[1] or 0}:{at:%y%m%d%H%M}"
    outbox.notify(session, at, who, "iot.key", title, body, f"/iot/devices/{device.id}", mark)


def _end_officer(session: AnySession, elevator: Elevator, at: dt.datetime) -> None:
    """The officer that the former use unit named; who he was stands in the log."""
    named = session.get(ElevatorOfficer, elevator.id, execution_options={"skip_scope": True})
    if named is None or named.unit_id == elevator.use_unit_id:
        return
    before = {"account_id": named.account_id, "unit_id": named.unit_id}
    session.delete(named)
    session.flush()
    audit.record(session, _CLOCK, at, "safety.officer", "elevator", elevator.id, before, {"account_id": None})
