"""一年计划 (PLN-04): from chosen ledgers to what would be made, day by day, and on to making it."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import moment
from app.listings.ledgers import LEDGERS
from app.models import Elevator
from app.models.among import among
from app.models.choices import LEVEL
from app.permissions import Verb
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.workflows.maintenance import ledgers, year_plans
from app.workflows.maintenance.year_plans import MOST, Asked, Planned, YearPlan

# Of one reason, and of reasons: whoever plans three thousand reads why, and not three thousand times the same.
MOST_SHOWN = 60
MOST_REASONS = 50


class YearPlanPages(BaseView):
    """Reached from 设备履历: the address has the ticked elevators, or the list's parameters for all that it found."""

    route_base = "/year-plans"
    default_view = "index"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def index(self) -> Any:
        ids, ticked = _chosen()
        plan: YearPlan | None = None
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            asked, findings = _asked()
            made: YearPlan | None = None
            if not findings and text("seen", 20):
                made, findings, status = run(
                    lambda session: year_plans.make(session, g.actor, ids, asked, clock.now(), text("seen", 20))
                )
            if made is not None:
                flash(_("已生成 %(n)s 条任务，涉及 %(m)s 台电梯", n=made.made, m=len(made.planned)), "success")
                return redirect("/orders/?f_origin=plan")
            if not findings or any(f.field == "seen" for f in findings):
                plan, bad, answer = run(lambda session: year_plans.preview(session, g.actor, ids, asked, clock.now()))
                findings, status = findings + bad, answer if bad else status
            elif status == 200:
                status = 422
        return self._page(ids, ticked, plan, findings), status

    def _page(self, ids: list[int], ticked: bool, plan: YearPlan | None, findings: list[Finding]) -> Any:
        units = set(db.session.scalars(
            scope.apply(select(Elevator.maintenance_unit_id), g.actor, Elevator)
            .where(among(db.session, Elevator.id, ids[:MOST])).distinct()
        )) - {None}  # fmt: skip
        codes = scope.apply(select(Elevator.code), g.actor, Elevator).where(among(db.session, Elevator.id, ids[:MOST]))
        return self.render_template(
            "ta/maintenance/year_plan.html", title=_("生成一年计划"), findings=findings, plan=plan, ticked=ticked,
            count=len(ids), most=MOST, most_shown=MOST_SHOWN, by_reason=by_reason, levels=LEVEL, form=request.form,
            codes=list(db.session.scalars(codes.order_by(Elevator.code).limit(30))),
            workers=forms.workers_of(units.pop() if len(units) == 1 else g.actor.unit_id),
            intervals=[(n, _("%(n)s 天", n=n)) for n in ledgers.INTERVALS],
        )  # fmt: skip


def by_reason(
    rows: list[Planned], stops: bool
) -> tuple[list[tuple[list[Finding], list[Planned]]], list[Planned]]:  # fmt: skip
    """Elevators of which the same is said, together, in the order in which they come; and those of all further reasons:
    where a reason names days or counts, each elevator may have its own."""
    found: dict[tuple[tuple[str, str], ...], tuple[list[Finding], list[Planned]]] = {}
    for row in rows:
        said = [one for one in row.findings if one.stops == stops]
        if said:
            found.setdefault(tuple((one.rule, one.words) for one in said), (said, []))[1].append(row)
    groups = list(found.values())
    return groups[:MOST_REASONS], [row for _said, same in groups[MOST_REASONS:] for row in same]


def _chosen() -> tuple[list[int], bool]:
    """The ticked elevators, or all that the list finds under the address; whether they were ticked."""
    given = request.args.getlist("ids")
    if given:
        return [key for key in (number(one) for one in given[: MOST + 1]) if key is not None], True
    now, query = moment(db.session, g.actor), LEDGERS.read(request.args)
    LEDGERS.seek(now, query)
    return list(db.session.scalars(LEDGERS.statement(now, query).limit(MOST + 1))), False


def _asked() -> tuple[Asked, list[Finding]]:
    start, findings = forms.day("start_on", _("起始日期"))
    worker_id, bad = forms.whole("worker_id", _("维保人员"))
    interval, worse = forms.whole("interval_days", _("维保间隔"))
    asked = Asked(start, interval, worker_id, switch=text("switch", 5) == "1")
    return asked, [*findings, *bad, *worse]


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("YearPlanPages", "can_write", Verb.ORDER_EDIT)
    appbuilder.add_view_no_menu(YearPlanPages)
