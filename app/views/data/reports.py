"""统计报表: the register and the maintenance of a region and period, as a page and as a workbook (STA-02 in short)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import current_app, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal, refuse
from app.extensions import db
from app.listing import moment
from app.lookups import text_of
from app.models import Elevator
from app.models.choices import ELEVATOR_STATUS
from app.permissions import Verb
from app.reports import exports, given_out
from app.scratch import scratch
from app.telling import language
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.asked import usual
from app.views.frame.exports import attached
from app.wording import say
from app.workflows.core import export_records, jobs

DEFAULT_DAYS = 30
# A page names the units that missed most; the workbook names all.
UNITS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as typed; it is shown again whatever was wrong with it."""

    region: str
    from_on: str
    to_on: str

    def days(self) -> tuple[dt.date, dt.date]:
        """Both days, or a refusal that names each that is none."""
        wrong, found = [], []
        for name, label, typed in (("from_on", _("起始日期"), self.from_on), ("to_on", _("截止日期"), self.to_on)):
            try:
                found.append(dt.date.fromisoformat(typed))
            except ValueError:
                said, remedy = _("“%(value)s”不是日期", value=typed), _("请用 2026-03-01 这样的写法")
                wrong.append(Finding(label, False, said, remedy, field=name, value=typed))
        if wrong:
            raise Refusal(wrong)
        return found[0], found[1]

    def as_dict(self) -> dict[str, str]:
        return {"region": self.region, "from_on": self.from_on, "to_on": self.to_on}


class Reports(BaseView):
    """One report so far; its form is in the address, so that a link is the report."""

    route_base = "/reports"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._page(_asked(request.args))

    @expose("/workbook", methods=["POST"])
    @has_access
    @permission_name("read")
    def workbook(self) -> Any:
        """The same figures as .xlsx: at once, or for a large region as a job."""
        asked = _asked(request.form)
        try:
            if not g.actor.may(Verb.EXPORT):
                raise refuse(_("导出"), _("当前账号没有导出的权限"), _("请联系管理员"))
            _frame(asked)
            if _elevators() > current_app.config["EXPORT_INLINE_ROWS"]:
                return _enter(asked)
            return _send(asked)
        except Refusal as refusal:
            return self._page(asked, refusal)

    def _page(self, asked: Asked, refusal: Refusal | None = None) -> Any:
        found = None
        if refusal is None:
            try:
                found = _build(asked)
            except Refusal as error:
                refusal = error
        from app.reports.enforcement import APPEAL_HEADS, DEED_HEADS
        from app.reports.ratings import RATING_HEADS
        from app.reports.statistics import FORMULAS

        shown = self.render_template(
            "ta/report.html", title=_("统计报表"), asked=asked, found=found, formulas=FORMULAS,
            deed_heads=DEED_HEADS, appeal_heads=APPEAL_HEADS, rating_heads=RATING_HEADS,
            findings=refusal.findings if refusal else [], periods=_periods(asked, clock.today()),
            region_text=text_of(db.session, "region_codes", asked.region) if asked.region else "",
            status_words=ELEVATOR_STATUS, units_shown=UNITS_SHOWN, may_export=g.actor.may(Verb.EXPORT),
            as_of=f"{clock.local(found.as_of):%Y-%m-%d %H:%M}" if found else "",
        )  # fmt: skip
        return shown, refusal.status_code if refusal else 200


def _asked(given: Any) -> Asked:
    today = clock.today()
    first = today - dt.timedelta(days=DEFAULT_DAYS - 1)
    region, from_on, to_on = (
        given.get(name, "").replace("\0", "").strip()[:40] for name in ("region", "from_on", "to_on")
    )
    return Asked(region, from_on or first.isoformat(), to_on or today.isoformat())


def _periods(asked: Asked, today: dt.date) -> list[tuple[str, str, bool]]:
    """The usual periods as links: (words, address, chosen)."""
    known = (
        (_("近 30 天"), today - dt.timedelta(days=DEFAULT_DAYS - 1), today),
        *((words, first, last) for _name, words, first, last in usual(today)),
    )
    more: dict[str, Any] = {"region": asked.region} if asked.region else {}
    return [
        (
            words, url_for("Reports.index", from_on=first.isoformat(), to_on=last.isoformat(), **more),
            (asked.from_on, asked.to_on) == (first.isoformat(), last.isoformat()),
        )
        for words, first, last in known
    ]  # fmt: skip


def _frame(asked: Asked) -> Any:
    # pandas takes most of a second to load: only whoever asks for a report waits for it, not every start.
    from app.reports import statistics

    first, last = asked.days()
    return statistics.frame_of(db.session, g.actor, asked.region, first, last)


def _build(asked: Asked) -> Any:
    from app.reports import statistics

    return statistics.build(moment(db.session, g.actor), _frame(asked))


def _elevators() -> int:
    """How much there is to count at all; the register stands for what was done on it."""
    statement = scope.apply(select(func.count(Elevator.id)), g.actor, Elevator)
    return db.session.scalar(statement.execution_options(skip_scope=True)) or 0


def _enter(asked: Asked) -> Any:
    title = say("统计报表 %(first)s 至 %(last)s", first=asked.from_on, last=asked.to_on)
    form: dict[str, Any] = asked.as_dict()
    params = form | {"back": url_for("Reports.index", **form), "language": language()}
    with transaction(db.session) as session:
        job_id = jobs.enqueue(session, g.actor, clock.now(), "report", title, params).id
    flash(_("报表已转为后台任务；完成后收件箱会通知您，在这里下载。"), "info")
    return redirect(url_for("Jobs.show", job_id=job_id))


def _send(asked: Asked) -> Any:
    from app.reports import statistics_workbook

    with scratch("report") as folder:
        path = folder / "report.xlsx"
        with exports.one_view(db.session):
            found = _build(asked)
        statistics_workbook.write(found, path)
        told = statistics_workbook.summary(found, path)
        with transaction(db.session) as session:
            export_records.keep(
                session, g.actor, clock.now(), given_out.STATISTICS, told, columns=[], fmt="xlsx",
                query=given_out.query_of(asked.as_dict()),
            )  # fmt: skip
        name = exports.file_name(_("统计报表 %(region)s", region=found.region), found.as_of, "xlsx")
        return attached(path, name, found.digest)


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("Reports", "can_read", Verb.REPORT_READ)
    appbuilder.add_view_no_menu(Reports)
