"""Reminders of applications near or over their limit: a short look every ten minutes."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.approval import reminders


@shared_task
def remind() -> int:
    with transaction(db.session):
        return reminders.remind(db.session, clock.now())
