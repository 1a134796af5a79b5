"""人力测算 (CAP-01) as tables: units side by side; of one unit its areas, its workers, what nobody can do in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l

from app.listing import Column
from app.permissions import Actor
from app.rules.capacity import MOST_MORE
from app.wording import say
from app.workflows.oversight import capacity
from app.workflows.oversight.capacity import AreaLine, MissedLine, UnitLine, WorkerLine

UNITS = (
    Column("name", _l("维保单位"), lambda line: line.name),
    Column("elevators", _l("在用电梯"), lambda line: line.elevators, "number"),
    Column("workers", _l("维保员"), lambda line: line.workers, "number"),
    Column("services", _l("每月应维保"), lambda line: line.services, "number"),
    Column("each", _l("人均每月"), lambda line: line.each, "number"),
    Column("percent", _l("占普工台次"), lambda line: line.percent, "number", unit="%"),
)
AREAS = (
    Column("name", _l("片区"), lambda line: line.name),
    Column("lifts", _l("电梯台数"), lambda line: line.area.lifts, "number"),
    Column("over", _l("已超期"), lambda line: line.area.over, "number"),
    Column("due", _l("到期次数"), lambda line: line.area.due, "number"),
    Column("done", _l("试排完成"), lambda line: line.area.done, "number"),
    Column("missed", _l("做不完"), lambda line: len(line.area.missed), "number"),
    Column("workers", _l("维保员"), lambda line: line.area.workers, "number"),
    Column("percent", _l("工时占用"), lambda line: line.percent, "number", unit="%"),
    # Beyond what is tried the answer is no number, as on the page.
    Column("more", _l("还缺"), lambda line: line.area.more if line.area.more < MOST_MORE else say("远远不够")),
    Column("first", _l("从哪天起做不完"), lambda line: line.area.first_missed_on, "date"),
)
WORKERS = (
    Column("name", _l("姓名"), lambda line: line.name),
    Column("area", _l("片区"), lambda line: line.area),
    Column("services", _l("试排次数"), lambda line: line.load.services, "number"),
    Column("percent", _l("工时占用"), lambda line: line.percent, "number", unit="%"),
    Column("spent", _l("台次用完"), lambda line: line.load.quota_spent, "bool"),
    Column("until", _l("证书有效期"), lambda line: line.until, "date"),
)
MISSED = (
    Column("code", _l("识别码"), lambda line: line.code, "code"),
    Column("place", _l("位置"), lambda line: line.place),
    Column("limit_on", _l("维保期限"), lambda line: line.missed.limit_on, "date"),
    Column("why", _l("说明"), lambda line: say("可做的日子都是休息日") if line.missed.no_day else say("人手不够")),
)
# Of one unit, by what is asked for.
PARTS: dict[str, tuple[Any, Sequence[Column]]] = {
    "areas": (_l("按片区"), AREAS), "workers": (_l("按维保员"), WORKERS), "missed": (_l("做不完的电梯"), MISSED),
}  # fmt: skip


def units(session: Any, actor: Actor, at: dt.datetime) -> list[UnitLine]:
    """Every unit with elevators in the actor's scope, the most loaded first; the page shows the first of them."""
    return capacity.units(session, actor, at)


def of_unit(
    session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime
) -> tuple[list[AreaLine] | list[WorkerLine] | list[MissedLine], Sequence[Column]]:
    """A part of a unit's trial; all that is missed, where the page shows the first."""
    found = capacity.of_unit(session, actor, int(asked["unit"]), int(asked["days"]), at, most=None)
    return getattr(found, asked["by"]), PARTS[asked["by"]][1]
