"""What a rescue of another platform must say to be taken over (IMP-03): its times in order, cause and numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import Finding
from app.rules.rescues import people_findings, result_findings
from app.wording import say

STEPS = (
    ("reported_at", "报警时间"), ("dispatched_at", "派单时间"), ("second_at", "二级派单时间"),
    ("accepted_at", "接单时间"), ("arrived_at", "到达时间"), ("done_at", "救出时间"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PastRescue:
    """The facts of one row; `second_at` is when the second level was called, `has_helper` that it says whom."""

    reported_at: datetime | None = None
    dispatched_at: datetime | None = None
    second_at: datetime | None = None
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    done_at: datetime | None = None
    level: int = 1
    outcome: str = ""
    cause: str = ""
    trapped: int | None = None
    injured: int | None = None
    has_helper: bool = False


def order_findings(one: Any, steps: Sequence[tuple[str, str]], now: datetime) -> list[Finding]:
    """None of its times is to come, none before the step before it; `steps`: field and word, in order."""
    findings: list[Finding] = []
    before: tuple[str, datetime] | None = None
    for name, word in steps:
        at: datetime | None = getattr(one, name)
        if at is None:
            continue
        if at > now:
            findings.append(Finding(word, False, "在将来", "请核对时间", field=name))
        elif before is not None and at < before[1]:
            findings.append(Finding(word, False, say("早于%(step)s", step=before[0]), "请核对各环节的时间", field=name))
        before = (word, at)
    return findings


def past_findings(one: PastRescue, now: datetime) -> list[Finding]:
    """Everything that is wrong with it at once."""
    findings = order_findings(one, STEPS, now)
    entrapment = one.outcome == "entrapment"
    findings += [
        Finding("派单时间", one.dispatched_at is not None or not entrapment, "没有填写", "困人救援须有派单时间",
                field="dispatched_at"),
        Finding("接单时间", one.accepted_at is not None or (one.arrived_at is None and one.done_at is None), "没有填写",
                "有到达或救出时间的须有接单时间", field="accepted_at"),
        Finding("救出时间", one.done_at is not None or not entrapment, "没有填写", "既往的困人救援须有救出时间",
                field="done_at"),
        Finding("故障原因", bool(one.cause) or not entrapment, "没有填写", "困人须填写故障原因", field="cause"),
    ]  # fmt: skip
    if one.level == 2:
        remedy = "二级救援须写明救援单位"
        findings.append(Finding("二级救援单位", one.has_helper, "没有填写", remedy, field="helper_id"))
        findings.append(
            Finding("二级派单时间", one.second_at is not None, "没有填写", "二级救援须写明何时派单", field="second_at")
        )
    if entrapment:
        findings += people_findings(one.trapped, one.injured if one.injured is not None else 0)
        findings += result_findings(one.outcome, one.trapped) if one.trapped is not None else []
    return [found for found in findings if not found.ok]
