"""What tests of photographed labels need: who came by scan or by number, and what was said of the photo."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.errors import Refusal
from app.models import Visit
from app.transaction import transaction
from app.workflows.visits import label_photos
from tests.factories import World
from tests.workflows.visit_world import HOUR, MINUTE, START, arrive, file_of, rules_of
from tests.workflows.visit_world import leave as leave_by

SECOND = dt.timedelta(seconds=1)
by_unit = pytest.mark.parametrize("town", ["unit"], indirect=True)


def leave(session: Any, town: World, visit: Visit, at: dt.datetime, **more: Any) -> Visit:
    """A check-out by the label itself."""
    return leave_by(session, town, visit, at, **{"code": town.own.public_token} | more)


def typed_out(session: Any, town: World, visit: Visit, at: dt.datetime = START + 40 * MINUTE) -> Visit:
    """A check-out by number with its photo."""
    return leave_by(session, town, visit, at, label_ids=[file_of(session, town, "label_out")])


def scanned_in(session: Any, town: World, at: dt.datetime = START) -> Visit:
    return arrive(session, town, at, code=f"https://tian.example/m/p/{town.own.public_token}")


def came(session: Any, town: World, at: dt.datetime = START, **more: Any) -> Visit:
    """A check-in by number with its photo."""
    return arrive(session, town, at, label_ids=[file_of(session, town, "label")], **more)


def done(session: Any, town: World, at: dt.datetime = START) -> Visit:
    return leave(session, town, came(session, town, at), at + 40 * MINUTE)


def newest(session: Any, visit: Visit) -> int:
    return label_photos.photos(session, visit.id)[-1].id


def say(
    session: Any, town: World, visit: Visit, decision: str, reason: str = "", who: str = "inspector",
    at: dt.datetime = START + HOUR, **more: Any,
) -> Visit:  # fmt: skip
    seen = more.pop("seen", None) or newest(session, visit)
    actor = more.pop("actor", None) or town.actor(who)
    with transaction(session):
        return label_photos.decide(session, actor, visit.id, decision, reason, seen, at)


def refused(session: Any, town: World, visit: Visit, decision: str, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refusal) as refusal:
        say(session, town, visit, decision, *args, **more)
    session.rollback()
    return rules_of(refusal)
