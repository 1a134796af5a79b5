"""Numbers without gaps: SY-2026-000123."""

from __future__ import annotations

import datetime as dt

from app import clock
from app.models import NumberSeries
from app.transaction import AnySession, insert_of


def next_number(session: AnySession, prefix: str, at: dt.datetime) -> str:
    """The next number of a prefix in the year of `at`.

    The series' row stays locked until the transaction ends: that makes numbers unique and gapless, and makes
    those who wait for it queue. So take the number last.
    """
    series = f"{prefix}-{clock.local_day(at).year}"
    statement = (
        insert_of(session, NumberSeries)
        .values(prefix=series, last=1)
        .on_conflict_do_update(index_elements=[NumberSeries.prefix], set_={"last": NumberSeries.last + 1})
        .returning(NumberSeries.last)
    )
    return f"{series}-{session.execute(statement).scalar_one():06d}"
