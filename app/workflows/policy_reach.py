"""Which records a changed policy can give another state at all: what must be true of them, asked of the database.

Only ever too many: whether a state moves say the rules (`rules.visits.visit_state`), record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, true

from app.models import Visit
from app.rules.visits import VisitMode, VisitPolicy
from app.transaction import AnySession

_visit: Any = Visit.__table__.c
# More than instants lose on their way through a database's arithmetic.
MARGIN_SECONDS = 60


def reached(session: AnySession, changes: Iterable[tuple[VisitPolicy, VisitPolicy]]) -> ColumnElement[bool]:
    """What a record fulfils whose state may be another under one of these policies than before it."""
    found: ColumnElement[bool] = false()
    for before, after in set(changes):
        for one in fields(VisitPolicy):
            old, new = getattr(before, one.name), getattr(after, one.name)
            if old != new:
                found = or_(found, _OF.get(one.name, _any)(session, old, new))
    return found


def _any(_session: AnySession, _old: Any, _new: Any) -> ColumnElement[bool]:
    return true()


def _lasting(none: float, seconds: int) -> Callable[[AnySession, Any, Any], ColumnElement[bool]]:
    """Between the two limits of a visit's length, or still open. `none`: the limit where there is none."""

    def condition(session: AnySession, old: int | None, new: int | None) -> ColumnElement[bool]:
        limits = sorted(none if limit is None else limit * seconds for limit in (old, new))
        length, spent = _seconds(session), [true()]
        if limits[0] > MARGIN_SECONDS:
            spent.append(length >= limits[0] - MARGIN_SECONDS)
        if limits[1] < inf:
            spent.append(length <= limits[1] + MARGIN_SECONDS)
        return or_(_visit.checked_out_at.is_(None), and_(*spent))

    return condition


def _seconds(session: AnySession) -> Any:
    begin, end = _visit.checked_in_at, _visit.checked_out_at
    if session.get_bind().dialect.name == "postgresql":
        return func.extract("epoch", end) - func.extract("epoch", begin)
    return (func.julianday(end) - func.julianday(begin)) * 86400


_OF: dict[str, Callable[[AnySession, Any, Any], ColumnElement[bool]]] = {
    "min_minutes": _lasting(0, 60),
    "max_hours": _lasting(inf, 3600),
    "review_days": lambda *_: _visit.signed_at.is_(None),
    "review_required": lambda *_: _visit.signed_at.is_(None),
    "sheet_hours": lambda *_: _visit.mode == VisitMode.SHEET.value,
    "sheet_makes_nonconforming": lambda *_: _visit.mode == VisitMode.SHEET.value,
}
