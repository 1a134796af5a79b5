"""公平比较 (FAI-01): a run's units with the band in which each rate lies, and which differ from the whole at all."""

from __future__ import annotations

from collections.abc import Sequence
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
from app.rules.fairness import Standing, compare, share_of_all

STANDING = {
    Standing.ABOVE: _l("高于总体"), Standing.LEVEL: _l("与总体相当"), Standing.BELOW: _l("低于总体"),
    Standing.FEW: _l("样本不足"), Standing.NO_DATA: _l("无数据"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FairLine:
    """A unit: official rank and points, what they are of, the band, and what it says."""

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

    @property
    def said(self) -> str:
        return str(STANDING[self.standing])


COLUMNS = (
    Column("rank", _l("名次"), lambda r: r.rank, "number"),
    Column("unit", _l("维保单位"), lambda r: r.unit),
    Column("elevators", _l("电梯台数"), lambda r: r.elevators, "number"),
    Column("due", _l("应维保次数"), lambda r: r.due, "number"),
    Column("bad", _l("不合格次数"), lambda r: r.bad, "number"),
    Column("points", _l("得分"), lambda r: r.points, "number", unit=_l("分")),
    Column("low", _l("可信区间下限"), lambda r: r.low, "number", unit=_l("分")),
    Column("high", _l("可信区间上限"), lambda r: r.high, "number", unit=_l("分")),
    Column("said", _l("与总体比较"), lambda r: r.said),
)


@dataclass(frozen=True, slots=True)
class Fair:
    """A run compared: the least sample, the whole's share, and the units that the reader sees."""

    least: int
    everybody: Fraction | None
    lines: list[FairLine]

    def of(self, *standings: Standing) -> list[FairLine]:
        return [line for line in self.lines if line.standing in standings]


def build(session: Any, actor: Actor, run: ScoreRun) -> Fair:
    """Compare the units of a run. The whole is all of them, whatever the reader sees of each."""
    least = int(policy_value(session, Key.FAIR_LEAST_DUE, run.region_code, run.to_on))
    capped = case((Score.bad < Score.due, Score.bad), else_=Score.due)
    due, bad = session.execute(
        select(func.coalesce(func.sum(Score.due), 0), func.coalesce(func.sum(capped), 0))
        .where(Score.run_id == run.id).execution_options(skip_scope=True)
    ).one()  # fmt: skip
    everybody = share_of_all(int(due), int(bad))
    rows = session.execute(
        scope.apply(
            select(Score.id, Unit.name, Score.rank, Score.elevators, Score.due, Score.bad, Score.points)
            .join(Unit, Unit.id == Score.unit_id)
            .where(Score.run_id == run.id)
            .order_by(Score.rank.is_(None), Score.rank, Score.id),
            actor, Score,
        ).execution_options(skip_scope=True)
    )  # fmt: skip
    lines = []
    for key, name, rank, elevators, own_due, own_bad, points in rows:
        found = compare(own_due, own_bad, everybody, least)
        lines.append(
            FairLine(key, name, rank, elevators, own_due, own_bad, points, found.low, found.high, found.standing)
        )
    return Fair(least, everybody, lines)


def table(session: Any, actor: Actor, run_id: int) -> tuple[list[FairLine], Sequence[Column]]:
    """The lines of a run within the actor's scope, to be written as a table; of an unknown run none."""
    run = session.scalar(select(ScoreRun).where(ScoreRun.id == run_id, scope.criterion(ScoreRun, actor)))
    return (build(session, actor, run).lines if run is not None else []), COLUMNS


