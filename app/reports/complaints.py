"""投诉统计 by unit and by elevator (CMP-04): how many of a time there were, how many were late, how many in time.

Each number opens the list that it counts: both ask the same conditions.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select

from app import clock, scope
from app.errors import Finding, raise_failing
from app.listing import Column, Moment
from app.listings.complaints import OPEN, late, on_time
from app.models import Complaint, Elevator, Unit
from app.models.region import in_region
from app.permissions import Actor
from app.rules.calendar import day_finding

MOST = 5000
BY = {"unit": _l("按维保单位"), "elevator": _l("按电梯")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is over. Days of the complaint, both counted."""

    by: str
    from_on: dt.date
    to_on: dt.date
    unit_id: int | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One unit or elevator: all complaints, those late, in time, still open, untrue."""

    key: Any
    code: str
    name: str
    total: int
    late: int
    on_time: int
    open: int
    untrue: int
    unit: str = ""
    link: str = ""

    @property
    def percent(self) -> float | None:
        """In time of what is judged, as 反馈处置及时率 has it; nothing judged is no data."""
        judged = self.on_time + self.late
        return round(100 * self.on_time / judged, 1) if judged else None


COLUMNS = (
    Column("code", _l("代码"), lambda r: r.code, "code"),
    Column("name", _l("名称"), lambda r: r.name),
    Column("unit", _l("承办单位"), lambda r: r.unit),
    Column("total", _l("投诉总次数"), lambda r: r.total, "number"),
    Column("late", _l("处置不及时"), lambda r: r.late, "number"),
    Column("on_time", _l("处置及时"), lambda r: r.on_time, "number"),
    Column("open", _l("办理中"), lambda r: r.open, "number"),
    Column("untrue", _l("不属实"), lambda r: r.untrue, "number"),
    Column("percent", _l("及时率"), lambda r: r.percent, "number", unit="%"),
)


def check(asked: Asked) -> None:
    """Refuse days that are none, or the wrong way round."""
    raise_failing([
        day_finding(asked.from_on, "from_on", "起始日期"), day_finding(asked.to_on, "to_on", "截止日期"),
        Finding("日期", asked.from_on <= asked.to_on, "起始日期在截止日期之后", "请对调或改正", field="from_on"),
    ])  # fmt: skip


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope, those with most late first, then most of all."""
    key: Any = Complaint.unit_id if asked.by == "unit" else Complaint.elevator_id
    now = Moment(session, actor, clock.local_day(at), at)
    statement = (
        select(
            key, func.count(), func.count(case((late(now), 1))), func.count(case((on_time(), 1))),
            func.count(case((OPEN, 1))), func.count(case((Complaint.is_untrue, 1))), func.max(Complaint.unit_id),
        )
        .where(Complaint.complained_at >= _start(asked.from_on), Complaint.complained_at < _start(asked.to_on, 1))
        .group_by(key)
    )  # fmt: skip
    if asked.unit_id is not None:
        statement = statement.where(Complaint.unit_id == asked.unit_id)
    if asked.region:
        statement = statement.where(in_region(Complaint.region_code, asked.region))
    statement = statement.order_by(func.count().desc()).limit(MOST)
    rows = session.execute(scope.apply(statement, actor, Complaint).execution_options(skip_scope=True)).all()
    units = _units(session, {row[6] for row in rows} | ({row[0] for row in rows} if asked.by == "unit" else set()))
    lifts = _elevators(session, [row[0] for row in rows]) if asked.by == "elevator" else {}
    made = [_line(asked, row, units, lifts) for row in rows]
    return sorted(made, key=lambda line: (-line.late, -line.total, line.code))


def link_of(asked: Asked, line_key: Any = None, **more: Any) -> str:
    """The list of what a number counts."""
    days = {"f_complained_from": asked.from_on.isoformat(), "f_complained_to": asked.to_on.isoformat()}
    narrow: dict[str, Any] = {**days, **more}
    if asked.by == "elevator" and line_key is not None:
        narrow["f_elevator"] = line_key
    unit = line_key if asked.by == "unit" else asked.unit_id
    if unit is not None:
        narrow["f_unit"] = unit
    if asked.region:
        narrow["f_region"] = asked.region
    return f"/complaints/?{urlencode(narrow)}"


def _line(asked: Asked, row: Any, units: dict[Any, tuple[str, str]], lifts: dict[Any, tuple[str, str]]) -> Line:
    named = units if asked.by == "unit" else lifts
    code, name = named.get(row[0], ("—", "没有承办单位"))
    link = "" if row[0] is None else link_of(asked, row[0])
    unit = units.get(row[6], ("", ""))[1] if asked.by == "elevator" else ""
    return Line(row[0], code, name, row[1], row[2], row[3], row[4], row[5], unit, link)


def _units(session: Any, keys: set[Any]) -> dict[Any, tuple[str, str]]:
    statement = select(Unit.id, Unit.uscc, Unit.name).where(Unit.id.in_([key for key in keys if key is not None]))
    return {
        key: (uscc, name) for key, uscc, name in session.execute(statement.execution_options(skip_scope=True))
    }


def _elevators(session: Any, keys: list[Any]) -> dict[Any, tuple[str, str]]:
    statement = select(Elevator.id, Elevator.code, Elevator.estate, Elevator.address).where(Elevator.id.in_(keys))
    found = session.execute(statement.execution_options(skip_scope=True))
    return {key: (code, f"{estate or ''} {address}".strip()) for key, code, estate, address in found}


def _start(day: dt.date, later: int = 0) -> dt.datetime:
    return clock.instant_of(dt.datetime.combine(day + dt.timedelta(days=later), dt.time()))
