"""What the scanner says afterwards of files that came while it was down."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from app import scanner
from app.models import Attachment
from app.permissions import SYSTEM
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.files import attachments

WAITING = ("waiting", "late")
MOST = 200


def waiting(session: AnySession) -> list[tuple[int, Path, str]]:
    """Files to be scanned, oldest first, with places and kinds; what is gone from the disk stays unscanned.

    Of rows over the same bytes the first stands for all of them.
    """
    firsts = (
        select(func.min(Attachment.id)).where(Attachment.scan.in_(WAITING), Attachment.removed_at.is_(None))
        .group_by(Attachment.sha256).order_by(func.min(Attachment.id)).limit(MOST)
    )  # fmt: skip
    keys = session.scalars(firsts.execution_options(skip_scope=True)).all()
    statement = select(Attachment).where(Attachment.id.in_(keys)).order_by(Attachment.id)
    rows = session.scalars(statement.execution_options(skip_scope=True)).all()
    return [(row.id, place, row.kind) for row in rows if (place := attachments.path(None, row)).is_file()]


def judge(session: AnySession, key: int, verdict: scanner.Verdict, at: dt.datetime) -> int:
    """Write the verdict on a file that still waits, to all rows over the same bytes that wait; how many these were.

    Who sent an infected one is told once, however many rows he has over it.
    """
    row = lock(session, Attachment, key)
    if row is None or row.scan not in WAITING:
        return 0
    infected = verdict.state == scanner.INFECTED
    same = (Attachment.sha256 == row.sha256) & Attachment.scan.in_(WAITING)
    senders = _senders(session, same) if infected else []
    verdicts = update(Attachment).where(same).values(scan="infected" if infected else "clean")
    done: Any = session.execute(verdicts.execution_options(synchronize_session=False, skip_scope=True))
    session.refresh(row, ["scan"])
    if infected:
        actor = SYSTEM.by("job")
        after = {"attachment": row.id, "name": row.name, "found": verdict.told, "rows": done.rowcount}
        audit.record(session, actor, at, "attachment.infected", row.entity, row.entity_id, after=after)
    for sender, name in senders:
        outbox.notify(
            session, at, [sender], "file", say("附件含有病毒，已封存：%(name)s", name=name),
            say("查毒发现：%(told)s。请用杀毒软件处理后，重新上传一份干净的文件。", told=verdict.told),
            dedupe_key=f"infected:{row.id}",
        )  # fmt: skip
    return int(done.rowcount)


def _senders(session: AnySession, which: ColumnElement[bool]) -> list[tuple[int, str]]:
    """Who sent these rows, each with a name under which he sent the file."""
    statement = select(Attachment.uploaded_by_id, func.min(Attachment.name)).where(
        which, Attachment.uploaded_by_id.is_not(None)
    )
    rows = session.execute(statement.group_by(Attachment.uploaded_by_id).execution_options(skip_scope=True))
    return [(sender, name) for sender, name in rows if sender is not None]
