"""Can this happen? on the phone (GAT-01): the conditions that the desk and the API give, with ways out from here.

A worker leads on to check-in, check-out and his records, the use unit to its reviews and daily checks; what can only
be done at the desk is led to its page there.
"""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.field.pages import came_from, field, signed_in
from app.models import Elevator
from app.permissions import Actor, Verb, require
from app.workflows.desk import gates
from app.workflows.on_site import presence, sites


@field.get("/gate")
@signed_in
def gate() -> Any:
    """Choose an elevator by its code, or by a scanned address, and something to do with it."""
    require(g.actor, Verb.ELEVATOR_READ)
    text = request.args.get("code", "").strip()[: presence.LONGEST_TEXT]
    whats = asked_for(g.actor)
    what = request.args.get("what", "")
    what = what if what in whats else next(iter(whats))
    # Of the own unit's whose filing waits it is told how it stands, as at a check-in.
    row, findings = seen(text) or sites.unapproved_of(db.session, g.actor, text), []
    if row is not None:
        findings = gates.of_elevator(db.session, g.actor, row, what, clock.now())
    elif text:
        flash(_("没有找到电梯 %(c)s，或不在您的权限内", c=text[:24]), "warning")
        return redirect(url_for("field.gate"))
    return render_template(
        "ta/field/gate.html", title=_("能不能办"), back=came_from(url_for("field.me")), row=row, what=what,
        whats=whats, text=text, findings=sorted(findings, key=lambda f: (f.ok, f.level != "fail")),
        stops=[f for f in findings if f.stops], way=_way(row, what, findings) if row is not None else None,
    )  # fmt: skip


def asked_for(actor: Actor) -> dict[str, str]:
    """What this account can have a part in: a worker his check-in, others what they may apply for or sign."""
    if actor.may(Verb.VISIT_MAKE) and not actor.may(Verb.APPLICATION_SUBMIT):
        return {gates.CHECK_IN: gates.WORDS[gates.CHECK_IN]}
    return gates.WORDS


def seen(text: str) -> Elevator | None:
    found = presence.elevator_of(db.session, text) if text else None
    if found is None:
        return None
    try:
        row: Elevator = scope.visible(db.session, g.actor, Elevator, found.id)
    except Refusal:
        return None
    return row


def _way(row: Elevator, what: str, findings: list[Finding]) -> tuple[str, str] | None:
    """Where it is done once nothing stops it: words and address."""
    if any(f.stops for f in findings):
        return None
    if what == gates.CHECK_IN:
        return (_("去签到"), f"/m/e/{row.code}") if g.actor.may(Verb.VISIT_MAKE) else None
    if what in (gates.CONTRACT, gates.RENEWAL):
        return (_("去维保合同"), "/contracts/") if g.actor.may(Verb.CONTRACT_EDIT) else None
    if not g.actor.may(Verb.APPLICATION_SUBMIT):
        return None
    return _("去申请"), f"/elevators/{row.id}/apply/{what}"
