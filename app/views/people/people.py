"""人员与证书: persons of a unit, their grade certificates and this month's quota (PER-03, PER-07, PER-08)."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.people import PEOPLE
from app.models import Account, Application, Attachment, GradeCertificate, Person, Unit
from app.models.choices import APPLICATION_STATE, FILING_STATE, GRADE, PERSON_KIND, REAL_NAME, SEX
from app.models.policy import policy_value
from app.permissions import PERSON_ROLES, Verb
from app.policy import Key
from app.rules.approval import FilingState
from app.rules.identifiers import mask_mobile, mask_resident_id, masked
from app.rules.invitations import kinds_for
from app.rules.lifecycle import ApplicationKind
from app.views.approval.applying import earlier, said_by
from app.views.approval.filing_lists import FILING_TONE
from app.views.frame import screens, uploads
from app.views.frame.account_forms import number, role_words, run, text
from app.views.frame.base import Button, Deed, Screen, SQLAInterface, import_button, mark, pill
from app.views.frame.cells import firm
from app.views.frame.labels import keys_of
from app.views.frame.told import told
from app.views.frame.whole_list import ALL_DRAFTS
from app.views.people.commitments import TONES
from app.views.people.declarations import of_person
from app.workflows.approval import filing_versions, submissions
from app.workflows.desk import field_remarks
from app.workflows.files import attachments
from app.workflows.papers import declarations, grades
from app.workflows.people import people, person_filing, person_versions, real_names
from app.workflows.privacy import revealing


def _tone(person: Person, until: dt.date | None) -> str:
    """How a paper's last day stands: over, near by the region's policy, or nothing to say."""
    if until is None or person.left_on is not None:
        return ""
    left = (until - clock.today()).days
    if left < 0:
        return "over"
    near = policy_value(db.session, Key.NEAR_CERTIFICATE_DAYS, person.region_code, clock.today())
    return "near" if left <= int(near) else ""


def _may_check(person: Person) -> bool:
    """Whether a real-name check can be asked for now, where this platform has such a service."""
    open_ = person.real_name in ("unchecked", "mismatch") and bool(person.resident_id)
    return open_ and real_names.offered() and real_names.may_ask(g.actor, person) and g.actor.may(Verb.PERSON_EDIT)


def _until(person: Person, until: dt.date | None) -> Any:
    tone = _tone(person, until)
    return mark(until, tone) if tone else until or "—"


def _delete(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
    """删除人员 of one chosen person; says who it was."""
    name: str = scope.visible(session, actor, Person, key, _("人员")).name
    person_filing.remove(session, actor, key, at)
    return name


class People(Screen):
    """The list (PER-03). Phones are masked, in the list and in its export."""

    datamodel = SQLAInterface(Person)
    route_base = "/people"
    listing = PEOPLE
    verb = Verb.PERSON_READ
    record = "PeoplePages.show"
    cells = {
        "unit": lambda row: firm(row.unit.name, 13),
        "certificate_until": lambda row: _until(row, row.certificate_until),
        "declaration_until": lambda row: _until(row, row.declaration_until),
        "filing_state": lambda row: pill(FILING_STATE[row.filing_state], FILING_TONE[row.filing_state]),
    }
    buttons = [
        Button(_l("入职邀请"), "InvitationPages.new", Verb.PERSON_EDIT, icon="send"),
        import_button("persons", Verb.PERSON_EDIT),
        Button(_l("添加人员"), "PeoplePages.new", Verb.PERSON_EDIT, main=True),
    ]
    deeds = [
        Deed(
            "submit", _l("审核上报"), Verb.FILING_SUBMIT,
            lambda session, actor, key, at: person_filing.submit(session, actor, key, at).title,
            _l("上报所选人员？每一人单独核对。"), every="submit", ask_every=ALL_DRAFTS,
        ),
        Deed(
            "delete", _l("删除人员"), Verb.PERSON_EDIT, _delete,
            _l("删除所选人员？只删填错的：有记录、账号或备案的保留并说明原因；删除后不能恢复。"),
        ),
        Deed("sheet", _l("生成填报信息"), Verb.SENSITIVE_READ, lambda *_: None),
    ]  # fmt: skip
    empty_text = _l("还没有人员。发出入职邀请由本人填写，或直接添加人员。")

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """The filing sheet is a page that asks for the reason, not something done to rows."""
        if name != "sheet":
            return super().deed(name)
        keys = keys_of(request.form.getlist("ids"))[: revealing.MOST_ON_A_SHEET]
        return redirect(f"/people/sheet?{urlencode([('ids', key) for key in keys])}")


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
        person: Person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        if person.filing_state == FilingState.PENDING and request.method == "GET":
            flash(_("%(name)s 的备案正在审核，不能修改；要改的，请先在申请中撤回", name=person.name), "warning")
            return redirect(url_for("PeoplePages.show", pk=pk))
        return self._form(person)

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(scope.visible(db.session, g.actor, Person, pk, _("人员")), [], 200)


    @expose("/<int:pk>/certificate", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def certificate(self, pk: int) -> Any:
        """Certificate and scan together: one transaction makes the draft, keeps the scan and asks the regulator."""
        person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        findings: Any = []
        status = 200
        if request.method == "POST":
            issued_on, bad = day_of("issued_on", _("发证日期"))
            valid_until, worse = day_of("valid_until", _("有效期至"))
            findings, status = bad + worse, 422
            if not findings:
                _done, findings, status = run(lambda session: self._apply(session, pk, issued_on, valid_until))
            if not findings:
                flash(_("已提交，审核通过后提高台次上限"), "success")
                return redirect(url_for("PeoplePages.show", pk=pk))
        page = self.render_template(
            "ta/accounts/certificate.html", title=_("添加等级证书"), person=person, findings=findings,
            form=request.form or said_by(earlier(ApplicationKind.GRADE_CERTIFICATE)),
            grades=[(k, v) for k, v in GRADE.items() if k != "general"],
        )  # fmt: skip
        return page, status

    def _apply(self, session: Any, pk: int, issued_on: dt.date | None, valid_until: dt.date | None) -> Any:
        now = clock.now()
        row = people.add_certificate(
            session, g.actor, pk, grade=text("grade"), certificate_no=text("certificate_no"), issued_on=issued_on,
            valid_until=valid_until, at=now,
        )  # fmt: skip
        kept = uploads.kept(session, "scan", "grade", "application", None, row.unit_id, row.region_code, now)
        return grades.submit(session, g.actor, row, kept, now)

    def _form(self, person: Person | None) -> Any:
        if not self._own():
            abort(403)
        findings: Any = []
        status = 200
        form: Any = request.form
        if request.method == "POST":
            until, findings = day_of("certificate_until", _("证书有效期至"))
            issued, worse = day_of("certificate_issued_on", _("证书发证日期"))
            findings, status = findings + worse, 422
            hired, late = day_of("hired_on", _("入职日期"))
            findings += late
            identity: dict[str, Any] = {"certificate_issued_on": issued, "hired_on": hired}
            identity |= {"sex": text("sex", 10), "kind": text("kind", 20)}
            # Nobody types a number again that he sees masked: left blank it stays.
            if text("resident_id").strip() or person is None:
                identity["resident_id"] = text("resident_id", 40)
            former = person.kind if person is not None else None
            if not findings:
                saved, findings, status = run(
                    lambda session: people.save_person(
                        session, g.actor, person.id if person else None, name=text("name"), phone=text("phone"),
                        work_kind=text("work_kind"), certificate_no=text("certificate_no"), certificate_until=until,
                        row_version=number(text("row_version")), at=clock.now(), identity=identity,
                    )
                )  # fmt: skip
                if saved:
                    flash(_("已保存"), "success")
                    if person is not None and identity["kind"] != (former or ""):
                        _roles_stay(saved.id, identity["kind"])
                    return redirect(url_for("PeoplePages.show", pk=saved.id))
        elif person is not None:
            form = {name: value or "" for name, value in person_versions.content(db.session, person).items()}
            # Whole numbers are a deed of their own: a phone that comes back masked stays.
            form |= {"phone": masked("mobile", form["phone"]), "resident_id": "", "row_version": person.row_version}
        title = _("修改人员") if person else _("添加人员")
        unit = db.session.get(Unit, g.actor.unit_id)
        kinds = kinds_for(is_maintenance=unit.is_maintenance, is_use=unit.is_use) if unit is not None else ()
        page = self.render_template(
            "ta/accounts/person_form.html", title=title, findings=findings, form=form, person=person,
            sexes=list(SEX.items()), kinds=[(k, PERSON_KIND[k]) for k in kinds],
            resident_id=mask_resident_id(person.resident_id) if person is not None and person.resident_id else "",
            remarks=_remarks(person) if person is not None else {}, names=_names(),
            needed=[told(person_filing.label(name)) for name in person_filing.NEEDED],
        )  # fmt: skip
        return page, status

    def _record(self, person: Person, findings: Any, status: int) -> Any:
        now = clock.now()
        held = db.session.scalars(
            scope.apply(select(GradeCertificate), g.actor, GradeCertificate)
            .where(GradeCertificate.person_id == person.id)
            .order_by(GradeCertificate.id.desc())
        ).all()
        scans = self._scans([row.id for row in held])
        filed = self._filed(person)
        page = self.render_template(
            "ta/accounts/person.html", title=person.name, person=person, certificates=held, scans=scans,
            quota=people.quotas(db.session, [person], now)[person.id], grades=GRADE, states=APPLICATION_STATE,
            mask=mask_mobile, findings=findings, kinds=PERSON_KIND, sexes=SEX, filing_words=FILING_STATE,
            filing_tone=FILING_TONE.get(person.filing_state, "gone"), filed=filed,
            asked=self._asked([row.id for row in held]),
            resident_id=mask_resident_id(person.resident_id) if person.resident_id else "—",
            shown=revealing.kinds_of(db.session, person) if g.actor.may(Verb.SENSITIVE_READ) else {},
            operator=[f for f in attachments.of(db.session, "person", person.id) if f.kind == "operator"],
            may_file=self._own() and g.actor.may(Verb.FILING_SUBMIT) and person.unit_id == g.actor.unit_id,
            may_write=self._own() and person.unit_id == g.actor.unit_id and person.left_on is None,
            needs_account=self._needs_account(person),
            today=clock.local_day(now), files="files.fetch" in current_app.view_functions,
            blocks=people.check_in_block(db.session, person, now), declared=of_person(person), tones=TONES,
            real_names=REAL_NAME, may_check=_may_check(person), near=_tone(person, person.certificate_until),
            declaring=declarations.standing(db.session, person, now) if person.left_on is None else None,
            remarks=_remarks(person) if person.unit_id == g.actor.unit_id else {}, names=_names(),
        )  # fmt: skip
        return page, status

    def _needs_account(self, person: Person) -> bool:
        """Whether the main account may open one for this person, who has none that is in use."""
        if not g.actor.is_main or not g.actor.may(Verb.SUBACCOUNT_EDIT) or not self._own():
            return False
        has = select(Account.id).where(Account.person_id == person.id, Account.active.is_(True)).limit(1)
        own = person.unit_id == g.actor.unit_id and person.left_on is None
        return own and db.session.scalar(has.execution_options(skip_scope=True)) is None

    @staticmethod
    def _filed(person: Person) -> tuple[str, str, str] | None:
        """The filing that waits or was refused: number and address of its application, what the officer said.

        Without the right to applications the opinion is still told: whoever mends it needs no more.
        """
        if person.filing_state not in ("pending", "rejected"):
            return None
        last = filing_versions.latest(db.session, person)
        said = (last.opinion or "") if last is not None and person.filing_state == "rejected" else ""
        asked = select(Application).where(
            Application.kind == person_filing.KIND, Application.entity == person_versions.ENTITY,
            Application.entity_id == person.id,
        )  # fmt: skip
        if not g.actor.may(Verb.APPLICATION_READ):
            return "", "", said
        row = db.session.scalar(scope.apply(asked, g.actor, Application).order_by(Application.id.desc()).limit(1))
        return (row.number, submissions.link_of(row), said) if row is not None else ("", "", said)

    @staticmethod
    def _asked(certificate_ids: list[int]) -> dict[int, str]:
        """Where each certificate is or was asked for: what was returned is mended there."""
        if not g.actor.may(Verb.APPLICATION_READ):
            return {}
        statement = select(Application).where(
            Application.entity == "grade_certificate", Application.entity_id.in_(certificate_ids)
        )
        rows = db.session.scalars(scope.apply(statement, g.actor, Application).order_by(Application.id))
        return {row.entity_id: submissions.link_of(row) for row in rows if row.entity_id is not None}

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


def _remarks(person: Person) -> dict[str, str]:
    """What an officer said of single parts when he sent the filing back, until it is handed in again."""
    return field_remarks.of_row(db.session, person_versions.ENTITY, person.id)


def _roles_stay(person_id: int, kind: str) -> None:
    """Another kind of person opens nothing by itself: whoever gives out rights is to do that (quanzhou 1)."""
    wanted = {role.value for role in PERSON_ROLES.get(kind, ())}
    # Whoever may change the person may know what he does here, if not his account.
    held = select(Account).where(Account.person_id == person_id, Account.active.is_(True))
    for account in db.session.scalars(held.execution_options(skip_scope=True)) if wanted else ():
        if not wanted <= {role.name for role in account.roles}:
            said = _(
                "人员类型已改，他的账号的角色仍是%(roles)s；要改的，由主账号在“我的子用户”里办理",
                roles=role_words(account),
            )  # fmt: skip
            flash(said, "info")


def _names() -> dict[str, str]:
    entity = person_versions.ENTITY
    return {name: told(field_remarks.label(entity, name)) for name in field_remarks.parts(entity)}


def day_of(name: str, label: str) -> tuple[dt.date | None, list[Finding]]:
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
    appbuilder.add_view_no_menu(People)
    appbuilder.add_view_no_menu(PeoplePages)
