"""A point chosen on a map, in the form that files it (UNT-02, UNT-07, ELV-01): what the map begins with, what it sends.

The register keeps WGS-84. A map that draws other coordinates sends the point as it is drawn, and it is shifted here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from sqlalchemy import or_, select

from app import scope
from app.extensions import db
from app.models import Elevator, Unit
from app.permissions import Verb
from app.rules.datum import Datum, of_datum
from app.views.frame import map_tiles

FIELDS = ("latitude", "longitude")
MOST_OTHERS = 60
# The whole country, where nothing says more.
COUNTRY = (34.0, 108.0, 4)
Other = tuple[float, float, str, str]


def start(
    values: Mapping[str, Any], others: Sequence[Other], middle: tuple[float, float, int] | None = None
) -> dict[str, Any]:
    """What the map shows at first; `others` are points for comparison: latitude, longitude, name, tone."""
    tiles = map_tiles.allow()
    here = [_degrees(values.get(name), most) for name, most in zip(FIELDS, (90, 180), strict=True)]
    if middle is None and others:
        count = len(others)
        middle = sum(one[0] for one in others) / count, sum(one[1] for one in others) / count, 12
    latitude, longitude, zoom = middle or COUNTRY
    return {
        "at": None if None in here else tiles.there(*here),  # type: ignore[arg-type]
        "shifted": tiles.datum is not Datum.WGS84, "middle": tiles.there(latitude, longitude), "zoom": zoom,
        "tiles": tiles.url, "attribution": tiles.attribution, "most": tiles.most_zoom,
        "subdomains": tiles.subdomains,
        "others": [{"at": tiles.there(lat, lon), "title": name, "tone": tone} for lat, lon, name, tone in others],
    }  # fmt: skip


def of_form(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """For the form of a unit or an elevator, new or known: its own elevators are there for comparison, else some."""
    if not g.actor.may(Verb.ELEVATOR_READ):
        return start(values, [])
    seen = select(Elevator.latitude, Elevator.longitude, Elevator.code).where(
        Elevator.latitude.is_not(None), Elevator.longitude.is_not(None), Elevator.approved_version > 0
    )
    if isinstance(row, Unit):
        seen = seen.where(or_(Elevator.use_unit_id == row.id, Elevator.maintenance_unit_id == row.id))
    elif isinstance(row, Elevator):
        seen = seen.where(Elevator.use_unit_id == row.use_unit_id, Elevator.id != row.id)
    newest = scope.apply(seen.order_by(Elevator.id.desc()).limit(MOST_OTHERS), g.actor, Elevator)
    rows = db.session.execute(newest.execution_options(skip_scope=True))
    return start(values, [(lat, lon, code, "scrapped") for lat, lon, code in rows])


def sent(form: Mapping[str, str]) -> dict[str, str]:
    """The point that was set on the map, in the register's coordinates; empty where none was, or numbers were typed."""
    point = drawn(form)
    if point is None:
        return {}
    shifted = of_datum(point, map_tiles.configured().datum)
    return {name: f"{value:.6f}" for name, value in zip(FIELDS, shifted, strict=True)}


def drawn(form: Mapping[str, str]) -> tuple[float, float] | None:
    """As the map drew it; None for what is no point on earth."""
    parts = form.get("drawn", "")[:40].split(",")
    if len(parts) != len(FIELDS):
        return None
    latitude, longitude = _degrees(parts[0], 90), _degrees(parts[1], 180)
    return None if latitude is None or longitude is None else (latitude, longitude)


def _degrees(value: Any, most: int) -> float | None:
    try:
        found = float(str(value).strip())
    except ValueError:
        return None
    return found if math.isfinite(found) and -most <= found <= most else None
