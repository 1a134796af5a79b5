"""不合规电梯: the elevators of one unit in a run, those on which something was missed or 不合规 first (SCO-07)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import aliased

from app import scope
from app.listing import Column
from app.models import Elevator, Score, Unit
from app.permissions import Actor
from app.rules.scoring import PairFacts
from app.workflows.scores import score_facts

FAILED, EVERY = "failed", "all"


@dataclass(frozen=True, slots=True)
class Lift:
    """One of them; without a code where the reader may not see it (涉密, or of another region)."""

    pair: PairFacts
    code: str | None
    use_unit: str | None

    @property
    def failures(self) -> int:
        return self.pair.overdue + self.pair.nonconforming


COLUMNS = (
    Column("code", _l("识别码"), lambda r: r.code, "code"),
    Column("use_unit", _l("使用单位"), lambda r: r.use_unit),
    Column("first_on", _l("首次维保"), lambda r: r.pair.first_on, "date"),
    Column("end_on", _l("计算至"), lambda r: r.pair.end_on, "date"),
    Column("paused", _l("停用天数"), lambda r: r.pair.paused_days, "number"),
    Column("due", _l("应维保次数"), lambda r: r.pair.due, "number"),
    Column("valid", _l("有效次数"), lambda r: r.pair.valid_visits, "number"),
    Column("nonconforming", _l("不合规次数"), lambda r: r.pair.nonconforming, "number"),
    Column("overdue", _l("超期次数"), lambda r: r.pair.overdue, "number"),
    Column("bad", _l("不合格次数"), lambda r: r.pair.bad, "number"),
)


def chosen(pairs: Iterable[PairFacts], show: str) -> list[PairFacts]:
    """Those with a failure, the most failures first; or all, in the same order."""
    some = [pair for pair in pairs if show == EVERY or pair.overdue or pair.nonconforming]
    return sorted(some, key=lambda pair: (-(pair.overdue + pair.nonconforming), int(str(pair.elevator))))


def named(session: Any, actor: Actor, pairs: Iterable[PairFacts]) -> list[Lift]:
    """The pairs with code and use unit of those that the reader may see."""
    pairs, user = list(pairs), aliased(Unit)
    lift: Any = Elevator
    seen = select(lift.id, lift.code, user.name).outerjoin(user, user.id == lift.use_unit_id)
    seen = scope.apply(seen.where(lift.id.in_([pair.elevator for pair in pairs])), actor, Elevator)
    rows = session.execute(seen.execution_options(skip_scope=True))
    told = {key: (code, unit) for key, code, unit in rows}
    return [Lift(pair, *told.get(pair.elevator, (None, None))) for pair in pairs]


def lines(session: Any, actor: Actor, score_id: int, show: str) -> list[Lift]:
    """All of them, as a workbook says them; the score is one that the actor may see."""
    held: Score = scope.visible(session, actor, Score, score_id, "得分")
    return named(session, actor, chosen(score_facts.of_unit(session, held.run, held.unit_id), show))
