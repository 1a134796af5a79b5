"""维保承诺书 (UNT-08): lists for unit and regulator, handing one in, its page with history, the form to stamp."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, NotAllowed
from app.extensions import db
from app.listings.commitments import COMMITMENTS
from app.models import Application, Commitment, Unit
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import APPLICATION_STATE
from app.permissions import Verb, require
from app.reports import pdf
from app.rules.lifecycle import ApplicationKind
from app.views.approval.applications import files_of
from app.views.approval.applying import earlier, said_by
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Button, Screen, SQLAInterface, mark, pill
from app.workflows.papers import commitments

TONES = {"approved": "ok", "rejected": "over", "returned": "over", "withdrawn": "gone", "draft": "gone"}


def _until(row: Commitment) -> Any:
    if row.state != "approved":
        return row.valid_until
    left = (row.valid_until - clock.today()).days
    return mark(row.valid_until, "over" if left < 0 else "near") if left < 30 else row.valid_until


class Commitments(Screen):
    datamodel = SQLAInterface(Commitment)
    route_base = "/commitments"
    listing = COMMITMENTS
    verb = Verb.COMMITMENT_READ
    record = "CommitmentPages.show"
    cells = {
        "state": lambda row: pill(APPLICATION_STATE.get(row.state, row.state), TONES.get(row.state, "near")),
        "valid_until": _until,
    }
    buttons = [
        Button(_l("承诺书样式（PDF）"), "CommitmentPages.blank", Verb.COMMITMENT_EDIT, icon="download"),
        Button(_l("提交承诺书"), "CommitmentPages.new", Verb.COMMITMENT_EDIT, main=True),
    ]
    empty_text = _l("还没有承诺书。打印样式，盖章后扫描上传。")
    empty_links = [(_l("提交承诺书"), "CommitmentPages.new", Verb.COMMITMENT_EDIT)]


class CommitmentPages(BaseView):
    route_base = "/commitments"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.COMMITMENT_EDIT)
        _own_unit()
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            days, findings = forms.days((("valid_from", _("承诺起始")), ("valid_until", _("承诺截止"))))
            status = 422
            if not findings:
                done, findings, status = run(lambda session: self._submit(session, days))
                if done is not None:
                    flash(_("已提交 %(n)s，审核通过后生效", n=done.number), "success")
                    return redirect(f"/commitments/{done.entity_id}")
        today = clock.today()
        usual: dict[str, Any] = {
            "valid_from": today.replace(month=1, day=1), "valid_until": today.replace(month=12, day=31)
        }
        usual |= said_by(earlier(ApplicationKind.COMMITMENT))
        page = self.render_template(
            "ta/duties/commitment_form.html", title=_("提交维保承诺书"), findings=findings,
            form=request.form if request.method == "POST" else usual,
        )  # fmt: skip
        return page, status

    def _submit(self, session: Any, days: dict[str, Any]) -> Application:
        unit, now = _own_unit(), clock.now()
        place = ("application", None, unit.id, unit.region_code, now)
        scans = uploads.kept(session, "scan", "commitment", *place)
        pictures = uploads.kept(session, "picture", "photo", *place)
        return commitments.submit(
            session, g.actor, days["valid_from"], days["valid_until"], text("note", 1000), scans, pictures, now
        )

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        row: Commitment = scope.visible(db.session, g.actor, Commitment, pk, _("这份承诺书"))
        statement = select(Application).where(
            Application.kind == ApplicationKind.COMMITMENT.value, Application.entity_id == row.id
        )
        statement = scope.apply(statement, g.actor, Application).order_by(Application.id.desc())
        application = db.session.scalars(statement).first() if g.actor.may(Verb.APPLICATION_READ) else None
        history = scope.apply(select(Commitment).where(Commitment.unit_id == row.unit_id), g.actor, Commitment)
        today = clock.today()
        return self.render_template(
            "ta/duties/commitment.html", title=_("维保承诺书"), row=row, application=application,
            files=files_of(application) if application is not None else [], kinds=ATTACHMENT_KIND,
            history=db.session.scalars(history.order_by(Commitment.id.desc()).limit(50)).all(),
            states=APPLICATION_STATE, tones=TONES, today=today,
            holds=row.state == "approved" and row.valid_from <= today <= row.valid_until,
        )  # fmt: skip

    @expose("/form")
    @has_access
    @permission_name("edit")
    @no_cache
    def blank(self) -> Any:
        """The letter to be printed and stamped; as a page where this machine makes no PDF."""
        unit, finding = _own_unit(), None
        try:
            if request.args.get("page") != "1":
                made = pdf.render(self._letter(unit, None, False))
                answer = Response(made.content, mimetype="application/pdf")
                answer.headers["Content-Disposition"] = 'inline; filename="commitment.pdf"'
                answer.headers["Cache-Control"] = "private, no-store"
                return answer
        except pdf.PdfUnavailable as refusal:
            finding = refusal.findings[0]
        return self._letter(unit, finding, True)

    def _letter(self, unit: Unit, finding: Finding | None, screen: bool) -> str:
        return str(
            self.render_template("ta/duties/commitment_print.html", unit=unit, finding=finding, screen=screen)
        )


def _own_unit() -> Unit:
    unit = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
    if unit is None or not unit.is_maintenance:
        raise NotAllowed(Finding(_("维保单位"), False, _("您的账号不属于维保单位"), _("请由维保单位的账号办理")))
    return unit


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("CommitmentPages", "can_read", Verb.COMMITMENT_READ)
    screens.declare("CommitmentPages", "can_edit", Verb.COMMITMENT_EDIT)
    appbuilder.add_view_no_menu(CommitmentPages)
    appbuilder.add_view_no_menu(Commitments)
