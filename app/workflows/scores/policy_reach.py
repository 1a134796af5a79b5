"""Which records a changed policy can give another state at all, and which of them the rules cannot tell apart.

Whether a state moves say the rules (`rules.visits.visit_state`). They are asked once for all records that are alike in
everything that they compare: `reached` only ever names too many, `alike` only ever tells apart too finely.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import fields
from functools import reduce
from math import inf
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Interval,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    true,
)

from app.models import Visit
from app.rules.calendar import SHANGHAI
from app.rules.visits import VisitMode, VisitPolicy
from app.transaction import AnySession

_visit: Any = Visit.__table__.c
# More than instants lose on their way through a database's arithmetic: SQLite's days are fractions, PostgreSQL's
# instants are exact.
MARGIN_SECONDS = {"sqlite": 60, "postgresql": 1}
SECOND, DAY_SECONDS = 1_000_000, 86_400


def reached(session: AnySession, before: VisitPolicy, after: VisitPolicy, ranked: Any) -> ColumnElement[bool]:
    """What a record fulfils whose state may be another under the second policy than under the first.

    `ranked`: what one fulfils that is not among the first elevators of its worker's day.
    """
    found: ColumnElement[bool] = false()
    for one in fields(VisitPolicy):
        old, new = getattr(before, one.name), getattr(after, one.name)
        if one.name == "daily_elevators" and old != new:
            found = or_(found, ranked)
        elif old != new:
            found = or_(found, _OF.get(one.name, _any)(session, old, new))
    return found


def _any(_session: AnySession, _old: Any, _new: Any) -> ColumnElement[bool]:
    return true()


def _lasting(none: float, unit: dt.timedelta) -> Callable[[AnySession, Any, Any], ColumnElement[bool]]:
    """Between the two limits of a visit's length, or still open. `none`: the limit where there is none."""

    def condition(session: AnySession, old: int | None, new: int | None) -> ColumnElement[bool]:
        margin = MARGIN_SECONDS[session.get_bind().dialect.name]
        limits = sorted(none if limit is None else limit * unit.total_seconds() for limit in (old, new))
        spent: list[ColumnElement[bool]] = [true()]
        if limits[0] > margin:
            spent.append(_longer(session, limits[0] - margin))
        if limits[1] < inf:
            spent.append(not_(_longer(session, limits[1] + margin)))
        return or_(_visit.checked_out_at.is_(None), and_(*spent))

    return condition


def _longer(session: AnySession, seconds: float) -> ColumnElement[bool]:
    begin, end = _visit.checked_in_at, _visit.checked_out_at
    if session.get_bind().dialect.name == "postgresql":
        # Lengths are held against each other as they are: a number is made of none.
        found: ColumnElement[bool] = end - begin > literal(dt.timedelta(seconds=seconds), Interval)
    else:
        found = (func.julianday(end) - func.julianday(begin)) * DAY_SECONDS > seconds
    return found


_OF: dict[str, Callable[[AnySession, Any, Any], ColumnElement[bool]]] = {
    "min_minutes": _lasting(0, dt.timedelta(minutes=1)),
    "max_hours": _lasting(inf, dt.timedelta(hours=1)),
    "review_days": lambda *_: _visit.signed_at.is_(None),
    "review_required": lambda *_: _visit.signed_at.is_(None),
    "sheet_hours": lambda *_: _visit.mode == VisitMode.SHEET.value,
    "sheet_makes_nonconforming": lambda *_: _visit.mode == VisitMode.SHEET.value,
}


def alike(session: AnySession, before: VisitPolicy, after: VisitPolicy, at: dt.datetime, rank: Any) -> Any:
    """Of records that are equal in this, one tells the state of all, under either policy at an instant.

    How long something took counts in the unit of its limit, and below or beyond both limits no further. `rank`: which
    elevator of its worker's day a record is, where nothing is stored of that.
    """
    now = literal(at, _visit.received_at.type)

    def apart(name: str, took: Any) -> Any:
        limits = [limit for policy in (before, after) if (limit := getattr(policy, name)) is not None]
        return _between(session, took, min(limits) - 1, max(limits) + 1) if limits else literal(0)

    def seconds(end: Any, begin: Any = _visit.checked_out_at) -> Any:
        return (_micros(session, end) - _micros(session, begin)) // SECOND

    spent = seconds(func.coalesce(_visit.checked_out_at, now), _visit.checked_in_at)
    reviewed = func.coalesce(_visit.reviewed_at, now)
    return _as_one(
        _visit.state, _visit.mode, _visit.decision, _visit.label_state, _visit.checked_out_at.is_(None),
        _visit.sheet_at.is_(None), _visit.signed_at.is_(None), _visit.reviewed_at.is_(None), _visit.day_rank.is_(None),
        apart("min_minutes", spent // 60), apart("max_hours", _begun(spent)),
        apart("upload_hours", _begun(seconds(_visit.received_at))),
        apart("sheet_hours", _begun(seconds(func.coalesce(_visit.sheet_at, now)))),
        apart("review_days", _day(session, reviewed) - _day(session, _visit.checked_out_at)),
        apart("daily_elevators", rank),
    )  # fmt: skip


def _as_one(*columns: Any) -> Any:
    """As one text, which is sorted in half the time of so many columns."""
    told: list[Any] = [func.coalesce(cast(column, Text), literal_column("''")) for column in columns]
    return reduce(lambda one, more: one + literal_column("'|'") + more, told)


def _begun(seconds: Any) -> Any:
    """Hours, the last one begun: more than a limit of hours is a second more."""
    return (seconds + 3599) // 3600


def _day(session: AnySession, instant: Any) -> Any:
    """The number of the local day, whose midnight ends what a review may take."""
    offset = SHANGHAI.utcoffset(None).seconds
    return (_micros(session, instant) // SECOND + offset) // DAY_SECONDS


def _micros(session: AnySession, instant: Any) -> Any:
    """An instant as a whole number, exactly."""
    if session.get_bind().dialect.name == "postgresql":
        # As a float it is nearer to its microsecond than to any other, and a numeric takes five times as long.
        return cast(func.date_part("epoch", instant, type_=Float) * float(SECOND), BigInteger)
    # As it is written: 2026-03-01 08:00:00.000000.
    fraction = cast(func.substr(instant, 21, 6), Integer)
    return cast(func.strftime("%s", instant), Integer) * SECOND + fraction


def _between(session: AnySession, number: Any, least: int, most: int) -> Any:
    """The number, or the nearer one of the two where it is not between them."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    lower, higher = (func.least, func.greatest) if postgresql else (func.min, func.max)
    least_one, most_one = (literal(limit, BigInteger) for limit in (least, most))
    return higher(lower(number, most_one, type_=BigInteger), least_one, type_=BigInteger)
