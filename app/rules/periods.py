"""A month or a quarter as people name it, the one before it, and the same one a year earlier (STA-03). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.errors import refuse
from app.rules.calendar import add_months, month_end
from app.wording import say

# 2026-10, 2026Q3: as addresses, files and tokens write it.
_WRITTEN = re.compile(r"(20[0-9]{2})(?:-(0[1-9]|1[0-2])|Q([1-4]))")


@dataclass(frozen=True, slots=True)
class Period:
    """A whole month (`months` 1) or quarter (3); `first` is its first day."""

    first: date
    months: int

    @property
    def last(self) -> date:
        return month_end(add_months(self.first, self.months - 1))

    @property
    def text(self) -> str:
        """As `period_of` reads it."""
        if self.months == 1:
            return f"{self.first:%Y-%m}"
        return f"{self.first.year}Q{(self.first.month + 2) // 3}"

    @property
    def words(self) -> str:
        """2026 年 10 月, 2026 年第 3 季度."""
        if self.months == 1:
            return say("%(y)s 年 %(m)s 月", y=self.first.year, m=self.first.month)
        return say("%(y)s 年第 %(q)s 季度", y=self.first.year, q=(self.first.month + 2) // 3)

    @property
    def before(self) -> Period:
        return Period(add_months(self.first, -self.months), self.months)

    @property
    def year_before(self) -> Period:
        return Period(add_months(self.first, -12), self.months)


def period_of(text: Any, field: str = "period") -> Period:
    """The period that a text names, or a refusal."""
    found = _WRITTEN.fullmatch(str(text or "").strip()) if str(text or "").isascii() else None
    if found is None:
        remedy = "请写成 2026-10（月）或 2026Q3（季度）"
        raise refuse("期间", say("“%(text)s”不是月份或季度", text=str(text or "")[:20]), remedy, field=field)
    year, month, quarter = found.groups()
    return Period(date(int(year), int(month), 1), 1) if month else Period(date(int(year), 3 * int(quarter) - 2, 1), 3)


def latest_periods(today: date, months: int = 12, quarters: int = 4) -> list[Period]:
    """The months and quarters that have ended, the newest first, months before quarters."""
    month = today.replace(day=1)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    return [
        *(Period(add_months(month, -n), 1) for n in range(1, months + 1)),
        *(Period(add_months(quarter, -3 * n), 3) for n in range(1, quarters + 1)),
    ]


def usual_periods(today: date) -> dict[str, tuple[date, date]]:
    """The periods that people ask for most, by name: those that run end today, the others on their last day."""
    month = today.replace(day=1)
    year, last = today.replace(month=1, day=1), month - timedelta(days=1)
    return {
        "year": (year, today), "last_year": (add_months(year, -12), year - timedelta(days=1)),
        "quarter": (month.replace(month=month.month - (month.month - 1) % 3), today),
        "month": (month, today), "last_month": (last.replace(day=1), last),
    }  # fmt: skip


def settled_month(today: date, settle_days: int = 16) -> Period:
    """The last month of which everything that can still come in time has come (`scoring.score_state`)."""
    end = today - timedelta(days=settle_days + 1)
    month = Period(end.replace(day=1), 1)
    return month if end == month.last else month.before
