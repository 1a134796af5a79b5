"""Devices that went silent (INT-03): when one counts as such, and who is told of it, once a silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal_column, or_, select

from app import clock
from app.models import ClockMark, Elevator, IotDevice, IotLive
from app.models.policy import policy_groups
from app.permissions import Verb
from app.policy import Key
from app.rules.places import named_place
from app.transaction import AnySession, hold, insert_of
from app.wording import say, together
from app.workflows.core import outbox

# A device that was never heard of is silent from its binding on.
HEARD = func.coalesce(IotLive.seen_at, IotDevice.bound_at)
TOPIC = "iot.silent"
# What a round takes on: a maker's platform that is away silences thousands at once, the next round has the rest.
MOST = 2000
NAMED = 5
_UNITS = {Key.IOT_OFFLINE_MINUTES: "minutes", Key.IOT_SILENT_HOURS: "hours"}


def silent(session: AnySession, key: Key, at: dt.datetime, on: dt.date) -> ColumnElement[bool]:
    """Of devices with their elevator and what they told last: bound, in an elevator in use, and heard of too long ago.

    How long that is, the region of each says.
    """
    groups = policy_groups(session, key, on, IotDevice.region_code)
    found = [and_(where, at - dt.timedelta(**{_UNITS[key]: int(n)}) > HEARD) for n, where in groups]
    return and_(IotDevice.ended_at.is_(None), Elevator.status == "in_use", or_(*found))


def tell(session: AnySession, at: dt.datetime) -> int:
    """One round: each silence that nobody was told of, to those who keep the device; how many silences.

    The mark of a device is the instant of its last word before the silence that was told: so a round that comes twice
    tells nothing twice, and once it has spoken the next silence is another. What stands still or is scrapped is passed
    over, and told when the elevator is in use again.
    """
    # Two rounds at once: the second sees the first's marks.
    hold(session, "iot:silence")
    rows = session.execute(_untold(session, at), execution_options={"skip_scope": True}).all()
    by_id = {row.id: row for row in rows}
    for keys, accounts in outbox.alike((account, row.id) for row in rows for account in _keepers(session, row)):
        title, body, link = _words([by_id[key] for key in keys])
        key = f"iot-silent:{keys[0]}:{len(keys)}:{at:%y%m%d%H%M%S}"
        outbox.notify(session, at, accounts, TOPIC, title, body, link, key)
    _mark(session, rows)
    return len(rows)


def _untold(session: AnySession, at: dt.datetime) -> Any:
    name: Any = literal_column("'iot_silent:'", Text) + cast(IotDevice.id, Text)
    return (
        select(
            IotDevice.id, IotDevice.serial, IotDevice.unit_id, HEARD.label("heard"), IotLive.seen_at,
            Elevator.id.label("elevator_id"), Elevator.region_code, Elevator.maintenance_unit_id, Elevator.use_unit_id,
            Elevator.code, Elevator.estate, Elevator.address, Elevator.is_secret,
        )
        .join(Elevator, Elevator.id == IotDevice.elevator_id)
        .outerjoin(IotLive, IotLive.device_id == IotDevice.id)
        .outerjoin(ClockMark, ClockMark.name == name)
        .where(
            silent(session, Key.IOT_SILENT_HOURS, at, clock.local_day(at)),
            or_(ClockMark.at.is_(None), ClockMark.at < HEARD),
        )
        .order_by(IotDevice.id)
        .limit(MOST)
    )  # fmt: skip


def _keepers(session: AnySession, row: Any) -> list[int]:
    """Whoever bound it, while the elevator is theirs; else both of its units; where nobody is, the office above."""
    units = {row.maintenance_unit_id, row.use_unit_id} - {None}
    if row.unit_id in units:
        units = {row.unit_id}
    who = {a for unit in units for a in outbox.readers_of(session, unit, Verb.IOT_READ, row.elevator_id)}
    return sorted(who or outbox.officers_of(session, row.region_code, Verb.IOT_READ, secret=row.is_secret))


def _words(rows: Sequence[Any]) -> tuple[str, str, str]:
    """Title, text and address: of one device its own, of several the list with all that are silent."""
    if len(rows) > 1:
        codes = together([row.code for row in rows[:NAMED]], "、")
        body = say("电梯 %(codes)s，请检查供电和网络", codes=codes)
        if len(rows) > NAMED:
            body = say("电梯 %(codes)s 等，请检查供电和网络", codes=codes)
        return say("%(n)s 台电梯的物联网设备长时间没有通信", n=len(rows)), body, "/warnings/device/"
    (row,) = rows
    place = named_place(row.estate, row.address)
    day = f"{clock.local(row.heard):%m-%d %H:%M}"
    since = say("最近通信 %(at)s", at=day) if row.seen_at is not None else say("%(at)s 绑定，从未通信", at=day)
    return (
        say("物联网设备长时间没有通信：电梯 %(code)s", code=row.code),
        say("%(place)s　设备 %(serial)s，%(since)s，请检查供电和网络", place=place, serial=row.serial, since=since),
        f"/iot/devices/{row.id}",
    )  # fmt: skip


def _mark(session: AnySession, rows: Sequence[Any]) -> None:
    marks = [{"name": f"iot_silent:{row.id}", "at": row.heard} for row in rows]
    for start in range(0, len(marks), 500):
        statement = insert_of(session, ClockMark).values(marks[start : start + 500])
        session.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at})
        )
