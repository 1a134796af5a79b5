"""The night's comparison of filed and insured people, a unit a transaction: safe to run twice, or to be cut short."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows import insurance_gaps


@shared_task
def compare() -> dict[str, int]:
    """Compare the newest month that must be in, unit by unit; how many units, and how many of them have gaps."""
    at = clock.now()
    due = insurance_gaps.due_units(db.session, at)
    db.session.rollback()
    gaps = 0
    for unit_id, month in due:
        with transaction(db.session) as session:
            gaps += insurance_gaps.judge(session, unit_id, month, at)
        db.session.expunge_all()
    return {"units": len(due), "gaps": gaps}
