"""Keeping what was exported, in the transaction that the audit log hears of it, and finding it again (RPR-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.models import ExportRecord
from app.permissions import Actor
from app.telling import language
from app.transaction import AnySession
from app.workflows.core import audit


def keep(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    listing: str,
    told: Mapping[str, Any],
    *,
    query: str,
    columns: Sequence[str],
    fmt: str,
    **more: Any,
) -> ExportRecord:
    """Write the record and the audit entry of an export that was made."""
    row = ExportRecord(
        listing=listing, query=query, columns=list(columns), format=fmt, filter=told["filter"],
        as_of=dt.datetime.fromisoformat(told["as_of"]), policy=told["policy"], rows=told["rows"],
        sha256=told["sha256"], file=told["file"], language=language(), made_by_id=actor.user_id, made_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "export.make", listing, None,
        after=dict(told) | {"columns": list(columns), "format": fmt, "record": row.id} | more,
    )  # fmt: skip
    return row


def of_file(session: AnySession, digest: str) -> ExportRecord | None:
    """The last export that was written as exactly these bytes."""
    statement = select(ExportRecord).where(ExportRecord.file == digest).order_by(ExportRecord.id.desc()).limit(1)
    return session.scalar(statement)


def keep_file(
    session: AnySession, actor: Actor, at: dt.datetime, name: str, said: str, digest: str, policy: str, fmt: str, *,
    rows: int = 1,
) -> ExportRecord:  # fmt: skip
    """Write the record of a file that is no table, a printed form for example: its bytes are what is proved."""
    row = ExportRecord(
        listing=name, query="", columns=[], format=fmt, filter=said, as_of=at, policy=policy, rows=rows,
        sha256=digest, file=digest, language=language(), made_by_id=actor.user_id, made_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def of_table(session: AnySession, sha256: str) -> ExportRecord | None:
    """The last export whose table had this digest (as .csv)."""
    statement = select(ExportRecord).where(ExportRecord.sha256 == sha256).order_by(ExportRecord.id.desc()).limit(1)
    return session.scalar(statement)
