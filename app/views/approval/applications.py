"""An application's page: old | new, checks and decision for the officer, progress and opinions for the applicant."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Application, Attachment, Declaration, GradeCertificate, Version
from app.permissions import Verb
from app.rules.approval import WAITING_STATES
from app.transaction import transaction
from app.views.approval import appeals, filed_papers, mending, narrowing
from app.views.approval.application_words import asked_words, comes_of
from app.views.approval.applying import day_of, store_files
from app.views.approval.narrowing import Narrowing, is_number
from app.views.frame import desks, filed, person_words, screens
from app.views.frame.clock_words import approval_due
from app.views.frame.filing_words import WORDS
from app.views.frame.told import told
from app.workflows.approval import effects, seconds, submissions
from app.workflows.approval.submissions import FILING_KINDS, REFILED_KINDS
from app.workflows.desk import applications, field_remarks, mend_many, revocations
from app.workflows.filing import filing
from app.workflows.people import person_filing

MOST_COUNTED = 1001
MOST_REMARKS = 200
WAITING = [s.value for s in WAITING_STATES]


class ApplicationPages(BaseView):
    """Page, decision, withdrawal, correction."""

    route_base = "/applications"
    default_view = "page"

    @expose("/<int:key>", methods=["GET"])
    @has_access
    @permission_name("read")
    @no_cache
    def page(self, key: int) -> Any:
        return self._page(_row(key), [], 200)

    @expose("/<int:key>/decision", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, key: int) -> Any:
        """Decide what was seen; then the next one opens. Whatever is refused, the opinion stays on the page."""
        row = _row(key)
        verb, opinion = request.form.get("verb", ""), request.form.get("opinion", "")
        try:
            with transaction(db.session):
                seen, remarks = _seen("seen_version"), _remarks()
                applications.decide(db.session, g.actor, row.id, verb, opinion, seen, clock.now(), remarks)
        except Refusal as refusal:
            return self._page(_row(key), [f for f in refusal.findings if not f.ok], refusal.status_code)
        row = _row(key)
        flash(_("%(n)s：%(v)s", n=row.number, v=WORDS.state(row.kind, row.state)), "success")
        within = narrowing.read(request.args).around(row)
        if verb == "accept":
            return redirect(f"/applications/{key}{within.address}")
        following = _following(row, within, clock.now())
        if following is None:
            return redirect(f"/applications/queue{within.address}")
        return redirect(f"/applications/{following.id}{within.address}")

    @expose("/<int:key>/withdraw", methods=["POST"])
    @has_access
    @permission_name("read")
    def withdraw(self, key: int) -> Any:
        try:
            with transaction(db.session):
                applications.withdraw(db.session, g.actor, _row(key).id, clock.now())
        except Refusal as refusal:
            return self._page(_row(key), [f for f in refusal.findings if not f.ok], refusal.status_code)
        flash(_("已撤回"), "success")
        return redirect(f"/applications/{key}")

    @expose("/<int:key>/revoke", methods=["POST"])
    @has_access
    @permission_name("decide")
    def revoke(self, key: int) -> Any:
        """Take back an approval that waits for its day."""
        row, reason = _row(key), request.form.get("revoke_reason", "")[:2000]
        try:
            with transaction(db.session):
                revocations.revoke(db.session, g.actor, row.id, reason, _seen("seen_version"), clock.now())
        except Refusal as refusal:
            return self._page(_row(key), [f for f in refusal.findings if not f.ok], refusal.status_code)
        row = _row(key)
        flash(_("已提出撤销批准，等待第二人确认") if row.state == "approved" else _("已撤销批准"), "success")
        return redirect(f"/applications/{key}")

    @expose("/<int:key>/resubmit", methods=["POST"])
    @has_access
    @permission_name("read")
    def resubmit(self, key: int) -> Any:
        """Send back what was returned, mended; files already there are kept unless they are taken off."""
        row = _row(key)
        on, bad = day_of(request.form.get("effective_on"))
        kept = [k for k in row.data.get("attachments", []) if f"keep_{k}" in request.form]
        try:
            if bad:
                raise Refusal(Finding(_("日期"), False, _("“%(d)s”不是日期", d=bad), _("请按 2026-11-20 填写")))
            mended, wrong = mending.typed(row)
            if wrong:
                raise Refusal(wrong)
            with transaction(db.session):
                now = clock.now()
                added = store_files(row, now)
                applications.resubmit(
                    db.session, g.actor, row.id, effective_on=on, reason=request.form.get("reason", ""),
                    attachments=[*kept, *added], at=now, mended=mended,
                )  # fmt: skip
        except Refusal as refusal:
            return self._page(_row(key), [f for f in refusal.findings if not f.ok], refusal.status_code)
        flash(_("已重新提交"), "success")
        return redirect(f"/applications/{key}")

    # --- parts

    def _page(self, row: Application, findings: list[Finding], status: int) -> Any:
        now = clock.now()
        own = _may_withdraw(row)
        may_decide = applications.waits_for(g.actor, row)
        checks = applications.checks_shown(db.session, g.actor, row, now)
        barred = applications.barred(db.session, g.actor, row) if may_decide else []
        version = db.session.get(Version, row.version_id) if row.version_id else None
        changed: list[filed.Line] = []
        same: list[filed.Line] = []
        base_number = 0
        if version is not None and row.kind in FILING_KINDS:
            model = filing.MODEL[row.entity]
            changed, same = filed.comparison(model, filing.base_of(db.session, version), version.data)
            base_number = version.base_number
        if version is not None and row.kind == person_filing.KIND:
            old, new = filing.base_of(db.session, version), version.data
            changed, same = person_words.comparison(old, new)
            base_number = version.base_number
        refused, mended = _refused(row, version)
        steps = applications.steps(db.session, row)
        within = narrowing.read(request.args).around(row) if may_decide else Narrowing()
        following = _following(row, within, now) if may_decide else None
        order = {"fail": 0, "warn": 1}
        page = self.render_template(
            "ta/filing/application.html", title=f"{WORDS.kind[row.kind]} {row.number}", row=row, findings=findings,
            words=WORDS, steps=steps, version=version, changed=changed, same=same, base_number=base_number,
            refused=refused, mended=mended,
            names=submissions.names_of(db.session, (k for s in steps for k in (s.actor_id, s.on_behalf_of_id))),
            two_persons=may_decide and seconds.asked_for(db.session, row, now), behalf=_behalf(row, now, may_decide),
            checks=sorted(checks, key=lambda f: 2 if f.ok else order[f.level]),
            due=approval_due(row), may_decide=may_decide, today=clock.local_day(now),
            own=own, files=files_of(row), following=following, subject=_subject_link(row),
            next_due=approval_due(following) if following else None,
            opinion=request.form.get("opinion", ""), verb=request.form.get("verb", ""),
            papers=filed_papers.beside(row), remarks=field_remarks.of_application(row),
            names_of_fields=_names_of(row), is_marked=field_remarks.may_have(row),
            is_filing=row.kind in REFILED_KINDS, asked=asked_words(row), refile=mending.refile(row),
            returned=mend_many.count(db.session, g.actor, row.batch) if own and row.state == "returned" else 0,
            again=mending.again(row), mends=mending.fields(row, findings) if own and row.state == "returned" else [],
            within=within.address, place=_place(row, within, now) if may_decide else None,
            figures=appeals.figures_of(row),
            appeal=appeals.offered_on(row), barred=barred,
            said_lately=applications.said_lately(db.session, g.actor) if may_decide and not barred else [],
            revoking=_revoking(row, now), deciding=_deciding(row, now) if may_decide else {},
        )  # fmt: skip
        return page, status


def _refused(row: Application, version: Version | None) -> tuple[Application | None, list[filed.Line]]:
    """The filing that was turned down before this one, while this waits, and in which fields this one differs."""
    before = field_remarks.refused_before(db.session, row) if row.is_open and field_remarks.may_have(row) else None
    was = db.session.get(Version, before.version_id) if before is not None and before.version_id else None
    if was is None or version is None:
        return before, []
    if row.kind == person_filing.KIND:
        return before, person_words.comparison(was.data, version.data)[0]
    return before, filed.comparison(filing.MODEL[row.entity], was.data, version.data)[0]


def _remarks() -> dict[str, str]:
    """What the officer wrote under single fields and papers."""
    sent = {name.removeprefix("wrong_"): text for name, text in request.form.items() if name.startswith("wrong_")}
    return dict(list(sent.items())[:MOST_REMARKS])


def _names_of(row: Application) -> dict[str, str]:
    """How its form calls its parts, where they can be remarked on."""
    if not field_remarks.may_have(row):
        return {}
    return {name: told(field_remarks.label(row.entity, name)) for name in field_remarks.parts(row.entity)}


def _deciding(row: Application, now: Any) -> dict[str, str]:
    """The decisions that can be chosen, with what each brings."""
    verbs = ("approve", "reject") if row.kind in REFILED_KINDS else ("approve", "return", "reject")
    return {verb: comes_of(row, verb, now) for verb in verbs}


def _revoking(row: Application, now: Any) -> dict[str, Any] | None:
    """What the form to revoke says: whether two must, and what the first one said."""
    if not revocations.may_revoke(db.session, g.actor, row, now):
        return None
    first = revocations.asked_by(db.session, row)
    return {"two": row.endorsed_by_id is not None, "reason": first.opinion if first is not None else ""}


def _behalf(row: Application, now: Any, may_decide: bool) -> str:
    """For whom the officer stands in here."""
    owner = seconds.on_behalf(db.session, g.actor, row, now) if may_decide else None
    return submissions.name_of(db.session, owner) if owner is not None else ""


def _row(key: int) -> Application:
    desks.sit_at(key)
    try:
        row: Application = scope.visible(db.session, g.actor, Application, key, "这件申请")
    except Refusal:
        abort(404)
    return row


def _seen(name: str) -> int:
    """The version on the officer's page; without one nothing was seen, and nothing is decided."""
    text = request.form.get(name, "")
    return int(text) if is_number(text, 10) else 0


