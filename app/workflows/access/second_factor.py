"""What is asked after the password: a code of an authenticator app (TOTP), or one by SMS (ACC-07)."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pyotp
from sqlalchemy import select, update

from app import scope, vault
from app.errors import Finding, NotAllowed, Refusal, refuse
from app.models import Account
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import codes
from app.workflows.core import audit
from app.workflows.core.actors import own_account

Factor = Literal["totp", "sms"]
ISSUER = "梯安"
STEP_SECONDS = 30


def factor_of(account: Account) -> Factor | None:
    """What this account must show besides the password. SMS that can't be sent any more asks for nothing.

    Only a phone that a code came back from carries it: one that somebody merely typed may be anybody's.
    """
    if account.totp_secret:
        return "totp"
    if account.sms_factor and account.phone_verified_at is not None and codes.available():
        return "sms"
    return None


def is_owed(account: Account, asked_of: str) -> bool:
    """Whether this account must take a second factor into use first; asked of "all", of "regulators", or of nobody."""
    asked = asked_of == "all" or (asked_of == "regulators" and account.unit_id is None)
    return asked and factor_of(account) is None


def new_secret() -> str:
    """A secret to be shown once and confirmed by a first code before it counts."""
    return pyotp.random_base32()


def address_of(account: Account, secret: str) -> str:
    """What the QR picture says: otpauth://…"""
    return pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=ISSUER)


def switch_totp_on(session: AnySession, actor: Actor, secret: str, typed: str, at: dt.datetime) -> None:
    """Take the secret once its app has shown a right code."""
    account = own_account(session, actor)
    step = _step_of(secret, typed, at)
    if step is None:
        raise _wrong("不正确，或手机时间不准", "请核对手机时间后输入新的 6 位数字")
    account.totp_secret, account.totp_step = vault.seal(secret), step
    _keep(session, actor, account, "account.totp_on", at)


def switch_totp_off(session: AnySession, actor: Actor, at: dt.datetime) -> None:
    """End it; the caller has had the password confirmed."""
    account = own_account(session, actor)
    account.totp_secret = account.totp_step = None
    _keep(session, actor, account, "account.totp_off", at)


def switch_sms(session: AnySession, actor: Actor, on: bool, at: dt.datetime, account_id: int | None = None) -> None:
    """Codes by SMS at sign-in: one's own, or a sub-account's by its main account; only with a proved phone."""
    account = own_account(session, actor) if account_id is None else _sub_account(session, actor, account_id)
    if on and not account.phone:
        found = (
            "还没有绑定手机"
            if account_id is None
            else say("%(account)s 还没有绑定手机", account=account.get_full_name())
        )
        raise refuse("登录短信认证", found, "请本人先在“个人信息”里绑定手机")
    if on and account.phone_verified_at is None:
        found = "登记的手机还没有用验证码核实"
        found = found if account_id is None else f"{account.get_full_name()} {found}"
        raise refuse("登录短信认证", found, "请本人先在“个人信息”的“绑定手机”里用验证码核实")
    if on and not codes.available():
        raise refuse("登录短信认证", "本平台没有配置短信", "可以改用动态口令")
    account.sms_factor = on
    _keep(session, actor, account, "account.sms_on" if on else "account.sms_off", at)


def check_totp(session: AnySession, account: Account, typed: str, at: dt.datetime) -> None:
    """Refuse a wrong code and one that was used before: who looked over a shoulder comes too late."""
    step = _step_of(vault.unseal(account.totp_secret or ""), typed, at) if account.totp_secret else None
    # As it stands now, held: the same code sent twice at once was else right both times.
    used = select(Account.totp_step).where(Account.id == account.id).with_for_update()
    if step is None or step <= (session.scalar(used.execution_options(skip_scope=True)) or 0):
        raise _wrong("不正确，或已经用过", "请等手机上显示下一组数字")
    account.totp_step = step
    session.flush()


def forget(account: Account) -> None:
    """Whoever was given a new password by those above starts without a second factor: the phone may be lost."""
    account.totp_secret = account.totp_step = None
    account.sms_factor = False


def _step_of(secret: str, typed: str, at: dt.datetime) -> int | None:
    """Which step of thirty seconds a code belongs to: this one or one beside it."""
    code, totp = "".join(typed.split()), pyotp.TOTP(secret)
    now = int(at.timestamp()) // STEP_SECONDS
    for step in (now, now - 1, now + 1):
        if pyotp.utils.strings_equal(code, totp.generate_otp(step)):
            return step
    return None


def _sub_account(session: AnySession, actor: Actor, account_id: int) -> Account:
    require(actor, Verb.SUBACCOUNT_EDIT)
    account: Account = scope.visible(session, actor, Account, account_id, "子用户")
    if account.is_main or account.unit_id != actor.unit_id or not actor.is_main:
        raise NotAllowed(Finding("子用户", False, "只能设置本单位的子用户", "请从“我的子用户”打开"))
    return account


def _keep(session: AnySession, actor: Actor, account: Account, verb: str, at: dt.datetime) -> None:
    """Sessions and tokens from before end: whoever sits in one of them has not shown the new factor."""
    account.session_epoch += 1
    session.flush()
    audit.record(session, actor, at, verb, "account", account.id)


def _wrong(found: str, remedy: str) -> Refusal:
    return Refusal(Finding("动态口令", False, found, remedy, field="code"))


def seal_anew(session: AnySession, actor: Actor, at: dt.datetime) -> int:
    """Seal every kept secret under the current key, after which older keys may go; gives how many there were."""
    rows = session.execute(
        select(Account.id, Account.totp_secret).where(Account.totp_secret.is_not(None)).with_for_update()
    ).all()
    for key, sealed in rows:
        session.execute(update(Account).where(Account.id == key).values(totp_secret=vault.renewed(sealed)))
    audit.record(session, actor, at, "account.seal_anew", "account", None, after={"accounts": len(rows)})
    return len(rows)
