"""From an account to the actor that workflows know; the same for a request, a command and a job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select

from app.errors import Finding, NotAllowed
from app.models import Account
from app.permissions import BASIC, MAIN_ONLY, NOBODY, Actor, Role, Verb, givable, granted
from app.scope import visible
from app.transaction import AnySession

KNOWN_ROLES = {r.value for r in Role}
KNOWN_VERBS = {v.value for v in Verb}


def actor_of(account: Any, via: str = "web", address: str | None = None) -> Actor:
    """The acting account as workflows know it: nobody when inactive. An unknown FAB role grants nothing."""
    if account is None or not account.is_authenticated or not account.is_active:
        return NOBODY
    return Actor(
        user_id=account.id,
        name=account.get_full_name(),
        roles=_roles(account),
        region_code=account.region_code,
        unit_id=account.unit_id,
        person_id=account.person_id,
        is_main=account.is_main,
        sees_all_elevators=account.is_main or account.sees_all_elevators,
        withheld=_withheld(account),
        via=via,
        address=address,
    )


def _roles(account: Any) -> frozenset[Role]:
    """A self-registered unit files and does nothing else until its first version is approved (ACC-03)."""
    if account.self_registered and (account.unit is None or account.unit.approved_version == 0):
        return frozenset({Role.APPLICANT})
    return frozenset(Role(r.name) for r in account.roles if r.name in KNOWN_ROLES)


def _withheld(account: Any) -> frozenset[Verb]:
    """What a sub-account's roles allow and it has not: role ∩ ticked ∩ what its giver may give at this moment.

    A giver that was ended (注销) has nothing left to give; one that is only locked keeps his rights. A giver that is a
    sub-account itself (a manager who took a worker on) gives nothing that was not ticked for him.
    """
    if account.unit_id is None or account.is_main:
        return frozenset()
    whole = granted(_roles(account))
    left = (whole if account.ticked is None else whole & ticked_verbs(account)) - MAIN_ONLY
    giver = account.giver
    if giver is not None and giver.unit_id == account.unit_id:
        left &= _to_give(giver)
    return whole - left - BASIC


def _to_give(giver: Any) -> frozenset[Verb]:
    """What an account has to give now. Of a sub-account that left what it gave goes on under its own giver: else all
    whom a manager took on would stand idle from the day on which he leaves."""
    left, above = givable(_roles(giver)) - _withheld(giver), giver.giver
    if giver.is_main or above is None or above.unit_id != giver.unit_id:
        return left if giver.active else BASIC
    return left & _to_give(above)


def ticked_verbs(account: Any) -> frozenset[Verb]:
    """The verbs that were ticked for the account; a word that is none of ours grants nothing."""
    return frozenset(Verb(word) for word in (account.ticked or "").split() if word in KNOWN_VERBS)


def ticks(verb: Verb) -> ColumnElement[bool]:
    """The same asked of the database: accounts for which this verb is ticked, or for which none are picked out."""
    return or_(Account.ticked.is_(None), Account.ticked.contains(f" {verb.value} ", autoescape=True))


def own_account(session: AnySession, actor: Actor) -> Account:
    """The account that acts, as the database has it now; nobody has none."""
    if actor.user_id is None:
        raise NotAllowed(Finding("权限", False, "没有登录", "请先登录"))
    account: Account = visible(session, actor, Account, actor.user_id, "账号")
    return account


def actor_by_id(session: AnySession, user_id: int, via: str) -> Actor:
    """The account as it is now, for work done later in its name: rights taken away meanwhile are gone."""
    account = session.scalar(
        select(Account).where(Account.id == user_id).execution_options(skip_scope=True, populate_existing=True)
    )
    return actor_of(account, via)
