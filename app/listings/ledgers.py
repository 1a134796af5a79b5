"""设备履历 (ELV-06): who keeps an elevator, and when its services are next."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, false, not_, or_, select
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings.maintenance import HINT, WORDS
from app.listings.of_elevator import district_column, fact_filters
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Person, Region, Unit
from app.models.choices import CATEGORY, ELEVATOR_STATUS, GENERATION_MODE
from app.permissions import Verb

_not_by_itself = or_(
    MaintenanceLedger.id.is_(None), MaintenanceLedger.mode != "auto", MaintenanceLedger.worker_id.is_(None),
    MaintenanceLedger.next_half_month_on.is_(None),
)  # fmt: skip


def _no_orders(m: Moment) -> Any:
    """Nothing comes by itself and no year's plan stands (PLN-04)."""
    of_plan = select(MaintenanceOrder.id).where(
        MaintenanceOrder.elevator_id == Elevator.id, MaintenanceOrder.planned_on >= m.today,
        MaintenanceOrder.state == "open", MaintenanceOrder.origin == "plan",
    )  # fmt: skip
    return and_(_not_by_itself, ~of_plan.exists())


def _of(name: str) -> Any:
    return lambda row: getattr(row.ledger, name) if row.ledger is not None else None


def _named(name: str) -> Any:
    return lambda row: person.name if row.ledger is not None and (person := getattr(row.ledger, name)) else None


# What has a ledger to be looked at; what is scrapped has none any more.
_KEPT = {name: ELEVATOR_STATUS[name] for name in ("in_use", "suspended", "notified")}
# 维保状态 (quanzhou 2): how the maintenance of an elevator stands, whatever its ledger says.
MAINTENANCE_STATE = {"normal": _l("正常"), "paused": _l("暂停"), "stopped": _l("停用")}


def standing_of(row: Elevator) -> str | None:
    """None before an elevator is in use: nothing is maintained yet."""
    if row.status != "in_use":
        return "stopped" if row.status == "suspended" else None
    held = row.maintenance_clock
    return "paused" if held is not None and held.paused_on is not None else "normal"


def phone_of(person: Person | None) -> str | None:
    """A person's number for the own unit and for regulators, as everywhere: others call the unit, whose numbers stand
    beside it."""
    told = person is not None and scope.current().unit_id in (None, person.unit_id)
    return person.phone if person is not None and told else None


def _phone(name: str) -> Any:
    return lambda row: phone_of(getattr(row.ledger, name)) if row.ledger is not None else None


def _of_unit(name: str) -> Any:
    return lambda row: getattr(row.maintenance_unit, name) if row.maintenance_unit is not None else None


def _stands(chosen: Any) -> Any:
    """As `standing_of`, of rows not at hand."""
    resting = select(MaintenanceClock.elevator_id).where(MaintenanceClock.paused_on.is_not(None))
    in_use, paused = Elevator.status == "in_use", Elevator.id.in_(resting)
    held = {
        "normal": and_(in_use, not_(paused)), "paused": and_(in_use, paused), "stopped": Elevator.status == "suspended",
    }  # fmt: skip
    return or_(false(), *(held[name] for name in chosen))


