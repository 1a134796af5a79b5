"""维修统计 (REP-03, STA-02) by unit, elevator, level and cause over days: a page, and a table that can be proved."""

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
from app.reports import repairs
from app.reports.asked import check
from app.views.frame import screens
from app.views.frame.asked import asked as asked_of
from app.views.frame.exports import send_table

DAYS = 365


class RepairStatistics(BaseView):
    """One report, cut four ways."""

    route_base = "/repairs/statistics"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        asked = asked_of(request.args, repairs.BY, DAYS)
        findings: list[Finding] = []
        lines: list[repairs.Line] = []
        means: tuple[float | None, float | None] = (None, None)
        try:
            check(asked)
            lines = repairs.lines(db.session, g.actor, asked, clock.now())
            means = repairs.whole(db.session, g.actor, asked)
        except Refusal as refusal:
            findings = [f for f in refusal.findings if not f.ok]
        page = self.render_template(
            "ta/repairs/statistics.html", title=_("维修统计"), asked=asked, cuts=repairs.BY, lines=lines,
            findings=findings, sums={n: sum(getattr(line, n) for line in lines) for n in repairs.COUNTS}, means=means,
            may_export=g.actor.may(Verb.EXPORT) and bool(lines), link_of=repairs.link_of, most=repairs.MOST,
            unit_text=text_of(db.session, "units", asked.unit_id) if asked.unit_id is not None else "",
            region_text=text_of(db.session, "region_codes", asked.region) if asked.region else "",
        )  # fmt: skip
        return page, 422 if findings else 200

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        asked = asked_of(request.form, repairs.BY, DAYS)
        check(asked)
        title = _("维修统计 %(by)s", by=str(repairs.BY[asked.by]))
        return send_table(
            "repair_counts", title, by=asked.by, from_on=asked.from_on.isoformat(), to_on=asked.to_on.isoformat(),
            unit="" if asked.unit_id is None else str(asked.unit_id), region=asked.region or "",
        )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("RepairStatistics", "can_read", Verb.REPAIR_READ)
    appbuilder.add_view_no_menu(RepairStatistics)

