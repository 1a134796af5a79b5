"""Who may speak for the use unit about a visit: no account that the firm made, none whose phone is one of theirs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.errors import Finding
from app.models import Account, AuditEntry, Person, Unit, Visit
from app.models.sealed import holding
from app.permissions import Actor
from app.transaction import AnySession
from app.workflows.core import independence


def findings(session: AnySession, actor: Actor, visit: Visit) -> list[Finding]:
    """Who may speak for the use unit about a visit, and when."""
    return [
        *side_findings(session, actor, visit.unit_id, visit.use_unit_id),
        _said(
            "已签退", visit.checked_out_at is not None, "维保员已签退", "这次维保还没有签退", "请等维保员签退后再复核"
        ),
    ]  # fmt: skip


def side_findings(session: AnySession, actor: Actor, unit_id: int, use_unit_id: int | None) -> list[Finding]:
    """Whether the actor is the use unit's own man, and none of whom the maintenance unit is behind."""
    own = actor.unit_id != unit_id and unit_id not in _maker_units(session, actor)
    return [
        _said(
            "复核单位", use_unit_id == actor.unit_id, "这台电梯当时由您的单位使用",
            "这台电梯当时不由您的单位使用", "请由使用单位的账号复核",
        ),
        _said(
            "复核人", own, "账号不由维保单位建立", "复核账号属于维保单位，或由维保单位建立",
            "请由使用单位自己的账号复核",
        ),
        _said(
            "复核人手机", not _phone_of_unit(session, actor, unit_id), "手机号不是维保单位的",
            "复核账号的手机号是维保单位人员或账号的手机号", "请由使用单位自己的人员复核，或改正账号的手机号",
        ),
    ]  # fmt: skip


def review_findings(session: AnySession, actor: Actor, visit: Visit) -> list[Finding]:
    """Every condition of a review but the opinion, which is judged when it is given."""
    return [*findings(session, actor, visit), *standing_findings(visit)]


def standing_findings(visit: Visit) -> list[Finding]:
    """Whether a record still waits to be confirmed, by whichever way."""
    again, signed = visit.reviewed_at is not None, visit.signed_at is not None
    return [
        _said("重复复核", not again, "还没有复核", "这条记录已经复核", "需要更正时请添加说明"),
        _said("现场签名", not signed, "现场没有签名", "现场已经签名，不用再复核", "无需操作"),
        _said("记录状态", visit.state != "void", "记录不是无效的", "这条记录无效，不用确认", "无需操作"),
    ]


def number_findings(session: AnySession, visit: Visit, phone: str) -> list[Finding]:
    """Whether whoever holds a filed phone may speak for the use unit: what holds for an account holds for a number.

    A firm could file its own man's number, or the number of an account of the use unit that it made itself.
    """
    firm = visit.unit_id
    held = select(Account).where(holding(Account.phone, phone)).limit(20).execution_options(skip_scope=True)
    made = any(firm in _makers_of(session, account.id) for account in session.scalars(held))
    return [
        _said(
            "使用单位", visit.use_unit_id is not None and visit.use_unit_id != firm, "使用单位不是维保单位自己",
            "这次维保没有另外的使用单位", "请在记录里说明情况",
        ),
        _said(
            "备案电话", not _is_of_unit(session, [phone], firm), "不是维保单位的",
            "是维保单位人员或账号的手机号", "请由使用单位改正备案的电话",
        ),
        _said(
            "备案电话", not made, "持有人的账号不由维保单位建立", "是由维保单位建立的账号的手机号",
            "请由使用单位自己的账号复核",
        ),
        _said(
            "已签退", visit.checked_out_at is not None, "维保员已签退", "这次维保还没有签退", "请等维保员签退后再确认"
        ),
    ]  # fmt: skip


def _said(rule: str, ok: bool, good: str, bad: str, remedy: str) -> Finding:
    return Finding(rule, ok, good if ok else bad, "" if ok else remedy)


def _maker_units(session: AnySession, actor: Actor) -> set[int | None]:
    return _makers_of(session, actor.user_id)


def _makers_of(session: AnySession, account_id: int | None) -> set[int | None]:
    """The units of those who made an account, at any remove: a firm's puppet may not review its visits."""
    makers = independence.party(session, account_id).makers
    statement = select(Account.unit_id).where(Account.id.in_(makers)).execution_options(skip_scope=True)
    return set(session.scalars(statement))


def _phone_of_unit(session: AnySession, actor: Actor, unit_id: int) -> bool:
    """Whether a phone of the actor's account or person is one of the unit's people, accounts or its head."""
    account = session.scalar(select(Account).where(Account.id == actor.user_id).execution_options(skip_scope=True))
    person = session.scalar(select(Person).where(Person.id == actor.person_id).execution_options(skip_scope=True))
    mine = {held.phone for held in (account, person) if held is not None} - {None, ""}
    return bool(mine) and _is_of_unit(session, [one for one in mine if one], unit_id)


def _is_of_unit(session: AnySession, mine: Sequence[str], unit_id: int) -> bool:
    # The duty phone stands as it was typed: with gaps, or as a line of an office.
    filed = select(Unit.duty_phone, Unit.safety_phone).where(Unit.id == unit_id).execution_options(skip_scope=True)
    for number in next(iter(session.execute(filed)), ()):
        if "".join(filter(str.isdigit, number or ""))[-11:] in mine:
            return True
    return any(
        session.scalar(select(found).where(where, holding(column, *mine)).limit(1).execution_options(skip_scope=True))
        for found, where, column in (
            (Person.id, Person.unit_id == unit_id, Person.phone),
            (Account.id, Account.unit_id == unit_id, Account.phone),
            (Unit.id, Unit.id == unit_id, Unit.head_phone),
        )
    )


def word_of_the_firm(session: AnySession, visit: Visit) -> bool:
    """Whether the number by which a link was answered is one that the firm itself may have filed: a sign, not a proof.

    A use unit that the firm filed, and that has no account of its own, never said that the number is its own.
    """
    if visit.confirmed_by != "link" or visit.use_unit_id is None:
        return False
    own = select(Account.id).where(Account.unit_id == visit.use_unit_id, Account.is_main).exists()
    filed = select(Unit.id).where(Unit.id == visit.use_unit_id, Unit.filed_by_unit_id == visit.unit_id, ~own)
    return session.scalar(filed.execution_options(skip_scope=True)) is not None


def same_address(session: AnySession, visit: Visit) -> bool:
    """Whether the review came from an address from which the visit was checked in or out: a sign, not a proof."""
    if visit.reviewed_from is None:
        return False
    statement = select(AuditEntry.id).where(
        AuditEntry.entity == "visit", AuditEntry.entity_id == visit.id,
        AuditEntry.action.in_(("visit.check_in", "visit.check_out")), AuditEntry.address == visit.reviewed_from,
    )  # fmt: skip
    return session.scalar(statement.limit(1).execution_options(skip_scope=True)) is not None
