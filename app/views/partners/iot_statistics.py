"""物联网事件统计 (INT-03, STA-02) by event, unit, place and elevator: a page, and a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app.extensions import db
from app.models.choices import word
from app.models.iot import EVENT_KIND
from app.permissions import Verb
from app.reports import iot
from app.reports.asked import Asked
from app.views.frame import screens
from app.views.frame.statistics import Statistics
from app.views.partners.iot import KIND_TONES


class IotStatistics(Statistics):
    """One report, cut several ways."""

    route_base = "/iot/statistics"
    title = _l("物联网事件统计")
    template = "ta/iot/statistics.html"
    table_name = "iot_counts"
    cuts = iot.BY
    days = 30

    def found(self, asked: Asked | None) -> dict[str, Any]:
        lines: list[iot.Line] = []
        whole = iot.Line(None, "", "", 0, 0)
        if asked:
            lines, whole = iot.lines(db.session, g.actor, asked), iot.whole(db.session, g.actor, asked)
        return {
            "lines": lines, "whole": whole, "link_of": iot.link_of, "kinds": EVENT_KIND, "tones": KIND_TONES,
            "word": word,
        }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("IotStatistics", "can_read", Verb.IOT_READ)
    appbuilder.add_view_no_menu(IotStatistics)
