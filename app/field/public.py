"""Behind the code on the car (CMP-01, CMP-02): what it is, whom to call, to complain, to leave a line, to follow it.

Open to everybody who holds the label, by its random token only, without a script. Whoever walks tokens is told of no
elevator any more but whom to call: somebody trapped may come from the same address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.field import held_photos
from app.field.pages import came_from, field
from app.models import Complaint, Elevator
from app.models.choices import CATEGORY, ELEVATOR_STATUS, ESCALATORS, LEVEL, VISIT_STATE, word
from app.models.complaint import COMPLAINT_KIND, COMPLAINT_STATE
from app.models.policy import policy_value
from app.models.repair import REPAIR_CAUSE, REPAIR_LEVEL
from app.permissions import Actor, Verb
from app.policy import Key
from app.rules.complaints import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_PHOTOS,
    MOST_UNKNOWN,
    STEP_LABELS,
    Step,
    late_steps,
    normal_tracking,
    outcome,
    shown_tracking,
)
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.views.frame import guesses, languages
from app.views.frame.clock_words import due_of
from app.workflows.files import attachments
from app.workflows.files.attachments import Received
from app.workflows.public import complaints, messages, public_page
from app.workflows.rescue import rescue_course, rescues

GUESSES = f"{MOST_UNKNOWN}/hour"
PHOTO, HELD = "photo", "held"
STATUS_TONES = {"in_use": "ok", "suspended": "over", "notified": "info", "scrapped": "gone"}
STATE_TONES = {"waiting": "near", "accepted": "near", "handled": "near", "disputed": "near", "closed": "ok"}
REPAIRED = {
    "open": _l("处理中"), "mended": _l("已修好"), "still": _l("未恢复运行"), "done": _l("已处理"),
}  # fmt: skip
REPAIR_TONES = {"open": "near", "mended": "ok", "still": "over", "done": "ok"}
VISIT_TONES = {"valid": "ok", "open": "info", "awaiting": "near", "pending": "near", "nonconforming": "over"}


@field.before_request
def _language() -> Any:
    """`?lang=en` is the way to another language where there is no menu: chosen, and the address goes on without it."""
    chosen = request.args.get("lang", "")
    if request.method != "GET" or chosen not in current_app.config["LANGUAGES"]:
        return None
    languages.choose(chosen)
    return redirect(request.path)


@field.get("/p/<token>")
def passer_by(token: str) -> Any:
    """The page itself; a worker goes on to the check-in."""
    row = public_page.elevator_of(db.session, token)
    if row is None:
        return closed_or_unknown(token)
    if _checks_in(g.actor):
        return redirect(url_for("field.elevator", text=token))
    rescue: dict[str, Any] = {
        "escalator": row.category in ESCALATORS, "hotline": rescues.hotline_of(db.session, row, clock.today()),
        "rescuing": rescue_course.open_of(db.session, row.id) is not None,
    }  # fmt: skip
    if row.is_secret or walked():
        return shown_page("elevator", _("电梯救援"), row=row, token=token, facts=None, **rescue)
    now = clock.now()
    return shown_page(
        "elevator", row.place, row=row, token=token, facts=public_page.facts(db.session, row, now),
        category=word(CATEGORY, row.category), status=word(ELEVATOR_STATUS, row.status), levels=LEVEL,
        status_tone=STATUS_TONES.get(row.status, "gone"), states=VISIT_STATE, tones=VISIT_TONES,
        repair_levels=REPAIR_LEVEL, repair_causes=REPAIR_CAUSE, repaired=REPAIRED, repair_tones=REPAIR_TONES,
        today=clock.local_day(now), takes=complaints.may_be_complained_of(row), **rescue,
    )  # fmt: skip


@field.get("/p/<token>/complain")
def complain(token: str) -> Any:
    row = _told_of(token)
    return closed_or_unknown(token) if row is None else _complain_page(row, token, [], 200)


@field.post("/p/<token>/complain")
def send_complaint(token: str) -> Any:
    """Take the complaint; what was entered stays on a refused form, and the photos that were good."""
    row = _told_of(token)
    if row is None:
        return closed_or_unknown(token)
    now = clock.now()
    with transaction(db.session) as own:
        over = complaints.flooded(own, now, request.remote_addr)
    if over is not None:
        return _complain_page(_again(token), token, over.findings, 429, _held(token)[0])
    photos, findings = _photos(token)
    made: Complaint | None = None
    try:
        with transaction(db.session) as own:
            held = public_page.elevator_of(own, token)
            assert held is not None
            made = complaints.complain(
                own, held, {name: request.form.get(name, "")[:2000] for name in complaints.FIELDS},
                request.form.getlist("kinds")[:20], photos, now, request.remote_addr,
                agreed=bool(request.form.get("agreed")), wrong=findings,
            )  # fmt: skip
    except Refusal as refusal:
        failing = [f for f in refusal.findings if not f.ok]
        return _complain_page(_again(token), token, failing, refusal.status_code, photos)
    return redirect(url_for("field.track", number=made.number, new=1))


@field.get("/p/<token>/message")
def message(token: str) -> Any:
    row = _told_of(token)
    return closed_or_unknown(token) if row is None else _message_page(row, token, [], 200)


@field.post("/p/<token>/message")
def send_message(token: str) -> Any:
    row = _told_of(token)
    if row is None:
        return closed_or_unknown(token)
    now = clock.now()
    with transaction(db.session) as own:
        over = complaints.flooded(own, now, request.remote_addr, "message")
    if over is not None:
        return _message_page(_again(token), token, over.findings, 429)
    try:
        with transaction(db.session) as own:
            held = public_page.elevator_of(own, token)
            assert held is not None
            messages.leave(own, held, request.form.get("body", "")[:2000], now, request.remote_addr)
    except Refusal as refusal:
        return _message_page(_again(token), token, [f for f in refusal.findings if not f.ok], refusal.status_code)
    flash(_("留言已送达维保单位和使用单位。回复经监管部门同意后，显示在这个页面"), "success")
    return redirect(url_for("field.passer_by", token=token))


@field.get("/track")
def track_form() -> Any:
    """Ask for a number; one that was typed leads to its page."""
    typed = normal_tracking(request.args.get("number", "")[:200])
    if typed:
        return redirect(url_for("field.track", number=typed))
    return shown_page("track", _("查询进度"), row=None, number="", findings=[], back=came_from(""))


@field.get("/track/<number>")
def track(number: str) -> Any:
    """How a complaint stands, for whoever has its number: no name, no phone."""
    typed, before = normal_tracking(number[:200]), came_from(url_for("field.track_form"))
    if walked():
        late = Finding(_("查询编号"), False, _("查询过于频繁"), _("请一小时后再试"), field="number")
        return shown_page("track", _("查询进度"), 429, row=None, number=number[:20], findings=[late], back=before)
    row = complaints.by_number(db.session, typed)
    if row is None:
        _guessed()
        wrong = Finding(_("查询编号"), False, _("没有这个编号"), _("请核对投诉时给出的 12 位编号"), field="number")
        return shown_page("track", _("查询进度"), 404, row=None, number=number[:20], findings=[wrong], back=before)
    now = clock.now()
    course, hours = complaints.course_of(row), complaints.hours_of(row)
    next_ = complaints.running_of(row)
    return shown_page(
        "track", _("投诉进度"), row=row, place=row.code if row.elevator.is_secret else row.place,
        number=shown_tracking(row.number), findings=[], new="new" in request.args,
        kinds=[str(word(COMPLAINT_KIND, kind)) for kind in row.kinds], state=word(COMPLAINT_STATE, row.state),
        tone=STATE_TONES.get(row.state, "gone"), steps=_steps(row, late_steps(course, hours, now), next_),
        due=None if next_ is None else due_of(next_[1].due_at, next_[1].started_at, row.region_code),
        due_step="" if next_ is None else STEP_LABELS[next_[0]], shown_text=complaints.shown_text,
        result=outcome(course, hours, now) is Outcome.LATE, back=before,
        local=clock.local,
    )  # fmt: skip


# --- parts


def _steps(row: Complaint, late: list[Step], next_: Any) -> list[dict[str, Any]]:
    """Every step that was done or is still to come: its word, when, what was said, late or not."""
    told = [
        (Step.ACCEPT, _("维保单位接单"), row.accepted_at, ""),
        (Step.HANDLE, _("处置"), row.handled_at, "" if row.sent_back else row.handle_note),
        (Step.REVIEW, _("使用单位复核"), row.reviewed_at, _("不认可，退回重办") if row.sent_back else row.review_note),
    ]
    if row.sent_back:
        told += [
            (Step.HANDLE_AGAIN, _("再次处置"), row.handled_again_at, row.handle_note),
            (Step.REVIEW_AGAIN, _("使用单位再次复核"), row.reviewed_again_at, row.review_note),
        ]
    shown = [
        {
            "word": word_, "at": at, "note": note or "", "late": step in late,
            "until": next_[1].due_at if next_ is not None and next_[0] is step else None,
        }
        for step, word_, at, note in told
        if at is not None or row.ended_at is None
    ]
    if row.ended_at is not None:
        shown.append({"word": _("监管部门办结"), "at": row.ended_at, "note": row.end_note or "", "late": False,
            "until": None})  # fmt: skip
    return shown


def _checks_in(actor: Actor) -> bool:
    """Who scans to check in, or to see what hinders it: the workers, and a maintenance unit's own account."""
    return actor.may(Verb.VISIT_MAKE) or (actor.is_main and actor.may(Verb.ORDER_EDIT))


