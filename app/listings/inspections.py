"""Inspections (INS-01, INS-02): the records, and the elevators by what is due for them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import aliased, joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings import standing
from app.listings.of_elevator import district_column, fact_columns, fact_filters
from app.models import Elevator, Inspection, InspectionClock, Unit
from app.models.choices import ELEVATOR_STATUS, INSPECTION_DUE, INSPECTION_KIND, INSPECTION_RESULT
from app.policy import Key
from app.workflows.papers.commitments import WAITING

# What can be due in the yearly calendar.
YEARS_DUE = {name: INSPECTION_DUE[name] for name in ("periodic", "self_test")}
# The elevator of a record, beside the register's own lists.
_lift: Any = aliased(Elevator)


def _with_lift(statement: Select[Any]) -> Select[Any]:
    return statement.join(_lift, _lift.id == Inspection.elevator_id)


def _counts(*criteria: Any) -> Any:
    return and_(Inspection.state == "approved", Inspection.ended_at.is_(None), *criteria)


def standing_of(row: Inspection) -> str:
    """What became of a record, in a word: it counts, waits, was put right, was turned down."""
    if row.ended_at is not None:
        return "ended"
    return "counts" if row.state == "approved" else "waiting" if row.state in WAITING else "down"


STANDING = {
    "counts": _l("有效"), "waiting": _l("待审核"), "ended": _l("已更正或作废"), "down": _l("未通过"),
}  # fmt: skip

INSPECTIONS = register(
    Listing(
        name="inspections",
        title=_l("检验记录"),
        model=Inspection,
        columns=(
            Column("code", _l("识别码"), lambda row: row.elevator.code, "code", _lift.code, sql=_lift.code),
            column(Inspection, "kind"),
            column(Inspection, "number", sort=False),
            column(Inspection, "done_on"),
            Column("tested_by", _l("检验单位"), lambda row: row.tested_by, sql=Inspection.tested_by),
            column(Inspection, "result"),
            column(Inspection, "failed_items", sort=False),
            column(Inspection, "is_fault", sort=False),
            column(Inspection, "next_on"),
            column(Inspection, "next_kind", sort=False),
            column(Inspection, "next_reason", sort=False),
            related("unit", _l("维保单位"), Inspection.unit),
            related("use_unit", _l("使用单位"), Inspection.use_unit),
            Column("place", _l("位置"), lambda row: row.elevator.place),
            Column("standing", _l("记录状态"), standing_of, "choice", choices=STANDING),
            column(Inspection, "taken_over", sort=False),
            column(Inspection, "entered_by", sort=False),
            column(Inspection, "created_at", label=_l("登记时间")),
            column(Inspection, "end_reason", sort=False),
            *fact_columns(Inspection),
        ),
        default=(
            "code", "kind", "number", "done_on", "result", "tested_by", "unit", "next_on", "standing",
        ),
        search=(_lift.code, _lift.address, Inspection.number),
        search_hint=_l("识别码、地址、报告编号"),
        filters=(
            Filter("region", _l("所属辖区"), "region", Inspection.region_code),
            Filter("kind", _l("检验类型"), "choice", Inspection.kind, INSPECTION_KIND),
            Filter("result", _l("检验结果"), "choice", Inspection.result, INSPECTION_RESULT),
            Filter("done", _l("检验日期"), "date", Inspection.done_on),
            Filter("next", _l("下次日期"), "date", Inspection.next_on),
            Filter("fault", _l("涉及维保单位整改"), "bool", Inspection.is_fault),
            Filter("unit", _l("维保单位"), "lookup", Inspection.unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", Inspection.use_unit_id, lookup="units"),
            Filter("taken_over", _l("接管"), "bool", Inspection.taken_over),
            *fact_filters(Inspection),
        ),
        tabs=(
            Tab("counts", _l("有效"), lambda m: _counts()),
            Tab("failed", _l("不合格"), lambda m: _counts(Inspection.result == "failed"), "over"),
            Tab("fault", _l("涉及维保单位整改"), lambda m: _counts(Inspection.is_fault)),
            Tab("waiting", _l("待审核"), lambda m: Inspection.state.in_(WAITING), "near"),
            Tab("ended", _l("已更正或作废"), lambda m: Inspection.ended_at.is_not(None)),
            Tab("all", _l("全部")),
        ),
        order=("done_on", True),
        load=(
            joinedload(Inspection.elevator).load_only(Elevator.code, Elevator.address, Elevator.estate),
            joinedload(Inspection.unit).load_only(Unit.name), joinedload(Inspection.use_unit).load_only(Unit.name),
        ),
        join=_with_lift,
    )
)  # fmt: skip


# --- elevators by what is due


def with_clock(statement: Select[Any]) -> Select[Any]:
    # One row an elevator at most, so the count stays that of elevators.
    return statement.outerjoin(InspectionClock, InspectionClock.elevator_id == Elevator.id)


def _checks_near(m: Moment) -> Any:
    brake = standing.due_soon(m, InspectionClock.brake_due_on, Elevator.region_code, Key.NEAR_INSPECTION_DAYS)
    return or_(standing.governor_near(m), brake)


def _checks_over(m: Moment) -> Any:
    return or_(standing.governor_over(m), InspectionClock.brake_due_on < m.today)


def of_clock(row: Elevator, name: str) -> Any:
    """A fact of the elevator's inspection clock; nothing where it has none yet."""
    return None if row.inspection_clock is None else getattr(row.inspection_clock, name)


