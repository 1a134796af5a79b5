"""维保单位变更 as asked for: in time or late, in force or waiting, elevators that change hands often (LIF-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased, joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.models import Application, Elevator, UnitChange
from app.models.choices import APPLICATION_STATE

OFTEN_DAYS = 365


def _often(m: Moment) -> Any:
    """Of an elevator that changed its unit at least twice within a year back from today."""
    other = aliased(UnitChange)
    times = select(func.count(other.id)).where(
        other.elevator_id == UnitChange.elevator_id, other.took_effect_on > m.today - dt.timedelta(days=OFTEN_DAYS)
    )
    return times.correlate(UnitChange).scalar_subquery() > 1


def _join(statement: Select[Any]) -> Select[Any]:
    return statement.join(UnitChange.elevator).join(UnitChange.application)


UNIT_CHANGES = register(
    Listing(
        name="unit_changes",
        title=_lp("many", "维保单位变更"),
        model=UnitChange,
        columns=(
            Column("number", _l("申请编号"), lambda row: row.application.number, "code"),
            Column("elevator", _l("识别码"), lambda row: row.elevator.code, "code"),
            Column("old_unit", _l("原维保单位"), lambda row: row.old_unit.name if row.old_unit else None),
            Column("new_unit", _l("新维保单位"), lambda row: row.new_unit.name),
            Column("use_unit", _l("使用单位"), lambda row: row.use_unit.name if row.use_unit else None),
            column(UnitChange, "signed_on"),
            column(UnitChange, "due_on"),
            column(UnitChange, "applied_on"),
            column(UnitChange, "late"),
            column(UnitChange, "took_effect_on"),
            Column("state", _l("状态"), lambda row: row.application.state, "choice", None, APPLICATION_STATE),
        ),
        default=("number", "elevator", "old_unit", "new_unit", "signed_on", "applied_on", "late", "state"),
        search=(Elevator.code, Application.number),
        search_hint=_l("申请编号、识别码"),
        filters=(
            Filter("new_unit", _l("新维保单位"), "lookup", UnitChange.new_unit_id, lookup="maintenance_units"),
            Filter("old_unit", _l("原维保单位"), "lookup", UnitChange.old_unit_id, lookup="maintenance_units"),
            Filter("signed", _l("签订日期"), "date", UnitChange.signed_on),
            Filter("region", _l("所在地区"), "region", UnitChange.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("late", _l("迟报"), lambda m: UnitChange.late.is_(True), "near"),
            Tab("open", _l("办理中"), lambda m: Application.is_open.is_(True)),
            Tab("done", _l("已生效"), lambda m: UnitChange.took_effect_on.is_not(None)),
            Tab("often", _l("一年内多次"), _often, "over"),
        ),
        order=("id", True),
        load=(
            joinedload(UnitChange.application), joinedload(UnitChange.elevator), joinedload(UnitChange.old_unit),
            joinedload(UnitChange.new_unit), joinedload(UnitChange.use_unit),
        ),
        join=_join,
    )
)  # fmt: skip
