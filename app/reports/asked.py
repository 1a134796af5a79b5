"""What a statistic over days is asked, what that asks of the database, and the names of its lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import aliased

from app.errors import Finding, raise_failing
from app.models import Elevator, Region, Unit
from app.models.region import LEVEL_DIGITS, digits_below, digits_used, district_of, in_region
from app.permissions import Actor
from app.rules.calendar import add_months, day_end, day_finding, day_start, month_end
from app.rules.places import named_place
from app.wording import say

Names = dict[Any, tuple[str, str]]
MOST_MONTHS = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is over: how it is cut, days both counted, one unit, a region with all below it; words of an
    estate (楼盘), a use unit and an elevator where a report asks for them."""

    by: str
    from_on: dt.date
    to_on: dt.date
    unit_id: int | None = None
    region: str | None = None
    estate: str = ""
    use_unit_id: int | None = None
    elevator_id: int | None = None


def check(asked: Asked) -> None:
    """Refuse days that are none, or the wrong way round."""
    raise_failing([
        day_finding(asked.from_on, "from_on", "起始日期"), day_finding(asked.to_on, "to_on", "截止日期"),
        Finding("日期", asked.from_on <= asked.to_on, "起始日期在截止日期之后", "请对调或改正", field="from_on"),
    ])  # fmt: skip


def within(asked: Asked, model: Any, happened: Any) -> list[Any]:
    """The conditions on rows of a model with `unit_id` and `region_code`, by when they happened."""
    found = [happened >= day_start(asked.from_on), happened < day_end(asked.to_on)]
    if asked.unit_id is not None:
        found.append(model.unit_id == asked.unit_id)
    if asked.region:
        found.append(in_region(model.region_code, asked.region))
    return found


def whole_months(asked: Asked) -> list[tuple[dt.date, dt.date]]:
    """The months of the period, the first and the last cut as it is; of more than ten years, its years."""
    months = 1 if add_months(asked.from_on, MOST_MONTHS) > asked.to_on else 12
    first = asked.from_on.replace(day=1) if months == 1 else asked.from_on.replace(month=1, day=1)
    found = []
    while first <= asked.to_on:
        last = month_end(add_months(first, months - 1))
        found.append((max(first, asked.from_on), min(last, asked.to_on)))
        first = last + dt.timedelta(days=1)
    return found


def month_words(first: dt.date, last: dt.date) -> str:
    """2026-10, or the year of a stretch that is longer."""
    return f"{first:%Y-%m}" if first.month == last.month else str(first.year)


def digits_of(asked: Asked, actor: Actor) -> int:
    """Digits that tell apart the places below the region that is asked for, else below the officer's own; districts,
    where there is none: a unit's elevators lie in many."""
    own = actor.region_code if actor.unit_id is None else None
    region = asked.region or own
    return digits_below(region) if region else LEVEL_DIGITS["district"]


def areas(session: Any, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """By the first digits of a place: its name and its code, which is empty where it stands for no region of its own:
    what is filed at a region itself, beside places below one, is in no list by itself.
    """
    codes = {key: key.ljust(12, "0") for key in keys}
    known = select(Region.code, Region.name).where(Region.code.in_(list(codes.values())))
    names = dict(session.execute(known.execution_options(skip_scope=True)).all())
    # All keys are as long as their level; a region above it is told by the noughts at its end.
    own = {key for key, code in codes.items() if digits_used(code) < len(key) and len(codes) > 1}
    return {
        key: (say("%(name)s（本级）", name=names.get(code, code)), "") if key in own else (names.get(code, code), code)
        for key, code in codes.items()
    }


def the_one(column: Any) -> ColumnElement[Any]:
    """Of a group's rows, the value that all of them have; none where there are several."""
    return case((func.min(column) == func.max(column), func.max(column)))


def units(session: Any, keys: Iterable[Any]) -> Names:
    """USCC and name of units by number."""
    statement = select(Unit.id, Unit.uscc, Unit.name).where(Unit.id.in_([key for key in keys if key is not None]))
    return {
        key: (uscc, name) for key, uscc, name in session.execute(statement.execution_options(skip_scope=True))
    }


def elevators(session: Any, keys: Iterable[Any]) -> Names:
    """识别码 and place of elevators by number."""
    statement = select(Elevator.id, Elevator.code, Elevator.estate, Elevator.address).where(Elevator.id.in_(list(keys)))
    found = session.execute(statement.execution_options(skip_scope=True))
    return {key: (code, named_place(estate, address)) for key, code, estate, address in found}


def facts_of(session: Any, keys: Iterable[Any]) -> dict[int, dict[str, Any]]:
    """By number of an elevator what tells it in a line: 识别码, place, use unit, 注册代码, where in the tree it is
    (a street with its district), estate. One statement."""
    street, above = aliased(Region), aliased(Region)
    statement = (
        select(
            Elevator.id, Elevator.code, Elevator.registration_code, Elevator.estate, Elevator.address, Unit.name,
            street.name, above.name,
        )
        .outerjoin(Unit, Unit.id == Elevator.use_unit_id)
        .outerjoin(street, street.code == Elevator.region_code)
        .outerjoin(above, (above.code == district_of(Elevator.region_code)) & (above.code != Elevator.region_code))
        .where(Elevator.id.in_([key for key in keys if key is not None]))
    )
    found = session.execute(statement.execution_options(skip_scope=True))
    return {
        key: {
            "code": code, "name": named_place(estate, address), "registration_code": registered or "",
            "estate": estate or "", "use_unit": unit or "", "region": (area_above or "") + (area or ""),
        }
        for key, code, registered, estate, address, unit, area, area_above in found
    }  # fmt: skip
