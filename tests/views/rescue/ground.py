"""Rescues in whatever state a test of the screens needs, and how forms are sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import clock
from app.models import Rescue
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_desk, rescues
from tests.conftest import csrf
from tests.factories import World

M = dt.timedelta(minutes=1)
PHONE = "13900001111"
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0"}
FROM = {"REMOTE_ADDR": "203.0.113.9"}


def report(world: World, ago: float = 1, **more: Any) -> int:
    elevator, source = more.pop("elevator", world.own), more.pop("source", "page")
    with transaction(world.session):
        row = rescues.report(world.session, None, elevator, source=source, at=clock.now() - ago * M, **more)
    key = row.id
    world.session.commit()
    return key


def freed(world: World, ago: float = 60, accept: float = 1, done: float = 15, **more: Any) -> int:
    """A case from the report to the end."""
    at = clock.now() - ago * M
    key = report(world, ago, **{n: v for n, v in more.items() if n in ("elevator", "source")})
    form = FORM | {n: v for n, v in more.items() if n in FORM}
    with transaction(world.session) as session:
        agent = world.actor("agent")
        call = rescue_desk.dispatch(session, agent, key, 1, at)
        rescue_answers.accept(session, agent, key, at + accept * M, call_id=call.id)
        rescue_answers.free(session, agent, key, form, at + (accept + done) * M, call_id=call.id)
    world.session.commit()
    return key


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, follow_redirects=True)


def row_of(world: World, key: int) -> Rescue:
    world.session.rollback()
    world.session.expire_all()
    found = world.session.get(Rescue, key)
    assert found is not None
    return found
