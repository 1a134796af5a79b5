"""Files that wait for the scanner: asked again each minute, one at a time, no transaction open meanwhile."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic

from celery import shared_task

from app import clock, scanner, vault
from app.extensions import db
from app.transaction import transaction
from app.workflows.files import file_scans, sealed_files

log = logging.getLogger(__name__)
# So many files a round, and so long; the next one, a minute later, has the rest. What is being asked about may end.
MOST, SECONDS = 200, 40.0


@shared_task
def scan(seconds: float = SECONDS) -> dict[str, int]:
    """Scan what waits, until the scanner is down again; how many were clean and infected.

    One round at a time over all processes, each from behind the file with which the last one ended: a file that the
    scanner never answers for (one too large for it), or that can't be read, is passed over and takes nobody's turn.
    """
    done = {scanner.CLEAN: 0, scanner.INFECTED: 0}
    if not scanner.is_on():
        return done
    with transaction(db.session) as session:
        after = file_scans.begin_round(session, clock.now())
    if after is None:
        return done
    try:
        ends, asked = monotonic() + seconds, 0
        for key, place, kind in file_scans.waiting(db.session, after):
            db.session.rollback()  # asking takes seconds: no snapshot, no lock
            if asked >= MOST or monotonic() >= ends:
                break
            asked, after = asked + 1, key
            verdict = _verdict(key, place, kind)
            if verdict is None:
                continue
            if verdict.state == scanner.DOWN:
                if scanner.answers():
                    continue
                break
            with transaction(db.session) as session:
                judged = file_scans.judge(session, key, verdict, clock.now())
            done = {**done, verdict.state: done[verdict.state] + judged}
    finally:
        db.session.rollback()
        with transaction(db.session) as session:
            file_scans.end_round(session, after, clock.now())
    return done


def _verdict(key: int, place: Path, kind: str) -> scanner.Verdict | None:
    """What the scanner says of one file; none of one that can't be read: cut, sealed under a missing key, or gone."""
    try:
        with sealed_files.in_the_open(place, kind) as plain:
            return scanner.scan(plain)
    except (OSError, vault.Unreadable) as error:
        log.warning("file %s was not scanned: %s", key, error)
        return None
