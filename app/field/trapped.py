"""我被困了, behind the code on the car (RES-01): one button, then what happens, live, without a script or an account.

Told is what calms somebody in the dark: that it was received, that people are under way, about how long. Nobody's name
is. Whoever may not report here any more is told whom to phone, never just refused.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.errors import Finding, Refusal
from app.extensions import csrf, db
from app.field.pages import came_from, field
from app.field.public import public_page, shown_page, unknown_code, walked
from app.models import Elevator, Rescue, RescueDispatch
from app.models.choices import ESCALATORS
from app.rules.identifiers import check_call_number
from app.rules.rescues import LONGEST_TEXT, MOST_PEOPLE, RescueStatus, expected_minutes
from app.transaction import transaction
from app.wording import say, together
from app.workflows.rescue import rescue_course, rescues

# A case that has ended is still shown to whoever looks, for so long.
STILL_SHOWN = dt.timedelta(hours=2)
REFRESH_SECONDS = 15


@field.get("/p/<token>/trapped")
def trapped(token: str) -> Any:
    """How the open case stands, else the form. By a label that was replaced too: it must never cost a life."""
    held = public_page.to_be_helped(db.session, token)
    if held is None:
        return unknown_code()
    row = held.elevator
    case = _case(row)
    if case is None or (not rescue_course.is_open(case) and "again" in request.args):
        return _form(held, token, [], 200)
    escalator = row.category in ESCALATORS
    return shown_page(
        "rescue", _("救援进度"), row=row, token=token, hotline=_hotline(row), **_told(case, escalator),
        escalator=escalator,
    )  # fmt: skip


# Nothing here rests on a session, and a phone that keeps no cookie must be heard all the same.
@csrf.exempt
@field.post("/p/<token>/trapped")
def report_trapped(token: str) -> Any:
    """Report it; whoever presses twice, or another one in the same car, joins the one case."""
    by = public_page.to_be_helped(db.session, token)
    if by is None:
        return unknown_code()
    now = clock.now()
    with transaction(db.session) as own:
        over = rescues.flooded(own, by.elevator, now, request.remote_addr)
    if over is not None:
        return _form(_again(token), token, over.findings, 429)
    count, phone, scene = _heard(request.form)
    if by.ended:
        # A copy of it may hang in another car: whoever answers must ask where the caller is.
        scene = together([say("经已停用的标牌报警，请核对是哪台电梯"), scene], "　")[:LONGEST_TEXT]
    try:
        with transaction(db.session) as own:
            held = public_page.to_be_helped(own, token)
            assert held is not None
            rescues.report(
                own, None, held.elevator, source="page", at=now, phone=phone, scene=scene, trapped=count,
                address=request.remote_addr,
            )  # fmt: skip
    except Refusal as refusal:
        return _form(_again(token), token, [f for f in refusal.findings if not f.ok], refusal.status_code)
    return redirect(url_for("field.trapped", token=token))


# --- parts


def _heard(form: Any) -> tuple[int | None, str, str]:
    """People, phone and words. What may be left out never keeps an alarm back: what is no number goes on in words."""
    typed, phone = form.get("trapped", "").strip()[:20], form.get("phone", "").strip()[:40]
    words = [form.get("scene", "").strip()]
    count = int(typed) if typed.isascii() and typed.isdigit() and int(typed) <= MOST_PEOPLE else None
    if typed and count is None:
        words.insert(0, say("困人人数：%(typed)s", typed=typed))
    try:
        phone = check_call_number(phone) if phone else ""
    except Refusal:
        words.insert(0, say("报警电话：%(phone)s", phone=phone))
        phone = ""
    return count, phone, "　".join(w for w in words if w)[:LONGEST_TEXT]


def _case(row: Elevator) -> Rescue | None:
    """The open case, else the last one that people here still ask about."""
    found = rescue_course.open_of(db.session, row.id)
    if found is not None:
        return found
    statement = (
        select(Rescue)
        .where(Rescue.elevator_id == row.id, Rescue.joined_to_id.is_(None), Rescue.ended_at > clock.now() - STILL_SHOWN)
        .order_by(Rescue.ended_at.desc())
        .limit(1)
    )
    last: Rescue | None = db.session.scalar(statement.execution_options(skip_scope=True))
    return last


def _told(case: Rescue, escalator: bool) -> dict[str, Any]:
    """The steps in plain words, and about how long it still takes."""
    status = RescueStatus(case.status)
    calls = [one for one in rescue_course.calls_of(db.session, case) if one.end_reason not in ("returned", "replaced")]
    steps = [
        (_("报警已收到"), case.reported_at), (_("已通知救援单位"), case.dispatched_at),
        (_("救援人员已出发"), case.accepted_at), (_("救援人员已到达"), case.arrived_at),
        (_("救助完成") if escalator else _("已救出"), case.done_at),
    ]  # fmt: skip
    ended = status is RescueStatus.CLOSED
    return {
        "case": case, "open": rescue_course.is_open(case), "freed": status is RescueStatus.FREED, "closed": ended,
        "steps": [(word, at) for word, at in steps if at is not None or not ended], "local": clock.local,
        "headline": _headline(case, status, calls, escalator),
        "refresh": REFRESH_SECONDS if rescue_course.is_open(case) else None,
    }  # fmt: skip


def _headline(case: Rescue, status: RescueStatus, calls: list[RescueDispatch], escalator: bool) -> str:
    if status is RescueStatus.FREED:
        return str(_("救援已完成"))
    if status is RescueStatus.CLOSED:
        return str(_("这次报警已结束"))
    if status is RescueStatus.ARRIVED and escalator:
        return str(_("救援人员已到现场，请听他们的指挥"))
    if status is RescueStatus.ARRIVED:
        return str(_("救援人员已到现场，正在开门，请听他们的指挥"))
    if status is RescueStatus.ACCEPTED:
        coming = [one for one in calls if one.accepted_at is not None and one.is_open]
        told = [left for one in coming if (left := _left(case, one)) is not None]
        left = min(told, default=None if coming else case.arrive_minutes or None)
        if left is None:
            return str(_("救援人员正在赶来"))
        if left > 0:
            return str(_("救援人员正在赶来，大约还要 %(n)s 分钟", n=left))
        return str(_("救援人员马上就到，请再等一会儿"))
    if status is RescueStatus.DISPATCHED:
        if case.level > 1:
            return str(_("已请附近的救援力量支援，请安心等待"))
        return str(_("已通知救援单位，正在安排人员出发"))
    return str(_("报警已收到，正在安排救援"))


def _left(case: Rescue, call: RescueDispatch) -> int | None:
    """Minutes until this crew is there, of what its distance makes likely; None where nothing tells."""
    assert call.accepted_at is not None
    gone = (clock.now() - call.accepted_at).total_seconds() / 60
    whole = expected_minutes(call.distance_m, rescue_course.minutes_of(case))
    return None if whole is None else round(whole - gone)


def _again(token: str) -> public_page.Held:
    """After a transaction that was undone."""
    held = public_page.to_be_helped(db.session, token)
    assert held is not None
    return held


def _hotline(row: Elevator) -> str | None:
    return rescues.hotline_of(db.session, row, clock.today())


def _form(held: public_page.Held, token: str, findings: list[Finding], status: int) -> Any:
    row = held.elevator
    place = "" if row.is_secret or walked() else row.place
    escalator = row.category in ESCALATORS
    outside = "outside" in request.args
    title = _("报告扶梯险情") if escalator else _("困人报警") if outside else _("我被困在电梯里")
    return shown_page(
        "trapped", title, status, row=row, token=token, ended=held.ended, findings=findings, form=request.form,
        hotline=_hotline(row), place=place, escalator=escalator, outside=outside,
        back=came_from(f"/m/p/{token}"),
    )  # fmt: skip
