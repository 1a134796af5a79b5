"""What tests of visits kept without network need: one as a phone kept it, sent, and how it was received."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Refusal
from app.models import Visit
from app.reference import items_for
from app.rules.offline import Contact, PhoneClock
from app.transaction import transaction
from app.workflows.visits import offline
from app.workflows.visits.offline import Kept, Moment
from app.workflows.visits.visits import CheckOut, Position
from tests.factories import World

HERE, FAR = Position(30.5, 120.5), Position(30.6, 120.5)
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
SECOND, MINUTE, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(1)
nantong = pytest.mark.parametrize("place", ["nantong"], indirect=True)


def well_done(**more: Any) -> CheckOut:
    results = {
        i.code: {"result": "ok", "value": "合格" if i.needs_test else ""} for i in items_for("3110", "half_month")
    }
    return CheckOut(**({"results": results, "problem": ""} | more))


def kept(
    world: World, key: str = "phone-key-1", *, began: dt.datetime | None = START, minutes: float | None = 40,
    sent: dt.datetime = START + 2 * HOUR, ahead: dt.timedelta = 0 * SECOND, contact: dt.datetime = START - HOUR,
    **more: Any,
) -> Kept:  # fmt: skip
    """A whole visit of forty minutes in which the phone's clock was ahead by so much."""
    code, at = more.pop("code", world.own.code), more.pop("at", HERE)
    base = began or more.pop("base", START)
    out = None if minutes is None else Moment(code, base + dt.timedelta(minutes=minutes) + ahead, at, 12)
    phone = PhoneClock(sent + ahead, sent, Contact(contact, more.pop("was_ahead", ahead)))
    more.setdefault("account_id", world.accounts["worker"].id)
    return Kept(
        key, phone, began=None if began is None else Moment(code, began + ahead, at, 8.4), ended=out,
        done=more.pop("done", well_done()), **more,
    )  # fmt: skip


def send(session: Any, world: World, one: Kept, who: str = "worker") -> Visit:
    with transaction(session):
        return offline.receive(session, world.actor(who), one, one.phone.received_at)


def refused(session: Any, world: World, one: Kept) -> set[str]:
    with pytest.raises(Refusal) as found:
        send(session, world, one)
    session.rollback()
    assert all(f.remedy for f in found.value.findings if f.stops)
    return {f.rule for f in found.value.findings if f.stops}


def count(session: Any) -> int:
    return int(session.scalar(select(func.count(Visit.id))))
