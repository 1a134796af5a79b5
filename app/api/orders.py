"""`/api/v1/orders`: one's own orders, those of one's unit, giving them to others, changing one, a plan for a year."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import selectinload, undefer

from app import clock, scope
from app.api.base import Resource, actor, answers, body, chosen, finding_list, iso, page, whole
from app.api.reading import day, flag, keys, words
from app.extensions import db
from app.listings.maintenance import shown_as
from app.models import MaintenanceOrder
from app.models.choices import LEVEL, ORDER_SHOWN
from app.permissions import Verb
from app.telling import told
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.maintenance import orders, replanning, year_plans
from app.workflows.maintenance.orders import Outcome
from app.workflows.maintenance.year_plans import Asked, YearPlan


class OrderApi(Resource):
    """Open orders: a worker's of the next days, his unit's for whoever gives them out."""

    resource_name = "orders"
    openapi_spec_tag = "Visits"

    @answers("", "GET")
    def list(self) -> Any:
        """Give the open orders that are one's own or one's team's, within the horizon; the earliest planned first.
        ---
        get:
          summary: 我的（含所在小组的）未完成任务，计划早的在前；own=0 为看得到的全部，缺省为未完成的
          paged: true
          parameters:
            - {in: query, name: own, schema: {type: integer, enum: [0, 1]},
               description: 缺省 1，只给自己的、近几日的（生成提前天数，缺省 5 天）}
            - {in: query, name: state, schema: {type: string, enum: [open, approving, done, void]},
               description: 仅用于 own=0，缺省 open；approving 为审批中}
            - {in: query, name: elevator_id, schema: {type: integer}}
          gives: {200: OrderPage}
        """
        statement = scope.apply(select(MaintenanceOrder), actor())
        if chosen("own", {"0": 0, "1": 1}) == "0":
            state = chosen("state", ORDER_SHOWN) or "open"
            statement = statement.where(shown_as([state]))
        else:
            own = scope.parts.open_orders_of(actor().person_id or 0)
            statement = statement.where(own, orders.within_horizon(db.session, clock.today()))
        if request.args.get("elevator_id"):
            statement = statement.where(MaintenanceOrder.elevator_id == whole(request.args, "elevator_id"))
        statement = statement.options(
            selectinload(MaintenanceOrder.elevator), undefer(MaintenanceOrder.shown_state)
        ).execution_options(skip_scope=True)
        return page(statement, [MaintenanceOrder.planned_on, MaintenanceOrder.id], _order)

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Make an order by hand for an elevator that one's unit maintains.
        ---
        post:
          summary: 新增一条维保任务
          takes: NewOrder
          gives: {201: Order}
        """
        sent = body()
        worker_id = whole(sent, "worker_id") if sent.get("worker_id") is not None else None
        asked = {"planned_on": day(sent, "planned_on"), "level": words(sent, "level", 20), "worker_id": worker_id}
        with transaction(db.session) as session:
            row = orders.create(session, actor(), whole(sent, "elevator_id"), asked, clock.now())
        return jsonify(_order(row)), 201

    @answers("/<int:key>/cancel", "POST", once=True)
    def cancel(self, key: int) -> Any:
        """Void an open order that was made by hand, by a workbook or by a plan; an automatic one follows the clock.
        ---
        post:
          summary: 作废一条待维保任务，写明原因；自动生成的不能作废
          takes: Reason
          gives: {200: Done}
        """
        reason = words(body(), "reason", 1000)
        with transaction(db.session) as session:
            orders.cancel(session, actor(), key, reason, clock.now())
        return jsonify(done=True)

    @answers("/<int:key>", "PATCH")
    def change(self, key: int) -> Any:
        """Give an open order another day or level. An automatic one follows clock and ledger and is refused.
        ---
        patch:
          summary: 修改待维保任务的计划日期或频次；自动生成的不能改
          takes: OrderChange
          gives: {200: Order}
        """
        sent = body()
        given: dict[str, Any] = {}
        if "planned_on" in sent:
            given["planned_on"] = day(sent, "planned_on")
        if "level" in sent:
            given["level"] = words(sent, "level", 20)
        reason = words(sent, "reason")
        with transaction(db.session) as session:
            row = orders.amend(session, actor(), key, given, reason, clock.now())
        return jsonify(_order(row))

    @answers("/reassign", "POST", once=True)
    def reassign(self) -> Any:
        """Give one or many open orders to another worker of their unit; each has its own outcome.
        ---
        post:
          summary: 改派一条或多条待维保任务；每条各自的结果
          takes: OrderReassign
          gives: {200: OrderReassigned}
        """
        sent = body()
        ids, worker_id = keys(sent, "ids", orders.MOST_AT_ONCE), whole(sent, "worker_id")
        with transaction(db.session) as session:
            done = orders.reassign(session, actor(), ids, worker_id, clock.now())
        return jsonify(rows=outcomes(done))

    @answers("/replan", "POST", once=True)
    def replan(self) -> Any:
        """Plan one or many open orders for another day, by the rules of a single one; each has its own outcome.
        ---
        post:
          summary: 一条或多条待维保任务改到另一天；每条各自的结果，自动生成的不能改
          takes: OrderReplan
          gives: {200: OrderReassigned}
        """
        sent = body()
        ids, on, reason = keys(sent, "ids", orders.MOST_AT_ONCE), day(sent, "planned_on"), words(sent, "reason")
        with transaction(db.session) as session:
            done = replanning.replan(session, actor(), ids, on, reason, clock.now())
        return jsonify(rows=outcomes(done))

    @answers("/year-plan", "POST", once=True)
    def year_plan(self) -> Any:
        """Make a year's orders for elevators, the last one annual; or only say what would be made.
        ---
        post:
          summary: 生成一年计划，最后一次为年度维保；preview 为 true 时只预览
          takes: NewYearPlan
          gives: {200: YearPlan}
        """
        sent = body()
        interval = whole(sent, "interval_days") if sent.get("interval_days") is not None else None
        worker_id = whole(sent, "worker_id") if sent.get("worker_id") is not None else None
        asked = Asked(day(sent, "start_on"), interval, worker_id, flag(sent, "switch_to_manual"))
        ids, only = keys(sent, "elevator_ids", year_plans.MOST), flag(sent, "preview")
        expected = words(sent, "expected", 20) or None
        with transaction(db.session) as session:
            if only:
                plan = year_plans.preview(session, actor(), ids, asked, clock.now())
            else:
                plan = year_plans.make(session, actor(), ids, asked, clock.now(), expected)
        return jsonify(_plan(plan) | {"preview": only})