def _may_withdraw(row: Application) -> bool:
    verb = Verb.FILING_SUBMIT if row.kind in REFILED_KINDS else Verb.APPLICATION_SUBMIT
    if not (row.is_open or effects.may_be_called_off(row, clock.today())) or not g.actor.may(verb):
        return False
    try:
        submissions.own_application(g.actor, row)
    except Refusal:
        return False
    return True


def files_of(row: Application) -> list[Attachment]:
    ids = row.data.get("attachments", [])
    if not ids:
        return []
    statement = scope.apply(select(Attachment).where(Attachment.id.in_(ids)), g.actor)
    found = {a.id: a for a in db.session.scalars(statement)}
    return [found[key] for key in ids if key in found]


def _subject_link(row: Application) -> str | None:
    if row.kind == "appeal" and g.actor.stands_for is None:
        return appeals.record_link(row)
    pages = {
        "unit": ("/units/", Verb.UNIT_READ), "elevator": ("/elevators/", Verb.ELEVATOR_READ),
        "contract": ("/contracts/", Verb.CONTRACT_READ), "person": ("/people/", Verb.PERSON_READ),
    }  # fmt: skip
    if row.entity in ("grade_certificate", "declaration") and g.actor.stands_for is None:
        model = GradeCertificate if row.entity == "grade_certificate" else Declaration
        paper: Any = db.session.get(model, row.entity_id)
        return f"/people/{paper.person_id}" if paper is not None and g.actor.may(Verb.PERSON_READ) else None
    base, verb = pages.get(row.entity, ("", None))
    if g.actor.stands_for is not None or (row.entity == "elevator" and not mending.sees_elevator(row)):
        return None
    return f"{base}{row.entity_id}" if verb is not None and g.actor.may(verb) else None


