"""首页 by role (DSH-01, short): figures that open their lists, the queue, and what a fresh unit does next.

Each block is one scoped statement; nothing here is counted that the reader could not list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import g, redirect
from flask_appbuilder import IndexView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import selectinload

from app import clock, scope
from app.extensions import db
from app.listing import COUNT_CAP, Query, moment
from app.listings import elevators, warnings
from app.listings.inspections import INSPECTIONS_DUE
from app.listings.maintenance import TASKS
from app.listings.visits import ATTENTION
from app.models import (
    Application,
    Elevator,
    MaintenanceClock,
    MaintenanceOrder,
    OverduePeriod,
    Score,
    Unit,
    Visit,
)
from app.models.choices import APPLICATION_KIND, APPLICATION_STATE
from app.permissions import Actor, Verb
from app.rules.scoring import FULL_POINTS
from app.views.approval.filing_lists import NONE_GIVEN
from app.views.frame import screens
from app.views.frame.clock_words import approval_due, due_of
from app.views.frame.phones import phone_first
from app.views.frame.policy_words import region_names
from app.views.frame.warned import counted
from app.views.home.first_steps import first_steps
from app.views.home.links import link
from app.views.maintenance.calendar import calendar_figure
from app.views.maintenance.label_photos import label_figure
from app.views.maintenance.visits import approval_figure
from app.views.oversight.anomalies import anomaly_figure
from app.views.oversight.complaints import complaint_figure
from app.views.oversight.inspections import next_due
from app.views.repair.repairs import repair_figure
from app.views.safety.rescues import open_cases, rescue_figure
from app.views.safety.safety import gap_figure
from app.wording import say
from app.workflows.desk import applications
from app.workflows.maintenance.orders import within_horizon
from app.workflows.scores import scores

# Flags older than this were settled by ageing long ago; the day index keeps the count cheap.
FLAG_DAYS = 60
QUEUE_ROWS = 6
RANKED_ROWS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that opens its list; `under` says what it is made of, `most` where counting stopped.

    `parts`: what it is made of as counts that open lists of their own, in place of `under`.
    """

    title: str
    value: int
    under: str = ""
    link: str = ""
    tone: str = ""
    most: int = 0
    parts: tuple[tuple[str, str], ...] = ()


class Home(IndexView):
    """The first page after sign-in."""

    route_base = ""
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("index")
    def index(self) -> Any:
        actor: Actor = g.actor
        now = clock.now()
        if phone_first(actor) and link("/m/"):
            return redirect("/m/")
        shown = figures(actor, now)
        return self.render_template(
            "ta/home.html", title=_("首页"), greeting=greeting(now), name=actor.name, today=clock.local_day(now),
            figures=shown, unassigned=unassigned(actor, shown), queue=queue(actor, now), steps=first_steps(actor),
            kinds=APPLICATION_KIND, states=APPLICATION_STATE, decides=actor.may(Verb.APPLICATION_DECIDE),
            rescues=open_cases(actor), inspections=next_due(actor), warned=warned(actor),
            weeks=missed_weeks(actor, clock.local_day(now)), ranked=ranked(actor),
        )  # fmt: skip


def unassigned(actor: Actor, shown: Sequence[Figure]) -> str:
    """Why all is nought for an account to which no elevator was given yet; of the register's own figure."""
    given = any(one.value for one in shown if one.link == link("/elevators/"))
    return "" if given or actor.sees_all_elevators or not actor.may(Verb.ELEVATOR_READ) else str(NONE_GIVEN)


def greeting(now: dt.datetime) -> str:
    hour = clock.local(now).hour
    return _("夜深了") if hour < 6 else _("上午好") if hour < 12 else _("下午好") if hour < 18 else _("晚上好")


