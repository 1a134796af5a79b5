"""合同覆盖: elevators in use that no contract covers, by maintenance unit and by region, as a page and as a table."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.lookups import text_of
from app.permissions import Verb
from app.reports import coverage
from app.views.frame import screens
from app.views.frame.exports import send_table


class Coverage(BaseView):
    """One report, cut two ways."""

    route_base = "/reports/coverage"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        by, region = _asked(request.args)
        lines = coverage.lines(db.session, g.actor, by, clock.today(), region)
        return self.render_template(
            "ta/lifecycle/coverage.html", title=_("合同覆盖"), by=by, cuts=coverage.BY, lines=lines,
            region=region or "",
            region_text=text_of(db.session, "region_codes", region) if region else "", today=clock.today(),
            elevators=sum(line.elevators for line in lines), uncovered=sum(line.uncovered for line in lines),
            may_export=g.actor.may(Verb.EXPORT),
        )  # fmt: skip

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        by, region = _asked(request.form)
        title = _("合同覆盖 %(by)s", by=str(coverage.BY[by]))
        return send_table("contract_coverage", title, by=by, region=region or "", on=clock.today().isoformat())


def _asked(given: Any) -> tuple[str, str | None]:
    by = given.get("by", "unit")
    region = given.get("region", "").strip()[:12] or None
    if region is not None:
        coverage.check_region(db.session, g.actor, region)
    return (by if by in coverage.BY else "unit"), region


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("Coverage", "can_read", Verb.REPORT_READ)
    appbuilder.add_view_no_menu(Coverage)
