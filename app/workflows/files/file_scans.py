"""What the scanner says afterwards of files that came while it was down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from app import scanner
from app.models import Attachment, ClockMark
from app.transaction import AnySession, hold, lock
from app.workflows.files import attachments, infected

WAITING = ("waiting", "late")
PART = 200
ROUND = "scan:"
# Longer than a round and the file that it ends with may take.
ROUND_LASTS = dt.timedelta(minutes=4)


def begin_round(session: AnySession, at: dt.datetime) -> int | None:
    """The file behind which this round begins; none while another round runs, in whatever process.

    A round whose process was killed ends by itself, `ROUND_LASTS` after it began.
    """
    mark = _mark(session)
    if mark is None:
        session.add(ClockMark(name=f"{ROUND}0", at=at + ROUND_LASTS))
        return 0
    if at < mark.at <= at + ROUND_LASTS:
        return None
    mark.at = at + ROUND_LASTS
    return int(mark.name.removeprefix(ROUND))


def end_round(session: AnySession, after: int, at: dt.datetime) -> None:
    """Let the next round begin, behind this file."""
    mark = _mark(session)
    if mark is not None:
        mark.name, mark.at = f"{ROUND}{after}", at


def _mark(session: AnySession) -> ClockMark | None:
    """Its name says behind which file the next round begins, its instant until when one runs."""
    hold(session, "files:scan")
    return session.scalar(select(ClockMark).where(ClockMark.name.startswith(ROUND, autoescape=True)))


def waiting(session: AnySession, after: int = 0) -> Iterator[tuple[int, Path, str]]:
    """Files to be scanned, those behind `after` first, then those up to it, each from the oldest on, with places and
    kinds; what is gone from the disk stays unscanned.

    Of rows over the same bytes the first stands for all of them. They are read some at a time, to the end: what can't
    be judged stays where it is, and must not stand before what can.
    """
    yield from _between(session, after, None)
    if after:
        yield from _between(session, 0, after)


def _between(session: AnySession, last: int, until: int | None) -> Iterator[tuple[int, Path, str]]:
    first = func.min(Attachment.id)
    firsts = (
        select(first).where(Attachment.scan.in_(WAITING), Attachment.removed_at.is_(None))
        .group_by(Attachment.sha256).order_by(first).limit(PART)
    )  # fmt: skip
    if until is not None:
        firsts = firsts.having(first <= until)
    while True:
        further = firsts.having(first > last)
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
