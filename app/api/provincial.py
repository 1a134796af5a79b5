"""`/api/v1/provincial`: comparing with the provincial register, and settling what differs (INT-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import words
from app.errors import refuse
from app.extensions import db
from app.listings.provincial import DIFFERENCES, RUNS
from app.models import ProvincialDifference, ProvincialItem, ProvincialRun
from app.permissions import Verb
from app.rules.provincial import MOST_CODES
from app.transaction import transaction
from app.views.frame import screens
from app.views.partners.provincial import MOST_ITEMS, ours_now
from app.workflows.partners import provincial, provincial_ways


class ProvincialApi(Resource):
    """Runs and differences of one's elevators."""

    resource_name = "provincial"
    openapi_spec_tag = "Provincial register"

    @answers("", "GET")
    def list(self) -> Any:
        """Give what differs, as the page does.
        ---
        get:
          summary: 与省平台不一致的电梯；缺省为待处理的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [open, fields, unit, new, settled]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: ProvincialDifferencePage}
        """
        return listed.page(DIFFERENCES, difference)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one difference.
        ---
        get:
          summary: 一条不一致，逐项列出省平台和本平台的内容
          gives: {200: ProvincialDifference}
        """
        return jsonify(difference(scope.visible(db.session, actor(), ProvincialDifference, key, "这条核对")))

    @answers("/<int:key>/take", "POST", once=True)
    def take(self, key: int) -> Any:
        """Take theirs into a draft of the elevator.
        ---
        post:
          summary: 采用省平台的内容：写入草稿，上报审核后生效
          takes: ProvincialTaking
          gives: {200: ProvincialDifference}
        """
        names = body().get("fields", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refuse("参数", "fields 不是文字的列表", "请按接口文档填写", field="fields")
        with transaction(db.session) as session:
            provincial_ways.take(session, actor(), key, names, clock.now())
        return jsonify(difference(scope.visible(db.session, actor(), ProvincialDifference, key, "这条核对")))

    @answers("/<int:key>/keep", "POST", once=True)
    def keep(self, key: int) -> Any:
        """Keep ours, with the reason.
        ---
        post:
          summary: 保留本平台的内容，须写明理由；省平台再变化时重新提示
          takes: ProvincialKeeping
          gives: {200: ProvincialDifference}
        """
        with transaction(db.session) as session:
            row = provincial_ways.keep(session, actor(), key, words(body(), "reason", 1000), clock.now())
        return jsonify(difference(row))

    @answers("/<int:key>/link", "POST", once=True)
    def link(self, key: int) -> Any:
        """Say which unit of ours the register's name is.
        ---
        post:
          summary: 关联单位（监管部门）：省平台上的这个名称就是本平台的哪个单位
          takes: ProvincialLinking
          gives: {200: ProvincialDifference}
        """
        sent = body()
        unit = sent.get("unit_id")
        if isinstance(unit, bool) or not isinstance(unit, int):
            raise refuse("关联单位", "unit_id 不是整数", "请给出单位的 id", field="unit_id")
        side, reason = words(sent, "side", 20), words(sent, "reason", 1000)
        with transaction(db.session) as session:
            row = provincial_ways.link(session, actor(), key, side, unit, reason, clock.now())
        return jsonify(difference(row))

    @answers("/runs", "GET")
    def runs(self) -> Any:
        """Give runs, as the page does.
        ---
        get:
          summary: 同步记录，新的在前
          paged: true
          gives: {200: ProvincialRunPage}
        """
        return listed.page(RUNS, run)

    @answers("/runs/<int:key>", "GET")
    def read_run(self, key: int) -> Any:
        """Give one run with what became of each code.
        ---
        get:
          summary: 一次同步，每个代码一个结果（至多 1,000 个）
          gives: {200: ProvincialRunWhole}
        """
        row: ProvincialRun = scope.visible(db.session, actor(), ProvincialRun, key, "这次同步")
        items = select(ProvincialItem).where(ProvincialItem.run_id == row.id).order_by(ProvincialItem.id)
        return jsonify(run(row) | {"items": [
            {"code": one.code, "outcome": one.outcome, "elevator_id": one.elevator_id,
             "difference_id": one.difference_id, "note": None if one.note is None else str(one.note)}
            for one in db.session.scalars(items.limit(MOST_ITEMS))
        ]})  # fmt: skip

    @answers("/runs", "POST", once=True)
    def sync(self) -> Any:
        """Begin a run by codes, or for a region.
        ---
        post:
          summary: 同步省平台数据：给出代码，或（监管部门）地区；在后台进行
          takes: ProvincialSync
          gives: {202: ProvincialRun}
        """
        sent = body()
        with transaction(db.session) as session:
            if sent.get("region"):
                row = provincial.begin_region(session, actor(), words(sent, "region", 12), clock.now())
            else:
                row = provincial.begin(session, actor(), words(sent, "codes", 40 * MOST_CODES), clock.now())
        return jsonify(run(row)), 202


def run(row: ProvincialRun) -> dict[str, Any]:
    counts = ("asked", "matched", "new", "different", "kept", "not_found", "refused")
    return {
        "id": row.id, "kind": row.kind, "region_code": row.region_code, "job_id": row.job_id,
        "begun_at": iso(row.begun_at), "finished_at": iso(row.finished_at),
        **{name: getattr(row, name) for name in counts},
    }  # fmt: skip


def difference(row: ProvincialDifference) -> dict[str, Any]:
    takeable, ours = provincial_ways.takeable(row), ours_now(row)
    return {
        "id": row.id, "code": row.code, "kind": row.kind, "elevator_id": row.elevator_id, "unit_id": row.unit_id,
        "use_unit_id": row.use_unit_id, "region_code": row.region_code,
        "fields": [
            {"field": name, "theirs": row.theirs.get(name), "ours": ours.get(name), "takeable": name in takeable}
            for name in row.unlike
        ],
        "near": row.near, "found_at": iso(row.found_at), "seen_at": iso(row.seen_at), "way": row.way,
        "reason": row.reason, "settled_at": iso(row.settled_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("list", "get", "take", "keep", "link", "runs", "read_run", "sync"):
        screens.declare("ProvincialApi", f"can_{permission}", Verb.REGISTER_SYNC)
    appbuilder.add_api(ProvincialApi)
