"""The outbox: a notice is a row written with the deed; afterwards a task delivers it, once, with retries.

The inbox in the page is the first channel: a notice is visible as soon as its transaction has committed, and
delivery only marks it in the log. Other channels register a sender in `SENDERS`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from blinker import Signal
from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, func, literal_column, or_, select, true, update

from app.models import Account, Elevator, ElevatorAssignment, Notification
from app.models.among import among
from app.models.region import code_span
from app.permissions import GRANTS, REGULATOR_ROLES, Actor, Role, Verb
from app.policy import chain
from app.rules.identifiers import told_fault
from app.telling import told_in
from app.transaction import (
    AnySession,
    after_commit,
    all_written,
    asked,
    asked_in_turn,
    connection_of,
    insert_for,
    insert_of,
)
from app.wording import ours
from app.workflows.core import notices
from app.workflows.core.actors import held_by, ticks

MOST_TRIES = 6
# While a sender works the row is leased, so that no other worker sends it; a killed one's lease runs out.
LEASE = dt.timedelta(minutes=5)
FIRST_WAIT = dt.timedelta(minutes=1)
_INSERT_ROWS = 500
# So many recipients are told by a statement each, all by one round trip.
FEW = 8
# Channels whose other side is whatever address a person typed.
OWN_ADDRESS = frozenset({"webhook"})

Sender = Callable[[AnySession, Notification], None]
# Channels beside the inbox, by name. A sender raises when it could not send.
SENDERS: dict[str, Sender] = {}

someone_waits = Signal("A code or a link is to go out, and somebody sits before the page; sent after the commit.")


def notify(
    session: AnySession,
    at: dt.datetime,
    recipients: Iterable[int],
    topic: str,
    title: str,
    body: str = "",
    link: str | None = None,
    dedupe_key: str | None = None,
) -> int:
    """Write one notice to each account (ids; duplicates and None fall out) and give how many were new.

    With `dedupe_key` a verb done again notifies nobody twice. The title is cut at 160 characters.
    Who chose other channels for such notices is told by these as well (`notices.fan_out`).
    """
    accounts = sorted({r for r in recipients if r is not None})
    rows = [
        {
            "channel": "inbox", "recipient_id": account_id, "topic": topic[:40], "title": ours(title),
            "body": body or None, "link": link,
            "dedupe_key": f"{dedupe_key}:{account_id}"[-120:] if dedupe_key else None,
            "is_secret": False, "state": "queued", "tries": 0, "created_at": at, "next_try_at": at,
        }
        for account_id in accounts
    ]  # fmt: skip
    if not rows:
        return 0
    told: list[int] = []
    beside = notices.asking(session, accounts, topic, SENDERS)
    chosen: list[Any] | None = None
    if len(rows) <= FEW:
        statement = _notice(session.get_bind().dialect.name)
        answers = asked_in_turn(session, *((statement, row) for row in rows), *beside)
        told = [recipient for answer in answers[: len(rows)] for (recipient,) in answer.rows]
        chosen = [one for answer in answers[len(rows) :] for one in answer.rows]
    else:
        for start in range(0, len(rows), _INSERT_ROWS):
            many = insert_of(session, Notification).values(rows[start : start + _INSERT_ROWS])
            many = many.on_conflict_do_nothing(index_elements=["dedupe_key"])
            told += session.scalars(many.returning(Notification.recipient_id)).all()
    notices.fan_out(session, at, told, topic, title, body, link, SENDERS, chosen)
    return len(told)


def alike(told: Iterable[tuple[int, int]]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Who is to be told of which rows, as pairs of account and row: the rows with all accounts that hear of just these,
    each of which one message is for."""
    of_account: dict[int, set[int]] = defaultdict(set)
    for account, key in told:
        of_account[account].add(key)
    found: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for account, keys in of_account.items():
        found[tuple(sorted(keys))].append(account)
    return list(found.items())


@lru_cache(maxsize=2)
def _notice(dialect: str) -> Any:
    """One notice for the inbox, made once: many rows in one statement are put together anew each time."""
    names = (
        "channel", "recipient_id", "topic", "title", "body", "link", "dedupe_key", "is_secret", "state", "tries",
        "created_at", "next_try_at",
    )  # fmt: skip
    made = insert_for(dialect, Notification).values({name: bindparam(name) for name in names})
    return made.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Notification.__table__.c.recipient_id)


