"""Browser sessions: which are there, which were ended (ACC-15).

The cookie alone cannot say that it was signed out of, for it may have been copied: `EndedSession` says so.
`LiveSession` only tells people where they are signed in.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, update

from app.errors import Finding, NotAllowed
from app.models import Account, EndedSession, LiveSession
from app.permissions import Actor
from app.rules.devices import device_words, short_address
from app.scope import visible
from app.transaction import AnySession, insert_of, lock
from app.workflows.access import devices
from app.workflows.access.accounts import managed
from app.workflows.access.sub_accounts import own_sub_account, own_unit
from app.workflows.core import audit
from app.workflows.core.actors import own_account

_LENGTH = 43


def new_id() -> str:
    """A session's number, carried in its signed cookie."""
    return secrets.token_urlsafe(32)[:_LENGTH]


def begin(
    session: AnySession, account: Account, number: str, agent: str, address: str | None, at: dt.datetime,
    until: dt.datetime,
) -> None:  # fmt: skip
    """Keep that a browser is signed in, and until when at most."""
    session.add(
        LiveSession(
            number=number[:_LENGTH], user_id=account.id, epoch=account.session_epoch, device=device_words(agent)[:60],
            address=short_address(address), created_at=at, seen_at=at, until=until,
        )
    )  # fmt: skip
    session.flush()


def seen(session: AnySession, number: str, at: dt.datetime) -> None:
    """Keep when its person did something last."""
    _change(session, update(LiveSession).where(LiveSession.number == number).values(seen_at=at))


def end(session: AnySession, number: str, until: dt.datetime) -> None:
    """Keep that it was ended, until its cookie is too old to be taken; ended twice is ended."""
    ended = insert_of(session, EndedSession).values(id=number[:_LENGTH], until=until)
    session.execute(ended.on_conflict_do_nothing())
    _change(session, delete(LiveSession).where(LiveSession.number == number[:_LENGTH]))


def ended(number: Any) -> ColumnElement[bool]:
    """Whether a session of this number was ended, as a condition."""
    return exists().where(EndedSession.id == number)


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop those whose cookie is too old by itself; gives how many ended ones."""
    _change(session, delete(LiveSession).where(LiveSession.until < at))
    done = session.execute(delete(EndedSession).where(EndedSession.until < at))
    return int(getattr(done, "rowcount", 0))


# --- what people see of them and do


def of(session: AnySession, account: Account, at: dt.datetime, idle: dt.timedelta) -> list[LiveSession]:
    """The account's sessions that still count, the last used first. The caller has the account through scope."""
    statement = (
        select(LiveSession)
        .where(
            LiveSession.user_id == account.id, LiveSession.epoch == account.session_epoch, LiveSession.until > at,
            LiveSession.seen_at > at - idle,
        )
        .order_by(LiveSession.seen_at.desc(), LiveSession.id.desc())
        .limit(50)
    )  # fmt: skip
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def end_one(session: AnySession, actor: Actor, session_id: int, at: dt.datetime) -> Account:
    """Sign a browser out: one of the actor's own accounts, or of an account that he rules over."""
    row: LiveSession = visible(session, actor, LiveSession, session_id, "这次登录")
    account = _ruled(session, actor, row.user_id)
    after = {"device": row.device, "address": row.address}
    end(session, row.number, row.until)
    audit.record(session, actor, at, "session.end", "account", account.id, after=after)
    return account


def end_all(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Account:
    """Sign an account out everywhere; tokens of the API end as well. Who ends his own keeps the browser at hand."""
    account = _ruled(session, actor, account_id)
    lock(session, Account, account.id)
    account.session_epoch += 1
    devices.forget(session, account)
    session.flush()
    audit.record(session, actor, at, "session.end_all", "account", account.id)
    return account


def not_by_token(actor: Actor, account_id: int | None) -> None:
    """Raise when a personal token asks for its own owner's sessions: whatever it was ticked for, that was not."""
    if actor.ticked is not None and account_id == actor.user_id:
        remedy = "请本人登录后在“个人信息”中查看和退出"
        raise NotAllowed(Finding("登录设备", False, "令牌不能查看和退出本人的登录", remedy))


def keep(session: AnySession, account: Account, number: str) -> None:
    """The one session that goes on after `end_all`: it takes the account's new epoch."""
    _change(session, update(LiveSession).where(LiveSession.number == number).values(epoch=account.session_epoch))


def _ruled(session: AnySession, actor: Actor, account_id: int) -> Account:
    """The account: one's own, a sub-account of one's unit, or one below in the tree of regions."""
    not_by_token(actor, account_id)
    if account_id == actor.user_id:
        return own_account(session, actor)
    if actor.unit_id is None:
        return managed(session, actor, account_id)
    if not actor.is_main:
        raise NotAllowed(Finding("登录设备", False, "不是您自己的登录", "请由本人或主账号退出"))
    own_unit(session, actor)
    return own_sub_account(session, actor, account_id)


def _change(session: AnySession, statement: Any) -> None:
    """By the number of the session itself, which only its cookie knows: no scope narrows that."""
    session.execute(statement.execution_options(skip_scope=True))
