"""Asking the real-name service: each question under a lease, none inside a transaction."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.people import real_names


@shared_task
def check() -> int:
    """Put what is due; how many were answered or given up."""
    if not real_names.offered():
        return 0
    with transaction(db.session):
        ids = real_names.lease(db.session, clock.now())
    for key in ids:
        about = real_names.subject(db.session, key)
        db.session.rollback()
        found: bool | Exception = LookupError("人员资料已变")
        if about is not None:
            try:
                found = real_names.put(key, *about)
            except Exception as error:
                found = error
        with transaction(db.session):
            real_names.answered(db.session, key, about, found, clock.now())
    return len(ids)
