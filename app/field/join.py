"""The invitee's pages on the phone (PER-02): the link, the phone's proof, agreeing, one's own data and pictures.

Open without sign-in. A link that opens nothing answers like one that never was. What is proved is kept in the session
by the invitation's number and the digest of its link, so that a new link ends it.
"""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.field.pages import field
from app.models import Invitation, InvitationPoster
from app.models.choices import PERSON_KIND, SEX
from app.rules.devices import place_of
from app.rules.identifiers import mask_mobile
from app.rules.invitations import CERTIFIED_KINDS, TOKEN_LENGTH
from app.transaction import transaction
from app.views.frame.requests import code_request
from app.workflows.access import codes
from app.workflows.people import consents, joining

PROOF, ASKED = "joining", "asked_to_join"
FIELDS = (
    "name", "resident_id", "sex", "certificate_no", "certificate_issued_on", "certificate_until", "face_declined",
    "password", "again",
)  # fmt: skip


@field.get("/join/<token>")
def join(token: str) -> Any:
    """Whom the link is for is asked first; whoever is signed in with that phone need not prove it again."""
    row = _invitation(token)
    if joining.is_own(db.session, g.actor, row):
        return _proved(row)
    return _door(token, "", [], 200)


@field.post("/join/<token>/code")
def join_code(token: str) -> Any:
    """Send the code, if the number is the invited one; the answer is the same if it is not."""
    row = _invitation(token)
    phone = request.form.get("phone", "")[:20]
    waits = _counted(row.token_hash or "")
    if waits is not None:
        return _door(token, phone, waits.findings, 422)
    with transaction(db.session) as own:
        joining.ask_code(own, row, phone, clock.now(), request.remote_addr, code_request())
    flash(_("如果这是受邀的手机号，验证码已发出，10 分钟内有效"), "info")
    return _door(token, phone, [], 200)


@field.post("/join/<token>/prove")
def join_prove(token: str) -> Any:
    row = _invitation(token)
    phone, code = request.form.get("phone", "")[:20], request.form.get("code", "")[:10]
    refusal = _counted(row.token_hash or "")
    if refusal is None:
        with transaction(db.session) as own:
            refusal = joining.prove(own, row, phone, code, clock.now(), code_request())
    return _proved(row) if refusal is None else _door(token, phone, refusal.findings, 422)


@field.get("/joining")
def joining_own() -> Any:
    """The invitee's own page, whatever is to be done next."""
    return _own_page(_own(), [], 200)


@field.post("/joining/accept")
def joining_accept() -> Any:
    row = _own()
    key = row.id
    try:
        with transaction(db.session) as own:
            joining.accept(own, key, clock.now(), request.remote_addr)
    except Refusal as refusal:
        return _own_page(row, refusal.findings, 422)
    flash(_("已同意邀请，请填写本人资料"), "success")
    return redirect(url_for("field.joining_own"))


@field.post("/joining/data")
def joining_data() -> Any:
    """One's own data and pictures, handed in for the manager."""
    row = _own()
    key = row.id
    form = {name: request.form.get(name, "")[:200] for name in FIELDS}
    given = ((kind, request.files.get(kind)) for kind in joining.PICTURES)
    uploads = [joining.Upload(kind, f.filename, f.stream) for kind, f in given if f is not None and f.filename]
    try:
        with transaction(db.session) as own:
            joining.submit(own, key, form, uploads, clock.now(), request.remote_addr)
    except Refusal as refusal:
        return _own_page(_own(), [f for f in refusal.findings if not f.ok], 422)
    flash(_("资料已提交，等待单位审核"), "success")
    return redirect(url_for("field.joining_own"))


# --- by a QR picture for several


@field.get("/join-by/<token>")
def join_poster(token: str) -> Any:
    """Ask to join; the browser that asked before goes on with its own invitation."""
    poster = _poster(token)
    asked = session.get(ASKED)
    row = joining.own_asked(db.session, asked, poster.id, clock.now()) if isinstance(asked, str) else None
    if row is not None and row.approved_at is not None:
        if codes.available() and row.phone_checked_at is None:
            # He typed the number himself: an account bound to it must not lock its owner out of his own number.
            return redirect(url_for("field.join", token=asked))
        return _proved(row)
    return _poster_page(token, poster, row, [], 200)


