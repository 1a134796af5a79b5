"""An appeal handed in and decided, the score of half a year as of an instant, and what there is to appeal against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.models import (
    Application,
    OverduePeriod,
    Score,
    ScoreEntry,
)
from app.models.score import lines_of
from app.rules.score_items import Item
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.oversight import appeals
from tests.factories import World
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue

MADE = at(day("2026-07-20"), 9)
DECIDED = at(day("2026-07-24"), 9)
H, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def do(world: World, who: str, deed: Callable[..., Any], *given: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), *given)


def appeal(
    world: World, key: str, who: str = "maintenance_head", grounds: str = "当天网络中断", when: dt.datetime = MADE
) -> Any:
    return do(world, who, appeals.submit, key, grounds, (), when)


def decide(
    world: World, made: Application, verb: str = "approve", who: str = "inspector", said: str = "情况属实"
) -> Any:
    made = world.session.get(Application, made.id)
    return do(world, who, applications.decide, made.id, verb, said, made.row_version, DECIDED)


def missed(world: World, on: str = "2026-04-10") -> OverduePeriod:
    with transaction(world.session):
        return put_overdue(world.session, world.own, world.firm, day(on))


def item_lines(world: World, row: Score, item: Item) -> list[ScoreEntry]:
    return list(world.session.scalars(select(ScoreEntry).where(lines_of(row.id, item)).order_by(ScoreEntry.id)))
