"""标牌 (ELV-07): which label is good when, how a new one takes over from the old one, what a dead one tells.

A label is a random token. Between the printing of a new one and the moment when it hangs both lead to the elevator; the
old one dies when the new one is in use. A dead one opens nothing but help for whoever is trapped.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.errors import Finding
from app.rules.calendar import local_day
from app.wording import say

NOW, ON_SCAN = "now", "on_scan"
FORGED, OTHER = "forged", "other"
TEMPORARY = "temporary"
# So long a printed label may wait to be put up; so long a temporary one holds.
MOST_WAITING_DAYS, MOST_TEMPORARY_DAYS = 60, 90
LONGEST_NOTE = 200
# The same replacement of the same account, as long as its label stands, is one tap made twice.
SAME_WITHIN = timedelta(minutes=10)


def in_force(ends_at: datetime | None, at: datetime) -> bool:
    """Whether a label still led to its elevator at an instant; one that waits to be put up does."""
    return ends_at is None or at < ends_at


def reason_findings(reason: str, note: str, reasons: set[str]) -> list[Finding]:
    """A reason of the list; what is called another one is written down."""
    note = note.strip()
    return [
        Finding("更换原因", reason in reasons, "已选择" if reason in reasons else "没有选择更换原因", "请选择一项",
                field="reason"),
        Finding("说明", len(note) <= LONGEST_NOTE, say("%(n)s 个字", n=len(note)),
                say("最多 %(n)s 个字", n=LONGEST_NOTE), field="note"),
        *([Finding("说明", False, "原因选了“其他”，没有写明", "请写明为什么更换", field="note")]
          if reason == OTHER and not note else []),
    ]  # fmt: skip


def switch_findings(switch: str, reason: str, latest_on: date | None, today: date) -> list[Finding]:
    """When the old label dies: at once, or when the new one hangs, on a day at the latest. A forged one: at once."""
    known = switch in (NOW, ON_SCAN)
    told = "已选择" if known else "没有选择旧标牌何时停用"
    found = [Finding("旧标牌停用", known, told, "请选择一项", field="switch")]
    if known and reason == FORGED and switch != NOW:
        found.append(Finding(
            "旧标牌停用", False, "被仿冒的标牌还继续有效", "请选择“立即停用”，仿冒的标牌才随之失效", field="switch"
        ))  # fmt: skip
    if switch == ON_SCAN:
        last = today + timedelta(days=MOST_WAITING_DAYS)
        good = latest_on is not None and today < latest_on <= last
        told = "没有填写最迟启用日期" if latest_on is None else say("最迟启用日期 %(d)s", d=latest_on.isoformat())
        way = say("请填写明天至 %(d)s 之间的日期", d=last.isoformat())
        found.append(Finding("最迟启用日期", good, told, way, field="starts_on"))
    return found


def temporary_finding(until_on: date | None, today: date) -> Finding:
    """A temporary label has a last day, and not a far one."""
    last = today + timedelta(days=MOST_TEMPORARY_DAYS)
    good = until_on is not None and today <= until_on <= last
    told = "没有填写有效期" if until_on is None else say("有效期至 %(d)s", d=until_on.isoformat())
    return Finding(
        "临时标牌有效期", good, told, say("请填写今天至 %(d)s 之间的日期", d=last.isoformat()), field="until_on"
    )  # fmt: skip


def ended_words(kind: str, ends_at: datetime, begun: bool) -> str:
    """Why a dead label is dead."""
    if kind == TEMPORARY:
        # It ends as a day ends.
        day = local_day(ends_at - timedelta(seconds=1))
        return say("这张临时标牌已于 %(d)s 停用", d=day.isoformat())
    day = local_day(ends_at)
    if not begun:
        return say("这张标牌已于 %(d)s 作废，没有启用过", d=day.isoformat())
    return say("这张标牌已于 %(d)s 更换", d=day.isoformat())


def ended_finding(words: str) -> Finding:
    """What whoever works on site is told who scans it."""
    way = "请扫描电梯上现在的标牌；扫不到时输入标牌上的识别码，并请使用单位或维保单位换贴标牌"
    return Finding("二维码已更换", False, words, way, field="code")
