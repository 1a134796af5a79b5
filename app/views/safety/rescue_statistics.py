"""救援统计 (RES-05): over days, cut by unit, level, cause, hour …, as a page and as a table that can be proved."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.lookups import text_of
from app.permissions import Verb
from app.reports import rescues
from app.reports.asked import check
from app.views.frame import screens
from app.views.frame.asked import asked as asked_of
from app.views.frame.exports import send_table

DAYS = 90


class RescueStatistics(BaseView):
    """One report, cut in several ways."""

    route_base = "/rescues/statistics"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        asked = asked_of(request.args, rescues.BY, DAYS)
        findings: list[Finding] = []
        found: list[rescues.Line] = []
        whole = rescues.Line(None)
        try:
            check(asked)
            whole, cut = rescues.cuts(db.session, g.actor, asked, [asked.by], clock.now())
            found = cut[asked.by]
        except Refusal as refusal:
            findings = [f for f in refusal.findings if not f.ok]
        page = self.render_template(
            "ta/rescues/statistics.html", title=_("救援统计"), asked=asked, cuts=rescues.BY, lines=found, whole=whole,
            findings=findings, may_export=g.actor.may(Verb.EXPORT) and bool(found), formulas=rescues.FORMULAS,
            most=max((line.total for line in found), default=1),
            late_link=rescues.link_of(asked, tab="late"),
            unit_text=text_of(db.session, "maintenance_units", asked.unit_id) if asked.unit_id is not None else "",
            region_text=text_of(db.session, "region_codes", asked.region) if asked.region else "",
        )  # fmt: skip
        return page, 422 if findings else 200

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        asked = asked_of(request.form, rescues.BY, DAYS)
        check(asked)
        title = _("救援统计 %(by)s", by=str(rescues.BY[asked.by]))
        return send_table(
            "rescue_counts", title, by=asked.by, from_on=asked.from_on.isoformat(), to_on=asked.to_on.isoformat(),
            unit="" if asked.unit_id is None else str(asked.unit_id), region=asked.region or "",
        )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("RescueStatistics", "can_read", Verb.RESCUE_READ)
    appbuilder.add_view_no_menu(RescueStatistics)
