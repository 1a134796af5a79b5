"""`/api/v1/elevators`: the register as one may see it, read only; filing is done on the pages."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from app import clock, scope, search
from app.api import as_of
from app.api.base import Resource, actor, answers, chosen, finding_list, page
from app.extensions import db
from app.listings.elevators import ELEVATORS
from app.models import Elevator, MaintenanceClock
from app.models.choices import ELEVATOR_STATUS, FILING_STATE
from app.permissions import Verb
from app.rules.identifiers import mask_mobile, normal_code
from app.views.frame import screens
from app.workflows.approval.filing_fields import snapshot
from app.workflows.desk import gates


class ElevatorApi(Resource):
    """Elevators within the account's scope."""

    resource_name = "elevators"
    openapi_spec_tag = "Elevators"

    @answers("", "GET")
    def list(self) -> Any:
        """Give elevators, newest last; with `as_of` or `known_at` as they were.
        ---
        get:
          summary: 电梯列表；给出 as_of、known_at 时为当时的登记
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string}, description: "识别码 or part of the address"}
            - {in: query, name: status, schema: {type: string, enum: [notified, in_use, suspended, scrapped]}}
            - {in: query, name: filing_state, schema: {type: string, enum: [draft, pending, approved, rejected]}}
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: ElevatorPage}
        """
        if as_of.asked():
            return as_of.page(ELEVATORS)
        statement = scope.apply(select(Elevator), actor())
        if status := chosen("status", ELEVATOR_STATUS):
            statement = statement.where(Elevator.status == status)
        if filing := chosen("filing_state", FILING_STATE):
            statement = statement.where(search.open_filings(db.session, (filing,)))
        words = request.args.get("q", "").strip()[:60]
        if words:
            statement = statement.where(
                or_(
                    Elevator.code.startswith(normal_code(words), autoescape=True),
                    Elevator.address.contains(words, autoescape=True),
                )
            )
        options = (selectinload(Elevator.use_unit), selectinload(Elevator.maintenance_unit))
        return page(statement.options(*options), [Elevator.id], brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one elevator: what is in force, its clock, its states.
        ---
        get:
          summary: 一台电梯的现行登记和维保期限
          gives: {200: ElevatorWhole}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        filed = snapshot(row)
        # The whole number needs its own right and leaves a trace; an interface for machines gives neither.
        filed["safety_phone"] = mask_mobile(filed["safety_phone"]) if filed.get("safety_phone") else None
        held = db.session.get(MaintenanceClock, row.id)
        times = None
        if held is not None and actor().may(Verb.LEDGER_READ):
            times = {
                "last_visit_on": _day(held.last_visit_on), "limit_on": _day(held.limit_on),
                "paused_on": _day(held.paused_on), "missed": held.missed, "missed_since_on": _day(held.missed_since_on),
                "excused": held.excused,
            }  # fmt: skip
        return jsonify(brief(row) | {"filed": filed, "clock": times, "as_of": clock.now().isoformat()})

    @answers("/<int:key>/as-of", "GET")
    def then(self, key: int) -> Any:
        """Give the elevator as of a day, as known at an instant.
        ---
        get:
          summary: 某日、按某时所知的电梯登记
          parameters:
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: AsOfOne}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        return as_of.one(ELEVATORS, row.id)


class ElevatorGateApi(Resource):
    """Whether something could be done about an elevator, before it is tried."""

    resource_name = "elevators"
    openapi_spec_tag = "Elevators"

    @answers("/<int:key>/gate", "GET")
    def gate(self, key: int) -> Any:
        """Judge a check-in, a contract or an application: every condition, failing and passing. Changes nothing.
        ---
        get:
          summary: 能不能办：签到、绑定合同或申请的每一个条件
          parameters:
            - {in: query, name: what, schema: {type: string, enum: [check_in, contract, use_registration, suspension,
               reactivation, scrapping, registration_change, maintenance_pause, maintenance_resume, worker_change,
               on_demand]}}
          gives: {200: Findings}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        what = request.args.get("what", gates.CHECK_IN)
        found = gates.of_elevator(db.session, actor(), row, what, clock.now())
        return jsonify(what=what, passes=not any(f.stops for f in found), findings=finding_list(found))


def brief(row: Elevator) -> dict[str, Any]:
    """The columns of a list."""
    return {
        "id": row.id, "code": row.code, "category": row.category, "address": row.address, "estate": row.estate,
        "region_code": row.region_code, "status": row.status, "filing_state": row.filing_state,
        "info_state": row.info_state, "approved_version": row.approved_version, "row_version": row.row_version,
        "use_unit": None if row.use_unit is None else {"id": row.use_unit.id, "name": row.use_unit.name},
        "maintenance_unit": (
            None if row.maintenance_unit is None
            else {"id": row.maintenance_unit.id, "name": row.maintenance_unit.name}
        ),
        "next_inspection_on": _day(row.next_inspection_on),
    }  # fmt: skip


def _day(value: Any) -> str | None:
    return None if value is None else str(value.isoformat())


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get", "can_then"):
        screens.declare("ElevatorApi", permission, Verb.ELEVATOR_READ)
    screens.declare("ElevatorGateApi", "can_gate", Verb.ELEVATOR_READ)
    appbuilder.add_api(ElevatorApi)
    appbuilder.add_api(ElevatorGateApi)
