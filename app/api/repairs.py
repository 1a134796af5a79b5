"""`/api/v1/repairs`: 报修, 维修 from assignment to approval and the use unit's word (REP-01 to REP-03)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, finding_list, iso
from app.api.offline import accuracy_of, contact_of, entries_of, key_text, taken
from app.api.offline import instant as kept_instant
from app.api.reading import flag, instant, keys, whole, words
from app.api.reading import key as key_of
from app.api.visits import position
from app.errors import Finding, raise_failing
from app.extensions import db
from app.listings.repairs import REPAIRS
from app.models import RepairOrder
from app.models.choices import word
from app.models.repair import REPAIR_STATE
from app.permissions import Verb, require
from app.rules.offline import PhoneClock
from app.rules.repairs import TIMES
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.carrying import MOST_CARRIED
from app.views.repair import repair_sending
from app.workflows.repair import repair_answers, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from app.workflows.visits import repair_offline
from app.workflows.visits.repair_offline import KeptStep

MOST_FILES = 20


class RepairApi(Resource):
    """Repairs of one's elevators: reported, assigned, done by those who were sent, approved."""

    resource_name = "repairs"
    openapi_spec_tag = "Repairs"

    @answers("", "GET")
    def list(self) -> Any:
        """Give repair orders, as the page does.
        ---
        get:
          summary: 报修与维修；缺省为全部，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string,
                enum: [all, waiting, sent, ended, done, cancelled, late, unconfirmed, disputed]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码、位置、故障描述}
            - {in: query, name: level, schema: {type: string}, description: trapped,stopped…，逗号分隔}
            - {in: query, name: state, schema: {type: string}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: use_unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: reported_from, schema: {type: string, format: date}}
            - {in: query, name: reported_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: RepairPage}
        """
        return listed.page(REPAIRS, repair)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one order.
        ---
        get:
          summary: 一张维修工单
          gives: {200: Repair}
        """
        return jsonify(repair(scope.visible(db.session, actor(), RepairOrder, key, "维修工单")))

    @answers("", "POST", once=True)
    def report(self) -> Any:
        """Report a fault of an elevator, with photos sent before. The same `client_key` again gives the same order.
        ---
        post:
          summary: 报修登记；照片先用 /files 上传
          takes: RepairReport
          gives: {201: Repair}
        """
        sent = body()
        with transaction(db.session) as session:
            row = repairs.report(
                session, actor(), key_of(sent, "elevator_id"), words(sent, "level", 20), words(sent, "fault", 2000),
                words(sent, "note", 2000), clock.now(), photo_ids=keys(sent, "photos", MOST_FILES),
                client_key=words(sent, "client_key", 40) or None,
            )  # fmt: skip
        return jsonify(repair(row)), 201

    @answers("/<int:key>/assign", "POST", once=True)
    def assign(self, key: int) -> Any:
        """Send a worker, and whoever goes along; once more sends others.
        ---
        post:
          summary: 维修指派：维修员和协同人员
          takes: RepairAssignment
          gives: {200: Repair}
        """
        sent = body()
        with transaction(db.session) as session:
            worker, helpers = key_of(sent, "worker_id"), keys(sent, "helper_ids", MOST_FILES)
            row = repair_work.assign(session, actor(), key, worker, helpers, clock.now())
        return jsonify(repair(row))

    @answers("/send", "POST")
    def send(self) -> Any:
        """Send several out, to one worker or each to whoever keeps its elevator; each by itself, with its outcome.
        Sent again, what lies with that worker is told so and goes to nobody twice.
        ---
        post:
          summary: 批量派工；派给一人（worker_id），或各派给电梯自己的维保人员（to_keepers），每张单独办理、各有结果
          takes: RepairSending
          gives: {200: RepairsSent}
        """
        sent = body()
        require(actor(), Verb.REPAIR_ASSIGN)
        ids, worker, to_keepers = keys(sent, "ids", MOST_CARRIED), key_of(sent, "worker_id"), flag(sent, "to_keepers")
        raise_failing([
            Finding("维修工单", bool(ids), "没有选择", "请给出 ids", field="ids"),
            Finding("指派维修员", (worker is None) is to_keepers, "worker_id 和 to_keepers 应给出其中一个",
                "请按接口文档填写", field="worker_id"),
        ])  # fmt: skip
        keepers = repair_sending.keepers_of(repair_sending.rows_of(ids)) if to_keepers else {}
        outcomes = repair_sending.send(ids, worker, keepers)
        rows = [
            {"id": key, "done": not wrong, "status": status, "errors": finding_list(wrong)}
            for key, (status, wrong) in outcomes.items()
        ]
        return jsonify(done=sum(row["done"] for row in rows), results=rows)

    @answers("/<int:key>/take-back", "POST", once=True)
    def take_back(self, key: int) -> Any:
        """Take it back from whoever was sent, before he began.
        ---
        post:
          summary: 收回派工
          takes: RepairReason
          gives: {200: Repair}
        """
        sent = body()
        with transaction(db.session) as session:
            row = repair_work.take_back(session, actor(), key, words(sent, "reason", 2000), clock.now())
        return jsonify(repair(row))

    @answers("/<int:key>/accept", "POST", once=True)
    def accept(self, key: int) -> Any:
        """Accept what one was sent to, or take what nobody was.
        ---
        post:
          summary: 接单
          gives: {200: Repair}
        """
        with transaction(db.session) as session:
            row = repair_work.accept(session, actor(), key, clock.now())
        return jsonify(repair(row))

    @answers("/<int:key>/depart", "POST", once=True)
    def depart(self, key: int) -> Any:
        """Set out.
        ---
        post:
          summary: 出发
          gives: {200: Repair}
        """
        with transaction(db.session) as session:
            row = repair_work.depart(session, actor(), key, clock.now())
        return jsonify(repair(row))

    @answers("/<int:key>/start", "POST", once=True)
    def start(self, key: int) -> Any:
        """Begin on the spot; where the phone is, is kept and stops nobody.
        ---
        post:
          summary: 开始维修；调用者为签到人
          takes: RepairStart
          gives: {200: Repair}
        """
        sent = body()
        place = position(sent, required=False)
        with transaction(db.session) as session:
            row = repair_work.start(session, actor(), key, place, clock.now())
        return jsonify(repair(row))

    @answers("/offline", "POST")
    def send_steps(self) -> Any:
        """Take steps that a phone kept, in their order: each by itself, each once, refused ones with every reason.
        ---
        post:
          summary: 补传离线的出发和开始维修；每步各自成败，重发不重复
          takes: RepairStepsSent
          gives: {200: RepairStepsTaken}
        """
        sent = body()
        require(actor(), Verb.REPAIR_DO)
        given, shown = entries_of(sent), kept_instant(sent, "phone_at")
        return jsonify(received_at=iso(clock.now()), entries=[_take(entry, shown) for entry in given])

    @answers("/<int:key>/end", "POST", once=True)
    def end(self, key: int) -> Any:
        """End it; times that were not sent when they were are told now and marked. The same `end_key` is one end.
        ---
        post:
          summary: 结束维修；没有网络时没发送的时间在这里补填
          takes: RepairEnd
          gives: {200: Repair}
        """
        sent = body()
        told = Ending(
            cause=words(sent, "cause", 20), action=words(sent, "action", 2000), parts=words(sent, "parts", 2000),
            restored=flag(sent, "restored") if sent.get("restored") is not None else None,
            times={name: instant(sent, name) for name in TIMES}, signed_in_id=key_of(sent, "signed_in_id"),
            photo_ids=keys(sent, "photos", MOST_FILES), key=words(sent, "end_key", 40) or None,
        )  # fmt: skip
        with transaction(db.session) as session:
            row = repair_work.end(session, actor(), key, told, clock.now())
        return jsonify(repair(row))

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """The manager's word, where the region's policy asks for it.
        ---
        post:
          summary: 审批维修工单；驳回须写明理由
          takes: RepairDecision
          gives: {200: Repair}
        """
        sent = body()
        decision, reason = words(sent, "decision", 20), words(sent, "reason", 2000)
        with transaction(db.session) as session:
            row = repair_work.decide(session, actor(), key, decision, reason, clock.now())
        return jsonify(repair(row))

    @answers("/<int:key>/answer", "POST", once=True)
    def answer(self, key: int) -> Any:
        """The use unit's word on a repair that ended; what is not mended becomes an order of its own.
        ---
        post:
          summary: 使用单位确认修好，或反映仍有问题（另成一张工单，退回维保单位）
          takes: RepairAnswer
          gives: {200: Repair}
        """
        sent = body()
        fixed = flag(sent, "fixed") if sent.get("fixed") is not None else None
        with transaction(db.session) as session:
            row = repair_answers.answer(
                session, actor(), key, fixed, words(sent, "note", 2000), clock.now(), keys(sent, "photos", MOST_FILES)
            )
        return jsonify(repair(row))

    @answers("/<int:key>/cancel", "POST", once=True)
    def cancel(self, key: int) -> Any:
        """Take one's unit's report back, before anybody began.
        ---
        post:
          summary: 撤销报修
          takes: RepairReason
          gives: {200: Repair}
        """
        sent = body()
        with transaction(db.session) as session:
            row = repair_work.cancel(session, actor(), key, words(sent, "reason", 2000), clock.now())
        return jsonify(repair(row))


def _take(entry: Mapping[str, Any], shown: dt.datetime) -> dict[str, Any]:
    """One step in a transaction of its own: what became of it."""

    def read() -> KeptStep:
        account, contact = contact_of(entry)
        return KeptStep(
            key_text(entry), PhoneClock(shown, clock.now(), contact), account, whole(entry, "order_id"),
            words(entry, "verb", 20), kept_instant(entry, "at"), position(entry, required=False), accuracy_of(entry),
        )  # fmt: skip

    def receive(session: Any, kept: KeptStep) -> dict[str, Any]:
        row = repair_offline.receive(session, actor(), kept, clock.now())
        return {"repair": {
            "id": row.id, "code": row.code, "state": row.state, "state_name": word(REPAIR_STATE, row.state),
            **{name: iso(getattr(row, name)) for name in TIMES},
        }}  # fmt: skip

    return taken(entry, read, receive)


def repair(row: RepairOrder) -> dict[str, Any]:
    return {
        "id": row.id, "number": repr(row), "elevator_id": row.elevator_id, "code": row.code, "place": row.place,
        "region_code": row.region_code, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id, "source": row.source,
        "visit_id": row.visit_id, "anomaly_id": row.anomaly_id, "level": row.level, "fault": row.fault,
        "note": row.note, "use_note": row.use_note, "reported_at": iso(row.reported_at), "state": row.state,
        "worker_id": row.worker_id, "helper_ids": repairs.helper_ids(db.session, row),
        "assigned_at": iso(row.assigned_at), **{name: iso(getattr(row, name)) for name in TIMES},
        "told_later": [name for name in (row.told_later or "").split(",") if name],
        "signed_in_id": row.signed_in_id, "start_distance": row.start_distance, "cause": row.cause,
        "action": row.action, "parts": row.parts, "restored": row.restored, "decision": row.decision,
        "decision_reason": row.decision_reason, "closed_at": iso(row.closed_at), "end_note": row.end_note,
        "due_at": iso(row.due_at), "taken_over": row.taken_over, "answer": row.answer,
        "answered_at": iso(row.answered_at), "answer_note": row.answer_note, "again_of_id": row.again_of_id,
        "late_steps": [] if row.state == "cancelled" else [s.value for s in repairs.late_of(row, clock.now())],
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission, verb in (
        ("can_list", Verb.REPAIR_READ), ("can_get", Verb.REPAIR_READ), ("can_report", Verb.REPAIR_REPORT),
        ("can_assign", Verb.REPAIR_ASSIGN), ("can_send", Verb.REPAIR_ASSIGN),
        ("can_take_back", Verb.REPAIR_ASSIGN), ("can_accept", Verb.REPAIR_DO),
        ("can_send_steps", Verb.REPAIR_DO), ("can_depart", Verb.REPAIR_DO), ("can_start", Verb.REPAIR_DO),
        ("can_end", Verb.REPAIR_DO),
        ("can_decide", Verb.REPAIR_APPROVE), ("can_cancel", Verb.REPAIR_REPORT),
        ("can_answer", Verb.REPAIR_REPORT),
    ):  # fmt: skip
        screens.declare("RepairApi", permission, verb)
    appbuilder.add_api(RepairApi)