def send_to(
    session: AnySession, at: dt.datetime, account_id: int | None, channel: str, address: str, topic: str, content: str,
    *, title: str = "", secret: bool = False,
) -> Notification:  # fmt: skip
    """Write one notice by a channel beside the inbox to an address of the account's, or of somebody without one.

    A secret one (a code, a link) is waited for, so it does not wait for the next turn of the clock.
    """
    language = session.scalar(
        select(Account.language).where(Account.id == account_id).execution_options(skip_scope=True)
    ) if account_id is not None else None  # fmt: skip
    # What goes out by such a way is read as it is: told now, in the language of whoever it is for.
    title, content = told_in(language, ours(title or "通知")), told_in(language, content)
    notice = Notification(
        channel=channel, recipient_id=account_id, address=address[:120], topic=topic[:40], title=title,
        body=content, is_secret=secret, state="queued", tries=0, created_at=at, next_try_at=at,
    )  # fmt: skip
    session.add(notice)
    session.flush()
    if secret:
        after_commit(session, someone_waits.send)
    return notice


# --- who is to be told


def accounts_of_unit(session: AnySession, unit_id: int | None, verb: Verb | None = None) -> list[int]:
    """Active accounts of a unit; with `verb`, those whose roles grant it. Outside scope: senders may not see them."""
    return _accounts(session, _account.unit_id == unit_id, verb) if unit_id is not None else []


def readers_of(session: AnySession, unit_id: int | None, verb: Verb, elevator_id: int | None = None) -> list[int]:
    """Accounts of a unit that may open a record: by their roles and, where it is about an elevator, by assignment.

    Whoever is told of a record must be able to open it; a narrowed sub-account hears of its own elevators only.
    """
    if elevator_id is None or unit_id is None:
        return accounts_of_unit(session, unit_id, verb)
    all_written(session)
    return [row[0] for row in asked(session, _readers(verb), {"unit": unit_id, "elevator": elevator_id}).rows]


def readers_of_many(
    session: AnySession, unit_id: int, verb: Verb, elevator_ids: Collection[int | None]
) -> dict[int | None, list[int]]:
    """The same for records about many elevators, by elevator; None: records that are about none."""
    keys, found = [key for key in elevator_ids if key is not None], defaultdict[int | None, list[int]](list)
    if len(keys) < len(elevator_ids):
        found[None] = accounts_of_unit(session, unit_id, verb)
    if keys:
        all_written(session)
        of_each = select(_elevator.id, _account.id).select_from(Elevator.__table__.join(Account.__table__, true()))
        pairs = of_each.where(among(session, _elevator.id, keys), *_reading(unit_id, _elevator.id, verb))
        for elevator_id, account_id in connection_of(session).execute(pairs.order_by(_account.id)):
            found[elevator_id].append(account_id)
    return found


def readers_text(unit_id: Any, elevator_id: Any, verb: Verb) -> Any:
    """The same as one text of numbers, for a statement about something else, whose columns unit and elevator are."""
    number: Any = cast(_account.id, Text)
    space: Any = literal_column("' '")
    found = select(func.aggregate_strings(number, space)).where(*_reading(unit_id, elevator_id, verb))
    return found.scalar_subquery()


def officers_of(
    session: AnySession, region_code: str | None, verb: Verb = Verb.APPLICATION_DECIDE, *, secret: bool = False
) -> list[int]:
    """Active regulators who may do `verb` for a region: those of the nearest node up the tree that has any."""
    return next(offices_of(session, region_code, verb, secret=secret), [])


def offices_of(
    session: AnySession, region_code: str | None, verb: Verb, *, secret: bool = False
) -> Iterator[list[int]]:
    """The offices up the tree that have anybody who may do `verb`, the nearest first; read as they are asked for.

    `secret`: it is about a 涉密 elevator, so only those who may see these count.
    """
    for code in chain(region_code):
        found = office_at(session, code, verb, secret=secret)
        if found:
            yield found


def office_at(session: AnySession, region_code: str, verb: Verb, *, secret: bool = False) -> list[int]:
    """Who of the very region, not of those above or below it, may do `verb`."""
    among = {r for r in (Role.REGION_ADMIN, Role.INSPECTOR) if not secret or Verb.SECRET_READ in GRANTS[r]}
    return _accounts(session, _account.unit_id.is_(None) & (_account.region_code == region_code), verb, among)


