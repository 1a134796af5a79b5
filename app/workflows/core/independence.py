"""Whether two accounts stand apart: the facts that `rules.two_persons` judges (POL-01, LIF-07)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.errors import Finding
from app.models import Account, Application, AuditEntry, Visit
from app.models.among import among
from app.permissions import Actor
from app.rules.two_persons import Party, independent
from app.transaction import AnySession

RESET = "account.reset_password"
# What lets another in: a password that he set, or a phone that he registered, by which a new password is got.
LETS_IN = (RESET, "account.register_phone")
MOST_MAKERS, BLOCK = 50, 500


class Parties:
    """Accounts with the lines of those who made them, and those who could let themselves in by them: read in sets."""

    def __init__(self, session: AnySession, account_ids: Iterable[int | None]) -> None:
        asked = {key for key in account_ids if key is not None}
        # By account: who made it, and the person behind it.
        self._above: dict[int, tuple[int | None, int | None]] = {}
        self._deeds: dict[int, list[tuple[int | None, dt.datetime, str]]] = {}
        line = asked
        while line:
            found = {key: (above, person) for key, above, person in _lines(session, line)}
            self._above |= found
            line = {above for above, _person in found.values() if above is not None} - self._above.keys()
        for key, who, at, action, after in _let_in(session, asked):
            if action == RESET or (after or {}).get("phone"):
                self._deeds.setdefault(key, []).append((who, at, action))

    def of(self, account_id: int | None, since: dt.datetime | None = None) -> Party:
        """One of the accounts; who could let himself in by it last, or after `since`."""
        makers: list[int] = []
        current, person_id = self._above.get(account_id or 0, (None, None))
        while current is not None and current not in makers and len(makers) < MOST_MAKERS:
            makers.append(current)
            current, _person = self._above.get(current, (None, None))
        deeds = self._deeds.get(account_id or 0, [])
        late = {who for who, at, _action in deeds if since is not None and at >= since}
        last = {next((who for who, _at, action in deeds if action == one), None) for one in LETS_IN}
        return Party(account_id or 0, makers, person_id, frozenset(who for who in late | last if who is not None))


def party(session: AnySession, account_id: int | None, since: dt.datetime | None = None) -> Party:
    """An account with the line of those who made it, and those who could let themselves in by it,
    last or after `since`: who set its password, who registered its phone."""
    return Parties(session, [account_id]).of(account_id, since)


def _blocks(keys: Iterable[int]) -> Iterator[list[int]]:
    every = sorted(keys)
    return (every[start : start + BLOCK] for start in range(0, len(every), BLOCK))


def _lines(session: AnySession, keys: Iterable[int]) -> Iterator[Any]:
    for block in _blocks(keys):
        statement = select(Account.id, Account.parent_user_id, Account.person_id).where(
            among(session, Account.id, block)
        )  # fmt: skip
        yield from session.execute(statement.execution_options(skip_scope=True))


def _let_in(session: AnySession, keys: Iterable[int]) -> Iterator[Any]:
    """The deeds that let another in, the last first."""
    columns = (AuditEntry.entity_id, AuditEntry.actor_id, AuditEntry.at, AuditEntry.action, AuditEntry.after)
    for block in _blocks(keys):
        statement = select(*columns).where(
            AuditEntry.entity == "account", among(session, AuditEntry.entity_id, block),
            AuditEntry.action.in_(LETS_IN),
        )  # fmt: skip
        yield from session.execute(statement.order_by(AuditEntry.id.desc()).execution_options(skip_scope=True))


def of_application(session: AnySession, application: Application, officer: Actor) -> list[Finding]:
    """Whether the officer stands apart from who submitted.

    The accounts of units are made and reset by their officers, which alone makes no interest: for a unit's applicant
    only his own hand on the officer's account counts.
    """
    submitter = application.submitted_by_id
    return [] if submitter is None else of_applications(session, {submitter: application}, officer)[submitter]


def of_applications(session: AnySession, rows: Mapping[int, Any], officer: Actor) -> dict[int, list[Finding]]:
    """The same for many applicants, each with one of his applications (or its columns)."""
    parties = Parties(session, [*rows, officer.user_id] if rows else [])
    found: dict[int, list[Finding]] = {}
    for key, row in rows.items():
        first = parties.of(key, row.submitted_at)
        if row.unit_id is not None:
            first = Party(first.account_id, person_id=first.person_id)
        # That nobody decides his own is `may_decide`'s.
        own = key == officer.user_id
        found[key] = [] if own else independent(first, parties.of(officer.user_id, row.submitted_at), "申请人")
    return found


def writers(session: AnySession, entity: str, entity_id: int, action: str) -> set[int]:
    """Everybody who ever wrote in a record, not only the last: whoever writes does not judge what he wrote."""
    wrote = select(AuditEntry.actor_id).where(
        AuditEntry.entity == entity, AuditEntry.entity_id == entity_id, AuditEntry.action == action
    )
    return {key for key in session.scalars(wrote.distinct().execution_options(skip_scope=True)) if key is not None}


def of_visit(session: AnySession, visit: Visit, reviewer: Actor) -> list[Finding]:
    """Whether the reviewer stands apart from who made a visit; as a unit's applicant, whose accounts others make."""
    return of_visits(session, [visit], reviewer)[visit.id]


def of_visits(session: AnySession, visits: Sequence[Visit], reviewer: Actor) -> dict[int, list[Finding]]:
    """The same for many visits, by their numbers."""
    made = {visit.id: visit for visit in visits if visit.account_id is not None}
    parties = Parties(session, [*(v.account_id for v in made.values()), reviewer.user_id] if made else [])
    found: dict[int, list[Finding]] = {visit.id: [] for visit in visits}
    for key, visit in made.items():
        worker = parties.of(visit.account_id)
        found[key] = independent(
            Party(worker.account_id, person_id=worker.person_id), parties.of(reviewer.user_id, visit.checked_in_at),
            "签到人",
        )  # fmt: skip
    return found
