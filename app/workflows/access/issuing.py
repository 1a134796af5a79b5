"""What making and keeping any account shares: names, phones, roles that may be handed out, passwords shown once."""

from __future__ import annotations

import datetime as dt
import secrets
import string
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Account, AccountRole, ExternalIdentity, Person
from app.models.account import no_mail
from app.models.policy import policy_value
from app.models.sealed import holding
from app.permissions import ASSIGNABLE, ROLE_LABEL, Actor, Role
from app.policy.keys import Key
from app.rules.identifiers import USCC_FORM, check_login_name, check_mobile, login_key, mask_mobile
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import asking, devices, passwords, second_factor, signin
from app.workflows.core import audit, outbox

# No l, I, O, 0, 1: the password is read from a screen or a note.
_LETTERS = "".join(c for c in string.ascii_letters if c not in "lIO")
_DIGITS = "23456789"


@dataclass(frozen=True, slots=True)
class Issued:
    """An account with its new random password: shown once, kept nowhere, and not in the representation."""

    account: Account
    login_name: str
    password: str = field(repr=False)
    notes: tuple[str, ...] = ()


def renew_password(session: AnySession, actor: Actor, account: Account, at: dt.datetime, typed: str = "") -> Issued:
    """Set a random (or typed) password that must be changed within some days. The caller has checked the right.

    Second factor and identities of outside go: the account may be another person's from now on.
    """
    least = password_length(session, account, at)
    password = passwords.check(typed, least, account.username, "new_password") if typed else random_password(least)
    account.issue_password(password, at)
    second_factor.forget(account)
    devices.forget(session, account)
    bound = delete(ExternalIdentity).where(ExternalIdentity.user_id == account.id)
    session.execute(bound.execution_options(skip_scope=True))
    signin.unlock(session, account.id)
    session.flush()
    audit.record(session, actor, at, "account.reset_password", "account", account.id)
    return Issued(account, account.username, password)


def set_active(
    session: AnySession, actor: Actor, account: Account, active: bool, reason: str, at: dt.datetime
) -> Account:
    """Switch an account on or off and end its sessions. The caller has checked the right.

    One that ended because its person left stays ended (PER-04): he would go on working for a unit that is his no more.
    """
    if bool(account.active) is active:
        return account
    if active and account.person_id is not None and not account.is_main:
        gone = select(Person.name, Person.left_on).where(Person.id == account.person_id, Person.left_on.is_not(None))
        left = session.execute(gone.execution_options(skip_scope=True)).one_or_none()
        if left is not None:
            found = say("%(name)s 已于 %(left_on)s 离职", name=left.name, left_on=left.left_on)
            raise refuse("状态", found, "再次入职请发入职邀请；其他人员请另建账号", field="active")
    account.active, account.closed_at = active, None if active else at
    account.session_epoch += 1
    session.flush()
    verb = "account.reactivate" if active else "account.deactivate"
    audit.record(session, actor, at, verb, "account", account.id, after={"reason": reason} if reason else None)
    return account


def gather(**checks: Callable[[], Any]) -> dict[str, Any]:
    """Run every check and give the values by name; one refusal with all findings when any refuses."""
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            values[name] = check()
        except Refusal as refusal:
            findings += refusal.findings
    raise_failing(findings)
    return values


def required_text(value: str, label: str, field_name: str, most: int) -> str:
    """A text as typed without outer blanks: there, not too long, without control characters."""
    text = unicodedata.normalize("NFC", value or "").strip()
    if not text:
        raise refuse(label, "没有填写", say("请填写%(label)s", label=label), field=field_name)
    if len(text) > most:
        raise refuse(
            label,
            say("最多 %(most)s 个字，现为 %(count)s 个", most=most, count=len(text)),
            "请缩短",
            field=field_name,
            value=text[:60],
        )
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") for c in text):
        raise refuse(label, "含有看不见的字符", "请重新输入，不要粘贴换行或特殊符号", field=field_name)
    return text


def new_login_name(session: AnySession, typed: str, field_name: str) -> str:
    """A free login name in the form in which it is stored (lower case).

    Neither a phone number nor a 统一社会信用代码: those sign in as somebody's phone or unit.
    """
    name = login_key(check_login_name(typed, field_name))
    if USCC_FORM.fullmatch(name.upper()) or (name.isdigit() and len(name) == 11):
        remedy = "请换一个账号，例如 weibao.01"
        raise refuse("账号", "不能是手机号或统一社会信用代码的样子", remedy, field=field_name, value=typed)
    if _name_taken(session, name):
        raise refuse("账号", say("%(name)s 已被使用", name=name), "请换一个账号", field=field_name, value=typed)
    return name


def _name_taken(session: AnySession, name: str) -> bool:
    statement = select(Account.id).where(or_(Account.username == name, func.lower(Account.username) == name))
    return session.scalar(statement.limit(1).execution_options(skip_scope=True)) is not None


