"""The round that tells which limits turned yellow or red, and raises what stays undone to the office above."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.approval import escalation


@shared_task
def tell() -> dict[str, int]:
    """One round; run twice it tells nothing twice."""
    with transaction(db.session) as session:
        return escalation.tell(session, clock.now())
