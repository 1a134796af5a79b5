"""困人救援 at the desk (RES-02 to RES-05): the centre, the history, what of them home, menu and banner show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from flask import g, jsonify, render_template
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listing import Page, Query, moment
from app.listings import rescues as listed
from app.models import Rescue
from app.models.choices import word
from app.models.policy import policy_book
from app.models.rescue import RESCUE_LEVEL, RESCUE_OUTCOME, RESCUE_STATUS
from app.permissions import Actor, Verb
from app.policy import Key
from app.rules.other_scores import Outcome
from app.rules.rescues import LIMIT_LABELS, OPEN, RescueLimit
from app.views.frame import menu, numbers, screens
from app.views.frame.base import Button, Deed, Screen, countdown, firm, import_button, mark, one_line, pill, two, words
from app.views.frame.cells import below
from app.views.frame.clock_words import minutes_due
from app.views.frame.filing_words import Due, day_time
from app.views.frame.policy_words import origin, region_names
from app.views.frame.told import told
from app.wording import say, together
from app.workflows.rescue import rescue_course, rescue_desk

NUMBER = "rescues"
TONES = {
    "waiting": "over", "taken": "near", "dispatched": "near", "accepted": "near", "arrived": "near", "freed": "ok",
    "closed": "gone", "joined": "gone",
}  # fmt: skip
LEVEL_TONES = {1: "gone", 2: "near", 3: "over"}
BANNER_ROWS = 5
# Of so many of the latest the most pressing are chosen.
MOST_OPEN = 100
ALARM_SECONDS = 10.0


def limit_of(row: Rescue) -> tuple[str, Due | None, str] | None:
    """The limit that runs: which step, what is left of it, and why it is so long."""
    found = rescue_course.running_of(row)
    if found is None:
        return None
    step, limit = found
    key = {
        RescueLimit.ACCEPT: Key.RESCUE_ACCEPT_MINUTES,
        RescueLimit.ARRIVE: Key.RESCUE_ARRIVE_MINUTES if row.in_centre else Key.RESCUE_ARRIVE_FAR_MINUTES,
        RescueLimit.FREE: Key.RESCUE_DONE_MINUTES if row.in_centre else Key.RESCUE_DONE_FAR_MINUTES,
    }[step]
    held = policy_book(db.session, row.region_code, clock.local_day(row.reported_at))[key]
    minutes = round((limit.due_at - limit.started_at).total_seconds()) // 60
    since = clock.local(limit.started_at).strftime("%H:%M:%S")
    why = say("时限 %(n)s 分钟（%(o)s），自 %(t)s 起算", n=minutes, o=origin(held, region_names()), t=since)
    return str(LIMIT_LABELS[step]), minutes_due(limit), why


def badge_cell(row: Rescue) -> Any:
    """The same in a list: the steps that were late below the word, for a column no wider than it needs."""
    now = clock.now()
    if rescue_course.outcome_of(row, now) is not Outcome.LATE or row.appeal_upheld_at is not None:
        return badge_pill(row)
    late = say("%(steps)s超时", steps=together(LIMIT_LABELS[step] for step in rescue_course.late_of(row, now)))
    return Markup('<span class="two">{} <small>{}</small></span>').format(mark(_("不合规"), "over"), told(late))


def badge_pill(row: Rescue) -> Any:
    found = rescue_course.outcome_of(row, clock.now())
    if found is None:
        return "—"
    return mark(listed.badge_of(row), "over" if found is Outcome.LATE else "ok")


def _due(row: Rescue) -> Any:
    found = limit_of(row)
    return "—" if found is None else countdown(found[1], found[2])


def _reported(row: Rescue) -> Any:
    """When it was reported; below it when the device told 恢复, where it did."""
    if row.cleared_at is None:
        return one_line(day_time(row.reported_at))
    end = clock.local(row.cleared_at)
    same = end.date() == clock.local(row.reported_at).date()
    return two(day_time(row.reported_at), _("恢复 %(t)s", t=end.strftime("%H:%M" if same else "%m-%d %H:%M")), 12)


def _level(row: Rescue) -> Any:
    """The level, and below it for how many people, where somebody said."""
    level = mark(RESCUE_LEVEL[row.level], LEVEL_TONES[row.level])
    if not row.trapped:
        return level
    hurt = "　" + _("受伤 %(n)s 人", n=row.injured) if row.injured else ""
    return below(level, _("困人 %(n)s 人", n=row.trapped) + hurt)


def _take(session: Any, actor: Any, key: int, at: Any) -> None:
    rescue_desk.take(session, actor, key, at)


_CELLS: dict[str, Any] = {
    "place": lambda row: two(row.place, row.use_unit.name if row.use_unit else "—", 20),
    "unit": lambda row: firm(row.unit.name) if row.unit else "—",
    "status": lambda row: pill(word(RESCUE_STATUS, row.status), TONES[row.status]),
    "level": _level,
    "outcome": lambda row: word(RESCUE_OUTCOME, row.outcome) if row.outcome else "—",
    "sent": lambda row: mark(_l("待派工"), "near") if row.asked["sent"] == "" else row.asked["sent"] or "—",
    "due_at": _due,
    "reported_at": _reported,
    "run_state": lambda row: words(found) if (found := listed.run_state_of(row)) else "—",
    "badge": badge_cell,
}
_STILL_OPEN = ",".join(OPEN)
_HISTORY = Button(_l("救援历史"), "RescueHistory.list", Verb.RESCUE_READ, icon="list")
_STATISTICS = Button(_l("救援统计"), "RescueStatistics.index", Verb.RESCUE_READ, icon="chart")


def _tone(row: Rescue) -> str:
    if not rescue_course.is_open(row):
        return ""
    late = rescue_course.outcome_of(row, clock.now()) is Outcome.LATE
    return "is-stop" if late or row.status == "waiting" else "is-near"


class RescueCentre(Screen):
    datamodel = SQLAInterface(Rescue)
    route_base = "/rescues"
    listing = listed.RESCUE_CENTRE
    verb = Verb.RESCUE_READ
    record = "RescuePages.show"
    cells: ClassVar[dict[str, Any]] = _CELLS
    buttons: ClassVar[list[Button]] = [
        Button(_l("电话接警"), "RescueIntake.index", Verb.RESCUE_DESK, main=True),
        Button(_l("困人报警"), "field.alarm", Verb.REPAIR_REPORT, main=True, icon="warn"), _HISTORY, _STATISTICS,
    ]  # fmt: skip
    deeds: ClassVar[list[Deed]] = [Deed("take", _l("接警"), Verb.RESCUE_DESK, _take, _l("接下所选的报警？"))]
    empty_text = _l("最近三天没有困人报警。乘客扫码、来电或物联网报警后，出现在这里。")
    template = "ta/rescues/centre.html"
    counts_now = True

    def row_tone(self, row: Any) -> str:
        return _tone(row)

    def more(self, now: Any, query: Query, page: Page) -> dict[str, Any]:
        """Cases of 涉密 elevators stand beside the list, by their codes; the desk opens each by itself."""
        numbers.now(NUMBER)
        return {"apart": listed.hidden(db.session, g.actor), "local": clock.local}


class RescueHistory(Screen):
    datamodel = SQLAInterface(Rescue)
    route_base = "/rescues/history"
    listing = listed.RESCUES
    verb = Verb.RESCUE_READ
    record = "RescuePages.show"
    cells: ClassVar[dict[str, Any]] = _CELLS
    buttons: ClassVar[list[Button]] = [
        Button(_l("困人救援"), "RescueCentre.list", Verb.RESCUE_READ, icon="warn"), _STATISTICS,
        import_button("past_rescues", Verb.TAKE_OVER),
    ]  # fmt: skip
    empty_text = _l("还没有救援记录。")

    def row_tone(self, row: Any) -> str:
        return _tone(row)


class RescueAlarm(BaseView):
    """The banner of what is open, for pages that ask for it again every so often."""

    route_base = "/rescues/open"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("read")
    @no_cache
    def index(self) -> Any:
        now = moment(db.session, g.actor)
        total, late = db.session.execute(
            select(*_counted(now)).execution_options(skip_scope=True)
        ).one()  # fmt: skip
        hidden = listed.hidden(db.session, g.actor)
        statement = scope.apply(select(Rescue).where(listed.OPEN), g.actor, Rescue)
        rows = db.session.scalars(
            statement.order_by(Rescue.reported_at.desc()).limit(BANNER_ROWS).execution_options(skip_scope=True)
        ).all()
        rows = [*hidden, *rows][:BANNER_ROWS]
        cases = [
            {"id": row.id, "number": row.number, "status": row.status,
             "place": _("涉密电梯 %(code)s", code=row.code) if row in hidden else row.place,
             "word": str(word(RESCUE_STATUS, row.status)),
             "reported_at": clock.local(row.reported_at).strftime("%H:%M")}
            for row in rows
        ]  # fmt: skip
        text = alarm_words(total, late)
        return jsonify(count=total, late=late, words=text, rows=cases, html=render_template(
            "ta/rescues/alarm.html", rows=cases, words=text, more=total - len(cases)
        ))  # fmt: skip


def alarm_words(total: int, late: int) -> str:
    if not total:
        return ""
    if late:
        return str(_("%(n)s 件困人救援处置中，其中 %(late)s 件超时", n=total, late=late))
    return str(_("%(n)s 件困人救援处置中", n=total))


# --- home and menu


def open_cases(actor: Actor) -> dict[str, Any] | None:
    """处置中的救援 on the home page: whose limit ends first, what is left of it, and what waits to be called back.

    None for whoever reads no rescues, and where nothing is open but for those whose work it is to wait for them.
    """
    if not actor.may(Verb.RESCUE_READ):
        return None
    desk = actor.unit_id is None and actor.may(Verb.RESCUE_DESK)
    statement = scope.apply(select(Rescue).where(listed.OPEN), actor, Rescue)
    rows = db.session.scalars(
        statement.order_by(Rescue.reported_at.desc()).limit(MOST_OPEN).execution_options(skip_scope=True)
    ).all()
    rows = sorted(rows, key=_ends)[:BANNER_ROWS]
    waits = desk and not actor.may(Verb.APPLICATION_DECIDE)
    if not rows and not waits:
        return None
    uncalled = listed.count(moment(db.session, actor), listed.uncalled())
    return {
        "rows": [(row, pill(word(RESCUE_STATUS, row.status), TONES[row.status]), limit_of(row)) for row in rows],
        "desk": desk, "local": clock.local,
        "uncalled": db.session.scalar(select(uncalled).execution_options(skip_scope=True)) if desk else 0,
    }  # fmt: skip


def _ends(row: Rescue) -> tuple[bool, dt.datetime]:
    """When the limit that runs ends; those without one come last."""
    found = rescue_course.running_of(row)
    return (True, row.reported_at) if found is None else (False, found[1].due_at)


def rescue_figure(actor: Actor) -> tuple[str, int, str, str, str, int, tuple[tuple[str, str], ...]] | None:
    """困人处置 with where they stand, each number with its list, for whoever reads rescues."""
    if not actor.may(Verb.RESCUE_READ):
        return None
    now = moment(db.session, actor)
    waiting = Rescue.status.in_(("waiting", "taken"))
    parts = (
        listed.count(now, listed.OPEN), listed.count(now, listed.OPEN, waiting),
        listed.count(now, listed.OPEN, listed.late(now)), listed.count(now, listed.in_centre(now)),
    )  # fmt: skip
    total, a, late, c = db.session.execute(select(*parts).execution_options(skip_scope=True)).one()
    open_ = f"/rescues/?f_status={_STILL_OPEN}"
    made_of = (
        (str(_("待派单 %(n)s", n=a)), "/rescues/?f_status=waiting,taken"),
        (str(_("超时 %(n)s", n=late)), f"{open_}&f_badge=late"), (str(_("近三天 %(n)s", n=c)), "/rescues/"),
    )  # fmt: skip
    return _("困人处置中"), total, "", open_, "over" if total else "", 0, made_of


def _counted(now: Any) -> list[Any]:
    return [listed.count(now, listed.OPEN), listed.count(now, listed.OPEN, listed.late(now))]


def _says(counts: Sequence[int], _note: str) -> menu.Said:
    total, late = counts
    return (total, "over" if total else "", alarm_words(total, late))


# Counted at most so many seconds ago, for nobody may overlook it; the banner asks for itself besides.
numbers.add(NUMBER, _counted, _says, ALARM_SECONDS)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("RescueAlarm", "can_read", Verb.RESCUE_READ)
    for view in (RescueCentre, RescueHistory, RescueAlarm):
        appbuilder.add_view_no_menu(view)
