"""How much one person may do in a month (PER-07, PER-08)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import StrEnum

from app.errors import Finding
from app.wording import say


class Grade(StrEnum):
    """普工, 中级工, 高级工, 技师."""

    GENERAL = "general"
    INTERMEDIATE = "intermediate"
    SENIOR = "senior"
    TECHNICIAN = "technician"


def units_used(visit_counts: Mapping[Hashable, int]) -> int:
    """台次 of a person in a month: Σ over elevators of min(visits, 2).

    The caller counts all accounts of the person together, leaves 无效 out and takes open visits in.
    """
    return sum(min(max(count, 0), 2) for count in visit_counts.values())


def grade_limit(grade: Grade | None, limits: Mapping[Grade, int]) -> int:
    """The monthly limit of a person; without an approved level he counts as 普工."""
    return limits[grade or Grade.GENERAL]


def quota_finding(used: int, limit: int) -> Finding:
    """Whether one more check-in is allowed: refused when used ≥ limit, even if this visit would add 0 (T15)."""
    ok = used < limit
    return Finding(
        "您本月有效扫码维保次数已达上限" if not ok else "本月维保台次",
        ok,
        say("本月已用 %(used)s 台次，上限 %(limit)s 台次", used=used, limit=limit),
        "" if ok else "本月请换其他维保人员；级别有误时请更新级别证书",
    )
