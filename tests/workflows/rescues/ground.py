"""A rescue at each of its steps, and who takes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from app.models import Rescue, RescueDispatch
from app.transaction import transaction
from app.workflows.rescue import rescue_desk, rescue_help, rescues
from app.workflows.rescue.rescue_course import calls_of
from tests.factories import World

M, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)
START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0", "method": "level"}
PHONE = "13900001111"


def report(world: World, at: dt.datetime = START, source: str = "page", who: str | None = None, **more: Any) -> Rescue:
    elevator = more.pop("elevator", world.own)
    with transaction(world.session):
        actor = None if who is None else world.actor(who)
        return rescues.report(world.session, actor, elevator, source=source, at=at, **more)


def do(world: World, who: str, deed: Callable[..., Any], row: Rescue, *given: Any, **more: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), row.id, *given, **more)


def dispatched(world: World, at: dt.datetime = START) -> Rescue:
    row = report(world, at, "call", "agent", caller="顾女士", phone=PHONE)
    do(world, "agent", rescue_desk.dispatch, row, 1, at)
    return row


def tick(world: World, at: dt.datetime) -> int:
    done = 0
    for key in rescue_help.due(world.session, at):
        with transaction(world.session):
            done += rescue_help.act(world.session, key, at) is not None
    return done


def calls(world: World, row: Rescue) -> list[RescueDispatch]:
    return calls_of(world.session, row)
