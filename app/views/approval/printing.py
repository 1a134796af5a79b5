"""The print form of an application, as a page for the browser's printer and as a PDF (LIF-07)."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, abort, g, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock, scope
from app.errors import Refusal
from app.extensions import db
from app.models import Application
from app.models.policy import policy_version
from app.permissions import Verb
from app.reports import given_out, pdf
from app.transaction import transaction
from app.views.approval.application_words import asked_words
from app.views.approval.applications import files_of
from app.views.approval.filed_papers import in_application
from app.views.approval.mending import sees_elevator
from app.views.frame import desks, filed, screens
from app.views.frame.filing_words import WORDS
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.core import audit, export_records
from app.workflows.desk import applications
from app.workflows.filing import filing


class PrintForms(BaseView):
    """One form for every kind."""

    route_base = "/applications"
    default_view = "page"

    @expose("/<int:key>/print")
    @has_access
    @permission_name("read")
    @no_cache
    def page(self, key: int) -> Any:
        """For the browser's printer; says why there is no PDF when one was asked for in vain."""
        row, finding = _row(key), None
        if request.args.get("pdf"):
            try:
                pdf.render(_html(row))
            except pdf.PdfUnavailable as refusal:
                finding = refusal.findings[0]
        return _html(row, finding=finding, screen=True)

    @expose("/<int:key>/form.pdf")
    @has_access
    @permission_name("read")
    @no_cache
    def file(self, key: int) -> Any:
        """The PDF; where this machine can't make one, the page that can be printed instead."""
        row = _row(key)
        try:
            made = pdf.render(_html(row))
        except pdf.PdfUnavailable:
            return redirect(f"/applications/{key}/print?pdf=1")
        with transaction(db.session) as session:
            now, digest = clock.now(), hashlib.sha256(made.content).hexdigest()
            audit.record(
                session, g.actor, now, "application.print", "application", row.id, after={"sha256": digest}
            )
            policy = policy_version(session, row.region_code, clock.local_day(now))
            said = say("申请表 %(number)s", number=row.number)
            export_records.keep_file(session, g.actor, now, given_out.FORM, said, digest, policy, "pdf")
        answer = Response(made.content, mimetype="application/pdf")
        answer.headers["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
        answer.headers["Cache-Control"] = "private, no-store"
        return answer


def _row(key: int) -> Application:
    desks.sit_at(key)
    try:
        row: Application = scope.visible(db.session, g.actor, Application, key, "这件申请")
    except Refusal:
        abort(404)
    return row


def _html(row: Application, *, finding: Any = None, screen: bool = False) -> str:
    """The form, complete in itself."""
    steps = applications.steps(db.session, row)
    version = filing.version_of(db.session, row)
    changed: list[filed.Line] = []
    if version is not None and row.kind in submissions.FILING_KINDS:
        changed, _same = filed.comparison(
            filing.MODEL[row.entity], filing.base_of(db.session, version), version.data
        )
    return render_template(
        "ta/lifecycle/print_form.html", row=row, words=WORDS, steps=steps, asked=asked_words(row), changed=changed,
        title=_("%(kind)s申请表", kind=WORDS.kind[row.kind]), files=[*files_of(row), *in_application(row)],
        finding=finding, screen=screen,
        names=submissions.names_of(db.session, (k for s in steps for k in (s.actor_id, s.on_behalf_of_id))),
        elevator=row.elevator if row.elevator_id and sees_elevator(row) else None, now=clock.now(),
    )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the forms."""
    screens.declare("PrintForms", "can_read", Verb.APPLICATION_READ)
    appbuilder.add_view_no_menu(PrintForms)
