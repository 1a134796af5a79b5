"""Browser sessions that were ended by signing out: the cookie alone cannot say so, for it may have been copied."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from app.models import EndedSession
from app.transaction import AnySession

_LENGTH = 43


def new_id() -> str:
    """A session's number, carried in its signed cookie."""
    return secrets.token_urlsafe(32)[:_LENGTH]


def end(session: AnySession, number: str, until: dt.datetime) -> None:
    """Keep that it was ended, until its cookie is too old to be taken; ended twice is ended."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(EndedSession).values(id=number[:_LENGTH], until=until).on_conflict_do_nothing())


def ended(number: Any) -> ColumnElement[bool]:
    """Whether a session of this number was ended, as a condition."""
    return exists().where(EndedSession.id == number)


def is_ended(session: AnySession, number: str) -> bool:
    return bool(session.scalar(select(ended(number))))


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop those whose cookie is too old by itself; gives how many."""
    done = session.execute(delete(EndedSession).where(EndedSession.until < at))
    return int(getattr(done, "rowcount", 0))
