"""维保单 on paper: a record's sheet as a page and as a PDF; many of them by a job (MNT-07, MNT-08)."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, current_app, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import get_locale
from flask_babel import gettext as _

from app import clock, scope
from app.extensions import db
from app.models import Visit
from app.models.policy import policy_version
from app.permissions import Verb
from app.reports import given_out, pdf, visit_sheets
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.core import audit, export_records
from app.workflows.maintenance import item_lists


class VisitSheets(BaseView):
    """One record's sheet, by the template of all."""

    route_base = "/visits"
    default_view = "page"

    @expose("/<int:pk>/print")
    @has_access
    @permission_name("read")
    @no_cache
    def page(self, pk: int) -> Any:
        """For the browser's printer; says why there is no PDF when one was asked for in vain."""
        row, finding = self._row(pk), None
        back = f"/m/visits/{pk}" if request.args.get("from") == "m" else f"/visits/{pk}"
        if request.args.get("pdf"):
            try:
                visit_sheets.as_pdf(current_app.jinja_env, [self._sheet(row)], g.actor, _lang(), clock.now())
            except pdf.PdfUnavailable as refusal:
                finding = refusal.findings[0]
        return visit_sheets.html(
            current_app.jinja_env, [self._sheet(row)], g.actor, _lang(), clock.now(), screen=True, back=back,
            finding=finding, pdf=f"/visits/{pk}/sheet.pdf", nonce=g.csp_nonce,
        )  # fmt: skip

    @expose("/<int:pk>/sheet.pdf")
    @has_access
    @permission_name("read")
    @no_cache
    def file(self, pk: int) -> Any:
        """The PDF, found again by its digest; where this machine can't make one, the page to be printed instead."""
        row, now = self._row(pk), clock.now()
        try:
            made = visit_sheets.as_pdf(current_app.jinja_env, [self._sheet(row)], g.actor, _lang(), now)
        except pdf.PdfUnavailable:
            return redirect(f"/visits/{pk}/print?pdf=1{'&from=m' if request.args.get('from') == 'm' else ''}")
        name, region = f"{row.visit_on.isoformat()}-{row.id}.pdf", row.region_code
        with transaction(db.session) as session:
            digest = hashlib.sha256(made).hexdigest()
            audit.record(session, g.actor, now, "visit.print", "visit", pk, after={"sha256": digest})
            policy = policy_version(session, region, clock.local_day(now))
            said = say("维保单 %(number)s", number=pk)
            export_records.keep_file(session, g.actor, now, given_out.VISIT_SHEETS, said, digest, policy, "pdf")
        answer = Response(made, mimetype="application/pdf")
        answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    def _row(self, pk: int) -> Visit:
        row: Visit = scope.visible(db.session, g.actor, Visit, pk, _("维保记录"))
        return row

    def _sheet(self, row: Visit) -> dict[str, Any]:
        return visit_sheets.sheet(db.session, row, item_lists.of_visit(db.session, row))


def _lang() -> str:
    return str(get_locale()).replace("_", "-")


def register(appbuilder: Any) -> None:
    """Add the sheets."""
    screens.declare("VisitSheets", "can_read", Verb.VISIT_READ)
    appbuilder.add_view_no_menu(VisitSheets)
