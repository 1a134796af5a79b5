"""公平比较 (FAI-01): a run's units with the band in which each rate lies, and which differ from the whole at all.

By one of the six items, or by their total (`by` None).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select

from app import scope
from app.listing import Column
from app.models import Score, ScoreRun, Unit
from app.models.policy import policy_value
from app.permissions import Actor
from app.policy import Key
from app.rules.fairness import NO_DATA, Compared, Sample, Standing, compare, compare_total, share_of_all
from app.rules.score_items import Item

STANDING = {
    Standing.ABOVE: _l("高于总体"), Standing.LEVEL: _l("与总体相当"), Standing.BELOW: _l("低于总体"),
    Standing.FEW: _l("样本不足"), Standing.NO_DATA: _l("无数据"),
}  # fmt: skip
# What is counted in each, and what of it is bad; of the total it is what decides whether there are enough.
COUNTED = {
    None: (_l("应维保次数"), _l("不合格次数")),
    Item.MAINTENANCE: (_l("应维保次数"), _l("不合格次数")), Item.RESCUE: (_l("一次救援次数"), _l("未冲抵的不及时次数")),
    Item.FEEDBACK: (_l("投诉总次数"), _l("投诉不及时次数")), Item.INSPECTION: (_l("检验电梯总数"), _l("不合格电梯数")),
    Item.FAULT: (_l("维保电梯数"), _l("故障电梯数")), Item.CHANGE: (_l("变更使用单位数"), _l("不及时使用单位数")),
}  # fmt: skip
Counts = tuple[int, int]  # how many, and how many of them are bad, never more


@dataclass(frozen=True, slots=True)
class FairLine:
    """A unit: official rank and points, what they are of, its rate as points, the band, and what it says."""

    score_id: int
    unit: str
    rank: int | None
    elevators: int
    due: int
    bad: int
    points: Decimal | None
    low: Decimal | None
    high: Decimal | None
    standing: Standing
    own: Decimal | None = None
    whole: Decimal | None = None

    @property
    def said(self) -> str:
        return str(STANDING[self.standing])


def columns_of(by: Item | None) -> Sequence[Column]:
    """The table's columns; those of 维护保养有效率 are what they always were."""
    due, bad = COUNTED[by]
    rate = () if by is Item.MAINTENANCE else (
        Column("own", _l("折合得分"), lambda r: r.own, "number", unit=_l("分")),
        Column("whole", _l("总体"), lambda r: r.whole, "number", unit=_l("分")),
    )
    return (
        Column("rank", _l("名次"), lambda r: r.rank, "number"),
        Column("unit", _l("维保单位"), lambda r: r.unit),
        Column("elevators", _l("电梯台数"), lambda r: r.elevators, "number"),
        Column("due", due, lambda r: r.due, "number"),
        Column("bad", bad, lambda r: r.bad, "number"),
        Column("points", _l("得分") if by else _l("总分"), lambda r: r.points, "number", unit=_l("分")),
        *rate,
        Column("low", _l("可信区间下限"), lambda r: r.low, "number", unit=_l("分")),
        Column("high", _l("可信区间上限"), lambda r: r.high, "number", unit=_l("分")),
        Column("said", _l("与总体比较"), lambda r: r.said),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fair:
    """A run compared: the least sample, the whole as points (None where each line has its own), and the units that the
    reader sees."""

    by: Item | None
    least: int
    everybody: Fraction | None
    lines: list[FairLine]

    def of(self, *standings: Standing) -> list[FairLine]:
        return [line for line in self.lines if line.standing in standings]


# By item: how many, and how many of them are bad, as columns of a score.
_all_rescues = Score.rescue_on_time + Score.rescue_late
_left_late = Score.rescue_late - Score.rescue_second
COUNTS: Mapping[Item, tuple[Any, Any]] = {
    Item.MAINTENANCE: (Score.due, case((Score.bad < Score.due, Score.bad), else_=Score.due)),
    # Help in time makes up for a late one (SCO-02); what is over is a bonus and no rate.
    Item.RESCUE: (_all_rescues, case((_left_late > 0, _left_late), else_=0)),
    Item.FEEDBACK: (Score.feedback_total, Score.feedback_late),
    Item.INSPECTION: (Score.inspection_total, Score.inspection_failed),
    Item.FAULT: (Score.fault_elevators, Score.fault_faulty),
    Item.CHANGE: (Score.change_total, Score.change_late),
}


def build(session: Any, actor: Actor, run: ScoreRun, by: Item | None = Item.MAINTENANCE) -> Fair:
    """Compare the units of a run. The whole is all of them, whatever the reader sees of each."""
    key = Key.FAIR_LEAST_DUE if by in (None, Item.MAINTENANCE) else Key.FAIR_LEAST_CASES
    least = int(policy_value(session, key, run.region_code, run.to_on))
    items = [*Item] if by is None else [by]
    columns = [func.coalesce(column, 0) for item in items for column in COUNTS[item]]
    sums = session.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in columns))
        .where(Score.run_id == run.id).execution_options(skip_scope=True)
    ).one()  # fmt: skip
    everybody = [share_of_all(*pair) for pair in _pairs(sums)]
    rank = Score.total_rank if by is None else Score.rank if by is Item.MAINTENANCE else getattr(Score, f"{by}_rank")
    official = Score.total if by is None else _official(by)
    rows = session.execute(
        scope.apply(
            select(Score.id, Unit.name, rank, Score.elevators, official, *columns)
            .join(Unit, Unit.id == Score.unit_id)
            .where(Score.run_id == run.id)
            .order_by(rank.is_(None), rank, Score.id),
            actor, Score,
        ).execution_options(skip_scope=True)
    )  # fmt: skip
    lines = []
    for score_id, name, place, elevators, points, *counts in rows:
        pairs = _pairs(counts)
        found = _compared(by, pairs, everybody, least, points)
        lines.append(
            FairLine(
                score_id, name, place, elevators, *pairs[0], points, found.low, found.high, found.standing, found.own,
                found.whole,
            )
        )  # fmt: skip
    return Fair(by, least, everybody[0] if by is not None else None, lines)


def _compared(
    by: Item | None, pairs: Sequence[Counts], everybody: Sequence[Fraction | None], least: int, points: Decimal | None
) -> Compared:
    if by is not None:
        return compare(*pairs[0], everybody[0], least)
    if points is None:
        return NO_DATA
    return compare_total([Sample(*pair, share) for pair, share in zip(pairs, everybody, strict=True)], least)


def _pairs(numbers: Sequence[Any]) -> list[Counts]:
    return [(int(a), int(b)) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]


def _official(item: Item) -> Any:
    return Score.points if item is Item.MAINTENANCE else getattr(Score, f"{item}_points")


def table(
    session: Any, actor: Actor, run_id: int, by: str = Item.MAINTENANCE
) -> tuple[list[FairLine], Sequence[Column]]:
    """The lines of a run within the actor's scope, to be written as a table; of an unknown run none.

    `by`: an item, or `total`.
    """
    item = Item(by) if by in {*Item} else None
    run = session.scalar(select(ScoreRun).where(ScoreRun.id == run_id, scope.criterion(ScoreRun, actor)))
    return (build(session, actor, run, item).lines if run is not None else []), columns_of(item)
