"""救援统计 (RES-05, STA-02): how many, how quickly and how well in time, cut by unit, level, cause, hour and more.

Reports that joined another are no cases of their own. Means are over what has both instants; a badge is judged as the
record's page judges it (`rules.rescues.badge`). Each number that has a list opens it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_, select

from app import clock, scope
from app.listing import Column
from app.listings.rescues import ALONE, NOT_SAID, RESCUE_HOUR
from app.models import Elevator, Rescue
from app.models.choices import PLACE_TYPE, word
from app.models.rescue import RESCUE_CAUSE, RESCUE_LEVEL, RESCUE_OUTCOME, RESCUE_SOURCE
from app.models.taken_over import row_known
from app.permissions import Actor
from app.reports.asked import (
    Asked,
    areas,
    digits_of,
    elevators,
    month_words,
    units,
    whole_months,
    within,
)
from app.rules.other_scores import Outcome
from app.rules.rescues import Course, Minutes, badge
from app.wording import say

BY = {
    "unit": _l("按维保单位"), "level": _l("按级别"), "cause": _l("按原因"), "hour": _l("按时段"),
    "outcome": _l("按结果"), "source": _l("按报警方式"), "place": _l("按场所"), "region": _l("按地区"),
    "month": _l("按月"), "elevator": _l("按电梯"),
}  # fmt: skip
MOST = 5000
OPEN_STATES = ("waiting", "taken", "dispatched", "accepted", "arrived")
NOBODY = "没有维保单位"
FORMULAS = (
    ("救援", "报警时间在期间内的救援，并入其他救援的报警不另计；按报警当时的维保单位计"),
    ("合规", "接单、到达、救出都在时限之内；任一环节超过即为不合规。还在时限内的和坐席在时限内结束的不计入"),
    ("合规率", "合规 ÷（合规 + 不合规），四舍五入到 0.1%；没有可判定的为无数据"),
    ("平均用时", "接单：派单到接单；到达：接单到到达；救出：接单到救出。只算两个时间都有的，单位为分钟"),
)


@dataclass(slots=True)
class Line:
    """One unit, level, cause …: cases, entrapments, in time or late, open, people, and how long it took."""

    key: Any
    name: str = ""
    total: int = 0
    entrapments: int = 0
    on_time: int = 0
    late: int = 0
    open: int = 0
    trapped: int = 0
    injured: int = 0
    link: str = ""
    spans: dict[str, list[float]] = field(default_factory=dict)

    @property
    def percent(self) -> float | None:
        judged = self.on_time + self.late
        return round(100 * self.on_time / judged, 1) if judged else None

    def mean(self, name: str) -> float | None:
        found = self.spans.get(name)
        return round(sum(found) / len(found), 1) if found else None

    def add(self, row: Any, at: dt.datetime) -> None:
        self.total += 1
        self.entrapments += row.outcome == "entrapment"
        self.trapped += row.trapped or 0 if row.outcome == "entrapment" else 0
        self.injured += row.injured or 0
        self.open += row.status in OPEN_STATES
        ended = row.ended_at if row.done_at is None else None
        course = Course(row.dispatched_at, row.accepted_at, row.arrived_at, row.done_at, ended)
        found = badge(course, Minutes(row.accept_minutes, row.arrive_minutes, row.done_minutes), at)
        if row.appeal_upheld_at is not None and row.appeal_upheld_at <= at:
            found = Outcome.ON_TIME
        self.on_time += found is Outcome.ON_TIME
        self.late += found is Outcome.LATE
        for name, start, end in (
            ("accept", row.dispatched_at, row.accepted_at), ("arrive", row.accepted_at, row.arrived_at),
            ("done", row.accepted_at, row.done_at),
        ):  # fmt: skip
            if start is not None and end is not None and end >= start:
                self.spans.setdefault(name, []).append((end - start).total_seconds() / 60)


COLUMNS = (
    Column("name", _l("名称"), lambda r: r.name),
    Column("total", _l("救援次数"), lambda r: r.total, "number"),
    Column("entrapments", _l("困人"), lambda r: r.entrapments, "number"),
    Column("on_time", _l("合规"), lambda r: r.on_time, "number"),
    Column("late", _l("不合规"), lambda r: r.late, "number"),
    Column("open", _l("处置中"), lambda r: r.open, "number"),
    Column("percent", _l("合规率"), lambda r: r.percent, "number", unit="%"),
    Column("accept", _l("平均接单"), lambda r: r.mean("accept"), "number", unit=_l("分钟")),
    Column("arrive", _l("平均到达"), lambda r: r.mean("arrive"), "number", unit=_l("分钟")),
    Column("done", _l("平均救出"), lambda r: r.mean("done"), "number", unit=_l("分钟")),
    Column("trapped", _l("困人人数"), lambda r: r.trapped, "number"),
    Column("injured", _l("受伤人数"), lambda r: r.injured, "number"),
)


def lines(session: Any, actor: Actor, asked: Asked, at: dt.datetime) -> list[Line]:
    """The lines within scope: hours and levels in their order, all else with most late first."""
    return _cut(session, actor, asked, read(session, actor, asked), asked.by, at)


def cuts(
    session: Any, actor: Actor, asked: Asked, by: Iterable[str], at: dt.datetime
) -> tuple[Line, dict[str, list[Line]]]:
    """Several cuts of one reading, and the sum of all."""
    rows = read(session, actor, asked)
    return summed(rows, asked, at), {name: _cut(session, actor, asked, rows, name, at) for name in by}


def summed(rows: Iterable[Any], asked: Asked, at: dt.datetime) -> Line:
    whole = Line(None, say("合计"), link=link_of(asked))
    for row in rows:
        whole.add(row, at)
    return whole


def read(session: Any, actor: Actor, asked: Asked, known: dt.datetime | None = None) -> list[Any]:
    """What all cuts are made of, one small row a case. `known`: those that were cases of their own by that instant."""
    stood: tuple[Any, ...] = (ALONE,)
    if known is not None:
        joined_later = and_(Rescue.joined_to_id.is_not(None), Rescue.ended_at > known)
        stood = or_(ALONE, joined_later), row_known(Rescue, known)
    statement = (
        select(
            Rescue.id, Rescue.unit_id, Rescue.region_code, Rescue.level, Rescue.cause, Rescue.outcome, Rescue.source,
            Rescue.status, Rescue.reported_at, Rescue.dispatched_at, Rescue.accepted_at, Rescue.arrived_at,
            Rescue.done_at, Rescue.ended_at, Rescue.trapped, Rescue.injured, Rescue.accept_minutes,
            Rescue.arrive_minutes, Rescue.done_minutes, Rescue.appeal_upheld_at, Elevator.place_type,
            Rescue.elevator_id,
        )
        .join(Elevator, Elevator.id == Rescue.elevator_id)
        .where(*stood, *within(asked, Rescue, Rescue.reported_at))
    )  # fmt: skip
    return list(session.execute(scope.apply(statement, actor, Rescue).execution_options(skip_scope=True)))


def link_of(asked: Asked, **more: Any) -> str:
    """The list of what a number counts."""
    narrow: dict[str, Any] = {
        "f_reported_from": asked.from_on.isoformat(), "f_reported_to": asked.to_on.isoformat(), **more,
    }  # fmt: skip
    if asked.unit_id is not None and "f_no_unit" not in more:
        narrow.setdefault("f_unit", asked.unit_id)
    if asked.region:
        narrow.setdefault("f_region", asked.region)
    return f"/rescues/history/?{urlencode(narrow)}"


def links_of(line: Line) -> dict[str, str]:
    """The lists of a line's numbers, by what they count; none where the line is no list of its own."""
    if not line.link:
        return {}
    return {
        "total": line.link, "late": f"{line.link}&tab=late", "entrapments": f"{line.link}&tab=entrapment",
        "on_time": f"{line.link}&f_badge=on_time",
        "open": f"{line.link}&{urlencode({'f_status': ','.join(OPEN_STATES)})}",
    }  # fmt: skip


