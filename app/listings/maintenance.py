"""Tasks by elevator (PLN-09), ledgers (ELV-06), orders (PLN-05) and the history of missed periods (PLN-10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, false, or_, select, true, union_all
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.listings import iot, standing
from app.listings.of_elevator import (
    archive_columns,
    archive_filters,
    fact_columns,
    fact_filters,
    hardware_filter,
)
from app.listings.served_by import worker_columns, worker_filters
from app.models import (
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    OverduePeriod,
    Visit,
)
from app.models.choices import CATEGORY, LEVEL, ORDER_ORIGIN, ORDER_SHOWN
from app.models.likely import asked_as, unguessed
from app.permissions import Verb
from app.rules.identifiers import normal_code
from app.rules.levels import Level
from app.workflows.maintenance.orders import within_horizon

WORDS = (Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.address, Elevator.estate)
HINT = _l("识别码、出厂编号、注册代码、地址、楼盘")
# What an order tells of its elevator where somebody chooses it (huzhou 1.7.2).
_OF_ARCHIVE = ("category", "factory_no", "internal_no", "model", "controller", "job_no", "service_no")
_visit: Any = Visit.__table__.c


def elevator_columns() -> tuple[Column, ...]:
    """Which elevator a row is about."""
    return (
        Column("code", _l("识别码"), lambda row: row.elevator.code, "code", Elevator.code),
        Column("place", _l("位置"), lambda row: row.elevator.place, sort=Elevator.address),
        Column("use_unit", _l("使用单位"), lambda row: row.elevator.use_unit and row.elevator.use_unit.name),
    )


def _with_elevator(model: Any) -> Any:
    # Every row has its elevator; joined outwards, the database leaves it out where nothing asks for it (counts).
    return lambda statement: statement.outerjoin(Elevator, Elevator.id == model.elevator_id)


_units = (joinedload(MaintenanceClock.elevator).joinedload(Elevator.use_unit), joinedload(MaintenanceClock.unit))

def _due_today(m: Moment) -> Any:
    """Planned for today or before and not done, or at its limit: what a unit sends its people to today."""
    ledger = MaintenanceLedger
    planned = select(ledger.elevator_id).where(ledger.next_half_month_on <= m.today)
    running = MaintenanceClock.paused_on.is_(None)
    return and_(running, or_(m.today >= standing.DUE_ON, MaintenanceClock.elevator_id.in_(planned)))


TASKS = register(
    Listing(
        name="tasks",
        title=_l("维保任务"),
        model=MaintenanceClock,
        join=_with_elevator(MaintenanceClock),
        where=lambda m: Elevator.status == "in_use",
        columns=(
            *elevator_columns(),
            Column("unit", _l("维保单位"), lambda row: row.unit and row.unit.name),
            Column("interval", _l("周期"), lambda row: _interval(row), "number", unit=_l("天")),
            column(MaintenanceClock, "first_visit_on"),
            column(MaintenanceClock, "last_visit_on"),
            Column("next_on", _l("下次维保日期"), lambda row: _next_on(row), "date"),
            Column(
                "limit_on", _l("维保期限"), lambda row: standing.due_of(row).on, "date",
                MaintenanceClock.due_on, sql=standing.DUE_ON,
            ),
            Column(
                # Shown as a limit, which is words: they begin at the left, as in other lists.
                "left", _lp("column", "剩余"), lambda row: standing.due_of(row).left_days, "text",
                MaintenanceClock.due_on, unit=_l("天"),
            ),
            column(MaintenanceClock, "missed"),
            column(MaintenanceClock, "excused"),
            column(MaintenanceClock, "covered_until"),
            *worker_columns(MaintenanceClock),
            *fact_columns(MaintenanceClock),
            *archive_columns(MaintenanceClock, _OF_ARCHIVE),
        ),
        default=("code", "place", "use_unit", "unit", "interval", "first_visit_on", "last_visit_on", "next_on", "left"),
        own={"maintenance": {"unit": "worker"}, "use": {"use_unit": ""}},
        search=WORDS,
        search_hint=HINT,
        search_key=MaintenanceClock.elevator_id,
        filters=(
            Filter("unit", _l("维保单位"), "lookup", MaintenanceClock.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            *worker_filters(MaintenanceClock),
            Filter("limit", _l("维保期限"), "date", standing.DUE_ON),
            Filter(
                "excused", _l("超期申诉"), "choice", choices={"yes": _l("申诉成立，不计")},
                criterion=lambda chosen: MaintenanceClock.excused > 0,
            ),
            Filter("region", _l("所属辖区"), "region", MaintenanceClock.region_code),
            Filter("category", _l("品种"), "choice", Elevator.category, CATEGORY),
            *fact_filters(MaintenanceClock),
            *archive_filters(),
            Filter("monitored", _l("监测状态"), "choice", choices=iot.MONITORED, within=iot.monitored,
                   shown_to=dict.fromkeys(iot.MONITORED, iot.may_look)),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("today", _l("今天应做"), _due_today, "near"),
            Tab("near", _l("临近维保"), standing.maintenance_near, "near"),
            Tab("over", _l("超期维保"), standing.maintenance_over, "over"),
            Tab("never", _l("尚未初始维保"), standing.never_visited),
            Tab("cover_near", _l("临近有效期"), standing.cover_near, "near"),
            Tab("cover_over", _l("已超有效期"), standing.cover_over, "over"),
        ),
        order=("limit_on", False),
        load=(*_units, joinedload(MaintenanceClock.elevator).joinedload(Elevator.ledger)),
    )
)


def _interval(row: MaintenanceClock) -> int:
    ledger = row.elevator.ledger
    return ledger.interval_days if ledger is not None else row.limit_days


def _next_on(row: MaintenanceClock) -> Any:
    ledger = row.elevator.ledger
    return ledger.next_half_month_on if ledger is not None else row.limit_on


def _given_out(m: Moment) -> Any:
    """Whoever does the work sees what is planned for the next days; who gives it out, and everybody else, all of it."""
    if m.actor.unit_id is None or m.actor.may(Verb.ORDER_EDIT) or not m.actor.may(Verb.VISIT_MAKE):
        return true()
    return or_(MaintenanceOrder.state != "open", within_horizon(m.session, m.today))


# The few visits that wait for a word, each kind out of its partial index; what an EXISTS asks reads all visits for it.
_waiting_kinds = (
    and_(or_(_visit.awaiting_sheet, _visit.awaiting_review), _visit.awaiting_review),
    and_(_visit.state != "valid", _visit.state == "pending"),
)
_waiting = union_all(*(select(_visit.id).where(kind) for kind in _waiting_kinds))
# PostgreSQL may ask this one of a single visit, too, where it expects few orders; a union it would read for each.
_is_waiting = asked_as(
    MaintenanceOrder.visit_id.in_(select(_visit.id).where(or_(*_waiting_kinds))),
    MaintenanceOrder.visit_id.in_(_waiting),
)


def _approving() -> Any:
    # PostgreSQL's statistics may not know yet that any is done.
    return and_(unguessed(MaintenanceOrder.state == "done"), _is_waiting)


def _done() -> Any:
    through = or_(MaintenanceOrder.visit_id.is_(None), MaintenanceOrder.visit_id.not_in(_waiting))
    return and_(MaintenanceOrder.state == "done", through)


def shown_as(chosen: Any) -> Any:
    """As `MaintenanceOrder.shown_state` says it, of rows not at hand."""
    held = {"approving": _approving, "done": _done}
    return or_(false(), *(held[n]() if n in held else MaintenanceOrder.state == n for n in chosen))


def _numbered(typed: str) -> Any:
    """The one of this number; what is none finds nothing."""
    digits = normal_code(typed)
    known = digits.isascii() and digits.isdigit() and len(digits) < 16
    return MaintenanceOrder.id == int(digits) if known else false()


def _including(chosen: Sequence[str]) -> Any:
    """Orders in which one of these services is done: a longer one does all shorter ones, too (quanzhou 4)."""
    least = min(Level(name).rank for name in chosen)
    return MaintenanceOrder.level.in_([level.value for level in Level if level.rank >= least])


ORDERS = register(
    Listing(
        name="orders",
        title=_l("维保计划"),
        model=MaintenanceOrder,
        join=_with_elevator(MaintenanceOrder),
        where=_given_out,
        columns=(
            Column("number", _l("任务编号"), lambda row: row.id, "code", MaintenanceOrder.id),
            *elevator_columns(),
            Column("category", _l("设备类型"), lambda row: row.elevator.category, "choice", choices=CATEGORY),
            column(MaintenanceOrder, "level"),
            column(MaintenanceOrder, "planned_on"),
            column(MaintenanceOrder, "limit_on"),
            Column(
                "state", _l("状态"), lambda row: row.shown_state, "choice", MaintenanceOrder.state, ORDER_SHOWN,
                sql=MaintenanceOrder.shown_state,
            ),
            Column("worker", _l("维保人员"), lambda row: row.worker and row.worker.name),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(MaintenanceOrder, "origin"),
            column(MaintenanceOrder, "close_reason", sort=False),
            *fact_columns(MaintenanceOrder),
        ),
        default=("number", "code", "category", "place", "level", "planned_on", "limit_on", "state", "worker", "origin"),
        search=WORDS,
        search_hint=HINT,
        search_key=MaintenanceOrder.elevator_id,
        filters=(
            Filter("worker", _l("维保人员"), "lookup", MaintenanceOrder.worker_id, lookup="persons_ever"),
            Filter("category", _l("设备类型"), "choice", Elevator.category, CATEGORY),
            Filter("number", _l("任务编号"), "text", criterion=_numbered),
            Filter("level", _l("频次"), "choice", MaintenanceOrder.level, LEVEL),
            Filter("includes", _l("维保包含"), "choice", choices=LEVEL, criterion=_including),
            Filter("state", _l("状态"), "choice", choices=ORDER_SHOWN, criterion=shown_as),
            Filter("origin", _l("来源"), "choice", MaintenanceOrder.origin, ORDER_ORIGIN),
            Filter("planned", _l("计划日期"), "date", MaintenanceOrder.planned_on),
            Filter("unit", _l("维保单位"), "lookup", MaintenanceOrder.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            Filter("region", _l("所属辖区"), "region", MaintenanceOrder.region_code),
            *fact_filters(MaintenanceOrder),
        ),
        tabs=(
            Tab("open", _l("待维保"), lambda m: MaintenanceOrder.state == "open"),
            Tab("late", _l("已过计划日"), lambda m: and_(
                MaintenanceOrder.state == "open", MaintenanceOrder.planned_on < m.today
            ), "over"),
            Tab("free", _l("未分配"), lambda m: and_(
                MaintenanceOrder.state == "open", MaintenanceOrder.worker_id.is_(None)
            ), "near"),
            Tab("approving", _l("审批中"), lambda m: _approving(), "near"),
            Tab("done", _l("已维保"), lambda m: _done(), last_first=True),
            Tab("void", _l("已作废"), lambda m: MaintenanceOrder.state == "void", last_first=True),
            Tab("all", _l("全部"), last_first=True),
        ),
        order=("planned_on", False),
        load=(
            joinedload(MaintenanceOrder.elevator).joinedload(Elevator.use_unit),
            joinedload(MaintenanceOrder.worker), joinedload(MaintenanceOrder.unit),
        ),
    )
)  # fmt: skip

OVERDUE = register(
    Listing(
        name="overdue",
        title=_l("超期记录"),
        model=OverduePeriod,
        join=_with_elevator(OverduePeriod),
        columns=(
            Column("number", _l("超期记录编号"), lambda row: row.id, "code", OverduePeriod.id),
            *elevator_columns(),
            Column("unit", _l("责任单位"), lambda row: row.unit.name if row.unit else "脱保"),
            Column("anchor_on", _l("上期维保到期日期"), lambda row: row.anchor_on, "date", OverduePeriod.anchor_on),
            Column("limit_on", _l("本期维保到期日期"), lambda row: row.limit_on, "date", OverduePeriod.limit_on),
            Column("previous", _l("上期维保是否完成"), lambda row: not row.previous_missed, "bool"),
            Column("interval_days", _l("本期维保周期设置"), lambda row: row.interval_days, "number", unit=_l("天")),
            column(OverduePeriod, "done_late_on"),
            column(OverduePeriod, "withdrawn"),
            column(OverduePeriod, "judged_at"),
            *fact_columns(OverduePeriod),
        ),
        default=(
            "number", "code", "place", "unit", "anchor_on", "limit_on", "previous", "interval_days", "done_late_on"
        ),
        search=WORDS,
        search_hint=HINT,
        search_key=OverduePeriod.elevator_id,
        filters=(
            Filter("limit", _l("本期到期"), "date", OverduePeriod.limit_on),
            Filter("unit", _l("责任单位"), "lookup", OverduePeriod.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            Filter("region", _l("所属辖区"), "region", OverduePeriod.region_code),
            *fact_filters(OverduePeriod), hardware_filter(OverduePeriod),
        ),
        tabs=(
            Tab("all", _l("全部"), lambda m: OverduePeriod.withdrawn.is_(False)),
            Tab("standing", _l("尚未补做"), lambda m: and_(
                OverduePeriod.withdrawn.is_(False), OverduePeriod.done_late_on.is_(None)
            ), "over"),
            Tab("late", _l("逾期完成"), lambda m: and_(
                OverduePeriod.withdrawn.is_(False), OverduePeriod.done_late_on.is_not(None)
            )),
            Tab("nobody", _l("脱保"), lambda m: and_(
                OverduePeriod.withdrawn.is_(False), OverduePeriod.unit_id.is_(None)
            )),
            Tab("withdrawn", _l("已更正"), lambda m: OverduePeriod.withdrawn),
        ),
        order=("limit_on", True),
        load=(
            joinedload(OverduePeriod.elevator).joinedload(Elevator.use_unit), joinedload(OverduePeriod.unit),
        ),
    )
)  # fmt: skip
