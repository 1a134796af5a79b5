"""Whose policy value stands, in words."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from app.extensions import db
from app.models import Region
from app.policy import PRESETS, Held
from app.workflows.approval.policies import COUNTRY

_NAMES = select(Region.code, Region.name).execution_options(skip_scope=True)


def region_names() -> dict[str, str]:
    """Every region's name by its code; regions are everybody's."""
    return dict(db.session.execute(_NAMES).all())  # type: ignore[arg-type]


def origin(held: Held, names: dict[str, str]) -> str:
    """Which region says so, by itself or by its preset."""
    if held.region_code is None:
        return _("缺省（%(preset)s）", preset=PRESETS[held.preset].label) if held.preset else _("缺省")
    name = names.get(held.region_code, _("全国") if held.region_code == COUNTRY else held.region_code)
    return _("%(region)s：预设“%(preset)s”", region=name, preset=PRESETS[held.preset].label) if held.preset else name