def _told_of(token: str) -> Elevator | None:
    """The elevator, if its page takes complaints and messages from here."""
    row = public_page.elevator_of(db.session, token)
    if row is None or not complaints.may_be_complained_of(row) or walked():
        return None
    return row


def _again(token: str) -> Elevator:
    """After a transaction that was undone."""
    row = public_page.elevator_of(db.session, token)
    assert row is not None
    return row


def _held(token: str) -> tuple[list[Received], int]:
    """Those that a refused form kept, and how many of them are there no more."""
    return held_photos.read(token, request.form.getlist(HELD)[:MOST_PHOTOS])


def _photos(token: str) -> tuple[list[Received], list[Finding]]:
    """The form's pictures, checked and made anew before any transaction; what is wrong with them is told by name."""
    sent, (kept, gone) = [f for f in request.files.getlist(PHOTO) if f and f.filename], _held(token)
    if len(sent) + len(kept) > MOST_PHOTOS:
        found = _("选了 %(n)s 张", n=len(sent) + len(kept))
        return kept, [Finding(_("照片"), False, found, _("最多 %(n)s 张", n=MOST_PHOTOS), field=PHOTO)]
    findings: list[Finding] = []
    if gone:
        # Never left out in silence: they may be all the proof that there is.
        found = _("先前选的照片有 %(n)s 张已过期", n=gone)
        findings.append(Finding(_("照片"), False, found, _("请重新选择；不需要的，直接提交"), field=PHOTO))
    for file in sent:
        try:
            kept.append(attachments.receive(file.stream, file.filename or "", PHOTO))
        except Refusal as refusal:
            findings += [Finding(_("照片"), False, f.found, f.remedy, field=PHOTO) for f in refusal.findings]
    return kept, findings


