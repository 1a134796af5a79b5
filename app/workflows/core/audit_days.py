"""The daily roots of the sealed audit log: one digest a day, over that day's batches, chained from day to day.

A root printed, mailed or published is what a later rewriting of the whole log would contradict. A day closes once it
is over; it takes every batch since the day before it by number, so that none is left between two days.
"""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import func, select

from app import clock
from app.models import AuditBatch, AuditDay, Job
from app.permissions import Actor
from app.rules.calendar import day_end
from app.rules.sealing import GENESIS, day_digest, merkle_root
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import jobs
from app.workflows.core.audit import Verdict, one_sealer

DAYS_FILE = "audit/days.txt"


def close(session: AnySession, at: dt.datetime) -> list[AuditDay]:
    """Close every day that is over and has batches which no root covers yet. A second run closes nothing."""
    one_sealer(session)
    last = session.scalars(select(AuditDay).order_by(AuditDay.on.desc()).limit(1)).first()
    number, previous = (last.last, last.digest) if last else (0, GENESIS)
    waiting = session.execute(
        select(AuditBatch.number, AuditBatch.digest, AuditBatch.count, AuditBatch.sealed_at)
        .where(AuditBatch.number > number, AuditBatch.sealed_at < day_end(clock.local_day(at) - dt.timedelta(days=1)))
        .order_by(AuditBatch.number)
    ).all()
    made: list[AuditDay] = []
    # A clock set back must not open a day again: whatever was sealed "before" belongs to the last day closed after.
    floor = last.on + dt.timedelta(days=1) if last else dt.date.min
    by_day: dict[dt.date, list[tuple[int, str, int]]] = {}
    for batch_number, digest, count, sealed_at in waiting:
        floor = max(floor, clock.local_day(sealed_at))
        by_day.setdefault(floor, []).append((batch_number, digest, count))
    for on, batches in by_day.items():
        root = merkle_root(bytes.fromhex(digest) for _number, digest, _count in batches)
        row = AuditDay(
            on=on, first=batches[0][0], last=batches[-1][0], batches=len(batches), entries=sum(b[2] for b in batches),
            root=root, previous=previous, closed_at=at, digest="",
        )  # fmt: skip
        row.digest = previous = day_digest(content(row))
        session.add(row)
        made.append(row)
    session.flush()
    return made


def content(row: AuditDay) -> dict[str, object]:
    """What a day's digest is over."""
    return {
        "on": row.on, "first": row.first, "last": row.last, "batches": row.batches, "entries": row.entries,
        "root": row.root, "previous": row.previous, "closed_at": row.closed_at,
    }  # fmt: skip


def verify(session: AnySession, verdict: Verdict, known: dict[str, str] | None = None) -> Verdict:
    """Compute every daily root anew and add what is wrong; `known` (day → digest) was kept elsewhere."""
    kept, previous, expected = dict(known or {}), GENESIS, 1
    for row in session.scalars(select(AuditDay).order_by(AuditDay.on)):
        if day_digest(content(row)) != row.digest:
            verdict.add(None, say("%(on)s 的日根记录被改动（摘要不符）", on=row.on))
        if row.previous != previous or row.first != expected:
            verdict.add(row.first, say("%(on)s 的日根与前一日断开", on=row.on))
        previous, expected = row.digest, row.last + 1
        digests = session.scalars(
            select(AuditBatch.digest).where(AuditBatch.number.between(row.first, row.last)).order_by(AuditBatch.number)
        ).all()
        # One that is no digest at all was written by other hands and fits nothing.
        raw = [bytes.fromhex(d) if re.fullmatch("[0-9a-f]{64}", d) else d.encode() for d in digests]
        if len(digests) != row.batches or merkle_root(raw) != row.root:
            verdict.add(row.first, say("%(on)s 的日根与各批的摘要不符", on=row.on))
        if kept.pop(row.on.isoformat(), row.digest) != row.digest:
            verdict.add(row.first, say("%(on)s 的日根与另存的不符，当日或更早的日志被重写", on=row.on))
    if kept:
        verdict.add(None, say("另存的日根中有 %(count)s 日在库中已不存在", count=len(kept)))
    return verdict


def roots(session: AnySession, most: int = 400) -> list[AuditDay]:
    """The newest days first."""
    return list(session.scalars(select(AuditDay).order_by(AuditDay.on.desc()).limit(most)))


def enter_package(session: AnySession, actor: Actor, at: dt.datetime) -> Job:
    """Enter the job that makes the package for a verifier outside: the whole log, its roots, the script."""
    return jobs.enqueue(session, actor, at, "audit_export", "审计日志核验包", {"back": "/audit/days"})


def unclosed(session: AnySession) -> int:
    """How many batches wait for their day's end."""
    last = session.scalar(select(func.max(AuditDay.last))) or 0
    return session.scalar(select(func.count()).select_from(AuditBatch).where(AuditBatch.number > last)) or 0


def read_kept(text: str) -> dict[str, str]:
    """The lines "day digest" of a file of roots; a last line torn by a power cut is left out."""
    found = (line.split() for line in text.splitlines())
    return {parts[0]: parts[1] for parts in found if len(parts) == 2 and len(parts[1]) == 64}
