"""人脸比对 of what a check-in could not compare: each under a lease, no question inside a transaction (PER-10)."""

from __future__ import annotations

import logging

from celery import shared_task

from app import clock
from app.extensions import db
from app.rules.face_checks import FaceState
from app.transaction import transaction
from app.workflows.visits import face_checks
from app.workflows.visits.face_checks import NoAnswer, NotAsked

log = logging.getLogger(__name__)


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
        except Exception as error:
            # Tried again like one without an answer: those that were taken with it wait for theirs. Its kind alone is
            # told, for nothing of a photo belongs into a log.
            db.session.rollback()
            log.error("photos of check %s could not be compared: %s", key, type(error).__name__)
            found = NoAnswer(type(error).__name__)
        with transaction(db.session):
            face_checks.answered(db.session, key, found, clock.now())
    return len(ids)
