"""Which records a changed policy can give another state at all, and which of them the rules cannot tell apart.

Whether a state moves say the rules (`rules.visits.visit_state`). They are asked once for all records that are alike in
everything that they compare: `reached` only ever names too many, `alike` only ever tells apart too finely.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
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
    case,
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
MINUTE, HOUR, DAY = (dt.timedelta(**{unit: 1}) for unit in ("minutes", "hours", "days"))
# Below this a number stays one in either database.
MOST_NUMBER = 2**62
# A whole number from 0, and how many of them there are.
Figure = tuple[Any, int]


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
        # An instant is held against an instant: no length is made of a record, nor a number of a length.
        found: ColumnElement[bool] = end > begin + literal(dt.timedelta(seconds=seconds), Interval)
    else:
        found = (func.julianday(end) - func.julianday(begin)) * DAY_SECONDS > seconds
    return found


_OF: dict[str, Callable[[AnySession, Any, Any], ColumnElement[bool]]] = {
    "min_minutes": _lasting(0, MINUTE),
    "max_hours": _lasting(inf, HOUR),
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

    def among(
        name: str, number: Callable[[], Any], begin: Any = None, end: Any = None, unit: dt.timedelta = DAY
    ) -> Figure:  # fmt: skip
        """What counts in the unit of a limit, below or beyond both limits no further."""
        limits = [limit for policy in (before, after) if (limit := getattr(policy, name)) is not None]
        if not limits:
            return literal_column("0", Integer), 1
        least, most = min(limits) - 1, max(limits) + 1
        figure = _between(session, number(), least, most) - (least - 1)
        if end is not None and session.get_bind().dialect.name == "postgresql":
            # Most are far from both limits, and of these no number is made: two units away it is the last one anyway.
            early, late = (literal(unit * limit, Interval) for limit in (least - 1, most + 1))
            figure = case((end < begin + early, 1), (end > begin + late, most - least + 1), else_=figure)
        # What is not known is a figure of its own.
        return func.coalesce(figure, 0), most - least + 2

    def lasting(name: str, unit: dt.timedelta, begin: Any, end: Any, begun: bool = False) -> Figure:
        """How many of a unit are between two instants: whole ones, or with the last one begun."""
        size = int(unit.total_seconds())
        more = size - 1 if begun else 0
        return among(name, lambda: (_seconds(session, begin, end) + more) // size, begin, end, unit)

    left = _visit.checked_out_at
    reviewed = func.coalesce(_visit.reviewed_at, now)
    empty = (left, _visit.sheet_at, _visit.signed_at, _visit.reviewed_at, _visit.day_rank, _visit.appeal_upheld_at)
    return _as_one(
        session,
        [_visit.state, _visit.mode, _visit.decision, _visit.label_state],
        [
            *((case((column.is_(None), 1), else_=0), 2) for column in empty),
            lasting("min_minutes", MINUTE, _visit.checked_in_at, func.coalesce(left, now)),
            # More than a limit of hours is a second more.
            lasting("max_hours", HOUR, _visit.checked_in_at, func.coalesce(left, now), begun=True),
            # Of a visit whose end was sent, that came then; what came first was its check-in.
            lasting("upload_hours", HOUR, left, func.coalesce(_visit.sent_at, _visit.received_at), begun=True),
            lasting("sheet_hours", HOUR, left, func.coalesce(_visit.sheet_at, now), begun=True),
            among("review_days", lambda: _day(session, reviewed) - _day(session, left), left, reviewed),
            among("daily_elevators", lambda: rank),
        ],
    )  # fmt: skip


def _as_one(session: AnySession, words: Sequence[Any], figures: Sequence[Figure]) -> Any:
    """As one text, which is sorted in half the time of so many columns; figures as the digits of few numbers, for a
    text of each costs more than all that is compared."""
    told: list[Any] = [func.coalesce(cast(column, Text), literal_column("''")) for column in words]
    number: Any = None
    room = 1
    for figure, values in figures:
        if number is not None and room * values > MOST_NUMBER:
            told.append(cast(number, Text))
            number, room = None, 1
        number = cast(figure, BigInteger) if number is None else number * literal_column(str(values), Integer) + figure
        room *= values
    told.append(cast(number, Text))
    found: Any = reduce(lambda one, more: one + literal_column("'|'") + more, told)
    # In the order of its bytes, whatever the language of the database.
    return found.collate("C") if session.get_bind().dialect.name == "postgresql" else found


def _day(session: AnySession, instant: Any) -> Any:
    """The number of the local day, whose midnight ends what a review may take."""
    offset = SHANGHAI.utcoffset(None).seconds
    if session.get_bind().dialect.name == "postgresql":
        whole = _floored(func.date_part("epoch", instant, type_=Float))
    else:
        whole = cast(func.strftime("%s", instant), Integer)
    return (whole + offset) // DAY_SECONDS


def _seconds(session: AnySession, begin: Any, end: Any) -> Any:
    """The whole seconds between two instants, exactly."""
    if session.get_bind().dialect.name == "postgresql":
        # A float of seconds with six digits behind is nearer to what it stands for than to the next whole number.
        return _floored(func.date_part("epoch", end - begin, type_=Float))

    def micros(instant: Any) -> Any:
        # As it is written: 2026-03-01 08:00:00.000000.
        fraction = cast(func.substr(instant, 21, 6), Integer)
        return cast(func.strftime("%s", instant), Integer) * SECOND + fraction

    return (micros(end) - micros(begin)) // SECOND


def _floored(number: Any) -> Any:
    return cast(func.floor(number), BigInteger)


def _between(session: AnySession, number: Any, least: int, most: int) -> Any:
    """The number, or the nearer one of the two where it is not between them."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    lower, higher = (func.least, func.greatest) if postgresql else (func.min, func.max)
    least_one, most_one = (literal(limit, BigInteger) for limit in (least, most))
    return higher(lower(number, most_one, type_=BigInteger), least_one, type_=BigInteger)
