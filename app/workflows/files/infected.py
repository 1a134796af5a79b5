"""Bytes that the scanner finds infected: all rows over them are stopped, whatever it said of them before (UNT-04).

A signature may be younger than a file that was judged clean; the same bytes under another name are no cleaner.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from app.models import Attachment
from app.permissions import SYSTEM
from app.transaction import AnySession, hold, whatever_comes
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.files.file_contents import Infected

_WHOLE = {"skip_scope": True, "synchronize_session": False}


def stop(session: AnySession, digest: str, told: str, at: dt.datetime) -> int:
    """Close every file over these bytes; how many were open. `told` is the scanner's word.

    Who sent one is told once, however many rows he has over it; the log has one entry, with their number.
    """
    alone(session, digest)
    open_ = (Attachment.sha256 == digest) & (Attachment.scan != "infected")
    first = select(Attachment).where(open_).order_by(Attachment.id).limit(1).with_for_update()
    row: Attachment | None = session.scalar(first.execution_options(skip_scope=True, populate_existing=True))
    if row is None:
        return 0
    senders = _senders(session, open_)
    key, name, entity, entity_id = row.id, row.name, row.entity, row.entity_id
    done: Any = session.execute(update(Attachment).where(open_).values(scan="infected"), execution_options=_WHOLE)
    session.expire(row, ["scan"])
    after = {"attachment": key, "name": name, "found": told, "rows": done.rowcount}
    audit.record(session, SYSTEM.by("job"), at, "attachment.infected", entity, entity_id, after=after)
    for sender, called in senders:
        outbox.notify(
            session, at, [sender], "file", say("附件含有病毒，已封存：%(name)s", name=called),
            say("查毒发现：%(told)s。请用杀毒软件处理后，重新上传一份干净的文件。", told=told),
            dedupe_key=f"infected:{key}",
        )  # fmt: skip
    return int(done.rowcount)


def alone(session: AnySession, digest: str) -> None:
    """Whoever stops these bytes, or makes one more row over them, waits for the other: none comes in between."""
    hold(session, f"bytes {digest}")


@contextmanager
def stopped_besides(session: AnySession, at: dt.datetime) -> Iterator[None]:
    """Where bytes that come in are refused as infected, what lies here over the same ones is stopped all the same."""
    try:
        yield
    except Infected as refusal:
        digest, told = refusal.digest, refusal.told
        whatever_comes(session, lambda own: stop(own, digest, told, at))
        raise


def _senders(session: AnySession, which: ColumnElement[bool]) -> list[tuple[int, str]]:
    """Who sent these rows, each with a name under which he sent the file."""
    statement = select(Attachment.uploaded_by_id, func.min(Attachment.name)).where(
        which, Attachment.uploaded_by_id.is_not(None)
    )
    rows = session.execute(statement.group_by(Attachment.uploaded_by_id).execution_options(skip_scope=True))
    return [(sender, name) for sender, name in rows if sender is not None]
