"""Joining a colleague's visit on the phone (MNT-11)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.field.pages import field, gate_page, position_of, signed_in
from app.permissions import Verb, require
from app.transaction import transaction
from app.workflows import companions, presence


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
