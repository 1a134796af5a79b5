"""人脸比对 of what a check-in could not compare: each under a lease, no question inside a transaction (PER-10)."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.rules.face_checks import FaceState
from app.transaction import transaction
from app.workflows.visits import face_checks
from app.workflows.visits.face_checks import NoAnswer, NotAsked


@shared_task
def compare() -> int:
    """Compare what is due; how many were looked at."""
    if not face_checks.offered():
        return 0
    with transaction(db.session):
        ids = face_checks.lease(db.session, clock.now())
    for key in ids:
        found: FaceState | Exception | None = None
        try:
            both = face_checks.photos(db.session, key)
            db.session.rollback()
            if both is not None:
                found = face_checks.put(key, both)
        except (NoAnswer, NotAsked) as error:
            db.session.rollback()
            found = error
        with transaction(db.session):
            face_checks.answered(db.session, key, found, clock.now())
    return len(ids)