@field.post("/join-by/<token>")
def join_poster_ask(token: str) -> Any:
    from app.views.access.captcha import answered, words_wanted

    poster = _poster(token)
    if words_wanted():
        return _poster_page(token, poster, None, [], 200)
    key = poster.id
    wrong = answered()
    refusal = _counted(f"poster:{key}:{place_of(request.remote_addr)}") or wrong
    if refusal is not None:
        return _poster_page(token, _poster(token), None, refusal.findings, 422)
    name, phone = request.form.get("name", "")[:80], request.form.get("phone", "")[:20]
    try:
        with transaction(db.session) as own:
            secret = joining.ask_by_poster(
                own, key, name=name, phone=phone, at=clock.now(), address=request.remote_addr
            )
    except Refusal as caught:
        findings = [f for f in caught.findings if not f.ok]
        return _poster_page(token, _poster(token), None, findings, 422)
    if secret is not None:
        session[ASKED] = secret
    flash(_("已提交。主管审批后，请用这部手机再扫一次，或打开短信中的链接"), "success")
    return redirect(url_for("field.join_poster", token=token))


# --- parts


def _invitation(token: str) -> Invitation:
    row = joining.by_token(db.session, token, clock.now()) if len(token) == TOKEN_LENGTH else None
    return row or abort(404)


def _poster(token: str) -> InvitationPoster:
    row = joining.poster_by_token(db.session, token, clock.now()) if len(token) == TOKEN_LENGTH else None
    return row or abort(404)


def _counted(key: str) -> Refusal | None:
    with transaction(db.session) as own:
        return joining.may_try(own, key[:50], request.remote_addr, clock.now())


def _proved(row: Invitation) -> Any:
    session[PROOF] = [row.id, row.token_hash]
    return redirect(url_for("field.joining_own"))


def _own() -> Invitation:
    held = session.get(PROOF)
    if not (isinstance(held, list) and len(held) == 2 and isinstance(held[0], int) and isinstance(held[1], str)):
        abort(404)
    return joining.own(db.session, held[0], held[1], clock.now()) or abort(404)


def _door(token: str, phone: str, findings: list[Finding], status: int) -> Any:
    return _answer(render_template(
        "ta/field/join.html", title=_("入职邀请"), token=token, phone=phone, findings=findings,
        by_code=codes.available(),
    ), status)  # fmt: skip


def _poster_page(
    token: str, poster: InvitationPoster, row: Invitation | None, findings: list[Finding], status: int
) -> Any:
    from app.views.access.captcha import new_question

    return _answer(render_template(
        "ta/field/join_poster.html", title=_("申请入职"), token=token, unit=joining.unit_name(db.session, poster),
        kind=PERSON_KIND[poster.kind], row=row, findings=findings, form=request.form,
        asked=None if row is not None else new_question(),
    ), status)  # fmt: skip


def _own_page(row: Invitation, findings: list[Finding], status: int) -> Any:
    form: Any = request.form if request.method == "POST" and "name" in request.form else {
        name: getattr(row, name) for name in FIELDS if name not in ("password", "again")
    }  # fmt: skip
    return _answer(render_template(
        "ta/field/joining.html", title=_("入职"), row=row, unit=joining.unit_name(db.session, row),
        kind=PERSON_KIND[row.kind], sexes=list(SEX.items()), form=form, findings=findings,
        phone=mask_mobile(row.phone), certified=row.kind in CERTIFIED_KINDS, pictures=joining.PICTURES,
        consent=consents.WORDS,
        there=set(joining.pictures_of(db.session, row)),
    ), status)  # fmt: skip


def _answer(page: str, status: int) -> Any:
    """A page with personal data on it: no cache keeps it, and its address is told to nobody."""
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer
