"""The night's comparison of filed and insured people, a unit a transaction: safe to run twice, or to be cut short."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.papers import insurance_gaps

AT_ONCE = 200


@shared_task
def compare() -> dict[str, int]:
    """Compare the newest month that must be in; how many units, and how many of them have gaps.

    Many are looked at together; those of whom there is something to write or to tell are then taken one by one.
    """
    at = clock.now()
    due = insurance_gaps.due_units(db.session, at)
    db.session.rollback()
    months: dict[dt.date, list[int]] = defaultdict(list)
    for unit_id, month in due:
        months[month].append(unit_id)
    gaps = 0
    for month, units in months.items():
        for first in range(0, len(units), AT_ONCE):
            with transaction(db.session) as session:
                left = insurance_gaps.settle(session, units[first : first + AT_ONCE], month, at)
            for unit_id in left:
                with transaction(db.session) as session:
                    gaps += insurance_gaps.judge(session, unit_id, month, at)
                db.session.expunge_all()
    return {"units": len(due), "gaps": gaps}
