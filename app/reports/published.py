"""Whose eyes count what is given out to many: a region's, without 涉密 elevators, whoever asks (STA-03, PUB-01).

So a bulletin or a table is the same by whom ever it is made, and nothing that is published tells of an elevator that
is hidden, not even by subtraction: it is not counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from app import clock, scope
from app.listing import Moment
from app.models import MaintenanceClock, Region, Unit
from app.models.among import among
from app.models.region import LEVEL_DIGITS, in_region
from app.permissions import Actor, Role


def eye(region_code: str) -> Actor:
    """An inspector's right of the region: no role of his sees 涉密. No account has the number 0."""
    return Actor(0, "公开口径", roles=frozenset({Role.INSPECTOR}), region_code=region_code, via="job")


def moment_of(session: Any, region_code: str, at: dt.datetime) -> Moment:
    return Moment(session, eye(region_code), clock.local_day(at), at)


def rows(moment: Moment, statement: Any, model: Any) -> list[Any]:
    """What a statement over a scoped model gives to that eye."""
    found = scope.apply(statement.where(in_region(model.region_code, moment.actor.region_code)), moment.actor, model)
    return list(moment.session.execute(found.execution_options(skip_scope=True)).all())


def width_below(level: str) -> int:
    """Digits that tell apart the regions one level below; a street is its own."""
    return next((width for width in sorted(LEVEL_DIGITS.values()) if width > LEVEL_DIGITS[level]), 12)


def place_of(column: Any, level: str) -> Any:
    """The region one level below, as a column."""
    return func.substr(column, 1, width_below(level))


def places_of(session: Any, keys: Collection[str]) -> dict[str, tuple[str, str]]:
    """By such a key: its code and name; what stands at the region itself is 本级."""
    codes = {key: key.ljust(12, "0") for key in keys}
    known = select(Region.code, Region.name).where(among(session, Region.code, sorted(codes.values())))
    names = dict(session.execute(known).all())
    return {key: (code, names.get(code, code)) for key, code in codes.items()}


def unit_names(session: Any, keys: Collection[int | None]) -> dict[int, str]:
    wanted = sorted({key for key in keys if key})
    found = select(Unit.id, Unit.name).where(among(session, Unit.id, wanted))
    return dict(session.execute(found.execution_options(skip_scope=True)).all())


def covered(moment: Moment) -> Any:
    """Elevators in use of a maintenance unit and how many of them no contract covers, by unit; a statement."""
    over = MaintenanceClock.cover_on < moment.today
    return select(
        MaintenanceClock.unit_id, func.count(), func.count().filter(over)
    ).where(MaintenanceClock.in_use, MaintenanceClock.unit_id.is_not(None)).group_by(MaintenanceClock.unit_id)
