"""Browsers that an account was signed in from whole: they keep their own count of wrong tries (ACC-04).

Without it anybody who knows a login name could keep its owner out by wrong passwords without end. A browser carries
random tokens, one for each account that was signed in there; the database has their digests. A token that somebody
planted in another's browser is that of no account there, and signing in never takes one over: it makes a new one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Sequence

from sqlalchemy import delete, select

from app.models import Account, KnownDevice
from app.transaction import AnySession

# How long after its last sign-in a browser is known, how many an account has, and how many accounts one browser keeps.
KNOWN = dt.timedelta(days=180)
MOST = 20
IN_BROWSER = 8
_TOKEN = re.compile(r"[\w-]{43}")


def tokens_of(cookie: str) -> list[str]:
    """The tokens of a cookie, the newest first; whatever else it holds is left out."""
    return [part for part in cookie[:1000].split(".") if _TOKEN.fullmatch(part)][:IN_BROWSER]


def known(session: AnySession, account: Account | None, tokens: Sequence[str], at: dt.datetime) -> KnownDevice | None:
    """The account's own device among these tokens."""
    if account is None or not tokens:
        return None
    digests = [_digest(token) for token in tokens[:IN_BROWSER]]
    row: KnownDevice | None = session.scalar(
        select(KnownDevice)
        .where(
            KnownDevice.user_id == account.id, KnownDevice.digest.in_(digests), KnownDevice.used_at > at - KNOWN
        )
        .limit(1)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    return row


def remember(session: AnySession, account: Account, tokens: Sequence[str], at: dt.datetime) -> list[str]:
    """Know this browser from now on; gives the tokens that it shall carry. Those longest unused make room."""
    row = known(session, account, tokens, at)
    if row is not None:
        row.used_at = at
        session.flush()
        return list(tokens)
    token = secrets.token_urlsafe(32)
    session.add(KnownDevice(user_id=account.id, digest=_digest(token), created_at=at, used_at=at))
    session.flush()
    kept = (
        select(KnownDevice.id)
        .where(KnownDevice.user_id == account.id)
        .order_by(KnownDevice.used_at.desc(), KnownDevice.id.desc())
        .limit(MOST)
    )
    over = delete(KnownDevice).where(KnownDevice.user_id == account.id, KnownDevice.id.not_in(kept))
    session.execute(over.execution_options(skip_scope=True, synchronize_session=False))
    return [token, *tokens][:IN_BROWSER]


def forget(session: AnySession, account: Account) -> None:
    """Know none of its browsers any more: its password is another, or its owner signs out everywhere."""
    gone = delete(KnownDevice).where(KnownDevice.user_id == account.id)
    session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop those that count no more; gives how many."""
    done = session.execute(
        delete(KnownDevice).where(KnownDevice.used_at <= at - KNOWN).execution_options(skip_scope=True)
    )
    return int(getattr(done, "rowcount", 0))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
