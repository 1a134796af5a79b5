"""整批补正: what an officer returned of a batch is put right once, for all of them, and sent again by a job."""

from __future__ import annotations

from collections.abc import Mapping
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
from app.rules.lifecycle import ApplicationKind
from app.telling import language
from app.transaction import transaction
from app.views.approval import filing_forms, many_forms
from app.views.approval.applying import said_by
from app.views.frame import screens, uploads
from app.views.frame.told import told
from app.workflows.approval import submissions
from app.workflows.desk import applications, apply_many, mend_many


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
            kept=_ticked() if request.method == "POST" else [*(paper.sha256 for paper in found.papers), mend_many.REST],
            most=mend_many.MOST_PAPERS,
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
        one = found.one
        if one.elevator is None:
            abort(404)
        keep = mend_many.kept(found, _ticked())
        files = len([paper for paper in found.papers if paper.sha256 in keep]) + uploads.chosen("files")
        what, held = many_forms.what_of(one), applications.filed_of(db.session, one)
        said = many_forms.typed(what, one.elevator, held)
        form = many_forms.understood(what, said, one.elevator, [0] * files, one.id)
        now = clock.now()

        def papers() -> list[int]:
            return uploads.kept(
                session, "files", apply_many.PAPER, apply_many.HOLDER, None, g.actor.unit_id, g.actor.region_code, now
            )

        with transaction(db.session) as session:
            return mend_many.enter(session, g.actor, batch, found, form, keep, language(), now, papers)


def _held(row: Application, what: many_forms.What) -> Mapping[str, Any]:
    """What one of them says, as the form begins: units by their names, persons' numbers masked."""
    if what.kind is ApplicationKind.UNIT_CHANGE:
        return row.data
    return filing_forms.masked_numbers(Elevator, said_by(row))


def _ticked() -> set[str]:
    return set(request.form.getlist("keep"))


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("MendMany", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(MendMany)
