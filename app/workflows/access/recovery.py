"""找回密码 and 绑定手机 by a code to the phone (ACC-04, ACC-06). What is answered never says which accounts exist."""

from __future__ import annotations

import datetime as dt

from app.errors import Finding, Refusal
from app.models import Account
from app.permissions import Actor
from app.rules.identifiers import check_mobile
from app.transaction import AnySession
from app.workflows.access import codes, devices, passwords, signin
from app.workflows.access.issuing import password_length, phone_holder
from app.workflows.core import audit
from app.workflows.core.actors import own_account

# No region's policy may ask for less (the bound of `password_min` in `policy.keys`).
LEAST = 6
# What the phone of another account is sent instead of a code.
TAKEN = (
    "有人要把这个手机号绑定到另一个账号，但它已经绑定了账号。是您本人的，请用本手机号登录原账号，改绑后再办；"
    "不是您本人的，不用理会。"
)


def ask(
    session: AnySession, typed: str, at: dt.datetime, asked_from: str | None, request: str | None = None
) -> None:
    """Send a code to the bound phone of this account, if there is such an account with a phone. Else nothing.

    Too many requests are silently dropped for the same reason; the page says when the next may be asked for.
    """
    account = _findable(session, typed)
    if account is None or not account.phone:
        return
    try:
        codes.send(session, account, "recover", account.phone, at, asked_from, request=request)
    except Refusal:
        return


def renew(
    session: AnySession, typed: str, code: str, new: str, again: str, at: dt.datetime, request: str | None = None
) -> Refusal | None:
    """Set a new password by the code. Gives the refusal instead of raising it: the count of tries is to be kept."""
    account = _findable(session, typed)
    # What the account's own region and name ask of a password is told only to who has its code: else it would tell
    # that there is such an account.
    findings = [] if new == again else [
        Finding("确认密码", False, "两次输入的新密码不一致", "请重新输入", field="again")
    ]  # fmt: skip
    findings += passwords.findings(new, LEAST, typed, "new_password")
    if findings:
        return Refusal(findings)
    gone = Refusal(Finding("手机验证码", False, "不正确或已失效", "请核对，或重新获取验证码", field="code"))
    if account is None or not account.phone:
        return gone
    try:
        row = codes.check(session, account.id, "recover", code, at, request=request, sent_to=account.phone)
    except Refusal:
        return gone
    more = passwords.findings(new, password_length(session, account, at), account.username, "new_password")
    if more:
        row.used_at = None
        return Refusal(more)
    account.own_password(new)
    account.phone_verified_at = at
    devices.forget(session, account)
    signin.unlock(session, account.id)
    session.flush()
    audit.record(session, Actor(account.id, account.get_full_name()), at, "account.recover", "account", account.id)
    return None


def ask_binding(
    session: AnySession, actor: Actor, typed: str, at: dt.datetime, asked_from: str | None, request: str | None = None
) -> str:
    """Send a code to the phone that the account wants to bind; gives the masked number.

    A phone of another account gets words instead of a code: whoever asks is told the same either way.
    """
    account = own_account(session, actor)
    phone = check_mobile(typed, "phone")
    taken = phone_holder(session, phone) not in (None, account.id)
    words = TAKEN if taken else ""
    return codes.send(session, account, "bind", phone, at, asked_from, instead=words, request=request)


def bind(
    session: AnySession, actor: Actor, typed: str, code: str, at: dt.datetime, request: str | None = None
) -> Refusal | None:
    """Bind the phone that the code went to; gives a refusal as `renew` does."""
    account = own_account(session, actor)
    try:
        phone = check_mobile(typed, "phone")
        row = codes.check(session, account.id, "bind", code, at, request=request)
    except Refusal as refusal:
        return refusal
    if row.target != phone:
        return Refusal(Finding("手机号码", False, "与收到验证码的号码不同", "请重新获取验证码", field="phone"))
    if phone_holder(session, phone) not in (None, account.id):
        # Bound since the code went out; who has the code has the phone, so he may know.
        remedy = "请先在那个账号上改绑，或请管理员处理"
        return Refusal(Finding("手机号码", False, "刚刚绑定了另一账号", remedy, field="phone"))
    account.phone, account.phone_verified_at = phone, at
    account.session_epoch += 1  # sessions on other devices end: by this number the account is recovered from now on
    session.flush()
    audit.record(session, actor, at, "account.bind_phone", "account", account.id)
    return None


def _findable(session: AnySession, typed: str) -> Account | None:
    account = signin.find_account(session, typed[:200])
    held = account is not None and account.locked_until is not None  # an administrator's lock stays his to end
    return account if account is not None and account.active and not held else None
