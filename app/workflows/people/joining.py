"""The invitee's side (PER-02): a link proves nothing but itself; with the invited phone it opens his own page.

Whoever acts here has no account: he reads and writes nothing but his own invitation, by its number out of a proof that
the page keeps. What a link is refused for is not told.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Account, Attachment, Invitation, InvitationPoster, Unit
from app.models.account import hash_of
from app.models.choices import PERSON_KIND, SEX
from app.models.policy import policy_value
from app.permissions import SYSTEM, Actor
from app.policy.keys import Key
from app.rules import certificates
from app.rules.devices import place_of
from app.rules.identifiers import check_mobile, check_resident_id, normal_code, password_findings
from app.rules.invitations import (
    CERTIFIED_KINDS,
    FILLED_IN,
    InvitationState,
    InvitationVerb,
    link_finding,
    poster_finding,
)
from app.rules.steps import LOOK_AGAIN
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import codes, signin
from app.workflows.access.issuing import gather, required_text
from app.workflows.core import audit, moves
from app.workflows.files import attachments
from app.workflows.people import invitations

ENTITY = Invitation.__tablename__
# Wrong numbers typed on one link, and links tried from one address.
MOST_TRIES, MOST_FROM, LOCK_MINUTES = 10, 60, 30
PICTURES = {"identity": say("身份证正面照"), "face": say("人脸照片"), "operator": say("特种设备作业人员证")}


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it came: which of PICTURES, its name and its bytes."""

    kind: str
    name: str
    stream: IO[bytes]


def invitee(address: str | None, name: str = "受邀人") -> Actor:
    """Who acts on the page: nobody's account, from an address."""
    return Actor(None, name, via="join", address=address)


def by_token(session: AnySession, token: str, at: dt.datetime) -> Invitation | None:
    """The invitation whose link opens now, or whose data was approved; None for all else alike."""
    statement = select(Invitation).where(Invitation.token_hash == invitations.digest(token))
    row: Invitation | None = session.scalar(statement.execution_options(skip_scope=True))
    if row is None:
        return None
    state = InvitationState(row.state)
    approved = row.approved_at is not None
    in_time = row.expires_at is not None and at < row.expires_at
    opens = link_finding(state, approved, row.expires_at, at).ok or (state is InvitationState.ENDED and in_time)
    return row if opens else None


def poster_by_token(session: AnySession, token: str, at: dt.datetime) -> InvitationPoster | None:
    """The QR picture of this token while it holds; whoever asked by it before goes on even when it is full."""
    statement = select(InvitationPoster).where(InvitationPoster.token_hash == invitations.digest(token))
    row: InvitationPoster | None = session.scalar(statement.execution_options(skip_scope=True))
    return row if row is not None and at < row.expires_at else None


def may_try(session: AnySession, key: str, address: str | None, at: dt.datetime) -> Refusal | None:
    """Count one try on a link and from a place; the refusal when there were too many. The caller commits."""
    wait, place = signin.count_try(session, f"join:{key}", MOST_TRIES, LOCK_MINUTES, at), place_of(address)
    if wait is None and place:
        wait = signin.count_try(session, f"join-from:{place}", MOST_FROM, LOCK_MINUTES, at)
    if wait is None:
        return None
    return Refusal(Finding("手机验证", False, "尝试次数过多", "请半小时后再试，或请邀请人重新生成链接", field="phone"))


def ask_code(
    session: AnySession, row: Invitation, typed: str, at: dt.datetime, address: str | None, request: str | None = None
) -> None:
    """Send a code if this is the invited phone; else nothing, and the page says the same."""
    if _is_phone(row, typed):
        try:
            codes.send(session, None, "join", row.phone, at, address, _subject(row), request=request)
        except Refusal:
            return


def prove(
    session: AnySession, row: Invitation, typed: str, code: str, at: dt.datetime, request: str | None = None
) -> Refusal | None:
    """That he has the invited phone: by the code, or without a gateway by knowing the number. None when proved.

    Gives the refusal instead of raising it: the count of tries is to be kept.
    """
    wrong = Refusal(Finding("手机验证", False, "手机号或验证码不正确", "请填写收到邀请的手机号码", field="phone"))
    if not _is_phone(row, typed):
        return wrong
    if codes.available():
        try:
            codes.check(session, None, "join", code, at, _subject(row), request=request)
        except Refusal as refusal:
            return refusal
        with scope.acting(SYSTEM):
            row.phone_checked_at = at
            session.flush()
    return None


def is_own(session: AnySession, actor: Actor, row: Invitation) -> bool:
    """Whether the signed-in account is bound to the invited phone: it proved it once already."""
    if actor.user_id is None:
        return False
    phone = session.scalar(select(Account.phone).where(Account.id == actor.user_id))
    return phone is not None and phone == row.phone


