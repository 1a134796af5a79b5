"""维修统计 (REP-03, STA-02) by unit, elevator, level and cause over days: a page, and a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.permissions import Verb
from app.reports import repairs
from app.reports.asked import Asked
from app.views.frame import screens
from app.views.frame.statistics import Statistics, sums


class RepairStatistics(Statistics):
    """One report, cut four ways."""

    route_base = "/repairs/statistics"
    title = _l("维修统计")
    template = "ta/repairs/statistics.html"
    table_name = "repair_counts"
    cuts = repairs.BY

    def found(self, asked: Asked | None) -> dict[str, Any]:
        lines = repairs.lines(db.session, g.actor, asked, clock.now()) if asked else []
        means = repairs.whole(db.session, g.actor, asked) if asked else (None, None)
        return {"lines": lines, "sums": sums(lines, repairs.COUNTS), "means": means, "link_of": repairs.link_of}


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("RepairStatistics", "can_read", Verb.REPAIR_READ)
    appbuilder.add_view_no_menu(RepairStatistics)
