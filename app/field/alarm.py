"""有人被困, by whoever works with the elevator and does not stand before its label: a guard who hears the bell.

It is chosen out of one's own and reported behind its code, as people before it do; what runs already is opened.
"""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template
from flask_babel import gettext as _

from app.field.pages import field, signed_in
from app.field.repairs import form_of, named
from app.permissions import Verb, require


@field.get("/rescues/new")
@signed_in
def alarm() -> Any:
    """Choose the elevator; an open case or the form to report one follows, else the page says whom to phone."""
    require(g.actor, Verb.REPAIR_REPORT)
    elevator = named()
    shown = form_of(elevator, [])
    there = shown["rescue"]["case"] or shown["rescue"]["report"]
    if elevator is not None and there:
        return redirect(there)
    return render_template("ta/field/alarm.html", title=_("困人报警"), tab="", **shown)
