"""`/api/v1/inspections`: records of inspection, what is due, reports that units hand in (INS-01, INS-02)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.applications import file_shown
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import day, flag, key, keys, words
from app.errors import refuse
from app.extensions import db
from app.listings.inspections import INSPECTIONS, INSPECTIONS_DUE, of_clock, standing_of
from app.models import Elevator, Inspection
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.files import attachments
from app.workflows.inspection import inspection_reports, inspections
from app.workflows.inspection.inspections import Entry

MOST_FILES = 10


class InspectionApi(Resource):
    """Records of the elevators that the account sees; inspection people and regulators enter them."""

    resource_name = "inspections"
    openapi_spec_tag = "Inspections"

    @answers("", "GET")
    def list(self) -> Any:
        """Give records, as the page does; the first tab is those that count.
        ---
        get:
          summary: 检验记录；缺省为有效的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [counts, failed, fault, waiting, ended, all]}}
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: result, schema: {type: string}}
            - {in: query, name: done_from, schema: {type: string, format: date}}
            - {in: query, name: done_to, schema: {type: string, format: date}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 识别码、地址、报告编号}
          gives: {200: InspectionPage}
        """
        return listed.page(INSPECTIONS, brief)

    @answers("/due", "GET")
    def due(self) -> Any:
        """Give elevators in use by what is due for them, the nearest day first.
        ---
        get:
          summary: 待检电梯；缺省为临近检验的
          paged: true
          parameters:
            - in: query
              name: tab
              schema: {type: string, enum: [near, over, failed, checks_near, checks_over, unknown, all]}
            - {in: query, name: next_kind, schema: {type: string}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
          gives: {200: InspectionDuePage}
        """
        return listed.page(INSPECTIONS_DUE, _due)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one record with its report.
        ---
        get:
          summary: 一条检验记录，连同报告
          gives: {200: InspectionWhole}
        """
        row: Inspection = scope.visible(db.session, actor(), Inspection, key, "这条检验记录")
        files = attachments.of(db.session, "inspection", row.id)
        return jsonify(brief(row) | {"files": [file_shown(f) for f in files]})

    @answers("", "POST", once=True)
    def enter(self) -> Any:
        """Enter an inspection; it counts at once and moves the elevator's days.
        ---
        post:
          summary: 登记检验，登记即生效；报告先用 POST /files?kind=inspection 上传
          takes: NewInspection
          gives: {201: Inspection}
        """
        sent = body()
        with transaction(db.session) as session:
            made = inspections.enter(
                session, actor(), _elevator(sent), _entry(sent), clock.now(), scans=keys(sent, "scans", MOST_FILES)
            )
            shown = brief(made)
        return jsonify(shown), 201

    @answers("/<int:key>/correct", "POST", once=True)
    def correct(self, key: int) -> Any:
        """Put a record right: another takes its place, the old one stays to be read.
        ---
        post:
          summary: 更正；原记录保留，另记一条
          takes: CorrectedInspection
          gives: {201: Inspection}
        """
        sent = body()
        with transaction(db.session) as session:
            made = inspections.correct(
                session, actor(), key, _entry(sent), words(sent, "reason", 1000), clock.now(),
                scans=keys(sent, "scans", MOST_FILES), expected_version=whole(sent, "row_version"),
            )  # fmt: skip
            shown = brief(made)
        return jsonify(shown), 201

    @answers("/<int:key>/annul", "POST", once=True)
    def annul(self, key: int) -> Any:
        """End a record that should not be; it stays to be read, and the elevator's days go back.
        ---
        post:
          summary: 作废；记录保留，电梯的检验日期退回
          takes: AnnulledInspection
          gives: {200: Inspection}
        """
        sent = body()
        with transaction(db.session) as session:
            row = inspections.annul(
                session, actor(), key, words(sent, "reason", 1000), clock.now(),
                expected_version=whole(sent, "row_version"),
            )  # fmt: skip
            shown = brief(row)
        return jsonify(shown)

    @answers("/reports", "POST", once=True)
    def hand_in(self) -> Any:
        """Hand in the report of a governor check or a brake test; it counts once an officer approved it.
        ---
        post:
          summary: 上传限速器校验、制动试验报告；报告先用 POST /files?kind=inspection 上传
          takes: NewInspectionReport
          gives: {201: ApplicationWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            made = inspection_reports.hand_in(
                session, actor(), _elevator(sent), _entry(sent), keys(sent, "scans", MOST_FILES), clock.now()
            )
        return jsonify(application_full(made)), 201


def brief(row: Inspection) -> dict[str, Any]:
    """The columns of a list."""
    unit, use_unit = row.unit, row.use_unit
    return {
        "id": row.id, "elevator": {"id": row.elevator_id, "code": row.elevator.code}, "region_code": row.region_code,
        "kind": row.kind, "number": row.number, "done_on": iso(row.done_on), "result": row.result,
        "failed_items": row.failed_items, "is_fault": row.is_fault, "tested_by": row.tested_by,
        "tested_by_id": row.tested_by_id, "next_on": iso(row.next_on), "next_kind": row.next_kind,
        "rule_on": iso(row.rule_on), "next_reason": row.next_reason, "standing": standing_of(row),
        "maintenance_unit": None if unit is None else {"id": unit.id, "name": unit.name},
        "use_unit": None if use_unit is None else {"id": use_unit.id, "name": use_unit.name},
        "entered_by": row.entered_by, "created_at": iso(row.created_at), "taken_over": row.taken_over,
        "corrects_id": row.corrects_id, "ended_at": iso(row.ended_at), "end_reason": row.end_reason,
        "row_version": row.row_version,
    }  # fmt: skip


def _due(row: Elevator) -> dict[str, Any]:
    return {
        "id": row.id, "code": row.code, "region_code": row.region_code, "address": row.address,
        "inspected_on": iso(row.inspected_on), "next_inspection_on": iso(row.next_inspection_on),
        "next_kind": of_clock(row, "next_kind"), "failed_id": of_clock(row, "failed_id"),
        "failed_on": iso(of_clock(row, "failed_on")), "governor_on": iso(row.governor_on),
        "governor_due_on": iso(of_clock(row, "governor_due_on")), "brake_on": iso(of_clock(row, "brake_on")),
        "brake_due_on": iso(of_clock(row, "brake_due_on")),
    }  # fmt: skip


def _elevator(sent: dict[str, Any]) -> int:
    found = key(sent, "elevator_id")
    if found is None:
        raise refuse("电梯", "没有填写", "请给出电梯的编号", field="elevator_id")
    return found


def _entry(sent: dict[str, Any]) -> Entry:
    return Entry(
        kind=words(sent, "kind", 20), number=words(sent, "number", 200), done_on=day(sent, "done_on"),
        result=words(sent, "result", 20), tested_by_id=key(sent, "tested_by_id"),
        tested_by=words(sent, "tested_by", 300), failed_items=words(sent, "failed_items", 3000),
        is_fault=flag(sent, "is_fault"), next_on=day(sent, "next_on"),
        next_reason=words(sent, "next_reason", 1000),
    )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get", "can_due"):
        screens.declare("InspectionApi", permission, Verb.INSPECTION_READ)
    for permission in ("can_enter", "can_correct", "can_annul"):
        screens.declare("InspectionApi", permission, Verb.INSPECTION_EDIT)
    screens.declare("InspectionApi", "can_hand_in", Verb.INSPECTION_REPORT)
    appbuilder.add_api(InspectionApi)
