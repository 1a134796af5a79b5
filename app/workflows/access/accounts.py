"""Accounts of regulators and desks, made by those above them; theirs and units' main accounts kept (ACC-02, -05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select

from app import clock
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Account, AccountRole, Region
from app.permissions import OFFICE_ROLES, Actor, Role, Verb, require
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
    register_phone,
    renew_password,
    required_text,
    set_active,
)
from app.workflows.core import audit
from app.workflows.core.actors import own_account

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


def create_office_account(
    session: AnySession, actor: Actor, *, login_name: str, name: str, region_id: int | None, roles: Iterable[str],
    phone: str = "", at: dt.datetime,
) -> Issued:  # fmt: skip
    """A regulator or an operator of the rescue desk at the creator's own node or below it, never above or aside.

    One person may be several, such as 监察员 and 应急坐席 (ACC-13).
    """
    require(actor, Verb.ACCOUNT_CREATE)
    checked = gather(
        login_name=lambda: new_login_name(session, login_name, "login_name"),
        name=lambda: required_text(name, "姓名", "name", 40),
        phone=lambda: free_phone(session, actor, phone, "phone", at) if phone.strip() else None,
        region=lambda: region_within(session, actor, region_id, clock.local_day(at)),
        roles=lambda: _office_roles(actor, roles),
    )
    region: Region = checked["region"]
    account = Account(
        username=checked["login_name"], first_name=checked["name"], phone=checked["phone"], region_id=region.id,
        region_code=region.code,
    )  # fmt: skip
    return issue(session, actor, account, checked["roles"], at)


def _office_roles(actor: Actor, roles: Iterable[str]) -> set[Role]:
    return {assignable_role(actor, role, OFFICE_ROLES) for role in sorted(set(roles)) or [""]}


# --- keeping


def is_office(account: Account) -> bool:
    """Whether it sits at a region with roles that a regional administrator gives and changes."""
    return account.unit_id is None and {row.name for row in account.roles} <= {role.value for role in OFFICE_ROLES}


def edit(
    session: AnySession, actor: Actor, account_id: int, *, name: str, region_id: int | None = None,
    roles: Iterable[str] = (), at: dt.datetime,
) -> Account:  # fmt: skip
    """Change 姓名, and of an account at a region 管辖地区 and 角色 too: to what the actor could have made it.

    With another region or role its sessions end (ACC-15). A sub-account's facts are its main account's business.
    """
    account = managed(session, actor, account_id)
    refuse_sub_account(account, "子用户", "请由该单位主账号在“我的子用户”中编辑")
    held, office, given = {row.name for row in account.roles}, is_office(account), set(roles) - {""}
    if not office and (region_id is not None or given):
        remedy = "只修改姓名；地区和角色只属于区域管理员、监察员和应急坐席"
        raise refuse("角色", say("%(account)s 不是监管账号", account=account.get_full_name()), remedy, field="role")
    checked = gather(
        name=lambda: required_text(name, "姓名", "name", 40),
        region=lambda: region_within(session, actor, region_id, clock.local_day(at)) if office else None,
        roles=lambda: _office_roles(actor, given) if office else None,
    )
    before = {"name": account.first_name, "region_code": account.region_code, "roles": sorted(held)}
    account.first_name = checked["name"]
    if office:
        region: Region = checked["region"]
        account.region_id, account.region_code = region.id, region.code
        wanted = {role.value for role in checked["roles"]}
        if held != wanted:
            account.roles = list(session.scalars(select(AccountRole).where(AccountRole.name.in_(wanted))))
    after = {
        "name": account.first_name, "region_code": account.region_code,
        "roles": sorted(row.name for row in account.roles),
    }  # fmt: skip
    if (before["region_code"], before["roles"]) != (after["region_code"], after["roles"]):
        account.session_epoch += 1
    session.flush()
    if before != after:
        audit.record(session, actor, at, "account.edit", "account", account.id, before, after)
    return account


def set_phone(session: AnySession, actor: Actor, account_id: int, typed: str, at: dt.datetime) -> Account:
    """Register the phone of a regulator below or a main account of the region. The caller has confirmed the actor."""
    account = managed(session, actor, account_id)
    refuse_sub_account(account, "子用户手机", "请由该单位主账号在“我的子用户”中登记")
    return register_phone(session, actor, account, typed, at)


def refuse_sub_account(account: Account, rule: str, remedy: str) -> None:
    """A sub-account is its main account's business (ACC-04)."""
    if account.unit_id is not None and not account.is_main:
        raise refuse(rule, say("%(account)s 是单位的子用户", account=account.get_full_name()), remedy)


def reset_password(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Issued:
    """A new random password for a regulator below or a main account of the region; ends all sessions, forgets locks.

    Sub-accounts are their main account's business (ACC-04).
    """
    account = managed(session, actor, account_id)
    refuse_sub_account(account, "子用户密码", "请由该单位主账号在“我的子用户”中重置")
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
    if region is None or not covers(actor, region.code):
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


def covers(actor: Actor, code: str | None) -> bool:
    """Whether a region is at the actor's own node or below it; a unit's account rules over none."""
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
        if Role.PLATFORM_ADMIN in roles or not covers(actor, account.region_code):
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
