"""确认链接 (MNT-07): the use unit confirms a visit by a link, without signing in.

The link goes to a phone that is filed, never to a number that somebody types, and nobody but the receiver reads it:
whoever could see it could sign for the use unit. Who may answer by a number is `visit_reviewers.number_findings`,
asked when it is sent and again when it is used.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Elevator, Unit, Visit, VisitLink
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.confirmations import LONGEST_SIGNER, LinkState, link_state, link_until, sending_findings
from app.rules.identifiers import check_mobile, mask_mobile
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.files import attachments
from app.workflows.files.attachments import Received
from app.workflows.visits import visit_reviewers, visits
from app.workflows.visits.visits import Word

CHANNEL, TOPIC = "sms", "visit.link"
TOKEN_LENGTH = 43


def send(
    session: AnySession, actor: Actor, visit_id: int, address_of: Callable[[str], str] | None, at: dt.datetime
) -> VisitLink:
    """Send a link to the filed phone; one that was sent before opens nothing any more.

    `address_of` makes the page's full address of the token, which goes nowhere but into the message; None where the
    platform has no address of its own.
    """
    visit = _own(session, actor, visit_id)
    hold(session, f"visit link:{visit.use_unit_id or 0}")
    phone, findings = _judged(session, visit, at, address_of is not None)
    raise_failing(findings)
    assert address_of is not None
    for before in _all_of(session, visit.id):
        if before.used_at is None and before.withdrawn_at is None:
            before.withdrawn_at = at
    token = secrets.token_urlsafe(32)
    row = VisitLink(
        visit_id=visit.id, token_hash=digest(token), sent_to=mask_mobile(phone), sent_by_id=actor.user_id, sent_at=at,
        expires_at=link_until(at, visit.review_due_at),
    )  # fmt: skip
    session.add(row)
    session.flush()
    text = say(
        "%(unit)s完成了电梯 %(code)s 的维保，请在 %(until)s 前打开 %(address)s 查看并确认。与您无关请忽略。",
        unit=visit.snapshot.get("unit") or "", code=_code(visit), until=clock.until(row.expires_at),
        address=address_of(token),
    )  # fmt: skip
    outbox.send_to(session, at, None, CHANNEL, phone, TOPIC, text, title=say("维保确认"), secret=True)
    audit.record(
        session, actor, at, "visit.send_link", "visit", visit.id, after={"link": row.id, "sent_to": row.sent_to}
    )
    return row


def withdraw(session: AnySession, actor: Actor, visit_id: int, at: dt.datetime) -> VisitLink:
    """Take back the link that stands open."""
    visit = _own(session, actor, visit_id)
    row = last_of(session, visit.id)
    if row is None or state_of(row, visit, at) is not LinkState.OPEN:
        raise refuse("确认链接", "没有有效的确认链接", "不需要撤回")
    row.withdrawn_at = at
    session.flush()
    audit.record(
        session, actor, at, "visit.withdraw_link", "visit", visit.id, after={"link": row.id, "sent_to": row.sent_to}
    )
    return row


def findings_to_send(
    session: AnySession, actor: Actor, visit: Visit, at: dt.datetime, *, named: bool
) -> list[Finding]:
    """What stands in the way of sending a link now, before it is tried."""
    try:
        may_send(actor, visit)
    except Refusal as refusal:
        return refusal.findings
    return [f for f in _judged(session, visit, at, named)[1] if f.stops]


def offered(actor: Actor, visit: Visit) -> bool:
    """Whether the page speaks of links at all to the actor: to the firm, of a visit that waits to be confirmed."""
    try:
        may_send(actor, visit)
    except Refusal:
        return False
    return visit.checked_out_at is not None and not any(f.stops for f in visit_reviewers.standing_findings(visit))


def last_of(session: AnySession, visit_id: int) -> VisitLink | None:
    """The newest link of a visit."""
    return next(iter(_all_of(session, visit_id)), None)


def used_of(session: AnySession, visit_id: int) -> VisitLink | None:
    """The link by which it was confirmed or objected to, the newest where there are several."""
    return next((row for row in _all_of(session, visit_id) if row.used_at is not None), None)


# --- the receiver's side


def digest(token: str) -> str:
    """What is kept of a token; bound to its purpose, so that no other link's token opens a visit."""
    return hashlib.sha256(f"visit-link:{token}".encode()).hexdigest()