def figures(actor: Actor, now: dt.datetime) -> list[Figure]:
    """The figures of what this account may read."""
    today = clock.local_day(now)
    shown: list[Figure] = []
    if actor.may(Verb.ELEVATOR_READ):
        shown.append(_elevators(actor))
        shown += _drafts(actor)
    if actor.may(Verb.VISIT_READ):
        shown.append(_visits(actor, today))
        shown += _never(actor)
    if actor.may(Verb.VISIT_REVIEW) and actor.unit_id is not None:
        shown.insert(0, _reviews(actor, now))
    asked = (approval_figure, label_figure, complaint_figure, rescue_figure, repair_figure, anomaly_figure)
    for figure in (one(actor) for one in (*asked, calendar_figure)):
        if figure is not None:
            shown.append(Figure(*figure))
    if actor.may(Verb.ORDER_READ) and actor.person_id is not None:
        shown.append(_own_orders(actor, today))
    if actor.may(Verb.WARNING_READ):
        shown += _warnings(actor)
    if actor.may(Verb.INSPECTION_READ):
        shown += _inspections(actor)
    gap = gap_figure(actor)
    return [*shown, Figure(*gap, most=COUNT_CAP)] if gap is not None else shown


def _elevators(actor: Actor) -> Figure:
    statement = scope.apply(
        select(Elevator.status, func.count()).where(Elevator.approved_version > 0).group_by(Elevator.status),
        actor,
        Elevator,
    )
    by: dict[str, int] = {row[0]: row[1] for row in db.session.execute(statement)}
    kept = sum(by.get(s, 0) for s in ("in_use", "suspended", "notified"))
    words = (
        (_("在用 %(n)s", n=by.get("in_use", 0)), "in_use"), (_("停用 %(n)s", n=by.get("suspended", 0)), "suspended"),
        (_("告知 %(n)s", n=by.get("notified", 0)), "notified"),
    )  # fmt: skip
    parts = tuple((word, link(f"/elevators/?tab={tab}")) for word, tab in words)
    own = actor.unit_id is not None and not actor.may(Verb.INSPECTION_EDIT)
    title = _("本单位电梯") if own else _("管辖电梯")
    title = title if actor.sees_all_elevators else _("分配给我的电梯")
    return Figure(title, kept, "", link("/elevators/"), parts=parts)


def _drafts(actor: Actor) -> list[Figure]:
    """What a unit has still to hand in or to mend: nobody else is told of it."""
    if actor.unit_id is None or not actor.may(Verb.FILING_SUBMIT):
        return []
    refused = Elevator.filing_state == "rejected"
    statement = select(func.count(), func.count(case((refused, 1)))).select_from(Elevator)
    waiting, refusals = db.session.execute(
        scope.apply(statement.where(elevators.drafts_of(actor.unit_id)), actor, Elevator)
    ).one()
    if not waiting:
        return []
    under = _("其中不通过待改 %(n)s", n=refusals) if refusals else _("上报并审核通过后才生效")
    return [Figure(_("待上报的电梯"), waiting, under, link("/elevators/?tab=draft"), "over" if refusals else "near")]


def _visits(actor: Actor, today: dt.date) -> Figure:
    since = today - dt.timedelta(days=FLAG_DAYS)
    counts = []
    # Each on its own small index, which a condition that joins the three would not read.
    for of in (and_(ATTENTION, Visit.state == "open"), Visit.awaiting_review, Visit.awaiting_sheet):
        some = scope.apply(select(Visit.id).where(Visit.visit_on >= since, of), actor, Visit).limit(COUNT_CAP)
        counts.append(select(func.count()).select_from(some.subquery()).scalar_subquery())
    going, review, sheet = db.session.execute(select(*counts).execution_options(skip_scope=True)).one()
    parts = (
        (_("待复核 %(n)s", n=capped(review)), link("/visits/?tab=review")),
        (_("待上传 %(n)s", n=capped(sheet)), link("/visits/?tab=sheet")),
    )
    return Figure(_("维保中"), going, "", link("/visits/?tab=open"), most=COUNT_CAP, parts=parts)


def _never(actor: Actor) -> list[Figure]:
    """尚未初始维保: what a unit took on and has not come to yet; its own office's to arrange."""
    if actor.unit_id is None or not actor.may(Verb.ORDER_EDIT):
        return []
    now = moment(db.session, actor)
    found = TASKS.statement(now, Query(tab="never")).with_only_columns(MaintenanceClock.elevator_id)
    count = select(func.count()).select_from(found.order_by(None).limit(COUNT_CAP).subquery())
    waiting = db.session.scalar(count.execution_options(skip_scope=True)) or 0
    under = _("接手后还没有维保过") if waiting else _("都已维保过")
    return [Figure(_("尚未初始维保"), waiting, under, link("/tasks/?tab=never"), "near" if waiting else "", COUNT_CAP)]


