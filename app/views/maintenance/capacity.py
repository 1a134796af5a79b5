"""人力测算 (CAP-01): a unit's coming weeks tried out; for regulators first which units have too few people."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listings import capacity as report
from app.permissions import Verb
from app.rules.capacity import MOST_MORE
from app.rules.levels import LEVEL_LABELS
from app.views.frame import screens
from app.views.frame.account_forms import number
from app.views.frame.exports import send_table
from app.workflows.oversight import capacity

MOST_UNITS = 100


class CapacityPage(BaseView):
    """One report; without a unit, a regulator's overview."""

    route_base = "/capacity"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        unit_id, days = _asked(request.args)
        if unit_id is None and g.actor.unit_id is not None:
            unit_id = g.actor.unit_id
        if unit_id is None:
            lines = capacity.units(db.session, g.actor, clock.now())
            return self.render_template(
                "ta/capacity/units.html", title=_("人力测算"), lines=lines[:MOST_UNITS], more=lines[MOST_UNITS:],
                days=days, may_export=g.actor.may(Verb.EXPORT) and bool(lines),
            )  # fmt: skip
        found = capacity.of_unit(db.session, g.actor, unit_id, days, clock.now())
        return self.render_template(
            "ta/capacity/unit.html", title=_("人力测算"), found=found, days=days, choices=capacity.DAYS,
            levels=LEVEL_LABELS, most=MOST_MORE, own=g.actor.unit_id is not None, bars=_bars(found),
            may_policy=g.actor.may(Verb.POLICY_READ), may_export=g.actor.may(Verb.EXPORT),
        )  # fmt: skip


    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """As .xlsx or .csv: the units side by side, or a part of one unit's trial."""
        unit_id, days = _asked(request.form)
        unit_id = g.actor.unit_id if g.actor.unit_id is not None else unit_id
        if unit_id is None:
            return send_table("capacity_units", _("人力测算"))
        found = capacity.unit_of(db.session, g.actor, unit_id)
        by = request.form.get("by", "")
        by = by if by in report.PARTS else "areas"
        title = _("人力测算 %(unit)s %(by)s", unit=found.name, by=str(report.PARTS[by][0]))
        return send_table("unit_capacity", title, unit=str(unit_id), days=str(days), by=by)


def _asked(given: Any) -> tuple[int | None, int]:
    days = number(given.get("days", ""))
    return number(given.get("unit", "")), days if days in capacity.DAYS else capacity.DAYS[1]


def _bars(found: capacity.Capacity) -> list[tuple[dt.date, int, int, int, int]]:
    """By day: services done and at their limit, and how high each is drawn, in percent of the highest."""
    most = max((max(done, due) for _day, done, due in found.trial.days), default=0) or 1
    return [(day, done, due, 100 * done // most, 100 * due // most) for day, done, due in found.trial.days]


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("CapacityPage", "can_read", Verb.SCORE_READ)
    appbuilder.add_view_no_menu(CapacityPage)
