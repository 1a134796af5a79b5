"""Sealing the audit log, and keeping each batch's digest in a file beside the database.

Whoever can write the database can also rewrite it with all digests; the file (better still: a copy of it elsewhere)
is what such a rewriting would contradict. `flask audit verify` reads it.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from celery import shared_task
from flask import current_app

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.core import audit, audit_days

MOST_BATCHES = 40


@shared_task
def seal() -> int:
    """Seal what waits; leaves the rest to the next round. Gives the number of batches."""
    sealed = 0
    for _ in range(MOST_BATCHES):
        with transaction(db.session):
            if audit.seal(db.session, clock.now()) is None:
                break
        sealed += 1
    witness(Path(current_app.config["DATA_DIR"]) / audit.HEADS_FILE)
    return sealed


@shared_task
def close_days() -> int:
    """Close the days that are over: one root each, kept beside the database as well. Gives how many."""
    with transaction(db.session):
        made = len(audit_days.close(db.session, clock.now()))
    keep_days(Path(current_app.config["DATA_DIR"]) / audit_days.DAYS_FILE)
    return made


def keep_days(file: Path) -> None:
    """Append the days that the file does not know yet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="ascii") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        known = audit_days.read_kept(kept.read())
        for row in reversed(audit_days.roots(db.session)):
            if row.on.isoformat() not in known:
                kept.write(f"{row.on.isoformat()} {row.digest}\n")


def witness(file: Path) -> None:
    """Append the digests of batches that the file does not know yet; two sealers write one after the other."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="ascii") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        last = max(audit.read_heads(kept.read()), default=0)
        for number, digest in audit.heads(db.session, last):
            kept.write(f"{number} {digest}\n")
