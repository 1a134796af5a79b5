"""Where faces are compared: a service, a worker who consented, and a check-in as both doors make it."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from app import clock
from app.errors import Refusal
from app.models import FaceCheck, Visit
from app.tasks import faces as task
from app.transaction import transaction
from app.workflows.files import attachments, sent_ahead
from app.workflows.visits import face_checks, visits
from tests.faces import OTHER, Service
from tests.factories import World, make_policy, picture
from tests.workflows.visit_world import DAY, HERE, START


def selfie(session: Any, world: World, at: dt.datetime = START, colour: str = "#445566") -> int:
    """A photo that the phone has sent ahead of its form."""
    received = attachments.receive(io.BytesIO(picture("JPEG", (64, 48), colour)), "现场.jpg", "selfie")
    with transaction(session):
        return sent_ahead.send(session, world.actor("worker"), at, received).id


def arrive(
    session: Any, world: World, ids: list[int], at: dt.datetime = START, position: Any = HERE, **more: Any
) -> Visit:
    """What both doors do: compare first, then check in."""
    actor, without = world.actor("worker"), more.pop("without", False)
    key = more.get("client_key")
    face_checks.ahead(session, actor, world.own.code, position, ids, 0, at, without=without, client_key=key)
    with transaction(session):
        place = ("visit", None, actor.unit_id, actor.region_code)
        held = [row.id for row in sent_ahead.settle(session, actor, ids, "selfie", *place)]
        return visits.check_in(
            session, actor, world.own.code, position, at, selfie_ids=held, without_face=without, **more
        )  # fmt: skip


def stands(session: Any, visit: Visit) -> FaceCheck:
    session.expire_all()
    found = face_checks.of_visit(session, visit.id)
    assert found is not None
    return found


def run(app: Any, session: Any, at: dt.datetime) -> int:
    session.rollback()
    with app.app_context(), clock.frozen(at):
        count = task.compare()
    session.expire_all()
    return int(count)


def failed(session: Any, town: World, service: Service) -> Visit:
    make_policy(session, "face_attempts", 1)
    session.commit()
    service.says = [OTHER]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town)])
    return arrive(session, town, [selfie(session, town)], without=True)


def decide(session: Any, town: World, visit: Visit, verdict: str, note: str = "", who: str = "inspector") -> FaceCheck:
    with transaction(session):
        return face_checks.decide(session, town.actor(who), visit.id, verdict, note, START + DAY)