_KEYS: dict[str, Callable[[Any], Any]] = {
    "unit": lambda row: row.unit_id, "level": lambda row: row.level, "cause": lambda row: row.cause,
    "hour": lambda row: clock.local(row.reported_at).hour // 2, "outcome": lambda row: row.outcome,
    "source": lambda row: row.source, "place": lambda row: row.place_type, "elevator": lambda row: row.elevator_id,
}  # fmt: skip
_CHOICES: dict[str, tuple[dict[Any, Any], str]] = {
    "level": (RESCUE_LEVEL, "f_level"), "cause": (RESCUE_CAUSE, "f_cause"), "outcome": (RESCUE_OUTCOME, "f_outcome"),
    "source": (RESCUE_SOURCE, "f_source"), "place": (PLACE_TYPE, "f_place"),
}  # fmt: skip
_IN_ORDER = ("level", "hour", "month")


def _cut(session: Any, actor: Actor, asked: Asked, rows: list[Any], by: str, at: dt.datetime) -> list[Line]:
    held: dict[Any, Line] = {}
    key_of = _key_of(asked, by, actor)
    for row in rows:
        key = key_of(row)
        if key not in held:
            held[key] = Line(key)
        held[key].add(row, at)
    _named(session, asked, by, held)
    made = list(held.values())
    if by in _IN_ORDER:
        return sorted(made, key=lambda line: line.key)
    return sorted(made, key=lambda line: (-line.late, -line.total, line.name))[:MOST]


def _key_of(asked: Asked, by: str, actor: Actor) -> Callable[[Any], Any]:
    if by == "region":
        width = digits_of(asked, actor)
        return lambda row: row.region_code[:width]
    if by == "month":
        starts = [first for first, _last in whole_months(asked)]
        return lambda row: bisect_right(starts, clock.local_day(row.reported_at)) - 1
    return _KEYS[by]


def _named(session: Any, asked: Asked, by: str, held: dict[Any, Line]) -> None:
    """Words and addresses of the lines."""
    named: Any = {}
    if by == "unit":
        named = units(session, held)
    elif by == "elevator":
        named = elevators(session, held)
    elif by == "region":
        named = areas(session, held)
    months = whole_months(asked) if by == "month" else []
    for key, line in held.items():
        if by == "unit":
            line.name = named.get(key, ("", NOBODY))[1]
            line.link = link_of(asked, f_no_unit=1) if key is None else link_of(asked, f_unit=key)
        elif by == "elevator":
            line.name = " ".join(named.get(key, (str(key),)))
            line.link = link_of(asked, f_elevator=key)
        elif by == "region":
            line.name, code = named[key]
            line.link = link_of(asked, f_region=code) if code else ""
        elif by == "month":
            first, last = months[key]
            line.name = month_words(first, last)
            line.link = link_of(asked, f_reported_from=first.isoformat(), f_reported_to=last.isoformat())
        elif by == "hour":
            line.name, line.link = RESCUE_HOUR[str(key)], link_of(asked, f_hour=key)
        else:
            choices, parameter = _CHOICES[by]
            line.name = say("没有填写") if key is None else str(word(choices, key))
            line.link = link_of(asked, **{parameter: NOT_SAID if key is None else key})
