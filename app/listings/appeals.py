"""申诉: tabs by state, the columns of the list and its export (APL-01). Deciding is the queue's affair."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Tab, column, register, related
from app.models import Appeal
from app.models.appeal import APPEAL_ENTITY, APPEAL_STATE
from app.wording import again, say, together

WAITING = ("submitted", "accepted", "endorsed", "returned")


def changed_of(row: Appeal) -> str | None:
    """What moved when it was upheld, in one line."""
    moved = [
        say("%(label)s %(before)s → %(after)s", label=again(label), before=again(before), after=again(after))
        for label, before, after in row.figures or ()
        if before != after
    ]
    return together(moved, "，") if moved else None


def _state(*names: str) -> Any:
    return lambda m: Appeal.state.in_(names)


APPEALS = register(
    Listing(
        name="appeals",
        title=_lp("many", "申诉"),
        model=Appeal,
        columns=(
            column(Appeal, "number", kind="code"),
            related("unit", _l("申诉单位"), Appeal.unit),
            column(Appeal, "entity", sort=False),
            column(Appeal, "happened_on"),
            column(Appeal, "said", sort=False),
            column(Appeal, "grounds", sort=False),
            column(Appeal, "state", sort=False),
            Column("due_at", _l("办理期限"), lambda row: row.application and row.application.due_at, "instant"),
            Column("opinion", _l("审批意见"), lambda row: row.application and row.application.opinion),
            column(Appeal, "in_force_from"),
            Column("changed", _l("更正前后"), changed_of, said=True),
            column(Appeal, "created_at", label=_l("申诉时间")),
        ),
        default=("number", "unit", "said", "created_at", "due_at", "state", "changed"),
        search=(Appeal.number, Appeal.said, Appeal.grounds),
        search_hint=_l("申诉编号、识别码、理由"),
        filters=(
            Filter("made", _l("申诉日期"), "date", Appeal.created_at),
            Filter("about", _l("申诉对象"), "choice", Appeal.entity, APPEAL_ENTITY),
            Filter("state", _l("状态"), "choice", Appeal.state, APPEAL_STATE),
            Filter("unit", _l("申诉单位"), "lookup", Appeal.unit_id, lookup="units"),
            Filter("elevator", _l("电梯"), "lookup", Appeal.elevator_id, lookup="elevators"),
            Filter("region", _l("所属辖区"), "region", Appeal.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("办理中"), _state(*WAITING), "near"),
            Tab("upheld", _l("成立"), _state("approved")),
            Tab("rejected", _l("不成立"), _state("rejected")),
            Tab("withdrawn", _l("已撤回"), _state("withdrawn")),
        ),
        order=("id", True),
        load=(joinedload(Appeal.unit), joinedload(Appeal.application)),
    )
)  # fmt: skip