def free_phone(session: AnySession, actor: Actor, typed: str, field_name: str, at: dt.datetime) -> str:
    """A mobile number that is bound to no account; units are told so within the limits of `asking`."""
    phone = check_mobile(typed, field_name)
    holder = phone_holder(session, phone)
    ours = select(Account.unit_id).where(Account.id == holder).execution_options(skip_scope=True)
    if holder is None or session.scalar(ours) != actor.unit_id:
        shown = mask_mobile(phone)
        over = asking.ask(
            session, actor, phone, taken=holder is not None, rule="手机号码", shown=shown, field=field_name, at=at
        )
        if over is not None:
            raise Refusal(over)
    if holder is not None:
        remedy = "请填写本人的手机号码，或留空"
        raise refuse("手机号码", say("%(phone)s 已绑定其他账号", phone=phone), remedy, field=field_name, value=typed)
    return phone


def phone_holder(session: AnySession, phone: str) -> int | None:
    found: int | None = session.scalar(
        select(Account.id).where(holding(Account.phone, phone)).execution_options(skip_scope=True)
    )
    return found


def register_phone(session: AnySession, actor: Actor, account: Account, typed: str, at: dt.datetime) -> Account:
    """Set or clear a phone that its owner has not proved by a code; a proved one is his own to change.

    The caller has checked the right and had the actor's own password confirmed: who has the phone signs in by it.
    """
    if account.phone_verified_at is not None:
        found = say("%(phone)s 已由本人用验证码核实", phone=mask_mobile(account.phone or ""))
        raise refuse("手机号码", found, "请由本人在“个人信息”里改绑", field="phone")
    phone = check_mobile(typed, "phone") if typed.strip() else None
    if phone == account.phone:
        return account
    if phone is not None:
        phone = free_phone(session, actor, phone, "phone", at)
    before, account.phone = account.phone, phone
    try:
        session.flush()
    except IntegrityError as error:
        found = say("%(phone)s 刚刚绑定了其他账号", phone=mask_mobile(phone or ""))
        raise refuse("手机号码", found, "请填写本人的手机号码，或留空", field="phone") from error
    audit.record(
        session, actor, at, "account.register_phone", "account", account.id,
        {"phone": mask_mobile(before) if before else None}, {"phone": mask_mobile(phone) if phone else None},
    )  # fmt: skip
    outbox.notify(
        session, at, [account.id], "account.phone", say("您的登录手机已由%(name)s登记", name=actor.name),
        say("现在为 %(phone)s；不是您的号码请立即告诉管理员", phone=mask_mobile(phone)) if phone else "现在没有手机",
        "/profile/",
    )  # fmt: skip
    return account


def assignable_role(actor: Actor, role: str, among: Iterable[Role]) -> Role:
    """The role, if the actor may hand it out here."""
    try:
        chosen = Role(role)
    except ValueError:
        found = say("没有角色 %(role)s", role=role) if role else "没有选择"
        raise refuse("角色", found, "请从列表选择", field="role", value=role) from None
    if chosen not in among or not (actor.system or any(chosen in ASSIGNABLE.get(r, ()) for r in actor.roles)):
        raise NotAllowed(
            Finding(
                "角色",
                False,
                say("您不能授予“%(chosen)s”", chosen=ROLE_LABEL[chosen]),
                "请选择可授予的角色",
                field="role",
                value=role,
            )
        )
    return chosen


def password_length(session: AnySession, account: Account, at: dt.datetime) -> int:
    """The least length of a password where the account belongs."""
    return int(policy_value(session, Key.PASSWORD_MIN, account.region_code, clock.local_day(at)))


def random_password(least: int) -> str:
    """Letters and digits by `secrets`, easy to read out; at least 12 long whatever the policy."""
    length = max(12, least)
    while True:
        text = "".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(length))
        if any(c in _DIGITS for c in text) and any(c in _LETTERS for c in text):
            return text


def save_new(session: AnySession, account: Account, roles: Iterable[Role]) -> None:
    """Insert an account; a name or phone that somebody took in this very moment becomes a refusal."""
    names = [r.value for r in roles]
    held = list(session.scalars(select(AccountRole).where(AccountRole.name.in_(names))))
    if len(held) != len(set(names)):
        raise RuntimeError("roles are missing: run flask sync-roles")
    account.last_name = ""
    account.email = no_mail(account.username)
    account.active = True
    account.roles = held
    session.add(account)
    try:
        session.flush()
    except IntegrityError as error:
        found = say("%(username)s 或其手机号刚刚被使用", username=account.username)
        raise refuse("账号", found, "请刷新列表后再试", field="login_name", value=account.username) from error


def issue(
    session: AnySession, actor: Actor, account: Account, roles: set[Role], at: dt.datetime, notes: tuple[str, ...] = ()
) -> Issued:
    password = random_password(password_length(session, account, at))
    account.issue_password(password, at)
    account.parent_user_id = actor.user_id
    save_new(session, account, roles)
    audit.record(
        session, actor, at, "account.create", "account", account.id,
        after={"login_name": account.username, "roles": sorted(r.value for r in roles), "unit_id": account.unit_id,
               "region_code": account.region_code, "is_main": account.is_main},
    )  # fmt: skip
    return Issued(account, account.username, password, notes)
