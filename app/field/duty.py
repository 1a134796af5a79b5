"""Phone pages of a safety officer and a patroller: today's check, the rounds and their stops (SAF-01, PAT-01)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.field.forms import files_of, position_of
from app.field.pages import field, signed_in
from app.models import Elevator, PatrolRound, PatrolStop, SafetyRecord
from app.permissions import Verb, require
from app.views.frame.account_forms import run
from app.workflows.on_site import patrols, safety


@field.get("/safety")
@signed_in
def daily() -> Any:
    """Today's check of the elevators that name me."""
    require(g.actor, Verb.SAFETY_RECORD)
    return _daily([], 200)


@field.post("/safety")
@signed_in
def send_daily() -> Any:
    require(g.actor, Verb.SAFETY_RECORD)
    keys = [key for key in request.form.getlist("elevator_id")[:200] if key.isascii() and key.isdigit()]
    found = [
        {
            "elevator_id": int(key), "found": request.form.get(f"found_{key}", "")[:500],
            "handled": request.form.get(f"handled_{key}", "")[:500],
        }
        for key in keys
    ]  # fmt: skip
    _row, findings, status = run(
        lambda session: safety.record(
            session, g.actor, "daily", clock.today(), found, clock.now(),
            nothing_found=bool(request.form.get("nothing_found")), position=position_of(request.form),
            photo_ids=files_of(session, "photo", "safety_record"),
        )
    )  # fmt: skip
    if findings:
        return _daily(findings, status)
    flash(_("今天的检查已记录"), "success")
    return redirect(url_for("field.daily"))


def _daily(findings: list[Any], status: int) -> Any:
    today = clock.today()
    done = db.session.scalar(
        scope.apply(select(SafetyRecord), g.actor).where(
            SafetyRecord.kind == "daily", SafetyRecord.on == today, SafetyRecord.made_by_id == g.actor.user_id
        )
    )
    own = safety.officers_elevators(db.session, g.actor.unit_id or 0, g.actor.user_id)
    page = render_template(
        "ta/field/daily.html", title=_("日管控"), own=own, done=done, today=today, findings=findings, tab="safety",
        form=request.form, local=clock.local,
    )  # fmt: skip
    return page, status


@field.get("/patrols")
@signed_in
def patrol_list() -> Any:
    """My rounds, the nearest day first."""
    require(g.actor, Verb.PATROL_READ)
    mine = scope.apply(select(PatrolRound), g.actor).where(PatrolRound.account_id == g.actor.user_id)
    rows = db.session.scalars(
        mine.order_by(PatrolRound.closed_at.is_not(None), PatrolRound.due_on, PatrolRound.id.desc()).limit(30)
    ).all()
    return render_template(
        "ta/field/patrols.html", title=_("我的巡检"), rows=rows, today=clock.today(), tab="patrols",
        left=patrols.left_out,
    )  # fmt: skip


@field.get("/patrols/<int:pk>")
@signed_in
def patrol(pk: int) -> Any:
    require(g.actor, Verb.PATROL_READ)
    return _round(pk, [], 200)


@field.post("/patrols/stops/<int:pk>")
@signed_in
def patrol_stop(pk: int) -> Any:
    """The result of one elevator of a round."""
    require(g.actor, Verb.PATROL_READ)
    stop: PatrolStop = scope.visible(db.session, g.actor, PatrolStop, pk, _("这一站"))
    round_id = stop.round_id
    said = {"fine": True, "bad": False}.get(request.form.get("result", ""))
    _row, findings, status = run(
        lambda session: patrols.check(
            session, g.actor, pk, clock.now(), is_fine=said, finding=request.form.get("finding", "")[:500],
            handled=request.form.get("handled", "")[:500], position=position_of(request.form),
            photo_ids=files_of(session, "photo", "patrol_stop"),
        )
    )  # fmt: skip
    if findings:
        return _round(round_id, findings, status, pk)
    flash(_("已记录"), "success")
    return redirect(url_for("field.patrol", pk=round_id))


def _round(pk: int, findings: list[Any], status: int, sent: int = 0) -> Any:
    """The page of a round; `sent` is the stop whose form was refused, and keeps the files that came with it."""
    row: PatrolRound = scope.visible(db.session, g.actor, PatrolRound, pk, _("这次巡检"))
    seen = scope.apply(select(Elevator).where(Elevator.id.in_([s.elevator_id for s in row.stops])), g.actor, Elevator)
    page = render_template(
        "ta/field/patrol.html", title=row.title, row=row, elevators={e.id: e for e in db.session.scalars(seen)},
        findings=findings, mine=row.account_id == g.actor.user_id and row.closed_at is None, today=clock.today(),
        back=url_for("field.patrol_list"), tab="patrols", local=clock.local, form=request.form,
        photos=patrols.photos_of(db.session, row), lacks=patrols.lacking(db.session, row),
        left=patrols.left_out(row, clock.today()), sent=sent,
    )  # fmt: skip
    return page, status
