"""Main accounts of units: one a unit, with the roles of its kinds, by its 统一社会信用代码 (ACC-02, ACC-12, ACC-13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Finding, NotAllowed, refuse
from app.models import Account, AccountRole, Person, Region, Unit
from app.models.account import no_mail
from app.models.choices import UNIT_KINDS
from app.models.policy import policy_value
from app.models.sealed import holding
from app.models.unit import UNIT_KIND_NAMES
from app.permissions import KIND_ROLES, SYSTEM, Actor, Role, Verb, require
from app.policy import Key
from app.rules.identifiers import USCC_FORM, check_mobile, check_resident_id, check_uscc, login_key
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.access import signin
from app.workflows.access.accounts import covers, managed, region_within
from app.workflows.access.issuing import Issued, assignable_role, gather, issue, phone_holder, required_text
from app.workflows.core import audit, outbox


def roles_of(kinds: Iterable[str]) -> frozenset[Role]:
    """What the main account of a unit of these kinds holds."""
    return frozenset().union(*(KIND_ROLES[kind] for kind in kinds))


def create_main_account(
    session: AnySession,
    actor: Actor,
    *,
    unit_name: str,
    region_id: int | None,
    head_name: str,
    phone: str,
    uscc: str,
    kinds: Iterable[str],
    head_resident_id: str = "",
    at: dt.datetime,
) -> Issued:
    """A unit's main account; its login name is the unit's 统一社会信用代码 (ACC-02).

    Attaches to the unit of that code and name, in force or not yet approved; another name for the code of a unit in
    force is refused. Otherwise makes the unit as a draft that the unit itself completes and reports. An unapproved
    registration under another name is left alone: it may be a squatter's, and the regulator will see both. The head's
    身份证号 is asked where the region's policy says so (shenzhen), and kept with a unit that is made here.
    """
    require(actor, Verb.ACCOUNT_CREATE)
    chosen = sorted(set(kinds))
    checked = gather(
        unit_name=lambda: required_text(unit_name, "单位名称", "unit_name", 120),
        region=lambda: region_within(session, actor, region_id, clock.local_day(at)),
        head_name=lambda: required_text(head_name, "负责人姓名", "head_name", 40),
        phone=lambda: check_mobile(phone, "phone"),
        head_resident_id=lambda: _head_id(session, region_id, head_resident_id, clock.local_day(at)),
        uscc=lambda: check_uscc(uscc, "uscc"),
        roles=lambda: _roles(actor, _kinds(chosen)),
    )
    code: str = checked["uscc"]
    taken = signin.find_account(session, code)
    if taken is not None:
        found = say("%(code)s 已有主账号（%(taken)s）", code=code, taken=taken.get_full_name())
        raise refuse("主账号", found, "请在账号列表中查找；忘记密码可重置", field="uscc", value=uscc)
    unit = _unit_for(session, actor, checked, chosen)
    notes = []
    bound: str | None = checked["phone"]
    if phone_holder(session, checked["phone"]) is not None:
        bound = None
        notes.append("该手机号已绑定其他账号，本账号只能用统一社会信用代码登录")
    account = Account(
        username=code, first_name=checked["head_name"], phone=bound, unit_id=unit.id, region_code=unit.region_code,
        is_main=True, sees_all_elevators=True,
    )  # fmt: skip
    return issue(session, actor, account, checked["roles"], at, tuple(notes))


def _head_id(session: AnySession, region_id: int | None, typed: str, on: dt.date) -> str | None:
    """The head's 身份证号 by its digits; without one only where the region asks for none."""
    if typed.strip():
        return check_resident_id(typed, on, "head_resident_id")
    region = session.get(Region, region_id, execution_options={"skip_scope": True}) if region_id else None
    if region is not None and policy_value(session, Key.HEAD_ID_REQUIRED, region.code, on):
        raise refuse("负责人身份证号", "没有填写", "本地区建立单位账号须填写负责人身份证号", field="head_resident_id")
    return None


def _kinds(chosen: list[str]) -> list[str]:
    if not chosen or set(chosen) - set(KIND_ROLES):
        found = "没有选择" if not chosen else "不是可选的类别"
        raise refuse("单位类别", found, "请至少选择一种，可以同时是几种", field="kinds")
    return chosen


