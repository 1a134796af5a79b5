"""From an account to the actor that workflows know; the same for a request, a command and a job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.errors import Finding, NotAllowed
from app.models import Account
from app.permissions import NOBODY, Actor, Role
from app.scope import visible
from app.transaction import AnySession

KNOWN_ROLES = {r.value for r in Role}


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
        via=via,
        address=address,
    )


def _roles(account: Any) -> frozenset[Role]:
    """A self-registered unit files and does nothing else until its first version is approved (ACC-03)."""
    if account.self_registered and (account.unit is None or account.unit.approved_version == 0):
        return frozenset({Role.APPLICANT})
    return frozenset(Role(r.name) for r in account.roles if r.name in KNOWN_ROLES)


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
