"""Applications that wait with one limit, rounds that tell of it, and who was told."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import insert, select

from app.models import Application, ClockMark, Notification
from app.transaction import transaction
from app.workflows.approval import escalation, reminders
from tests.factories import World
from tests.workflows.test_applications import suspend

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def waiting(world: World, count: int, **fields: Any) -> list[Application]:
    """So many that wait with one limit, as a batch hands them in."""
    first = suspend(world)
    table = Application.__table__
    row = {c.name: getattr(first, c.name) for c in table.columns if c.name != "id" and c.computed is None}
    more = [
        row | {"number": f"TY-{n}", "entity_id": 10**6 + n, "title": f"第 {n} 件", "said": None} | fields
        for n in range(1, count)
    ]
    world.session.execute(insert(Application), more)
    world.session.commit()
    return list(world.session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))


def remind(world: World, at: dt.datetime) -> int:
    with transaction(world.session):
        return reminders.remind(world.session, at)


def rise(world: World, at: dt.datetime) -> int:
    with transaction(world.session):
        return escalation.rise(world.session, at)[0]


def notices(world: World, topic: str) -> list[Notification]:
    world.session.expire_all()
    statement = select(Notification).where(Notification.topic == topic).order_by(Notification.id)
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


def marked(world: World, step: str) -> set[int]:
    names = world.session.scalars(select(ClockMark.name).where(ClockMark.name.startswith(f"{step}:", autoescape=True)))
    return {int(name.partition(":")[2]) for name in names}


def officers(world: World) -> set[int]:
    return {world.accounts[who].id for who in ("inspector", "region_admin")}