def _roles(actor: Actor, kinds: Iterable[str]) -> set[Role]:
    """The roles of these kinds; a giver who lacks one of them makes no account of that kind at all."""
    wanted = roles_of(kinds)
    return {assignable_role(actor, role, wanted) for role in sorted(wanted)}


def _unit_for(session: AnySession, actor: Actor, checked: dict[str, Any], kinds: list[str]) -> Unit:
    """The unit that the account belongs to: found, or made as a draft."""
    code, name = checked["uscc"], checked["unit_name"]
    rows = list(
        session.scalars(
            select(Unit).where(Unit.uscc == code).order_by(Unit.id).execution_options(skip_scope=True)
        )
    )
    in_force = next((row for row in rows if row.approved_version > 0), None)
    if in_force is not None:
        if not covers(actor, in_force.region_code):
            remedy = "请由单位所在地区的管理员建立主账号"
            raise refuse("单位", say("%(code)s 已在其他地区备案", code=code), remedy, field="uscc", value=code)
        if set(kinds) - set(in_force.kinds):
            remedy = "请按备案类别建立账号；类别有变化时先由单位变更备案"
            raise refuse("单位类别", say("%(name)s 的备案类别不含所选类别", name=in_force.name), remedy, field="kinds")
        _refuse_second_main(session, in_force)
        if login_key(in_force.name) != login_key(name):  # a wrong code would hand one unit's account to another
            found = say("%(code)s 已备案为“%(filed)s”，与所填单位名称不同", code=code, filed=in_force.name)
            remedy = "请核对代码；确是这家单位的，按备案名称填写"
            raise refuse("单位名称", found, remedy, field="unit_name", value=name)
        return in_force
    for row in rows:
        if login_key(row.name) == login_key(name) and covers(actor, row.region_code):
            _refuse_second_main(session, row)
            # It is none of that kind yet, and its account would do what that kind may.
            if set(kinds) - set(row.kinds):
                remedy = "请先在单位备案里补上这一类别，或只选已有的类别"
                raise refuse("单位类别", say("%(name)s 的备案里没有所选类别", name=row.name), remedy, field="kinds")
            return row
    region: Region = checked["region"]
    made = Unit(
        uscc=code, name=name, region_id=region.id, region_code=region.code, head_name=checked["head_name"],
        head_phone=checked["phone"], head_resident_id=checked["head_resident_id"],
        created_by_id=actor.user_id, **{f"is_{kind}": kind in kinds for kind in UNIT_KIND_NAMES},
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _refuse_second_main(session: AnySession, unit: Unit) -> None:
    main = main_account(session, unit.id)
    if main is not None:
        remedy = "请在账号列表中查找；忘记密码可重置"
        raise refuse(
            "主账号",
            say("%(name)s 已有主账号 %(username)s", name=unit.name, username=main.username),
            remedy,
            field="uscc",
            value=unit.uscc,
        )


def main_account(session: AnySession, unit_id: int) -> Account | None:
    """The unit's main account, read outside scope."""
    found: Account | None = session.scalar(
        select(Account).where(Account.unit_id == unit_id, Account.is_main).execution_options(skip_scope=True)
    )
    return found


def will_follow(session: AnySession, unit: Unit, code: str | None) -> Account | None:
    """The unit's main account, where it signs in by a code that is not this one, and nobody signs in by this one.

    A name that a unit chose in registering itself is no code, and stays.
    """
    account = main_account(session, unit.id)
    if not code or account is None or account.username == code or not USCC_FORM.fullmatch(account.username):
        return None
    return account if signin.find_account(session, code) is None else None


def follow_code(session: AnySession, unit: Unit, at: dt.datetime) -> None:
    """A corrected code is the main account's login name as well: the wrong one is another unit's to sign in by."""
    account = will_follow(session, unit, unit.uscc)
    if account is None or unit.uscc is None:
        return
    before, account.username = account.username, unit.uscc
    if account.email_verified_at is None:
        # What stands for an address is of the name, and as unique.
        account.email = no_mail(account.username)
    session.flush()
    audit.record(
        session, SYSTEM.by("clock"), at, "account.edit", "account", account.id, {"login_name": before},
        {"login_name": account.username},
    )  # fmt: skip
    title = say("登录名已随单位备案改为 %(code)s", code=unit.uscc)
    outbox.notify(session, at, [account.id], "account", title, say("原来的 %(before)s 不能再登录", before=before))


def create_partner_account(session: AnySession, actor: Actor, unit_id: int, at: dt.datetime) -> Account:
    """The main account of a use unit that the actor's maintenance unit filed and the regulator approved (ACC-12).

    Nobody is shown a password: whoever made the account would otherwise confirm his own visits with it. The use unit
    comes in by a code to the phone of its filing, or by a password from the administrator, who is told.
    """
    require(actor, Verb.SUBACCOUNT_EDIT)
    own = session.get(Unit, actor.unit_id) if actor.unit_id is not None and actor.is_main else None
    if own is None or not own.is_maintenance:
        raise NotAllowed(Finding("使用单位账号", False, "只有维保单位的主账号可以建立", "请由区域管理员建立"))
    unit: Unit = visible(session, actor, Unit, unit_id, "使用单位")
    lock(session, Unit, unit.id)
    remedy = "请由区域管理员建立主账号"
    if unit.filed_by_unit_id != own.id or not unit.is_use or unit.id == own.id:
        raise refuse("使用单位账号", say("%(name)s 不是本单位填报的使用单位", name=unit.name), remedy)
    if unit.is_maintenance or unit.approved_version == 0:
        what = "同时是维保单位" if unit.is_maintenance else "还没有通过审核"
        raise refuse(
            "使用单位账号",
            say("%(name)s %(what)s", name=unit.name, what=what),
            remedy if unit.is_maintenance else "请在审核通过后建立",
        )
    _refuse_second_main(session, unit)
    code = check_uscc(unit.uscc or "", "uscc")
    if signin.find_account(session, code) is not None:
        raise refuse("主账号", say("%(code)s 已有账号", code=code), remedy)
    phone = unit.head_phone or ""
    ours = select(Person.id).where(Person.unit_id == own.id, holding(Person.phone, phone)).limit(1)
    is_ours = session.scalar(ours.execution_options(skip_scope=True)) is not None
    bound = phone if phone and not is_ours and phone_holder(session, phone) is None else None
    account = Account(
        username=code, first_name=unit.head_name or unit.name[:40], phone=bound, unit_id=unit.id,
        region_code=unit.region_code, is_main=True, sees_all_elevators=True,
    )  # fmt: skip
    issue(session, actor, account, {Role.USE_HEAD}, at)
    outbox.notify(
        session, at, outbox.officers_of(session, unit.region_code, Verb.ACCOUNT_CREATE), "account",
        say("%(name)s为%(unit)s建立了主账号", name=own.name, unit=unit.name),
        body=say("使用单位来取初始密码时，请核对身份后重置。"),
        link=f"/accounts/{account.id}",
    )  # fmt: skip
    return account


def is_off(account: Account) -> bool:
    """Whether a main account's roles are not those of the kinds that its unit is on file with."""
    unit = account.unit
    if unit is None or not account.is_main or unit.approved_version == 0 or not unit.kinds:
        return False
    return {row.name for row in account.roles} != {role.value for role in roles_of(unit.kinds)}


def match_kinds(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Account:
    """Give a main account the roles of the kinds that its unit is on file with now, no others; its sessions end.

    Asked for by an administrator, never of itself: whoever approves a changed filing does not give rights by it.
    """
    account = managed(session, actor, account_id)
    unit = account.unit
    if unit is None or not account.is_main:
        raise refuse("角色", say("%(account)s 不是单位主账号", account=account.get_full_name()), "请选择单位的主账号")
    if unit.approved_version == 0:
        raise refuse("角色", say("%(name)s 的备案还没有通过审核", name=unit.name), "请在备案通过后更新角色")
    wanted = {role.value for role in _roles(actor, _kinds(unit.kinds))}
    before = {row.name for row in account.roles}
    if before == wanted:
        kinds = together(str(UNIT_KINDS[kind]) for kind in unit.kinds)
        raise refuse("角色", say("已与备案类别（%(kinds)s）一致", kinds=kinds), "不用更新")
    account.roles = list(session.scalars(select(AccountRole).where(AccountRole.name.in_(wanted))))
    account.session_epoch += 1
    session.flush()
    audit.record(
        session, actor, at, "account.roles", "account", account.id, {"roles": sorted(before)}, {"roles": sorted(wanted)}
    )
    return account