def ask_by_poster(
    session: AnySession, poster_id: int, *, name: str, phone: str, at: dt.datetime, address: str | None
) -> str | None:
    """Ask to join by a QR picture: one invitation a phone, which waits for the manager.

    Gives what the asking browser keeps to go on with it (`own_asked`); None for a phone that asked before, whose page
    is opened by its own browser or its own link.
    """
    checked = gather(
        name=lambda: required_text(name, "姓名", "name", 40), phone=lambda: check_mobile(phone, "phone")
    )
    with scope.acting(SYSTEM):
        poster = session.scalars(
            select(InvitationPoster).where(InvitationPoster.id == poster_id).with_for_update()
            .execution_options(populate_existing=True)
        ).one()  # fmt: skip
        if _of_poster(session, poster.id, checked["phone"]) is not None:
            return None
        raise_failing([poster_finding(poster.used, poster.most, poster.expires_at, at)])
        secret = secrets.token_urlsafe(32)
        row = Invitation(
            unit_id=poster.unit_id, by_unit_id=poster.by_unit_id, region_code=poster.region_code, poster_id=poster.id,
            kind=poster.kind, with_account=poster.with_account, created_by_id=None,
            token_hash=invitations.digest(secret), expires_at=poster.expires_at, **checked,
        )  # fmt: skip
        session.add(row)
        poster.used += 1
        session.flush()
        audit.record(session, invitee(address), at, "invitation.ask", ENTITY, row.id, after={"poster": poster.id})
        title = say("待审批：%(name)s 扫码申请入职（%(kind)s）", name=row.name, kind=PERSON_KIND[row.kind])
        invitations.tell_deciders(session, row, title, "ask", at)
    return secret


def own_asked(session: AnySession, secret: str, poster_id: int, at: dt.datetime) -> Invitation | None:
    """The invitation for which this browser asked by a QR picture, as long as its link was not made anew."""
    statement = select(Invitation).where(
        Invitation.token_hash == invitations.digest(secret), Invitation.poster_id == poster_id
    )
    row: Invitation | None = session.scalar(statement.execution_options(skip_scope=True))
    return row if row is not None and row.state != InvitationState.CANCELLED else None


def accept(session: AnySession, invitation_id: int, at: dt.datetime, address: str | None) -> Invitation:
    """同意邀请: from now on the invitee fills in."""
    with scope.acting(SYSTEM):
        row = _held(session, invitation_id, at)
        moves.move(
            session, invitee(address, row.name), row, "state", InvitationState.DRAFT.value,
            verb=InvitationVerb.ACCEPT.value, at=at,
        )  # fmt: skip
        row.accepted_at = at
        session.flush()
    return row


def submit(
    session: AnySession, invitation_id: int, form: Mapping[str, str], uploads: Sequence[Upload], at: dt.datetime,
    address: str | None,
) -> Invitation:  # fmt: skip
    """Hand in one's own data and pictures for the manager; all that is wrong is told at once.

    A face is asked for and may be declined: nobody is kept from working for want of one. Pictures that came with an
    earlier try stay unless new ones come.
    """
    with scope.acting(SYSTEM):
        row = _held(session, invitation_id, at)
        if InvitationState(row.state) not in FILLED_IN:
            raise refuse("入职资料", "现在不能填写", LOOK_AGAIN)
        declined = form.get("face_declined") in ("1", "on", "true")
        findings: list[Finding] = []
        values: dict[str, Any] = {}
        try:
            values = _checked(session, row, form, at)
        except Refusal as refusal:
            findings += refusal.findings
        findings += _picture_findings(session, row, uploads, declined)
        raise_failing(findings)
        actor = invitee(address, row.name)
        for upload in uploads:
            if upload.kind == "face" and declined:
                continue
            _replace(session, actor, row, upload, at)
        if declined:
            _drop(session, row, "face")
        for name, value in values.items():
            setattr(row, name, value)
        row.face_declined, row.submitted_at, row.opinion = declined, at, None
        moves.move(session, actor, row, "state", InvitationState.REVIEW.value, verb=InvitationVerb.SUBMIT.value, at=at)
        invitations.tell_deciders(session, row, say("待审核：%(name)s 的入职资料", name=row.name), "review", at)
    return row


def pictures_of(session: AnySession, row: Invitation) -> dict[str, Attachment]:
    """The newest picture of each kind that the invitee gave."""
    return {file.kind: file for file in attachments.of(session, ENTITY, row.id) if file.kind in PICTURES}


def unit_name(session: AnySession, row: Invitation | InvitationPoster) -> str:
    """The unit that asks, for whoever proved that he is the one who is asked."""
    statement = select(Unit.name).where(Unit.id == row.unit_id).execution_options(skip_scope=True)
    return session.scalar(statement) or ""


def own(session: AnySession, invitation_id: int, token_hash: str, at: dt.datetime) -> Invitation | None:
    """The invitation of a proof: it counts as long as the link by which it was given opens."""
    statement = select(Invitation).where(Invitation.id == invitation_id, Invitation.token_hash == token_hash)
    row: Invitation | None = session.scalar(statement.execution_options(skip_scope=True))
    in_time = row is not None and row.expires_at is not None and at < row.expires_at
    return row if in_time else None