def by_token(session: AnySession, token: str) -> tuple[VisitLink, Visit] | None:
    """The link and its visit, whatever has become of it; None for a token that nobody sent."""
    if len(token) != TOKEN_LENGTH:
        return None
    found = select(VisitLink).where(VisitLink.token_hash == digest(token)).execution_options(skip_scope=True)
    row = session.scalar(found)
    if row is None:
        return None
    with scope.acting(SYSTEM):
        return row, session.get_one(Visit, row.visit_id)


def state_of(row: VisitLink, visit: Visit, at: dt.datetime) -> LinkState:
    """What the link is worth now."""
    confirmed = any(f.stops for f in visit_reviewers.standing_findings(visit))
    return link_state(row.used_at is not None, row.withdrawn_at is not None, confirmed, row.expires_at, at)


def confirm(
    session: AnySession, token: str, said: Word, signer: str, signature: Received | None, at: dt.datetime,
    address: str | None,
) -> Visit:  # fmt: skip
    """The use unit confirms by the link: signed, with its word; all that is wrong is told at once."""
    with scope.acting(SYSTEM):
        row, visit = _open(session, token, at)
        signer = " ".join(signer.split())
        raise_failing([
            *_number_findings(session, row, visit),
            Finding("签名", signature is not None, "没有签名", "请在签名区签名", field="signature"),
            Finding("签名人", 0 < len(signer) <= LONGEST_SIGNER,
                say("%(count)s 个字", count=len(signer)) if signer else "没有填写",
                say("最多 %(most)s 个字", most=LONGEST_SIGNER) if signer else "请填写签名人", field="signer"),
            *said.findings(),
        ])  # fmt: skip
        assert signature is not None
        actor = guest(visit, row, address)
        row.used_at, row.signer = at, signer
        attachments.record(session, actor, at, signature, "visit", visit.id, visit.use_unit_id, visit.region_code)
        return visits.confirmed(session, actor, visit, said, "link", at, link=row.id, sent_to=row.sent_to)


def object_to(session: AnySession, token: str, objection: str, at: dt.datetime, address: str | None) -> Visit:
    """不认可 by the link: it is used by it; the record waits on, and the firm may send another one."""
    with scope.acting(SYSTEM):
        row, visit = _open(session, token, at)
        raise_failing([*_number_findings(session, row, visit), *visits.objection_findings(objection)])
        row.used_at = at
        visits.objected(
            session, guest(visit, row, address), visit, objection, at, link=row.id, sent_to=row.sent_to
        )  # fmt: skip
        return visit


def guest(visit: Visit, row: VisitLink, address: str | None) -> Actor:
    """Who acts by a link: nobody's account, for the use unit of that day."""
    return Actor(None, "使用单位（确认链接）", unit_id=visit.use_unit_id, via=f"link:{row.id}", address=address)


# --- parts


def _own(session: AnySession, actor: Actor, visit_id: int) -> Visit:
    """The visit, held, for whoever of the firm may send: who did it, and the office."""
    visit: Visit = scope.visible(session, actor, Visit, visit_id, "维保记录")
    may_send(actor, visit)
    held = lock(session, Visit, visit.id)
    assert held is not None
    return held


def may_send(actor: Actor, visit: Visit) -> None:
    """Raise unless he acts for the firm in this: who did the visit, and the office."""
    require(actor, Verb.VISIT_READ)
    if actor.unit_id != visit.unit_id:
        raise NotAllowed(Finding("维保单位", False, "这条记录不是本单位的", "请由维保单位办理"))
    own = actor.may(Verb.VISIT_MAKE) and actor.person_id is not None and visit.worker_id == actor.person_id
    if not own and not actor.may(Verb.ORDER_EDIT):
        raise NotAllowed(Finding("确认", False, "不是您做的维保", "请由维保员本人或本单位的文员、经理办理"))


