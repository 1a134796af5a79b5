"""`/api/v1/spot-draws`, `/spot-checks`, `/spot-avoidances`: draws, their results and follow-up (TGT-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import day, flag, keys, words
from app.api.reading import key as number_of
from app.errors import refuse
from app.extensions import db
from app.listings.spot import CHECKS, DRAWS
from app.models import SpotAvoidance, SpotCheck, SpotDraw
from app.models.choices import CATEGORY
from app.permissions import Verb
from app.rules.spot_draw import MOST_INSPECTORS
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.oversight import spot_checks, spot_draws, spot_risk
from app.workflows.oversight.spot_risk import Asked

MOST_FILES, MOST_SHOWN = 10, 100


class SpotDrawApi(Resource):
    """Draws: published, drawn once with a public text, kept for good."""

    resource_name = "spot-draws"
    openapi_spec_tag = "Checks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give draws, as the page does.
        ---
        get:
          summary: 抽查；作废的也在内
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, announced, drawn, cancelled]}}
            - {in: query, name: q, schema: {type: string}, description: 抽查编号、名称}
            - {in: query, name: target, schema: {type: string}}
            - {in: query, name: drawn_from, schema: {type: string, format: date}}
            - {in: query, name: drawn_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: SpotDrawPage}
        """
        return listed.page(DRAWS, draw)

    @answers("", "POST", once=True)
    def announce(self) -> Any:
        """Publish a draw: the list and the rules are fixed.
        ---
        post:
          summary: 公布抽查
          takes: NewSpotDraw
          gives: {200: SpotDraw}
        """
        sent = body()
        category = words(sent, "category", 10) or None
        if category is not None and category not in CATEGORY:
            raise refuse("电梯品种", "不在候选之内", "请按接口文档填写", field="category", value=category)
        region = words(sent, "region", 12) or None
        asked = Asked(words(sent, "target", 20), region, category, number_of(sent, "unit_id"))
        by_risk, top = spot_draws.defaults(db.session, actor().region_code, clock.today())
        given = {name: number_of(sent, name) for name in ("quota", "risk_percent", "top_percent")}
        plan = spot_draws.Plan(
            words(sent, "title", 200), asked, given["quota"],
            by_risk if given["risk_percent"] is None else given["risk_percent"],
            top if given["top_percent"] is None else given["top_percent"], day(sent, "check_until"),
            keys(sent, "inspectors", MOST_INSPECTORS),
        )  # fmt: skip
        with transaction(db.session) as session:
            row = spot_draws.announce(session, actor(), plan, clock.now())
        return jsonify(draw(row))

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give the whole record of a draw: with it anybody works out the same.
        ---
        get:
          summary: 一次抽查的全部记录，含名单
          gives: {200: SpotDrawWhole}
        """
        row = scope.visible(db.session, actor(), SpotDraw, key, "这次抽查")
        chosen = [check(one) for one in spot_draws.checks_of(db.session, row)]
        return jsonify(draw(row) | {"population": row.population, "chosen": chosen})

    @answers("/risks", "GET")
    def risks(self) -> Any:
        """Give the riskiest, each with what its risk is made of.
        ---
        get:
          summary: 风险排序，前 100
          parameters:
            - {in: query, name: target, schema: {type: string, enum: [elevator, unit]}}
          gives: {200: SpotRisks}
        """
        target = request.args.get("target", "elevator")
        if target not in ("elevator", "unit"):
            found = "target 应为 elevator 或 unit"
            raise refuse("参数", found, "请按接口文档填写", field="target", value=target[:60])
        rows, _total = spot_risk.riskiest(db.session, actor(), Asked(target), clock.now(), MOST_SHOWN)
        return jsonify(rows=[{"code": r.code, "name": r.name, "risk": r.risk, "parts": dict(r.parts)} for r in rows])

    @answers("/<int:key>/draw", "POST", once=True)
    def draw(self, key: int) -> Any:
        """Draw with a public text, once.
        ---
        post:
          summary: 抽取；只能一次
          takes: SpotSeed
          gives: {200: SpotDraw}
        """
        sent = body()
        with transaction(db.session) as session:
            row = spot_draws.draw(session, actor(), key, words(sent, "seed_text", 500), clock.now())
        return jsonify(draw(row))

    @answers("/<int:key>/cancel", "POST", once=True)
    def cancel(self, key: int) -> Any:
        """Cancel it; it stays visible with its reason.
        ---
        post:
          summary: 作废
          takes: SpotReason
          gives: {200: SpotDraw}
        """
        sent = body()
        with transaction(db.session) as session:
            row = spot_draws.cancel(session, actor(), key, words(sent, "reason", 500), clock.now())
        return jsonify(draw(row))


class SpotCheckApi(Resource):
    """What was drawn: results by the inspectors, follow-up by the unit."""

    resource_name = "spot-checks"
    openapi_spec_tag = "Checks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give checks, as the page does; a unit those whose result is there.
        ---
        get:
          summary: 抽查对象；单位在结果填写后才看到
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, mine, waiting, fixing, fixed, late, done]}}
            - {in: query, name: q, schema: {type: string}, description: 代码、名称、单位}
            - {in: query, name: draw, schema: {type: integer}}
            - {in: query, name: state, schema: {type: string}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: checked_from, schema: {type: string, format: date}}
            - {in: query, name: checked_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: SpotCheckPage}
        """
        return listed.page(CHECKS, check)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one check.
        ---
        get:
          summary: 一个抽查对象
          gives: {200: SpotCheck}
        """
        return jsonify(check(scope.visible(db.session, actor(), SpotCheck, key, "这项检查")))

    @answers("/<int:key>/result", "POST", once=True)
    def result(self, key: int) -> Any:
        """Enter what was found, with photos sent before.
        ---
        post:
          summary: 填写结果；照片先用 /files 上传
          takes: SpotResult
          gives: {200: SpotCheck}
        """
        sent = body()
        passed = None if sent.get("passed") is None else flag(sent, "passed")
        with transaction(db.session) as session:
            row = spot_checks.enter(
                session, actor(), key, passed, words(sent, "findings", 3000), words(sent, "demand", 3000),
                clock.now(), keys(sent, "photos", MOST_FILES),
            )  # fmt: skip
        return jsonify(check(row))

    @answers("/<int:key>/fix", "POST", once=True)
    def fix(self, key: int) -> Any:
        """Say what was put right.
        ---
        post:
          summary: 提交整改
          takes: SpotFix
          gives: {200: SpotCheck}
        """
        sent = body()
        with transaction(db.session) as session:
            files = keys(sent, "files", MOST_FILES)
            row = spot_checks.fix(session, actor(), key, words(sent, "note", 3000), clock.now(), files)
        return jsonify(check(row))

    @answers("/<int:key>/review", "POST", once=True)
    def review(self, key: int) -> Any:
        """The second look: put right, or sent back.
        ---
        post:
          summary: 复查
          takes: SpotReview
          gives: {200: SpotCheck}
        """
        sent = body()
        confirmed = None if sent.get("confirmed") is None else flag(sent, "confirmed")
        with transaction(db.session) as session:
            row = spot_checks.review(session, actor(), key, confirmed, words(sent, "note", 3000), clock.now())
        return jsonify(check(row))

    @answers("/<int:key>/skip", "POST", once=True)
    def skip(self, key: int) -> Any:
        """Say why it can't be checked; nothing is drawn in its place.
        ---
        post:
          summary: 标为未检查
          takes: SpotReason
          gives: {200: SpotCheck}
        """
        sent = body()
        with transaction(db.session) as session:
            row = spot_checks.skip(session, actor(), key, words(sent, "reason", 3000), clock.now())
        return jsonify(check(row))


class SpotAvoidanceApi(Resource):
    """Who keeps out of whose checks."""

    resource_name = "spot-avoidances"
    openapi_spec_tag = "Checks"

    @answers("", "GET")
    def list(self) -> Any:
        """Give the last 200 of the region.
        ---
        get:
          summary: 检查人员回避
          gives: {200: SpotAvoidances}
        """
        statement = scope.apply(select(SpotAvoidance), actor(), SpotAvoidance).order_by(SpotAvoidance.id.desc())
        return jsonify(rows=[avoidance(row) for row in db.session.scalars(statement.limit(200))])

    @answers("", "POST", once=True)
    def declare(self) -> Any:
        """Keep out of a unit's checks.
        ---
        post:
          summary: 登记回避
          takes: NewSpotAvoidance
          gives: {200: SpotAvoidance}
        """
        sent = body()
        with transaction(db.session) as session:
            row = spot_draws.keep_out(
                session, actor(), number_of(sent, "account_id"), number_of(sent, "unit_id"), words(sent, "reason", 500),
                clock.now(),
            )  # fmt: skip
        return jsonify(avoidance(row))

    @answers("/<int:key>/end", "POST", once=True)
    def end(self, key: int) -> Any:
        """It holds no more.
        ---
        post:
          summary: 解除回避
          gives: {200: SpotAvoidance}
        """
        with transaction(db.session) as session:
            row = spot_draws.end_avoidance(session, actor(), key, clock.now())
        return jsonify(avoidance(row))


def draw(row: SpotDraw) -> dict[str, Any]:
    """As it is published; the secret is told with the draw, not before."""
    return {
        "id": row.id, "number": row.number, "title": row.title, "region_code": row.region_code, "target": row.kind,
        "state": row.state, "quota": row.quota, "risk_percent": row.risk_percent, "top_percent": row.top_percent,
        "as_of": iso(row.as_of), "filters": row.filters,
        "inspectors": [{"id": one["id"], "name": one["name"]} for one in row.inspectors],
        "population_count": row.population_count, "population_digest": row.population_digest,
        "commitment": row.commitment, "secret": row.secret if row.seed else None, "seed_text": row.seed_text,
        "seed": row.seed, "check_until": row.check_until.isoformat(), "drawn_at": iso(row.drawn_at),
        "cancelled_at": iso(row.cancelled_at), "cancel_reason": row.cancel_reason,
    }  # fmt: skip


def check(row: SpotCheck) -> dict[str, Any]:
    return {
        "id": row.id, "draw_id": row.draw_id, "number": row.draw.number, "position": row.position,
        "stratum": row.stratum, "code": row.code, "name": row.name, "elevator_id": row.elevator_id,
        "unit_id": row.unit_id, "region_code": row.region_code, "risk": row.risk, "parts": row.parts,
        "inspectors": [
            {"id": one.id, "name": one.get_full_name()} for one in (row.inspector, row.partner) if one is not None
        ],
        "state": row.state, "checked_at": iso(row.checked_at), "findings": row.findings, "demand": row.demand,
        "due_at": iso(row.due_at), "fix_note": row.fix_note, "fixed_at": iso(row.fixed_at),
        "close_note": row.close_note, "closed_at": iso(row.closed_at),
    }  # fmt: skip


def avoidance(row: SpotAvoidance) -> dict[str, Any]:
    return {
        "id": row.id, "account": {"id": row.account_id, "name": row.account.get_full_name()},
        "unit": {"id": row.unit_id, "name": row.unit.name}, "reason": row.reason, "declared_at": iso(row.declared_at),
        "ended_at": iso(row.ended_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for view, permission, verb in (
        ("SpotDrawApi", "can_list", Verb.SPOT_CHECK), ("SpotDrawApi", "can_get", Verb.SPOT_CHECK),
        ("SpotDrawApi", "can_risks", Verb.SPOT_CHECK), ("SpotDrawApi", "can_announce", Verb.SPOT_DRAW),
        ("SpotDrawApi", "can_draw", Verb.SPOT_DRAW), ("SpotDrawApi", "can_cancel", Verb.SPOT_DRAW),
        ("SpotCheckApi", "can_list", Verb.SPOT_READ), ("SpotCheckApi", "can_get", Verb.SPOT_READ),
        ("SpotCheckApi", "can_result", Verb.SPOT_CHECK), ("SpotCheckApi", "can_fix", Verb.SPOT_FIX),
        ("SpotCheckApi", "can_review", Verb.SPOT_CHECK), ("SpotCheckApi", "can_skip", Verb.SPOT_CHECK),
        ("SpotAvoidanceApi", "can_list", Verb.SPOT_CHECK), ("SpotAvoidanceApi", "can_declare", Verb.SPOT_CHECK),
        ("SpotAvoidanceApi", "can_end", Verb.SPOT_CHECK),
    ):  # fmt: skip
        screens.declare(view, permission, verb)
    for resource in (SpotDrawApi, SpotCheckApi, SpotAvoidanceApi):
        appbuilder.add_api(resource)
