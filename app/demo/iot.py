"""Invented devices in some of the demo's elevators, with a day of events; made by the product's own verbs."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from sqlalchemy import select

from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Elevator
from app.permissions import SYSTEM
from app.workflows.partners import iot, iot_devices

MINUTE = dt.timedelta(minutes=1)
DEVICES = 14
# Of which device: what happened how many minutes ago, and how late it arrived.
EVENTS: tuple[tuple[int, str, str, int, int], ...] = (
    (0, "TIAN-1", "door_repeats", 1300, 0), (0, "TIAN-1", "door_repeats", 1296, 0), (0, "TIAN-1", "clear", 1270, 0),
    (1, "GB/T 24476-2017", "43", 700, 0), (1, "GB/T 24476-2017", "40", 640, 0), (2, "GB/T 24476-2017", "02", 420, 0),
    (2, "GB/T 24476-2017", "40", 395, 0), (3, "TIAN-1", "ebike", 300, 0), (4, "GB/T 24476-2017", "90", 260, 0),
    (4, "GB/T 24476-2017", "40", 255, 0), (5, "某厂 3.1", "17", 210, 0), (6, "TIAN-1", "overspeed", 600, 130),
    (6, "TIAN-1", "clear", 590, 120), (7, "TIAN-1", "stopped_between", 35, 0),
)  # fmt: skip


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """Devices at the demo firm's elevators: most on line, one silent, one whose clock is fast; how many."""
    head = actor_named(session, "weibao_wenyuan")
    if head is None:
        return 0
    firm, _use_unit, _person = first_firm(session)
    lifts = session.scalars(
        select(Elevator)
        .where(Elevator.maintenance_unit_id == firm.id, Elevator.status == "in_use", Elevator.is_secret.is_(False))
        .order_by(Elevator.id)
        .limit(DEVICES)
    ).all()  # fmt: skip
    rng = random.Random(f"iot-{seed}")
    serials = [f"YT24-{seed:02d}{number:04d}" for number in range(len(lifts))]
    for number, lift in enumerate(lifts):
        form = {
            "serial": serials[number], "maker": "澜州云梯物联科技有限公司", "model": "YT-24",
            "standard": "TIAN-1" if number % 2 else "GB/T 24476-2017",
        }  # fmt: skip
        if number in (0, 7):
            form["video_url"] = f"https://video.example.com/call/{serials[number]}"
        iot_devices.bind(session, head, lift.id, form, at - 30 * 24 * 60 * MINUTE)
    for number, (which, standard, code, ago, late) in enumerate(EVENTS):
        if which >= len(lifts):
            continue
        happened = at - ago * MINUTE
        event = {"id": f"{seed}-{number:03d}", "at": happened.isoformat(), "standard": standard, "code": code}
        arrived = happened + late * MINUTE
        body: dict[str, Any] = {"sent_at": arrived.isoformat(), "events": [event]}
        iot.receive(session, SYSTEM.by("device"), body, arrived, serial=serials[which])
    for number, serial in enumerate(serials[:-1]):
        told_at = at - rng.randint(2, 40) * dt.timedelta(seconds=1)
        skew = 9 * MINUTE if number == 3 else dt.timedelta()
        floors = lifts[number].floors or 12
        status = {
            "at": (told_at + skew).isoformat(), "floor": str(rng.randint(1, floors)), "mode": "normal",
            "direction": rng.choice(["up", "down", "stop"]), "door": "closed", "speed": rng.choice([0.0, 1.5, 1.75]),
            "occupied": rng.random() < 0.4,
        }  # fmt: skip
        body = {"sent_at": (told_at + skew).isoformat(), "status": status}
        iot.receive(session, SYSTEM.by("device"), body, told_at, serial=serial)
    return len(lifts)