def _following(row: Application, within: Narrowing, now: dt.datetime) -> Application | None:
    """The next one of what the officer goes through."""
    return applications.next_waiting(
        db.session, g.actor, after=row, narrowed=lambda statement: within.narrowed(statement, now)
    )


def _place(row: Application, within: Narrowing, now: dt.datetime) -> tuple[str, str]:
    """Which one of how many of what the officer goes through; counted to a thousand."""
    waiting = scope.apply(select(Application.id, Application.due_at), g.actor, Application).where(
        Application.is_open.is_(True), Application.state.in_(WAITING), applications.not_own(g.actor)
    )
    waiting = within.narrowed(waiting, now)
    total = db.session.scalar(select(func.count()).select_from(waiting.limit(MOST_COUNTED).subquery())) or 0
    before = waiting
    if row.due_at is not None:
        before = waiting.where(
            (Application.due_at < row.due_at) | ((Application.due_at == row.due_at) & (Application.id < row.id))
        )
    ahead = db.session.scalar(select(func.count()).select_from(before.limit(MOST_COUNTED).subquery())) or 0
    return _counted(ahead + 1), _counted(total)


def _counted(n: int) -> str:
    return f"{MOST_COUNTED - 1:,}+" if n >= MOST_COUNTED else f"{n:,}"


def register(appbuilder: Any) -> None:
    """Add the pages and say which verb each needs."""
    screens.declare("ApplicationPages", "can_read", Verb.APPLICATION_READ)
    screens.declare("ApplicationPages", "can_decide", Verb.APPLICATION_DECIDE)
    appbuilder.add_view_no_menu(ApplicationPages)
