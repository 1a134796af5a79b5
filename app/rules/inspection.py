"""Near and over for days that are due (WRN-01): yellow and red."""

from __future__ import annotations

from datetime import date
from enum import StrEnum


class WarningLevel(StrEnum):
    """临近 (yellow), 超期 (red)."""

    NEAR = "near"
    OVER = "over"


def warning_level(due_on: date | None, today: date, near_days: int) -> WarningLevel | None:
    """How a due day stands today. The due day itself is still in time; no due day warns of nothing."""
    if due_on is None:
        return None
    left = (due_on - today).days
    if left < 0:
        return WarningLevel.OVER
    return WarningLevel.NEAR if left <= near_days else None