def _reviews(actor: Actor, now: dt.datetime) -> Figure:
    """What waits for the use unit's word, and the nearest limit: after it the record becomes 不合规 for good."""
    statement = scope.apply(
        select(func.count(), func.min(Visit.review_due_at)).where(
            Visit.awaiting_review, Visit.use_unit_id == actor.unit_id
        ),
        actor,
        Visit,
    )
    waiting, nearest = db.session.execute(statement).one()
    left = due_of(nearest, None, actor.region_code or "")
    under, tone = _("没有等待复核的维保"), ""
    if waiting:
        tone = "near"
        under = _("确认属实或提出异议")
    if left is not None:
        under, tone = _("最近期限 %(t)s", t=f"{left.before} {left.number} {left.after}"), left.tone or "near"
    return Figure(_("待复核"), waiting, under, link("/visits/?tab=review"), tone)


def _own_orders(actor: Actor, today: dt.date) -> Figure:
    statement = scope.apply(
        select(func.count(), func.count(case((MaintenanceOrder.planned_on < today, 1)))).where(
            scope.parts.open_orders_of(actor.person_id), within_horizon(db.session, today)
        ),
        actor,
        MaintenanceOrder,
    )
    waiting, late = db.session.execute(statement).one()
    tone = "over" if late else ""
    return Figure(_("我的维保任务"), waiting, _("已过计划日 %(n)s", n=late), link("/orders/"), tone)


def _warnings(actor: Actor) -> list[Figure]:
    """The same conditions as the warnings page, in its one statement; a number there is a number here."""
    count = counted(actor)
    rows = (
        (_("维保超期"), "maintenance", "over", _("临近维保 %(n)s")),
        (_("检验超期"), "inspection", "over", _("临近检验 %(n)s")),
        (_("已脱保"), "contract", "over", _("临近脱保 %(n)s")),
    )
    return [
        Figure(
            title, count[kind, level], "", link(f"/warnings/{kind}/?tab={level}"),
            "over" if count[kind, level] else "", COUNT_CAP,
            ((under % {"n": capped(count[kind, "near"])}, link(f"/warnings/{kind}/?tab=near")),),
        )
        for title, kind, level, under in rows
    ]  # fmt: skip


def _inspections(actor: Actor) -> list[Figure]:
    """What failed and waits for its second inspection; for inspection people, who see no warnings, what is due too."""
    now, names = moment(db.session, actor), ("over", "near", "failed", "checks_over")
    found = db.session.execute(
        select(*(
            select(func.count()).select_from(
                INSPECTIONS_DUE.statement(now, Query(), tab=name).limit(COUNT_CAP).subquery()
            ).scalar_subquery()
            for name in names
        )).execution_options(skip_scope=True)
    ).one()  # fmt: skip
    over, near, failed, checks = found

    def due(title: str, count: int, tab: str, part: str, part_tab: str) -> Figure:
        parts = ((part, link(f"/inspections/due/?tab={part_tab}")),)
        return Figure(title, count, "", link(f"/inspections/due/?tab={tab}"), "over" if count else "", COUNT_CAP, parts)

    more = _("校验、试验超期 %(n)s", n=capped(checks))
    shown = [due(_("不合格待复检"), failed, "failed", more, "checks_over")]
    if not actor.may(Verb.WARNING_READ):
        shown.insert(0, due(_("检验超期"), over, "over", _("临近检验 %(n)s", n=capped(near)), "near"))
    return shown


def warned(actor: Actor) -> list[tuple[str, int, str, int, str]]:
    """Kind, over and near with their links: the card beside the queue."""
    if not actor.may(Verb.WARNING_READ):
        return []
    count = counted(actor)
    return [
        (str(listing.title), count[key, "over"], link(f"/warnings/{key}/?tab=over"), count[key, "near"],
         link(f"/warnings/{key}/?tab=near"))
        for key, listing in warnings.kinds_for(actor).items()
    ]  # fmt: skip


