"""Calls that are sent again because their answer was lost: done once, answered twice alike (INT-04).

The answer is kept in the transaction of the deed: there is no deed without it, and none is kept of a deed refused.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import delete, select

from app.errors import refuse
from app.models import ApiCall
from app.transaction import AnySession, insert_of

KEPT = dt.timedelta(hours=48)


def begin(session: AnySession, account_id: int, key: str, digest: str, at: dt.datetime) -> ApiCall | None:
    """Take the key; gives the call that was answered under it before, or None for a new one.

    Two at once: the second waits for the first, and gets its answer. Another request under the same key is refused.
    """
    forget_old(session, at, account_id)
    values = {"account_id": account_id, "key": key, "digest": digest, "code": 0, "made_at": at}
    taken = insert_of(session, ApiCall).values(**values).on_conflict_do_nothing()
    if session.scalar(taken.returning(ApiCall.__table__.c.id)) is not None:
        return None
    row: ApiCall = session.scalars(_of(account_id, key)).one()
    if row.digest != digest:
        raise refuse(
            "Idempotency-Key", "这个键已用于另一个内容不同的请求", "新的请求请换一个新的键；重发请原样发送",
            field="Idempotency-Key", value=key,
        )  # fmt: skip
    return row


def finish(session: AnySession, account_id: int, key: str, code: int, answer: Any) -> None:
    """Keep what was answered."""
    row = session.scalars(_of(account_id, key)).one()
    row.code, row.answer = code, answer


def forget_old(session: AnySession, at: dt.datetime, account_id: int | None = None) -> int:
    """Drop answers that nobody waits for any more; gives how many."""
    statement = delete(ApiCall).where(ApiCall.made_at < at - KEPT)
    if account_id is not None:
        statement = statement.where(ApiCall.account_id == account_id)
    return int(getattr(session.execute(statement), "rowcount", 0))


def _of(account_id: int, key: str) -> Any:
    return select(ApiCall).where(ApiCall.account_id == account_id, ApiCall.key == key)
