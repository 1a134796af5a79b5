"""What a repair of another platform must say to be taken over (IMP-03): its times in order, when it ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.errors import Finding
from app.rules.past_rescues import order_findings
from app.rules.repairs import length_findings

STEPS = (
    ("reported_at", "报修时间"), ("assigned_at", "派工时间"), ("accepted_at", "接单时间"),
    ("departed_at", "出发时间"), ("started_at", "开始维修时间"), ("ended_at", "结束维修时间"),
)  # fmt: skip
WORDS = (("fault", "故障描述"), ("action", "处理情况"), ("parts", "更换部件"), ("note", "备注"))


@dataclass(frozen=True, slots=True)
class PastRepair:
    """The facts of one row. Steps in between that nobody kept are left out: the report and the end count."""

    reported_at: datetime | None = None
    assigned_at: datetime | None = None
    accepted_at: datetime | None = None
    departed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    level: str = ""
    fault: str = ""
    action: str = ""
    parts: str = ""
    note: str = ""


def past_findings(one: PastRepair, now: datetime) -> list[Finding]:
    """Everything that is wrong with it at once."""
    findings = order_findings(one, STEPS, now)
    if one.ended_at is None:
        findings.append(Finding("结束维修时间", False, "没有填写", "只接管已经结束的维修", field="ended_at"))
    if one.level == "other" and not one.fault:
        findings.append(Finding("故障描述", False, "没有填写", "选了“其他原因”，请写明情况", field="fault"))
    return findings + length_findings(*((name, word, getattr(one, name)) for name, word in WORDS))
