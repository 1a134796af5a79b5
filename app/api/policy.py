"""`/api/v1/policy`: every value with its origin, and the two-person path to a new one (POL-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify, request
from sqlalchemy import select

from app import clock, scope
from app.api.base import Resource, actor, answers, body, chosen, finding_list, iso, page
from app.api.reading import day, words
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import PolicyProposal, Region
from app.models.policy import PROPOSAL_STATE, policy_book, policy_version
from app.permissions import Verb
from app.policy import PRESETS, SPECS, Held, Key, chain, shown
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.policy_words import origin, region_names
from app.views.scores.policy_proposals import changed_keys
from app.wording import say
from app.workflows.approval import policies
from app.workflows.approval.policies import COUNTRY
from app.workflows.approval.submissions import name_of


class PolicyApi(Resource):
    """What judges, here and on a day."""

    resource_name = "policy"
    openapi_spec_tag = "Policy"

    @answers("", "GET")
    def list(self) -> Any:
        """Give every value of a region on a day with where it comes from.
        ---
        get:
          summary: 某地区某日的全部政策参数及出处
          parameters:
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码；缺省为本辖区}
            - {in: query, name: "on", schema: {type: string, format: date}, description: 缺省为今天}
          gives: {200: PolicyBook}
        """
        code, on = _region(), _on()
        names, book = region_names(), policy_book(db.session, code, on)
        rows = [_value(found, held, names) for found, held in book.items()]
        return jsonify(region=code, on=on.isoformat(), version=policy_version(db.session, code, on), rows=rows)

    @answers("/<key>", "GET")
    def get(self, key: str) -> Any:
        """Give one parameter: its value, what it was and will be, what the presets say.
        ---
        get:
          summary: 一个参数：现值、出处、历次设置、各预设
          parameters:
            - {in: query, name: region, schema: {type: string}}
            - {in: query, name: "on", schema: {type: string, format: date}}
          gives: {200: PolicyHistory}
        """
        if key not in set(Key):
            raise NotFound(
                Finding("政策参数", False, say("没有参数“%(key)s”", key=key[:40]), "GET /policy 列出全部参数")
            )
        known, code, on, names = Key(key), _region(), _on(), region_names()
        rows = [
            {"id": row.id, "region": row.region_code, "value": row.value, "from": iso(row.effective_on),
             "shown": policies.value_words(key, row.value), "source": row.source, "known_at": iso(row.known_at),
             "by": name_of(db.session, row.set_by_id)}
            for row in policies.history(db.session, key, chain(code))
        ]  # fmt: skip
        presets = [
            {"name": p.name, "label": p.label, "value": shown(known, p.values[known]), "source": p.source}
            for p in PRESETS.values() if known in p.values
        ]  # fmt: skip
        held = policy_book(db.session, code, on)[known]
        value = _value(known, held, names)
        return jsonify(key=key, meaning=SPECS[known].meaning, value=value, rows=rows, presets=presets)

    @answers("/versions/<version>", "GET")
    def said(self, version: str) -> Any:
        """Give what a version said: records keep the version that judged them.
        ---
        get:
          summary: 某个政策版本的内容
          parameters:
            - {in: query, name: region, schema: {type: string}}
            - {in: query, name: "on", schema: {type: string, format: date}}
          gives: {200: PolicyVersion}
        """
        code, on = words(request.args, "region", 12), _on()
        known = len(code) == 12 and code.isascii() and code.isdigit()
        values = policies.said(db.session, version[:20], code if known else None, on)
        if values is None:
            raise NotFound(
                Finding(
                    "政策版本",
                    False,
                    say("没有版本 %(version)s", version=version[:20]),
                    "请用记录里的版本、地区和日期查询",
                )
            )
        return jsonify(version=version[:20], values=dict(values))


class ProposalApi(Resource):
    """Proposals of values within scope."""

    resource_name = "policy-proposals"
    openapi_spec_tag = "Policy"

    @answers("", "GET")
    def list(self) -> Any:
        """Give proposals, the newest first.
        ---
        get:
          summary: 政策提议列表
          paged: true
          parameters:
            - {in: query, name: state, schema: {type: string}}
          gives: {200: ProposalPage}
        """
        statement, state = scope.apply(select(PolicyProposal), actor()), chosen("state", PROPOSAL_STATE)
        if state:
            statement = statement.where(PolicyProposal.state == state)
        return page(statement, [PolicyProposal.id.desc()], _brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one proposal: what it would change, and whether this account may decide it.
        ---
        get:
          summary: 一件提议：会改变什么、我能否决定
          gives: {200: ProposalWhole}
        """
        return jsonify(_full(scope.visible(db.session, actor(), PolicyProposal, key, "这件提议")))

    @answers("", "POST", once=True)
    def propose(self) -> Any:
        """Propose a value; it holds once a second person approves.
        ---
        post:
          summary: 提议新值，由第二人批准后自生效日起适用
          takes: NewProposal
          gives: {201: ProposalWhole}
        """
        sent = body()
        on = day(sent, "effective_on")
        if on is None or "value" not in sent:
            name = "value" if on is not None else "effective_on"
            raise refuse("参数", say("缺少 %(name)s", name=name), "请按接口文档填写", field=name)
        code = words(sent, "region_code", 12) or actor().region_code or COUNTRY
        with transaction(db.session) as session:
            row = policies.propose(
                session, actor(), clock.now(), words(sent, "key", 60), sent_value(sent["value"]), code, on,
                words(sent, "source", 1000), words(sent, "reason", 1000),
            )  # fmt: skip
        return jsonify(_full(row)), 201

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """Approve (with the version seen), reject, or take back one's own.
        ---
        post:
          summary: 批准、不同意或撤回提议
          takes: ProposalDecision
          gives: {200: ProposalWhole}
        """
        sent = body()
        verb, opinion, at = words(sent, "verb", 20), words(sent, "opinion", 500), clock.now()
        with transaction(db.session) as session:
            if verb == "approve":
                policies.approve(session, actor(), key, words(sent, "seen", 20), opinion, at)
            elif verb == "reject":
                policies.reject(session, actor(), key, opinion, at)
            elif verb == "withdraw":
                policies.withdraw(session, actor(), key, at)
            else:
                remedy = "可选：approve、reject、withdraw"
                raise refuse("审批动作", say("没有“%(verb)s”这种决定", verb=verb), remedy, field="verb", value=verb)
        return jsonify(_full(scope.visible(db.session, actor(), PolicyProposal, key, "这件提议")))


