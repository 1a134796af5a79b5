"""A sign of life that went the whole way: beat → broker → worker → database."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.core import jobs


@shared_task
def beat() -> None:
    with transaction(db.session):
        jobs.show_service(db.session, "tasks", clock.now())
