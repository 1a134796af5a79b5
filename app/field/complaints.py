"""Complaints on the phone (CMP-03): the worker accepts and handles, the use unit reviews; the desk's own deeds."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.field import lists
from app.field.forms import files_of
from app.field.pages import came_from, field, signed_in
from app.listing import moment
from app.listings import complaints as listed
from app.models import Complaint
from app.models.choices import word
from app.models.complaint import COMPLAINT_STATE
from app.permissions import Verb, require
from app.views.frame.account_forms import run
from app.views.oversight.complaints import TONES, facts, limit_of, turn
from app.workflows.public import complaints

MOST = 50
TABS = ("waiting", "accepted", "handled", "closed", "late", "all")


@field.get("/complaints")
@signed_in
def complaint_list() -> Any:
    """By state, those whose limit is nearest first; what waits for the reader is shown first."""
    require(g.actor, Verb.COMPLAINT_READ)
    now = moment(db.session, g.actor)
    first = "handled" if g.actor.may(Verb.COMPLAINT_REVIEW) else "waiting"
    tab = request.args.get("tab", first)
    tab = tab if tab in TABS else first
    declared = {one.key: one for one in listed.COMPLAINTS.tabs}
    statement = scope.apply(select(Complaint).options(*listed.COMPLAINTS.load), g.actor, Complaint)
    criterion = declared[tab].criterion
    if criterion is not None:
        statement = statement.where(criterion(now))
    q = " ".join(request.args.get("q", "")[:60].split())
    statement = lists.holding(statement, listed.COMPLAINTS.search, q)
    order = (Complaint.due_at.is_(None), Complaint.due_at, Complaint.complained_at.desc(), Complaint.id.desc())
    statement = statement.order_by(*order).execution_options(skip_scope=True)
    rows, newer, older = lists.paged(db.session, statement, MOST)
    return render_template(
        "ta/field/complaints.html", title=_("公众投诉"), rows=rows, tab_now=tab, tab="complaints",
        tabs=[(key, str(declared[key].label)) for key in TABS], limit_of=limit_of, kinds_of=listed.kinds_of,
        late_of=listed.late_of, state_of=lambda row: word(COMPLAINT_STATE, row.state), tones=TONES, local=clock.local,
        back=came_from(url_for("field.home")), q=q, turn_of=lambda row: turn(row, g.actor), newer=newer, older=older,
    )  # fmt: skip


@field.get("/complaints/<int:pk>")
@signed_in
def complaint(pk: int) -> Any:
    require(g.actor, Verb.COMPLAINT_READ)
    return _page(pk, [], 200)


@field.post("/complaints/<int:pk>")
@signed_in
def complaint_step(pk: int) -> Any:
    """The one step that the button names."""
    require(g.actor, Verb.COMPLAINT_READ)
    scope.visible(db.session, g.actor, Complaint, pk, _("这件投诉"))
    verb, note = request.form.get("verb", "")[:20], request.form.get("note", "")[:2000]

    def step(session: Any) -> None:
        if verb == "accept":
            complaints.accept(session, g.actor, pk, clock.now())
        elif verb == "handle":
            photos = files_of(session, "photo", "complaint")
            complaints.handle(session, g.actor, pk, note, clock.now(), photos)
        else:
            agreed = {"agree": True, "disagree": False}.get(verb)
            complaints.review(session, g.actor, pk, agreed, note, clock.now())

    _done, findings, status = run(step)
    if findings:
        return _page(pk, findings, status)
    said = {"accept": _("已接单"), "handle": _("处置已提交，等待使用单位复核")}
    flash(said.get(verb, _("已复核")), "success")
    return redirect(url_for("field.complaint", pk=pk))


def _page(pk: int, findings: list[Finding], status: int) -> Any:
    row: Complaint = scope.visible(db.session, g.actor, Complaint, pk, _("这件投诉"))
    page = render_template(
        "ta/field/complaint.html", title=_("投诉"), findings=findings, form=request.form,
        back=url_for("field.complaint_list"), tab="", **facts(row, g.actor),
    )  # fmt: skip
    return page, status
