"""What a complaint of another platform must say to be taken over (IMP-03): its steps in order, how it ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from app.errors import Finding
from app.rules.complaints import LONGEST_NAME, LONGEST_NOTE, text_finding
from app.rules.past_rescues import order_findings
from app.rules.repairs import length_findings
from app.wording import say

STEPS = (
    ("complained_at", "投诉时间"), ("accepted_at", "接单时间"), ("handled_at", "处置时间"), ("reviewed_at", "复核时间"),
    ("closed_at", "办结时间"),
)  # fmt: skip
WORDS = (
    ("name", "投诉人", LONGEST_NAME), ("handle_note", "处置情况", LONGEST_NOTE),
    ("review_note", "复核意见", LONGEST_NOTE), ("end_note", "监管意见", LONGEST_NOTE),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PastComplaint:
    """The facts of one row. The last steps may be missing where nobody kept them, never one in between."""

    complained_at: datetime | None = None
    accepted_at: datetime | None = None
    handled_at: datetime | None = None
    reviewed_at: datetime | None = None
    closed_at: datetime | None = None
    kinds: Sequence[str] = ()
    body: str = ""
    name: str = ""
    handle_note: str = ""
    review_note: str = ""
    end_note: str = ""


def past_findings(one: PastComplaint, now: datetime) -> list[Finding]:
    """Everything that is wrong with it at once."""
    findings = order_findings(one, STEPS, now)
    if one.reviewed_at is None and one.closed_at is None:
        remedy = "只接管已经办结的投诉；没有复核的填写办结时间"
        findings.append(Finding("办结时间", False, "没有填写", remedy, field="closed_at"))
    for (name, word), (later, then) in pairwise(STEPS[1:4]):
        if getattr(one, name) is None and getattr(one, later) is not None:
            found = say("填写了%(step)s", step=then)
            findings.append(Finding(word, False, found, "请补上前一环节的时间，或把后面的留空", field=name))
    told = text_finding(one.body, one.kinds)
    for name, word, most in WORDS:
        findings += length_findings((name, word, getattr(one, name)), most=most)
    return findings if told.ok else [*findings, told]
