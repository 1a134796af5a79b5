"""Components with a life and landing doors (ELV-05): one row each, with the elevator that they belong to."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.listings import standing
from app.listings.of_elevator import fact_columns, fact_filters
from app.models import Component, Elevator, LandingDoor, Unit
from app.models.part import COMPONENT_END, DOOR_SIDE, DOOR_STATE


def _with_elevator(model: Any) -> Any:
    def joined(statement: Select[Any]) -> Select[Any]:
        return statement.join(Elevator, Elevator.id == model.elevator_id)

    return joined


def of_elevators_in_use(m: Moment) -> Any:
    """What warns: a part that is in an elevator in use."""
    return and_(Component.ended_on.is_(None), Elevator.status == "in_use", Elevator.approved_version > 0)


def _standing(m: Moment) -> Any:
    return and_(Component.ended_on.is_(None), Elevator.status != "scrapped")


def _of_elevator(attribute: str, label: Any, kind: str = "text", sort: Any = None) -> Column:
    return Column(
        attribute, label, lambda row: getattr(row.elevator, attribute), kind, sort, sql=getattr(Elevator, attribute)
    )


def _unit(attribute: str, label: Any) -> Column:
    return Column(attribute, label, lambda row: (u := getattr(row.elevator, attribute)) and u.name)


def _load(model: Any) -> tuple[Any, ...]:
    path = joinedload(model.elevator)
    return path.joinedload(Elevator.use_unit).load_only(Unit.name), path.joinedload(
        Elevator.maintenance_unit
    ).load_only(Unit.name)


_PLACE = (_of_elevator("code", _l("识别码"), "code", Elevator.code), _of_elevator("address", _l("地址")))
_UNITS = (_unit("use_unit", _l("使用单位")), _unit("maintenance_unit", _l("维保单位")))
_WORDS = (Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.address, Elevator.estate)


def _filters(model: Any) -> tuple[Filter, ...]:
    return (
        Filter("region", _l("所属辖区"), "region", model.region_code),
        Filter("maintenance_unit", _l("维保单位"), "lookup", Elevator.maintenance_unit_id, lookup="units"),
        *fact_filters(model),
    )


COMPONENTS = register(
    Listing(
        name="components",
        title=_l("组件寿命"),
        model=Component,
        join=_with_elevator(Component),
        columns=(
            *_PLACE, column(Component, "name", sort=False), column(Component, "model", sort=False),
            column(Component, "installed_on"), column(Component, "life_months"), column(Component, "due_on"),
            *_UNITS, column(Component, "installed_by", sort=False), column(Component, "note", sort=False),
            column(Component, "ended_on"), column(Component, "end_kind", sort=False),
            column(Component, "ended_by", sort=False), column(Component, "end_reason", sort=False),
            *fact_columns(Component),
        ),
        default=("code", "address", "name", "installed_on", "life_months", "due_on", "maintenance_unit"),
        own={"maintenance": {"maintenance_unit": ""}},
        search=(*_WORDS, Component.name),
        search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘、组件"),
        search_key=None,
        filters=(
            *_filters(Component), Filter("name", _l("组件"), "text", Component.name),
            Filter("due", _l("到期日"), "date", Component.due_on),
            Filter("end", _l("结束"), "choice", Component.end_kind, COMPONENT_END),
        ),
        tabs=(
            Tab("all", _l("在用"), _standing),
            Tab("over", _l("超期"), lambda m: and_(of_elevators_in_use(m), standing.component_over(m)), "over"),
            Tab("near", _l("临近"), lambda m: and_(of_elevators_in_use(m), standing.component_near(m)), "near"),
            Tab("ended", _l("已更换、拆除"), lambda m: Component.ended_on.is_not(None)),
        ),
        order=("due_on", False),
        load=_load(Component),
    )
)  # fmt: skip

DOORS = register(
    Listing(
        name="landing_doors",
        title=_l("层门"),
        model=LandingDoor,
        join=_with_elevator(LandingDoor),
        columns=(
            *_PLACE, column(LandingDoor, "landing", sort=False), column(LandingDoor, "side", sort=False),
            column(LandingDoor, "condition", sort=False), column(LandingDoor, "checked_on"),
            column(LandingDoor, "note", sort=False), *_UNITS, *fact_columns(LandingDoor),
        ),
        default=("code", "address", "landing", "side", "condition", "checked_on", "note", "maintenance_unit"),
        own={"maintenance": {"maintenance_unit": ""}},
        search=_WORDS,
        search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘"),
        filters=(
            *_filters(LandingDoor), Filter("side", _l("侧"), "choice", LandingDoor.side, DOOR_SIDE),
            Filter("condition", _l("层门状态"), "choice", LandingDoor.condition, DOOR_STATE),
        ),
        tabs=(
            Tab("trouble", _l("需处理"), lambda m: LandingDoor.condition.in_(["adjust", "damaged"]), "over"),
            Tab("all", _l("全部")),
        ),
        order=("id", True),
        load=_load(LandingDoor),
    )
)  # fmt: skip
