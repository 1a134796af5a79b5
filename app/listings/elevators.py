"""Elevators: the register, its due clock, inspection and contract (ELV-02, ELV-03)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import ColumnElement, Select, and_, case, literal_column, not_, or_, select, true
from sqlalchemy.orm import joinedload

from app import scope, search
from app.listing import Column, Filter, Moment, Query, Tab, column, register, related
from app.listings import as_of, iot, standing
from app.listings.of_elevator import archive_filters, district_column, fact_filters
from app.listings.opinions import OPINION, OpinionListing
from app.models import Elevator, MaintenanceClock, Region, Unit
from app.models.choices import CATEGORY, ELEVATOR_STATUS, FILING_STATE, INFO_STATE, NETWORK, PLACE_TYPE, PLATE_STATE
from app.models.elevator import answers_for
from app.rules.approval import EDITABLE


def with_parts(m: Moment, query: Query) -> Select[Any]:
    """The numbers of those found that may have parts: in force, and not scrapped."""
    ELEVATORS.seek(m, query)
    statement = ELEVATORS.statement(m, query).where(Elevator.approved_version > 0, Elevator.status != "scrapped")
    return ELEVATORS.ordered(statement, query)


def _clock(name: str, label: Any) -> Column:
    """A day of the elevator's clock, which the list joins."""
    day = getattr(MaintenanceClock, name)

    def value(row: Any) -> Any:
        return None if row.maintenance_clock is None else getattr(row.maintenance_clock, name)

    return Column(name, label, value, "date", day, sql=day)


def _with_clock(statement: Select[Any]) -> Select[Any]:
    # One row an elevator at most, so the count stays that of elevators.
    return statement.outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)


def _clock_near_home(m: Moment) -> ColumnElement[bool]:
    """The clock lies where its elevator does; said once more of the clock, the search starts at its own index."""
    span = m.actor.region_span
    if span is None or m.actor.sees_everything:
        return true()
    return and_(MaintenanceClock.region_code >= span[0], MaintenanceClock.region_code < span[1])


def _by_clocks(told: Callable[[Moment], ColumnElement[bool]]) -> Callable[[Moment], Select[Any] | None]:
    """The elevators in use of which this is true, by their clocks alone, as the warnings are counted.

    Not for a unit: its clocks may be others than its elevators', for as long as a change of unit is on its way.
    """

    def counted(m: Moment) -> Select[Any] | None:
        if m.actor.unit_id is not None:
            return None
        seen = scope.criterion(MaintenanceClock, m.actor)
        return select(MaintenanceClock.elevator_id).where(seen, MaintenanceClock.in_use, told(m))

    return counted


# 在册: approved and not scrapped. Home and report count the same. Said as literals, as the partial index says it.
REGISTERED = and_(Elevator.approved_version > literal_column("0"), Elevator.status != literal_column("'scrapped'"))
# 自动扶梯与自动人行道; all else goes up and down.
ESCALATOR = and_(Elevator.category >= "3300", Elevator.category < "3400")
# The state in force; what was never approved has none yet, and shows how far its filing is.
STATE = case((Elevator.approved_version > 0, Elevator.status), else_=Elevator.filing_state)


def state_of(row: Elevator) -> str:
    """As `STATE`, of a row at hand; a row of the past is one that was in force then."""
    return row.status if getattr(row, "approved_version", 1) else row.filing_state


def _status(value: str) -> Any:
    return lambda m: and_(Elevator.status == value, Elevator.approved_version > 0)


def _of_a_unit(m: Moment) -> bool:
    return m.actor.unit_id is not None or m.actor.system


def drafts_of(unit_id: int | None) -> Any:
    """What a side has still to hand in or to mend; the home page counts the same. None: the regulator's.

    A first filing is the affair of who began it: the use unit sees what its firm imported, under 全部. One that the
    regulator began is either side's, as is what is in force: both may change it, and nobody else who sees it.
    """
    own = Elevator.filed_by_unit_id == unit_id
    if unit_id is not None:
        begun = Elevator.approved_version > 0
        own = or_(and_(or_(begun, Elevator.filed_by_unit_id.is_(None)), answers_for(unit_id)), and_(not_(begun), own))
    return and_(Elevator.filing_state.in_(EDITABLE), own)


def _drafts(m: Moment) -> Any:
    found = _filed(m, EDITABLE)
    return found if m.actor.system else and_(found, drafts_of(m.actor.unit_id))


