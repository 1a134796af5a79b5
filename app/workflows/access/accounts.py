"""Accounts of regulators and the main accounts of units: made, reset and locked by those above them (ACC-02, -05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Account, AccountRole, Person, Region, Unit
from app.models.policy import policy_value
from app.models.sealed import holding
from app.permissions import REGULATOR_ROLES, Actor, Role, Verb, require
from app.policy import Key
from app.rules.identifiers import check_mobile, check_resident_id, check_uscc, login_key
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access import devices, passwords, signin
from app.workflows.access.issuing import (
    Issued,
    assignable_role,
    free_phone,
    gather,
    issue,
    new_login_name,
    password_length,
    phone_holder,
    renew_password,
    required_text,
    set_active,
)
from app.workflows.core import audit, outbox
from app.workflows.core.actors import own_account

KIND_ROLES = {"maintenance": Role.MAINTENANCE_HEAD, "use": Role.USE_HEAD}
# An administrator's lock has no end; a lock by wrong tries is the guard's.
UNTIL_UNLOCKED = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


# --- making


def create_platform_admin(session: AnySession, actor: Actor, *, login_name: str, name: str, at: dt.datetime) -> Issued:
    """A platform administrator; from the command line only: no screen may raise anybody that far."""
    if not actor.system:
        raise NotAllowed(Finding("权限", False, "平台管理员只能在服务器上建立", "请使用命令 flask create-admin"))
    checked = gather(
        login_name=lambda: new_login_name(session, login_name, "login_name"),
        name=lambda: required_text(name, "姓名", "name", 40),
    )
    account = Account(username=checked["login_name"], first_name=checked["name"])
    return issue(session, actor, account, {Role.PLATFORM_ADMIN}, at)


def create_regulator(
    session: AnySession,
    actor: Actor,
    *,
    login_name: str,
    name: str,
    region_id: int | None,
    role: str,
    phone: str = "",
    at: dt.datetime,
) -> Issued:
    """A regulator at the creator's own node or below it, never above or aside."""
    require(actor, Verb.ACCOUNT_CREATE)
    checked = gather(
        login_name=lambda: new_login_name(session, login_name, "login_name"),
        name=lambda: required_text(name, "姓名", "name", 40),
        phone=lambda: free_phone(session, actor, phone, "phone", at) if phone.strip() else None,
        region=lambda: region_within(session, actor, region_id, clock.local_day(at)),
        role=lambda: assignable_role(actor, role, REGULATOR_ROLES),
    )
    region: Region = checked["region"]
    account = Account(
        username=checked["login_name"], first_name=checked["name"], phone=checked["phone"], region_id=region.id,
        region_code=region.code,
    )  # fmt: skip
    return issue(session, actor, account, {checked["role"]}, at)


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
        roles=lambda: {assignable_role(actor, KIND_ROLES[k], set(KIND_ROLES.values())) for k in _kinds(chosen)},
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
        raise refuse("单位类别", found, "请选择维保单位、使用单位或两者", field="kinds")
    return chosen


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
        if not _covers(actor, in_force.region_code):
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
        if login_key(row.name) == login_key(name) and _covers(actor, row.region_code):
            _refuse_second_main(session, row)
            return row
    region: Region = checked["region"]
    made = Unit(
        uscc=code, name=name, region_id=region.id, region_code=region.code, head_name=checked["head_name"],
        head_phone=checked["phone"], head_resident_id=checked["head_resident_id"],
        is_maintenance="maintenance" in kinds, is_use="use" in kinds, created_by_id=actor.user_id,
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


# --- keeping


def edit(
    session: AnySession, actor: Actor, account_id: int, *, name: str, region_id: int | None = None, role: str = "",
    at: dt.datetime,
) -> Account:  # fmt: skip
    """Change 姓名, and of a regulator 管辖地区 and 角色 too: to what the actor could have made it, and nothing beyond.

    With another region or role its sessions end (ACC-15). A sub-account's facts are its main account's business.
    """
    account = managed(session, actor, account_id)
    if account.unit_id is not None and not account.is_main:
        remedy = "请由该单位主账号在“我的子用户”中编辑"
        raise refuse("子用户", say("%(account)s 是单位的子用户", account=account.get_full_name()), remedy)
    held = {row.name for row in account.roles}
    office = account.unit_id is None and held <= {r.value for r in REGULATOR_ROLES}
    if not office and (region_id is not None or role):
        remedy = "只修改姓名；地区和角色只属于区域管理员和监察员"
        raise refuse("角色", say("%(account)s 不是监管账号", account=account.get_full_name()), remedy, field="role")
    checked = gather(
        name=lambda: required_text(name, "姓名", "name", 40),
        region=lambda: region_within(session, actor, region_id, clock.local_day(at)) if office else None,
        role=lambda: assignable_role(actor, role, REGULATOR_ROLES) if office else None,
    )
    before = {"name": account.first_name, "region_code": account.region_code, "roles": sorted(held)}
    account.first_name = checked["name"]
    if office:
        region: Region = checked["region"]
        account.region_id, account.region_code = region.id, region.code
        if held != {checked["role"].value}:
            wanted = AccountRole.name == checked["role"].value
            account.roles = list(session.scalars(select(AccountRole).where(wanted)))
    roles = sorted(row.name for row in account.roles)
    after = {"name": account.first_name, "region_code": account.region_code, "roles": roles}
    if (before["region_code"], before["roles"]) != (after["region_code"], after["roles"]):
        account.session_epoch += 1
    session.flush()
    if before != after:
        audit.record(session, actor, at, "account.edit", "account", account.id, before, after)
    return account


def reset_password(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Issued:
    """A new random password for a regulator below or a main account of the region; ends all sessions, forgets locks.

    Sub-accounts are their main account's business (ACC-04).
    """
    account = managed(session, actor, account_id)
    if account.unit_id is not None and not account.is_main:
        remedy = "请由该单位主账号在“我的子用户”中重置"
        raise refuse("子用户密码", say("%(account)s 是单位的子用户", account=account.get_full_name()), remedy)
    return renew_password(session, actor, account, at)


def lock_account(session: AnySession, actor: Actor, account_id: int, reason: str, at: dt.datetime) -> Account:
    """Keep an account out until it is unlocked; its sessions end."""
    return _hold(session, actor, managed(session, actor, account_id), UNTIL_UNLOCKED, "account.lock", reason, at)


def unlock_account(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Account:
    """End an administrator's lock and a lock by wrong tries alike."""
    account = managed(session, actor, account_id)
    signin.unlock(session, account.id)
    return _hold(session, actor, account, None, "account.unlock", "", at)


def deactivate(session: AnySession, actor: Actor, account_id: int, reason: str, at: dt.datetime) -> Account:
    """End an account (注销). It stays: what it did names it."""
    account = managed(session, actor, account_id)
    return set_active(session, actor, account, False, required_text(reason, "原因", "reason", 200), at)


def reactivate(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Account:
    """Take an ended account into use again."""
    return set_active(session, actor, managed(session, actor, account_id), True, "", at)


def grant_extra_accounts(session: AnySession, actor: Actor, account_id: int, count: int, at: dt.datetime) -> Account:
    """Allow a unit more sub-accounts than the policy's number (ACC-08: granted by the regional administrator)."""
    account = managed(session, actor, account_id)
    if not account.is_main or account.unit_id is None:
        raise refuse("增加子用户数", "只有单位主账号可以增加", "请选择单位的主账号", field="count")
    if not 0 <= count <= 10_000:
        raise refuse(
            "增加子用户数",
            say("应为 0 至 10000，现为 %(count)s", count=count),
            "请重新填写",
            field="count",
            value=count,
        )
    before, account.extra_accounts = account.extra_accounts, count
    session.flush()
    audit.record(
        session, actor, at, "account.grant", "account", account.id, {"extra": before}, {"extra": count}
    )
    return account


def change_own_password(
    session: AnySession, actor: Actor, new: str, again: str, at: dt.datetime, *, field_name: str = "new_password"
) -> Account:
    """Set one's own password; every other session ends. The caller has had the old one confirmed (`signin`)."""
    account = own_account(session, actor)
    findings = new_password_findings(session, account, new, again, at, field_name)
    if not findings and account.password_matches(new):
        findings.append(Finding("新密码", False, "与原密码相同", "请换一个密码", field=field_name))
    raise_failing(findings)
    account.own_password(new)
    devices.forget(session, account)
    session.flush()
    audit.record(session, actor, at, "account.change_password", "account", account.id)
    return account


def new_password_findings(
    session: AnySession, account: Account, new: str, again: str, at: dt.datetime, field_name: str = "new_password"
) -> list[Finding]:
    """What is wrong with a new password by itself; nothing here tells whether it is the one in force."""
    findings = []
    if new != again:
        findings.append(Finding("确认密码", False, "两次输入的新密码不一致", "请重新输入", field="again"))
    try:
        passwords.check(new, password_length(session, account, at), account.username, field_name)
    except Refusal as refusal:
        findings += refusal.findings
    return findings


def region_within(session: AnySession, actor: Actor, region_id: int | None, on: dt.date) -> Region:
    """The region, at the actor's own node or below."""
    region = session.get(Region, region_id) if isinstance(region_id, int) else None
    if region is None or not _covers(actor, region.code):
        remedy = "请选择本级或下级地区"
        raise refuse("所在地区", "没有选择" if region_id is None else "不在您的管辖范围内", remedy, field="region_id")
    if region.valid_until is not None and region.valid_until < on:
        remedy = "请选择现行的地区"
        raise refuse(
            "所在地区",
            say("%(name)s 已于 %(valid_until)s 停用", name=region.name, valid_until=region.valid_until),
            remedy,
            field="region_id",
        )
    return region


def _covers(actor: Actor, code: str | None) -> bool:
    if actor.sees_everything:
        return True
    span = actor.region_span
    return bool(span and code and span[0] <= code < span[1]) and actor.unit_id is None


def managed(session: AnySession, actor: Actor, account_id: int) -> Account:
    """The account, held, if the actor may rule over it: never a platform administrator, a peer or himself."""
    require(actor, Verb.ACCOUNT_CREATE)
    account: Account = visible(session, actor, Account, account_id, "账号")
    if account.id == actor.user_id:
        raise NotAllowed(Finding("账号", False, "不能对自己的账号做这件事", "修改密码请到“修改密码”"))
    lock(session, Account, account.id)
    roles = {r.name for r in account.roles}
    remedy = "请由上一级管理员办理"
    if not actor.sees_everything:
        if Role.PLATFORM_ADMIN in roles or not _covers(actor, account.region_code):
            raise NotAllowed(Finding("账号", False, "不在您的管辖范围内", remedy))
        peer = account.unit_id is None and account.region_code == actor.region_code and Role.REGION_ADMIN in roles
        if peer:
            raise NotAllowed(
                Finding("账号", False, say("%(account)s 与您同级", account=account.get_full_name()), remedy)
            )
    return account


def _hold(
    session: AnySession,
    actor: Actor,
    account: Account,
    until: dt.datetime | None,
    verb: str,
    reason: str,
    at: dt.datetime,
) -> Account:
    text = required_text(reason, "原因", "reason", 200) if until else ""
    account.locked_until = until
    account.session_epoch += 1
    session.flush()
    audit.record(session, actor, at, verb, "account", account.id, after={"reason": text} if text else None)
    return account
