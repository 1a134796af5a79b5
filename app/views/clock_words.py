"""A limit as every page says it: what is left, and why it is so (which rule, which policy value, paused days)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Flask
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.models import Application, Visit
from app.models.policy import policy_book, policy_value
from app.policy import Key, shown
from app.rules.deadlines import Deadline, DeadlineLevel, countdown
from app.views.filing_words import Due
from app.views.policy import origin, region_names
from app.workflows import approval_limits, calendars

TONES = {DeadlineLevel.OK: "", DeadlineLevel.NEAR: "near", DeadlineLevel.OVER: "over"}


def due_of(due_at: dt.datetime | None, started_at: dt.datetime | None, region_code: str) -> Due | None:
    """What is left of a limit that runs, yellow by the region's policy: hours in the last two days, days before."""
    if due_at is None:
        return None
    now = clock.now()
    near = dt.timedelta(hours=int(policy_value(db.session, Key.YELLOW_HOURS, region_code, clock.local_day(now))))
    held = countdown(Deadline(started_at or now, due_at), now, near)
    hours = int(abs(held.left) / dt.timedelta(hours=1))
    number, unit = (hours, _("小时")) if hours < 48 else (hours // 24, _("天"))
    over = held.level is DeadlineLevel.OVER
    spent = 100 if over else round(min(max(held.spent, 0.0), 1.0) * 100)
    return Due(_("超") if over else _("剩"), number, unit, TONES[held.level], spent)


def why_due(row: Application) -> str:
    """The reason of an approval's limit."""
    found = approval_limits.reason(db.session, row, calendars.working_calendar(db.session, row.region_code))
    if found is None:
        return ""
    parts = [
        _("审批时限 %(n)s 个工作日（%(o)s）", n=found.days, o=origin(found.held, region_names())),
        _("自 %(t)s 起算", t=clock.local(found.started_at).strftime("%Y-%m-%d %H:%M")),
    ]
    if found.idle_days:
        parts.append(_("其间非工作日 %(n)s 天", n=found.idle_days))
    if found.paused:
        parts.append(_("退回补正暂停 %(t)s", t=_length(found.paused)))
    if found.standing:
        parts.append(_("正在补正，期限暂停"))
    return "；".join(parts)


def visit_limits(row: Visit) -> list[tuple[str, Due | None, str, dt.datetime]]:
    """The limits of a record that still run: title, what is left, why, until when."""
    found = []
    sheet, review = _("签退后 %(n)s 内上传维保单（%(o)s）"), _("签退后 %(n)s 内复核（%(o)s）")
    for waits, due_at, title, key, rule in (
        (row.awaiting_sheet, row.sheet_due_at, _("上传维保单"), Key.SHEET_HOURS, sheet),
        (row.awaiting_review, row.review_due_at, _("使用单位复核"), Key.REVIEW_DAYS, review),
    ):
        if waits and due_at is not None:
            held = policy_book(db.session, row.region_code, row.visit_on)[key]
            why = rule % {"n": shown(key, held.value), "o": origin(held, region_names())}
            found.append((title, due_of(due_at, row.checked_out_at, row.region_code), why, due_at))
    return found


def _length(span: dt.timedelta) -> str:
    hours = int(span / dt.timedelta(hours=1))
    if not hours:
        return _("不到 1 小时")
    return _("%(n)s 小时", n=hours) if hours < 48 else _("%(n)s 天", n=hours // 24)


def install(app: Flask) -> None:
    """Templates ask for reasons by these names, in macros too."""
    names: dict[str, Any] = {"why_due": why_due, "due_of": due_of, "visit_limits": visit_limits}
    app.jinja_env.globals.update(names)
