"""The round that tells of devices which went silent."""

from __future__ import annotations

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.partners import iot_silence


@shared_task
def tell_silent() -> int:
    """One round; run twice it tells nothing twice. How many silences."""
    with transaction(db.session) as session:
        return iot_silence.tell(session, clock.now())
