"""Delivering the outbox: the inbox in one statement, other channels one notice at a time under a lease."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.core import outbox


@shared_task
def deliver() -> dict[str, int]:
    with transaction(db.session):
        inbox = outbox.deliver_inbox(db.session, clock.now())
        leased = outbox.lease(db.session, clock.now()) if outbox.SENDERS else []
    sent, silent = 0, set[int]()
    for notice_id in leased:
        with transaction(db.session):
            sent += outbox.send(db.session, notice_id, clock.now(), silent)
    return {"inbox": inbox, "leased": len(leased), "sent": sent}