# --- parts


def _of_poster(session: AnySession, poster_id: int, phone: str) -> Invitation | None:
    statement = select(Invitation).where(
        Invitation.poster_id == poster_id, invitations.with_phone(phone),
        Invitation.state != InvitationState.CANCELLED.value,
    )  # fmt: skip
    return session.scalar(statement.execution_options(skip_scope=True))


def _held(session: AnySession, invitation_id: int, at: dt.datetime) -> Invitation:
    statement = select(Invitation).where(Invitation.id == invitation_id).with_for_update()
    row = session.scalars(statement.execution_options(populate_existing=True)).one()
    shut = link_finding(InvitationState(row.state), row.approved_at is not None, row.expires_at, at)
    raise_failing([shut])
    return row


def _is_phone(row: Invitation, typed: str) -> bool:
    try:
        return check_mobile(typed) == row.phone
    except Refusal:
        return False


def _subject(row: Invitation) -> str:
    return f"{ENTITY}:{row.id}"


def _checked(session: AnySession, row: Invitation, form: Mapping[str, str], at: dt.datetime) -> dict[str, Any]:
    today = clock.local_day(at)
    days = {n: _day(form.get(n, "")) for n in ("certificate_issued_on", "certificate_until")}
    certified = row.kind in CERTIFIED_KINDS
    number = normal_code(form.get("certificate_no", ""))
    findings = []
    issued, until = days["certificate_issued_on"], days["certificate_until"]
    if len(number) > 40:
        findings.append(Finding("作业人员证编号", False, "超过 40 个字符", "请按证书核对", field="certificate_no"))
    if certified:
        for name, label, value in (
            ("certificate_no", "作业人员证编号", number), ("certificate_issued_on", "证书发证日期", issued),
            ("certificate_until", "证书有效期至", until),
        ):  # fmt: skip
            if not value:
                findings.append(Finding(label, False, "没有填写", "请按特种设备作业人员证填写", field=name))
    for name, label in (("certificate_issued_on", "证书发证日期"), ("certificate_until", "证书有效期至")):
        if form.get(name, "").strip() and days[name] is None:
            findings.append(Finding(label, False, "不是日期", "请按 2026-01-31 的格式填写", field=name))
    findings += certificates.day_findings(issued, until, today, certificates.OPERATOR)
    if until is not None:
        findings.append(certificates.held_finding(until, today, certificates.OPERATOR))
    if form.get("sex") not in SEX:
        findings.append(Finding("性别", False, "没有选择", "请选择", field="sex"))
    secret = form.get("password", "")
    if row.with_account and not (row.password_hash and not secret):
        least = int(policy_value(session, Key.PASSWORD_MIN, row.region_code, today))
        findings += password_findings(secret, least, row.phone, "password")
        same = secret == form.get("again", "")
        findings.append(Finding("再输入一次", same, "两次输入的密码不一致", "请重新输入", field="again"))
    try:
        values = gather(
            name=lambda: required_text(form.get("name", ""), "真实姓名", "name", 40),
            resident_id=lambda: check_resident_id(form.get("resident_id", ""), today),
        )
    except Refusal as refusal:
        findings = [*refusal.findings, *findings]
    raise_failing(findings)
    values |= {"sex": form["sex"], "certificate_no": number or None, **days}
    if row.with_account and secret:
        values["password_hash"] = hash_of(secret)
    return values


def _picture_findings(
    session: AnySession, row: Invitation, uploads: Sequence[Upload], declined: bool
) -> list[Finding]:
    there = set(pictures_of(session, row)) | {u.kind for u in uploads}
    found = []
    if "identity" not in there:
        found.append(Finding(PICTURES["identity"], False, "没有上传", "请拍摄身份证人像面", field="identity"))
    if "face" not in there and not declined:
        remedy = "请拍摄正面免冠照片；不愿提供的，请勾选“不提供人脸照片”"
        found.append(Finding(PICTURES["face"], False, "没有上传", remedy, field="face"))
    return found


def _replace(session: AnySession, actor: Actor, row: Invitation, upload: Upload, at: dt.datetime) -> None:
    _drop(session, row, upload.kind)
    try:
        attachments.store(
            session, actor, at, upload.stream, upload.name, upload.kind, ENTITY, row.id, row.unit_id, row.region_code
        )
    except Refusal as refusal:
        told = [Finding(PICTURES[upload.kind], f.ok, f.found, f.remedy, field=upload.kind) for f in refusal.findings]
        raise Refusal(told) from None


def _drop(session: AnySession, row: Invitation, kind: str) -> None:
    for file in attachments.of(session, ENTITY, row.id):
        if file.kind == kind:
            attachments.forget(session, file)


def _day(typed: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return day if 1950 <= day.year <= 2200 else None


