"""How filed contents are shown: in sections, in words, and two versions side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, select
from sqlalchemy.orm.util import identity_key

from app import scope
from app.extensions import db
from app.models import Elevator, Region, Unit
from app.models.policy import until_commit
from app.models.sealed import numbers
from app.permissions import Verb
from app.rules.identifiers import masked
from app.views.frame import map_tiles
from app.workflows.approval.filing_fields import FiledModel, differences, fields_of, label

_UNIT_SECTIONS = (
    (_l("基本信息"), ("uscc", "name", "region_id", "address", "legal_person", "enterprise_type", "established_on",
                  "business_until", "business_forever", "registered_capital", "business_scope")),
    (_l("单位类型"), ("is_maintenance", "is_use", "is_production", "is_installation", "is_inspection", "is_rescue",
                  "is_property", "is_owner")),
    (_l("联系人"), ("head_name", "head_phone", "head_resident_id", "duty_phone", "safety_officer", "safety_phone")),
    (_l("许可资格"), ("licence_no", "licence_grade", "licence_issued_on", "licence_until")),
    (_l("办公场所"), ("latitude", "longitude", "office_address", "note")),
)  # fmt: skip
_ELEVATOR_SECTIONS = (
    (_l("编号"), ("code", "rescue_code", "equipment_code", "registration_code", "certificate_no", "factory_no",
                "internal_no", "site_no", "register_no", "job_no", "service_no")),
    (_l("设备"), ("category", "name", "model", "rated_load", "rated_speed", "floors", "stops", "doors", "controller",
                "control_mode", "drive_mode", "made_on", "commissioned_on", "supervised_on")),
    (_l("液压参数"), ("cylinders", "jacking")),
    (_l("扶梯和人行道参数"), ("rise", "inclination", "nominal_width", "nominal_speed", "machine_power", "run_length")),
    (_l("位置"), ("region_id", "address", "estate", "place_type", "is_central", "latitude", "longitude", "plate_state",
                "network", "is_secret")),
    (_l("单位"), ("use_unit_id", "maintenance_unit_id", "owner_name", "property_name", "manufacturer", "installer",
                "retrofitter", "dealer", "branch")),
    (_l("检验与安全"), ("inspected_on", "next_inspection_on", "governor_on", "insurer", "policy_no", "insured_until",
                   "safety_officer", "safety_phone", "emergency_phone")),
    (_l("其他"), ("declared_status", "note")),
)  # fmt: skip
SECTIONS: dict[Any, Any] = {Unit: _UNIT_SECTIONS, Elevator: _ELEVATOR_SECTIONS}
# Which kinds a unit is of, not which of the eight it is not.
_KINDS = frozenset(_UNIT_SECTIONS[1][1])
POINT = ("latitude", "longitude")
UNIT_FIELDS = ("use_unit_id", "maintenance_unit_id")


@dataclass(frozen=True, slots=True)
class Fact:
    """One field in words."""

    field: str
    label: str
    text: str
    link: str | None = None
    # What `ta/macros.html: reveal` needs.
    whole: tuple[str, int, str] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One field of two versions in words."""

    label: str
    old: str
    new: str
    changed: bool
    field: str = ""


def unit_names(keys: Iterable[Any]) -> dict[int, str]:
    """Names of units by id, each read once a transaction. Outside scope: a row that one may see names them."""
    return {key: name for key, (name, _seen) in _units(keys).items()}


def _units(keys: Iterable[Any]) -> dict[int, tuple[str, bool]]:
    """The same with whether the reader may open it: a row names firms of other regions, too."""
    ids = {key for key in keys if key}
    kept: dict[int, tuple[str, bool]] = until_commit(db.session).setdefault("unit_names", {})
    if missing := ids - kept.keys():
        seen = scope.criterion(Unit, scope.current()).label("seen")
        statement = select(Unit.id, Unit.name, seen).where(Unit.id.in_(missing)).execution_options(skip_scope=True)
        kept.update((row.id, (row.name, bool(row.seen))) for row in db.session.execute(statement))
    return {key: kept[key] for key in ids if key in kept}


def _region_names(keys: set[int]) -> dict[int, str]:
    kept: dict[int, str] = until_commit(db.session).setdefault("regions_by_id", {})
    for key in keys - kept.keys():
        if (row := db.session.identity_map.get(identity_key(Region, key))) is not None:
            kept[key] = row.name
    if missing := keys - kept.keys():
        found = db.session.execute(select(Region.id, Region.name).where(Region.id.in_(missing)))
        kept.update((row.id, row.name) for row in found)
    return kept


