"""The use unit's word on a visit (MNT-07): what it may say, and how long a link to say it by stands open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from enum import StrEnum

from app.errors import Finding
from app.wording import say

LONGEST_OPINION, LONGEST_SIGNER = 140, 40
# Where no review limit runs, and at most: a link that lies about for months is anybody's.
LINK_LASTS = dt.timedelta(days=7)
# Each is an SMS to somebody who did not ask for it.
MOST_OF_VISIT, MOST_A_DAY_TO_NUMBER = 5, 50
LINK_APART = dt.timedelta(minutes=10)


class LinkState(StrEnum):
    """What a link is worth now."""

    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    # The visit was confirmed by another way meanwhile.
    DONE = "done"


def link_until(at: dt.datetime, review_due_at: dt.datetime | None) -> dt.datetime:
    """When a link sent at `at` ends: with the review limit, if it runs and ends sooner than a link lasts."""
    latest = at + LINK_LASTS
    return min(latest, review_due_at) if review_due_at is not None and review_due_at > at else latest


def link_state(
    used: bool, withdrawn: bool, confirmed: bool, expires_at: dt.datetime, at: dt.datetime
) -> LinkState:
    """The first reason that holds: what was done with it is told before what time did."""
    if used:
        return LinkState.USED
    if withdrawn:
        return LinkState.WITHDRAWN
    if confirmed:
        return LinkState.DONE
    return LinkState.EXPIRED if at >= expires_at else LinkState.OPEN


def sending_findings(of_visit: int, last_at: dt.datetime | None, of_number: int, at: dt.datetime) -> list[Finding]:
    """Whether one more link may go out: not again and again to a person who does not answer."""
    apart = last_at is None or at - last_at >= LINK_APART
    minutes = int(LINK_APART.total_seconds()) // 60
    return [
        Finding("发送次数", of_visit < MOST_OF_VISIT, say("这条记录已发送 %(n)s 次", n=of_visit),
            "" if of_visit < MOST_OF_VISIT else "请改由使用单位账号复核，或纸质签字"),
        Finding("发送间隔", apart, "距上次发送已够久" if apart else "刚刚发送过",
            "" if apart else say("请 %(n)s 分钟后再发送", n=minutes)),
        Finding("该号码当日条数", of_number < MOST_A_DAY_TO_NUMBER, say("一天内已发送 %(n)s 条", n=of_number),
            "" if of_number < MOST_A_DAY_TO_NUMBER else "请明天再发送，或由使用单位账号复核"),
    ]  # fmt: skip


def rating_finding(rating: str, choices: Collection[str]) -> Finding:
    """评价 may be left out."""
    ok = not rating or rating in choices
    return Finding("评价", ok, "已填" if ok else say("没有“%(rating)s”这一项", rating=rating[:20]),
        "" if ok else "请从列表选择", field="rating")  # fmt: skip


def opinion_finding(opinion: str) -> Finding:
    """意见 ≤ 140."""
    ok = len(opinion) <= LONGEST_OPINION
    return Finding("意见", ok, say("意见有 %(count)s 个字", count=len(opinion)), "" if ok else "最多 140 个字",
        field="opinion")  # fmt: skip
