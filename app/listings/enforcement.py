"""约谈与处罚: tabs by what each waits for, the columns of the list and its export (ANO-03)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import ColumnElement, and_, func, literal_column, select
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, of_no_unit, register, related
from app.models import Enforcement, EnforcementEvidence, Unit
from app.models.enforcement import ENFORCEMENT_KIND, ENFORCEMENT_STATE, RUNS_OPEN
from app.search import OfAnother

# In the very words of the partial index.
OPEN: Any = literal_column(RUNS_OPEN.replace("state", "enforcement.state", 1))


class _OfUnit(OfAnother):
    """A search column of the unit."""

    def led(self, holds: ColumnElement[bool]) -> ColumnElement[bool]:
        return Enforcement.unit_id.in_(select(Unit.id).where(holds))


def overdue(m: Moment) -> Any:
    """The unit's answer is late by now, or never came in time."""
    return and_(Enforcement.state == "in_force", Enforcement.due_at <= m.now)


def _with_elevator(key: int) -> Any:
    on = select(EnforcementEvidence.enforcement_id).where(EnforcementEvidence.elevator_id == key)
    return Enforcement.id.in_(on)


def _state(name: str) -> Any:
    return lambda m: Enforcement.state == name


ENFORCEMENTS = register(
    Listing(
        name="enforcement",
        title=_l("约谈与处罚"),
        model=Enforcement,
        columns=(
            column(Enforcement, "number", kind="code"),
            column(Enforcement, "kind", sort=False),
            related("unit", _l("单位"), Enforcement.unit),
            column(Enforcement, "decided_on"),
            column(Enforcement, "document_no", sort=False),
            column(Enforcement, "facts", sort=False),
            column(Enforcement, "demand", sort=False),
            column(Enforcement, "legal_basis", sort=False),
            column(Enforcement, "state", sort=False),
            column(Enforcement, "in_force_at"),
            column(Enforcement, "due_at"),
            column(Enforcement, "replied_at"),
            column(Enforcement, "reply", sort=False),
            column(Enforcement, "late", sort=False),
            column(Enforcement, "closed_at"),
            column(Enforcement, "close_note", sort=False),
            column(Enforcement, "withdrawn_at"),
            column(Enforcement, "withdraw_reason", sort=False),
            Column("region_code", _l("区划代码"), lambda row: row.region_code, "code", sql=Enforcement.region_code),
        ),
        default=("number", "kind", "unit", "decided_on", "facts", "due_at", "state"),
        search=(
            Enforcement.number, Enforcement.facts, Enforcement.document_no, _OfUnit(Unit.name), _OfUnit(Unit.uscc),
        ),
        search_hint=_l("编号、单位、事实、文书号"),
        filters=(
            Filter("decided", _l("日期"), "date", Enforcement.decided_on),
            Filter("kind", _l("类别"), "choice", Enforcement.kind, ENFORCEMENT_KIND),
            Filter(
                "state", _l("状态"), "choice", Enforcement.state, ENFORCEMENT_STATE,
                shown_to={"draft": of_no_unit, "proposed": of_no_unit},
            ),
            Filter("unit", _l("单位"), "lookup", Enforcement.unit_id, lookup="units"),
            Filter("elevator", _l("证据中的电梯"), "lookup", lookup="elevators", criterion=_with_elevator),
            Filter("late", _l("逾期答复"), "bool", Enforcement.late),
            Filter("region", _l("所属辖区"), "region", Enforcement.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("draft", _l("草稿"), _state("draft"), shown_to=of_no_unit),
            Tab("proposed", _lp("enforcement", "待第二人决定"), _state("proposed"), "near", shown_to=of_no_unit),
            Tab("in_force", _l("待整改"), _state("in_force"), "near"),
            Tab("overdue", _l("逾期未答复"), overdue, "over"),
            Tab("replied", _l("待核查"), _state("replied"), "near"),
            Tab("closed", _l("已办结"), _state("closed")),
            Tab("withdrawn", _l("已撤销"), _state("withdrawn")),
        ),
        order=("id", True),
        load=(joinedload(Enforcement.unit),),
    )
)  # fmt: skip


def count(m: Moment, *more: Any) -> Any:
    """How many of those that the actor sees meet these, as a part of another statement."""
    seen = scope.criterion(Enforcement, m.actor)
    return select(func.count()).select_from(Enforcement).where(seen, *more).scalar_subquery()
