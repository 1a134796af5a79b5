"""物联网事件统计 by event, unit, place and elevator (INT-03, STA-02): what happened how often; repeats are not counted.

Each number opens the list that it counts: both ask the same conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select

from app import scope
from app.listing import Column
from app.listings.iot import code_name
from app.models import IotEvent
from app.models.choices import word
from app.models.iot import EVENT_KIND
from app.permissions import Actor
from app.reports.asked import Asked, areas, digits_of, elevators, the_one, units, within

MOST = 5000
NOBODY = "没有维保单位"
BY = {"event": _l("按事件"), "unit": _l("按维保单位"), "region": _l("按地区"), "elevator": _l("按电梯")}


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of event, unit, place or elevator: all events, how many of each kind, at how many elevators."""

    key: Any
    code: str
    name: str
    total: int
    elevators: int
    counts: dict[str, int] = field(default_factory=dict)
    # Of an event what it is and by which standard; of an elevator its unit.
    kind: str = ""
    standard: str = ""
    unit: str = ""
    link: str = ""


def _count(kind: str) -> Column:
    return Column(kind, EVENT_KIND[kind], lambda r: r.counts.get(kind, 0), "number")


COLUMNS = (
    Column("code", _l("代码"), lambda r: r.code, "code"),
    Column("name", _l("名称"), lambda r: r.name),
    Column("kind", _l("类别"), lambda r: word(EVENT_KIND, r.kind) if r.kind else ""),
    Column("standard", _l("标准版本"), lambda r: r.standard),
    Column("unit", _l("维保单位"), lambda r: r.unit),
    Column("total", _l("次数"), lambda r: r.total, "number"),
    *(_count(kind) for kind in EVENT_KIND),
    Column("elevators", _l("电梯台数"), lambda r: r.elevators, "number"),
)


def lines(session: Any, actor: Actor, asked: Asked) -> list[Line]:
    """The lines within scope, what happened most first."""
    keys = _keys(asked, actor)
    statement = select(*keys, *_counts(), the_one(IotEvent.unit_id)).where(*_within(asked)).group_by(*keys)
    statement = statement.order_by(func.count().desc(), *keys).limit(MOST)
    rows = session.execute(scope.apply(statement, actor, IotEvent).execution_options(skip_scope=True)).all()
    width = len(keys)
    firms = units(session, {row[-1] for row in rows} | ({row[0] for row in rows} if asked.by == "unit" else set()))
    named: Any = firms
    if asked.by == "elevator":
        named = elevators(session, [row[0] for row in rows])
    elif asked.by == "region":
        named = {key: (code, name) for key, (name, code) in areas(session, [row[0] for row in rows]).items()}
    return [_line(asked, row[:width], row[width:-1], row[-1], firms, named) for row in rows]


def whole(session: Any, actor: Actor, asked: Asked) -> Line:
    """All of it; an elevator of two lines counts once here."""
    statement = scope.apply(select(*_counts()).where(*_within(asked)), actor, IotEvent)
    total, lifts, *counts = session.execute(statement.execution_options(skip_scope=True)).one()
    return Line(None, "", "", total, lifts, dict(zip(EVENT_KIND, counts, strict=True)))


def link_of(asked: Asked, line: Line | None = None, **more: Any) -> str:
    """The list of what a number counts; `tab=all` and without repeats, as it is counted."""
    narrow: dict[str, Any] = {
        "tab": "all", "f_happened_from": asked.from_on.isoformat(), "f_happened_to": asked.to_on.isoformat(),
        "f_repeated": "0",
    }  # fmt: skip
    unit, region = asked.unit_id, asked.region
    if line is not None and asked.by == "event":
        narrow |= {"f_kind": line.kind, "f_code": line.code, "f_standard": line.standard}
    elif line is not None and asked.by == "unit":
        unit = line.key
    elif line is not None and asked.by == "region":
        region = line.code
    elif line is not None:
        narrow["f_elevator"] = line.key
    if unit is not None:
        narrow["f_unit"] = unit
    if region:
        narrow["f_region"] = region
    return f"/iot/events/?{urlencode(narrow | more)}"


def _within(asked: Asked) -> list[Any]:
    return [*within(asked, IotEvent, IotEvent.happened_at), IotEvent.joined_id.is_(None)]


def _keys(asked: Asked, actor: Actor) -> tuple[Any, ...]:
    if asked.by == "event":
        return IotEvent.kind, IotEvent.standard, IotEvent.code
    if asked.by == "region":
        return (func.substr(IotEvent.region_code, 1, digits_of(asked, actor)),)
    return (IotEvent.unit_id if asked.by == "unit" else IotEvent.elevator_id,)


def _counts() -> tuple[Any, ...]:
    of_kinds = (func.count(case((IotEvent.kind == kind, 1))) for kind in EVENT_KIND)
    return (func.count(), func.count(IotEvent.elevator_id.distinct()), *of_kinds)


def _line(asked: Asked, key: Any, counted: Any, unit_id: Any, firms: Any, named: Any) -> Line:
    total, lifts, *each = counted
    counts = dict(zip(EVENT_KIND, each, strict=True))
    if asked.by == "event":
        kind, standard, code = key
        line = Line((kind, standard, code), code, code_name(standard, code), total, lifts, counts, kind, standard)
    elif asked.by == "elevator":
        code, name = named.get(key[0], ("—", "—"))
        line = Line(key[0], code, name, total, lifts, counts, unit=firms.get(unit_id, ("", ""))[1])
    else:
        code, name = named.get(key[0], ("", NOBODY))
        line = Line(key[0], code, name, total, lifts, counts)
    # What is filed at a region itself, and what nobody maintains, is no list of its own.
    opens = asked.by in ("event", "elevator") or (bool(line.code) if asked.by == "region" else key[0] is not None)
    return replace(line, link=link_of(asked, line) if opens else "")
