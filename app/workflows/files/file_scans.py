"""What the scanner says afterwards of files that came while it was down."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from sqlalchemy import select

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
    """Files to be scanned, oldest first, with places and kinds; what is gone from the disk stays unscanned."""
    statement = select(Attachment).where(Attachment.scan.in_(WAITING), Attachment.removed_at.is_(None))
    rows = session.scalars(statement.order_by(Attachment.id).limit(MOST).execution_options(skip_scope=True)).all()
    return [(row.id, place, row.kind) for row in rows if (place := attachments.path(None, row)).is_file()]


def judge(session: AnySession, key: int, verdict: scanner.Verdict, at: dt.datetime) -> bool:
    """Write the verdict on a file that still waits; whoever sent an infected one is told."""
    row = lock(session, Attachment, key)
    if row is None or row.scan not in WAITING:
        return False
    row.scan = "infected" if verdict.state == scanner.INFECTED else "clean"
    session.flush()
    if verdict.state == scanner.INFECTED:
        actor = SYSTEM.by("job")
        after = {"attachment": row.id, "name": row.name, "found": verdict.told}
        audit.record(session, actor, at, "attachment.infected", row.entity, row.entity_id, after=after)
        recipients = [row.uploaded_by_id] if row.uploaded_by_id is not None else []
        outbox.notify(
            session, at, recipients, "file", say("附件含有病毒，已封存：%(name)s", name=row.name),
            say("查毒发现：%(told)s。请用杀毒软件处理后，重新上传一份干净的文件。", told=verdict.told),
            dedupe_key=f"infected:{row.id}",
        )  # fmt: skip
    return True
