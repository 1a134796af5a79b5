"""What the scanner says afterwards of files that came while it was down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from app import scanner
from app.models import Attachment
from app.transaction import AnySession, lock
from app.workflows.files import attachments, infected

WAITING = ("waiting", "late")
PART = 200


def waiting(session: AnySession) -> Iterator[tuple[int, Path, str]]:
    """Files to be scanned, oldest first, with places and kinds; what is gone from the disk stays unscanned.

    Of rows over the same bytes the first stands for all of them. They are read some at a time, to the end: what can't
    be judged stays where it is, and must not stand before what can.
    """
    last = 0
    firsts = (
        select(func.min(Attachment.id)).where(Attachment.scan.in_(WAITING), Attachment.removed_at.is_(None))
        .group_by(Attachment.sha256).order_by(func.min(Attachment.id)).limit(PART)
    )  # fmt: skip
    while True:
        further = firsts.having(func.min(Attachment.id) > last)
        keys = session.scalars(further.execution_options(skip_scope=True)).all()
        statement = select(Attachment).where(Attachment.id.in_(keys)).order_by(Attachment.id)
        rows = session.scalars(statement.execution_options(skip_scope=True)).all()
        found = [(row.id, attachments.path(None, row), row.kind) for row in rows]
        yield from ((key, place, kind) for key, place, kind in found if place.is_file())
        if len(keys) < PART:
            return
        last = keys[-1]


def judge(session: AnySession, key: int, verdict: scanner.Verdict, at: dt.datetime) -> int:
    """Write the verdict on a file that still waits; how many rows it was written to.

    A clean one is that of all rows over the same bytes that wait, an infected one stops whatever lies over them.
    """
    if verdict.state == scanner.INFECTED:
        # Which holds all rows over them: this one held before, two such would wait for each other's.
        asked = select(Attachment.sha256).where(Attachment.id == key, Attachment.scan.in_(WAITING))
        digest = session.scalar(asked.execution_options(skip_scope=True))
        return 0 if digest is None else infected.stop(session, digest, verdict.told, at)
    row = lock(session, Attachment, key)
    if row is None or row.scan not in WAITING:
        return 0
    same = (Attachment.sha256 == row.sha256) & Attachment.scan.in_(WAITING)
    verdicts = update(Attachment).where(same).values(scan="clean")
    done: Any = session.execute(verdicts.execution_options(synchronize_session=False, skip_scope=True))
    session.refresh(row, ["scan"])
    return int(done.rowcount)
