"""投诉统计 (CMP-04): by unit and by elevator, over days, as a page and as a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.permissions import Verb
from app.reports import complaints
from app.reports.asked import Asked
from app.views.frame import screens
from app.views.frame.statistics import Statistics


class ComplaintStatistics(Statistics):
    """One report, cut several ways."""

    route_base = "/complaints/statistics"
    title = _l("投诉统计")
    template = "ta/complaints/statistics.html"
    table_name = "complaint_counts"
    cuts = complaints.BY
    estates = True

    def found(self, asked: Asked | None) -> dict[str, Any]:
        lines: list[complaints.Line] = []
        whole = complaints.Line(None, "", "", 0, 0, 0, 0, 0)
        if asked:
            lines = complaints.lines(db.session, g.actor, asked, clock.now())
            whole = complaints.whole(db.session, g.actor, asked, clock.now())
        most = max((line.total for line in lines), default=1)
        return {"lines": lines, "whole": whole, "links_of": complaints.links_of, "most": most}


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("ComplaintStatistics", "can_read", Verb.COMPLAINT_READ)
    appbuilder.add_view_no_menu(ComplaintStatistics)
