"""The nightly look for doubtful visits (FRD-01): a job a shard; it looks at every day since the last it looked at."""

from __future__ import annotations

import datetime as dt
from typing import Any

from celery import shared_task

from app import clock
from app.extensions import db
from app.models import ClockMark
from app.rules.calendar import day_start
from app.tasks.jobs import JobContext, handles
from app.tasks.nightly import _as_dict, _day, _region, enter
from app.transaction import transaction
from app.workflows.maintenance import schedule
from app.workflows.oversight import fraud_look, fraud_photos

DAY = dt.timedelta(days=1)
# So many days a night.
MOST_DAYS = 31


@shared_task
def look() -> list[int]:
    """After the schedule's hour, when yesterday's visits have settled."""
    with transaction(db.session) as session:
        regions = schedule.shards(session)
    yesterday = clock.today() - DAY
    entered = [enter("fraud", yesterday, region) for region in regions]
    return [job for job in entered if job is not None]


@handles("fraud")
def run_look(context: JobContext) -> dict[str, Any]:
    """Look at a day; the system's own job at all days since its last one, too. Each day is a transaction of its own.

    Taken up again it finds what it wrote by the signals' keys.
    """
    on, region = min(_day(context), clock.today()), _region(context)
    nightly = context.actor.system
    days = _days(context.session, on, region) if nightly else [on]
    total = fraud_look.Looked()
    for number, day in enumerate(days):
        with transaction(context.session) as session:
            done = fraud_look.look(session, day, clock.now(), region, context.actor)
        fraud_photos.look(context.session, day, clock.now(), region, done, context.progress)
        for name in ("days", "visits", "photos", "signals"):
            setattr(total, name, getattr(total, name) + getattr(done, name))
        if nightly:
            with transaction(context.session) as session:
                _mark(session, day, region)
        context.progress(number + 1, len(days), "检查签到")
    return _as_dict({"days": total.days, "visits": total.visits, "photos": total.photos, "signals": total.signals})


def _name(region: str | None) -> str:
    return f"fraud:{region or 'all'}"


def _days(session: Any, on: dt.date, region: str | None) -> list[dt.date]:
    """Every day after the last one that was looked at, through `on`, which is looked at also when it was before.

    After a long standstill the oldest of them: the next nights go on.
    """
    with transaction(session):
        mark = session.get(ClockMark, _name(region))
        first = on if mark is None else min(on, clock.local_day(mark.at) + DAY)
    return [first + n * DAY for n in range(min((on - first).days + 1, MOST_DAYS))]


def _mark(session: Any, day: dt.date, region: str | None) -> None:
    at = day_start(day)
    mark = session.get(ClockMark, _name(region))
    if mark is None:
        session.add(ClockMark(name=_name(region), at=at))
    else:
        mark.at = max(mark.at, at)