def missed_weeks(actor: Actor, today: dt.date) -> list[tuple[str, int, int]]:
    """Missed periods by week of their limit, the last twelve weeks: day, count, share of the highest in percent."""
    if not actor.may(Verb.ORDER_READ):
        return []
    first = today - dt.timedelta(days=today.weekday() + 77)
    statement = scope.apply(
        select(OverduePeriod.limit_on, func.count())
        .where(OverduePeriod.limit_on >= first, OverduePeriod.withdrawn.is_(False))
        .group_by(OverduePeriod.limit_on),
        actor,
        OverduePeriod,
    )
    weeks = [0] * 12
    for on, count in db.session.execute(statement):
        weeks[min((on - first).days // 7, 11)] += count
    most = max(weeks) or 1
    return [
        ((first + dt.timedelta(days=7 * n)).strftime("%m-%d"), count, count * 100 // most)
        for n, count in enumerate(weeks)
    ]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The newest scores that the reader may see, the lowest first; `share` is the part of the 16 points in percent."""

    period: str
    # Of which region: a unit has a place in its district's ranking and another one in its city's.
    region: str
    link: str
    rows: list[tuple[str, str, str, int, int, str]]  # name, link, points, share, elevators, tone


def ranked(actor: Actor) -> Ranked | None:
    """The units at the end of the newest ranking: where an officer looks first; a unit sees its own place."""
    if not actor.may(Verb.SCORE_READ):
        return None
    run = db.session.scalar(scores.runs_of(actor).limit(1))
    if run is None:
        return None
    rows = db.session.execute(
        scope.apply(
            select(Score.id, Unit.name, Score.points, Score.elevators)
            .join(Unit, Unit.id == Score.unit_id)
            .where(Score.run_id == run.id, Score.points.is_not(None))
            .order_by(Score.points, Score.id)
            .limit(RANKED_ROWS),
            actor,
            Score,
        ).execution_options(skip_scope=True)
    )
    shown = [
        (name, f"/scores/{key}", f"{points:.2f}", round(points * 100 / FULL_POINTS), elevators, score_tone(points))
        for key, name, points, elevators in rows
    ]
    return (
        Ranked(
            say("%(from_on)s %(a)s %(to_on)s", from_on=run.from_on, a=_("至"), to_on=run.to_on),
            region_names().get(run.region_code, _("全国")),
            f"/scores/?f_run={run.id}",
            shown,
        )
        if shown
        else None
    )


def score_tone(points: Decimal) -> str:
    """Colours of the bar: nine tenths of the points are well, three quarters are near."""
    share = points / FULL_POINTS
    return "ok" if share >= Decimal("0.9") else "near" if share >= Decimal("0.75") else "over"


def capped(count: int) -> str:
    """A count as shown: beyond the cap it was not counted further."""
    return f"{COUNT_CAP - 1:,}+" if count >= COUNT_CAP else f"{count:,}"


def queue(actor: Actor, now: dt.datetime) -> dict[str, Any] | None:
    """What waits: for an officer his queue by time left, for a unit its own, what it has to mend first."""
    if not actor.may(Verb.APPLICATION_READ):
        return None
    decides = actor.may(Verb.APPLICATION_DECIDE)
    states = ("submitted", "accepted", "endorsed") if decides else ("submitted", "accepted", "endorsed", "returned")
    where = [Application.is_open, Application.state.in_(states)]
    runs = Application.state != "returned"  # with the applicant for correction nothing gets late
    if decides:
        where.append(applications.not_own(actor))
    base = scope.apply(select(Application).where(*where), actor, Application)
    rows = db.session.scalars(
        base.options(selectinload(Application.unit))
        .order_by(runs, Application.due_at.is_(None), Application.due_at, Application.id).limit(QUEUE_ROWS)
    ).all()
    total, late = db.session.execute(
        scope.apply(
            select(func.count(), func.count(case((runs & (Application.due_at < now), 1)))).where(*where), actor,
            Application,
        )
    ).one()
    shown = [
        {
            "row": row, "link": link(f"/applications/{row.id}"),
            "due": approval_due(row),
        }
        for row in rows
    ]
    every = link("/applications/queue" if decides else "/applications/")
    return {"rows": shown, "total": total, "late": late, "link": every}


screens.declare("Home", "can_index", Verb.HOME)