def _filed(m: Moment, states: Iterable[str]) -> Any:
    """Filings in these states, looked for where the actor's elevators are."""
    near = m.actor.unit_id is None and not m.actor.sees_everything
    return search.open_filings(m.session, states, m.actor.region_span if near else None)


def every(m: Moment) -> Any:
    """In force, handed in, or one's own: for a unit all that it sees."""
    if _of_a_unit(m):
        return true()
    return or_(
        Elevator.approved_version > 0, Elevator.filing_state == "pending", Elevator.filed_by_unit_id.is_(None)
    )


# The rest of what is filed: shown where somebody chooses it.
_SELDOM = (
    "site_no", "register_no", "job_no", "service_no", "made_on", "supervised_on", "governor_on", "stops", "doors",
    "controller", "control_mode", "drive_mode", "cylinders", "jacking", "rise", "inclination", "nominal_width",
    "nominal_speed", "machine_power", "run_length", "installer", "retrofitter", "dealer", "branch", "is_central",
    "insurer", "policy_no", "insured_until", "declared_status", "note",
)  # fmt: skip

# What is looked at of one that is filed (xinxiang 2.3); its limits come once it is in force.
_FILED = (
    "code", "address", "name", "registration_code", "internal_no", "use_unit", "maintenance_unit",
    "next_inspection_on", "filing_state", "info_state",
)  # fmt: skip

