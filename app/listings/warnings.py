"""What is near or over (WRN-01): a listing a kind, so that each exports like any list; counts for menu and page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, false, or_, select, true
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Query, Tab, column, register
from app.listing.counting import counted
from app.listings import standing
from app.listings.components import COMPONENTS, of_elevators_in_use
from app.listings.iot import DEVICES, gone_silent, silent_long
from app.listings.of_elevator import fact_columns, fact_filters
from app.listings.people import PEOPLE
from app.listings.served_by import worker_columns, worker_filters
from app.listings.units import UNITS
from app.models import (
    Component,
    Contract,
    ContractElevator,
    Elevator,
    InspectionClock,
    IotDevice,
    MaintenanceClock,
)
from app.models.choices import INSPECTION_DUE
from app.permissions import Actor, Verb

LEVELS = ("over", "near")
LABELS = {
    "maintenance": _l("维保"), "inspection": _l("年检"), "governor": _l("限速器"), "component": _l("组件寿命"),
    "contract": _l("合同"), "certificate": _l("资质证书"), "licence": _l("许可证"), "device": _l("物联网设备"),
}  # fmt: skip
# What an account must be allowed beside reading warnings.
NEEDS = {"certificate": Verb.PERSON_READ, "licence": Verb.UNIT_READ, "device": Verb.IOT_READ}
_WORDS = (Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.address, Elevator.estate)


def _with_elevator(statement: Select[Any]) -> Select[Any]:
    # Each clock has its elevator; joined from outside, the register is not even read where only clocks count.
    return statement.outerjoin(Elevator, Elevator.id == MaintenanceClock.elevator_id)


def _with_inspections(statement: Select[Any]) -> Select[Any]:
    return statement.join(InspectionClock, InspectionClock.elevator_id == Elevator.id)


# --- as many rows, told by fewer tables: each that a count names is a table whose indexes are weighed, as long as asked


def _of_clocks(level: Any) -> Any:
    """Each clock has its elevator, and what counts stands in the clock."""
    return lambda m: select(MaintenanceClock.elevator_id).where(
        MaintenanceClock.in_use, level(m), scope.criterion(MaintenanceClock, m.actor)
    )  # fmt: skip


def _of_parts(level: Any) -> Any:
    """A part is seen by whoever sees its elevator, which is at hand."""
    counted = select(Component.id).join(Elevator, Elevator.id == Component.elevator_id)
    return lambda m: counted.where(of_elevators_in_use(m), level(m), scope.criterion(Elevator, m.actor))


OVER, PAST = _l("超期"), _l("过期")


def _levels(over: Any, near: Any, label: Any = OVER, counted: Any = None) -> tuple[Tab, ...]:
    def every(m: Moment) -> Any:
        return or_(over(m), near(m))

    return (
        Tab("over", label, over, "over", counted and counted(over)),
        Tab("near", _l("临近"), near, "near", counted and counted(near)),
        # Red and yellow in one list, by the day (shenzhen 20).
        Tab("all", _l("全部"), every, "", counted and counted(every)),
    )


def _listing(
    name: str, title: Any, model: Any, due: Any, read: Any, near: Any, over: Any, join: Any = None, more: Any = (),
    said: tuple[Column, ...] = (), shown: tuple[str, ...] = (), firm: str = "", narrowed: tuple[Filter, ...] = (),
) -> Listing:  # fmt: skip
    """`said` are columns of the kind, `shown` those shown first; `firm` stands for a firm's own name to itself."""
    by_clock = model is MaintenanceClock

    def of(row: Any) -> Elevator:
        found: Elevator = row.elevator if by_clock else row
        return found

    path = joinedload(MaintenanceClock.elevator) if by_clock else None

    def load(relation: Any) -> Any:
        return path.joinedload(relation) if path is not None else joinedload(relation)

    return register(
        Listing(
            name=f"warnings_{name}",
            title=title,
            model=model,
            join=_with_elevator if by_clock else join,
            where=lambda m: MaintenanceClock.in_use if by_clock else Elevator.status == "in_use",
            columns=(
                Column("code", _l("识别码"), lambda row: of(row).code, "code", Elevator.code),
                Column("place", _l("位置"), lambda row: of(row).place),
                Column("use_unit", _l("使用单位"), lambda row: (u := of(row).use_unit) and u.name),
                Column("unit", _l("维保单位"), lambda row: (u := of(row).maintenance_unit) and u.name),
                *said,
                Column("due_on", _l("到期日"), read, "date", due),
                *fact_columns(model),
            ),
            default=("code", "place", "use_unit", "unit", *shown, "due_on"),
            own={"maintenance": {"unit": firm}, "use": {"use_unit": ""}},
            search=_WORDS,
            search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘"),
            search_key=model.elevator_id if by_clock else None,
            filters=(
                Filter("due", _l("到期日"), "date", due),
                Filter("region", _l("所属辖区"), "region", model.region_code),
                *(Filter(name, label, "lookup", getattr(Elevator, f"{name}_id"), lookup="units") for name, label in (
                    ("maintenance_unit", _l("维保单位")), ("use_unit", _l("使用单位")),
                )),
                *narrowed,
                *fact_filters(model),
            ),
            tabs=_levels(over, near, counted=_of_clocks if by_clock else None),
            order=("due_on", False),
            load=(load(Elevator.use_unit), load(Elevator.maintenance_unit), *more),
        )
    )


