"""Questions against machines: asked after wrong tries and before codes are sent; each is good for one answer."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets

from sqlalchemy import delete, select

from app import vault
from app.errors import Finding, Refusal
from app.models import Captcha
from app.rules.codes import word_question
from app.rules.identifiers import normal_code
from app.transaction import AnySession, lock

# Without 0 O 1 I L and what else looks alike when bent.
LETTERS = "234579ACDEFHJKMNPRTUVWXY"
LENGTH = 4
MINUTES = 10
# Old questions that a new one takes along: more than one, so that a table that was flooded becomes small again.
TAKEN_ALONG = 5


class CaptchaWrong(Refusal):
    """No, an old or a wrong answer; the page asks anew."""


def ask(session: AnySession, at: dt.datetime, *, in_words: bool = False) -> tuple[str, str]:
    """A new question: its id, and its words (`in_words`) or nothing, as the picture is fetched by the id."""
    question, answer = "", "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    if in_words:
        question, answer = word_question(secrets.randbelow(9) + 1, secrets.randbelow(9) + 1)
    row = Captcha(
        id=secrets.token_hex(16), answer=vault.seal(answer), expires_at=at + dt.timedelta(minutes=MINUTES)
    )
    session.add(row)
    session.flush()
    _forget_some(session, at)
    return row.id, question


def letters_of(session: AnySession, key: str, at: dt.datetime) -> str | None:
    """What the picture of a question shows; None when it is gone or is one in words."""
    row = session.get(Captcha, key[:32])
    if row is None or row.expires_at <= at:
        return None
    answer = vault.unseal(row.answer)
    return None if answer.isdigit() and len(answer) < LENGTH else answer


def check(session: AnySession, key: str, typed: str, at: dt.datetime) -> None:
    """Refuse unless this answers the question. The caller commits even then: a question is asked once."""
    row = lock(session, Captcha, key[:32])
    given = normal_code(typed)
    right = False
    if row is not None:
        right = row.expires_at > at and hmac.compare_digest(vault.unseal(row.answer).encode(), given.encode())
        session.delete(row)
        session.flush()
    if not right:
        found = "没有填写" if not given else "不正确或已过期"
        raise CaptchaWrong(Finding("图形验证码", False, found, "请看新的一张后重新填写", field="captcha"))


def _forget_some(session: AnySession, at: dt.datetime) -> None:
    """Strangers are asked as often as they open a page: what nobody answered is not left for the night."""
    old = select(Captcha.id).where(Captcha.expires_at <= at).limit(TAKEN_ALONG).with_for_update(skip_locked=True)
    session.execute(delete(Captcha).where(Captcha.id.in_(old)), execution_options={"synchronize_session": False})


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop what nobody answered."""
    done = session.execute(delete(Captcha).where(Captcha.expires_at <= at))
    return int(getattr(done, "rowcount", 0))
