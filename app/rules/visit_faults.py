"""故障反馈 of a visit: of what kinds its faults are, as many as hold (MNT-04)."""

from __future__ import annotations

from collections.abc import Collection

from app.errors import Finding
from app.wording import say

# Of the kinds of fault the one that says nothing by itself.
OTHER_FAULT = "other"


def faults_findings(faults: Collection[str], told: str, known: Collection[str]) -> list[Finding]:
    """What is wrong with the kinds of fault that a visit names; `told` is what was written beside them."""
    found = [
        Finding("故障反馈", False, say("没有“%(kind)s”这类故障", kind=str(kind)[:20]), "请从所列的类别里选",
            field="faults", value=str(kind)[:20])
        for kind in faults if kind not in known
    ]  # fmt: skip
    if OTHER_FAULT in faults and not told:
        found.append(Finding("故障反馈", False, "选了“其他故障”，没有写明", "请写明是什么故障", field="problem"))
    return found