def _clock(name: str, label: Any, kind: str = "date", choices: Any = None) -> Column:
    source = getattr(InspectionClock, name)
    return Column(
        name, label, lambda row: of_clock(row, name), kind, source if kind == "date" else None, choices, sql=source
    )


INSPECTIONS_DUE = register(
    Listing(
        name="inspections_due",
        title=_l("待检电梯"),
        model=Elevator,
        columns=(
            column(Elevator, "code"),
            column(Elevator, "address", sort=False),
            related("use_unit", _l("使用单位"), Elevator.use_unit),
            related("maintenance_unit", _l("维保单位"), Elevator.maintenance_unit),
            column(Elevator, "inspected_on"),
            column(Elevator, "next_inspection_on"),
            _clock("next_kind", _l("下次类型"), "choice", INSPECTION_DUE),
            _clock("failed_on", _l("不合格日期")),
            column(Elevator, "governor_on"),
            _clock("governor_due_on", _l("下次限速器校验")),
            _clock("brake_on", _l("制动试验日期")),
            _clock("brake_due_on", _l("下次制动试验")),
            column(Elevator, "status", sort=False),
            column(Elevator, "supervised_on"),
            column(Elevator, "commissioned_on"),
            related("region", _l("所在地区"), Elevator.region),
            district_column(Elevator),
            column(Elevator, "registration_code", sort=False),
            column(Elevator, "estate", sort=False),
        ),
        default=(
            "code", "address", "use_unit", "maintenance_unit", "next_inspection_on", "next_kind", "failed_on",
            "governor_due_on", "brake_due_on",
        ),
        own={"maintenance": {"maintenance_unit": ""}, "use": {"use_unit": ""}},
        search=(Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.address, Elevator.estate),
        search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘"),
        filters=(
            Filter("region", _l("所属辖区"), "region", Elevator.region_code),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            Filter("maintenance_unit", _l("维保单位"), "lookup", Elevator.maintenance_unit_id, lookup="units"),
            Filter("next_kind", _l("下次类型"), "choice", InspectionClock.next_kind, YEARS_DUE),
            Filter("next_inspection", _l("下次检验日期"), "date", Elevator.next_inspection_on),
            Filter("governor", _l("下次限速器校验"), "date", InspectionClock.governor_due_on),
            Filter("status", _l("状态"), "choice", Elevator.status, ELEVATOR_STATUS),
            *fact_filters(Elevator),
        ),
        # What stands still is asked for nothing; LIF-03 asks before it runs again.
        where=lambda m: and_(Elevator.approved_version > 0, Elevator.status == "in_use"),
        tabs=(
            Tab("near", _l("临近检验"), standing.inspection_near, "near"),
            Tab("over", _l("检验超期"), standing.inspection_over, "over"),
            Tab("failed", _l("不合格待复检"), lambda m: InspectionClock.failed_on.is_not(None), "over"),
            Tab("checks_near", _l("临近校验、试验"), _checks_near, "near"),
            Tab("checks_over", _l("校验、试验超期"), _checks_over, "over"),
            Tab("unknown", _l("没有下次日期"), lambda m: Elevator.next_inspection_on.is_(None)),
            Tab("all", _l("全部在用")),
        ),
        order=("next_inspection_on", False),
        load=(
            joinedload(Elevator.use_unit).load_only(Unit.name), joinedload(Elevator.region),
            joinedload(Elevator.maintenance_unit).load_only(Unit.name), joinedload(Elevator.inspection_clock),
        ),
        join=with_clock,
    )
)  # fmt: skip
