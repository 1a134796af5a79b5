"""The demo region's own list of maintenance items and of usual parts, by its first firm; approved by the district."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo.office import actor_named, main_of
from app.models import Elevator, ItemSet
from app.rules.item_lists import Item
from app.rules.levels import Level
from app.rules.parts import Usual
from app.workflows.filing import usual_parts
from app.workflows.maintenance import item_sets

KIND, NAME, BASIS = "3420", "消防员电梯 首版", "制造单位维护说明书"
DAYS_AGO, DAY = 20, dt.timedelta(days=1)
# Of 消防员电梯 the law has no list: cycle, item, what is asked, the unit of a measured value.
ITEMS = (
    (Level.HALF_MONTH, "消防员开关", "在基站外，完好，开关后轿厢返回指定层", ""),
    (Level.HALF_MONTH, "轿厢内对讲", "消防返回时与值班室通话清晰", ""),
    (Level.HALF_MONTH, "应急照明和供电指示", "断电后点亮，主备电源指示正确", ""),
    (Level.HALF_MONTH, "底坑积水", "无积水，排水泵能启动", ""),
    (Level.HALF_MONTH, "层门、轿门", "开关平稳，门锁啮合可靠", ""),
    (Level.QUARTER, "轿顶安全窗", "能从轿厢外打开，电气开关有效", ""),
    (Level.HALF_YEAR, "消防返回和优先运行", "按说明书逐层试验一遍", ""),
    (Level.ANNUAL, "备用电源切换", "切换后继续运行", "秒"),
    (Level.ANNUAL, "井道防水", "轿顶、控制柜的防水罩完好", ""),
)  # fmt: skip
PARTS = (
    Usual("制动器闸瓦", 12), Usual("门滑块", 6), Usual("门锁触点", 12), Usual("导靴靴衬", 6), Usual("曳引钢丝绳", 60),
    Usual("应急照明电池", 24),
)  # fmt: skip


def make(session: Any, at: dt.datetime) -> None:
    """Once, where the demo's accounts are: a list in force since some weeks, and usual parts that one elevator got."""
    worker, district = actor_named(session, "weibao_yuan"), actor_named(session, "linhe")
    if worker is None or worker.unit_id is None or district is None:
        return
    head = main_of(session, worker.unit_id)
    if session.scalar(select(ItemSet.id).where(ItemSet.unit_id == worker.unit_id).limit(1)) is not None:
        return
    then = at - DAYS_AGO * DAY
    own = item_sets.start(session, head, KIND, then)
    given = [Item("", KIND, level, item, asked, bool(unit), unit) for level, item, asked, unit in ITEMS]
    item_sets.save(session, head, own.id, NAME, clock.local_day(then) + DAY, BASIS, given, then)
    item_sets.submit(session, head, own.id, then)
    item_sets.approve(session, district, own.id, None, "与说明书一致", then + dt.timedelta(hours=4))
    usual_parts.save(session, head, "A", PARTS, then)
    lift = session.scalar(
        select(Elevator).where(
            Elevator.maintenance_unit_id == worker.unit_id, Elevator.status == "in_use", Elevator.category == "3110",
            Elevator.filing_state == "approved",
        ).order_by(Elevator.id.desc()).limit(1)
    )  # fmt: skip
    if lift is not None:
        usual_parts.fill(session, head, lift.id, at, clock.local_day(at) - 40 * DAY, lowest=1)
