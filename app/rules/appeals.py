"""Whether a record may be appealed against, and until when (APL-01). Pure.

An appeal does not change what was recorded. Upheld, it corrects what the record counts as, from the decision on: asked
as of an earlier instant the record counts as it did then.
"""

from __future__ import annotations

from datetime import datetime

from app.errors import Finding
from app.rules.approval import VERB_LABELS, ApplicationVerb
from app.rules.deadlines import due_after_days
from app.wording import say

LONGEST_GROUNDS = 2000
# What an officer's 同意 and 不通过 mean for an appeal.
DECIDED_LABELS = {ApplicationVerb.APPROVE: say("成立"), ApplicationVerb.REJECT: say("不成立")}


def verb_label(verb: ApplicationVerb) -> str:
    """A step of an appeal, as those are told whom it concerns."""
    return DECIDED_LABELS.get(verb, VERB_LABELS[verb])


def appeal_until(known_at: datetime, within_days: int | None) -> datetime | None:
    """The first instant that is too late; None where policy sets no limit."""
    return None if within_days is None else due_after_days(known_at, within_days)


def time_finding(until: datetime | None, last_day: str, at: datetime) -> Finding:
    """In time, or what to do when it is not. `last_day` is the limit in words."""
    ok = until is None or at < until
    found = "没有期限" if until is None else say("截止 %(day)s", day=last_day)
    return Finding("申诉期限", ok, found, "" if ok else "已过申诉期限，如有疑问请联系监管部门")


def grounds_finding(grounds: str) -> Finding:
    """Why the record is wrong, in words that an officer can check."""
    if len(grounds) > LONGEST_GROUNDS:
        found = say("%(count)s 个字", count=len(grounds))
        return Finding("申诉理由", False, found, say("最多 %(most)s 个字", most=LONGEST_GROUNDS), field="grounds")
    ok = bool(grounds)
    way = "" if ok else "请写明哪里不对、有什么证明"
    return Finding("申诉理由", ok, "" if ok else "没有填写", way, field="grounds")


def single_finding(number: str | None, link: str | None, open_: bool) -> Finding:
    """One appeal for a record; what was decided stays decided."""
    if number is None:
        return Finding("一条记录只能申诉一次", True, "没有申诉过")
    found = say("已有申诉 %(number)s", number=number)
    return Finding(
        "一条记录只能申诉一次", False, found, "请等待办结" if open_ else "已有决定，不再受理", link=link,
        way=say("查看申诉 %(number)s", number=number),
    )  # fmt: skip
