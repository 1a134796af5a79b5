"""Whom an actor sees: people with their papers, invitations, accounts and what belongs to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import false, or_, select

from app.models import Account
from app.permissions import Actor, Verb
from app.scope.parts import Criterion, in_region


def persons(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return in_region(model, actor)
    if actor.may(Verb.PERSON_READ) or actor.may(Verb.ACCOUNT_READ):
        return model.unit_id == actor.unit_id
    return model.id == (actor.person_id or 0)


def grades(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return in_region(model, actor)
    if actor.may(Verb.PERSON_READ):
        return model.unit_id == actor.unit_id
    return model.person_id == (actor.person_id or 0)


def invitations(model: Any, actor: Actor) -> Criterion:
    """Those into one's own unit and those that it sent out for another; for whoever reads people."""
    if not actor.may(Verb.PERSON_READ):
        return false()
    if actor.unit_id is None:
        return in_region(model, actor)
    return or_(model.unit_id == actor.unit_id, model.by_unit_id == actor.unit_id)


def accounts(model: Any, actor: Actor) -> Criterion:
    itself = model.id == (actor.user_id or 0)
    if not actor.may(Verb.ACCOUNT_READ):
        return itself
    if actor.unit_id is not None:
        return model.unit_id == actor.unit_id
    return or_(itself, in_region(model, actor))


def of_seen_accounts(model: Any, actor: Actor) -> Criterion:
    """What belongs to an account: one's own, and for whoever keeps accounts that of the accounts that he sees."""
    account: Any = Account.__table__.c
    owner = model.user_id if hasattr(model, "user_id") else model.account_id
    own = owner == (actor.user_id or 0)
    if not actor.may(Verb.ACCOUNT_READ):
        return own
    return or_(own, owner.in_(select(account.id).where(accounts(account, actor))))
