"""The only place that asks what time it is. Instants are UTC-aware, days are Asia/Shanghai.

Tests freeze it with `frozen(instant)`; everything else takes `at` or `today` as an argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_frozen: ContextVar[dt.datetime | None] = ContextVar("frozen_clock", default=None)


def machine() -> dt.datetime:
    """What this machine's clock says, UTC; only `now` asks it."""
    return dt.datetime.now(dt.UTC)


def now() -> dt.datetime:
    """This instant, UTC."""
    return _frozen.get() or machine()


def today() -> dt.date:
    """The calendar day in Asia/Shanghai."""
    return local_day(now())


def local(instant: dt.datetime) -> dt.datetime:
    """The wall-clock time in Asia/Shanghai of an aware instant."""
    return instant.astimezone(SHANGHAI)


def local_day(instant: dt.datetime) -> dt.date:
    """The calendar day in Asia/Shanghai on which an instant falls."""
    return local(instant).date()


def instant_of(wall: dt.datetime) -> dt.datetime:
    """Read a wall-clock time as Asia/Shanghai when it carries no zone; give UTC."""
    return (wall if wall.tzinfo else wall.replace(tzinfo=SHANGHAI)).astimezone(dt.UTC)


def until(instant: dt.datetime) -> str:
    """A limit as people read it: the end of a day is that day's 24:00, not the next day's 00:00."""
    wall = local(instant)
    if wall.time() == dt.time():
        return f"{wall.date() - dt.timedelta(days=1)} 24:00"
    return wall.strftime("%Y-%m-%d %H:%M")


@contextmanager
def frozen(instant: dt.datetime) -> Iterator[None]:
    """Hold the clock still (tests and demo data only)."""
    token = _frozen.set(instant_of(instant))
    try:
        yield
    finally:
        _frozen.reset(token)
