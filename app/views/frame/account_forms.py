"""What the account screens share: run a workflow and keep the form, choices, the page that shows a password once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import abort, g, make_response, request
from flask_babel import gettext as _
from sqlalchemy import select

from app import scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Account, Region
from app.permissions import ROLE_LABEL, Actor, Role
from app.transaction import in_one, transaction
from app.wording import together

T = TypeVar("T")
Findings = list[Finding]


def run(deed: Callable[[Any], T]) -> tuple[T | None, Findings, int]:
    """Do one workflow in its transaction: its result, or what was refused and the status to answer with."""

    def done() -> T:
        with transaction(db.session) as session:
            return deed(session)

    return _answered(done)


def run_one(deed: Callable[[Any], T]) -> tuple[T | None, Findings, int]:
    """The same of one of many, which is done again where the database ended it for another's sake: those before it
    stand."""
    return _answered(lambda: in_one(db.session, deed))


def _answered(done: Callable[[], T]) -> tuple[T | None, Findings, int]:
    try:
        return done(), [], 200
    except Refusal as refusal:
        return None, [f for f in refusal.findings if not f.ok], refusal.status_code


def text(name: str, most: int = 500) -> str:
    """A field as typed, cut at what no field of ours needs."""
    return request.form.get(name, "")[:most]


def number(value: str | None) -> int | None:
    """A row's number out of a form or URL; anything else is None, never an error."""
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 16 else None


def me() -> Account:
    """The account that acts, as the database has it."""
    account = db.session.get(Account, g.actor.user_id)
    assert account is not None
    return account


def own_sub(pk: int) -> Account:
    """The sub-account to show a form for; the workflow checks again when it acts."""
    if g.actor.unit_id is None or not g.actor.is_main:
        abort(403)
    account: Account = scope.visible(db.session, g.actor, Account, pk, _("子用户"))
    if account.unit_id != g.actor.unit_id or account.is_main:
        abort(404)
    return account


_ROLES = {role.value: role for role in Role}


def role_words(account: Account) -> str:
    """The roles of an account as words; a role that is not ours grants nothing and is not shown."""
    return together(str(ROLE_LABEL[_ROLES[row.name]]) for row in account.roles if row.name in _ROLES) or "—"


def regions_below(actor: Actor, most: int = 3000) -> list[tuple[int, str]]:
    """The actor's own node and those below it, in the order of the tree."""
    statement = select(Region).order_by(Region.code).limit(most)
    if not actor.sees_everything:
        low, high = actor.region_span or ("", "")
        statement = statement.where(Region.code >= low, Region.code < high)
    depth = {"province": 0, "city": 1, "district": 2, "street": 3}
    rows = list(db.session.scalars(statement))
    top = min((depth.get(row.level, 3) for row in rows), default=0)
    return [(row.id, "\u3000" * (depth.get(row.level, 3) - top) + row.name) for row in rows]


def show_once(page: str) -> Any:
    """A page with a password on it: kept by no cache, no history copy, no flash message."""
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store, max-age=0"
    response.headers["Pragma"] = "no-cache"
    return response
