"""What a statistic over days is asked, what that asks of the database, and the names of its lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.errors import Finding, raise_failing
from app.models import Elevator, Unit
from app.models.region import in_region
from app.rules.calendar import day_end, day_finding, day_start
from app.rules.places import named_place

Names = dict[Any, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is over: how it is cut, days both counted, one unit, a region with all below it."""

    by: str
    from_on: dt.date
    to_on: dt.date
    unit_id: int | None = None
    region: str | None = None


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
