"""Files that wait for the scanner: asked again each minute, one at a time, no transaction open meanwhile."""

from __future__ import annotations

from threading import Lock

from celery import shared_task

from app import clock, scanner
from app.extensions import db
from app.transaction import transaction
from app.workflows.files import file_scans, sealed_files

# So many verdicts a round; the next one, a minute later, has the rest.
MOST = 200
# One round of a process at a time: a slow scanner is not asked for the same files by several.
_turn = Lock()


@shared_task
def scan() -> dict[str, int]:
    """Scan what waits, until the scanner is down again; how many were clean and infected.

    A file that it never answers for (one too large for it) is passed over while it answers for others.
    """
    done = {scanner.CLEAN: 0, scanner.INFECTED: 0}
    if not scanner.is_on() or not _turn.acquire(blocking=False):
        return done
    try:
        verdicts = 0
        for key, place, kind in file_scans.waiting(db.session):
            db.session.rollback()  # asking takes seconds: no snapshot, no lock
            with sealed_files.in_the_open(place, kind) as plain:
                verdict = scanner.scan(plain)
            if verdict.state == scanner.DOWN:
                if scanner.answers():
                    continue
                break
            with transaction(db.session) as session:
                judged = file_scans.judge(session, key, verdict, clock.now())
            done = {**done, verdict.state: done[verdict.state] + judged}
            verdicts += 1
            if verdicts >= MOST:
                break
    finally:
        _turn.release()
    return done