def officers_everywhere(session: AnySession, verb: Verb) -> list[tuple[int, str]]:
    """Every active officer who may do `verb` for a region of his own, with that region."""
    all_written(session)
    able = _able(verb, frozenset({Role.REGION_ADMIN, Role.INSPECTOR}))
    placed = select(_account.id, _account.region_code).where(
        _account.active.is_(True), _account.unit_id.is_(None), _account.region_code.is_not(None), *able
    )
    return [(key, region) for key, region in connection_of(session).execute(placed)]


def desks_of(session: AnySession, region_code: str | None, verb: Verb, *, secret: bool = False) -> list[int]:
    """Operators on duty for a region: those of its own desk and of every desk above; without any, its officers.

    `secret` bounds the officers alone: the desk opens a case whatever its elevator is, somebody is inside.
    """
    among = {Role.RESCUE_AGENT}
    placed = _account.unit_id.is_(None) & _account.region_code.in_(chain(region_code))
    return _accounts(session, placed, verb, among) or officers_of(session, region_code, verb, secret=secret)


def offices_within(session: AnySession, region_code: str, verb: Verb) -> list[int]:
    """All regulators of a region and of those below it who may do `verb`."""
    low, high = code_span(region_code)
    place = (_account.region_code >= low) & (_account.region_code < high) & _account.unit_id.is_(None)
    return _accounts(session, place, verb, REGULATOR_ROLES)


def platform_admins(session: AnySession) -> list[int]:
    """Active platform administrators: the last office above all."""
    return _accounts(session, _account.unit_id.is_(None), Verb.OPS, {Role.PLATFORM_ADMIN})


def _accounts(session: AnySession, where: Any, verb: Verb | None, among: Iterable[Role] = tuple(Role)) -> list[int]:
    all_written(session)
    able = () if verb is None else _able(verb, frozenset(among))
    return list(connection_of(session).execute(_active().where(where, *able)).scalars())


_account: Any = Account.__table__.c
_elevator: Any = Elevator.__table__.c
_assigned: Any = ElevatorAssignment.__table__.c


def _active() -> Select[Any]:
    return select(_account.id).where(_account.active.is_(True)).order_by(_account.id)


@lru_cache(maxsize=256)
def _able(verb: Verb, among: frozenset[Role]) -> tuple[ColumnElement[bool], ...]:
    """Who has one of these roles that grants it, and for whom it is ticked where verbs were picked out."""
    names = sorted(role.value for role in among if verb in GRANTS[role])
    return held_by(_account.id, names), ticks(verb, _account.ticked)


@lru_cache(maxsize=64)
def _readers(verb: Verb) -> Select[Any]:
    """For every unit and elevator."""
    return _active().where(*_reading(bindparam("unit"), bindparam("elevator"), verb))


def _reading(unit_id: Any, elevator_id: Any, verb: Verb) -> Iterator[ColumnElement[bool]]:
    # However deep this stands in a statement, the elevator is the one that the statement is about.
    assigned = select(_assigned.user_id).where(_assigned.elevator_id == elevator_id)
    assigned = assigned.correlate_except(ElevatorAssignment.__table__)
    yield _account.active.is_(True)
    yield _account.unit_id == unit_id
    yield from _able(verb, frozenset(Role))
    yield or_(_account.is_main.is_(True), _account.sees_all_elevators.is_(True), _account.id.in_(assigned))


# --- reading


def settle(session: AnySession, at: dt.datetime, topic: str, *links: str) -> int:
    """What notices with these links asked for is done: they count as read for all who were asked. How many."""
    there = Notification.link == links[0] if len(links) == 1 else among(session, Notification.link, links)
    statement = update(Notification).where(Notification.topic == topic, there, Notification.read_at.is_(None))
    result: Any = session.execute(
        statement.values(read_at=at).execution_options(synchronize_session=False, skip_scope=True)
    )
    return int(result.rowcount)


def waiting_for(session: AnySession, topic: str, link: str) -> set[int]:
    """The accounts that have an unread notice with this link."""
    waits = (Notification.topic == topic) & (Notification.link == link) & Notification.read_at.is_(None)
    asked = select(Notification.recipient_id).where(waits, Notification.channel == "inbox")
    return {key for key in session.scalars(asked.execution_options(skip_scope=True)) if key is not None}


