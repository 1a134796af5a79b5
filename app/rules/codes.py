"""Codes by phone and questions against machines: how often, how long, in which words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.errors import Finding
from app.wording import say

CODE_DIGITS = 6
CODE_MINUTES = 10
CODE_TRIES = 5
BETWEEN_SECONDS = 60
# (how many, within) for one number or account, and for one address from which many people may come.
TARGET_LIMITS = ((5, timedelta(hours=1)), (10, timedelta(days=1)))
ADDRESS_LIMITS = ((30, timedelta(hours=1)), (100, timedelta(days=1)))
# Digits in words. The empty value keeps them apart from the days of the week, which are written alike.
_DIGITS = [
    say(word, _="")
    for word in (
        "零%(_)s", "一%(_)s", "二%(_)s", "三%(_)s", "四%(_)s", "五%(_)s", "六%(_)s", "七%(_)s", "八%(_)s", "九%(_)s",
    )
]


def flood_finding(
    sent_at: Sequence[datetime], at: datetime, limits: Sequence[tuple[int, timedelta]] = TARGET_LIMITS,
    between_seconds: int = BETWEEN_SECONDS,
) -> Finding:  # fmt: skip
    """Whether one more code may be sent now, given when the earlier ones were; the finding says from when on."""
    waits = [at]
    if sent_at and between_seconds:
        waits.append(max(sent_at) + timedelta(seconds=between_seconds))
    for most, within in limits:
        inside = sorted(moment for moment in sent_at if moment > at - within)
        if len(inside) >= most:
            waits.append(inside[-most] + within)
    seconds = -int((at - max(waits)).total_seconds() // 1)
    if seconds <= 0:
        return Finding("验证码发送次数", True, "可以发送")
    span = (
        say("%(seconds)s 秒", seconds=seconds) if seconds < 120 else say("%(seconds)s 分钟", seconds=-(-seconds // 60))
    )
    return Finding(
        "验证码发送次数", False, "发送得太频繁",
        say("请在 %(span)s后再试；已收到的验证码 %(code_minutes)s 分钟内有效", span=span, code_minutes=CODE_MINUTES),
        field="code",
    )  # fmt: skip


def word_question(first: int, second: int) -> tuple[str, str]:
    """A sum in words for those who do not see pictures: question and answer. Both numbers from 1 to 9."""
    return say("%(first)s加%(second)s等于几？请用数字回答", first=_DIGITS[first], second=_DIGITS[second]), str(
        first + second
    )
