"""入职邀请 (PER-01), the units' side: invite, approve, take back, look at what the invitee entered, and take him on.

A link is a random token of which only the digest is kept; whoever makes a new one ends the old.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, Stale, raise_failing, refuse
from app.models import Account, Elevator, Invitation, InvitationPoster, Person, Unit
from app.models.choices import PERSON_KIND
from app.models.sealed import holding
from app.permissions import SYSTEM, Actor, Role, Verb, require
from app.rules.identifiers import check_mobile
from app.rules.invitations import CLOSED, InvitationState, InvitationVerb, kind_finding, kinds_for
from app.rules.steps import LOOK_AGAIN
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.access import codes
from app.workflows.access.issuing import gather, required_text
from app.workflows.access.main_accounts import main_account
from app.workflows.core import audit, moves, outbox
from app.workflows.files import attachments

LINK_DAYS = 7
POSTER_HOURS = (1, 24, 72)
POSTER_MOST = 50
# Asked to join so often on one day, by whomever, a phone is being pestered.
MOST_A_DAY = 5
# Each sends an SMS to a number that anybody may type: more than this on one day is no unit's taking on of people.
MOST_BY_SENDER_A_DAY = 500
OPINION_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, and its link's token where it is approved: shown once, kept nowhere."""

    invitation: Invitation
    token: str | None = field(default=None, repr=False)


def units_to_invite_for(session: AnySession, actor: Actor) -> list[Unit]:
    """The units whose people the actor invites: his own, and the use units of the elevators that it maintains."""
    if actor.unit_id is None:
        return []
    used = select(Elevator.use_unit_id).where(Elevator.maintenance_unit_id == actor.unit_id)
    theirs = (Unit.id.in_(used) | (Unit.filed_by_unit_id == actor.unit_id)) & Unit.is_use
    statement = scope.apply(select(Unit), actor).where((Unit.id == actor.unit_id) | theirs)
    own_first = (Unit.id != actor.unit_id, Unit.name)
    return list(session.scalars(statement.order_by(*own_first).limit(500).execution_options(skip_scope=True)))


def kinds_of(unit: Unit, actor: Actor) -> tuple[str, ...]:
    """Which kinds of people the actor invites into the unit; the district only the first clerk (信息报备)."""
    kinds = kinds_for(is_maintenance=unit.is_maintenance, is_use=unit.is_use)
    if actor.unit_id is None:
        return tuple(k for k in kinds if k == "clerk")
    if actor.unit_id != unit.id:
        return tuple(k for k in kinds if k in kinds_for(is_maintenance=False, is_use=True))
    return kinds


def problems(
    session: AnySession, actor: Actor, unit_id: int | None, values: dict[str, object], at: dt.datetime
) -> tuple[Unit | None, dict[str, object], list[Finding]]:
    """The unit, the checked values and what is wrong: the same for a form and for each row of a workbook."""
    require(actor, Verb.PERSON_EDIT if actor.unit_id is not None else Verb.ACCOUNT_CREATE)
    try:
        unit = _unit(session, actor, unit_id)
    except Refusal as refusal:
        return None, {}, refusal.findings
    found: list[Finding] = []
    checked: dict[str, object] = {}
    try:
        checked = gather(
            name=lambda: required_text(str(values.get("name") or ""), "姓名", "name", 40),
            phone=lambda: check_mobile(str(values.get("phone") or ""), "phone"),
        )
    except Refusal as refusal:
        found += refusal.findings
    kind = str(values.get("kind") or "")
    found.append(kind_finding(kind, kinds_of(unit, actor)))
    if checked:
        found += _phone_findings(session, unit, str(checked["phone"]), at)
    if actor.unit_id is None and _has_clerk(session, unit.id):
        remedy = "请由该单位的文员邀请其他人员"
        found.append(Finding("信息报备", False, say("%(name)s 已有文员账号", name=unit.name), remedy, field="kind"))
    checked |= {"kind": kind, "with_account": bool(values.get("with_account"))}
    return unit, checked, found


