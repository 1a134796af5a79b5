"""投诉统计 by unit, elevator, kind, month and place (CMP-04): how many there were, how many late, how many in time.

Each number opens the list that it counts: both ask the same conditions.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import String, and_, case, cast, func, select

from app import clock, scope
from app.listing import Column, Moment
from app.listings.complaints import OPEN, late, on_time
from app.listings.of_elevator import with_estate
from app.models import Complaint
from app.models.choices import word
from app.models.complaint import COMPLAINT_KIND, COMPLAINT_STATE
from app.permissions import Actor
from app.reports.asked import (
    Asked,
    Names,
    areas,
    digits_of,
    facts_of,
    month_words,
    the_one,
    units,
    whole_months,
    within,
)
from app.rules.calendar import day_end, day_start
from app.wording import say

MOST = 5000
BY = {
    "unit": _l("按维保单位"), "use_unit": _l("按使用单位"), "elevator": _l("按电梯"), "kind": _l("按投诉问题"),
    "month": _l("按月"), "region": _l("按地区"),
}  # fmt: skip
# Months come in their order; of all else the worst first.
_IN_ORDER = ("month",)
NOBODY = "没有承办单位"
NO_USE_UNIT = "没有使用单位"
# The list's filter for what has none.
_WITHOUT = {NOBODY: "f_no_unit", NO_USE_UNIT: "f_no_use_unit"}
STILL_OPEN = ",".join(state for state in COMPLAINT_STATE if state != "closed")


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
    # Of an elevator, as the register has it now.
    use_unit: str = ""
    registration_code: str = ""
    region: str = ""
    estate: str = ""

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

_UNIT = next(number for number, one in enumerate(COLUMNS, 1) if one.name == "unit")
# What tells a single elevator besides (huzhou 1.8.2, 按电梯个体统计).
OF_ELEVATOR = (
    Column("use_unit", _l("使用单位"), lambda r: r.use_unit),
    Column("registration_code", _l("注册代码"), lambda r: r.registration_code, "code"),
    Column("region", _l("所属辖区"), lambda r: r.region), Column("estate", _l("楼盘"), lambda r: r.estate),
)


def columns_of(by: str) -> tuple[Column, ...]:
    """The columns of a table that is cut so."""
    return (*COLUMNS[:_UNIT], *OF_ELEVATOR, *COLUMNS[_UNIT:]) if by == "elevator" else COLUMNS


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope: months in their order, else those with most late first, then most of all."""
    now = Moment(session, actor, clock.local_day(at), at)
    key = _key(asked, actor)
    statement = select(key, *_counts(now), the_one(Complaint.unit_id)).where(*_within(session, asked)).group_by(key)
    statement = statement.order_by(func.count().desc()).limit(MOST)
    rows: Any = session.execute(scope.apply(statement, actor, Complaint).execution_options(skip_scope=True)).all()
    if asked.by == "kind":
        rows = _by_kind(rows)
    cut = {row[0] for row in rows} if asked.by in ("unit", "use_unit") else set()
    firms = units(session, {row[6] for row in rows} | cut)
    named: Any = firms
    facts = facts_of(session, [row[0] for row in rows]) if asked.by == "elevator" else {}
    if asked.by == "elevator":
        named = {key: (told["code"], told["name"]) for key, told in facts.items()}
    elif asked.by == "region":
        named = areas(session, [row[0] for row in rows])
    made = [_line(asked, row, firms, named) for row in rows]
    if asked.by == "elevator":
        made = [replace(line, **facts.get(line.key, {})) for line in made]
    if asked.by in _IN_ORDER:
        return sorted(made, key=lambda line: line.key)
    return sorted(made, key=lambda line: (-line.late, -line.total, line.code))


