"""`/api/v1/complaints`, `/messages`: 公众投诉 from acceptance to review, 留言 and replies (CMP-03, CMP-04, CMP-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import flag, keys, words
from app.extensions import db
from app.listings.complaints import COMPLAINTS, MESSAGES, message_state
from app.models import Complaint, ElevatorMessage
from app.permissions import Verb
from app.rules.complaints import MOST_PHOTOS, late_steps
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.public import complaints, messages

MOST_FILES = 3 * MOST_PHOTOS


class ComplaintApi(Resource):
    """Complaints of one's elevators: accepted and handled by the unit, reviewed by the use unit."""

    resource_name = "complaints"
    openapi_spec_tag = "Complaints"

    @answers("", "GET")
    def list(self) -> Any:
        """Give complaints, as the page does.
        ---
        get:
          summary: 公众投诉；缺省为全部，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string,
                enum: [all, waiting, accepted, handled, disputed, closed, late]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码、位置、投诉编号、投诉人}
            - {in: query, name: kind, schema: {type: string}, description: "shaking,noise…，逗号分隔"}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: use_unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: complained_from, schema: {type: string, format: date}}
            - {in: query, name: complained_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: ComplaintPage}
        """
        return listed.page(COMPLAINTS, complaint)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one complaint.
        ---
        get:
          summary: 一件投诉
          gives: {200: Complaint}
        """
        return jsonify(complaint(scope.visible(db.session, actor(), Complaint, key, "这件投诉")))

    @answers("/<int:key>/accept", "POST", once=True)
    def accept(self, key: int) -> Any:
        """Accept it for one's unit.
        ---
        post:
          summary: 接单
          gives: {200: Complaint}
        """
        with transaction(db.session) as session:
            row = complaints.accept(session, actor(), key, clock.now())
        return jsonify(complaint(row))

    @answers("/<int:key>/handle", "POST", once=True)
    def handle(self, key: int) -> Any:
        """Say what was done about it, with photos sent before.
        ---
        post:
          summary: 处置；照片先用 /files 上传
          takes: ComplaintHandling
          gives: {200: Complaint}
        """
        sent = body()
        with transaction(db.session) as session:
            photos = keys(sent, "photos", MOST_FILES)
            row = complaints.handle(session, actor(), key, words(sent, "note", 2000), clock.now(), photos)
        return jsonify(complaint(row))

    @answers("/<int:key>/review", "POST", once=True)
    def review(self, key: int) -> Any:
        """The use unit's word: agreed ends it, not agreed sends it back, once.
        ---
        post:
          summary: 使用单位复核；不认可须写明理由
          takes: ComplaintReview
          gives: {200: Complaint}
        """
        sent = body()
        agreed = None if sent.get("agreed") is None else flag(sent, "agreed")
        with transaction(db.session) as session:
            row = complaints.review(session, actor(), key, agreed, words(sent, "note", 2000), clock.now())
        return jsonify(complaint(row))

    @answers("/<int:key>/prod", "POST", once=True)
    def prod(self, key: int) -> Any:
        """A regulator reminds whoever has the next step.
        ---
        post:
          summary: 督办
          takes: ComplaintNote
          gives: {200: Complaint}
        """
        sent = body()
        with transaction(db.session) as session:
            row = complaints.prod(session, actor(), key, words(sent, "note", 2000), clock.now())
        return jsonify(complaint(row))

    @answers("/<int:key>/close", "POST", once=True)
    def close(self, key: int) -> Any:
        """A regulator ends it; what is untrue counts for nobody.
        ---
        post:
          summary: 监管部门办结
          takes: ComplaintEnd
          gives: {200: Complaint}
        """
        sent = body()
        untrue = flag(sent, "untrue") if "untrue" in sent else False
        with transaction(db.session) as session:
            row = complaints.close(session, actor(), key, words(sent, "note", 2000), untrue, clock.now())
        return jsonify(complaint(row))


class MessageApi(Resource):
    """Lines that passers-by left, their replies, and what of both is public."""

    resource_name = "messages"
    openapi_spec_tag = "Complaints"

    @answers("", "GET")
    def list(self) -> Any:
        """Give messages, as the page does.
        ---
        get:
          summary: 扫码留言
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, open, replied, public]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: sent_from, schema: {type: string, format: date}}
            - {in: query, name: sent_to, schema: {type: string, format: date}}
          gives: {200: MessagePage}
        """
        return listed.page(MESSAGES, message)

    @answers("/<int:key>/reply", "POST", once=True)
    def reply(self, key: int) -> Any:
        """Reply for one's unit; public only when a regulator publishes it.
        ---
        post:
          summary: 回复留言
          takes: MessageReply
          gives: {200: Message}
        """
        sent = body()
        with transaction(db.session) as session:
            row = messages.reply(session, actor(), key, words(sent, "reply", 2000), clock.now())
        return jsonify(message(row))

    @answers("/<int:key>/publish", "POST", once=True)
    def publish(self, key: int) -> Any:
        """Show it with its reply behind the code, or withhold it.
        ---
        post:
          summary: 公开或不公开留言
          takes: MessagePublication
          gives: {200: Message}
        """
        sent = body()
        with transaction(db.session) as session:
            row = messages.publish(session, actor(), key, flag(sent, "shown"), clock.now())
        return jsonify(message(row))


def complaint(row: Complaint) -> dict[str, Any]:
    """As it is sent: the complainant's number masked; who may see it whole asks for it on the page."""
    now = clock.now()
    found = complaints.outcome_of(row, now)
    turn = complaints.turn_of(row)
    late = [] if row.is_untrue else late_steps(complaints.course_of(row), complaints.hours_of(row), now)
    return {
        "id": row.id, "number": row.number, "elevator_id": row.elevator_id, "code": row.code, "place": row.place,
        "region_code": row.region_code, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id, "name": row.name,
        "phone": mask_mobile(row.phone) if row.phone else None, "kinds": row.kinds, "body": row.body,
        "state": row.state, "complained_at": iso(row.complained_at), "accepted_at": iso(row.accepted_at),
        "handled_at": iso(row.handled_at), "handle_note": row.handle_note, "reviewed_at": iso(row.reviewed_at),
        "review_note": row.review_note, "sent_back": row.sent_back, "handled_again_at": iso(row.handled_again_at),
        "reviewed_again_at": iso(row.reviewed_again_at), "closed_at": iso(row.closed_at), "end_note": row.end_note,
        "is_untrue": row.is_untrue, "due_at": iso(row.due_at), "taken_over": row.taken_over,
        "turn": None if turn is None else turn[0].value, "late_steps": [step.value for step in late],
        "outcome": None if found is None else found.value,
    }  # fmt: skip


def message(row: ElevatorMessage) -> dict[str, Any]:
    return {
        "id": row.id, "elevator_id": row.elevator_id, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id,
        "body": row.body, "sent_at": iso(row.sent_at), "reply": row.reply, "replied_at": iso(row.replied_at),
        "published_at": iso(row.published_at), "state": str(message_state(row)),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission, verb in (
        ("can_list", Verb.COMPLAINT_READ), ("can_get", Verb.COMPLAINT_READ), ("can_accept", Verb.COMPLAINT_HANDLE),
        ("can_handle", Verb.COMPLAINT_HANDLE), ("can_review", Verb.COMPLAINT_REVIEW),
        ("can_prod", Verb.COMPLAINT_CLOSE), ("can_close", Verb.COMPLAINT_CLOSE),
    ):  # fmt: skip
        screens.declare("ComplaintApi", permission, verb)
    for permission, verb in (
        ("can_list", Verb.COMPLAINT_READ), ("can_reply", Verb.COMPLAINT_HANDLE), ("can_publish", Verb.COMPLAINT_CLOSE)
    ):  # fmt: skip
        screens.declare("MessageApi", permission, verb)
    appbuilder.add_api(ComplaintApi)
    appbuilder.add_api(MessageApi)
