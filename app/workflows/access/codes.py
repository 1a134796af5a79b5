"""One-time codes by SMS or mail: sent by the outbox, good once, within minutes, for one purpose (ACC-04, -06, -07)."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from typing import Literal

from sqlalchemy import delete, select

from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Account, OneTimeCode
from app.models.sealed import holding
from app.rules.codes import ADDRESS_LIMITS, CODE_DIGITS, CODE_MINUTES, CODE_TRIES, flood_finding
from app.rules.devices import place_of
from app.rules.identifiers import mask_mail, mask_mobile
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.core import outbox

Purpose = Literal["bind", "login", "recover", "mail", "join"]
WORDS: dict[Purpose, str] = {
    "bind": say("绑定手机"), "login": say("登录"), "recover": say("找回密码"), "mail": say("验证邮箱"),
    "join": say("入职验证"),
}  # fmt: skip
# What goes by mail; all others go to a phone.
BY_MAIL = {"mail"}
# What only whoever has given the right password can ask for; counted by itself.
AFTER_PASSWORD = {"login"}
KEPT = dt.timedelta(days=2)


def available(channel: str = "sms") -> bool:
    """Whether this installation can send SMS (or "email") at all."""
    return channel in outbox.SENDERS


def send(
    session: AnySession, account: Account | None, purpose: Purpose, target: str, at: dt.datetime,
    asked_from: str | None, subject: str | None = None, *, instead: str = "", request: str | None = None,
) -> str:  # fmt: skip
    """Send a new code to the phone or address of mail, and give that masked.

    Refused while too many went there or came from there. Somebody without account gets it for a `subject`, under
    which it is checked again. `instead` are words that go out in place of a code that then nobody has: all else is the
    same, so that who asks learns nothing. `request` is the browser or call that asks: the code is good there only.
    """
    by_mail = purpose in BY_MAIL
    if not available("email" if by_mail else "sms"):
        word = "邮件" if by_mail else "短信"
        raise refuse(word, say("本平台没有配置%(word)s", word=word), "请联系管理员")
    span, place = at - dt.timedelta(days=1), place_of(asked_from)
    key = account.id if account is not None else None
    # Fifty requests at once would else all find that none was sent yet.
    hold(session, *(f"code:{word}" for word in (target, key and f"account {key}", place) if word))
    same = holding(OneTimeCode.target, target) | (OneTimeCode.account_id == (key or 0))
    if purpose in AFTER_PASSWORD:
        # Anybody who knows a login name may ask for codes to recover it: he must not use up the owner's way in.
        same &= OneTimeCode.purpose.in_(AFTER_PASSWORD)
    sent = list(session.scalars(select(OneTimeCode.created_at).where(same, OneTimeCode.created_at > span)))
    raise_failing([flood_finding(sent, at)])
    if place:
        from_there = (OneTimeCode.asked_from == place) & (OneTimeCode.created_at > span)
        there = list(session.scalars(select(OneTimeCode.created_at).where(from_there)))
        raise_failing([flood_finding(there, at, ADDRESS_LIMITS, 0)])
    code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
    row = OneTimeCode(
        purpose=purpose, account_id=key, subject=subject, target=target, code_hash="",
        request=request, asked_from=place or None, created_at=at,
        expires_at=at + dt.timedelta(minutes=CODE_MINUTES),
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.code_hash = _hash(row.id, code)
    text = say(
        "您的验证码是 %(code)s，用于%(purpose)s，%(code_minutes)s 分钟内有效。任何人索要都不要告诉。",
        code=code,
        purpose=WORDS[purpose],
        code_minutes=CODE_MINUTES,
    )
    text = instead or text
    channel, title = ("email", say("验证码")) if by_mail else ("sms", "")
    outbox.send_to(session, at, key, channel, target, f"code.{purpose}", text, title=title, secret=True)
    return mask_mail(target) if by_mail else mask_mobile(target)


def check(
    session: AnySession, account_id: int | None, purpose: Purpose, typed: str, at: dt.datetime,
    subject: str | None = None, *, request: str | None = None, sent_to: str | None = None,
) -> OneTimeCode:  # fmt: skip
    """The code's row, used up; or a refusal. The caller commits even then: wrong tries count.

    `sent_to` is where it must have gone: a code to the phone that was bound before proves nothing of who has the one
    that is bound now. What another `request` asked for is not looked at, so that nobody uses up or tries out another's
    code.
    """
    whose = OneTimeCode.account_id == account_id if account_id is not None else OneTimeCode.subject == (subject or "")
    row: OneTimeCode | None = session.scalar(
        select(OneTimeCode)
        .where(whose, OneTimeCode.purpose == purpose, OneTimeCode.request == request)
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    elsewhere = row is not None and sent_to is not None and row.target != sent_to
    if row is None or elsewhere or row.used_at is not None or row.expires_at <= at or row.tries >= CODE_TRIES:
        raise _wrong(purpose, "已失效，或还没有获取", "请重新获取验证码")
    row.tries += 1
    if not hmac.compare_digest(row.code_hash, _hash(row.id, "".join(typed.split()))):
        left = CODE_TRIES - row.tries
        session.flush()
        raise _wrong(purpose, "不正确", say("还可以试 %(left)s 次", left=left) if left else "请重新获取验证码")
    row.used_at = at
    session.flush()
    return row


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop codes that no limit counts any more."""
    done = session.execute(delete(OneTimeCode).where(OneTimeCode.created_at < at - KEPT))
    return int(getattr(done, "rowcount", 0))


def _hash(row_id: int, code: str) -> str:
    return hashlib.sha256(f"{row_id}:{code}".encode()).hexdigest()


def _wrong(purpose: Purpose, found: str, remedy: str) -> Refusal:
    return Refusal(Finding("邮箱验证码" if purpose in BY_MAIL else "手机验证码", False, found, remedy, field="code"))