def _value(key: Key, held: Held, names: dict[str, str]) -> dict[str, Any]:
    spec = SPECS[key]
    return {
        "key": key.value, "meaning": spec.meaning, "group": spec.group, "value": held.value,
        "shown": shown(key, held.value), "origin": origin(held, names), "region_code": held.region_code,
        "preset": held.preset, "since": iso(held.effective_on),
    }  # fmt: skip


def _brief(row: PolicyProposal) -> dict[str, Any]:
    return {
        "id": row.id, "key": row.key, "meaning": policies.words(row.key), "region_code": row.region_code,
        "value": row.value, "shown": policies.value_words(row.key, row.value), "effective_on": iso(row.effective_on),
        "source": row.source, "reason": row.reason, "state": row.state, "proposed_at": iso(row.proposed_at),
        "proposed_by": name_of(db.session, row.proposed_by_id), "decided_at": iso(row.decided_at),
        "decided_by": name_of(db.session, row.decided_by_id) if row.decided_at else None, "opinion": row.opinion,
    }  # fmt: skip


def _full(row: PolicyProposal) -> dict[str, Any]:
    waits = row.state == "proposed"
    checks = policies.findings(db.session, actor(), row) if waits and actor().may(Verb.POLICY_EDIT) else []
    return _brief(row) | {
        "seen": policy_version(db.session, row.region_code, row.effective_on), "checks": finding_list(checks),
        "changes": [
            {"key": key.value, "meaning": SPECS[key].meaning, "old": shown(key, old), "new": shown(key, new)}
            for key, old, new in (changed_keys(row) if waits else [])
        ],
    }  # fmt: skip


def sent_value(value: Any) -> Any:
    """A number, text, true, false or null; or the one object that means 随上级."""
    if value is None or isinstance(value, bool | int | str) or value == {"inherit": True}:
        return value
    remedy = '请给出数字、文字、true、false、null，或 {"inherit": true}'
    raise refuse("参数", "value 不是参数的值", remedy, field="value", value=str(value)[:60])


def _on() -> dt.date:
    return day(request.args, "on") or clock.today()


def _region() -> str:
    """The region asked for within one's own, else one's own."""
    typed, own = words(request.args, "region", 12), actor().region_code or COUNTRY
    if not typed or typed == own:
        return own
    span = actor().region_span
    inside = typed.isascii() and typed.isdigit() and (span is None or span[0] <= typed < span[1])
    if inside and db.session.scalar(select(Region.id).where(Region.code == typed)):
        return typed
    found = say("没有地区 %(typed)s，或不在您的管辖范围内", typed=typed)
    raise NotFound(Finding("地区", False, found, "请用 12 位区划代码", field="region", value=typed))


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("PolicyApi", permission, Verb.POLICY_READ)
        screens.declare("ProposalApi", permission, Verb.POLICY_READ)
    # Whoever was judged by a version may read it, as on the page.
    screens.declare("PolicyApi", "can_said", Verb.HOME)
    for permission in ("can_propose", "can_decide"):
        screens.declare("ProposalApi", permission, Verb.POLICY_EDIT)
    appbuilder.add_api(PolicyApi)
    appbuilder.add_api(ProposalApi)
