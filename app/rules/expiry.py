"""When somebody is told that a paper ends (PER-06, UNT-10): at each of the policy's days before, on the day, after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from app.wording import say

ON_THE_DAY, OVER = 0, -1
# What ended longer ago is no news: whoever enters an old register is not told of all of it.
LONGEST_OVER_DAYS = 90


def step_of(until: date, today: date, days: Iterable[int | None]) -> int | None:
    """The step that a paper has reached: the smallest of the policy's days that its rest is not above, 0, or -1.

    Steps that were passed while nothing ran are not made up for one by one: only the newest says how things stand.
    """
    left = (until - today).days
    if left < 0:
        return OVER if left >= -LONGEST_OVER_DAYS else None
    if left == 0:
        return ON_THE_DAY
    return min((day for day in days if day is not None and day >= left), default=None)


def is_due(until: date, today: date, days: Iterable[int | None], told: int | None) -> int | None:
    """The step to tell now; None when there is none, or the same or a later one was told. Steps fall towards -1."""
    step = step_of(until, today, days)
    return step if step is not None and (told is None or step < told) else None


def rest_words(until: date, today: date) -> str:
    """还有 28 天到期, 今天到期, 已于 2026-03-01 到期."""
    left = (until - today).days
    if left < 0:
        return say("已于 %(until)s 到期", until=until)
    return say("还有 %(left)s 天到期", left=left) if left else "今天到期"
