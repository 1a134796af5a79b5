"""A new password: the form that ACC-05 asks for, and none of those that everybody has tried already.

Kept with the product are digests of the passwords that most often turn up in breaches; a site can add a whole list
(BREACHED_LIST). Nothing of a password leaves the machine.

One that somebody else issued is good for some days only: `first_password_of`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from functools import cache
from pathlib import Path

from app import clock
from app.errors import Finding, Refusal
from app.models import Account
from app.models.policy import policy_value
from app.policy.keys import Key
from app.rules.first_passwords import FirstPassword, first_password
from app.rules.identifiers import password_findings
from app.transaction import AnySession
from app.wording import say

# However little a policy of former days asks for.
LEAST = 8
COMMON = Path(__file__).resolve().parents[2] / "reference" / "common_passwords.txt"
# So many hexadecimal digits of SHA-256: of fifty million good passwords one is taken for a common one.
DIGITS = 10
_breached: Path | None = None


def use_list(path: str) -> None:
    """Say where the site's own list is: lines `SHA-1 in hex:count`, sorted, as the public lists come. "" is none."""
    global _breached
    _breached = Path(path) if path else None
    if _breached is not None and not _breached.is_file():
        raise RuntimeError(f"BREACHED_LIST 指的文件不存在：{path}")


def check(text: str, min_length: int, login_name: str = "", field: str = "password") -> str:
    """The password unchanged, or a refusal with every reason."""
    wrong = findings(text, min_length, login_name, field)
    if wrong:
        raise Refusal(wrong)
    return text


def findings(text: str, min_length: int, login_name: str = "", field: str = "password") -> list[Finding]:
    """Every reason against a password; none when it may be set."""
    wrong = [f for f in password_findings(text, max(min_length, LEAST), login_name, field) if not f.ok]
    if text and is_known(text):
        found = "在常用密码或已泄露密码的名单上"
        wrong.append(Finding("常用密码", False, found, "请换一个别人想不到的密码", field=field))
    return wrong


def is_known(text: str) -> bool:
    """Whether it is on a list, as typed or but for upper and lower case."""
    if {digest_of(text), digest_of(text.casefold())} & _common():
        return True
    return _breached is not None and _is_listed(_breached, text)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="ascii").split())


def _is_listed(path: Path, text: str) -> bool:
    """Search a sorted file by halves: such a list has more lines than there is memory for."""
    # SHA-1 is how these lists are written; nothing is proved by it here.
    wanted = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as lines:
        low, high = 0, lines.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            lines.seek(middle)
            if middle:
                lines.seek(middle - 1)
                lines.readline()
            line = lines.readline()
            held = line[: len(wanted)].upper()
            if held == wanted:
                return True
            if not line or held > wanted:
                high = middle
            else:
                low = lines.tell()
    return False


# --- passwords that somebody else issued


def first_password_of(session: AnySession, account: Account, at: dt.datetime) -> FirstPassword | None:
    """How the account's issued password stands; None when its owner has one of his own."""
    if not account.must_change_password or account.password_issued_at is None:
        return None
    days = int(policy_value(session, Key.FIRST_PASSWORD_DAYS, account.region_code, clock.local_day(at)))
    return first_password(account.password_issued_at, days, at)


def first_password_words(found: FirstPassword, named: bool = True) -> str:
    """The same in words; not `named` under a heading that says what it is of."""
    said = "已过期" if found.over else say("未使用，还有 %(days_left)s 天", days_left=found.days_left)
    return say("初始密码%(said)s", said=said) if named else said


def who_issues(account: Account) -> str:
    """Who can give this account a new password, as its owner is told."""
    if account.unit_id is not None and not account.is_main:
        return "请本单位主账号在“我的子用户”里重置密码"
    if account.unit_id is None and account.region_code is None:
        return "请另一位平台管理员重置密码，或在服务器上用 flask create-admin 另建"
    return "请区域管理员在“账号”里重置密码" if account.unit_id is not None else "请上级管理员在“账号”里重置密码"
