"""The clock of rescues: dispatches what nobody dispatched, calls the next level where nobody came (RES-04)."""

from __future__ import annotations

import logging
from functools import partial

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import in_one
from app.workflows.rescue import rescue_help

log = logging.getLogger(__name__)


@shared_task
def act() -> int:
    """One look; each case in a transaction of its own, so that one that fails holds up no other. How many were called.

    Safe to run twice and late: each case is held and looked at again.
    """
    called = 0
    for key in rescue_help.due(db.session, clock.now()):
        try:
            called += in_one(db.session, partial(rescue_help.act, key=key, at=clock.now())) is not None
        except Exception:
            log.exception("rescue %s could not be called out", key)
    return called