def invite(
    session: AnySession,
    actor: Actor,
    *,
    name: str,
    phone: str,
    kind: str,
    unit_id: int | None = None,
    with_account: bool = False,
    batch_id: int | None = None,
    at: dt.datetime,
) -> Invited:
    """Ask one person to join; whoever may approve has approved by inviting, else the manager is told.

    A district invites the first clerk of a unit, always with an account.
    """
    _unit(session, actor, unit_id)
    given: dict[str, object] = {"name": name, "phone": phone, "kind": kind, "with_account": with_account}
    unit, checked, found = problems(session, actor, unit_id, given, at)
    raise_failing(found)
    assert unit is not None
    # Held, so that two who invite one person at the same moment come one after the other.
    hold_unit(session, unit.id)
    raise_failing([*_phone_findings(session, unit, str(checked["phone"]), at), _sender_finding(session, actor, at)])
    row = Invitation(
        unit_id=unit.id, by_unit_id=actor.unit_id, region_code=unit.region_code, batch_id=batch_id,
        created_by_id=actor.user_id, **checked,
    )  # fmt: skip
    if actor.unit_id is None:
        row.with_account = True
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "invitation.create", "invitation", row.id, after={"unit_id": unit.id, "kind": row.kind}
    )
    if _may_decide(session, actor, row):
        return Invited(row, _approve(session, actor, row, at))
    title = say("待审批：邀请 %(name)s 入职（%(kind)s）", name=row.name, kind=PERSON_KIND[row.kind])
    tell_deciders(session, row, title, "approve", at)
    return Invited(row)


def approve(session: AnySession, actor: Actor, invitation_id: int, at: dt.datetime) -> Invited:
    """The manager agrees that this person is asked; only now there is a link, and the invitee is told by SMS."""
    row = _held(session, actor, invitation_id)
    _decider(session, actor, row)
    if row.state != InvitationState.INVITED or row.approved_at is not None:
        raise refuse("入职邀请", say("%(name)s 的邀请已经审批过", name=row.name), LOOK_AGAIN)
    return Invited(row, _approve(session, actor, row, at))


def new_link(session: AnySession, actor: Actor, invitation_id: int, at: dt.datetime) -> Invited:
    """A new link for an approved invitation, to be shown as a QR picture; the old one opens nothing any more."""
    row = _held(session, actor, invitation_id)
    _inviter(actor, row)
    if row.approved_at is None:
        raise refuse("邀请链接", "邀请还没有经主管审批", "请等待审批")
    if row.state in CLOSED:
        raise refuse("邀请链接", say("%(name)s 的邀请已经结束", name=row.name), "需要时请重新邀请")
    token = _link(row, at)
    session.flush()
    audit.record(session, actor, at, "invitation.link", "invitation", row.id)
    return Invited(row, token)


def cancel(session: AnySession, actor: Actor, invitation_id: int, at: dt.datetime) -> Invitation:
    """取消邀请: what was entered and the pictures are dropped; that there was an invitation stays."""
    row = _held(session, actor, invitation_id)
    _inviter(actor, row)
    if row.state in CLOSED:
        raise refuse("入职邀请", say("%(name)s 的邀请已经结束", name=row.name), "不需要再取消")
    moves.move(session, actor, row, "state", InvitationState.CANCELLED.value, verb=InvitationVerb.CANCEL.value, at=at)
    forget(session, row)
    return row


def reject(
    session: AnySession, actor: Actor, invitation_id: int, opinion: str, seen_version: int, at: dt.datetime
) -> Invitation:
    """驳回: the invitee reads why and fills in again."""
    row = _held(session, actor, invitation_id)
    _decider(session, actor, row)
    as_seen(row, seen_version)
    row.opinion = required_text(opinion, "驳回原因", "opinion", OPINION_LENGTH)
    row.decided_at, row.decided_by_id = at, actor.user_id
    moves.move(
        session, actor, row, "state", InvitationState.REJECTED.value, verb=InvitationVerb.REJECT.value, at=at,
        reason=row.opinion,
    )  # fmt: skip
    row.expires_at = at + dt.timedelta(days=LINK_DAYS)
    text = say("您的入职资料被驳回：%(opinion)s。请用原链接重新填写", opinion=row.opinion)
    _tell_invitee(session, row, text, at)
    return row


