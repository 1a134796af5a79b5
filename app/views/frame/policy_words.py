"""Whose policy value stands, in words."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from app.extensions import db
from app.models import Region
from app.models.policy import until_commit
from app.permissions import Actor
from app.policy import PRESETS, Held
from app.workflows.approval.policies import COUNTRY

_NAMES = select(Region.code, Region.name).execution_options(skip_scope=True)


# How deep a street lies; see `_depth`.
_STREET = 3


def region_names() -> dict[str, str]:
    """Every region's name by its code; regions are everybody's. One statement a transaction."""
    kept = until_commit(db.session)
    if "region_names" not in kept:
        kept["region_names"] = dict(db.session.execute(_NAMES).all())
    return dict(kept["region_names"])


def region_choices(names: dict[str, str], actor: Actor) -> list[tuple[str, str]]:
    """Where the actor may look, indented as in the tree, a street with its district."""
    span = actor.region_span
    codes = sorted(code for code in names if span is None or span[0] <= code < span[1])
    top = min((_depth(code) for code in codes), default=0)
    country = [(COUNTRY, _("全国"))] if actor.sees_everything else []
    return country + [(code, "\u3000" * (_depth(code) - top) + place(code, names)) for code in codes]


def place(code: str, names: dict[str, str]) -> str:
    """A region by its name; a street behind its district's, since other districts have one of that name."""
    district = names.get(code[:6] + "000000", "") if _depth(code) == _STREET else ""
    return district + names.get(code, _("全国") if code == COUNTRY else code)


def _depth(code: str) -> int:
    """0 for a province, 1 for a city, 2 for a district, 3 for a street: by the part of the code that is not 0."""
    return next((depth for depth, length in enumerate((2, 4, 6)) if not code[length:].strip("0")), _STREET)


def origin(held: Held, names: dict[str, str]) -> str:
    """Which region says so, by itself or by its preset."""
    if held.region_code is None:
        return _("缺省（%(preset)s）", preset=PRESETS[held.preset].label) if held.preset else _("缺省")
    name = names.get(held.region_code, _("全国") if held.region_code == COUNTRY else held.region_code)
    return _("%(region)s：预设“%(preset)s”", region=name, preset=PRESETS[held.preset].label) if held.preset else name
