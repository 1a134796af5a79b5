"""At whose desk an officer sits in a request: his own, or that of one elsewhere for whom he stands in (代办)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import g
from sqlalchemy import or_, select

from app import clock, scope
from app.extensions import db
from app.models import Application
from app.permissions import Actor, Verb
from app.workflows.approval import delegations


def sit_at(application_id: int) -> None:
    """Act, for the rest of the request, at the desk where this application is seen."""
    g.actor = delegations.at_desk(db.session, g.actor, application_id, clock.now())


def others() -> list[Actor]:
    """The desks of other offices, read once a request."""
    if "desks" not in g:
        officer = g.actor.unit_id is None and g.actor.may(Verb.APPLICATION_DECIDE)
        g.desks = delegations.desks(db.session, g.actor, clock.today()) if officer else []
    found: list[Actor] = g.desks
    return found


def seen() -> Any:
    """The applications of one's own desk and of those others; for statements that are asked without the net."""
    return or_(*(scope.criterion(Application, one) for one in (g.actor, *others())))


def openable(keys: Iterable[int | None]) -> set[int]:
    """Those of these applications whose page the actor may open: a move is decided by an office above both ends."""
    wanted = sorted({key for key in keys if key is not None})
    if not wanted or not g.actor.may(Verb.APPLICATION_READ):
        return set()
    statement = select(Application.id).where(Application.id.in_(wanted), seen())
    return set(db.session.scalars(statement.execution_options(skip_scope=True)))