def _judged(session: AnySession, visit: Visit, at: dt.datetime, named: bool) -> tuple[str, list[Finding]]:
    """The filed phone to which a link may go, and every condition. `named`: the platform has a public address."""
    elevator = session.get_one(Elevator, visit.elevator_id, execution_options={"skip_scope": True})
    findings = [
        *visit_reviewers.standing_findings(visit),
        Finding("涉密", not elevator.is_secret, "涉密电梯不发链接" if elevator.is_secret else "不涉密",
            "请由使用单位账号复核" if elevator.is_secret else ""),
        Finding("平台地址", named, "已设置" if named else "平台没有设置对外地址",
            "" if named else "请由使用单位账号复核，或纸质签字；要用链接，请联系平台管理员设置对外地址"),
        Finding("短信", CHANNEL in outbox.SENDERS, "平台没有接通短信" if CHANNEL not in outbox.SENDERS else "已接通",
            "请由使用单位账号复核，或纸质签字" if CHANNEL not in outbox.SENDERS else ""),
    ]  # fmt: skip
    numbers = _filed(session, visit, elevator)
    if not numbers:
        findings.append(Finding(
            "备案电话", False, "电梯和使用单位都没有备案可用的手机号", "请使用单位在电梯档案里填写安全管理员电话"
        ))  # fmt: skip
        return "", findings
    judged = [(number, visit_reviewers.number_findings(session, visit, number)) for number in numbers]
    phone, about = next((one for one in judged if not any(f.stops for f in one[1])), judged[0])
    before = _all_of(session, visit.id)
    lately = select(func.count(VisitLink.id)).where(
        VisitLink.sent_to == mask_mobile(phone), VisitLink.sent_at > at - dt.timedelta(days=1)
    )
    of_number = session.scalar(lately.execution_options(skip_scope=True)) or 0
    return phone, [
        *findings, *about,
        *sending_findings(len(before), before[0].sent_at if before else None, of_number, at),
    ]  # fmt: skip


def _filed(session: AnySession, visit: Visit, elevator: Elevator) -> list[str]:
    """The phones of the use unit of that day as they are filed, the elevator's own first."""
    unit = session.get(Unit, visit.use_unit_id, execution_options={"skip_scope": True}) if visit.use_unit_id else None
    given = [
        elevator.safety_phone if elevator.use_unit_id == visit.use_unit_id else None,
        unit.safety_phone if unit else None, unit.head_phone if unit else None,
    ]  # fmt: skip
    return list(dict.fromkeys(number for number in given if number and _is_mobile(number)))


def _is_mobile(number: str) -> bool:
    try:
        check_mobile(number, "phone")
    except Refusal:
        return False
    return True


def _open(session: AnySession, token: str, at: dt.datetime) -> tuple[VisitLink, Visit]:
    """The link and its visit, both held, if it may still be answered."""
    found = by_token(session, token)
    if found is None:
        raise refuse("确认链接", "没有这个链接", "请联系维保单位重新发送")
    visit = lock(session, Visit, found[1].id)
    row = lock(session, VisitLink, found[0].id)
    assert visit is not None and row is not None
    if state_of(row, visit, at) is not LinkState.OPEN:
        raise refuse("确认链接", "链接已经失效", "请刷新页面查看")
    return row, visit


def _number_findings(session: AnySession, row: VisitLink, visit: Visit) -> list[Finding]:
    """Whether the phone that got the link is still filed and still nobody's of the firm."""
    elevator = session.get_one(Elevator, visit.elevator_id)
    now = [number for number in _filed(session, visit, elevator) if mask_mobile(number) == row.sent_to]
    if not now or elevator.is_secret:
        return [Finding("备案电话", False, "收到链接的号码已不是备案的电话", "请联系维保单位重新发送")]
    return visit_reviewers.number_findings(session, visit, now[0])


def _all_of(session: AnySession, visit_id: int) -> list[VisitLink]:
    """Newest first."""
    statement = select(VisitLink).where(VisitLink.visit_id == visit_id).order_by(VisitLink.id.desc())
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def _code(visit: Visit) -> str:
    return str(visit.snapshot.get("code") or visit.elevator.code)
