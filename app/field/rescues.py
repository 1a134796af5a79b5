"""Rescues on the phone (RES-06): the notice leads here; accept, arrive, free, hand on to a colleague.

A weak net sends twice and late: what was done is not done again, our clock counts and the phone's is kept.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.field import lists
from app.field.pages import came_from, field, first_page, signed_in
from app.listing import moment
from app.listings import rescues as listed
from app.models import Rescue
from app.models.choices import word
from app.models.rescue import RESCUE_STATUS
from app.permissions import Verb, require
from app.transaction import transaction
from app.views.frame.account_forms import number
from app.views.safety.rescue_pages import FIELDS, facts
from app.views.safety.rescues import TONES, badge_pill, limit_of
from app.workflows.rescue import rescue_answers, rescue_course
from app.workflows.rescue.rescue_course import Sent

MOST = 50
TABS = ("open", "dispatched", "accepted", "arrived", "late", "entrapment", "all")


@field.get("/rescues")
@signed_in
def rescue_list() -> Any:
    """What is open first; then by step, and what was late."""
    require(g.actor, Verb.RESCUE_READ)
    now = moment(db.session, g.actor)
    tab = request.args.get("tab", "open")
    tab = tab if tab in TABS else "open"
    declared = {one.key: one for one in (*listed.RESCUES.tabs, *listed.RESCUE_CENTRE.tabs)}
    labels = {"open": _("处置中")} | {key: str(declared[key].label) for key in TABS if key in declared}
    statement = scope.apply(select(Rescue), g.actor, Rescue).where(listed.ALONE)
    statement = statement.options(joinedload(Rescue.elevator))
    criterion = declared[tab].criterion if tab in declared else None
    if tab == "open":
        statement = statement.where(listed.OPEN)
    elif criterion is not None:
        statement = statement.where(criterion(now))
    q = " ".join(request.args.get("q", "")[:60].split())
    statement = lists.holding(statement, listed.RESCUE_CENTRE.search, q)
    statement = statement.order_by(Rescue.reported_at.desc(), Rescue.id.desc()).execution_options(skip_scope=True)
    rows, newer, older = lists.paged(db.session, statement, MOST)
    return render_template(
        "ta/field/rescues.html", title=_("困人救援"), rows=rows, tab_now=tab, tab="rescues",
        tabs=[(key, labels[key]) for key in TABS], limit_of=limit_of, badge_of=badge_pill, tones=TONES,
        state_of=lambda row: word(RESCUE_STATUS, row.status), local=clock.local,
        back=None if first_page(g.actor) == "field.rescue_list" else came_from(url_for("field.home")), q=q,
        newer=newer, older=older,
    )  # fmt: skip


@field.get("/rescues/<int:pk>")
@signed_in
def rescue(pk: int) -> Any:
    require(g.actor, Verb.RESCUE_READ)
    return _page(pk, [], 200)


@field.post("/rescues/<int:pk>")
@signed_in
def rescue_step(pk: int) -> Any:
    """The one step that the button names."""
    require(g.actor, Verb.RESCUE_READ)
    scope.visible(db.session, g.actor, Rescue, pk, _("这件救援"))
    verb, sent, now = request.form.get("verb", "")[:20], _sent(), clock.now()
    try:
        with transaction(db.session) as session:
            if verb == "accept":
                rescue_answers.accept(session, g.actor, pk, now, sent)
            elif verb == "arrive":
                rescue_answers.arrive(session, g.actor, pk, now, sent)
            elif verb == "pass":
                worker = number(request.form.get("worker_id", "")[:9]) or 0
                rescue_answers.pass_on(session, g.actor, pk, worker, request.form.get("note", "")[:2000], now)
            else:
                form = {name: request.form.get(name, "")[:2000] for name in FIELDS}
                rescue_answers.free(session, g.actor, pk, form, now, sent)
    except Refusal as refusal:
        return _page(pk, [f for f in refusal.findings if not f.ok], refusal.status_code)
    said = {"accept": _("已接单，请立即出发"), "arrive": _("已到达"), "pass": _("已转派")}
    flash(said.get(verb, _("已救出，辛苦了")), "success")
    return redirect(url_for("field.rescue", pk=pk))


def _page(pk: int, findings: list[Finding], status: int) -> Any:
    row: Rescue = scope.visible(db.session, g.actor, Rescue, pk, _("这件救援"))
    page = render_template(
        "ta/field/rescue.html", title=_("困人救援"), findings=findings, form=request.form,
        back=url_for("field.rescue_list"), tab="", **facts(row, g.actor),
    )  # fmt: skip
    return page, status


def _sent() -> Sent:
    """The phone's clock and position, where it gave any that can be."""
    return Sent(_instant(request.form.get("phone_at", "")[:40]), *_point())


def _instant(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return rescue_course.believed(found, clock.now())


def _point() -> tuple[float | None, float | None]:
    texts = [request.form.get(name, "")[:20] for name in ("latitude", "longitude")]
    if not all(re.fullmatch(r"-?\d{1,3}(\.\d{1,12})?", text) for text in texts):
        return None, None
    latitude, longitude = map(float, texts)
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else (None, None)
