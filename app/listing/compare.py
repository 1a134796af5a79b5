"""What a list's filter asks of a row, by the kind of the filter."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_

from app.listing.parts import Filter, Moment
from app.models.base import Instant
from app.models.region import code_span
from app.rules.calendar import EARLIEST_ON, LATEST_ON, day_start


def compare(moment: Moment, one: Filter, value: Any) -> Any:
    """The condition that a filter makes of a value as it was read."""
    if one.within is not None:
        return one.within(moment, value)
    if one.criterion is not None:
        return one.criterion(value)
    if one.kind == "choice":
        return one.column.in_(value)
    if one.kind == "date":
        first, last = value
        if isinstance(one.column.type, Instant):
            # The days are Shanghai's; whatever lies beyond the calendar is as good as its end.
            bounds = [one.column >= _starts(first)] if first else []
            bounds += [one.column < _starts(last, 1)] if last else []
            return and_(*bounds)
        bounds = []
        if first:
            bounds.append(one.column >= first)
        if last:
            bounds.append(one.column <= last)
        return and_(*bounds)
    if one.kind == "region":
        low, high = code_span(value)
        return and_(one.column >= low, one.column < high)
    if one.kind == "text":
        return one.column.icontains(value, autoescape=True)
    return one.column == value


def _starts(day: dt.date, later: int = 0) -> dt.datetime:
    """The instant at which a day, or the day `later` days after it, begins in Shanghai."""
    held = min(max(day, EARLIEST_ON), LATEST_ON) + dt.timedelta(days=later)
    return day_start(held)
