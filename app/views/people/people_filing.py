"""A person's filing on the desk (PER-05): hand in, take back a draft, delete, history; the filing sheet of several."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.models import Person
from app.permissions import Verb
from app.reports import filing_sheet
from app.scratch import scratch
from app.views.frame import person_words, screens
from app.views.frame.account_forms import Findings, number, run, text
from app.views.frame.filing_words import WORDS
from app.views.frame.told import told
from app.workflows.approval import filing_versions
from app.workflows.approval.submissions import names_of
from app.workflows.core import moves
from app.workflows.files.attachments import XLSX
from app.workflows.people import person_filing, person_versions, real_names
from app.workflows.privacy import revealing


class PersonFilingPages(BaseView):
    """Deeds and history of one person's filing."""

    route_base = "/people"
    default_view = "sheet"

    @expose("/<int:pk>/submit", methods=["POST"])
    @has_access
    @permission_name("submit")
    def submit(self, pk: int) -> Any:
        made, findings, _status = run(lambda s: person_filing.submit(s, g.actor, pk, clock.now()).number)
        return self._back(pk, findings, _("已上报，申请编号 %(n)s", n=made))

    @expose("/<int:pk>/real-name", methods=["POST"])
    @has_access
    @permission_name("write")
    def real_name(self, pk: int) -> Any:
        _row, findings, _status = run(lambda s: real_names.ask(s, g.actor, pk, clock.now()))
        return self._back(pk, findings, _("已提交核验，稍后刷新查看结果"))

    @expose("/<int:pk>/discard", methods=["POST"])
    @has_access
    @permission_name("write")
    def discard(self, pk: int) -> Any:
        _row, findings, _status = run(lambda s: person_filing.discard(s, g.actor, pk, clock.now()))
        return self._back(pk, findings, _("未上报的修改已放弃"))

    @expose("/<int:pk>/delete", methods=["POST"])
    @has_access
    @permission_name("write")
    def delete(self, pk: int) -> Any:
        _none, findings, _status = run(lambda s: person_filing.remove(s, g.actor, pk, clock.now()))
        if findings:
            return self._back(pk, findings, "")
        flash(_("人员已删除"), "success")
        return redirect(url_for("People.list"))

    @expose("/<int:pk>/history")
    @has_access
    @permission_name("read")
    def history(self, pk: int) -> Any:
        """Every version: which fields, who, when, why; every step of the filing."""
        person: Person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        held = filing_versions.versions_of(db.session, person)
        versions = [
            (version, person_words.comparison(base, version.data)[0])
            for version, base in filing_versions.with_bases(db.session, held)
        ]
        keys = (k for v in held for k in (v.edited_by_id, v.submitted_by_id, v.decided_by_id))
        return self.render_template(
            "ta/filing/history.html", words=WORDS, title=_("%(row)s 的历史", row=person.name), row=person,
            steps=moves.steps_of(db.session, person_versions.ENTITY, person.id), versions=versions,
            names=names_of(db.session, keys), back=url_for("PeoplePages.show", pk=pk), noun=_("人员"),
        )  # fmt: skip

    @expose("/sheet", methods=["GET", "POST"])
    @has_access
    @permission_name("reveal")
    @no_cache
    def sheet(self) -> Any:
        """生成填报信息: chosen people's data whole as a workbook, for a reason."""
        given = (number(key) for key in request.values.getlist("ids")[: revealing.MOST_ON_A_SHEET])
        keys = [key for key in given if key is not None]
        findings: Findings = []
        status = 200
        if request.method == "POST":
            body, findings, status = run(lambda s: self._written(s, keys))
            if body is not None:
                answer = Response(body, mimetype=XLSX)
                name = quote(_("人员填报信息"))
                answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}.xlsx"
                answer.headers["Cache-Control"] = "private, no-store"
                return answer
        statement = scope.apply(select(Person).where(Person.id.in_(keys)), g.actor).order_by(Person.id)
        page = self.render_template(
            "ta/people/sheet.html", title=_("生成填报信息"), findings=findings, words=person_words.said,
            rows=db.session.scalars(statement).all(), fields=filing_sheet.FIELDS, label=person_filing.label,
        )  # fmt: skip
        return page, status

    @staticmethod
    def _written(session: Any, keys: list[int]) -> bytes:
        rows = revealing.for_filing_sheet(session, g.actor, keys, text("reason"), clock.now())
        with scratch("sheet") as folder:
            path = folder / "sheet.xlsx"
            filing_sheet.write(rows, path)
            return path.read_bytes()

    @staticmethod
    def _back(pk: int, findings: Findings, said: str) -> Any:
        for finding in findings:
            flash(told(str(finding)), "danger")
        if not findings:
            flash(said, "success")
        return redirect(url_for("PeoplePages.show", pk=pk))


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("PersonFilingPages", "can_read", Verb.PERSON_READ)
    screens.declare("PersonFilingPages", "can_write", Verb.PERSON_EDIT)
    screens.declare("PersonFilingPages", "can_submit", Verb.FILING_SUBMIT)
    screens.declare("PersonFilingPages", "can_reveal", Verb.SENSITIVE_READ)
    appbuilder.add_view_no_menu(PersonFilingPages)
