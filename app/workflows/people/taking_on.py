"""已结束 (PER-02): what was entered becomes a person of the unit, and where asked an account, all or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal, raise_failing
from app.models import Account, Attachment, Invitation, Person, Unit
from app.models.sealed import holding
from app.permissions import ASSIGNABLE, PERSON_ROLES, ROLE_LABEL, SYSTEM, TAKES_ON, Actor, Role
from app.rules.identifiers import mask_mobile
from app.rules.invitations import InvitationState, InvitationVerb
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.access import asking
from app.workflows.access.issuing import save_new
from app.workflows.access.sub_accounts import refuse_when_full
from app.workflows.core import audit, moves, outbox
from app.workflows.people import consents, invitations, one_unit


def gives(actor: Actor, unit_id: int, kind: str) -> bool:
    """Whether this account's approval may open an account of the kind in the unit.

    Never in another unit: a maintenance firm must not make the accounts that review its own visits.
    """
    roles = PERSON_ROLES.get(kind)
    if roles is None or (actor.unit_id is not None and actor.unit_id != unit_id):
        return False
    return roles <= frozenset().union(*(t.get(held, ()) for held in actor.roles for t in (ASSIGNABLE, TAKES_ON)))


def findings(session: AnySession, actor: Actor, row: Invitation, with_account: bool, at: dt.datetime) -> list[Finding]:
    """What taking this invitee on needs, passing and failing.

    Who invites could fill in himself: whether a number is taken elsewhere is told within the limits of `asking`.
    """
    unit = session.scalars(select(Unit).where(Unit.id == row.unit_id).execution_options(skip_scope=True)).one()
    found = []
    if row.resident_id:
        found.append(one_unit.asked(session, actor, row.resident_id, None, at, row.unit_id))
    twin = select(Person.name).where(
        Person.unit_id == row.unit_id, holding(Person.phone, row.phone), Person.left_on.is_(None)
    )
    other = session.scalar(twin.limit(1).execution_options(skip_scope=True))
    said = "本单位没有别人用此号码" if other is None else say("已是本单位 %(other)s 的号码", other=other)
    found.append(Finding("手机号码", other is None, said, "" if other is None else "一人一号，请核对", field="phone"))
    if with_account:
        found += _account_findings(session, actor, row, unit, at)
    return found


def end(
    session: AnySession, actor: Actor, invitation_id: int, seen_version: int, with_account: bool, at: dt.datetime
) -> Person:
    """审核通过: the person, his pictures and his account; the manager may leave an asked-for account out."""
    row = invitations.held_for_decision(session, actor, invitation_id)
    invitations.as_seen(row, seen_version)
    with_account = with_account and row.with_account
    # Held while its accounts are counted: parallel approvals can't pass the limit together.
    invitations.hold_unit(session, row.unit_id)
    raise_failing(findings(session, actor, row, with_account, at))
    row.decided_at, row.decided_by_id = at, actor.user_id
    moves.move(session, actor, row, "state", InvitationState.ENDED.value, verb=InvitationVerb.END.value, at=at)
    # The unit may be another than the actor's, whose scope then can't hold the new rows; what is written is said here.
    with scope.acting(SYSTEM):
        person = Person(
            name=row.name, phone=row.phone, kind=row.kind, sex=row.sex, resident_id=row.resident_id,
            unit_id=row.unit_id, region_code=row.region_code, certificate_no=row.certificate_no,
            certificate_issued_on=row.certificate_issued_on, certificate_until=row.certificate_until,
            hired_on=clock.local_day(at), created_by_id=actor.user_id,
        )  # fmt: skip
        one_unit.keep(session, person)
        files = select(Attachment).where(
            Attachment.entity == Invitation.__tablename__, Attachment.entity_id == row.id
        )
        for file in session.scalars(files):
            file.entity, file.entity_id = Person.__tablename__, person.id
        session.flush()
        consents.take_on(session, actor, person, row.submitted_at or at, at)
        account = _open_account(session, actor, row, person, at) if with_account else None
        # The person has it now: kept twice it would have to be forgotten twice.
        row.resident_id = row.password_hash = None
        row.person_id = person.id
        session.flush()
    audit.record(
        session, actor, at, "person.take_on", "person", person.id,
        after={"name": person.name, "invitation": row.id, "account": account.id if account else None},
    )  # fmt: skip
    told = {row.created_by_id, account.id if account else None} - {actor.user_id, None}
    outbox.notify(
        session, at, [key for key in told if key is not None], "invitation",
        say("%(name)s 的入职资料已审核通过", name=person.name),
        link=f"/invitations/{row.id}", dedupe_key=f"invitation:end:{row.id}",
    )  # fmt: skip
    return person


def _account_findings(
    session: AnySession, actor: Actor, row: Invitation, unit: Unit, at: dt.datetime
) -> list[Finding]:
    found = []
    try:
        refuse_when_full(session, unit, at)
    except Refusal as refusal:
        found += refusal.findings
    may = gives(actor, unit.id, row.kind)
    roles = PERSON_ROLES.get(row.kind)
    said = (
        "可以开通"
        if may
        else say("您不能开通“%(named)s”账号", named=_named(roles))
        if roles
        else "这类人员没有子用户账号"
    )
    remedy = "" if may else "请由单位负责人审核，或不开通账号"
    found.append(Finding("账号", may, said, remedy, field="with_account"))
    holder = _holder(session, row.phone)
    bound = holder is not None and not _gone(session, holder)
    if holder is None or holder.unit_id != actor.unit_id:
        over = asking.ask(
            session, actor, row.phone, taken=bound, rule="手机号码", shown=mask_mobile(row.phone),
            field="with_account", at=at,
        )  # fmt: skip
        if over is not None:
            return [*found, over]
    if bound:
        remedy = "请本人先在原单位办完离职（账号随之注销），或不开通账号"
        found.append(Finding("手机号码", False, "已绑定其他账号", remedy, field="with_account"))
    return found


def _open_account(session: AnySession, actor: Actor, row: Invitation, person: Person, at: dt.datetime) -> Account:
    roles = PERSON_ROLES[row.kind]
    holder = _holder(session, row.phone)
    if holder is not None:
        # Of whoever left another unit: ended, and kept for what it did; the number goes with the human.
        holder.phone = holder.phone_verified_at = None
        session.flush()
        audit.record(session, actor, at, "account.release_phone", "account", holder.id)
    account = Account(
        username=f"ry.{person.id:06d}", first_name=person.name, sex=person.sex, phone=person.phone,
        unit_id=person.unit_id, region_code=person.region_code, person_id=person.id, is_main=False,
        sees_all_elevators=roles != {Role.WORKER}, parent_user_id=actor.user_id,
    )  # fmt: skip
    account.password = row.password_hash or ""
    account.phone_verified_at = row.phone_checked_at
    save_new(session, account, set(roles))
    audit.record(
        session, actor, at, "account.create", "account", account.id,
        after={"login_name": account.username, "roles": sorted(roles), "unit_id": account.unit_id, "by": "invitation"},
    )  # fmt: skip
    return account


def _named(roles: Iterable[Role]) -> str:
    return together(str(ROLE_LABEL[role]) for role in sorted(roles))


def _holder(session: AnySession, phone: str) -> Account | None:
    return session.scalar(select(Account).where(holding(Account.phone, phone)).execution_options(skip_scope=True))


def _gone(session: AnySession, account: Account) -> bool:
    """Ended because its person left; an account that is only off, or that is nobody's, keeps its number."""
    if account.active or account.person_id is None:
        return False
    left = select(Person.left_on).where(Person.id == account.person_id).execution_options(skip_scope=True)
    return session.scalar(left) is not None
