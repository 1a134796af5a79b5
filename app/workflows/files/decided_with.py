"""Papers of a unit that an officer decides with: named by the application for its filing (`unit_papers.seen`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app import scope
from app.models import Application
from app.permissions import Actor, Verb
from app.transaction import AnySession


def open_filing(session: AnySession, unit_id: int) -> int | None:
    """The application by which a unit's filing is decided now."""
    statement = select(Application.id).where(
        Application.entity == "unit", Application.entity_id == unit_id, Application.is_open.is_(True)
    )
    found: int | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def is_seen(session: AnySession, actor: Actor, file: Any) -> bool:
    """Whether a unit's paper is one of those that the actor decides on."""
    if file.entity != "unit" or file.entity_id is None or not actor.may(Verb.APPLICATION_DECIDE):
        return False
    key = open_filing(session, file.entity_id)
    if key is None:
        return False
    statement = scope.apply(select(Application.data).where(Application.id == key), actor, Application)
    data = session.scalar(statement.execution_options(skip_scope=True))
    seen = (data or {}).get("papers") or {}
    return any(file.id in numbers for numbers in seen.values())
