"""Days and instants: months cut at their end, days of Shanghai, instants of UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone

from app.errors import Finding
from app.wording import say

# One fixed offset, not a zone file: China has had one time zone without summer time since 1992, nothing
# here is older, and the rules must give the same answer on a machine without a zone database.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

# A day outside is a slip of the keyboard or a contract "to 9999"; arithmetic stays far from date's own limits.
EARLIEST_ON = date(1950, 1, 1)
LATEST_ON = date(2199, 12, 31)


def add_months(day: date, n: int) -> date:
    """The same day n calendar months on (or back), cut at the month's end: 01-31 + 1 → 02-28 or 02-29."""
    months = day.year * 12 + day.month - 1 + n
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def month_end(day: date) -> date:
    """The last day of the day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def local_day(instant: datetime) -> date:
    """The Shanghai day on which an instant falls. A naive instant is a programming error."""
    if instant.tzinfo is None:
        raise ValueError("naive datetime")
    return instant.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """00:00 of a Shanghai day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def year_start(day: date) -> date:
    """The first day of a day's calendar year."""
    return day.replace(month=1, day=1)


def day_end(day: date) -> datetime:
    """24:00 of a Shanghai day, that is the start of the next one, in UTC. The day is over from this instant on."""
    return day_start(day + timedelta(days=1))


def whole_seconds(start: datetime, end: datetime) -> int:
    """Full seconds from start to end. Limits are judged in the seconds that people are shown (T4: 8:00:00 holds)."""
    return (end - start) // timedelta(seconds=1)


def day_finding(day: date, field: str, label: str) -> Finding:
    """Whether a typed day is one that can be meant at all (1950 to 2199)."""
    ok = EARLIEST_ON <= day <= LATEST_ON
    return Finding(
        "日期范围",
        ok,
        say(
            "%(label)s为 %(day)s%(more)s",
            label=label,
            day=day.isoformat(),
            more=""
            if ok
            else say("，不在 %(year)s 年至 %(year2)s 年之间", year=EARLIEST_ON.year, year2=LATEST_ON.year),
        ),
        "" if ok else say("请核对%(label)s的年份后重新填写", label=label),
        field=field,
        value=day.isoformat(),
    )
