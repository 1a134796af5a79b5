"""The working calendar of a region: weekends, holidays, 调休. Only approval clocks use it (rules.md).

Changing it sets every open approval limit of the region anew, and the audit log says which moved.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.errors import Finding, NotFound, raise_failing, refuse
from app.models import CalendarDay, Region
from app.models.policy import until_commit
from app.models.region import code_span
from app.permissions import Actor, Verb, require
from app.policy import chain
from app.rules.calendar import day_finding
from app.rules.deadlines import LONGEST_HOLIDAY_DAYS, too_long_off, weekday
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import approval_limits
from app.workflows.core import audit

COUNTRY = "0" * 12
MOST_DAYS = 1000
# By then the holidays of the next year have been published for weeks, and limits begin to reach into it.
DECEMBER = 12
# A year of fewer days off, without a weekend that is worked, is not entered yet.
LEAST_OFF = 7
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Day:
    """A day as entered: worked or not, and what it is called."""

    on: dt.date
    is_working: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did: days written, and approval limits that moved with it."""

    days: int
    limits: int


def working_calendar(session: AnySession, region_code: str | None) -> Callable[[dt.date], bool]:
    """Whether a day is worked: as the nearest region up the tree says, else Monday to Friday."""
    days = days_of(session, region_code)
    return lambda on: days[on].is_working if on in days else weekday(on)


def days_of(session: AnySession, region_code: str | None) -> dict[dt.date, CalendarDay]:
    """The exceptions that hold in a region, by day; one statement a transaction."""
    read_ahead(session, [region_code])
    kept: dict[str | None, dict[dt.date, CalendarDay]] = until_commit(session)["calendars"]
    return kept[region_code]


def read_ahead(session: AnySession, region_codes: Iterable[str | None]) -> None:
    """Read what holds in these regions in one statement, for a page that will ask of each of its rows."""
    kept: dict[str | None, dict[dt.date, CalendarDay]] = until_commit(session).setdefault("calendars", {})
    above = {code: chain(code) for code in region_codes if code not in kept}
    if not above:
        return
    wanted = {code for codes in above.values() for code in codes}
    said: dict[str, dict[dt.date, CalendarDay]] = {}
    for row in session.scalars(select(CalendarDay).where(CalendarDay.region_code.in_(wanted))):
        said.setdefault(row.region_code, {})[row.on] = row
    for region_code, codes in above.items():
        # The nearest region that says something of a day is heard.
        kept[region_code] = {on: row for code in reversed(codes) for on, row in said.get(code, {}).items()}


def years_missing(session: AnySession, region_code: str | None, today: dt.date) -> list[int]:
    """Years that nobody entered, so that each Monday to Friday counts: this one, in December the next.

    A day or two, of a flood say, are no year: one has weekends that are worked, or at least some days off.
    """
    held = days_of(session, region_code)
    years = (today.year, *([today.year + 1] if today.month == DECEMBER else []))
    return [year for year in years if not _entered(day for on, day in held.items() if on.year == year)]


def _entered(days: Iterable[CalendarDay]) -> bool:
    off = 0
    for day in days:
        if day.is_working and not weekday(day.on):
            return True
        off += not day.is_working
    return off >= LEAST_OFF


def set_days(
    session: AnySession, actor: Actor, at: dt.datetime, region_code: str, days: Iterable[Day], source: str
) -> Changed:
    """Write days of a region, each over what it had; then set its open approval limits anew."""
    require(actor, Verb.CALENDAR_EDIT)
    _check_region(session, actor, region_code)
    given = {day.on: day for day in days}
    named = bool(source.strip())
    raise_failing(
        [
            *(f for on in given for f in [day_finding(on, "on", "日期")] if not f.ok),
            Finding("天数", 0 < len(given) <= MOST_DAYS, say("%(count)s 天", count=len(given)),
                say("一次 1 至 %(most_days)s 天", most_days=MOST_DAYS), field="on"),
            Finding("依据", named, "已写明" if named else "没有填写依据", "请写明文件名称或文号", field="source"),
        ]
    )  # fmt: skip
    held = {
        row.on: row
        for row in session.scalars(
            select(CalendarDay).where(CalendarDay.region_code == region_code, CalendarDay.on.in_(list(given)))
        )
    }
    before = {on.isoformat(): held[on].is_working for on in sorted(held)}
    for on, day in given.items():
        row = held.get(on)
        if row is None:
            row = CalendarDay(region_code=region_code, on=on, is_working=day.is_working, known_at=at)
            session.add(row)
        row.is_working, row.name, row.source = day.is_working, day.name.strip()[:LONGEST_NAME] or None, source.strip()
        row.set_by_id, row.known_at = actor.user_id, at
    after = {on.isoformat(): day.is_working for on, day in sorted(given.items())}
    return _changed(session, actor, at, region_code, "calendar.set", before, after | {"source": source.strip()})


def clear_days(
    session: AnySession, actor: Actor, at: dt.datetime, region_code: str, days: Iterable[dt.date]
) -> Changed:
    """Take a region's own days away: from then on it follows the regions above, or the weekday."""
    require(actor, Verb.CALENDAR_EDIT)
    _check_region(session, actor, region_code)
    rows = list(
        session.scalars(
            select(CalendarDay).where(CalendarDay.region_code == region_code, CalendarDay.on.in_(list(days)))
        )
    )
    before = {row.on.isoformat(): row.is_working for row in rows}
    for row in rows:
        session.delete(row)
    return _changed(session, actor, at, region_code, "calendar.clear", before, {})


def _changed(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    region_code: str,
    action: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> Changed:
    session.flush()
    until_commit(session).pop("calendars", None)
    _check_rest(session, region_code, [dt.date.fromisoformat(on) for on in {*before, *after} - {"source"}])
    moved = approval_limits.recompute(session, region_code, lambda code: working_calendar(session, code))
    days = len(after) - ("source" in after) or len(before)
    audit.record(
        session, actor, at, action, "calendar", None, before=before,
        after=after | {"region": region_code, "limits_moved": moved},
    )  # fmt: skip
    return Changed(days, len(moved))


def _check_rest(session: AnySession, region_code: str, changed: Iterable[dt.date]) -> None:
    """Refuse what would leave limits of working days without an end, here or in a region below with days of its own."""
    low, high = code_span(region_code) if region_code != COUNTRY else (COUNTRY, "9" * 12)
    below = select(CalendarDay.region_code).where(CalendarDay.region_code.between(low, high)).distinct()
    days = list(changed)
    for code in {region_code, *session.scalars(below)}:
        found = too_long_off(days, working_calendar(session, code))
        if found is not None:
            first, last = found
            raise refuse(
                "连续休息",
                say("%(first)s 至 %(last)s 没有工作日", first=first, last=last),
                say("连续休息不能超过 %(n)s 天，否则审批期限无法计算，请核对日期", n=LONGEST_HOLIDAY_DAYS),
                field="on",
            )  # fmt: skip


def _check_region(session: AnySession, actor: Actor, region_code: str) -> None:
    span = actor.region_span
    own = actor.sees_everything or (span is not None and actor.unit_id is None and span[0] <= region_code < span[1])
    exists = region_code == COUNTRY or session.scalar(select(Region.id).where(Region.code == region_code))
    if not own or not exists:
        found = say("没有地区 %(region_code)s，或不在您的管辖范围内", region_code=region_code[:20])
        raise NotFound(Finding("地区", False, found, "请从列表选择", field="region"))
