"""Notices by other ways than the inbox (NTF-01): which group a topic belongs to, what is urgent, quiet hours, words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from app.errors import Finding
from app.wording import say, together

# Ways that a person may choose; the inbox always gets a notice.
CHANNELS = ("sms", "email", "webhook")
GROUPS = (
    "approval", "decision", "escalation", "visit", "complaint", "rescue", "repair", "enforcement", "check", "duty",
    "expiry", "policy", "job", "other",
)  # fmt: skip
_GROUP_OF = {
    "approval": "approval", "delegation": "approval", "decision": "decision", "party": "decision", "watch": "decision",
    "escalation": "escalation", "limit": "escalation", "visit": "visit", "patrol": "duty", "safety": "duty",
    "complaint": "complaint", "message": "complaint", "rescue": "rescue", "insurance": "duty", "expiry": "expiry",
    "policy": "policy", "job": "job", "file": "job", "repair": "repair", "anomaly": "repair", "enforcement":
    "enforcement", "fraud": "check", "spot": "check", "bulletin": "decision", "iot": "visit", "provincial":
    "decision", "position": "duty",
}  # fmt: skip
# A limit that runs out does not wait for the morning, nor does somebody who is shut in.
URGENT = frozenset({"escalation", "rescue"})
# Groups that go by SMS to a unit's head as long as he chose nothing himself: by the words of the policy.
UNIT_SMS = {"none": frozenset[str](), "complaint": frozenset({"complaint"}),
            "complaint_repair": frozenset({"complaint", "repair"})}  # fmt: skip
# What a text may name, as a person writes it.
PLACEHOLDERS = ("标题", "内容", "链接", "时间", "收件人", "平台")
DEFAULTS: dict[str, tuple[str, str]] = {
    "sms": ("{标题}", "【{平台}】{标题}。{内容}"),
    "email": ("{标题}", "{收件人}：\n\n{标题}\n{内容}\n\n{链接}\n\n{平台}　{时间}"),
    "webhook": ("{标题}", "{内容}"),
}
LONGEST = {"title": 200, "body": 1000}
_MARK = re.compile(r"\{([^{}\n]{0,40})\}")
# Longer ones cost several messages, and gateways cut them.
LONGEST_SMS = 300


def group_of(topic: str) -> str:
    """The group by which a person chooses; a topic that nobody listed is 其他."""
    return _GROUP_OF.get(topic.partition(".")[0], "other")


def is_urgent(topic: str) -> bool:
    return group_of(topic) in URGENT


def quiet_end(at: dt.datetime, start: int | None, end: int | None) -> dt.datetime | None:
    """When the quiet hours that `at` lies in are over; None outside of them. `at` is a local instant.

    Minutes of the day, the end not counted; a start after the end runs over midnight, equal ones are none.
    """
    if start is None or end is None or start == end:
        return None
    minute = at.hour * 60 + at.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return None
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    over = midnight + dt.timedelta(minutes=end)
    return over if over > at else over + dt.timedelta(days=1)


def minutes_of(text: str) -> int | None:
    """08:30 as minutes of the day; None for anything else."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    return int(found[1]) * 60 + int(found[2]) if found else None


def clock_words(minutes: int | None) -> str:
    return "" if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"


def template_findings(title: str, body: str) -> list[Finding]:
    """What is wrong with a text: empty, too long, a placeholder that there is none of, a brace that stands alone."""
    findings = []
    for word, field, text in (("标题", "title", title), ("内容", "body", body)):
        if not text.strip():
            findings.append(
                Finding(
                    word, False, "没有填写", say("请填写，例如 {标题}；可用 %(listed)s", listed=_listed()), field=field
                )
            )
        if len(text) > LONGEST[field]:
            findings.append(
                Finding(
                    word,
                    False,
                    say("%(count)s 个字", count=len(text)),
                    say("最多 %(field)s 个字", field=LONGEST[field]),
                    field=field,
                )
            )
        unknown = sorted({m for m in _MARK.findall(text) if m not in PLACEHOLDERS})
        if unknown:
            found = say("%(names)s 不是占位符", names=together(f"{{{m}}}" for m in unknown))
            findings.append(
                Finding(word, False, found, say("可用的有 %(listed)s", listed=_listed()), field=field, value=text[:60])
            )
        if any(c in "{}" for c in _MARK.sub("", text)):
            findings.append(Finding(word, False, "有不成对的花括号", "请写成 {标题} 这样，或删去", field=field))
    if not findings and "{标题}" not in title + body and "{内容}" not in title + body:
        remedy = "请至少保留一个，否则收件人不知道是什么事"
        findings.append(Finding("内容", False, "没有 {标题} 也没有 {内容}", remedy, field="body"))
    return findings


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled once: what a value says in braces stays as it is."""
    return _MARK.sub(lambda m: values.get(m[1], m[0]), text)


def _listed() -> str:
    return together(f"{{{name}}}" for name in PLACEHOLDERS)
