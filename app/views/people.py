"""人员与证书: persons of a unit, their grade certificates and this month's quota (PER-03, PER-07, PER-08)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, current_app, flash, g, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.people import PEOPLE
from app.models import Application, Attachment, GradeCertificate, Person
from app.models.choices import APPLICATION_STATE, GRADE
from app.permissions import Verb
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views import screens
from app.views.account_forms import number, run, text
from app.views.base import Button, Screen, SQLAInterface, mark
from app.workflows import attachments, grades, people


class People(Screen):
    """The list (PER-03). Phones are masked, in the list and in its export."""

    datamodel = SQLAInterface(Person)
    route_base = "/people"
    listing = PEOPLE
    verb = Verb.PERSON_READ
    record = "PeoplePages.show"
    cells = {
        "certificate_until": lambda row: (
            mark(row.certificate_until, "over")
            if row.certificate_until and row.certificate_until < clock.today()
            else row.certificate_until or "—"
        ),
    }
    buttons = [Button(_l("添加人员"), "PeoplePages.new", Verb.PERSON_EDIT, main=True)]
    empty_text = _l("还没有人员。添加人员，或新增维保员子用户时自动建立。")


class PeoplePages(BaseView):
    """A person's pages. The whole phone number needs its own right and leaves a trace."""

    route_base = "/people"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def new(self) -> Any:
        return self._form(None)

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def edit(self, pk: int) -> Any:
        return self._form(scope.visible(db.session, g.actor, Person, pk, _("人员")))

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(scope.visible(db.session, g.actor, Person, pk, _("人员")), [], 200)

    @expose("/<int:pk>/phone", methods=["POST"])
    @has_access
    @permission_name("reveal")
    @no_cache
    def phone(self, pk: int) -> Any:
        """The whole number, once, audited."""
        with transaction(db.session) as session:
            return jsonify(phone=people.reveal_phone(session, g.actor, pk, clock.now()))

    @expose("/<int:pk>/leave", methods=["POST"])
    @has_access
    @permission_name("write")
    def leave(self, pk: int) -> Any:
        person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        on, bad = _day("left_on", _("离职日期"))
        if on is None and not bad:
            bad = [Finding(_("离职日期"), False, _("没有填写"), _("请填写离职日期"), field="left_on")]
        if not bad:
            assert on is not None
            _done, bad, _status = run(lambda session: people.leave(session, g.actor, pk, on, clock.now()))
        if bad:
            return self._record(person, bad, 422)
        flash(_("已办理离职，其账号已注销"), "success")
        return redirect(url_for("PeoplePages.show", pk=pk))

    @expose("/<int:pk>/certificate", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def certificate(self, pk: int) -> Any:
        """Certificate and scan together: one transaction makes the draft, keeps the scan and asks the regulator."""
        person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        findings: Any = []
        status = 200
        if request.method == "POST":
            issued_on, bad = _day("issued_on", _("发证日期"))
            valid_until, worse = _day("valid_until", _("有效期至"))
            findings, status = bad + worse, 422
            if not findings:
                _done, findings, status = run(lambda session: self._apply(session, pk, issued_on, valid_until))
            if not findings:
                flash(_("已提交，审核通过后提高台次上限"), "success")
                return redirect(url_for("PeoplePages.show", pk=pk))
        page = self.render_template(
            "ta/accounts/certificate.html", title=_("添加等级证书"), person=person, findings=findings,
            form=request.form, grades=[(k, v) for k, v in GRADE.items() if k != "general"],
        )  # fmt: skip
        return page, status

    def _apply(self, session: Any, pk: int, issued_on: dt.date | None, valid_until: dt.date | None) -> Any:
        now = clock.now()
        row = people.add_certificate(
            session, g.actor, pk, grade=text("grade"), certificate_no=text("certificate_no"), issued_on=issued_on,
            valid_until=valid_until, at=now,
        )  # fmt: skip
        scans = [file for file in request.files.getlist("scan") if file.filename]
        kept = [
            attachments.store(
                session, g.actor, now, file.stream, file.filename or "", "grade", "application", None,
                row.unit_id, row.region_code,
            ).id
            for file in scans
        ]  # fmt: skip
        return grades.submit(session, g.actor, row, kept, now)

    def _form(self, person: Person | None) -> Any:
        if not self._own():
            abort(403)
        findings: Any = []
        status = 200
        form: Any = request.form
        if request.method == "POST":
            until, findings = _day("certificate_until", _("证书有效期至"))
            status = 422
            if not findings:
                saved, findings, status = run(
                    lambda session: people.save_person(
                        session, g.actor, person.id if person else None, name=text("name"), phone=text("phone"),
                        work_kind=text("work_kind"), certificate_no=text("certificate_no"), certificate_until=until,
                        row_version=number(text("row_version")), at=clock.now(),
                    )
                )  # fmt: skip
                if saved:
                    flash(_("已保存"), "success")
                    return redirect(url_for("PeoplePages.show", pk=saved.id))
        elif person is not None:
            form = {name: getattr(person, name) or "" for name in people.FIELDS}
            form["row_version"] = person.row_version
        title = _("修改人员") if person else _("添加人员")
        page = self.render_template("ta/accounts/person_form.html", title=title, findings=findings, form=form)
        return page, status

    def _record(self, person: Person, findings: Any, status: int) -> Any:
        now = clock.now()
        held = db.session.scalars(
            scope.apply(select(GradeCertificate), g.actor, GradeCertificate)
            .where(GradeCertificate.person_id == person.id)
            .order_by(GradeCertificate.id.desc())
        ).all()
        scans = self._scans([row.id for row in held])
        page = self.render_template(
            "ta/accounts/person.html", title=person.name, person=person, certificates=held, scans=scans,
            quota=people.quotas(db.session, [person], now)[person.id], grades=GRADE, states=APPLICATION_STATE,
            mask=mask_mobile, findings=findings, may_reveal=g.actor.may(Verb.SENSITIVE_READ),
            may_write=self._own() and person.unit_id == g.actor.unit_id and person.left_on is None,
            today=clock.local_day(now), files="files.fetch" in current_app.view_functions,
            blocks=people.check_in_block(db.session, person, now),
        )  # fmt: skip
        return page, status

    @staticmethod
    def _scans(certificate_ids: Any) -> dict[int, Any]:
        """The files of each certificate; they hang on the applications that asked for it."""
        found: dict[int, Any] = {key: [] for key in certificate_ids}
        statement = (
            select(Application.entity_id, Attachment)
            .join(Attachment, (Attachment.entity == "application") & (Attachment.entity_id == Application.id))
            .where(Application.entity == "grade_certificate", Application.entity_id.in_(certificate_ids))
            .order_by(Attachment.id)
        )
        for key, scan in db.session.execute(scope.apply(statement, g.actor, Application, Attachment)):
            found[key].append(scan)
        return found

    @staticmethod
    def _own() -> bool:
        """Persons are entered by their unit only."""
        return g.actor.unit_id is not None and g.actor.may(Verb.PERSON_EDIT)


def _day(name: str, label: str) -> tuple[dt.date | None, list[Finding]]:
    """A day of a form, or what is wrong with it."""
    typed = text(name, 40).strip()
    if not typed:
        return None, []
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year <= 2200:
        remedy = _("请按 2026-01-31 的格式填写")
        return None, [Finding(label, False, _("%(value)s 不是日期", value=typed), remedy, field=name, value=typed)]
    return day, []


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("PeoplePages", "can_read", Verb.PERSON_READ)
    screens.declare("PeoplePages", "can_write", Verb.PERSON_EDIT)
    screens.declare("PeoplePages", "can_reveal", Verb.SENSITIVE_READ)
    appbuilder.add_view_no_menu(People)
    appbuilder.add_view_no_menu(PeoplePages)
