"""签到疑点 and 核查案件: tabs by what became of them, the columns of the lists and exports (FRD-01)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, func, literal_column, select
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.models import FraudCase, FraudSignal, Person, Unit
from app.models.fraud import CASE_OUTCOME, CASE_STATE, SIGNAL_KIND
from app.wording import say

# In the very words of the partial index.
OPEN = FraudCase.state != literal_column("'closed'")
_FREE = and_(FraudSignal.case_id.is_(None), FraudSignal.set_aside_at.is_(None))


def standing_of(row: FraudSignal) -> str:
    """待处理, 已立案 or 已排除."""
    if row.set_aside_at is not None:
        return say("已排除")
    return say("待处理") if row.case_id is None else say("已立案")


SIGNALS = register(
    Listing(
        name="fraud_signals",
        title=_l("签到疑点"),
        model=FraudSignal,
        columns=(
            column(FraudSignal, "kind", sort=False),
            column(FraudSignal, "seen_on"),
            related("person", _l("维保员"), FraudSignal.person),
            related("unit", _l("维保单位"), FraudSignal.unit),
            Column("code", _l("识别码"), lambda row: row.elevator.code if row.elevator else None, "code"),
            column(FraudSignal, "found", sort=False),
            column(FraudSignal, "points"),
            Column("standing", _l("处理"), standing_of, said=True),
            Column("case", _l("核查案件"), lambda row: row.case.number if row.case else None, "code"),
            column(FraudSignal, "set_aside_note", sort=False),
            column(FraudSignal, "found_at"),
        ),
        default=("kind", "seen_on", "person", "unit", "found", "points", "standing"),
        search=(Person.name, Unit.name),
        search_hint=_l("维保员、维保单位"),
        join=lambda s: s.outerjoin(Person, Person.id == FraudSignal.person_id).join(
            Unit, Unit.id == FraudSignal.unit_id
        ),
        filters=(
            Filter("kind", _l("疑点"), "choice", FraudSignal.kind, SIGNAL_KIND),
            Filter("seen", _l("发生日期"), "date", FraudSignal.seen_on),
            Filter("unit", _l("维保单位"), "lookup", FraudSignal.unit_id, lookup="maintenance_units"),
            Filter("person", _l("维保员"), "lookup", FraudSignal.person_id, lookup="persons_ever"),
            Filter("elevator", _l("电梯"), "lookup", FraudSignal.elevator_id, lookup="elevators"),
            Filter("region", _l("所属辖区"), "region", FraudSignal.region_code),
        ),
        tabs=(
            Tab("free", _l("待处理"), lambda m: _FREE, "near"),
            Tab("case", _l("已立案"), lambda m: FraudSignal.case_id.is_not(None)),
            Tab("aside", _l("已排除"), lambda m: FraudSignal.set_aside_at.is_not(None)),
            Tab("all", _l("全部")),
        ),
        order=("seen_on", True),
        load=(joinedload(FraudSignal.unit), joinedload(FraudSignal.person), joinedload(FraudSignal.elevator),
              joinedload(FraudSignal.case)),
    )
)  # fmt: skip


def late(m: Moment) -> Any:
    """Asked, and the time to answer is over: it may be decided on what there is."""
    return and_(OPEN, FraudCase.state == "asked", FraudCase.due_at <= m.now)


CASES = register(
    Listing(
        name="fraud_cases",
        title=_l("核查案件"),
        model=FraudCase,
        columns=(
            column(FraudCase, "number", kind="code"),
            related("unit", _l("维保单位"), FraudCase.unit),
            related("person", _l("维保员"), FraudCase.person),
            column(FraudCase, "question", sort=False),
            column(FraudCase, "opened_at"),
            column(FraudCase, "due_at"),
            column(FraudCase, "state", sort=False),
            column(FraudCase, "answered_at"),
            column(FraudCase, "answer", sort=False),
            column(FraudCase, "outcome", sort=False),
            column(FraudCase, "reason", sort=False),
            column(FraudCase, "decided_at"),
        ),
        default=("number", "unit", "person", "question", "opened_at", "due_at", "state", "outcome"),
        search=(FraudCase.number, Unit.name),
        search_hint=_l("案件编号、维保单位"),
        join=lambda s: s.join(Unit, Unit.id == FraudCase.unit_id),
        filters=(
            Filter("state", _l("状态"), "choice", FraudCase.state, CASE_STATE),
            Filter("outcome", _l("认定"), "choice", FraudCase.outcome, CASE_OUTCOME),
            Filter("opened", _l("立案日期"), "date", FraudCase.opened_at),
            Filter("unit", _l("维保单位"), "lookup", FraudCase.unit_id, lookup="maintenance_units"),
            Filter("region", _l("所属辖区"), "region", FraudCase.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("asked", _l("待说明"), lambda m: and_(OPEN, FraudCase.state == "asked"), "near"),
            Tab("answered", _l("待认定"), lambda m: and_(OPEN, FraudCase.state == "answered"), "near"),
            Tab("late", _l("逾期未说明"), late, "over"),
            Tab("closed", _lp("case", "已结案"), lambda m: FraudCase.state == "closed"),
        ),
        order=("opened_at", True),
        load=(joinedload(FraudCase.unit), joinedload(FraudCase.person)),
    )
)  # fmt: skip


def count(m: Moment, *more: Any) -> Any:
    """How many of the actor's cases meet these, as a part of another statement."""
    seen = scope.criterion(FraudCase, m.actor)
    return select(func.count()).select_from(FraudCase).where(seen, *more).scalar_subquery()
