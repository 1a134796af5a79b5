"""What comes to a visit beside its own forms: a colleague who joins (MNT-11), another photo of the label (MNT-06)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.field.forms import files_of, position_of
from app.field.pages import field, gate_page, own_visit, signed_in, visit_page
from app.permissions import Verb, require
from app.transaction import transaction
from app.workflows.on_site import companions, presence
from app.workflows.visits import label_photos


@field.post("/visits/<int:pk>/join")
@signed_in
def join_visit(pk: int) -> Any:
    """Join a colleague's running visit at the scanned elevator (MNT-11)."""
    require(g.actor, Verb.VISIT_MAKE)
    code, position = request.form.get("code", "")[: presence.LONGEST_TEXT], position_of(request.form)
    try:
        with transaction(db.session) as session:
            companions.join(session, g.actor, pk, code, position, clock.now())
    except Refusal as refusal:
        db.session.rollback()
        return gate_page(code, position, refusal.findings), refusal.status_code
    flash(_("已加入这次维保，签退由签到的人办理"), "success")
    return redirect(url_for("field.elevator", text=code or "-"))


@field.get("/visits/<int:pk>/out")
@field.get("/visits/<int:pk>/sheet")
@field.get("/visits/<int:pk>/label")
@signed_in
def opened_again(pk: int) -> Any:
    """A refused form stays under the address it was sent to; a phone that opens it again lands on the visit.

    Where the phone says it is comes along: the page's conditions are asked for again under this address.
    """
    place: dict[str, Any] = {name: request.args[name] for name in ("latitude", "longitude") if name in request.args}
    return redirect(url_for("field.visit", pk=pk, **place))


@field.post("/visits/<int:pk>/label")
@signed_in
def supply_label(pk: int) -> Any:
    """Send the photo of the label that was asked for once more."""
    own_visit(pk)
    try:
        with transaction(db.session) as session:
            label_photos.supply(session, g.actor, pk, files_of(session, label_photos.KIND), clock.now())
    except Refusal as refusal:
        db.session.rollback()
        return visit_page(own_visit(pk), {}, refusal.findings), refusal.status_code
    flash(_("照片已发送，等待核对"), "success")
    return redirect(url_for("field.visit", pk=pk))