def mark_read(session: AnySession, actor: Actor, at: dt.datetime, ids: Iterable[int] | None = None) -> int:
    """Mark the actor's own notices read, all of them when no ids are given; others' ids change nothing."""
    statement = update(Notification).where(
        Notification.recipient_id == (actor.user_id or 0), Notification.read_at.is_(None)
    )
    if ids is not None:
        statement = statement.where(Notification.id.in_(list(ids)))
    result: Any = session.execute(statement.values(read_at=at).execution_options(synchronize_session=False))
    return int(result.rowcount)


# --- delivery


def deliver_inbox(session: AnySession, at: dt.datetime) -> int:
    """Mark what is in the inbox as delivered: it has been visible since its commit."""
    statement = update(Notification).where(Notification.state == "queued", Notification.channel == "inbox")
    result: Any = session.execute(
        statement.values(state="sent", sent_at=at, tries=Notification.tries + 1, next_try_at=None).execution_options(
            synchronize_session=False
        )
    )
    return int(result.rowcount)


# Codes and links, for which somebody sits before the page, and calls for rescue: whatever else waits at a slow gateway.
_WAITED_FOR = or_(Notification.is_secret, Notification.topic.startswith("rescue."))


def lease(session: AnySession, at: dt.datetime, most: int = 50, *, own: bool = False) -> list[int]:
    """Take due notices of other channels, or of those to addresses of people's `own`; each is this caller's alone until
    the lease ends; what somebody waits for comes first. Commit, then send.
    """
    channels = Notification.channel.in_(OWN_ADDRESS) if own else Notification.channel.not_in({"inbox", *OWN_ADDRESS})
    due = (
        select(Notification.id)
        .where(Notification.state == "queued", Notification.next_try_at <= at, channels)
        .order_by(_WAITED_FOR.desc(), Notification.next_try_at, Notification.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    if ids:
        taken = update(Notification).where(Notification.id.in_(ids))
        session.execute(
            taken.values(tries=Notification.tries + 1, next_try_at=at + LEASE).execution_options(
                synchronize_session=False
            )
        )
    return ids


def give_back(session: AnySession, ids: Sequence[int], at: dt.datetime) -> None:
    """What was leased and not tried is due again, before all that became due since it was leased."""
    untried = update(Notification).where(Notification.id.in_(ids), Notification.state == "queued")
    untried = untried.values(tries=Notification.tries - 1, next_try_at=at - LEASE)
    session.execute(untried.execution_options(synchronize_session=False, skip_scope=True))


def send(session: AnySession, notice_id: int, at: dt.datetime, silent: set[int] | None = None) -> bool:
    """Send one leased notice and write what became of it; a failing one waits 1, 2, 4 … minutes, six times in all.

    `silent`: whose own address did not answer in this round. It is not asked again for each notice that waits for it:
    others' calls for rescue stand behind it.
    """
    notice = _any(session, notice_id)
    if notice is None or notice.state != "queued":
        return False
    sender = SENDERS.get(notice.channel)
    own = notice.recipient_id if notice.channel in OWN_ADDRESS else None
    try:
        if sender is None:
            raise LookupError(f"没有渠道 {notice.channel}")
        if silent is not None and own in silent:
            raise TimeoutError("同一地址刚才没有应答")
        sender(session, notice)
    except Exception as error:
        if silent is not None and own is not None:
            silent.add(own)
        notice.error = told_fault(error)
        notice.state = "failed" if notice.tries >= MOST_TRIES else "queued"
        notice.next_try_at = None if notice.state == "failed" else at + FIRST_WAIT * 2 ** (notice.tries - 1)
        if notice.state == "failed" and notice.is_secret:
            notice.body = None
        return False
    if notice.is_secret:
        notice.body = None
    notice.state, notice.sent_at, notice.next_try_at, notice.error = "sent", at, None, None
    return True


def _any(session: AnySession, notice_id: int) -> Notification | None:
    """Whoever's notice it is: operators retry others', and scope shows everybody his own alone."""
    statement = select(Notification).where(Notification.id == notice_id)
    return session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))


def retry(session: AnySession, notice_id: int, at: dt.datetime) -> bool:
    """Queue a failed notice again, with all its tries. A secret one is gone; its receiver asks for a new one."""
    notice = _any(session, notice_id)
    if notice is None or notice.state != "failed" or notice.is_secret:
        return False
    notice.state, notice.tries, notice.next_try_at = "queued", 0, at
    return True