# --- QR pictures for several


def make_poster(
    session: AnySession, actor: Actor, *, unit_id: int | None, kind: str, with_account: bool, hours: int, most: int,
    at: dt.datetime,
) -> tuple[InvitationPoster, str]:  # fmt: skip
    """A QR picture by which people ask to join; each of them still waits for the manager. The token is shown once."""
    require(actor, Verb.PERSON_EDIT)
    unit = _unit(session, actor, unit_id)
    few = 1 <= most <= POSTER_MOST
    raise_failing(
        [
            kind_finding(kind, kinds_of(unit, actor)),
            Finding("有效时间", hours in POSTER_HOURS, say("%(hours)s 小时", hours=hours), "请从列表选择",
                field="hours"),
            Finding("最多人数", few, say("%(most)s 人", most=most), say("请填写 1 至 %(poster_most)s",
                poster_most=POSTER_MOST), field="most", value=str(most)),
        ]
    )
    token = secrets.token_urlsafe(32)
    row = InvitationPoster(
        unit_id=unit.id, by_unit_id=actor.unit_id, region_code=unit.region_code, kind=kind, most=most,
        with_account=with_account, token_hash=digest(token), expires_at=at + dt.timedelta(hours=hours),
        created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "invitation.poster", "invitation_poster", row.id,
        after={"unit_id": unit.id, "kind": kind, "hours": hours, "most": most},
    )  # fmt: skip
    return row, token


def close_poster(session: AnySession, actor: Actor, poster_id: int, at: dt.datetime) -> InvitationPoster:
    """End a QR picture before its time; who asked by it already goes on."""
    require(actor, Verb.PERSON_EDIT)
    visible(session, actor, InvitationPoster, poster_id, "邀请码")
    row = lock(session, InvitationPoster, poster_id)
    assert row is not None
    if row.expires_at <= at:
        raise refuse("邀请码", "已经失效", "不需要再停用")
    row.expires_at = at
    session.flush()
    audit.record(session, actor, at, "invitation.poster_close", "invitation_poster", row.id)
    return row


# --- shared with the invitee's side


def digest(token: str) -> str:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def hold_unit(session: AnySession, unit_id: int) -> Unit:
    """The unit's row, held, whoever acts: limits of the unit are counted under it."""
    statement = select(Unit).where(Unit.id == unit_id).with_for_update()
    return session.scalars(statement.execution_options(skip_scope=True, populate_existing=True)).one()


def tell_deciders(session: AnySession, row: Invitation, title: str, step: str, at: dt.datetime) -> None:
    """Word to those who decide on it."""
    outbox.notify(
        session, at, deciders(session, row), "invitation", title, link=f"/invitations/{row.id}",
        dedupe_key=f"invitation:{step}:{row.id}:{row.row_version}",
    )  # fmt: skip


def tell_ending(session: AnySession, row: Invitation, on: dt.date, at: dt.datetime) -> None:
    """Word to those who decide, and to the invitee, that what he submitted is erased on a day unless it is decided."""
    title = say("%(name)s 的入职资料一直没有审核，将于 %(on)s 删除", name=row.name, on=on.isoformat())
    tell_deciders(session, row, title, "ending", at)
    if codes.available():
        text = say("您提交给%(name)s的入职资料还没有审核，将于 %(on)s 删除。仍要入职请联系该单位。",
            name=row.unit.name, on=on.isoformat())
        outbox.send_to(session, at, None, "sms", row.phone, "invitation", text)


def deciders(session: AnySession, row: Invitation) -> list[int]:
    """The accounts that decide: of the unit itself, else of the unit that invited, else the district's."""
    if row.by_unit_id is None:
        return outbox.officers_of(session, row.region_code, Verb.INVITATION_APPROVE)
    own = outbox.accounts_of_unit(session, row.unit_id, Verb.INVITATION_APPROVE)
    return own or outbox.accounts_of_unit(session, row.by_unit_id, Verb.INVITATION_APPROVE)


