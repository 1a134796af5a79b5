"""What a page of statistics over days was asked for, by its address or its form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import g
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listing import day_of_text
from app.reports.asked import Asked
from app.reports.coverage import check_region
from app.rules.periods import usual_periods
from app.views.frame.account_forms import number

# An estate's name is no longer.
LONGEST_WORDS = 80


def usual(today: dt.date) -> list[tuple[str, str, dt.date, dt.date]]:
    """The usual periods: name, words, first and last day."""
    words = {
        "year": _("本年"), "last_year": _("上年"), "quarter": _("本季度"), "month": _("本月"), "last_month": _("上月"),
    }  # fmt: skip
    return [(name, words[name], *days) for name, days in usual_periods(today).items()]


def days_of(given: Any, days: int) -> tuple[dt.date, dt.date]:
    """First and last day; without them so many until today."""
    today, length = clock.today(), dt.timedelta(days=days)
    to_on = day_of_text(given.get("to_on", "")[:10]) or today
    # The calendar begins with the year 1: before its first days there are none.
    until = max(min(to_on, today), dt.date.min + length)
    return day_of_text(given.get("from_on", "")[:10]) or until - length, to_on


def cut_of(given: Any, cuts: Mapping[str, Any]) -> str:
    """How it is cut; the first way where the cut is none."""
    by = given.get("by", "")
    return by if by in cuts else next(iter(cuts))


def asked(given: Any, cuts: Mapping[str, Any], days: int) -> Asked:
    """All that was asked for. A region beyond one's own is refused."""
    span = days_of(given, days)
    region = given.get("region", "").strip()[:12] or None
    if region is not None:
        check_region(db.session, g.actor, region)
    estate = " ".join(given.get("estate", "").split())[:LONGEST_WORDS]
    unit, use_unit, elevator = (number(given.get(name, "")[:16]) for name in ("unit", "use_unit", "elevator"))
    return Asked(cut_of(given, cuts), *span, unit, region, estate, use_unit, elevator)
