"""What a passer-by sees who scans an elevator's label: whom to call; a worker goes on to the check-in."""

from __future__ import annotations

from typing import Any

from flask import abort, g, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.extensions import db
from app.field.pages import field
from app.models import Elevator
from app.permissions import Verb

LONGEST_TOKEN = 32


@field.get("/p/<token>")
def passer_by(token: str) -> Any:
    """Open to everybody who holds the label, by its random token only; no address, no unit, no person is told."""
    if len(token) > LONGEST_TOKEN:
        abort(404)
    statement = select(Elevator).where(Elevator.public_token == token, Elevator.approved_version > 0)
    row = db.session.scalar(statement.execution_options(skip_scope=True))
    if row is None:
        abort(404)
    if g.actor.may(Verb.VISIT_MAKE) or g.actor.is_main:
        return redirect(url_for("field.elevator", text=token))
    return render_template(
        "ta/field/public.html", title=_("电梯救援"), code=row.code, phone=row.emergency_phone, token=token
    )
