"""现场标注位置 and 信息纠错 on the phone (ELV-08): beside the elevator, by its worker or its use unit."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.field.forms import files_of
from app.field.gate import seen
from app.field.pages import came_from, field, signed_in
from app.models import Application, Elevator
from app.models.choices import APPLICATION_STATE, NETWORK, PLATE_STATE
from app.models.policy import policy_value
from app.models.position import CAPTURE_OUTCOME
from app.permissions import Verb, require
from app.policy import Key
from app.rules import positions
from app.rules.lifecycle import ApplicationKind
from app.rules.positions import LEAST_SAMPLES
from app.transaction import transaction
from app.views.approval.applying import earlier, said_by
from app.views.frame import filed
from app.workflows.approval import submissions
from app.workflows.approval.filing_fields import label, snapshot
from app.workflows.filing import captures, corrections
from app.workflows.filing.captures import Survey
from app.workflows.on_site import presence

NETWORKS = ("none", "unicom", "mobile", "telecom")
CHOICES = {"plate_state": PLATE_STATE, "network": NETWORK}


@field.get("/position/<string:code>")
@signed_in
def position(code: str) -> Any:
    """What the record says of the place, and the form that takes readings."""
    require(g.actor, Verb.ELEVATOR_SURVEY)
    return _position_page(_elevator(code), [], 200)


@field.post("/position/<string:code>")
@signed_in
def capture_position(code: str) -> Any:
    require(g.actor, Verb.ELEVATOR_SURVEY)
    row = _elevator(code)
    key, back = row.id, url_for("field.position", code=row.code)
    survey = Survey(
        positions.samples_of(request.form.get("samples", "")), request.form.get("plate_state", "")[:20] or None,
        _network(), request.form.get("note", "")[:400],
    )  # fmt: skip
    try:
        with transaction(db.session) as session:
            photos = files_of(session, "photo", "application")
            done = captures.capture(session, g.actor, key, survey, clock.now(), photos)
            sent, placed = done.application is not None, done.placed
    except Refusal as refusal:
        return _position_page(_elevator(code), [f for f in refusal.findings if not f.ok], refusal.status_code)
    if sent:
        flash(_("位置与档案不同，已送监管部门审核；审核通过后生效"), "success")
    else:
        flash(_("位置已标注，可以签到") if placed else _("已更新"), "success")
    return redirect(back)


@field.get("/correct/<string:code>")
@signed_in
def correct(code: str) -> Any:
    """纠: each thing as the record has it, and room for what is right."""
    require(g.actor, Verb.ELEVATOR_SURVEY)
    return _correct_page(_elevator(code), [], 200)


@field.post("/correct/<string:code>")
@signed_in
def send_correction(code: str) -> Any:
    require(g.actor, Verb.ELEVATOR_SURVEY)
    row = _elevator(code)
    key, back = row.id, url_for("field.correct", code=row.code)
    changes = {name: request.form.get(name, "")[:300] for name in corrections.FIELDS}
    try:
        with transaction(db.session) as session:
            photos = files_of(session, "photo", "application")
            made = corrections.correct(
                session, g.actor, key, changes, request.form.get("reason", "")[:600], photos, clock.now()
            )
            number = made.number
    except Refusal as refusal:
        return _correct_page(_elevator(code), [f for f in refusal.findings if not f.ok], refusal.status_code)
    flash(_("已送审，编号 %(n)s；审核前档案不变", n=number), "success")
    return redirect(back)


def _elevator(code: str) -> Elevator:
    return seen(code[: presence.LONGEST_TEXT]) or abort(404)


def _network() -> str | None:
    ticked = [name for name in request.form.getlist("network")[:5] if name]
    found = positions.network_of(ticked)
    # Both at once is no answer: told as the choice that there is not.
    return _("无网络和其他") if found == "" else found


def _position_page(row: Elevator, findings: list[Finding], status: int) -> Any:
    today = clock.today()
    page = render_template(
        "ta/field/position.html", title=_("现场标注位置"), row=row, findings=findings,
        back=came_from(url_for("field.gate", code=row.code)), form=request.form,
        plates=PLATE_STATE, networks=[(n, NETWORK[n]) for n in NETWORKS],
        ticked=request.form.getlist("network") or _ticked(row.network), least=LEAST_SAMPLES, local=clock.local,
        most=policy_value(db.session, Key.CAPTURE_METRES, row.region_code, today), outcomes=CAPTURE_OUTCOME,
        history=captures.of_elevator(db.session, g.actor, row.id, 5), waiting=_waiting(row),
        own=g.actor.unit_id in (row.maintenance_unit_id, row.use_unit_id), may_check_in=g.actor.may(Verb.VISIT_MAKE),
    )  # fmt: skip
    return page, status


def _ticked(network: str | None) -> list[str]:
    if network == "all":
        return list(NETWORKS[1:])
    return network.split("_") if network else []


def _correct_page(row: Elevator, findings: list[Finding], status: int) -> Any:
    words = filed.words_of_many(Elevator, [snapshot(row)])[0]
    rows = [(name, label(Elevator, name), words.get(name, "—"), CHOICES.get(name)) for name in corrections.FIELDS]
    waiting = _waiting(row)
    page = render_template(
        "ta/field/correct.html", title=_("信息纠错"), back=came_from(url_for("field.gate", code=row.code)), row=row,
        rows=rows, findings=findings, form=request.form or said_by(earlier(ApplicationKind.CORRECTION, row.id)),
        waiting=waiting,
        state=None if waiting is None else APPLICATION_STATE[waiting.state], most=corrections.LONGEST_REASON,
    )  # fmt: skip
    return page, status


def _waiting(row: Elevator) -> Application | None:
    """The correction that is under review, whoever made it: a second one would be refused."""
    return submissions.open_of(db.session, corrections.KIND.value, Elevator.__tablename__, row.id)
