"""The night's comparison of filed and insured people, a unit a transaction: safe to run twice, or to be cut short.

What goes wrong with one unit is its own: the others are compared, then the run fails with the number of those left out.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import partial

from celery import shared_task

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.wording import say
from app.workflows.core.one_of_many import at_end, or_kept
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
    gaps, faults = 0, list[Refusal]()
    for month, units in months.items():
        for first in range(0, len(units), AT_ONCE):
            some = units[first : first + AT_ONCE]
            look = partial(insurance_gaps.settle, units=some, month=month, at=at)
            # Where they can't be looked at together, each is by itself; whose fault it is is told there.
            left = or_kept(db.session, look, f"insurance of units from {some[0]}", [])
            for unit_id in some if left is None else left:
                deed = partial(insurance_gaps.judge, unit_id=unit_id, month=month, at=at)
                gaps += or_kept(db.session, deed, f"insurance of unit {unit_id}", faults) or 0
                db.session.expunge_all()
    at_end("医社保比对", say("%(n)s 个单位没有比对，其余的已经比对", n=len(faults)), faults)
    return {"units": len(due), "gaps": gaps}