def forget(session: AnySession, row: Invitation) -> None:
    """Drop what was entered of an invitation that leads to nobody, pictures too."""
    row.resident_id = row.sex = row.certificate_no = row.password_hash = row.token_hash = None
    row.certificate_issued_on = row.certificate_until = None
    for file in attachments.of(session, Invitation.__tablename__, row.id):
        attachments.forget(session, file)
    session.flush()


def as_seen(row: Invitation, seen_version: int) -> None:
    """Refuse to decide on what changed since it was shown."""
    if row.row_version != seen_version:
        found = say("您打开页面后，%(name)s 的资料有变动", name=row.name)
        raise Stale(Finding("所见即所审", False, found, "请刷新页面，看过现在的内容后再决定"), row.row_version)


def held_for_decision(session: AnySession, actor: Actor, invitation_id: int) -> Invitation:
    """The invitation, held, for whoever decides on it."""
    row = _held(session, actor, invitation_id)
    _decider(session, actor, row)
    return row


def may_decide(session: AnySession, actor: Actor, row: Invitation) -> bool:
    return _may_decide(session, actor, row)


# --- parts


def _unit(session: AnySession, actor: Actor, unit_id: int | None) -> Unit:
    """The unit to join, where the actor may invite into it."""
    key = unit_id if unit_id is not None else actor.unit_id
    if key is None:
        raise refuse("入职单位", "没有选择", "请选择入职的单位", field="unit_id")
    unit: Unit = visible(session, actor, Unit, key, "入职单位")
    if actor.unit_id is None or unit.id == actor.unit_id:
        return unit
    if unit.id not in {u.id for u in units_to_invite_for(session, actor)}:
        found = say("%(name)s 不是本单位维保电梯的使用单位", name=unit.name)
        raise refuse("入职单位", found, "请选择本单位，或本单位维保电梯的使用单位", field="unit_id")
    return unit


def _phone_findings(session: AnySession, unit: Unit, phone: str, at: dt.datetime) -> list[Finding]:
    """Not here already, not asked already, and not pestered. Other units' people are none of the answer."""
    waiting = select(Invitation.name).where(
        Invitation.unit_id == unit.id, with_phone(phone), Invitation.state.not_in([s.value for s in CLOSED])
    )
    here = select(Person.name).where(Person.unit_id == unit.id, holding(Person.phone, phone), Person.left_on.is_(None))
    lately = select(func.count(Invitation.id)).where(
        with_phone(phone), Invitation.created_at > at - dt.timedelta(days=1)
    )
    asked = session.scalar(waiting.limit(1).execution_options(skip_scope=True))
    person = session.scalar(here.limit(1).execution_options(skip_scope=True))
    often = (session.scalar(lately.execution_options(skip_scope=True)) or 0) >= MOST_A_DAY
    found = []
    if asked is not None:
        remedy = "请查看该邀请，或先取消"
        found.append(Finding("入职邀请", False, say("该手机号已有办理中的邀请（%(asked)s）", asked=asked), remedy,
            field="phone"))
    if person is not None:
        remedy = "不需要邀请；请核对手机号"
        found.append(Finding("入职邀请", False, say("该手机号已是本单位人员 %(person)s 的", person=person), remedy,
            field="phone"))
    if often:
        found.append(Finding("邀请次数", False, "一天内邀请该手机号的次数过多", "请明天再邀请", field="phone"))
    return found


def _sender_finding(session: AnySession, actor: Actor, at: dt.datetime) -> Finding:
    """Not more invitations a day than one unit (or officer) sends; held, so that many at once are counted together."""
    own = actor.unit_id is not None
    hold(session, f"invitations of {actor.unit_id if own else -(actor.user_id or 0)}")
    mine = Invitation.by_unit_id == actor.unit_id if own else Invitation.created_by_id == actor.user_id
    lately = select(func.count(Invitation.id)).where(mine, Invitation.created_at > at - dt.timedelta(days=1))
    sent = session.scalar(lately.execution_options(skip_scope=True)) or 0
    ok = sent < MOST_BY_SENDER_A_DAY
    remedy = "" if ok else say("一天最多 %(most_by_sender_a_day)s 件，请明天再邀请",
        most_by_sender_a_day=MOST_BY_SENDER_A_DAY)
    return Finding("邀请次数", ok, say("一天内已发出 %(sent)s 件邀请", sent=sent), remedy)


