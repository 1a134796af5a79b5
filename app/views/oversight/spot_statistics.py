"""抽查统计 (TGT-01) by unit, draw and place over days: a page, and a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.permissions import Verb
from app.reports import spot_checks
from app.reports.asked import Asked
from app.views.frame import screens
from app.views.frame.statistics import Statistics, sums
from app.views.oversight.spot_draws import ways


class SpotStatistics(Statistics):
    """One report, cut several ways."""

    route_base = "/spot/checks/statistics"
    title = _l("抽查统计")
    template = "ta/desks/spot_statistics.html"
    table_name = "spot_counts"
    cuts = spot_checks.BY

    def found(self, asked: Asked | None) -> dict[str, Any]:
        lines = spot_checks.lines(db.session, g.actor, asked, clock.now()) if asked else []
        return {
            "lines": lines, "sums": sums(lines, spot_checks.COUNTS), "link_of": spot_checks.link_of,
            "ways": ways("numbers", g.actor),
        }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("SpotStatistics", "can_read", Verb.SPOT_READ)
    appbuilder.add_view_no_menu(SpotStatistics)
