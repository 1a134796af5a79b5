"""维保计划 on the phone (PLN-06): whoever gives out his unit's work gives open orders, one or many, to another."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.field.pages import came_from, field, signed_in
from app.models import Elevator, MaintenanceOrder
from app.permissions import Actor, Verb, require
from app.rules.addresses import words_of
from app.rules.levels import LEVEL_LABELS, Level
from app.search import contains
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, run, text
from app.workflows.maintenance import orders

MOST = 100
LONGEST = 40
FOUND_BY = (Elevator.code, Elevator.site_no, Elevator.internal_no, Elevator.estate, Elevator.address)


def gives_out(actor: Actor) -> bool:
    """Whether the account gives out work of its own unit."""
    return actor.unit_id is not None and actor.may(Verb.ORDER_EDIT)


def waiting(actor: Actor) -> int:
    """How many orders of the next days wait in the actor's unit."""
    found = db.session.scalar(_open(select(func.count()).select_from(MaintenanceOrder), actor, "soon"))
    return found or 0


def _open(statement: Any, actor: Actor, kind: str) -> Any:
    today = clock.today()
    statement = scope.apply(statement, actor, MaintenanceOrder).where(
        MaintenanceOrder.state == "open", MaintenanceOrder.unit_id == (actor.unit_id or 0)
    )
    if kind == "free":
        statement = statement.where(MaintenanceOrder.worker_id.is_(None))
    elif kind == "late":
        statement = statement.where(MaintenanceOrder.planned_on < today)
    elif kind == "soon":
        statement = statement.where(orders.within_horizon(db.session, today))
    return statement.execution_options(skip_scope=True)


@field.route("/plan", methods=["GET", "POST"])
@signed_in
def plan() -> Any:
    """What waits, narrowed by day, worker and words; the ticked ones go to the worker chosen below."""
    require(g.actor, Verb.ORDER_EDIT)
    if not gives_out(g.actor):
        abort(404)
    kind, q = request.args.get("kind", "soon"), request.args.get("q", "")[:LONGEST].strip()
    kind, worker = kind if kind in ("soon", "late", "free", "all") else "soon", number(request.args.get("worker", ""))
    findings: list[Finding] = []
    failed: dict[int, str] = {}
    ids = forms.chosen()
    status = 200
    if request.method == "POST":
        done, findings, status = _give(ids)
        if not findings:
            failed = {one.id: one.text for one in done if not one.ok}
            given = len(done) - len(failed)
            if given:
                flash(_("已分配 %(n)s 条任务", n=given), "success")
            if not failed:
                return redirect(url_for("field.plan", kind=kind, q=q or None, worker=worker))
    rows = _rows(kind, q, worker)
    page = render_template(
        "ta/field/plan.html", title=_("分配维保任务"), back=came_from(url_for("field.me")), rows=rows[:MOST],
        more=len(rows) > MOST, most=MOST, kind=kind, q=q, worker=worker, findings=findings, failed=failed,
        chosen=set(ids), workers=forms.workers_of(g.actor.unit_id), today=clock.today(), tab="",
        levels={level.value: LEVEL_LABELS[level] for level in Level},
    )  # fmt: skip
    return page, status


def _give(ids: list[int]) -> tuple[list[orders.Outcome], list[Finding], int]:
    worker_id = number(text("to", 16))
    findings = []
    if not ids:
        findings.append(Finding("维保任务", False, "没有勾选任务", "请勾选要改派的任务", field="ids"))
    if worker_id is None:
        findings.append(Finding("维保人员", False, "没有选择接手的维保人员", "请选择接手的维保人员", field="to"))
    if findings or worker_id is None:
        return [], findings, 422
    done, findings, status = run(lambda session: orders.reassign(session, g.actor, ids, worker_id, clock.now()))
    return done or [], findings, status


def _rows(kind: str, q: str, worker: int | None) -> list[MaintenanceOrder]:
    statement = _open(select(MaintenanceOrder), g.actor, kind)
    if worker is not None:
        statement = statement.where(MaintenanceOrder.worker_id == worker)
    if words := words_of(q):
        lifts = select(Elevator.id).where(*(contains(FOUND_BY, word) for word in words))
        statement = statement.where(MaintenanceOrder.elevator_id.in_(scope.apply(lifts, g.actor, Elevator)))
    statement = statement.options(
        joinedload(MaintenanceOrder.elevator).load_only(Elevator.code, Elevator.estate, Elevator.address),
        joinedload(MaintenanceOrder.worker),
    )
    ordered = statement.order_by(MaintenanceOrder.planned_on, MaintenanceOrder.id).limit(MOST + 1)
    return list(db.session.scalars(ordered))
