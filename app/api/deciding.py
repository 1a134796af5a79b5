"""`/api/v1/applications/…/decision`, `/batch`, `/ageing`, `/delegations`: the officers' work, as at the desk."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock
from app.api.applications import full
from app.api.base import Resource, actor, answers, body, finding_list, iso, whole
from app.api.reading import day, key, part, words
from app.errors import Refusal, Stale, refuse
from app.extensions import db
from app.models import Delegation
from app.permissions import Verb
from app.reports import approvals
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say, together
from app.workflows.approval import delegations
from app.workflows.desk import applications, many, revocations, told_together

MOST_BATCH = 200


class DecisionApi(Resource):
    """One decision, or many with a result for each."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """Accept, approve, return or reject; `seen_version` is the row_version that the officer looked at.
        ---
        post:
          summary: 受理、同意、退回补正或不通过；需两人时第一人的同意为初审
          takes: Decision
          gives: {200: ApplicationWhole}
        """
        sent = body()
        verb, opinion = words(sent, "verb", 20), words(sent, "opinion", 2000)
        seen = whole(sent, "seen_version")
        given = part(sent, "remarks") if sent.get("remarks") is not None else {}
        remarks = {str(name)[:60]: words(given, name, 2000) for name in list(given)[:MOST_BATCH]}
        with transaction(db.session):
            row = applications.decide(db.session, actor(), key, verb, opinion, seen, clock.now(), remarks)
        return jsonify(full(row))

    @answers("/<int:key>/revoke", "POST", once=True)
    def revoke(self, key: int) -> Any:
        """Take back an approval before its day; where two persons gave it, the first call asks the second one.
        ---
        post:
          summary: 撤销批准（生效日之前）；两人批准的，第一人提出后 state 不变，第二人撤销
          takes: Revocation
          gives: {200: ApplicationWhole}
        """
        sent = body()
        reason, seen = words(sent, "reason", 2000), whole(sent, "seen_version")
        with transaction(db.session):
            row = revocations.revoke(db.session, actor(), key, reason, seen, clock.now())
        return jsonify(full(row))

    @answers("/batch", "POST")
    def batch(self) -> Any:
        """Decide many: each by itself, in its own transaction. Sent again, what was decided is told as moved on (409);
        one that meets a fault of the product (500) is told by the number of its incident, and the others go on.
        ---
        post:
          summary: 批量决定，每件单独校验、单独办理、各有结果
          takes: Batch
          gives: {200: BatchResult}
        """
        sent = body()
        verb, opinion = words(sent, "verb", 20), words(sent, "opinion", 2000)
        if verb not in many.VERBS:
            remedy = say("可选：%(names)s", names=together(many.VERBS))
            raise refuse("审批动作", say("没有“%(verb)s”这种批量决定", verb=verb), remedy, field="verb", value=verb)
        press = told_together.new_press()
        results = [_one(item, verb, opinion, press) for item in _chosen(sent)]
        told_together.tell_by_itself(db.session, clock.now(), press)
        return jsonify(done=sum(r["done"] for r in results), results=results)

    @answers("/ageing", "GET")
    def ageing(self) -> Any:
        """Give what waits by office, the latest ones first.
        ---
        get:
          summary: 待办时长，按审批机关
          gives: {200: Ageing}
        """
        now = clock.now()
        rows = [
            {"region_code": line.region_code, "name": line.name, "waiting": line.waiting, "ages": line.ages,
             "late": line.late, "oldest_at": iso(line.oldest_at)}
            for line in approvals.ageing(db.session, actor(), now)
        ]  # fmt: skip
        return jsonify(rows=rows, as_of=iso(now))


class DelegationApi(Resource):
    """代办: one's own, given and taken."""

    resource_name = "delegations"
    openapi_spec_tag = "Applications"

    @answers("", "GET")
    def list(self) -> Any:
        """Give one's own delegations, and who can be named.
        ---
        get:
          summary: 我的委托和可以委托的人
          gives: {200: Delegations}
        """
        rows = [_delegation(row) for row in delegations.own(db.session, actor())]
        people = [{"id": a.id, "name": a.get_full_name()} for a in delegations.colleagues(db.session, actor())]
        return jsonify(rows=rows, colleagues=people)

    @answers("", "POST", once=True)
    def name(self) -> Any:
        """Let a colleague stand in from a day to a day.
        ---
        post:
          summary: 委托同事代办
          takes: NewDelegation
          gives: {201: Delegation}
        """
        sent = body()
        with transaction(db.session) as session:
            row = delegations.name(
                session, actor(), key(sent, "to_id"), day(sent, "from_on"), day(sent, "to_on"),
                words(sent, "reason", 200), clock.now(),
            )  # fmt: skip
        return jsonify(_delegation(row)), 201

    @answers("/<int:key>/end", "POST")
    def end(self, key: int) -> Any:
        """Take it back, or lay it down; ended twice is ended.
        ---
        post:
          summary: 结束一次委托
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            delegations.end(session, actor(), key, clock.now())
        return jsonify(done=True)


def _chosen(sent: dict[str, Any]) -> list[tuple[int, int]]:
    """Ids with the version seen, each id once."""
    given = sent.get("chosen")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_BATCH or not all(isinstance(g, dict) for g in given):
        found = say("chosen 应为 1 至 %(most_batch)s 个 {id, seen_version}", most_batch=MOST_BATCH)
        raise refuse("参数", found, "请按接口文档填写", field="chosen")
    return list({whole(one, "id"): (whole(one, "id"), whole(one, "seen_version")) for one in given}.values())


def _one(item: tuple[int, int], verb: str, opinion: str, press: str) -> dict[str, Any]:
    number = item[0]
    try:
        row = many.decide_one(db.session, actor(), item, verb, opinion, clock.now(), press)
    except Refusal as refusal:
        failed = finding_list([f for f in refusal.findings if not f.ok])
        current = refusal.current if isinstance(refusal, Stale) else None
        return {"id": number, "done": False, "status": refusal.status_code, "errors": failed,
                "current_version": current}  # fmt: skip
    return {"id": number, "done": True, "status": 200, "state": row.state, "number": row.number, "errors": []}


def _delegation(row: Delegation) -> dict[str, Any]:
    return {
        "id": row.id, "from": {"id": row.from_id, "name": row.giver.get_full_name()},
        "to": {"id": row.to_id, "name": row.taker.get_full_name()}, "from_on": iso(row.from_on),
        "to_on": iso(row.to_on), "reason": row.reason, "ended_at": iso(row.ended_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_decide", "can_revoke", "can_batch", "can_ageing"):
        screens.declare("DecisionApi", permission, Verb.APPLICATION_DECIDE)
    for permission in ("can_list", "can_name", "can_end"):
        screens.declare("DelegationApi", permission, Verb.APPLICATION_DECIDE)
    appbuilder.add_api(DecisionApi)
    appbuilder.add_api(DelegationApi)