LEDGERS = register(
    Listing(
        name="ledgers",
        title=_lp("many", "设备履历"),
        model=Elevator,
        join=lambda s: s.outerjoin(MaintenanceLedger, MaintenanceLedger.elevator_id == Elevator.id),
        where=lambda m: and_(
            Elevator.status.in_(list(_KEPT)), Elevator.approved_version > 0,
            Elevator.maintenance_unit_id.is_not(None),
        ),
        columns=(
            column(Elevator, "code", kind="code"),
            Column("place", _l("位置"), lambda row: row.place, sort=Elevator.address),
            Column("unit", _l("维保单位"), lambda row: row.maintenance_unit and row.maintenance_unit.name),
            Column("worker", _l("维保人员"), _named("worker")),
            Column("co_worker", _l("协同维保人员"), _named("co_worker")),
            Column("manager", _l("维保经理"), _named("manager")),
            Column("team", _l("维保小组"), _named("team")),
            Column("mode", _l("任务生成模式"), _of("mode"), "choice", choices=GENERATION_MODE),
            Column("interval_days", _l("维保间隔"), _of("interval_days"), "number", unit=_l("天")),
            Column(
                "half_month", _l("下次半月维保"), _of("next_half_month_on"), "date",
                MaintenanceLedger.next_half_month_on,
            ),
            Column("quarter", _l("下次季度维保"), _of("next_quarter_on"), "date"),
            Column("half_year", _l("下次半年维保"), _of("next_half_year_on"), "date"),
            Column("annual", _l("下次年度维保"), _of("next_annual_on"), "date"),
            related("use_unit", _l("使用单位"), Elevator.use_unit),
            related("region", _l("所在地区"), Elevator.region),
            district_column(Elevator),
            column(Elevator, "status", label=_l("使用状态"), sort=False),
            Column("standing", _l("维保状态"), standing_of, "choice", choices=MAINTENANCE_STATE),
            column(Elevator, "category", sort=False),
            column(Elevator, "emergency_phone", sort=False),
            Column("worker_phone", _l("维保员电话"), _phone("worker"), sensitive="mobile", needs=Verb.PERSON_READ),
            Column("manager_phone", _l("维保经理电话"), _phone("manager"), sensitive="mobile", needs=Verb.PERSON_READ),
            Column("head", _l("维保单位负责人"), _of_unit("head_name"), needs=Verb.UNIT_READ),
            Column("head_phone", _l("维保单位负责人电话"), _of_unit("head_phone"), sensitive="mobile",
                   needs=Verb.UNIT_READ),
            Column("duty_phone", _l("维保单位值班电话"), _of_unit("duty_phone"), needs=Verb.UNIT_READ),
            column(Elevator, "commissioned_on"),
            column(Elevator, "estate", sort=False),
            column(Elevator, "registration_code", sort=False),
        ),
        default=("code", "place", "unit", "worker", "mode", "interval_days", "half_month", "quarter", "annual"),
        own={"maintenance": {"unit": "use_unit"}},
        search=WORDS,
        search_hint=HINT,
        search_key=Elevator.id,
        filters=(
            Filter("worker", _l("维保人员"), "lookup", MaintenanceLedger.worker_id, lookup="persons_ever"),
            Filter("team", _l("维保小组"), "lookup", MaintenanceLedger.team_id, lookup="teams"),
            Filter("mode", _l("任务生成模式"), "choice", MaintenanceLedger.mode, GENERATION_MODE),
            Filter("next", _l("下次半月维保"), "date", MaintenanceLedger.next_half_month_on),
            Filter("unit", _l("维保单位"), "lookup", Elevator.maintenance_unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            Filter("status", _l("使用状态"), "choice", Elevator.status, _KEPT),
            Filter("standing", _l("维保状态"), "choice", choices=MAINTENANCE_STATE, criterion=_stands),
            Filter("category", _l("品种"), "choice", Elevator.category, CATEGORY),
            Filter("region", _l("所属辖区"), "region", Elevator.region_code),
            *fact_filters(Elevator),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("ready", _l("自动生成任务"), lambda m: not_(_not_by_itself)),
            Tab("idle", _l("不会生成任务"), _no_orders, "near"),
        ),
        load=(
            joinedload(Elevator.maintenance_unit), joinedload(Elevator.maintenance_clock),
            joinedload(Elevator.use_unit).load_only(Unit.name), joinedload(Elevator.region).load_only(Region.name),
            joinedload(Elevator.ledger).options(
                joinedload(MaintenanceLedger.worker), joinedload(MaintenanceLedger.co_worker),
                joinedload(MaintenanceLedger.manager), joinedload(MaintenanceLedger.team),
            ),
        ),
    )
)  # fmt: skip
