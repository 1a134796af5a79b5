"""A limit as every page says it: what is left, and why it is so (which rule, which policy value, paused days)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Flask, g, has_app_context
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listings import standing
from app.models import Application, Component, Contract, ContractElevator, IotDevice, MaintenanceClock, Visit
from app.models.policy import policy_book, policy_value
from app.policy import Held, Key, shown
from app.rules.approval import ApplicationState
from app.rules.deadlines import Deadline, DeadlineLevel, countdown
from app.views.frame.filing_words import Due, due_days
from app.views.frame.policy_words import origin, region_names
from app.views.frame.texts import beside
from app.wording import say, together
from app.workflows.approval import approval_limits, calendars

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
    return Due(_("超") if over else _("剩"), number, beside(unit, number), TONES[held.level], spent)


def approval_due(row: Application) -> Due | None:
    """What is left of an application's limit; with the applicant for correction its clock stands."""
    if not row.is_open or row.due_at is None:
        return None
    if row.state == ApplicationState.RETURNED:
        return Due(_("补正中，办理时限暂停计算"), None, "", "pause", 0)
    return due_of(row.due_at, row.submitted_at, row.region_code)


def minutes_due(limit: Deadline | None) -> Due | None:
    """What is left of a limit of minutes; yellow in its last third, whole minutes, what has begun counts."""
    if limit is None:
        return None
    held = countdown(limit, clock.now(), (limit.due_at - limit.started_at) / 3)
    over = held.level is DeadlineLevel.OVER
    # It still holds in its last second: a limit of 3 minutes begins with 3, not with 4.
    left = abs(held.left) if over else held.left - dt.timedelta(seconds=1)
    minutes = -(-max(left, dt.timedelta(seconds=1)) // dt.timedelta(minutes=1))
    spent = 100 if over else round(min(max(held.spent, 0.0), 1.0) * 100)
    number, unit = (minutes, _("分钟")) if minutes < 120 else (minutes // 60, _("小时"))
    return Due(_("超") if over else _("剩"), number, beside(unit, number), TONES[held.level], spent)


def read_calendars(rows: Iterable[Application]) -> None:
    """For a page that asks `why_due` of each of these: the calendars of all their regions in one statement."""
    calendars.read_ahead(db.session, {row.region_code for row in rows if row.due_at is not None})


def why_due(row: Application) -> str:
    """The reason of an approval's limit."""
    found = approval_limits.reason(db.session, row, calendars.working_calendar(db.session, row.region_code))
    if found is None:
        return ""
    parts = [
        _("审批时限 %(n)s 个工作日（%(o)s）", n=found.days, o=_origin(found.held)),
        _("自 %(t)s 起算", t=clock.local(found.started_at).strftime("%Y-%m-%d %H:%M")),
    ]
    if found.idle_days:
        parts.append(_("其间非工作日 %(n)s 天", n=found.idle_days))
    if found.returns:
        parts.append(_("退回补正 %(n)s 次，其间 %(days)s 个工作日不计", n=found.returns, days=found.paused_days))
    if found.left is not None:
        parts.append(_("退回时还剩 %(n)s 个工作日（含当日），重新提交的次日起接着计算", n=found.left))
    if found.over is not None:
        parts.append(_("退回时已超期 %(t)s", t=_length(found.over)) + _("，重新提交后接着计算"))
    return together(parts, "；")


def visit_limits(row: Visit) -> list[tuple[str, Due | None, str, dt.datetime]]:
    """The limits of a record that still run: title, what is left, why, until when."""
    found = []
    sheet, review = "签退后 %(n)s 内上传维保单（%(o)s）", "签退后 %(n)s 内复核（%(o)s）"
    for waits, due_at, title, key, rule in (
        (row.awaiting_sheet, row.sheet_due_at, _("上传维保单"), Key.SHEET_HOURS, sheet),
        (row.awaiting_review, row.review_due_at, _("使用单位复核"), Key.REVIEW_DAYS, review),
    ):
        if waits and due_at is not None:
            held = policy_book(db.session, row.region_code, row.visit_on)[key]
            why = say(rule, n=shown(key, held.value), o=_origin(held))
            found.append((title, due_of(due_at, row.checked_out_at, row.region_code), why, due_at))
    return found


# --- limits in days: maintenance, contract, inspection


def limit_due(row: MaintenanceClock | None, today: dt.date | None = None) -> Due | None:
    """What is left of an elevator's maintenance limit; near by the policy of its region."""
    if row is None:
        return None
    on = today or clock.today()
    found = standing.due_of(row, on)
    if found.paused:
        return Due(_("已暂停"), None, "", "pause", 0)
    near = int(policy_value(db.session, Key.NEAR_MAINTENANCE_DAYS, row.region_code, on))
    return due_days(found.on, on, near, row.limit_days)


def why_limit(row: MaintenanceClock | None) -> str:
    """From which visit, by whose rule, and what moved it."""
    if row is None or row.anchor_on is None:
        return _("首次计入的维保之后开始")
    held = policy_book(db.session, row.region_code, row.anchor_on)[Key.LIMIT_DAYS]
    parts = []
    if row.last_visit_on is not None:
        parts.append(_("上次计入的维保 %(d)s", d=row.last_visit_on))
    parts.append(_interval_words(row.limit_days, held))
    if row.missed and row.missed_since_on is not None:
        parts.append(_("连续超期 %(n)s 期，%(d)s 起未补做", n=row.missed, d=row.missed_since_on))
    if row.excused:
        parts.append(excused_words(row.excused))
    if row.paused_on is not None:
        parts.append(_("自 %(d)s 暂停，恢复后还有 %(n)s 天", d=row.paused_on, n=row.limit_left_days or 0))
    return together(parts, "；")


def excused_words(n: int) -> str:
    """Of limits that passed without a visit and are not counted."""
    return _("%(n)s 期未按时维保，申诉成立，不计", n=n)


def _interval_words(days: int, held: Held) -> str:
    """How long the limit is and who says so; said once a request, for most rows of a list say the same."""
    kept: dict[tuple[int, Held], str] = g.setdefault("interval_words", {}) if has_app_context() else {}
    if (days, held) not in kept:
        if days == held.value:
            said = _("此后 %(n)s（%(o)s）", n=shown(Key.LIMIT_DAYS, held.value), o=_origin(held))
        else:
            said = _("按需维保，间隔 %(n)s 天", n=days)
        kept[days, held] = said
    return kept[days, held]


def contract_due(row: Contract | ContractElevator, region_code: str, today: dt.date | None = None) -> Due:
    """What is left of a contract's days, or of the wait for its first one; 剩余, as its export has it (CON-02)."""
    on = today or clock.today()
    if row.starts_on > on:
        wait = (row.starts_on - on).days
        return Due(_("等待"), wait, beside(_("天"), wait), "", 0)
    near = int(policy_value(db.session, Key.NEAR_CONTRACT_DAYS, region_code, on))
    found = due_days(row.ends_on, on, near, max((row.ends_on - row.starts_on).days, 1))
    assert found is not None
    return found if row.ends_on <= on else replace(found, before=_("剩余"))


def why_contract(row: Contract | ContractElevator, region_code: str) -> str:
    """The contract's days, and from when on it is near."""
    held = policy_book(db.session, region_code, clock.today())[Key.NEAR_CONTRACT_DAYS]
    near, source = shown(Key.NEAR_CONTRACT_DAYS, held.value), _origin(held)
    span = _("合同期 %(a)s 至 %(b)s，首末日都在内", a=row.starts_on, b=row.ends_on)
    return span + _("；剩 %(n)s以内为临近（%(o)s）", n=near, o=source)


def cover_due(until_on: dt.date, region_code: str) -> tuple[Due | None, str]:
    """What is left of an elevator's cover, of whichever contract, and why."""
    today = clock.today()
    held = policy_book(db.session, region_code, today)[Key.NEAR_CONTRACT_DAYS]
    near, source = shown(Key.NEAR_CONTRACT_DAYS, held.value), _origin(held)
    why = _("合同关系到这一天为止，当日在内") + _("；剩 %(n)s以内为临近（%(o)s）", n=near, o=source)
    return due_days(until_on, today, int(str(held.value)), 365), why


def inspection_due(next_on: dt.date | None, region_code: str) -> tuple[Due | None, str]:
    """What is left until the next inspection, and why."""
    return _inspected(next_on, region_code, _("登记的下次检验日期"))


def check_due(next_on: dt.date | None, region_code: str) -> tuple[Due | None, str]:
    """What is left until the next governor check or brake test, and why."""
    return _inspected(next_on, region_code, _("上次日期加政策的间隔"))


def life_due(row: Component) -> tuple[Due | None, str]:
    """What is left of a part's life, and from when and how long it runs."""
    return _inspected(
        row.due_on, row.region_code, _("%(d)s 安装，寿命 %(n)s 个月", d=row.installed_on, n=row.life_months)
    )


def paper_due(until_on: dt.date | None, region_code: str) -> tuple[Due | None, str]:
    """What is left of a certificate or a licence, and why."""
    return _inspected(until_on, region_code, _("登记的有效期，当日在内"), Key.NEAR_CERTIFICATE_DAYS)


def silence(row: IotDevice) -> tuple[Due, str]:
    """How long a device was not heard of, from its binding on where it never was; red and yellow by its region."""
    now = clock.now()
    book = policy_book(db.session, row.region_code, clock.local_day(now))
    minutes, hours = book[Key.IOT_OFFLINE_MINUTES], book[Key.IOT_SILENT_HOURS]
    span = now - (row.bound_at if row.live is None else row.live.seen_at)
    whole = int(span / dt.timedelta(minutes=1))
    number, unit = (whole, _("分钟")) if whole < 120 else (whole // 60, _("小时"))
    number, unit = (number, unit) if whole < 48 * 60 else (whole // 1440, _("天"))
    over = span > dt.timedelta(hours=int(str(hours.value)))
    why = _(
        "%(n)s没有通信为离线（%(o)s），%(h)s转为红色（%(p)s）", n=shown(Key.IOT_OFFLINE_MINUTES, minutes.value),
        o=_origin(minutes), h=shown(Key.IOT_SILENT_HOURS, hours.value), p=_origin(hours),
    )  # fmt: skip
    return Due(_("离线"), number, beside(unit, number), "over" if over else "near", 100), why


def _inspected(
    next_on: dt.date | None, region_code: str, by: str, key: Key = Key.NEAR_INSPECTION_DAYS
) -> tuple[Due | None, str]:  # fmt: skip
    today = clock.today()
    held = policy_book(db.session, region_code, today)[key]
    near, source = shown(key, held.value), _origin(held)
    why = by + _("；剩 %(n)s以内为临近（%(o)s）", n=near, o=source)
    return due_days(next_on, today, int(str(held.value)), 365), why if next_on is not None else ""


def _origin(held: Held) -> str:
    """Which region says so; its name is looked up only where one does."""
    return origin(held, _regions() if held.region_code is not None else {})


def _regions() -> dict[str, str]:
    """Every region's name, read once a request: a list asks for each of its rows."""
    if not has_app_context():
        return region_names()
    if "region_names" not in g:
        g.region_names = region_names()
    names: dict[str, str] = g.region_names
    return names


def _length(span: dt.timedelta) -> str:
    hours = int(span / dt.timedelta(hours=1))
    if not hours:
        return _("不到 1 小时")
    return _("%(n)s 小时", n=hours) if hours < 48 else _("%(n)s 天", n=hours // 24)


def install(app: Flask) -> None:
    """Templates ask for reasons by these names, in macros too."""
    names: dict[str, Any] = {
        "why_due": why_due, "due_of": due_of, "approval_due": approval_due, "visit_limits": visit_limits,
        "limit_due": limit_due, "why_limit": why_limit, "contract_due": contract_due, "why_contract": why_contract,
    }  # fmt: skip
    app.jinja_env.globals.update(names)
