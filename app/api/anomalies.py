"""电梯异常 by the interface (ANO-02): what people and devices found, and what was made of it."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import instant, keys, words
from app.api.reading import key as key_of
from app.extensions import db
from app.listings.repairs import ANOMALIES
from app.models import Anomaly
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.oversight import anomalies

MOST_FILES = 20


class AnomalyApi(Resource):
    """What people and devices found of one's elevators, and what was made of it."""

    resource_name = "anomalies"
    openapi_spec_tag = "Repairs"

    @answers("", "GET")
    def list(self) -> Any:
        """Give anomalies, as the page does.
        ---
        get:
          summary: 电梯异常；缺省为全部，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, found, confirmed, closed, dismissed]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码、位置、异常描述}
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: source, schema: {type: string}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: found_from, schema: {type: string, format: date}}
            - {in: query, name: found_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: AnomalyPage}
        """
        return listed.page(ANOMALIES, anomaly)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one anomaly.
        ---
        get:
          summary: 一条电梯异常
          gives: {200: Anomaly}
        """
        return jsonify(anomaly(scope.visible(db.session, actor(), Anomaly, key, "这条异常")))

    @answers("", "POST", once=True)
    def report(self) -> Any:
        """Say what was found; one that stands open of the same kind takes it.
        ---
        post:
          summary: 上报异常；照片先用 /files 上传
          takes: AnomalyReport
          gives: {201: Anomaly}
        """
        sent = body()
        found_at = instant(sent, "found_at")
        with transaction(db.session) as session:
            row = anomalies.report(
                session, actor(), key_of(sent, "elevator_id"), words(sent, "kind", 20), words(sent, "body", 2000),
                clock.now(), found_at=found_at, photo_ids=keys(sent, "photos", MOST_FILES),
            )  # fmt: skip
        return jsonify(anomaly(row)), 201

    @answers("/<int:key>/handle", "POST", once=True)
    def handle(self, key: int) -> Any:
        """Confirm it, or end it: dismissed, settled, passed on to repair or rescue.
        ---
        post:
          summary: 审核和处理；排除和现场已处理须写明；转救援即报警，已在救援的并入
          takes: AnomalyHandling
          gives: {200: Anomaly}
        """
        sent = body()
        verb, note, level = words(sent, "verb", 20), words(sent, "note", 2000), words(sent, "level", 20)
        with transaction(db.session) as session:
            row = anomalies.handle(session, actor(), key, verb, note, clock.now(), level=level)
        return jsonify(anomaly(row))


def anomaly(row: Anomaly) -> dict[str, Any]:
    return {
        "id": row.id, "number": repr(row), "elevator_id": row.elevator_id, "code": row.code, "place": row.place,
        "region_code": row.region_code, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id, "source": row.source,
        "kind": row.kind, "body": row.body, "found_at": iso(row.found_at), "times": row.times,
        "last_at": iso(row.last_at), "state": row.state, "reviewed_at": iso(row.reviewed_at), "outcome": row.outcome,
        "handle_note": row.handle_note, "handled_at": iso(row.handled_at), "rescue_id": row.rescue_id,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission, verb in (
        ("can_list", Verb.ANOMALY_READ), ("can_get", Verb.ANOMALY_READ), ("can_report", Verb.ANOMALY_REPORT),
        ("can_handle", Verb.ANOMALY_HANDLE),
    ):  # fmt: skip
        screens.declare("AnomalyApi", permission, verb)
    appbuilder.add_api(AnomalyApi)
