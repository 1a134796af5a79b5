"""A page of statistics over days, cut in several ways, and the same as a table that can be proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.lookups import text_of
from app.permissions import Verb
from app.reports.asked import Asked, check
from app.views.frame.asked import asked as asked_of
from app.views.frame.asked import usual
from app.views.frame.exports import send_table


class Statistics(BaseView):
    """What each of them says of itself; `found` gives `lines` and whatever else its template shows."""

    default_view = "index"
    title: Any = ""
    template = ""
    # By its name in `reports/given_out.TABLES`.
    table_name = ""
    cuts: ClassVar[Mapping[str, Any]] = {}
    # So many days until today where none are asked for.
    days = 365
    unit_lookup = "units"
    # Whether it can be asked of an estate, a use unit and an elevator.
    estates = False

    def found(self, asked: Asked | None) -> dict[str, Any]:
        """What the template shows; without days that can be meant, the same of nothing."""
        raise NotImplementedError

    @expose("")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        asked = self._asked(request.args)
        findings: list[Finding] = []
        try:
            check(asked)
            found = self.found(asked)
        except Refusal as refusal:
            findings = [f for f in refusal.findings if not f.ok]
            found = self.found(None)
        page = self.render_template(
            self.template, title=str(self.title), asked=asked, cuts=self.cuts, findings=findings, own=self.route_base,
            may_export=g.actor.may(Verb.EXPORT) and bool(found["lines"]), unit_lookup=self.unit_lookup,
            estates=self.estates,
            unit_text=text_of(db.session, self.unit_lookup, asked.unit_id) if asked.unit_id is not None else "",
            use_unit_text=text_of(db.session, "units", asked.use_unit_id) if asked.use_unit_id is not None else "",
            elevator_text=text_of(db.session, "elevators", asked.elevator_id) if asked.elevator_id is not None else "",
            region_text=text_of(db.session, "region_codes", asked.region) if asked.region else "",
            periods=usual(clock.today()), **found,
        )  # fmt: skip
        return page, 422 if findings else 200

    def _asked(self, given: Any) -> Asked:
        asked = asked_of(given, self.cuts, self.days)
        return asked if self.estates else replace(asked, estate="", use_unit_id=None, elevator_id=None)

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        asked = self._asked(request.form)
        check(asked)
        # Only what was asked: a report that was given out before has its record as it was.
        more = {"estate": asked.estate, "use_unit": asked.use_unit_id, "elevator": asked.elevator_id}
        return send_table(
            self.table_name, f"{self.title} {self.cuts[asked.by]}", by=asked.by, from_on=asked.from_on.isoformat(),
            to_on=asked.to_on.isoformat(), unit="" if asked.unit_id is None else str(asked.unit_id),
            region=asked.region or "", **{name: str(value) for name, value in more.items() if value},
        )  # fmt: skip


def sums(lines: list[Any], names: tuple[str, ...]) -> dict[str, int]:
    """The columns of counts, each added up."""
    return {name: sum(getattr(line, name) for line in lines) for name in names}
