"""`flask iot-simulator`: devices that move, and now and then break, so that anybody can try what they make of pages."""

from __future__ import annotations

import datetime as dt
import json
import random
import secrets
import time
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock
from app.channels import web
from app.errors import refuse
from app.extensions import db
from app.models import Elevator, IotDevice
from app.permissions import SYSTEM
from app.rules.iot import signature
from app.rules.lifecycle import ElevatorStatus
from app.transaction import transaction
from app.workflows.partners import iot, iot_devices

PATH = "/api/v1/iot/device"
FAULTS = ("door_repeats", "stopped_between", "overspeed", "run_timeout", "alarm", "trapped_between")


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(simulator_command)


@click.command("iot-simulator")
@click.option("--url", default="", help="Send signed messages to a running server, as real devices do.")
@click.option("--bind", "to_bind", default=0, type=click.IntRange(0, 10_000), help="First bind as many devices.")
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(1, 1_000_000), help="Messages a device.")
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(0, 3600), help="Seconds between.")
@click.option("--faults", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Chance of one a message.")
@click.option("--seed", default=1, show_default=True, help="The same seed moves and breaks alike.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def simulator_command(
    url: str, to_bind: int, rounds: int, every: float, faults: float, seed: int, as_json: bool
) -> None:  # fmt: skip
    """Let the bound devices run up and down, open their doors and break now and then."""
    bound = bind(to_bind, seed) if to_bind else 0
    cars = [Car(row.serial, row.key, row.elevator.floors or 12, seed) for row in _devices()]
    db.session.rollback()
    if not cars:
        raise refuse("设备", "没有用密钥绑定的设备", "请先绑定硬件，或加 --bind 10")
    told: dict[str, float] = {"bound": bound, "devices": len(cars), "messages": 0, "accepted": 0, "refused": 0}
    began = time.perf_counter()
    for number in range(rounds):
        for car in cars:
            message = car.message(faults, clock.now())
            answer = _over_http(url, car, message) if url else _here(car, message)
            told["messages"] += 1
            told["accepted"] += answer["accepted"]
            told["refused"] += answer["refused"]
        if number + 1 < rounds and every:
            time.sleep(every)
    told["seconds"] = round(time.perf_counter() - began, 1)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(
            f"{told['devices']} 个设备发了 {told['messages']} 条消息，收下事件 {told['accepted']} 个，"
            f"未收 {told['refused']} 个，{told['seconds']} 秒"
        )


class Car:
    """One car: where it is, where it goes, whether it is stuck."""

    def __init__(self, serial: str, key: str | None, floors: int, seed: int) -> None:
        self.serial, self.key, self.floors = serial, key or "", max(2, floors)
        self._rng = random.Random(f"{seed}:{serial}")
        self._floor, self._to, self._stuck, self._sent = 1, 1, 0, 0
        self._run = secrets.token_hex(4)

    def message(self, faults: float, at: dt.datetime) -> dict[str, Any]:
        """Its next one, as it would be sent at this instant."""
        events = []
        self._sent += 1
        if self._stuck:
            self._stuck -= 1
            if not self._stuck:
                events.append(self._event("clear", at))
        elif self._rng.random() < faults:
            self._stuck = self._rng.randint(2, 6)
            events.append(self._event(self._rng.choice(FAULTS), at))
        elif self._floor == self._to:
            self._to = self._rng.randint(1, self.floors)
        else:
            self._floor += 1 if self._to > self._floor else -1
        moving = not self._stuck and self._floor != self._to
        direction = ("up" if self._to > self._floor else "down") if moving else "stop"
        return {
            "sent_at": at.isoformat(), "events": events,
            "status": {
                "at": at.isoformat(), "floor": str(self._floor), "direction": direction, "mode": "normal",
                "door": "closed" if moving or self._stuck else "open", "speed": 1.75 if moving else 0.0,
                "occupied": self._rng.random() < 0.5,
            },
        }  # fmt: skip

    def _event(self, code: str, at: dt.datetime) -> dict[str, Any]:
        return {"id": f"sim-{self._run}-{self._sent}", "at": at.isoformat(), "standard": "TIAN-1", "code": code}


def bind(count: int, seed: int) -> int:
    """Bind invented devices to elevators in use that have none; how many."""
    held = select(IotDevice.elevator_id).where(IotDevice.ended_at.is_(None))
    statement = select(Elevator.id, Elevator.code).where(
        Elevator.approved_version > 0, Elevator.status == ElevatorStatus.IN_USE.value, Elevator.id.not_in(held)
    )  # fmt: skip
    lifts = db.session.execute(statement.order_by(Elevator.id).limit(count)).all()
    db.session.rollback()
    with transaction(db.session) as session:
        for key, code in lifts:
            form = {"serial": f"SIM{seed}-{code}", "maker": "模拟器", "standard": "TIAN-1"}
            iot_devices.bind(session, SYSTEM.by("cli"), key, form, clock.now())
    return len(lifts)


def _devices() -> list[IotDevice]:
    statement = select(IotDevice).where(IotDevice.ended_at.is_(None), IotDevice.key.is_not(None))
    return list(db.session.scalars(statement.order_by(IotDevice.id)))


def _here(car: Car, message: dict[str, Any]) -> dict[str, int]:
    with transaction(db.session) as session:
        taken = iot.receive(session, SYSTEM.by("device"), message, clock.now(), serial=car.serial)
    return {"accepted": taken.accepted, "refused": len(taken.refused)}


def _over_http(url: str, car: Car, message: dict[str, Any]) -> dict[str, int]:
    body, stamp, nonce = web.body_of(message), str(int(clock.now().timestamp())), secrets.token_hex(8)
    answer = web.post(web.secured("--url", url.rstrip("/") + PATH), body, {
        "X-Device": car.serial, "X-Timestamp": stamp, "X-Nonce": nonce,
        "X-Signature": signature(car.key, "POST", PATH, stamp, nonce, body),
    })  # fmt: skip
    return {"accepted": int(answer.get("accepted", 0)), "refused": len(answer.get("refused", []))}
