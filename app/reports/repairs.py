"""维修统计 by unit, elevator, level and cause (REP-03, STA-02): how many, how many late, how long until somebody came.

Each number opens the list that it counts: both ask the same conditions. What was cancelled is counted nowhere.
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
from app.listings.repairs import OPEN, late
from app.models import RepairOrder
from app.models.choices import word
from app.models.repair import REPAIR_CAUSE, REPAIR_LEVEL
from app.permissions import Actor
from app.reports.asked import Asked, Names, elevators, the_one, units, within

MOST = 5000
# The key of the line of elevators that no unit maintains.
NOBODY = "none"
BY = {"unit": _l("按维保单位"), "elevator": _l("按电梯"), "level": _l("按故障级别"), "cause": _l("按故障原因")}
_KEYS: dict[str, Any] = {
    "unit": RepairOrder.unit_id, "elevator": RepairOrder.elevator_id, "level": RepairOrder.level,
    "cause": RepairOrder.cause,
}  # fmt: skip
COUNTS = ("total", "done", "open", "late", "trapped", "unrestored")


@dataclass(frozen=True, slots=True)
class Line:
    """One unit, elevator, level or cause: counts, and the mean minutes from the report to acceptance and to the end."""

    key: Any
    code: str
    name: str
    total: int
    done: int
    open: int
    late: int
    trapped: int
    unrestored: int
    to_accept: float | None
    to_end: float | None
    unit: str = ""
    link: str = ""


COLUMNS = (
    Column("code", _l("代码"), lambda r: r.code, "code"),
    Column("name", _l("名称"), lambda r: r.name),
    Column("unit", _l("维保单位"), lambda r: r.unit),
    Column("total", _l("报修次数"), lambda r: r.total, "number"),
    Column("done", _l("已处理"), lambda r: r.done, "number"),
    Column("open", _l("未完成"), lambda r: r.open, "number"),
    Column("late", _l("不及时"), lambda r: r.late, "number"),
    Column("trapped", _l("其中困人"), lambda r: r.trapped, "number"),
    Column("unrestored", _l("未恢复运行"), lambda r: r.unrestored, "number"),
    Column("to_accept", _l("平均接单用时"), lambda r: r.to_accept, "number", unit=_l("分钟")),
    Column("to_end", _l("平均完成用时"), lambda r: r.to_end, "number", unit=_l("分钟")),
)


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope, those with most late first, then most of all."""
    now = Moment(session, actor, clock.local_day(at), at)
    key = _KEYS[asked.by]
    statement = select(
        key, func.count(), func.count(case((RepairOrder.state == "done", 1))), func.count(case((OPEN, 1))),
        func.count(case((late(now), 1))), func.count(case((RepairOrder.level == "trapped", 1))),
        func.count(case((RepairOrder.restored.is_(False), 1))), func.avg(RepairOrder.accept_minutes),
        func.avg(RepairOrder.end_minutes), the_one(RepairOrder.unit_id),
    )  # fmt: skip
    statement = statement.where(*_within(asked)).group_by(key).order_by(func.count().desc()).limit(MOST)
    rows = session.execute(scope.apply(statement, actor, RepairOrder).execution_options(skip_scope=True)).all()
    firms = units(session, {row[9] for row in rows} | ({row[0] for row in rows} if asked.by == "unit" else set()))
    lifts = elevators(session, [row[0] for row in rows]) if asked.by == "elevator" else {}
    made = [_line(asked, row, firms, lifts) for row in rows]
    return sorted(made, key=lambda line: (-line.late, -line.total, line.code))


def whole(session: Any, actor: Actor, asked: Asked) -> tuple[float | None, float | None]:
    """The mean minutes to acceptance and to the end over all lines; means of means would weigh them wrongly."""
    statement = select(func.avg(RepairOrder.accept_minutes), func.avg(RepairOrder.end_minutes)).where(*_within(asked))
    found = session.execute(scope.apply(statement, actor, RepairOrder).execution_options(skip_scope=True)).one()
    return _rounded(found[0]), _rounded(found[1])


def link_of(asked: Asked, line_key: Any = None, **more: Any) -> str:
    """The list of what a number counts."""
    narrow: dict[str, Any] = {
        "f_reported_from": asked.from_on.isoformat(), "f_reported_to": asked.to_on.isoformat(), **more,
    }  # fmt: skip
    if asked.by != "unit" and line_key is not None:
        narrow[f"f_{asked.by}"] = line_key
    unit = line_key if asked.by == "unit" and line_key is not None else asked.unit_id
    if unit == NOBODY:
        narrow["f_no_unit"] = "1"
    elif unit is not None:
        narrow["f_unit"] = unit
    if asked.region:
        narrow["f_region"] = asked.region
    return f"/repairs/?{urlencode(narrow)}"


def _within(asked: Asked) -> list[Any]:
    found = [*within(asked, RepairOrder, RepairOrder.reported_at), RepairOrder.state != "cancelled"]
    if asked.by == "cause":
        found.append(RepairOrder.cause.is_not(None))
    return found


def _line(asked: Asked, row: Any, firms: Names, lifts: Names) -> Line:
    if asked.by in ("level", "cause"):
        code, name = row[0], word(REPAIR_LEVEL if asked.by == "level" else REPAIR_CAUSE, row[0])
    else:
        code, name = (firms if asked.by == "unit" else lifts).get(row[0], ("—", "没有维保单位"))
    key = NOBODY if row[0] is None else row[0]
    unit = firms.get(row[9], ("", ""))[1] if asked.by == "elevator" else ""
    return Line(
        key, code, name, row[1], row[2], row[3], row[4], row[5], row[6], _rounded(row[7]), _rounded(row[8]), unit,
        link_of(asked, key),
    )  # fmt: skip


def _rounded(mean: Any) -> float | None:
    return None if mean is None else round(float(mean), 1)