def with_phone(phone: str) -> Any:
    """The condition that an invitation went to this phone: the one place that knows how it is asked for."""
    return holding(Invitation.phone, phone)


def _has_clerk(session: AnySession, unit_id: int) -> bool:
    role_model = Account.roles.property.mapper.class_
    statement = select(Account.id).where(
        Account.unit_id == unit_id, Account.active, Account.roles.any(role_model.name == Role.CLERK.value)
    )
    return session.scalar(statement.limit(1).execution_options(skip_scope=True)) is not None


def _held(session: AnySession, actor: Actor, invitation_id: int) -> Invitation:
    visible(session, actor, Invitation, invitation_id, "入职邀请")
    row = lock(session, Invitation, invitation_id)
    assert row is not None
    return row


def _inviter(actor: Actor, row: Invitation) -> None:
    """Whoever may invite there may take it back or show its link."""
    require(actor, Verb.PERSON_EDIT if actor.unit_id is not None else Verb.ACCOUNT_CREATE)
    if actor.unit_id is None and row.by_unit_id is not None:
        raise NotAllowed(Finding("入职邀请", False, "这是单位发出的邀请", "请由该单位办理"))


def _may_decide(session: AnySession, actor: Actor, row: Invitation) -> bool:
    """The unit's own manager; of a unit without an account the one that invited; the district for its own."""
    if not actor.may(Verb.INVITATION_APPROVE):
        return False
    if actor.unit_id is None:
        return row.by_unit_id is None
    if actor.unit_id == row.unit_id:
        return True
    return actor.unit_id == row.by_unit_id and main_account(session, row.unit_id) is None


def _decider(session: AnySession, actor: Actor, row: Invitation) -> None:
    require(actor, Verb.INVITATION_APPROVE)
    if not _may_decide(session, actor, row):
        raise NotAllowed(Finding("入职审批", False, "这件邀请不由您的单位或部门审批", "请由入职单位的主管审批"))


def _approve(session: AnySession, actor: Actor, row: Invitation, at: dt.datetime) -> str | None:
    row.approved_at, row.approved_by_id = at, actor.user_id
    token = None
    if row.poster_id is None:
        token = _link(row, at)
    else:
        # Whoever asked by a QR picture goes on in the browser by which he asked.
        row.expires_at = at + dt.timedelta(days=LINK_DAYS)
    session.flush()
    audit.record(session, actor, at, "invitation.approve", "invitation", row.id)
    outbox.settle(session, at, "invitation", f"/invitations/{row.id}")
    return token


def _link(row: Invitation, at: dt.datetime) -> str:
    token = secrets.token_urlsafe(32)
    row.token_hash, row.expires_at = digest(token), at + dt.timedelta(days=LINK_DAYS)
    return token


def send_link(session: AnySession, invited: Invited, address: str, at: dt.datetime) -> bool:
    """The link by SMS, where there is a gateway; `address` is the page's full address with the token in it."""
    if "sms" not in outbox.SENDERS:
        return False
    with scope.acting(SYSTEM):
        unit = session.get(Unit, invited.invitation.unit_id)
    until = clock.until(invited.invitation.expires_at) if invited.invitation.expires_at else ""
    text = say("%(name)s邀请您入职，请在 %(until)s 前打开 %(address)s 确认并填写资料。" "不认识该单位请忽略。",
        name=unit.name if unit else "", until=until, address=address)
    phone = invited.invitation.phone
    outbox.send_to(session, at, None, "sms", phone, "invitation", text, title=say("入职邀请"), secret=True)
    return True


def _tell_invitee(session: AnySession, row: Invitation, text: str, at: dt.datetime) -> None:
    if "sms" in outbox.SENDERS:
        outbox.send_to(session, at, None, "sms", row.phone, "invitation", text, title=say("入职邀请"), secret=True)
