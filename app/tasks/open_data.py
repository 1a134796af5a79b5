"""Open data as the system's job: once everything of a month that can still come in time has come (PUB-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from celery import shared_task
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Region
from app.reports import exports
from app.rules.periods import settled_month
from app.tasks.jobs import JobContext, handles
from app.tasks.nightly import enter
from app.transaction import transaction
from app.workflows.public import open_data


@shared_task
def publish() -> int | None:
    """In the night, if any region publishes at all and its month is not out yet."""
    from app.reports import open_data as counting

    today = clock.today()
    period = settled_month(today).text
    waits = [
        code for code in counting.publishers(db.session, today)
        if open_data.release(db.session, code, period) is None
    ]  # fmt: skip
    return enter("open_data", today) if waits else None


@handles("open_data")
def run_open_data(context: JobContext) -> dict[str, Any]:
    """Params: `on`. A region after the other, each in its own transaction; run twice it finds what it published."""
    from app.reports import open_data as counting

    on = dt.date.fromisoformat(context.params["on"])
    period, as_of, made = settled_month(on), context.entered_at, 0
    todo = counting.publishers(context.session, on)
    for number, (code, codes) in enumerate(sorted(todo.items())):
        region = context.session.scalars(select(Region).where(Region.code == code)).one()
        context.progress(number, len(todo), region.name)
        if open_data.release(context.session, code, period.text) is not None:
            continue
        with exports.one_view(context.session):
            data = counting.build(context.session, region, codes, period, as_of)
        with transaction(context.session) as session:
            open_data.publish(session, region, period, data, counting.digest_of(data), as_of, clock.now())
        made += 1
    return {"made": made, "regions": len(todo), "period": period.text}
