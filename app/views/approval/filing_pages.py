"""What the pages of units and elevators share: form, submitting, withdrawing, history. Each deed is one workflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from flask import abort, flash, g, jsonify, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal, Stale
from app.extensions import db
from app.models import Version
from app.models.sealed import as_held
from app.permissions import Actor, Verb
from app.rules.approval import EDITABLE
from app.transaction import transaction
from app.views.approval import filing_forms, point_picker
from app.views.frame import desks, filed
from app.views.frame.account_forms import number
from app.views.frame.filing_words import WORDS
from app.views.frame.told import told
from app.workflows.approval import submissions
from app.workflows.approval.filing_fields import FiledModel, empty, snapshot
from app.workflows.core import moves
from app.workflows.desk import field_remarks
from app.workflows.filing import filing, filing_rights


class FilingPages(BaseView):
    """Base of the record pages. A subclass names its model, route and template, and shows its record."""

    model: ClassVar[FiledModel]
    record_template: ClassVar[str]
    noun: ClassVar[Any]
    list_url: ClassVar[str]
    # Fields that the form leaves out for a row already approved.
    only_at_first: ClassVar[tuple[str, ...]] = ()
    # What of the row its pages read anyway, as options of the statement that finds it.
    load: ClassVar[tuple[Any, ...]] = ()
    default_view = "new"

    def facts_of(self, row: Any) -> dict[str, Any]:
        """What the record page shows besides the filing."""
        return {}

    def reads_pictures(self) -> bool:
        """Whether the form can be filled from a picture here."""
        return False

    def papers(self, row: Any, sent: bool) -> list[Any]:
        """The scans that the form asks for; forms that file none have nothing."""
        return []

    def keep_papers(self, session: Any, row: Any) -> None:
        """Keep the scans that came with the form."""

    def starting_values(self) -> dict[str, Any]:
        """What a new form starts with."""
        return {}

    def begun_like(self) -> Any:
        """The row that a new form was begun from, where it was."""
        return None

    @expose("/<int:key>", methods=["GET"])
    @has_access
    @permission_name("read")
    def record(self, key: int) -> Any:
        return self.shown(self.row(key))

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new(self) -> Any:
        return self.form(None)

    @expose("/<int:key>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def edit(self, key: int) -> Any:
        row = self.row(key)
        filing.require_editing(db.session, g.actor, row)
        return self.form(row)

    @expose("/<int:key>/submit", methods=["POST"])
    @has_access
    @permission_name("submit")
    def submit(self, key: int) -> Any:
        done = _("已上报，等待审核")
        return self.deed(key, lambda row: filing.submit(db.session, g.actor, row, clock.now()), done)

    @expose("/<int:key>/withdraw", methods=["POST"])
    @has_access
    @permission_name("submit")
    def withdraw(self, key: int) -> Any:
        done = _("已撤回，可以修改")
        return self.deed(key, lambda row: filing.withdraw(db.session, g.actor, row, clock.now()), done)

    @expose("/<int:key>/discard", methods=["POST"])
    @has_access
    @permission_name("write")
    def discard(self, key: int) -> Any:
        return self.deed(key, lambda row: filing.discard(db.session, g.actor, row, clock.now()), _("已放弃修改"))

    @expose("/<int:key>/delete", methods=["POST"])
    @has_access
    @permission_name("write")
    def remove(self, key: int) -> Any:
        return self.deed(
            key, lambda row: filing.delete_draft(db.session, g.actor, row, clock.now()), _("草稿已删除"),
            then=self.list_url,
        )  # fmt: skip

    @expose("/<int:key>/history", methods=["GET"])
    @has_access
    @permission_name("read")
    def history(self, key: int) -> Any:
        """Every version: which fields, who, when, why; every step of the states (ELV-10, UNT-06)."""
        row = self.row(key)
        versions = []
        for version, base in filing.versions_seen(db.session, g.actor, row):
            changed, _same = filed.comparison(self.model, base, version.data)
            versions.append((version, changed))
        names = _names([v for v, _c in versions])
        shown = moves.steps_of(db.session, self.model.__tablename__, row.id)
        return self.render_template(
            "ta/filing/history.html", words=WORDS, title=_("%(row)s 的历史", row=row), row=row, noun=self.noun,
            steps=shown, names=names, opens=desks.openable(step.application_id for step in shown),
            versions=versions, back=f"{self.route_base}/{key}",
        )  # fmt: skip

    # --- parts

    def row(self, key: int) -> Any:
        """The row within scope, or the page that says there is none."""
        try:
            return scope.visible(db.session, g.actor, self.model, key, str(self.noun), self.load)
        except Refusal:
            abort(404)

    def shown(self, row: Any, findings: list[Finding] | None = None, status: int = 200) -> Any:
        """The record page, with what a deed was refused for."""
        application = submissions.open_of(
            db.session, filing.KIND[self.model], self.model.__tablename__, row.id
        )
        may = self.may(row, application)
        # What is not submitted yet is for those who may edit it.
        content = filing.content(db.session, row) if may["edit"] and row.filing_state in EDITABLE else None
        changes: list[filed.Line] = []
        missing: list[Finding] = []
        if content is not None:
            if row.approved_version:
                changes, _same = filed.comparison(self.model, snapshot(row), content)
            found = filing.findings(db.session, row, content, clock.today())
            missing = [_to_field(f, f"{self.route_base}/{row.id}/edit") for f in found if not f.ok]
            # Both lists at once would say everything twice.
            missing = [] if findings else sorted(missing, key=lambda f: not f.stops)
        last = self.last_decided(row)
        shown = {
            "title": str(row), "row": row, "noun": self.noun, "findings": findings or [],
            "sections": filed.facts(
                self.model, snapshot(row), self.only_at_first if row.approved_version else (), row.id
            ),
            "application": application, "opens": desks.openable([getattr(application, "id", None)]),
            "changes": changes, "missing": missing, "last": last, "may": may,
            "remarks": self._remarks(row) if may["edit"] else {}, "names": self._labels(),
            "base": f"{self.route_base}/{row.id}", "red": sum(f.stops for f in missing),
        }  # fmt: skip
        page = self.render_template(self.record_template, **(shown | self.facts_of(row)))
        return page, status

    def last_decided(self, row: Any) -> Version | None:
        """What an officer decided last of its filings."""
        last: Version | None = db.session.scalar(_last_decided(row))
        return last

    def may(self, row: Any, application: Any) -> dict[str, bool]:
        """Which deeds the page offers; the workflow decides again."""
        actor: Actor = g.actor
        edit = actor.may(filing.EDIT_VERB[self.model]) and _files(actor, self.model, row)
        own = application is not None and actor.may(Verb.FILING_SUBMIT) and _own(actor, application)
        open_draft = row.filing_state in EDITABLE
        return {
            "edit": edit and row.filing_state != "pending",
            "submit": edit and actor.may(Verb.FILING_SUBMIT) and open_draft,
            "withdraw": own,
            "discard": edit and open_draft and row.approved_version > 0,
            "delete": edit and row.filing_state == "draft" and row.approved_version == 0,
            "decide": application is not None and actor.may(Verb.APPLICATION_DECIDE),
        }

    def deed(self, key: int, do: Callable[[Any], Any], done: str, then: str | None = None) -> Any:
        """Run one verb and come back to the record; a refusal is shown there with rule, finding and remedy."""
        row = self.row(key)
        try:
            with transaction(db.session):
                do(row)
        except Refusal as refusal:
            return self.shown(self.row(key), [f for f in refusal.findings if not f.ok], refusal.status_code)
        flash(done, "success")
        return redirect(then or f"{self.route_base}/{key}")

    def form(self, row: Any) -> Any:
        """Show the form, or save what it sent and, if asked, submit it. Whatever is refused, the input stays."""
        skip = self.only_at_first if row is not None and row.approved_version else ()
        if request.method == "GET":
            values = filing.content(db.session, row) if row is not None else empty(self.model) | self.starting_values()
            values = filing_forms.masked_numbers(self.model, values)
            return self._form_page(row, values, [], 200, skip, row.row_version if row is not None else None)
        sent = filing_forms.typed(self.model, request.form, skip) | point_picker.sent(request.form)
        if request.form.get("then") == "read":
            return self._read_form(row, sent, skip)
        stands = filing.content(db.session, row) if row is not None else self.starting_values()
        whole = as_held(sent, stands)
        values, findings = filing_forms.with_units(g.actor, whole)
        seen = request.form.get("row_version", "")
        version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None
        if row is not None and version is None:
            findings.append(Finding(_("页面"), False, _("页面不完整"), _("请刷新页面后重新填写")))
        status, key = 422, None
        submitting = request.form.get("then") == "submit"
        findings += filing.problems(db.session, self.model, row, values, clock.today(), handed_in=submitting)
        if not findings:
            try:
                with transaction(db.session) as session:
                    saved = filing.save_draft(db.session, g.actor, self.model, row, values, clock.now(), version)
                    self.keep_papers(session, saved)
                    key = saved.id
                if submitting:
                    with transaction(db.session):
                        filing.submit(db.session, g.actor, self.row(key), clock.now())
                    flash(_("已上报，等待审核"), "success")
                else:
                    flash(_("草稿已保存，上报后才进入审核"), "success")
                    for said in self._taken(key):
                        flash(told(str(said)), "warning")
                return redirect(f"{self.route_base}/{key}")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
                if isinstance(refusal, Stale):
                    version = refusal.current
        if key is not None:  # saved, yet not fit to be submitted
            row = self.row(key)
            version = row.row_version
            flash(_("草稿已保存，还不能上报，请更正标出的各项"), "warning")
        elif row is not None:
            row = self.row(row.id)
        stands = filing.content(db.session, row) if row is not None else empty(self.model)
        shown = filing_forms.masked_numbers(self.model, stands) | sent
        return self._form_page(row, shown, findings, status, skip, version, sent=key is None)

    def _remarks(self, row: Any) -> dict[str, str]:
        return field_remarks.of_row(db.session, self.model.__tablename__, row.id)

    def _labels(self) -> dict[str, str]:
        entity = self.model.__tablename__
        return {name: told(field_remarks.label(entity, name)) for name in field_remarks.parts(entity)}

    def picture_fields(self) -> dict[str, str]:
        """What a picture sent with the form fills in; forms that read none have nothing."""
        abort(404)

    def _read_form(self, row: Any, sent: dict[str, Any], skip: Any) -> Any:
        """The form again, its empty fields filled from a picture; nothing is saved and nothing typed is lost."""
        stands = filing.content(db.session, row) if row is not None else empty(self.model)
        values = filing_forms.masked_numbers(self.model, stands) | sent
        seen = number(request.form.get("row_version", ""))
        try:
            read = self.picture_fields()
        except Refusal as refusal:
            findings = [f for f in refusal.findings if not f.ok]
            return self._form_page(row, values, findings, refusal.status_code, skip, seen)
        filled = {name: text for name, text in read.items() if name not in skip and not str(values.get(name) or "")}
        differs = [name for name, text in read.items() if name not in filled and str(values.get(name)) != text]
        return self._form_page(row, values | filled, [], 200, skip, seen, read=(list(filled), differs, read))

    def _taken(self, key: int) -> list[Finding]:
        """That somebody else holds the code already is told with the first saving, not when it is handed in."""
        row = self.row(key)
        found = filing.findings(db.session, row, filing.content(db.session, row), clock.today())
        return [f for f in found if f.stops and f.field == filing.CODE[self.model]]

    def _form_page(
        self, row: Any, values: dict[str, Any], findings: list[Finding], status: int, skip: Any, version: int | None,
        *, read: tuple[list[str], list[str], dict[str, str]] | None = None, sent: bool = True,
    ) -> Any:  # fmt: skip
        sections = filing_forms.fields(self.model, values, g.actor, findings, skip)
        papers = self.papers(row, sent and request.method == "POST")
        names = {f.name: f.label for _title, rows in sections for f in rows} | {p.name: p.label for p in papers}
        like = self.begun_like() if row is None else None
        fresh = f"{self.route_base}/new" + (f"?like={like.id}" if like is not None else "")
        title = _("修改 %(row)s", row=row) if row is not None else _("新增%(noun)s", noun=self.noun)
        page = self.render_template(
            "ta/filing/form.html", title=title, row=row, noun=self.noun, sections=sections,
            rest=[f for f in findings if f.field not in names], findings=findings, names=names,
            row_version=version, read=read, reads_pictures=self.reads_pictures(),
            may_submit=g.actor.may(Verb.FILING_SUBMIT), papers=papers, point=point_picker.of_form(row, values),
            remarks=self._remarks(row) if row is not None else {},
            action=f"{self.route_base}/{row.id}/edit" if row is not None else fresh, like=like,
            back=f"{self.route_base}/{row.id}" if row is not None else self.list_url,
        )  # fmt: skip
        return page, status


class UnitFinder(BaseView):
    """Completes the name of a unit after two characters."""

    route_base = "/unit-finder"
    default_view = "find"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def find(self) -> Any:
        text = request.args.get("q", "").strip()[:60]
        rows = filing_forms.find_units(g.actor, text) if len(text) >= 2 else []
        return jsonify(results=[{"id": u.id, "text": u.name, "code": u.uscc} for u in rows])


def _to_field(finding: Finding, form: str) -> Finding:
    """A check of the record page leads to the field that it is about."""
    return finding if finding.link or not finding.field else replace(finding, link=f"{form}#f-{finding.field}")


def _files(actor: Actor, model: FiledModel, row: Any) -> bool:
    try:
        filing_rights.may_file(db.session, actor, model, row, snapshot(row))
    except Refusal:
        return False
    return True


def _own(actor: Actor, application: Any) -> bool:
    try:
        submissions.own_application(actor, application)
    except Refusal:
        return False
    return True


def _last_decided(row: Any) -> Any:
    return (
        select(Version)
        .where(Version.entity == row.__tablename__, Version.entity_id == row.id)
        .where(Version.state.in_(["approved", "rejected"]))
        .order_by(Version.number.desc())
        .limit(1)
    )


def _names(versions: list[Version]) -> dict[int | None, str]:
    ids = (key for v in versions for key in (v.edited_by_id, v.submitted_by_id, v.decided_by_id))
    return submissions.names_of(db.session, ids)
