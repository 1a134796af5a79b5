"""Files that wait for the scanner: asked again each minute, one at a time, no transaction open meanwhile."""

from __future__ import annotations

from celery import shared_task

from app import clock, scanner
from app.extensions import db
from app.transaction import transaction
from app.workflows.files import file_scans, sealed_files


@shared_task
def scan() -> dict[str, int]:
    """Scan what waits, until the scanner is down again; how many were clean and infected."""
    done = {scanner.CLEAN: 0, scanner.INFECTED: 0}
    if not scanner.is_on():
        return done
    for key, place, kind in file_scans.waiting(db.session):
        db.session.rollback()  # asking takes seconds: no snapshot, no lock
        with sealed_files.in_the_open(place, kind) as plain:
            verdict = scanner.scan(plain)
        if verdict.state == scanner.DOWN:
            break
        with transaction(db.session) as session:
            judged = file_scans.judge(session, key, verdict, clock.now())
        done = {**done, verdict.state: done[verdict.state] + judged}
    return done