def _order(row: MaintenanceOrder) -> dict[str, Any]:
    return {
        "id": row.id, "elevator_id": row.elevator_id, "code": row.elevator.code, "category": row.elevator.category,
        "address": row.elevator.address, "level": row.level, "level_name": str(LEVEL[row.level]),
        "planned_on": row.planned_on.isoformat(), "limit_on": iso(row.limit_on), "state": row.shown_state,
        "origin": row.origin, "worker_id": row.worker_id,
    }  # fmt: skip


def outcomes(done: Iterable[Outcome]) -> list[dict[str, Any]]:
    """What became of each of several rows."""
    return [{"id": one.id, "ok": one.ok, "text": told(one.text)} for one in done]


def _plan(plan: YearPlan) -> dict[str, Any]:
    return {
        "made": plan.made, "elevators": len(plan.planned), "digest": plan.digest,
        "switched_to_manual": [row.id for row in plan.switched], "missing": plan.missing,
        "days": [
            {
                "on": one.on.isoformat(), "level": one.level, "made": one.made,
                "left_out": [{"why": told(why), "count": count} for why, count in one.left_out.items()],
            }
            for one in plan.days
        ],
        "rows": [
            {
                "elevator_id": row.id, "code": row.code, "orders": len(row.orders), "refused": row.refused,
                "findings": finding_list(row.findings),
            }
            for row in plan.rows
        ],
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the resource."""
    screens.declare("OrderApi", "can_list", Verb.ORDER_READ)
    for permission in ("can_make", "can_cancel", "can_change", "can_reassign", "can_replan", "can_year_plan"):
        screens.declare("OrderApi", permission, Verb.ORDER_EDIT)
    appbuilder.add_api(OrderApi)
