"""整批补正: what an officer returned of a batch is put right once, for all of them, and sent again by a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Application, Elevator
from app.permissions import Verb
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.telling import language
from app.transaction import hold, transaction
from app.views.approval import filing_forms, many_forms
from app.views.approval.applying import said_by
from app.views.frame import screens, uploads
from app.views.frame.told import told
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.core import jobs
from app.workflows.desk import applications, apply_many, many, mend_many
from app.workflows.files import attachments

# So many files have a line of their own; each application may have been put right singly with one that none else has.
MOST_PAPERS, REST = 30, "rest"


class MendMany(BaseView):
    """The page."""

    route_base = "/applications/batch"
    default_view = "mend"

    @expose("/<int:batch>/mend", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def mend(self, batch: int) -> Any:
        """The form, begun with what the batch says now; sent, a job sends each again."""
        found = mend_many.returned(db.session, g.actor, batch)
        if found is None and request.method == "GET":
            abort(404)
        findings, status = list[Finding](), 200
        if request.method == "POST":
            try:
                return redirect(url_for("Jobs.show", job_id=self._enter(batch, found)))
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
                if found is None:
                    flash(told(str(refusal)), "warning")
                    return redirect(submissions.list_of_batch(batch))
        assert found is not None
        kind = ApplicationKind(found.one.kind)
        typed = {"effective_on": "", "reason": ""} | said_by(found.one) | request.form.to_dict()
        typed["effective_on"] = typed["effective_on"] or clock.today().isoformat()
        one, what = found.one.elevator or Elevator(), many_forms.what_of(found.one)
        page = self.render_template(
            "ta/lifecycle/many_mend.html", title=_("整批补正：%(kind)s", kind=what.label), batch=batch,
            found=found, findings=findings, form=typed,
            fields=many_forms.fields(what, one, _held(found.one, what), findings),
            needs_reason=kind not in many_forms.NO_REASON, paper=many_forms.paper(what),
            blank_stays=what.cause is not None,
            kept=_ticked() if request.method == "POST" else [*(paper.sha256 for paper in found.papers), REST],
            most=MOST_PAPERS,
            back=f"{submissions.list_of_batch(batch)}&tab=returned",
        )  # fmt: skip
        return page, status

    def _enter(self, batch: int, found: mend_many.Returned | None) -> int:
        """Have a job send each of them again, unless the form itself is wrong; the job's number."""
        seen = request.form.get("seen", "")
        going_on = mend_many.going_on(db.session, g.actor, seen)
        if going_on is not None:
            return going_on
        found = mend_many.as_asked(found, seen)
        one, kind = found.one, ApplicationKind(found.one.kind)
        if one.elevator is None:
            abort(404)
        keep = _kept(found)
        files = len([paper for paper in found.papers if paper.sha256 in keep]) + uploads.chosen("files")
        held = applications.filed_of(db.session, one)
        form = many_forms.understood(many_forms.what_of(one), one.elevator, files, one.id, held)
        now = clock.now()
        with transaction(db.session) as session:
            hold(session, f"apply:{g.actor.user_id}")
            going_on = mend_many.going_on(session, g.actor, seen)
            if going_on is not None:
                return going_on
            made = uploads.kept(
                session, "files", apply_many.PAPER, apply_many.HOLDER, None, g.actor.unit_id, g.actor.region_code, now
            )
            form = replace(form, files=made)
            title = say("整批补正%(kind)s：%(n)s 件", kind=KIND_LABELS[kind], n=len(found.seen))
            params = {
                "batch": batch, "chosen": many.as_params(found.seen), "seen": seen, "form": form.as_dict(),
                "keep": keep, "language": language(), "back": submissions.list_of_batch(batch),
            }  # fmt: skip
            job = jobs.enqueue(session, g.actor, now, mend_many.KIND, title, params)
            attachments.adopt(session, g.actor, made, apply_many.HOLDER, job.id)
            return job.id


def _held(row: Application, what: many_forms.What) -> Mapping[str, Any]:
    """What one of them says, as the form begins: units by their names, persons' numbers masked."""
    if what.kind is ApplicationKind.UNIT_CHANGE:
        return row.data
    return filing_forms.masked_numbers(Elevator, said_by(row))


def _ticked() -> set[str]:
    return set(request.form.getlist("keep"))


def _kept(found: mend_many.Returned) -> list[str]:
    """The files that stay, by their bytes; those that have no line of their own stay together, or none of them."""
    ticked = _ticked()
    own, rest = found.papers[:MOST_PAPERS], found.papers[MOST_PAPERS:]
    return [one.sha256 for one in own if one.sha256 in ticked] + [one.sha256 for one in rest if REST in ticked]


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("MendMany", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(MendMany)
