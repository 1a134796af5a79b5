"""Whether two accounts stand apart: the facts that `rules.two_persons` judges (POL-01, LIF-07)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app.errors import Finding
from app.models import Account, Application, AuditEntry, Visit
from app.permissions import Actor
from app.rules.two_persons import Party, independent
from app.transaction import AnySession

RESET = "account.reset_password"
# What lets another in: a password that he set, or a phone that he registered, by which a new password is got.
LETS_IN = (RESET, "account.register_phone")
MOST_MAKERS = 50


def party(session: AnySession, account_id: int | None, since: dt.datetime | None = None) -> Party:
    """An account with the line of those who made it, and those who could let themselves in by it,
    last or after `since`: who set its password, who registered its phone."""
    makers: list[int] = []
    person_id, current = None, account_id
    while current is not None and len(makers) < MOST_MAKERS:
        found = session.execute(
            select(Account.parent_user_id, Account.person_id)
            .where(Account.id == current)
            .execution_options(skip_scope=True)
        ).one_or_none()
        if found is None:
            break
        person_id = found.person_id if current == account_id else person_id
        current = found.parent_user_id
        if current is None or current in makers:
            break
        makers.append(current)
    return Party(account_id or 0, makers, person_id, _reset_by(session, account_id or 0, since))


def of_application(session: AnySession, application: Application, officer: Actor) -> list[Finding]:
    """Whether the officer stands apart from who submitted.

    The accounts of units are made and reset by their officers, which alone makes no interest: for a unit's applicant
    only his own hand on the officer's account counts.
    """
    if application.submitted_by_id in (None, officer.user_id):
        return []  # nobody to be kin to; that nobody decides his own is `may_decide`'s
    since = application.submitted_at
    first = party(session, application.submitted_by_id, since)
    if application.unit_id is not None:
        first = Party(first.account_id, person_id=first.person_id)
    return independent(first, party(session, officer.user_id, since), "申请人")


def writers(session: AnySession, entity: str, entity_id: int, action: str) -> set[int]:
    """Everybody who ever wrote in a record, not only the last: whoever writes does not judge what he wrote."""
    wrote = select(AuditEntry.actor_id).where(
        AuditEntry.entity == entity, AuditEntry.entity_id == entity_id, AuditEntry.action == action
    )
    return {key for key in session.scalars(wrote.distinct().execution_options(skip_scope=True)) if key is not None}


def of_visit(session: AnySession, visit: Visit, reviewer: Actor) -> list[Finding]:
    """Whether the reviewer stands apart from who made a visit; as a unit's applicant, whose accounts others make."""
    if visit.account_id is None:
        return []
    worker = party(session, visit.account_id)
    return independent(
        Party(worker.account_id, person_id=worker.person_id), party(session, reviewer.user_id, visit.checked_in_at),
        "签到人",
    )  # fmt: skip


def _reset_by(session: AnySession, account_id: int, since: dt.datetime | None) -> frozenset[int]:
    statement = select(AuditEntry.actor_id, AuditEntry.at, AuditEntry.action, AuditEntry.after).where(
        AuditEntry.entity == "account", AuditEntry.entity_id == account_id, AuditEntry.action.in_(LETS_IN)
    )
    rows = session.execute(
        statement.order_by(AuditEntry.id.desc()).limit(200).execution_options(skip_scope=True)
    ).all()
    deeds = [(who, at, action) for who, at, action, after in rows if action == RESET or (after or {}).get("phone")]
    late = {who for who, at, _action in deeds if since is not None and at >= since}
    last = {next((who for who, _at, action in deeds if action == one), None) for one in LETS_IN}
    return frozenset(who for who in late | last if who is not None)