_NEXT_KIND = Column(
    "next_kind", _l("下次类型"), lambda row: row.asked["next_kind"], "choice", choices=INSPECTION_DUE, asked=True,
    sql=select(InspectionClock.next_kind).where(InspectionClock.elevator_id == Elevator.id)
    .correlate(Elevator).scalar_subquery(),
)  # fmt: skip
# Of the unit's contracts the one whose end is the end of its cover: what is to be renewed.
_ENDS = (
    select(Contract.number).join(ContractElevator, ContractElevator.contract_id == Contract.id).where(
        ContractElevator.elevator_id == MaintenanceClock.elevator_id,
        ContractElevator.unit_id == MaintenanceClock.unit_id,
        ContractElevator.ends_on == MaintenanceClock.covered_until, ContractElevator.removed_at.is_(None),
    ).order_by(Contract.id.desc()).limit(1)
)  # fmt: skip
_CONTRACT = Column(
    "contract", _l("合同编号"), lambda row: row.asked["contract"], asked=True, needs=Verb.CONTRACT_READ, seen=Contract,
    sql=_ENDS.correlate(MaintenanceClock).scalar_subquery(),
)  # fmt: skip


def _needed(kind: str) -> Any:
    """No row for whoever may not read such a thing."""
    return lambda m: true() if m.actor.may(NEEDS[kind]) else false()


KINDS: dict[str, Listing] = {
    "maintenance": _listing(
        "maintenance", _l("维保预警"), MaintenanceClock, standing.DUE_ON, lambda row: standing.due_of(row).on,
        standing.maintenance_near, standing.maintenance_over,
        said=(column(MaintenanceClock, "last_visit_on", sort=False), *worker_columns(MaintenanceClock)),
        firm="worker", narrowed=worker_filters(MaintenanceClock),
    ),
    "inspection": _listing(
        "inspection", _l("年检预警"), Elevator, Elevator.next_inspection_on, lambda row: row.next_inspection_on,
        standing.inspection_near, standing.inspection_over,
        said=(column(Elevator, "inspected_on", sort=False), _NEXT_KIND), shown=("next_kind",),
    ),
    "governor": _listing(
        "governor", _l("限速器预警"), Elevator, InspectionClock.governor_due_on,
        lambda row: row.inspection_clock.governor_due_on, standing.governor_near, standing.governor_over,
        _with_inspections, (joinedload(Elevator.inspection_clock),),
        said=(column(Elevator, "governor_on", sort=False),), shown=("governor_on",),
    ),
    "component": replace(
        COMPONENTS, name="warnings_component", title=_l("组件寿命预警"), where=of_elevators_in_use,
        tabs=_levels(standing.component_over, standing.component_near, counted=_of_parts),
    ),
    "contract": _listing(
        "contract", _l("合同预警"), MaintenanceClock, MaintenanceClock.covered_until, lambda row: row.covered_until,
        standing.cover_near, standing.cover_over, said=(_CONTRACT,), shown=("contract",),
    ),
    "certificate": replace(
        PEOPLE, name="warnings_certificate", title=_l("资质证书预警"), where=_needed("certificate"),
        default=("name", "phone", "unit", "kind", "certificate_no", "certificate_until"),
        own={"maintenance": {"unit": ""}},
        tabs=_levels(standing.certificate_over, standing.certificate_near, PAST), order=("certificate_until", False),
    ),
    "licence": replace(
        UNITS, name="warnings_licence", title=_l("许可证预警"), where=_needed("licence"), then=None,
        default=("name", "region", "licence_no", "licence_grade", "duty_phone", "licence_until"),
        tabs=_levels(standing.licence_over, standing.licence_near, PAST), order=("licence_until", False),
    ),
    "device": replace(
        DEVICES, name="warnings_device", title=_l("物联网设备预警"), where=_needed("device"),
        columns=(
            *DEVICES.columns, Column("use_unit", _l("使用单位"), lambda row: (u := row.elevator.use_unit) and u.name),
            Column("maintenance_unit", _l("维保单位"), lambda row: (u := row.elevator.maintenance_unit) and u.name),
        ),
        default=("code", "place", "serial", "use_unit", "maintenance_unit", "seen_at"),
        own={"maintenance": {"maintenance_unit": ""}, "use": {"use_unit": ""}},
        tabs=_levels(silent_long, gone_silent),
        order=("seen_at", False),
        load=(*DEVICES.load, joinedload(IotDevice.elevator).joinedload(Elevator.use_unit),
              joinedload(IotDevice.elevator).joinedload(Elevator.maintenance_unit)),
    ),
}  # fmt: skip
for _name in ("component", "certificate", "licence", "device"):
    register(KINDS[_name])


def kinds_for(actor: Actor) -> dict[str, Listing]:
    """The kinds that the account may read."""
    return {key: listing for key, listing in KINDS.items() if key not in NEEDS or actor.may(NEEDS[key])}


NAMES = tuple((key, level) for key in KINDS for level in LEVELS)


def parts(moment: Moment) -> list[Any]:
    """How many of each kind and level (`NAMES`), capped, to be asked in one statement."""
    return [_part(moment, *name) for name in NAMES]


def _part(moment: Moment, key: str, level: str) -> Any:
    tab = next(t for t in KINDS[key].tabs if t.key == level)
    return KINDS[key].count_of(moment, Query(), tab)


def counts(moment: Moment) -> dict[tuple[str, str], int]:
    """The counts by kind and level: one statement for the menu and the page."""
    found = counted(moment, "warnings", lambda m: {"": parts(m)}, by_policy=True)[""]
    return dict(zip(NAMES, found, strict=True))
