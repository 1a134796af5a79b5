"""抽查统计 by unit, draw and place (TGT-01): how many were chosen, checked, fine, not, put right, late.

Each number that is a link opens the list that it counts: both ask the same conditions.
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
from app.listings.spot import late
from app.models import SpotCheck, SpotDraw, Unit
from app.permissions import Actor
from app.reports.asked import Asked, areas, digits_of, within

MOST = 5000
COUNTS = ("total", "checked", "fine", "problem", "closed", "late", "void")
BY = {"unit": _l("按被检查单位"), "draw": _l("按抽查"), "region": _l("按地区")}


@dataclass(frozen=True, slots=True)
class Line:
    """One unit or draw: all that was chosen, and what became of it."""

    key: Any
    code: str
    name: str
    total: int
    checked: int
    fine: int
    problem: int
    closed: int
    late: int
    void: int
    link: str = ""

    @property
    def percent(self) -> float | None:
        """Fine of what was checked; nothing checked is no data."""
        return round(100 * self.fine / self.checked, 1) if self.checked else None


COLUMNS = (
    Column("code", _l("代码"), lambda r: r.code, "code"),
    Column("name", _l("名称"), lambda r: r.name),
    Column("total", _l("抽中"), lambda r: r.total, "number"),
    Column("checked", _l("已检查"), lambda r: r.checked, "number"),
    Column("fine", _l("检查合格"), lambda r: r.fine, "number"),
    Column("problem", _l("发现问题"), lambda r: r.problem, "number"),
    Column("closed", _l("整改完成"), lambda r: r.closed, "number"),
    Column("late", _l("逾期"), lambda r: r.late, "number"),
    Column("void", _l("未检查"), lambda r: r.void, "number"),
    Column("percent", _l("合格率"), lambda r: r.percent, "number", unit="%"),
)


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope, those with most problems first."""
    key = _key(asked, actor)
    now = Moment(session, actor, clock.local_day(at), at)

    def of(*states: str) -> Any:
        return func.count(case((SpotCheck.state.in_(states), 1)))

    statement = (
        select(
            key, func.count(), of("fine", "fixing", "fixed", "closed"), of("fine"), of("fixing", "fixed", "closed"),
            of("closed"), func.count(case((late(now), 1))), of("void"),
        )
        .where(*within(asked, SpotCheck, SpotCheck.created_at))
        .group_by(key)
        .limit(MOST)
    )  # fmt: skip
    rows = session.execute(scope.apply(statement, actor, SpotCheck).execution_options(skip_scope=True)).all()
    names = _names(session, asked, [row[0] for row in rows if row[0] is not None])
    made = [
        Line(
            row[0], *names.get(row[0], ("—", "—")), row[1], row[2], row[3], row[4], row[5], row[6], row[7],
            link_of(asked, row[0]) if names.get(row[0], ("", ""))[0] else "",
        )
        for row in rows
    ]
    return sorted(made, key=lambda line: (-line.problem, -line.total, line.code))


def link_of(asked: Asked, key: Any, **more: Any) -> str:
    """The list of what a number counts."""
    narrow: dict[str, Any] = {"f_drawn_from": asked.from_on.isoformat(), "f_drawn_to": asked.to_on.isoformat()}
    unit, region = asked.unit_id, asked.region
    if asked.by == "unit":
        unit = key
    elif asked.by == "region":
        region = key.ljust(12, "0")
    else:
        narrow["f_draw"] = key
    if unit is not None:
        narrow["f_unit"] = unit
    if region:
        narrow["f_region"] = region
    return f"/spot/checks/?{urlencode(narrow | more)}"


def _key(asked: Asked, actor: Actor) -> Any:
    if asked.by == "region":
        return func.substr(SpotCheck.region_code, 1, digits_of(asked, actor))
    return SpotCheck.unit_id if asked.by == "unit" else SpotCheck.draw_id


def _names(session: Any, asked: Asked, keys: list[Any]) -> dict[Any, tuple[str, str]]:
    """Code and name of each line; of a place that is no list of its own without the code."""
    if asked.by == "region":
        return {key: (code, name) for key, (name, code) in areas(session, keys).items()}
    model: Any = Unit if asked.by == "unit" else SpotDraw
    code, name = (Unit.uscc, Unit.name) if asked.by == "unit" else (SpotDraw.number, SpotDraw.title)
    named = select(model.id, code, name).where(model.id.in_(keys))
    return {k: (c, n) for k, c, n in session.execute(named.execution_options(skip_scope=True))}
