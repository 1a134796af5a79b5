"""A day as typed in an address or a form: read, and checked to be one that can be meant at all."""

from __future__ import annotations

import datetime as dt

from flask_babel import gettext as _

from app.errors import Finding
from app.rules.calendar import day_finding


def typed_day(typed: str, field: str, label: str) -> tuple[dt.date | None, Finding | None]:
    """The day, or what is wrong with it; blank is neither. Arithmetic on what comes back stays within the calendar."""
    typed = typed.strip()
    if not typed:
        return None, None
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        found = _("“%(value)s”不是日期", value=typed[:40])
        return None, Finding(label, False, found, _("请用 2026-03-01 这样的写法"), field=field, value=typed[:40])
    sane = day_finding(day, field, label)
    return (day, None) if sane.ok else (None, sane)
