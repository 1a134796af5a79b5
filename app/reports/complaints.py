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
from app.listing import Column, Moment
from app.listings.complaints import OPEN, late, on_time
from app.models import Complaint
from app.permissions import Actor
from app.reports.asked import Asked, Names, elevators, units, within

MOST = 5000
BY = {"unit": _l("按维保单位"), "elevator": _l("按电梯")}


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


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope, those with most late first, then most of all."""
    key: Any = Complaint.unit_id if asked.by == "unit" else Complaint.elevator_id
    now = Moment(session, actor, clock.local_day(at), at)
    statement = (
        select(
            key, func.count(), func.count(case((late(now), 1))), func.count(case((on_time(), 1))),
            func.count(case((OPEN, 1))), func.count(case((Complaint.is_untrue, 1))), func.max(Complaint.unit_id),
        )
        .where(*within(asked, Complaint, Complaint.complained_at))
        .group_by(key)
    )  # fmt: skip
    statement = statement.order_by(func.count().desc()).limit(MOST)
    rows = session.execute(scope.apply(statement, actor, Complaint).execution_options(skip_scope=True)).all()
    firms = units(session, {row[6] for row in rows} | ({row[0] for row in rows} if asked.by == "unit" else set()))
    lifts = elevators(session, [row[0] for row in rows]) if asked.by == "elevator" else {}
    made = [_line(asked, row, firms, lifts) for row in rows]
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


def _line(asked: Asked, row: Any, firms: Names, lifts: Names) -> Line:
    named = firms if asked.by == "unit" else lifts
    code, name = named.get(row[0], ("—", "没有承办单位"))
    link = "" if row[0] is None else link_of(asked, row[0])
    unit = firms.get(row[6], ("", ""))[1] if asked.by == "elevator" else ""
    return Line(row[0], code, name, row[1], row[2], row[3], row[4], row[5], unit, link)

