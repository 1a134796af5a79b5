"""`/api/v1/fraud-signals`, `/fraud-cases`: doubtful check-ins, cases put to a unit, what was decided (FRD-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import keys, words
from app.errors import refuse
from app.extensions import db
from app.listings.fraud import CASES, SIGNALS
from app.models import FraudCase, FraudSignal
from app.permissions import Verb
from app.rules.fraud import HOW, SignalKind
from app.rules.fraud_cases import MOST_SIGNALS
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.oversight import fraud

MOST_FILES = 10


class FraudSignalApi(Resource):
    """What wants an explanation: regulators alone see it."""

    resource_name = "fraud-signals"
    openapi_spec_tag = "Checks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give signals, as the page does; the first tab is those that wait.
        ---
        get:
          summary: 签到疑点；缺省为待处理的，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [free, case, aside, all]}}
            - {in: query, name: q, schema: {type: string}, description: 维保员、维保单位}
            - {in: query, name: kind, schema: {type: string}, description: travel,overlap…，逗号分隔}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: person, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: seen_from, schema: {type: string, format: date}}
            - {in: query, name: seen_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: FraudSignalPage}
        """
        return listed.page(SIGNALS, signal)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one signal with the visits that it stands on.
        ---
        get:
          summary: 一个疑点及其证据
          gives: {200: FraudSignalWhole}
        """
        row = scope.visible(db.session, actor(), FraudSignal, key, "这个疑点")
        return jsonify(signal(row) | _proof(row))

    @answers("/risks", "GET")
    def risks(self) -> Any:
        """Whom the signals add up to the most.
        ---
        get:
          summary: 风险排名及来由
          parameters:
            - {in: query, name: by, schema: {type: string, enum: [person, unit]}}
          gives: {200: FraudRisks}
        """
        by = request.args.get("by", "person")
        if by not in ("person", "unit"):
            raise refuse("参数", "by 应为 person 或 unit", "请按接口文档填写", field="by", value=by[:60])
        rows = fraud.risks(db.session, actor(), by, clock.now())
        return jsonify(rows=[
            {
                "id": row.key, "name": row.name, "unit": {"id": row.unit_id, "name": row.unit}, "points": row.total,
                "reasons": [
                    {"kind": one.kind.value, "signals": one.signals, "counted": one.counted, "points": one.total}
                    for one in row.reasons
                ],
            }
            for row in rows
        ])  # fmt: skip

    @answers("/<int:key>/aside", "POST", once=True)
    def aside(self, key: int) -> Any:
        """Set it aside, with the harmless reason that was found.
        ---
        post:
          summary: 排除疑点
          takes: FraudNote
          gives: {200: FraudSignal}
        """
        sent = body()
        with transaction(db.session) as session:
            row = fraud.set_aside(session, actor(), key, words(sent, "note", 1000), clock.now())
        return jsonify(signal(row))


class FraudCaseApi(Resource):
    """Cases: a regulator opens and decides them, the unit explains."""

    resource_name = "fraud-cases"
    openapi_spec_tag = "Checks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give cases, as the page does.
        ---
        get:
          summary: 核查案件；单位只看到问本单位的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, asked, answered, late, closed]}}
            - {in: query, name: q, schema: {type: string}, description: 案件编号、维保单位}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: outcome, schema: {type: string}}
            - {in: query, name: opened_from, schema: {type: string, format: date}}
            - {in: query, name: opened_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: FraudCasePage}
        """
        return listed.page(CASES, case)

    @answers("", "POST", once=True)
    def open(self) -> Any:
        """Open a case from signals of one unit.
        ---
        post:
          summary: 立案，请单位说明
          takes: NewFraudCase
          gives: {200: FraudCase}
        """
        sent = body()
        with transaction(db.session) as session:
            chosen = keys(sent, "signals", MOST_SIGNALS + 1)
            row = fraud.open_case(session, actor(), chosen, words(sent, "question", 3000), clock.now())
        return jsonify(case(row))

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one case with its signals and the visits that one may see.
        ---
        get:
          summary: 一件案件
          gives: {200: FraudCaseWhole}
        """
        row = scope.visible(db.session, actor(), FraudCase, key, "这件案件")
        about = fraud.signals_of(db.session, row)
        proof = fraud.evidence_of(db.session, actor(), [one.id for one in about])
        return jsonify(case(row) | {
            "signals": [
                {"kind": one.kind, "seen_on": one.seen_on.isoformat(), "found": one.found,
                 "how": HOW[SignalKind(one.kind)], "visits": [visit.id for visit, _photo in proof.get(one.id, [])]}
                for one in about
            ],
        })  # fmt: skip

    @answers("/<int:key>/answer", "POST", once=True)
    def answer(self, key: int) -> Any:
        """Explain, with papers sent before.
        ---
        post:
          summary: 单位说明；材料先用 /files 上传
          takes: FraudAnswer
          gives: {200: FraudCase}
        """
        sent = body()
        with transaction(db.session) as session:
            files = keys(sent, "files", MOST_FILES)
            row = fraud.answer(session, actor(), key, words(sent, "answer", 3000), clock.now(), files)
        return jsonify(case(row))

    @answers("/<int:key>/decide", "POST", once=True)
    def decide(self, key: int) -> Any:
        """Decide with a reason; whoever is asked is heard first.
        ---
        post:
          summary: 认定
          takes: FraudDecision
          gives: {200: FraudCase}
        """
        sent = body()
        with transaction(db.session) as session:
            outcome, reason = words(sent, "outcome", 20), words(sent, "reason", 3000)
            row = fraud.decide(session, actor(), key, outcome, reason, clock.now())
        return jsonify(case(row))


def signal(row: FraudSignal) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "unit": {"id": row.unit_id, "name": row.unit.name},
        "person_id": row.person_id, "elevator_id": row.elevator_id, "region_code": row.region_code,
        "seen_on": row.seen_on.isoformat(), "points": row.points, "found": row.found, "facts": row.facts,
        "case_id": row.case_id, "set_aside_at": iso(row.set_aside_at), "set_aside_note": row.set_aside_note,
    }  # fmt: skip


def _proof(row: FraudSignal) -> dict[str, Any]:
    found = fraud.evidence_of(db.session, actor(), [row.id]).get(row.id, [])
    return {
        "how": HOW[SignalKind(row.kind)],
        "evidence": [{"visit_id": visit.id, "photo_id": photo} for visit, photo in found],
    }


def case(row: FraudCase) -> dict[str, Any]:
    return {
        "id": row.id, "number": row.number, "unit": {"id": row.unit_id, "name": row.unit.name},
        "person_id": row.person_id, "region_code": row.region_code, "state": row.state, "question": row.question,
        "opened_at": iso(row.opened_at), "due_at": iso(row.due_at), "answer": row.answer,
        "answered_at": iso(row.answered_at), "outcome": row.outcome, "reason": row.reason,
        "decided_at": iso(row.decided_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for view, permission, verb in (
        ("FraudSignalApi", "can_list", Verb.FRAUD_READ), ("FraudSignalApi", "can_get", Verb.FRAUD_READ),
        ("FraudSignalApi", "can_risks", Verb.FRAUD_READ), ("FraudSignalApi", "can_aside", Verb.FRAUD_DECIDE),
        ("FraudCaseApi", "can_list", Verb.FRAUD_CASE),
        ("FraudCaseApi", "can_get", Verb.FRAUD_CASE), ("FraudCaseApi", "can_open", Verb.FRAUD_DECIDE),
        ("FraudCaseApi", "can_answer", Verb.FRAUD_ANSWER), ("FraudCaseApi", "can_decide", Verb.FRAUD_DECIDE),
    ):  # fmt: skip
        screens.declare(view, permission, verb)
    appbuilder.add_api(FraudSignalApi)
    appbuilder.add_api(FraudCaseApi)