ELEVATORS = register(
    OpinionListing(
        name="elevators",
        title=_lp("many", "电梯"),
        model=Elevator,
        columns=(
            column(Elevator, "code"),
            column(Elevator, "address", sort=False),
            column(Elevator, "estate", sort=False),
            column(Elevator, "category", sort=False),
            column(Elevator, "certificate_no", sort=False),
            related("use_unit", _l("使用单位"), Elevator.use_unit),
            related("maintenance_unit", _l("维保单位"), Elevator.maintenance_unit),
            Column(
                "status", _l("状态"), state_of, "choice", None, ELEVATOR_STATUS | FILING_STATE, sql=STATE
            ),
            Column(
                "limit_on", _l("维保期限"), lambda row: standing.due_of(row.maintenance_clock).on, "date",
                MaintenanceClock.due_on, sql=standing.DUE_ON,
            ),
            _clock("last_visit_on", _l("上次维保")),
            column(Elevator, "next_inspection_on"),
            _clock("covered_until", _l("合同至")),
            column(Elevator, "filing_state", sort=False),
            column(Elevator, "info_state", sort=False),
            column(Elevator, "registration_code", sort=False),
            column(Elevator, "equipment_code", sort=False),
            column(Elevator, "factory_no", sort=False),
            column(Elevator, "internal_no", sort=False),
            column(Elevator, "rescue_code", sort=False),
            column(Elevator, "place_type", sort=False),
            column(Elevator, "model", sort=False),
            column(Elevator, "manufacturer", sort=False),
            column(Elevator, "name", sort=False),
            column(Elevator, "owner_name", sort=False),
            column(Elevator, "property_name", sort=False),
            column(Elevator, "rated_load", sort=False),
            column(Elevator, "rated_speed", sort=False),
            column(Elevator, "floors", sort=False),
            column(Elevator, "commissioned_on"),
            column(Elevator, "inspected_on"),
            column(Elevator, "safety_officer", sort=False),
            column(Elevator, "safety_phone", sort=False),
            column(Elevator, "emergency_phone", sort=False),
            column(Elevator, "is_secret", sort=False),
            column(Elevator, "latitude", sort=False),
            column(Elevator, "longitude", sort=False),
            column(Elevator, "plate_state", sort=False),
            column(Elevator, "network", sort=False),
            column(Elevator, "approved_on"),
            related("region", _l("所在地区"), Elevator.region),
            district_column(Elevator),
            OPINION,
            *(column(Elevator, name, sort=False) for name in _SELDOM),
            *iot.hardware_columns(),
        ),
        default=(
            "code", "address", "certificate_no", "use_unit", "maintenance_unit", "status", "limit_on",
            "next_inspection_on", "covered_until",
        ),
        own={"maintenance": {"maintenance_unit": ""}, "use": {"use_unit": ""}},
        search=(
            Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.job_no, Elevator.service_no,
            Elevator.address, Elevator.estate,
        ),
        search_hint=_l("识别码、注册代码、出厂编号、工号、服务编码、地址、楼盘"),
        filters=(
            Filter("region", _l("所属辖区"), "region", Elevator.region_code),
            Filter("maintenance_unit", _l("维保单位"), "lookup", Elevator.maintenance_unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", Elevator.use_unit_id, lookup="units"),
            Filter("status", _l("状态"), "choice", Elevator.status, ELEVATOR_STATUS),
            Filter(
                "filing_state", _l("审核状态"), "choice", Elevator.filing_state, FILING_STATE, within=_filed
            ),
            Filter("info_state", _l("信息状态"), "choice", Elevator.info_state, INFO_STATE),
            Filter("category", _l("品种"), "choice", Elevator.category, CATEGORY),
            Filter("place_type", _l("使用场所"), "choice", Elevator.place_type, PLACE_TYPE),
            Filter("next_inspection", _l("下次检验日期"), "date", Elevator.next_inspection_on),
            Filter("limit", _l("维保期限"), "date", standing.DUE_ON),
            Filter("secret", _l("涉密"), "bool", Elevator.is_secret),
            Filter("commissioned", _l("投用日期"), "date", Elevator.commissioned_on),
            Filter("located", _l("已标注位置"), "bool", criterion=lambda v: Elevator.latitude.is_not(None).is_(v)),
            Filter("plate", _l("标牌情况"), "choice", Elevator.plate_state, PLATE_STATE),
            Filter("network", _l("网络覆盖"), "choice", Elevator.network, NETWORK),
            Filter("registered", _l("注册日期（审核通过日期）"), "date", Elevator.approved_on),
            Filter("certificate_no", _l("使用登记证编号"), "text", Elevator.certificate_no),
            Filter("rescue_code", _l("救援电梯编号（96333识别码）"), "text", Elevator.rescue_code),
            Filter("internal_no", _l("内部编号"), "text", Elevator.internal_no),
            *fact_filters(Elevator),
            *archive_filters(),
            Filter("monitored", _l("监测状态"), "choice", choices=iot.MONITORED, within=iot.monitored,
                   shown_to=dict.fromkeys(iot.MONITORED, iot.may_look)),
            Filter("approved", _l("已进入名录"), "bool", criterion=lambda v: (Elevator.approved_version > 0).is_(v)),
        ),
        tabs=(
            Tab("all", _l("在册"), lambda m: REGISTERED),
            Tab("in_use", _l("在用"), _status("in_use")),
            Tab("suspended", _l("停用"), _status("suspended")),
            Tab("notified", _l("告知"), _status("notified")),
            Tab("scrapped", _l("报废"), _status("scrapped")),
            Tab(
                "overdue", _l("维保超期"),
                lambda m: (Elevator.status == "in_use") & standing.maintenance_over(m) & _clock_near_home(m), "over",
                _by_clocks(standing.maintenance_over),
            ),
            Tab(
                "due", _l("临近维保"),
                lambda m: (Elevator.status == "in_use") & standing.maintenance_near(m) & _clock_near_home(m), "near",
                _by_clocks(standing.maintenance_near),
            ),
            Tab(
                "uncovered", _l("脱保"),
                lambda m: (Elevator.status == "in_use") & (Elevator.approved_version > 0) & standing.cover_over(m),
                "over", _by_clocks(standing.cover_over),
            ),
            Tab("inspection", _l("临近检验"), lambda m: REGISTERED & standing.inspection_near(m), "near"),
            Tab("pending", _l("待审核"), lambda m: _filed(m, ("pending",)), columns=_FILED),
            Tab("draft", _l("待上报"), _drafts, columns=(*_FILED, OPINION.name)),
            Tab("every", _l("全部"), every),
            Tab("without_hardware", _l("未绑硬件"), lambda m: REGISTERED & iot.without_hardware(m), seldom=True),
            Tab("with_hardware", _l("已绑硬件"), lambda m: REGISTERED & iot.with_hardware(m), seldom=True),
            Tab("lifts", _l("直梯"), lambda m: REGISTERED & ~ESCALATOR, seldom=True),
            Tab("escalators", _l("扶梯"), lambda m: REGISTERED & ESCALATOR, seldom=True),
        ),
        order=("id", True),
        load=(
            joinedload(Elevator.use_unit).load_only(Unit.name), joinedload(Elevator.region).load_only(Region.name),
            joinedload(Elevator.maintenance_unit).load_only(Unit.name), joinedload(Elevator.maintenance_clock),
        ),
        then=as_of.elevators,
        join=_with_clock,
    )
)  # fmt: skip
