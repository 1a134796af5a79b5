"""Roles and rights of a sub-account: handed out by its main account, never more than that has itself (ACC-09, -13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select

from app.errors import Finding, NotAllowed, refuse
from app.models import Account, AccountRole
from app.permissions import BASIC, MAIN_ONLY, VERB_LABEL, Actor, Role, Verb, givable, granted
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.access.issuing import assignable_role
from app.workflows.access.sub_accounts import own_sub_account, own_unit, person_for, roles_to_give
from app.workflows.core import audit
from app.workflows.core.actors import KNOWN_ROLES, KNOWN_VERBS, ticked_verbs


def choices(actor: Actor, account: Account) -> tuple[frozenset[Verb], frozenset[Verb]]:
    """What the actor can tick for this account, and what is ticked of it now."""
    can = granted(_roles(account)) & givable(actor.roles) - actor.withheld - BASIC - MAIN_ONLY
    return can, can if account.ticked is None else can & ticked_verbs(account)


def set_rights(session: AnySession, actor: Actor, account_id: int, verbs: Iterable[str], at: dt.datetime) -> Account:
    """Tick the sub-account's rights among those that its roles and the actor's own allow; holds from its next request.

    All ticked means: as its roles say, also after an update of the product that gives these roles more.
    """
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    wanted = set(verbs)
    unknown = sorted(wanted - KNOWN_VERBS)
    if unknown:
        raise refuse(
            "权限",
            say("没有权限 %(unknown)s", unknown=unknown[0][:40]),
            "请从列表勾选",
            field="verb",
            value=unknown[0][:40],
        )
    can, before = choices(actor, account)
    chosen = {Verb(word) for word in wanted} - BASIC
    beyond = chosen - can
    if beyond:
        words = together(str(VERB_LABEL[verb]) for verb in sorted(beyond)[:5])
        remedy = "只能勾选该子用户角色内、且您自己也有的权限"
        raise NotAllowed(Finding("权限", False, say("您不能授予“%(words)s”", words=words), remedy, field="verb"))
    account.ticked = None if chosen == granted(_roles(account)) - BASIC - MAIN_ONLY else _text(chosen)
    session.flush()
    if chosen != before:
        audit.record(
            session, actor, at, "account.rights", "account", account.id, {"rights": sorted(before)},
            {"rights": sorted(chosen)},
        )  # fmt: skip
    return account


def set_roles(
    session: AnySession, actor: Actor, account_id: int, roles: Iterable[str], person_id: int | None, at: dt.datetime
) -> Account:
    """Give the sub-account these roles instead of its own; one person may hold several. Its sessions end.

    What a new role allows is ticked with it. A worker is bound to a person: chosen, or as `sub_accounts.add` finds one.
    """
    unit = own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    chosen = {assignable_role(actor, role, roles_to_give(actor)) for role in sorted(set(roles)) or [""]}
    before = _roles(account)
    if chosen == before:
        return account
    if Role.WORKER in chosen and account.person_id is None:
        known = {"name": account.first_name, "phone": account.phone}
        account.person_id = person_for(session, actor, unit, known, person_id).id
    names = [role.value for role in chosen]
    account.roles = list(session.scalars(select(AccountRole).where(AccountRole.name.in_(names))))
    if account.ticked is not None:
        account.ticked = _text((ticked_verbs(account) | (granted(chosen) - granted(before))) & granted(chosen))
    account.session_epoch += 1
    session.flush()
    audit.record(
        session, actor, at, "account.roles", "account", account.id, {"roles": sorted(before)}, {"roles": sorted(chosen)}
    )
    return account


def _roles(account: Account) -> frozenset[Role]:
    return frozenset(Role(row.name) for row in account.roles if row.name in KNOWN_ROLES)


def _text(verbs: Iterable[Verb]) -> str:
    """As the column keeps them: each between blanks, so that the database finds one by itself."""
    return f" {' '.join(sorted(verbs))} "
