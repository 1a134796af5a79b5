"""抽查统计 by unit and by draw (TGT-01): how many were chosen, checked, fine, not, put right, late."""

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
from app.reports.asked import Asked, within

MOST = 5000
BY = {"unit": _l("按被检查单位"), "draw": _l("按抽查")}


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
    key: Any = SpotCheck.unit_id if asked.by == "unit" else SpotCheck.draw_id
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
    model: Any = Unit if asked.by == "unit" else SpotDraw
    code, name = (Unit.uscc, Unit.name) if asked.by == "unit" else (SpotDraw.number, SpotDraw.title)
    named = select(model.id, code, name).where(model.id.in_([row[0] for row in rows if row[0] is not None]))
    names = {k: (c, n) for k, c, n in session.execute(named.execution_options(skip_scope=True))}
    made = [
        Line(
            row[0], *names.get(row[0], ("—", "—")), row[1], row[2], row[3], row[4], row[5], row[6], row[7],
            link_of(asked, row[0]) if row[0] else "",
        )
        for row in rows
    ]
    return sorted(made, key=lambda line: (-line.problem, -line.total, line.code))


def link_of(asked: Asked, key: Any, **more: Any) -> str:
    """The list of what a number counts."""
    return f"/spot/checks/?{urlencode({f'f_{asked.by}': key, **more})}"
