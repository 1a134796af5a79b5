"""工作日历: the year of a region day by day, edited and imported; and the register of all limits (CLK-01)."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.imports import calendar_days
from app.models import CalendarDay
from app.models.policy import policy_book
from app.permissions import Actor, Verb
from app.policy import SPECS, Key, shown
from app.scratch import scratch
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import run, text
from app.views.frame.policy_words import origin, place, region_choices, region_names
from app.wording import say, together
from app.workflows.approval import calendars
from app.workflows.approval.calendars import COUNTRY, Day
from app.workflows.approval.clock_register import CLOCKS, Clock

MOST_SPAN = 60
MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Square:
    """A day of the year's page."""

    on: dt.date
    inside: bool
    working: bool
    name: str
    own: bool
    listed: bool


class CalendarPages(BaseView):
    route_base = "/calendar"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._page([], 200)

    @expose("/days", methods=["POST"])
    @has_access
    @permission_name("edit")
    def days(self) -> Any:
        """Set or clear a span of days."""
        values, findings = forms.days((("from_on", _("起始日期")), ("to_on", _("截止日期"))))
        first, last = values["from_on"], values["to_on"] or values["from_on"]
        if first is None and not findings:
            findings = [Finding(_("起始日期"), False, _("没有填写"), _("请选择日期"), field="from_on")]
        elif first is not None and not findings and not 0 <= (last - first).days < MOST_SPAN:
            words = _("一次 1 至 %(n)s 天，截止不早于起始", n=MOST_SPAN)
            findings = [
                Finding(_("截止日期"), False, say("%(first)s — %(last)s", first=first, last=last), words, field="to_on")
            ]
        if findings:
            return self._page(findings, 422)
        span = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        kind, name, source = text("kind", 10), text("name", 40), text("source")
        if kind == "clear":
            return self._done(lambda s: calendars.clear_days(s, g.actor, clock.now(), self._code(), span))
        days = [Day(on, kind == "work", name) for on in span]
        return self._done(lambda s: calendars.set_days(s, g.actor, clock.now(), self._code(), days, source))

    @expose("/import", methods=["POST"])
    @has_access
    @permission_name("edit")
    def load(self) -> Any:
        """Days from a workbook; every row's every error at once, and then none is written."""
        file = request.files.get("file")
        if file is None or not file.filename:
            nothing = Finding(_("文件"), False, _("没有选择文件"), _("请选择 .xlsx 或 .csv"), field="file")
            return self._page([nothing], 422)
        with scratch("calendar") as folder:
            path = folder / "days"
            path.write_bytes(file.stream.read(MOST_BYTES + 1))
            if path.stat().st_size > MOST_BYTES:
                return self._page([Finding(_("文件"), False, _("超过 2 MB"), _("请删去多余的内容"), field="file")], 422)
            try:
                days = calendar_days.read(path, file.filename)
            except Refusal as refusal:
                return self._page([f for f in refusal.findings if not f.ok], 422)
        source = text("source")
        return self._done(lambda s: calendars.set_days(s, g.actor, clock.now(), self._code(), days, source))

    @expose("/clocks")
    @has_access
    @permission_name("read")
    def clocks(self) -> Any:
        """Every kind of limit: what starts it, how long here, when it turns, who is told; and how many run."""
        names, on = region_names(), clock.today()
        code = g.actor.region_code or COUNTRY
        book = policy_book(db.session, code, on)
        rows = [
            {
                "clock": one, "limit": shown(one.limit, book[one.limit].value), "meaning": SPECS[one.limit].meaning,
                "origin": origin(book[one.limit], names), "counts": _counts(one),
            }
            for one in CLOCKS
        ]  # fmt: skip
        return self.render_template(
            "ta/platform/clocks.html", title=_("时限一览"), rows=rows, name=names.get(code, _("全国")),
            yellow=shown(Key.YELLOW_HOURS, book[Key.YELLOW_HOURS].value),
            escalate=shown(Key.ESCALATE_HOURS, book[Key.ESCALATE_HOURS].value),
            near_days=shown(Key.NEAR_MAINTENANCE_DAYS, book[Key.NEAR_MAINTENANCE_DAYS].value),
        )  # fmt: skip

    # --- parts

    def _done(self, do: Any) -> Any:
        done, findings, status = run(do)
        if findings or done is None:
            return self._page(findings, status)
        flash(_("已改 %(d)s 天；%(n)s 件在办申请的期限随之重算", d=done.days, n=done.limits), "success")
        return redirect(url_for("CalendarPages.index", region=self._code(), year=text("year", 4)))

    @staticmethod
    def _code() -> str:
        return request.values.get("region", "")[:12] or g.actor.region_code or COUNTRY

    @no_cache
    def _page(self, findings: list[Finding], status: int) -> Any:
        names, span, today = region_names(), g.actor.region_span, clock.today()
        own = g.actor.region_code or COUNTRY
        code = self._code()
        if (code not in names and code != COUNTRY) or (span is not None and not span[0] <= code < span[1]):
            code = own
        typed = request.values.get("year", "")
        year = int(typed) if typed.isascii() and typed.isdigit() and 1990 <= int(typed) <= 2190 else today.year
        held = calendars.days_of(db.session, code)
        worked = calendars.working_calendar(db.session, code)
        page = self.render_template(
            "ta/platform/calendar.html", title=_("工作日历"), findings=findings, code=code, year=year, today=today,
            name=place(code, names), choices=region_choices(names, g.actor),
            months=[(_name_of(month), _month(year, month, held, code)) for month in range(1, 13)],
            listed=[d for on, d in sorted(held.items()) if on.year == year], names=names, form=request.form,
            may_edit=g.actor.may(Verb.CALENDAR_EDIT), worked=sum(worked(day) for day in _days_of_year(year)),
        )  # fmt: skip
        return page, status


