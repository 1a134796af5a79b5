"""Reminders of applications near or over their limit, and decisions not told yet: a short look every ten minutes."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.approval import reminders
from app.workflows.desk import told_together


@shared_task
def remind() -> int:
    with transaction(db.session):
        return reminders.remind(db.session, clock.now())


@shared_task
def tell_left() -> int:
    """Tell what a press that was killed had decided; how many decisions that were."""
    at = clock.now()
    return sum(told_together.tell_by_itself(db.session, at, press) for press in told_together.left(db.session, at))
