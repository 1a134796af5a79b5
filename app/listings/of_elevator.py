"""What a row shows of its elevator: 所属辖区, 区县, 注册代码 and 楼盘, in all lists of such rows, for who chooses them;
and what the archive says of it besides (huzhou 1.5, 1.7.2), in the lists that are sought by it.

Rows don't carry them: a page reads those that are shown in one statement, an export straight with its other values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from app import search
from app.listing import Column, Filter
from app.models import Elevator, IotDevice, Region
from app.models.choices import CATEGORY
from app.models.region import district_of
from app.rules.addresses import words_of
from app.rules.identifiers import normal_code

# Beside whatever a list has joined itself.
_about: Any = aliased(Elevator, name="about")
REGION, DISTRICT, CODE, ESTATE = _l("所属辖区"), _l("区县"), _l("注册代码"), _l("楼盘")


def _key(model: Any) -> Any:
    """The column that leads to the elevator; of the register's own lists the row itself."""
    return model.id if model is Elevator else model.elevator_id


def _asked(name: str, label: Any, value: Any, kind: str = "text") -> Column:
    return Column(name, label, lambda row: row.asked[name], kind, sql=value, asked=True)


def region_column(model: Any) -> Column:
    """The place that the list's filter of the same name goes by."""
    told = select(Region.name).where(Region.code == model.region_code).correlate(model).scalar_subquery()
    return _asked("region", REGION, told)


def district_column(model: Any) -> Column:
    """行政区划 beside the street (nantong 1): streets of several districts may have one name. Above districts none."""
    told = select(Region.name).where(Region.code == district_of(model.region_code), Region.level == "district")
    return _asked("district", DISTRICT, told.correlate(model).scalar_subquery())


def fact_columns(model: Any) -> tuple[Column, ...]:
    """What of its elevator a row can show besides."""

    def of(name: str) -> Any:
        held = select(getattr(_about, name)).where(_about.id == _key(model))
        return held.correlate(model).scalar_subquery()

    return (
        region_column(model), district_column(model),
        _asked("registration_code", CODE, of("registration_code"), "code"), _asked("estate", ESTATE, of("estate")),
    )  # fmt: skip


def _with_code(typed: str) -> Select[Any]:
    """The elevators of a registration code, as it stands: by its index."""
    return select(Elevator.id).where(Elevator.registration_code == normal_code(typed)).correlate(None)


def with_estate(session: Any, typed: str) -> Select[Any]:
    """The elevators whose estate's name holds the words, by the search index where that can tell."""
    words = words_of(typed)
    held = [search.contains((Elevator.estate,), word) for word in words]
    narrowing = search.narrow(session, Elevator, words)
    return select(Elevator.id).where(*held, *([] if narrowing is None else [narrowing])).correlate(None)


def fact_filters(model: Any, key: Any = None) -> tuple[Filter, ...]:
    """Filters by 注册代码 (whole) and 楼盘 (a part); `key` where another column than the row's leads to elevators."""
    leads = _key(model) if key is None else key
    return (
        Filter("registration_code", CODE, "text", criterion=lambda typed: leads.in_(_with_code(typed))),
        Filter("estate", ESTATE, "text", within=lambda m, typed: leads.in_(with_estate(m.session, typed))),
    )


# What tells devices at one place apart, in lists of what happened to one of them (quanzhou 5, 6: 设备类型, 现场梯号).
_APART = ("category", "internal_no", "site_no")


def device_columns(model: Any) -> tuple[Column, ...]:
    """品种, 内部编号 and 现场梯号 of the elevator that a row is about."""
    return archive_columns(model, _APART)


def device_filter(model: Any) -> Filter:
    """By what kind of device a row is about.

    Kinds are few and rows of each are many: each row is asked for its elevator's, in the order of the list. Out of a
    set of elevators SQLite would read all rows of theirs, and sort them, for a page of them.
    """

    def of(chosen: list[str]) -> Any:
        return select(_about.id).where(_about.id == _key(model), _about.category.in_(chosen)).correlate(model).exists()

    return Filter("category", Elevator.__table__.c.category.info["label"], "choice", choices=CATEGORY, criterion=of)


def hardware_filter(model: Any) -> Filter:
    """By the number of the device that is in the elevator now (huzhou, 根据硬件注册编号), whole."""

    def of(typed: str) -> Any:
        held = select(IotDevice.elevator_id).where(IotDevice.serial == typed.strip(), IotDevice.ended_at.is_(None))
        return _key(model).in_(held.correlate(None))

    return Filter("hardware_no", _l("物联网设备编号"), "text", criterion=of)


# What the archive is sought by beside its codes and places, in the manual's order: names of the register's columns.
_SOUGHT = (
    "model", "controller", "job_no", "service_no", "manufacturer", "installer", "owner_name", "property_name", "dealer",
    "branch",
)  # fmt: skip


def archive_filters() -> tuple[Filter, ...]:
    """Filters by a part of a word of the archive, for lists that stand on the register or join it."""
    declared = Elevator.__table__.c
    return tuple(Filter(name, declared[name].info["label"], "text", getattr(Elevator, name)) for name in _SOUGHT)


def archive_columns(model: Any, names: tuple[str, ...]) -> tuple[Column, ...]:
    """Columns of the archive by their names in the register."""

    def of(name: str) -> Column:
        info = Elevator.__table__.c[name].info
        told = select(getattr(_about, name)).where(_about.id == _key(model)).correlate(model).scalar_subquery()
        choices = info.get("choices")
        return replace(_asked(name, info["label"], told, "choice" if choices else "text"), choices=choices)

    return tuple(of(name) for name in names)
