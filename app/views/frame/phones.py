"""Who is led to the phone pages first: by his work, by what he holds in his hand, by what he chose there himself."""

from __future__ import annotations

from flask import request, session

from app.permissions import Actor, Role
from app.rules.devices import is_phone

# Of these the work is done on site: a worker's wherever he sits, a guard's or rescuer's where he signs in by phone.
ON_SITE = frozenset({Role.WORKER, Role.SAFETY_OFFICER, Role.RESCUER})
_DESK = "desk"


def phone_first(actor: Actor) -> bool:
    """Whether the phone pages are to be shown. `?desk=1` chooses the desk until the phone's home is opened again."""
    if request.args.get("desk"):
        session[_DESK] = True
    if session.get(_DESK):
        return False
    by_phone = is_phone(request.user_agent.string, request.headers.get("Sec-CH-UA-Mobile", ""))
    return actor.roles == {Role.WORKER} or (by_phone and bool(actor.roles) and actor.roles <= ON_SITE)


def back_on_phone() -> None:
    """The phone's home was opened: it comes first again."""
    session.pop(_DESK, None)
