"""The round that tells which limits turned yellow or red, and raises what stays undone to the office above."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.approval import escalation


@shared_task
def tell() -> dict[str, int]:
    """One round; run twice it tells nothing twice. What rises does so in parts: a first round finds years of it."""
    at = clock.now()
    with transaction(db.session) as session:
        told = escalation.tell(session, at)
    told["escalated"], taken = 0, escalation.AT_ONCE
    while taken >= escalation.AT_ONCE:
        with transaction(db.session) as session:
            new, taken = escalation.rise(session, at)
        told["escalated"] += new
    return told
