"""`/api/v1/policy-tests`: what a draft value would have made of a past period (POL-01); nothing stored changes."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import scope
from app.api.base import Resource, actor, answers, body
from app.api.policy import sent_value
from app.api.reading import asked_bool, day, words
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import Job
from app.permissions import Verb
from app.views.frame import screens
from app.views.scores import policy_proposals
from app.wording import say
from app.workflows.approval.policies import COUNTRY
from app.workflows.core import jobs


class PolicyTestApi(Resource):
    """Back-tests: entered, and read when they are done."""

    resource_name = "policy-tests"
    openapi_spec_tag = "Policy"

    @answers("", "POST", once=True)
    def enter(self) -> Any:
        """Enter the back-test of a draft value; draft and period are checked at once.
        ---
        post:
          summary: 政策回测：用一个拟定的值重算一段过去的日子，不改变任何记录
          takes: NewPolicyTest
          gives: {201: PolicyTest}
        """
        sent = body()
        first, last = day(sent, "from_on"), day(sent, "to_on")
        for name, value in (("from_on", first), ("to_on", last)):
            if value is None:
                raise refuse("参数", say("缺少 %(name)s", name=name), "请给出一段过去的日子", field=name)
        if "value" not in sent:
            raise refuse("参数", "缺少 value", "请给出拟定的值", field="value")
        assert first is not None and last is not None
        region = words(sent, "region_code", 12) or actor().region_code or COUNTRY
        key, value = words(sent, "key", 60), sent_value(sent["value"])
        number = policy_proposals.enter(key, value, region, first, last, "/policy/propose")
        return jsonify(_shown(jobs.of(db.session, actor(), number))), 201

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give how far it is, and when it is done the figures unit by unit.
        ---
        get:
          summary: 回测的进度和结果；缺省只列有变化的单位
          parameters:
            - {in: query, name: all, schema: {type: integer, enum: [0, 1]}, description: 1 列出全部单位}
          gives: {200: PolicyTest}
        """
        row = scope.visible(db.session, actor(), Job, key, "回测")
        if row.kind != "policy_test":
            raise NotFound(Finding("回测", False, say("没有编号为 %(key)s 的回测", key=key), "请核对编号"))
        return jsonify(_shown(jobs.of(db.session, actor(), key)))


def _shown(row: Job) -> dict[str, Any]:
    result = row.result if row.state == "done" and row.result else None
    if result is not None and not asked_bool("all"):
        result = result | {"units": [unit for unit in result.get("units", []) if unit["moved"]]}
    told = {name: row.params.get(name) for name in ("key", "value", "region", "from_on", "to_on")}
    return {
        "id": row.id, "state": row.state, "done": row.done, "total": row.total, "error": row.error, **told,
        "result": result,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_enter", "can_get"):
        screens.declare("PolicyTestApi", permission, Verb.POLICY_EDIT)
    appbuilder.add_api(PolicyTestApi)
