"""维修统计 (REP-03, STA-02) by unit, elevator, level and cause over days: a page, and a table that can be proved."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import day_of_text
from app.lookups import text_of
from app.permissions import Verb
from app.reports import repairs
from app.reports.coverage import check_region
from app.views import screens
from app.views.account_forms import number
from app.views.exports import send_table

DAYS = 365


class RepairStatistics(BaseView):
    """One report, cut four ways."""

    route_base = "/repairs/statistics"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        asked = _asked(request.args)
        findings: list[Finding] = []
        lines: list[repairs.Line] = []
        means: tuple[float | None, float | None] = (None, None)
        try:
            repairs.check(asked)
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
        asked = _asked(request.form)
        repairs.check(asked)
        title = _("维修统计 %(by)s", by=str(repairs.BY[asked.by]))
        return send_table(
            "repair_counts", title, by=asked.by, from_on=asked.from_on.isoformat(), to_on=asked.to_on.isoformat(),
            unit="" if asked.unit_id is None else str(asked.unit_id), region=asked.region or "",
        )  # fmt: skip


def _asked(given: Any) -> repairs.Asked:
    """What was asked for; without days the last year. A region beyond one's own is refused."""
    today = clock.today()
    to_on = day_of_text(given.get("to_on", "")[:10]) or today
    from_on = day_of_text(given.get("from_on", "")[:10]) or min(to_on, today) - dt.timedelta(days=DAYS)
    region = given.get("region", "").strip()[:12] or None
    if region is not None:
        check_region(db.session, g.actor, region)
    by = given.get("by", "unit")
    return repairs.Asked(
        by if by in repairs.BY else "unit", from_on, to_on, number(given.get("unit", "")[:16]), region
    )


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("RepairStatistics", "can_read", Verb.REPAIR_READ)
    appbuilder.add_view_no_menu(RepairStatistics)

