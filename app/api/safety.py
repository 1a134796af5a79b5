"""`/api/v1/safety-records`, `/patrols`: 日管控 周排查 月调度 of use units, and patrol rounds (SAF-01, PAT-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.api.base import Resource, actor, answers, body, chosen, iso, page, whole
from app.api.reading import asked_bool, day, flag, key, words
from app.errors import refuse
from app.extensions import db
from app.models import PatrolRound, PatrolStop, SafetyRecord
from app.models.safety import SAFETY_RECORD
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.on_site import patrols, safety


class SafetyRecordApi(Resource):
    """The records of use units; one's own to make."""

    resource_name = "safety-records"
    openapi_spec_tag = "Safety"

    @answers("", "GET")
    def list(self) -> Any:
        """Give records, the newest day first.
        ---
        get:
          summary: 日管控、周排查、月调度记录
          paged: true
          parameters:
            - {in: query, name: kind, schema: {type: string, enum: [daily, weekly, monthly]}}
            - {in: query, name: unit_id, schema: {type: integer}}
            - {in: query, name: from_on, schema: {type: string, format: date}}
            - {in: query, name: to_on, schema: {type: string, format: date}}
          gives: {200: SafetyRecordPage}
        """
        statement, kind = scope.apply(select(SafetyRecord), actor()), chosen("kind", SAFETY_RECORD)
        first, last = day(request.args, "from_on"), day(request.args, "to_on")
        if kind:
            statement = statement.where(SafetyRecord.kind == kind)
        if request.args.get("unit_id"):
            statement = statement.where(SafetyRecord.unit_id == whole(request.args, "unit_id"))
        if first is not None:
            statement = statement.where(SafetyRecord.on >= first)
        if last is not None:
            statement = statement.where(SafetyRecord.on <= last)
        return page(statement, [SafetyRecord.on.desc(), SafetyRecord.id.desc()], _record)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one record.
        ---
        get:
          summary: 一条安全记录
          gives: {200: SafetyRecord}
        """
        return jsonify(_record(scope.visible(db.session, actor(), SafetyRecord, key, "这条记录")))

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Make the record of a day, week or month; once made it stays.
        ---
        post:
          summary: 填写安全记录
          takes: NewSafetyRecord
          gives: {201: SafetyRecord}
        """
        sent = body()
        on = day(sent, "on")
        if on is None:
            raise refuse("参数", "缺少 on", "请给出日期", field="on")
        with transaction(db.session) as session:
            row = safety.record(
                session, actor(), words(sent, "kind", 20), on, _found(sent), clock.now(),
                nothing_found=flag(sent, "nothing_found"), summary=words(sent, "summary", 5000),
                people=words(sent, "people", 200),
            )  # fmt: skip
        return jsonify(_record(row)), 201


class PatrolApi(Resource):
    """Patrol rounds; one's own stops to fill in."""

    resource_name = "patrols"
    openapi_spec_tag = "Safety"

    @answers("", "GET")
    def list(self) -> Any:
        """Give rounds, the nearest day first.
        ---
        get:
          summary: 巡检列表
          paged: true
          parameters:
            - {in: query, name: open, schema: {type: integer, enum: [0, 1]}}
            - {in: query, name: own, schema: {type: integer, enum: [0, 1]}, description: 1 只看由我巡检的}
          gives: {200: PatrolPage}
        """
        statement, is_open = scope.apply(select(PatrolRound), actor()), asked_bool("open")
        if is_open is not None:
            ended = PatrolRound.closed_at.is_(None)
            statement = statement.where(ended if is_open else ~ended)
        if asked_bool("own"):
            statement = statement.where(PatrolRound.account_id == (actor().user_id or 0))
        return page(statement, [PatrolRound.due_on, PatrolRound.id], _patrol)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one round with its stops.
        ---
        get:
          summary: 一次巡检及各站结果
          gives: {200: PatrolWhole}
        """
        return jsonify(patrol_whole(scope.visible(db.session, actor(), PatrolRound, key, "这次巡检")))

    @answers("/stops/<int:key>", "POST", once=True)
    def check(self, key: int) -> Any:
        """Give the result of one stop of one's own round; it stands once given.
        ---
        post:
          summary: 填写一站的巡检结果
          takes: StopResult
          gives: {200: PatrolStop}
        """
        sent = body()
        fine = None if sent.get("is_fine") is None else flag(sent, "is_fine")
        with transaction(db.session) as session:
            row = patrols.check(
                session, actor(), key, clock.now(), is_fine=fine, finding=words(sent, "finding"),
                handled=words(sent, "handled"),
            )  # fmt: skip
        return jsonify(_stop(row))


def _found(sent: dict[str, Any]) -> list[dict[str, Any]]:
    given = sent.get("findings")
    if given is None:
        return []
    most = safety.MOST_FINDINGS
    if not isinstance(given, list) or len(given) > most or not all(isinstance(one, dict) for one in given):
        raise refuse(
            "参数", say("findings 应为不超过 %(most)s 个对象的数组", most=most), "请按接口文档填写", field="findings"
        )
    return [
        {"elevator_id": key(one, "elevator_id"), "found": words(one, "found"), "handled": words(one, "handled")}
        for one in given
    ]


def _record(row: SafetyRecord) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "on": iso(row.on), "unit_id": row.unit_id, "region_code": row.region_code,
        "nothing_found": row.nothing_found, "findings": row.findings, "elevators": row.elevators,
        "summary": row.summary, "people": row.people, "made_by": row.made_by, "made_at": iso(row.made_at),
    }  # fmt: skip


def _patrol(row: PatrolRound) -> dict[str, Any]:
    return {
        "id": row.id, "title": row.title, "due_on": iso(row.due_on), "unit_id": row.unit_id,
        "region_code": row.region_code, "account": row.account_name, "closed_at": iso(row.closed_at), "note": row.note,
    }  # fmt: skip


def patrol_whole(row: PatrolRound) -> dict[str, Any]:
    """One round with its stops."""
    stops = select(PatrolStop).where(PatrolStop.round_id == row.id).options(joinedload(PatrolStop.elevator))
    found = db.session.scalars(scope.apply(stops, actor(), PatrolStop).order_by(PatrolStop.id))
    return _patrol(row) | {"stops": [_stop(one) for one in found]}


def _stop(row: PatrolStop) -> dict[str, Any]:
    return {
        "id": row.id, "elevator_id": row.elevator_id, "code": row.elevator.code, "checked_at": iso(row.checked_at),
        "is_fine": row.is_fine, "finding": row.finding, "handled": row.handled,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("SafetyRecordApi", permission, Verb.SAFETY_READ)
        screens.declare("PatrolApi", permission, Verb.PATROL_READ)
    screens.declare("SafetyRecordApi", "can_make", Verb.SAFETY_RECORD)
    screens.declare("PatrolApi", "can_check", Verb.PATROL_READ)
    appbuilder.add_api(SafetyRecordApi)
    appbuilder.add_api(PatrolApi)
