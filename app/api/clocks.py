"""`/api/v1/clocks`: the limits that there are, and those of a record that run, each with its reason (CLK-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.applications import countdown, countdown_of
from app.api.base import Resource, actor, answers, iso
from app.extensions import db
from app.models import Application, Elevator, MaintenanceClock, Visit
from app.models.policy import policy_book, policy_value
from app.permissions import Verb, require
from app.policy import Key, shown
from app.rules.calendar import day_end
from app.views.frame import clock_words, screens
from app.views.frame.filing_words import due_days
from app.views.frame.policy_words import origin, region_names
from app.wording import say
from app.workflows.approval.clock_register import CLOCKS


class ClockApi(Resource):
    """Limits."""

    resource_name = "clocks"
    openapi_spec_tag = "Clocks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give the kinds of limits: what starts, pauses and ends each, and by which policy.
        ---
        get:
          summary: 有哪些时限，各自如何起算、暂停、结束
          gives: {200: ClockKinds}
        """
        rows = [
            {"name": c.name, "title": c.title, "starts": c.starts, "measure": c.measure, "pauses": c.pauses,
             "ends": c.ends, "told": c.told, "above": c.above, "policy": c.limit.value}
            for c in CLOCKS
        ]  # fmt: skip
        return jsonify(rows=rows)

    @answers("/applications/<int:key>", "GET")
    def application(self, key: int) -> Any:
        """Give the limit of an application's decision.
        ---
        get:
          summary: 一件申请的审批时限和由来
          gives: {200: Clocks}
        """
        require(actor(), Verb.APPLICATION_READ)
        told = countdown_of(scope.visible(db.session, actor(), Application, key, "这件申请"))
        return jsonify(rows=[] if told is None else [told])

    @answers("/visits/<int:key>", "GET")
    def visit(self, key: int) -> Any:
        """Give the limits of a visit that run: its sheet, its review.
        ---
        get:
          summary: 一条维保记录的时限（上传维保单、复核）和由来
          gives: {200: Clocks}
        """
        require(actor(), Verb.VISIT_READ)
        row = scope.visible(db.session, actor(), Visit, key, "维保记录")
        return jsonify(rows=[
            countdown(str(title), due_at, row.checked_out_at, row.region_code, why)
            for title, _due, why, due_at in clock_words.visit_limits(row)
        ])  # fmt: skip

    @answers("/elevators/<int:key>", "GET")
    def elevator(self, key: int) -> Any:
        """Give the maintenance limit of an elevator; none while it is paused.
        ---
        get:
          summary: 一台电梯的维保期限和由来
          gives: {200: Clocks}
        """
        require(actor(), Verb.ELEVATOR_READ)
        require(actor(), Verb.LEDGER_READ)
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        held = db.session.get(MaintenanceClock, row.id)
        if held is None or held.limit_on is None or held.anchor_on is None or held.paused_on is not None:
            return jsonify(rows=[])
        return jsonify(rows=[_maintenance(held, held.anchor_on, held.limit_on)])


def _maintenance(held: MaintenanceClock, anchor_on: dt.date, limit_on: dt.date) -> dict[str, Any]:
    today = clock.today()
    near = int(policy_value(db.session, Key.NEAR_MAINTENANCE_DAYS, held.region_code, today))
    left = due_days(limit_on, today, near, held.limit_days)
    assert left is not None
    said = policy_book(db.session, held.region_code, anchor_on)[Key.LIMIT_DAYS]
    why = say("自 %(anchor_on)s 起 %(limit_days)s 天", anchor_on=anchor_on, limit_days=held.limit_days)
    if said.value == held.limit_days:
        why = say(
            "自 %(anchor_on)s 起 %(shown)s（%(origin)s）",
            anchor_on=anchor_on,
            shown=shown(Key.LIMIT_DAYS, said.value),
            origin=origin(said, region_names()),
        )
    if held.missed:
        why += say("；已有 %(missed)s 期未按时维保", missed=held.missed)
    if held.excused:
        why += say("；另有 %(n)s 期申诉成立，不计", n=held.excused)
    return {
        "title": "维保期限", "due_at": iso(day_end(limit_on)), "side": left.before, "number": left.number or 0,
        "unit": left.after, "tone": left.tone, "spent": left.spent, "why": why,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_application", "can_visit", "can_elevator"):
        # Each record's own right is asked for above.
        screens.declare("ClockApi", permission, Verb.HOME)
    appbuilder.add_api(ClockApi)
