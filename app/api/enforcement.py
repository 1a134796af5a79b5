"""`/api/v1/enforcement`, `/appeals`: 约谈, 警告, 立案处罚 (ANO-03) and appeals against evidence (APL-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.applications import file_shown
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import day, flag, key, keys, texts, words
from app.errors import refuse
from app.extensions import db
from app.listings.appeals import APPEALS
from app.listings.enforcement import ENFORCEMENTS
from app.models import Appeal, Enforcement
from app.permissions import Verb
from app.rules.enforcement import MOST_EVIDENCE, MOST_FILES
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.told import told
from app.views.oversight.enforcement import evidence_shown
from app.wording import again
from app.workflows.files import attachments
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight.enforcement import Entry

LONGEST = 4000


class EnforcementApi(Resource):
    """What regulators did about units: drawn up and decided by regulators, answered by the unit."""

    resource_name = "enforcement"
    openapi_spec_tag = "Enforcement"

    @answers("", "GET")
    def list(self) -> Any:
        """Give cases, as the page does; a unit sees its own, from the hour in which they took force.
        ---
        get:
          summary: 约谈、警告和立案处罚，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string,
                enum: [all, draft, proposed, in_force, overdue, replied, closed, withdrawn]}}
            - {in: query, name: q, schema: {type: string}, description: 编号、单位、事实、文书号}
            - {in: query, name: kind, schema: {type: string}, description: talk,warning,penalty，逗号分隔}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}, description: 证据中的电梯}
            - {in: query, name: decided_from, schema: {type: string, format: date}}
            - {in: query, name: decided_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: EnforcementPage}
        """
        return listed.page(ENFORCEMENTS, case)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one case with its evidence and files.
        ---
        get:
          summary: 一件约谈或处罚，含证据和附件
          gives: {200: EnforcementWhole}
        """
        return jsonify(_whole(scope.visible(db.session, actor(), Enforcement, key, "这件执法记录")))

    @answers("", "POST", once=True)
    def draw_up(self) -> Any:
        """Draw up a draft about a unit.
        ---
        post:
          summary: 起草；再用 …/issue 下达或 …/propose 提请决定
          takes: NewEnforcement
          gives: {201: EnforcementWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            entry, files = _entry(sent, words(sent, "kind", 20)), keys(sent, "files", MOST_FILES)
            row = enforcement.draw_up(session, actor(), _unit(sent), entry, clock.now(), files)
            shown = _whole(row)
        return jsonify(shown), 201

    @answers("/<int:key>", "PATCH", once=True)
    def edit(self, key: int) -> Any:
        """Change a draft; the whole content is sent.
        ---
        patch:
          summary: 修改草稿（全部内容）
          takes: EnforcementChange
          gives: {200: EnforcementWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            version, files = whole(sent, "row_version"), keys(sent, "files", MOST_FILES)
            row = enforcement.edit(session, actor(), key, _entry(sent, ""), clock.now(), files, version)
            shown = _whole(row)
        return jsonify(shown)

    @answers("/<int:key>/issue", "POST", once=True)
    def issue(self, key: int) -> Any:
        """Put a talk or a warning into force.
        ---
        post:
          summary: 下达约谈或警告，通知单位
          gives: {200: Enforcement}
        """
        with transaction(db.session) as session:
            shown = case(enforcement.issue(session, actor(), key, clock.now()))
        return jsonify(shown)

    @answers("/<int:key>/propose", "POST", once=True)
    def propose(self, key: int) -> Any:
        """Put a penalty before the second person.
        ---
        post:
          summary: 立案处罚提请第二人决定
          gives: {200: Enforcement}
        """
        with transaction(db.session) as session:
            shown = case(enforcement.propose(session, actor(), key, clock.now()))
        return jsonify(shown)

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """The second person's word on a penalty.
        ---
        post:
          summary: 第二人决定立案处罚，或退回修改
          takes: EnforcementDecision
          gives: {200: Enforcement}
        """
        sent = body()
        agreed = None if sent.get("agreed") is None else flag(sent, "agreed")
        with transaction(db.session) as session:
            shown = case(enforcement.decide(session, actor(), key, agreed, words(sent, "note", LONGEST), clock.now()))
        return jsonify(shown)

    @answers("/<int:key>/reply", "POST", once=True)
    def reply(self, key: int) -> Any:
        """The unit's answer, with files sent before.
        ---
        post:
          summary: 单位整改答复
          takes: EnforcementReply
          gives: {200: Enforcement}
        """
        sent = body()
        with transaction(db.session) as session:
            files = keys(sent, "files", MOST_FILES)
            shown = case(enforcement.reply(session, actor(), key, words(sent, "reply", LONGEST), clock.now(), files))
        return jsonify(shown)

    @answers("/<int:key>/send-back", "POST", once=True)
    def send_back(self, key: int) -> Any:
        """Send an answer back that is not enough.
        ---
        post:
          summary: 退回整改
          takes: EnforcementSentBack
          gives: {200: Enforcement}
        """
        sent = body()
        with transaction(db.session) as session:
            days = _days(sent)
            row = enforcement.send_back(session, actor(), key, words(sent, "note", LONGEST), days, clock.now())
            shown = case(row)
        return jsonify(shown)

    @answers("/<int:key>/close", "POST", once=True)
    def close(self, key: int) -> Any:
        """End a case.
        ---
        post:
          summary: 办结
          takes: EnforcementNote
          gives: {200: Enforcement}
        """
        sent = body()
        with transaction(db.session) as session:
            shown = case(enforcement.close(session, actor(), key, words(sent, "note", LONGEST), clock.now()))
        return jsonify(shown)

    @answers("/<int:key>/withdraw", "POST", once=True)
    def withdraw(self, key: int) -> Any:
        """Take a case back; it stays to be read.
        ---
        post:
          summary: 撤销，须写明理由；记录保留
          takes: EnforcementNote
          gives: {200: Enforcement}
        """
        sent = body()
        with transaction(db.session) as session:
            shown = case(enforcement.withdraw(session, actor(), key, words(sent, "note", LONGEST), clock.now()))
        return jsonify(shown)


class AppealApi(Resource):
    """Appeals of units; decided on, withdrawn and mended by /applications."""

    resource_name = "appeals"
    openapi_spec_tag = "Enforcement"

    @answers("", "GET")
    def list(self) -> Any:
        """Give appeals, as the page does.
        ---
        get:
          summary: 申诉，新的在前；办理在 /applications
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, waiting, upheld, rejected, withdrawn]}}
            - {in: query, name: q, schema: {type: string}, description: 申诉编号、识别码、理由}
            - {in: query, name: about, schema: {type: string}, description: visit,overdue_period…，逗号分隔}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: made_from, schema: {type: string, format: date}}
            - {in: query, name: made_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: AppealPage}
        """
        return listed.page(APPEALS, appeal)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one appeal with what it came to.
        ---
        get:
          summary: 一件申诉，含更正前后
          gives: {200: Appeal}
        """
        return jsonify(appeal(scope.visible(db.session, actor(), Appeal, key, "这件申诉")))

    @answers("", "POST", once=True)
    def submit(self) -> Any:
        """Appeal against a record of one's own unit.
        ---
        post:
          summary: 对本单位的记录申诉
          takes: NewAppeal
          gives: {201: ApplicationWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            files = keys(sent, "files", MOST_FILES)
            made = appeals.submit(
                session, actor(), words(sent, "about", 60), words(sent, "grounds", LONGEST), files, clock.now()
            )
        return jsonify(application_full(made)), 201


def case(row: Enforcement) -> dict[str, Any]:
    return {
        "id": row.id, "number": row.number, "unit": {"id": row.unit_id, "name": row.unit.name},
        "region_code": row.region_code, "kind": row.kind, "state": row.state, "decided_on": iso(row.decided_on),
        "document_no": row.document_no, "facts": row.facts, "demand": row.demand, "legal_basis": row.legal_basis,
        "reply_days": row.reply_days, "in_force_at": iso(row.in_force_at), "due_at": iso(row.due_at),
        "replied_at": iso(row.replied_at), "reply": row.reply, "late": row.late, "sent_back_note": row.sent_back_note,
        "closed_at": iso(row.closed_at), "close_note": row.close_note, "withdrawn_at": iso(row.withdrawn_at),
        "withdraw_reason": told(row.withdraw_reason) if row.withdraw_reason else None, "row_version": row.row_version,
    }  # fmt: skip


def _whole(row: Enforcement) -> dict[str, Any]:
    files = attachments.of(db.session, "enforcement", row.id)
    evidence = [
        {
            "key": f"{one.entity}-{one.entity_id}", "said": words_, "happened_on": iso(one.happened_on),
            "elevator_id": one.elevator_id,
        }
        for one, words_ in evidence_shown(row, actor())
    ]  # fmt: skip
    return case(row) | {"evidence": evidence, "files": [file_shown(file) for file in files]}


def appeal(row: Appeal) -> dict[str, Any]:
    return {
        "id": row.id, "number": row.number or "", "unit": {"id": row.unit_id, "name": row.unit.name},
        "region_code": row.region_code, "application_id": row.application_id, "entity": row.entity,
        "entity_id": row.entity_id, "elevator_id": row.elevator_id, "happened_on": iso(row.happened_on),
        "said": told(row.said), "grounds": row.grounds, "appeal_until": iso(row.appeal_until), "state": row.state,
        "in_force_from": iso(row.in_force_from), "created_at": iso(row.created_at),
        "figures": [
            {"label": told(again(label)), "before": told(again(before)), "after": told(again(after))}
            for label, before, after in row.figures or ()
        ],
    }  # fmt: skip


def _unit(sent: dict[str, Any]) -> int:
    found = key(sent, "unit_id")
    if found is None:
        raise refuse("单位", "没有填写", "请给出单位的编号", field="unit_id")
    return found


def _days(sent: dict[str, Any]) -> int | None:
    return key(sent, "days")


def _entry(sent: dict[str, Any], kind: str) -> Entry:
    return Entry(
        kind=kind, decided_on=day(sent, "decided_on"), facts=words(sent, "facts", LONGEST),
        demand=words(sent, "demand", LONGEST), legal_basis=words(sent, "legal_basis", LONGEST),
        document_no=words(sent, "document_no", 200), reply_days=key(sent, "reply_days"),
        evidence=texts(sent, "evidence", MOST_EVIDENCE),
    )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission, verb in (
        ("can_list", Verb.ENFORCEMENT_READ), ("can_get", Verb.ENFORCEMENT_READ),
        ("can_draw_up", Verb.ENFORCEMENT_EDIT), ("can_edit", Verb.ENFORCEMENT_EDIT),
        ("can_issue", Verb.ENFORCEMENT_EDIT), ("can_propose", Verb.ENFORCEMENT_EDIT),
        ("can_decide", Verb.ENFORCEMENT_DECIDE), ("can_reply", Verb.ENFORCEMENT_REPLY),
        ("can_send_back", Verb.ENFORCEMENT_EDIT), ("can_close", Verb.ENFORCEMENT_EDIT),
        ("can_withdraw", Verb.ENFORCEMENT_EDIT),
    ):  # fmt: skip
        screens.declare("EnforcementApi", permission, verb)
    for permission, verb in (
        ("can_list", Verb.APPLICATION_READ), ("can_get", Verb.APPLICATION_READ), ("can_submit", Verb.APPEAL_SUBMIT),
    ):  # fmt: skip
        screens.declare("AppealApi", permission, verb)
    appbuilder.add_api(EnforcementApi)
    appbuilder.add_api(AppealApi)