def _name_of(month: int) -> str:
    """A month's name; in Chinese its number."""
    locale = get_locale()
    if locale is None or locale.language == "zh":
        return _("%(n)s 月", n=month)
    return str(locale.months["stand-alone"]["wide"][month])


def calendar_figure(actor: Actor) -> tuple[str, int, str, str, str] | None:
    """Years that an administrator of a region, or of the platform for the country, has still to enter: until then
    approvals count holidays as worked."""
    if not actor.may(Verb.CALENDAR_EDIT):
        return None
    years = calendars.years_missing(db.session, actor.region_code, clock.today())
    if not years:
        return None
    under = say("%(years)s 年，审批期限暂按周一至周五", years=together(map(str, years)))
    return _("未录入的工作日历"), len(years), under, f"/calendar/?year={years[0]}", "near"


def _days_of_year(year: int) -> list[dt.date]:
    first = dt.date(year, 1, 1)
    return [first + dt.timedelta(days=n) for n in range((dt.date(year + 1, 1, 1) - first).days)]


def _month(year: int, month: int, held: dict[dt.date, CalendarDay], code: str) -> list[list[Square]]:
    """The weeks of a month, Monday first, whole weeks."""
    weeks = calendar.Calendar().monthdatescalendar(year, month)
    return [[_square(on, on.month == month, held.get(on), code) for on in week] for week in weeks]


def _square(on: dt.date, inside: bool, row: CalendarDay | None, code: str) -> Square:
    working = row.is_working if row is not None else on.weekday() < 5
    own = row is not None and row.region_code == code
    return Square(on, inside, working, (row.name or "") if row is not None else "", own, row is not None)


def _counts(one: Clock) -> tuple[int, int] | None:
    """How many run and how many are over, of those that the reader sees."""
    if not g.actor.may(one.verb):
        return None
    limit = clock.today() if one.by_day else clock.now()
    statement = select(func.count(), func.count().filter(one.due < limit)).select_from(one.model)
    statement = statement.where(one.running(), one.due.is_not(None))
    row = db.session.execute(scope.apply(statement, g.actor, one.model)).one()
    return row[0], row[1]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("CalendarPages", "can_read", Verb.POLICY_READ)
    screens.declare("CalendarPages", "can_edit", Verb.CALENDAR_EDIT)
    appbuilder.add_view_no_menu(CalendarPages)