def words(model: FiledModel, data: Mapping[str, Any]) -> dict[str, str]:
    """Every filed field as it is read by people; phones masked, nothing shown as —."""
    return words_of_many(model, [data])[0]


def words_of_many(model: FiledModel, many: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The same for several contents, with one statement for the names of units and one for those of regions."""
    units = unit_names(data.get(name) for data in many for name in UNIT_FIELDS)
    regions = _region_names({data["region_id"] for data in many if data.get("region_id")})
    return [
        {name: _word(model, name, data.get(name), units, regions) for name in fields_of(model)} for data in many
    ]


def facts(
    model: FiledModel, data: Mapping[str, Any], skip: Iterable[str] = (), key: int | None = None
) -> list[tuple[str, list[Fact]]]:
    """The content in sections; sections in which nothing was entered are left out.

    `key` is the row's where this is what stands in it: whoever has the right then finds the way to whole numbers.
    """
    said, left_out = words(model, data), set(skip)
    sections = []
    for title, names in SECTIONS[model]:
        point = None if left_out & set(POINT) else _point(data)
        rows = [
            point if point is not None and name == POINT[0] else
            Fact(name, label(model, name), said[name], _link(name, data.get(name)), _whole(model, name, data, key))
            for name in names
            if name not in left_out and (point is None or name != POINT[1]) and (name not in _KINDS or data.get(name))
        ]  # fmt: skip
        if any(_entered(data.get(row.field)) for row in rows):
            sections.append((str(title), rows))
    return sections


def _point(data: Mapping[str, Any]) -> Fact | None:
    """Latitude and longitude as one place, which the map shows."""
    if any(data.get(name) is None for name in POINT):
        return None
    latitude, longitude = (float(data[name]) for name in POINT)
    north = _("北纬 %(n)s", n=f"{latitude:.6f}") if latitude >= 0 else _("南纬 %(n)s", n=f"{-latitude:.6f}")
    east = _("东经 %(n)s", n=f"{longitude:.6f}") if longitude >= 0 else _("西经 %(n)s", n=f"{-longitude:.6f}")
    link = map_tiles.configured().page(latitude, longitude) if g.actor.may(Verb.ELEVATOR_READ) else None
    return Fact(POINT[0], _("位置"), _("%(north)s，%(east)s", north=north, east=east), link)


def comparison(
    model: FiledModel, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[list[Line], list[Line]]:
    """Two versions field by field: those that differ, and those that do not and hold something."""
    old_words, new_words = words_of_many(model, [old, new])
    changed = {d.field for d in differences(old, {n: new.get(n) for n in fields_of(model)})}
    lines: tuple[list[Line], list[Line]] = ([], [])
    for _title, names in SECTIONS[model]:
        for name in names:
            before, after = old_words[name], new_words[name]
            if name in changed and not old and not _entered(new.get(name)):
                continue  # a box that was left unticked in a first filing is no content
            if name in changed and before == after and model.__table__.columns[name].info.get("sensitive"):
                # Masked alike: say that they are not.
                after += _("（中间几位不同）")
            line = Line(label(model, name), before if old else "", after, name in changed, name)
            if name in changed:
                lines[0].append(line)
            elif _entered(new.get(name)):
                lines[1].append(line)
    return lines


def _entered(value: Any) -> bool:
    """Whether something stands there: 0 does, a box that was left unticked does not."""
    return value is not None and value is not False and value != ""


def _whole(model: FiledModel, name: str, data: Mapping[str, Any], key: int | None) -> tuple[str, int, str] | None:
    held = data.get(name) and name in numbers()
    return (model.__tablename__, key, name) if held and key is not None and g.actor.may(Verb.SENSITIVE_READ) else None


def _link(name: str, value: Any) -> str | None:
    if name not in UNIT_FIELDS or not value or not g.actor.may(Verb.UNIT_READ):
        return None
    return f"/units/{value}" if _units([value]).get(value, ("", False))[1] else None


def _word(model: FiledModel, name: str, value: Any, units: Mapping[int, str], regions: Mapping[int, str]) -> str:
    column = model.__table__.columns[name]
    if isinstance(column.type, Boolean):
        return _("是") if value else _("否")
    if value is None or value == "":
        return "—"
    if name in UNIT_FIELDS:
        return units.get(value, f"#{value}")
    if name == "region_id":
        return regions.get(value, f"#{value}")
    if column.info.get("sensitive"):
        return masked(column.info["sensitive"], str(value))
    choices = column.info.get("choices")
    if choices:
        return str(choices.get(value, value))
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        value = f"{value:.6f}".rstrip("0").rstrip(".")
    unit = column.info.get("unit")
    return f"{value} {unit}" if unit else str(value)