def _complain_page(
    row: Elevator, token: str, findings: list[Finding], status: int, photos: Sequence[Received] = ()
) -> Any:  # fmt: skip
    days = int(policy_value(db.session, Key.KEEP_COMPLAINTS_DAYS, row.region_code, clock.today()))
    escalator, repair = row.category in ESCALATORS, request.args.get("kinds") == "faults"
    # An escalator has no doors.
    kinds = {kind: word_ for kind, word_ in COMPLAINT_KIND.items() if kind != "doors" or not escalator}
    consent = _(
        "同意为办理此事，把我的称呼和手机号提供给这台电梯的维保单位、使用单位和监管部门；办结 %(n)s 天后清除。",
        n=days,
    )
    # 报修 on the elevator's page leads here with its kind chosen: it is seen to in time as every complaint is.
    chosen = (request.form if request.method == "POST" else request.args).getlist("kinds")
    return shown_page(
        "complain", _("报修") if repair else _("投诉"), status, row=row, token=token, findings=findings, repair=repair,
        form=request.form, chosen=chosen, kinds=kinds, consent=consent, longest_name=LONGEST_NAME,
        longest_text=LONGEST_TEXT, most_photos=MOST_PHOTOS, place=row.place, escalator=escalator,
        held=held_photos.give(token, photos),
    )  # fmt: skip


def _message_page(row: Elevator, token: str, findings: list[Finding], status: int) -> Any:
    return shown_page(
        "message", pgettext("code", "留言"), status, row=row, token=token, findings=findings,
        form=request.form, longest=messages.LONGEST, place=row.place,
    )  # fmt: skip


def closed_or_unknown(token: str) -> Any:
    """A label that was replaced, or is not in use yet: no guess, and never without a way to be helped."""
    held = public_page.of_token(db.session, token, clock.now())
    if held is None or held.opens:
        return unknown_code()
    row = held.elevator
    if held.ended and _checks_in(g.actor):
        # Why there is no check-in by it is told with all the other conditions.
        return redirect(url_for("field.elevator", text=token))
    title = _("二维码已更换") if held.ended else _("这台电梯还没有通过审核")
    secret = row.is_secret or walked()
    return shown_page(
        "closed", title, 410 if held.ended else 404, row=row, token=token,
        ended=held.ended if row.approved_version else "",
        place="" if secret else row.place, escalator=row.category in ESCALATORS,
        hotline=rescues.hotline_of(db.session, row, clock.today()),
        rescuing=rescue_course.open_of(db.session, row.id) is not None,
    )  # fmt: skip


def unknown_code() -> Any:
    """A token that nobody has; counted, so that walking them ends."""
    _guessed()
    return shown_page("unknown", _("没有找到这台电梯"), 404)


def _guessed() -> None:
    guesses.wrong("code", GUESSES)


def walked() -> bool:
    """Whether so many unknown codes came from here that no elevator is told of any more."""
    return guesses.spent("code", GUESSES)


def shown_page(name: str, title: str, code: int = 200, /, **shown: Any) -> Any:
    """A page of this kind; no cache keeps it, for it tells of now and may hold what somebody entered."""
    answer = make_response(render_template(f"ta/public/{name}.html", title=title, **shown), code)
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer
