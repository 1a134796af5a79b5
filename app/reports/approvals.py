"""Pending-age report: what waits for a decision, by office, with how long and how late (LIF-08)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from app import scope
from app.listing import Column
from app.models import Application, Region
from app.permissions import Actor
from app.rules.approval import WAITING_STATES

# Days since the submission: up to one, three, five, more.
AGES = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class OfficeLine:
    """One office: how many wait, in which age, how many are past their limit, since when the oldest one waits."""

    region_code: str
    name: str
    waiting: int
    ages: tuple[int, ...]
    late: int
    oldest_at: dt.datetime | None


COLUMNS = (
    Column("name", _l("审批机关"), lambda r: r.name),
    Column("region", _l("区划代码"), lambda r: r.region_code, "code"),
    Column("waiting", _l("待办"), lambda r: r.waiting, "number"),
    Column("age1", _l("1 天以内"), lambda r: r.ages[0], "number"),
    Column("age3", _l("1 至 3 天"), lambda r: r.ages[1], "number"),
    Column("age5", _l("3 至 5 天"), lambda r: r.ages[2], "number"),
    Column("more", _l("5 天以上"), lambda r: r.ages[3], "number"),
    Column("late", _l("超过期限"), lambda r: r.late, "number"),
    Column("oldest", _l("最早提交"), lambda r: r.oldest_at, "instant"),
)


def ageing(session: Any, actor: Actor, now: dt.datetime) -> list[OfficeLine]:
    """A line for each office within scope that has something waiting, the latest ones first."""
    waits = (Application.is_open.is_(True), Application.state.in_([s.value for s in WAITING_STATES]))
    edges = [now - dt.timedelta(days=days) for days in AGES]
    at = Application.submitted_at
    bands = [at > edges[0], (at <= edges[0]) & (at > edges[1]), (at <= edges[1]) & (at > edges[2]), at <= edges[2]]
    counts = [func.count(case((band, 1))) for band in bands]
    statement = select(
        Application.region_code, func.count(), *counts, func.count(case((Application.due_at <= now, 1))),
        func.min(at),
    ).where(*waits).group_by(Application.region_code)  # fmt: skip
    rows = session.execute(scope.apply(statement, actor, Application)).all()
    codes = [row[0] for row in rows]
    names = _names(session, codes)
    lines = [
        OfficeLine(row[0], names.get(row[0], row[0]), row[1], tuple(row[2:6]), row[6], row[7]) for row in rows
    ]
    return sorted(lines, key=lambda line: (-line.late, -line.waiting, line.region_code))


def _names(session: Any, codes: list[str]) -> dict[str, str]:
    """What the offices are called; a street's with its district's name, for districts have streets of one name."""
    above = aliased(Region)
    statement = (
        select(Region.code, Region.name, above.name)
        .outerjoin(above, above.id == Region.parent_id)
        .where(Region.code.in_(codes))
    )
    return {
        code: f"{district}{name}" if district and code[6:9] != "000" else name
        for code, name, district in session.execute(statement)
    }
