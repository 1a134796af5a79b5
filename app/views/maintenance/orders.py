"""维保任务: an order by hand, another worker or day for open ones, cancelling what was made by hand (PLN-05, -06)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, g, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.standing import due_of
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Visit
from app.models.choices import CATEGORY, LEVEL, ORDER_ORIGIN, ORDER_SHOWN, word
from app.permissions import Verb
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import run, text
from app.workflows.maintenance import orders, replanning


class OrderPages(BaseView):
    """An order's own pages; the lists are Screens."""

    route_base = "/orders"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new(self) -> Any:
        typed = request.form if request.method == "POST" else request.args
        found = forms.named_elevator(typed)
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            planned, findings = forms.day("planned_on", _("计划日期"))
            worker_id, bad = forms.whole("worker_id", _("维保人员"))
            findings += bad
            if found is None:
                findings.insert(0, self._missing(text("code", 40)))
                if not any(f.field == "planned_on" for f in findings):
                    findings += [f for f in orders.planned_findings(planned, clock.today()) if not f.ok]
            status = 422
            if found is not None and not findings:
                data = {"planned_on": planned, "level": text("level", 20), "worker_id": worker_id}
                made, findings, status = run(
                    lambda session: orders.create(session, g.actor, found.id, data, clock.now())
                )
                if made:
                    flash(_("任务已建立"), "success")
                    return redirect(f"/orders/{made.id}")
        about = _about(found)
        page = self.render_template(
            "ta/maintenance/order_form.html", title=_("新增维保任务"), findings=findings, elevator=found,
            elevator_text=found.code if found is not None else text("code", 40), levels=list(LEVEL.items()),
            form=typed if request.method == "POST" else about["proposed"], level_words=LEVEL,
            workers=forms.workers_of(g.actor.unit_id or (found and found.maintenance_unit_id)), **about,
        )  # fmt: skip
        return page, status

    @expose("/about")
    @has_access
    @permission_name("write")
    @no_cache
    def about(self) -> Any:
        """What a chosen elevator says and proposes, for the page's script."""
        found = forms.named_elevator(request.args)
        return render_template("ta/maintenance/order_about.html", level_words=LEVEL, **_about(found))

    @staticmethod
    def _missing(code: str) -> Finding:
        if not code:
            said, remedy = _("没有填写电梯识别码"), _("请填写轿厢标牌上的识别码")
            return Finding(_("电梯识别码"), False, said, remedy, field="elevator_id")
        said = _("没有识别码为“%(code)s”的本单位电梯", code=code)
        return Finding(_("电梯识别码"), False, said, _("请核对识别码"), field="elevator_id")

    @expose("/<int:key>")
    @has_access
    @permission_name("read")
    def record(self, key: int) -> Any:
        return self._record(key, [])

    def _record(self, key: int, findings: list[Finding]) -> Any:
        row = scope.visible(db.session, g.actor, MaintenanceOrder, key, _("维保任务"))
        own = g.actor.may(Verb.ORDER_EDIT) and g.actor.unit_id in (None, row.unit_id) and row.state == "open"
        visit = db.session.get(Visit, row.visit_id) if row.visit_id else None
        return self.render_template(
            "ta/maintenance/order.html", title=_("维保任务 %(n)s", n=row.id), row=row, own=own, levels=LEVEL,
            states=ORDER_SHOWN, origins=ORDER_ORIGIN, workers=forms.workers_of(row.unit_id) if own else [],
            findings=findings, form=request.form if findings else {}, category=word(CATEGORY, row.elevator.category),
            visit_on=visit.visit_on if visit is not None else None,
        )  # fmt: skip

    @expose("/<int:key>/edit", methods=["POST"])
    @has_access
    @permission_name("write")
    def edit(self, key: int) -> Any:
        """Another day or level (PLN-05); refused, the form keeps what was typed."""
        planned, findings = forms.day("planned_on", _("计划日期"))
        status = 422
        if not findings:
            data = {"planned_on": planned, "level": text("level", 20)}
            done, findings, status = run(
                lambda session: orders.amend(session, g.actor, key, data, text("reason", 500), clock.now())
            )
            if done:
                flash(_("任务已修改"), "success")
                return redirect(f"/orders/{key}")
        return self._record(key, findings), status

    @expose("/reassign", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def reassign(self) -> Any:
        """Give the ticked orders to one worker; every row says what became of it."""
        ids = forms.ticked()
        findings: list[Finding] = []
        outcomes: Any = {}
        worker_id, bad = forms.whole("worker_id", _("维保人员"))
        if request.method == "POST" and "worker_id" in request.form:
            findings = bad
            if worker_id is None and not bad:
                findings = [Finding(_("维保人员"), False, _("没有选择"), _("请选择接手的维保人员"), field="worker_id")]
            if not findings and worker_id is not None:
                done, findings, _status = run(
                    lambda session: orders.reassign(session, g.actor, ids, worker_id, clock.now())
                )
                outcomes = {o.id: o for o in done or ()}
        rows = _rows(ids)
        units = {row.unit_id for row in rows}
        return self.render_template(
            "ta/maintenance/reassign.html", title=_("分配维保任务"), rows=rows, findings=findings, outcomes=outcomes,
            done={key for key, outcome in outcomes.items() if outcome.ok},
            workers=forms.workers_of(units.pop() if len(units) == 1 else g.actor.unit_id), levels=LEVEL,
        ), 422 if findings else 200  # fmt: skip

    @expose("/replan", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def replan(self) -> Any:
        """Plan the ticked orders for another day; every row says what became of it."""
        ids = forms.ticked()
        findings: list[Finding] = []
        outcomes: dict[int, orders.Outcome] = {}
        if request.method == "POST":
            planned, findings = forms.day("planned_on", _("计划日期"))
            reason = text("reason", 500)
            if not findings:
                done, findings, _status = run(
                    lambda session: replanning.replan(session, g.actor, ids, planned, reason, clock.now())
                )
                outcomes = {o.id: o for o in done or ()}
        return self.render_template(
            "ta/maintenance/replan.html", title=_("批量改期"), rows=_rows(ids), findings=findings, outcomes=outcomes,
            done={key for key, outcome in outcomes.items() if outcome.ok}, levels=LEVEL, origins=ORDER_ORIGIN,
            form=request.form,
        ), 422 if findings else 200  # fmt: skip

    @expose("/<int:key>/cancel", methods=["POST"])
    @has_access
    @permission_name("write")
    def cancel(self, key: int) -> Any:
        return forms.deed(
            lambda session: orders.cancel(session, g.actor, key, text("reason", 500), clock.now()), _("任务已作废"),
            f"/orders/{key}",
        )  # fmt: skip


def _rows(ids: Sequence[int]) -> Sequence[MaintenanceOrder]:
    """The orders of these that are seen; asked for after the deed, which lets go of all that was read before it."""
    statement = scope.apply(select(MaintenanceOrder), g.actor, MaintenanceOrder)
    return db.session.scalars(
        statement.where(MaintenanceOrder.id.in_(ids[: orders.MOST_AT_ONCE]))
        .options(
            joinedload(MaintenanceOrder.elevator).joinedload(Elevator.use_unit), joinedload(MaintenanceOrder.worker)
        )
        .order_by(MaintenanceOrder.planned_on)
    ).all()


def _about(elevator: Elevator | None) -> dict[str, Any]:
    """What the form says of an elevator, and proposes: its keeper, its next day and service, as its ledger has them."""
    if elevator is None:
        return {"facts": [], "waiting": [], "proposed": {}}
    statement = scope.apply(select(MaintenanceLedger), g.actor, MaintenanceLedger)
    ledger = db.session.scalar(statement.where(MaintenanceLedger.elevator_id == elevator.id))
    statement = scope.apply(select(MaintenanceClock), g.actor, MaintenanceClock)
    running = db.session.scalar(statement.where(MaintenanceClock.elevator_id == elevator.id))
    open_ones = scope.apply(select(MaintenanceOrder), g.actor, MaintenanceOrder).where(
        MaintenanceOrder.elevator_id == elevator.id, MaintenanceOrder.state == "open"
    )
    worker, next_on = (ledger.worker, ledger.next_half_month_on) if ledger is not None else (None, None)
    stays = worker is not None and (worker.left_on is None or worker.left_on > clock.today())
    facts = [
        (_("识别码"), elevator.code), (_("品种"), word(CATEGORY, elevator.category)),
        (_("使用单位"), elevator.use_unit.name if elevator.use_unit else ""), (_("位置"), elevator.place),
        (_("维保期限"), due_of(running).on), (_("上次维保"), running.last_visit_on if running else None),
        (_("下次半月维保"), next_on), (_("维保人员"), worker.name if worker is not None else ""),
    ]  # fmt: skip
    proposed = {
        "worker_id": worker.id if worker is not None and stays else "",
        "planned_on": next_on if next_on is not None and next_on >= clock.today() else "",
        "level": ledger.next_level if ledger is not None and next_on is not None else "half_month",
    }
    waiting = db.session.scalars(open_ones.order_by(MaintenanceOrder.planned_on).limit(20)).all()
    return {"facts": facts, "waiting": waiting, "proposed": proposed}


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("OrderPages", "can_read", Verb.ORDER_READ)
    screens.declare("OrderPages", "can_write", Verb.ORDER_EDIT)
    appbuilder.add_view_no_menu(OrderPages)
