"""救援统计 (RES-05): over days, cut by unit, level, cause, hour …, as a page and as a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.permissions import Verb
from app.reports import rescues
from app.reports.asked import Asked
from app.views.frame import screens
from app.views.frame.statistics import Statistics


class RescueStatistics(Statistics):
    """One report, cut in several ways."""

    route_base = "/rescues/statistics"
    title = _l("救援统计")
    template = "ta/rescues/statistics.html"
    table_name = "rescue_counts"
    cuts = rescues.BY
    days = 90
    unit_lookup = "maintenance_units"

    def found(self, asked: Asked | None) -> dict[str, Any]:
        whole, lines = rescues.Line(None), []
        if asked:
            whole, cut = rescues.cuts(db.session, g.actor, asked, [asked.by], clock.now())
            lines = cut[asked.by]
        most = max((line.total for line in lines), default=1)
        return {
            "lines": lines, "whole": whole, "links_of": rescues.links_of, "most": most, "formulas": rescues.FORMULAS,
        }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("RescueStatistics", "can_read", Verb.RESCUE_READ)
    appbuilder.add_view_no_menu(RescueStatistics)
