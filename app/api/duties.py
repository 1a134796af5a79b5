"""`/api/v1/risks`, `/officers`, `/patrols`: risk lists, named officers, planned rounds (SAF-01, PAT-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso, page, whole
from app.api.reading import day, keys, words
from app.api.safety import patrol_whole
from app.errors import refuse
from app.extensions import db
from app.listings.safety import RISKS
from app.models import ElevatorOfficer, RiskItem
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.approval.submissions import name_of
from app.workflows.on_site import patrols, safety

_TEXTS = (*safety.LONGEST, "level", "cycle")


class RiskApi(Resource):
    """风险管控清单 of use units; one's own to write."""

    resource_name = "risks"
    openapi_spec_tag = "Safety"

    @answers("", "GET")
    def list(self) -> Any:
        """Give lines of the lists, as the page does.
        ---
        get:
          summary: 风险管控清单
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
            - {in: query, name: tab, schema: {type: string}}
            - {in: query, name: level, schema: {type: string}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: RiskPage}
        """
        return listed.page(RISKS, _risk)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one line.
        ---
        get:
          summary: 一条风险
          gives: {200: Risk}
        """
        return jsonify(_risk(_row(key)))

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Add a line to one's own list.
        ---
        post:
          summary: 增加一条风险
          takes: NewRisk
          gives: {201: Risk}
        """
        sent = body()
        data = {name: words(sent, name) for name in _TEXTS}
        with transaction(db.session) as session:
            row = safety.save_risk(session, actor(), None, data, clock.now())
        return jsonify(_risk(row)), 201

    @answers("/<int:key>", "PATCH")
    def change(self, key: int) -> Any:
        """Change a line; what is not given stays.
        ---
        patch:
          summary: 修改一条风险
          takes: RiskChange
          gives: {200: Risk}
        """
        sent, held = body(), _row(key)
        seen = whole(sent, "seen_version")
        data = {name: words(sent, name) if name in sent else getattr(held, name) for name in _TEXTS}
        with transaction(db.session) as session:
            row = safety.save_risk(session, actor(), key, data, clock.now(), seen)
        return jsonify(_risk(row))

    @answers("/<int:key>/end", "POST")
    def end(self, key: int) -> Any:
        """Take a line off the list from today on; ended twice is ended.
        ---
        post:
          summary: 停用一条风险
          gives: {200: Risk}
        """
        with transaction(db.session) as session:
            row = safety.end_risk(session, actor(), key, clock.now())
        return jsonify(_risk(row))


class OfficerApi(Resource):
    """The safety officers named for elevators."""

    resource_name = "officers"
    openapi_spec_tag = "Safety"

    @answers("", "GET")
    def list(self) -> Any:
        """Give who is named for which elevator.
        ---
        get:
          summary: 各电梯的安全员
          paged: true
          gives: {200: OfficerPage}
        """
        statement = scope.apply(select(ElevatorOfficer), actor()).options(joinedload(ElevatorOfficer.elevator))
        return page(statement, [ElevatorOfficer.elevator_id], _officer)

    @answers("", "PUT")
    def name(self) -> Any:
        """Name an account of the use unit for some of its elevators; named again changes nothing.
        ---
        put:
          summary: 为本单位的电梯指定安全员
          takes: NameOfficer
          gives: {200: Changed}
        """
        sent = body()
        account_id, wanted = whole(sent, "account_id"), keys(sent, "elevator_ids")
        if not wanted:
            raise refuse("电梯", "没有给出电梯", "请在 elevator_ids 中给出至少一台", field="elevator_ids")
        with transaction(db.session) as session:
            count = safety.name_officer(session, actor(), wanted, _account(account_id), clock.now())
        return jsonify(changed=count)


class PatrolPlanApi(Resource):
    """Planning and ending rounds."""

    resource_name = "patrols"
    openapi_spec_tag = "Safety"

    @answers("/patrollers", "GET")
    def patrollers(self) -> Any:
        """Give whom one may send.
        ---
        get:
          summary: 可以安排的巡检人
          gives: {200: Patrollers}
        """
        return jsonify(rows=[{"id": key, "name": name} for key, name in patrols.patrollers(db.session, actor())])

    @answers("", "POST", once=True)
    def plan(self) -> Any:
        """Make a round over elevators, for an account of one's own unit or office.
        ---
        post:
          summary: 安排巡检
          takes: NewPatrol
          gives: {201: PatrolWhole}
        """
        sent = body()
        due_on = day(sent, "due_on")
        if due_on is None:
            raise refuse("完成期限", "没有填写", "请选择日期", field="due_on")
        with transaction(db.session) as session:
            row = patrols.plan(
                session, actor(), words(sent, "title"), due_on, _account(whole(sent, "account_id")),
                keys(sent, "elevator_ids"), clock.now(), words(sent, "note"),
            )  # fmt: skip
        return jsonify(patrol_whole(row)), 201

    @answers("/<int:key>/close", "POST")
    def close(self, key: int) -> Any:
        """End a round before all of it was seen; what was left out stays a gap.
        ---
        post:
          summary: 结束巡检，未巡的记为漏巡
          gives: {200: PatrolWhole}
        """
        with transaction(db.session) as session:
            row = patrols.close(session, actor(), key, clock.now())
        return jsonify(patrol_whole(row))


def _account(number: int) -> int:
    """A number that an account can have; any other is as good as one that nobody has."""
    return number if number <= scope.BIGGEST_ACCOUNT else 0


def _row(key: int) -> RiskItem:
    row: RiskItem = scope.visible(db.session, actor(), RiskItem, key, "这一条风险")
    return row


def _risk(row: RiskItem) -> dict[str, Any]:
    return {
        "id": row.id, "unit_id": row.unit_id, "unit": row.unit.name, "region_code": row.region_code,
        **{name: getattr(row, name) for name in _TEXTS}, "ended_on": iso(row.ended_on),
        "row_version": row.row_version,
    }  # fmt: skip


def _officer(row: ElevatorOfficer) -> dict[str, Any]:
    return {
        "elevator_id": row.elevator_id, "code": row.elevator.code, "unit_id": row.unit_id,
        "named_at": iso(row.named_at), "account": {"id": row.account_id, "name": name_of(db.session, row.account_id)},
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("RiskApi", permission, Verb.SAFETY_READ)
    for permission in ("can_make", "can_change", "can_end"):
        screens.declare("RiskApi", permission, Verb.SAFETY_EDIT)
    screens.declare("OfficerApi", "can_list", Verb.SAFETY_READ)
    screens.declare("OfficerApi", "can_name", Verb.SAFETY_EDIT)
    for permission in ("can_patrollers", "can_plan", "can_close"):
        screens.declare("PatrolPlanApi", permission, Verb.PATROL_EDIT)
    for api in (RiskApi, OfficerApi, PatrolPlanApi):
        appbuilder.add_api(api)
