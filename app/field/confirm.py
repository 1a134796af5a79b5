"""确认链接 (MNT-07): what was done at a visit, and the use unit's word on it, for whoever got the link.

Open without sign-in to the token alone, which went to the filed phone. The firm's side, from its own record: sending
the link and taking it back.
"""

from __future__ import annotations

import io
from typing import Any

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_babel import gettext as _

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.field.forms import drawn
from app.field.pages import field, own_visit, signed_in, visit_page
from app.field.public import shown_page
from app.models import Attachment, Visit
from app.models.choices import VISIT_RATING
from app.permissions import SYSTEM
from app.rules.confirmations import LONGEST_OPINION, LONGEST_SIGNER, LinkState
from app.rules.files import PICTURES
from app.rules.levels import LEVEL_LABELS, Level
from app.rules.visit_photos import Place
from app.transaction import transaction
from app.views.frame import guesses, uploads
from app.views.frame.files import as_answer
from app.views.maintenance import confirming
from app.workflows.files import attachments
from app.workflows.maintenance import item_lists
from app.workflows.visits import papers, visit_links
from app.workflows.visits.visits import RESULTS, Word

# Wrong tokens from one place, and answers by links from one place.
GUESSES, ANSWERS = "30/hour", "60/hour"
# What of a visit's files whoever got the link sees.
SHOWN = {"photo", "sheet", *Place, *papers.KINDS}


@field.get("/c/<token>")
def confirm(token: str) -> Any:
    return _page(token, [], 200)


@field.post("/c/<token>")
def send_confirmation(token: str) -> Any:
    """Confirm, or 不认可 with the reason; what was entered stays on a refused form."""
    if guesses.taken("confirm", ANSWERS):
        over = Finding(_("提交次数"), False, _("提交过于频繁"), _("请一小时后再试"))
        return _page(token, [over], 429)
    form, now = request.form, clock.now()
    try:
        if form.get("verb") == "objection":
            with transaction(db.session) as own:
                visit_links.object_to(own, token, form.get("opinion", "")[:2000], now, request.remote_addr)
            said = _("异议已记录，并已告知维保单位和监管部门")
        else:
            found = visit_links.by_token(db.session, token)
            picture = None
            if found is not None and visit_links.state_of(*found, now) is LinkState.OPEN:
                picture = drawn(form.get("signature", ""))
            db.session.rollback()
            # Looked at before the transaction: the scanner may take its time.
            signature = (
                attachments.receive(io.BytesIO(picture), "签名.png", "signature") if picture is not None else None
            )
            word = Word(
                form.get("opinion", "")[:2000], form.get("rating", "")[:20], form.get("repair") == "yes",
                form.get("repair_note", "")[:2000],
            )  # fmt: skip
            with transaction(db.session) as own:
                visit_links.confirm(
                    own, token, word, form.get("signer", "")[:200], signature, now, request.remote_addr
                )  # fmt: skip
            said = _("已确认，维修工单已生成") if word.repair else _("已确认")
    except Refusal as refusal:
        db.session.rollback()
        return _page(token, [f for f in refusal.findings if f.stops], refusal.status_code)
    flash(said, "success")
    return redirect(url_for("field.confirm", token=token))


@field.get("/c/<token>/files/<int:key>")
def confirm_file(token: str, key: int) -> Any:
    """A picture of the visit, as long as the link stands open."""
    found = None if guesses.spent("confirm.link", GUESSES) else visit_links.by_token(db.session, token)
    if found is None or visit_links.state_of(*found, clock.now()) is not LinkState.OPEN:
        abort(404)
    row = next((one for one in _pictures(found[1]) if one.id == key), None)
    if row is None:
        abort(404)
    small = request.args.get("thumb") == "1" and row.thumb_sha256 is not None
    place = attachments.path(current_app.config["UPLOAD_DIR"], row, small=small)
    return as_answer(place, row, small) if place.is_file() else abort(404)


# --- the firm's side, on the phone


@field.post("/visits/<int:pk>/link")
@signed_in
def send_link(pk: int) -> Any:
    """Send the link to the filed phone, or take back the one that stands open."""
    row = own_visit(pk)
    key = row.id
    try:
        with transaction(db.session) as own:
            said = confirming.send(own, g.actor, key, request.form.get("verb", ""))
    except Refusal as refusal:
        db.session.rollback()
        return visit_page(own_visit(key), {}, refusal.findings), refusal.status_code
    flash(said, "success")
    return redirect(url_for("field.visit", pk=key))


@field.post("/visits/<int:pk>/paper")
@signed_in
def hand_in_paper(pk: int) -> Any:
    """The two photos of what was signed on paper."""
    key = own_visit(pk).id
    try:
        with transaction(db.session) as own:
            confirming.hand_in(own, g.actor, key, request.form.get("rating", "")[:20])
    except Refusal as refusal:
        db.session.rollback()
        return visit_page(own_visit(key), request.form, refusal.findings), refusal.status_code
    flash(_("纸质签字照片已上传"), "success")
    return redirect(url_for("field.visit", pk=key))


# --- parts


def _page(token: str, findings: list[Finding], status: int) -> Any:
    if guesses.spent("confirm.link", GUESSES):
        return _closed("busy", 429)
    found = visit_links.by_token(db.session, token)
    if found is None:
        guesses.wrong("confirm.link", GUESSES)
        return _closed("unknown", 404)
    link, visit = found
    state = visit_links.state_of(link, visit, clock.now())
    if state is not LinkState.OPEN:
        return _closed(state.value, 200 if request.method == "GET" else 409, link=link, visit=visit)
    with scope.acting(SYSTEM):
        kept = visit.snapshot or {}
        items = item_lists.of_visit(db.session, visit)
        answers = {r["code"]: r for r in visit.results or []}
        return shown_page(
            "confirm", _("维保确认"), status, visit=visit, link=link, token=token, findings=findings,
            form=request.form, code=kept.get("code") or visit.elevator.code, kept=kept,
            place=visit.elevator.place, level=LEVEL_LABELS[Level(visit.level)], local=clock.local,
            items=[(item, answers[item.code]) for item in items if item.code in answers], results=RESULTS,
            repairs=sum(1 for a in answers.values() if a.get("result") == "repair"),
            pictures=_pictures(visit), ratings=VISIT_RATING, longest=LONGEST_OPINION, longest_name=LONGEST_SIGNER,
        )  # fmt: skip


def _closed(why: str, status: int, **shown: Any) -> Any:
    return shown_page("confirm_closed", _("维保确认"), status, why=why, local=clock.local, **shown)


def _pictures(visit: Visit) -> list[Attachment]:
    files = attachments.of(db.session, "visit", visit.id)
    shown = [f for f in files if f.kind in SHOWN and f.mime in PICTURES and f.scan not in ("infected", "waiting")]
    return uploads.by_place(shown)