def whole(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> Line:
    """All of it. A complaint of two kinds stands in two lines and counts once here."""
    now = Moment(session, actor, clock.local_day(at), at)
    statement = scope.apply(select(*_counts(now)).where(*_within(session, asked)), actor, Complaint)
    total, late_, good, open_, untrue = session.execute(statement.execution_options(skip_scope=True)).one()
    return Line(None, "", say("合计"), total, late_, good, open_, untrue, link=link_of(asked))


def link_of(asked: Asked, line_key: Any = None, **more: Any) -> str:
    """The list of what a number counts."""
    first, last = asked.from_on, asked.to_on
    narrow: dict[str, Any] = {}
    unit, region = asked.unit_id, asked.region
    if line_key is not None and asked.by == "month":
        first, last = whole_months(asked)[line_key]
    elif line_key is not None and asked.by == "unit":
        unit = line_key
    elif line_key is not None and asked.by == "region":
        region = line_key.ljust(12, "0")
    elif line_key is not None:
        narrow[f"f_{asked.by}"] = line_key
    days = {"f_complained_from": first.isoformat(), "f_complained_to": last.isoformat()}
    if line_key is None and asked.by == "unit" and "f_no_unit" in more:
        unit = None
    if unit is not None:
        narrow["f_unit"] = unit
    if region:
        narrow["f_region"] = region
    if asked.estate:
        narrow["f_estate"] = asked.estate
    for name, key in (("f_use_unit", asked.use_unit_id), ("f_elevator", asked.elevator_id)):
        if key is not None and not (name == "f_use_unit" and "f_no_use_unit" in more):
            narrow.setdefault(name, key)
    return f"/complaints/?{urlencode(days | narrow | more)}"


def links_of(asked: Asked, line: Line) -> dict[str, str]:
    """The lists of a line's numbers, by what they count; none where the line is no list of its own."""
    if not line.link:
        return {}
    which = {_WITHOUT[line.name]: "1"} if line.key is None and line.name in _WITHOUT else {}
    return {
        name: link_of(asked, line.key, **which, **more)
        for name, more in {
            "total": {}, "late": {"tab": "late"}, "on_time": {"f_on_time": "1"}, "open": {"f_state": STILL_OPEN},
            "untrue": {"f_untrue": "1"},
        }.items()
    }  # fmt: skip


def _key(asked: Asked, actor: Actor) -> Any:
    if asked.by == "month":
        months = [
            (and_(Complaint.complained_at >= day_start(a), Complaint.complained_at < day_end(b)), number)
            for number, (a, b) in enumerate(whole_months(asked))
        ]
        return case(*months)
    if asked.by == "region":
        return func.substr(Complaint.region_code, 1, digits_of(asked, actor))
    # Kinds stand in one cell, as JSON: at most so many different cells as there are sets of kinds.
    by: dict[str, Any] = {
        "unit": Complaint.unit_id, "elevator": Complaint.elevator_id, "kind": cast(Complaint.kinds, String),
        "use_unit": Complaint.use_unit_id,
    }  # fmt: skip
    return by[asked.by]


def _counts(now: Moment) -> tuple[Any, ...]:
    return (
        func.count(), func.count(case((late(now), 1))), func.count(case((on_time(), 1))),
        func.count(case((OPEN, 1))), func.count(case((Complaint.is_untrue, 1))),
    )  # fmt: skip


def _within(session: Any, asked: Asked) -> list[Any]:
    found = within(asked, Complaint, Complaint.complained_at)
    if asked.estate:
        found.append(Complaint.elevator_id.in_(with_estate(session, asked.estate)))
    if asked.use_unit_id is not None:
        found.append(Complaint.use_unit_id == asked.use_unit_id)
    return found if asked.elevator_id is None else [*found, Complaint.elevator_id == asked.elevator_id]


def _by_kind(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    """A line for each kind out of one for each set of kinds."""
    sums: dict[str, list[int]] = {}
    for kinds, *counts, _unit in rows:
        for kind in json.loads(kinds):
            held = sums.setdefault(kind, [0] * len(counts))
            for number, count in enumerate(counts):
                held[number] += count
    return [(kind, *counts, None) for kind, counts in sums.items()]


def _line(asked: Asked, row: Any, firms: Names, named: Any) -> Line:
    key, total, late_, good, open_, untrue, unit = row
    code, link = "", link_of(asked, key)
    if asked.by == "month":
        name = month_words(*whole_months(asked)[key])
    elif asked.by == "kind":
        name = word(COMPLAINT_KIND, key)
    elif asked.by == "region":
        name, code = named[key]
        link = link if code else ""
    else:
        without = NO_USE_UNIT if asked.by == "use_unit" else NOBODY
        code, name = named.get(key, ("—", without))
        link = link if key is not None else link_of(asked, **{_WITHOUT[without]: "1"})
    of = firms.get(unit, ("", ""))[1] if asked.by == "elevator" else ""
    return Line(key, code, name, total, late_, good, open_, untrue, of, link)
