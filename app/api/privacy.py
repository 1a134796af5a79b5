"""`/api/v1/privacy`, `/personal-requests`: one's own photo, consent and requests; for officers the answers (PER-10).

A consent, a request, and the copy of one's own data are the person's own doing: no personal token has these doors.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, in_person, iso, whole
from app.api.reading import words
from app.errors import refuse
from app.extensions import db
from app.listings.privacy import PERSONAL_REQUESTS
from app.models import PersonalRequest
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key, shown
from app.rules.retention import DUTIES, Duty
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say, together
from app.workflows.people import consents
from app.workflows.privacy import personal_requests

DECISIONS = ("done", "refused")


class PrivacyApi(Resource):
    """我的个人信息, by whoever signed in himself."""

    resource_name = "privacy"
    openapi_spec_tag = "Privacy"

    @answers("", "GET")
    def get(self) -> Any:
        """Give one's consent to the face photo, with its words, and one's own requests.
        ---
        get:
          summary: 本人的人脸照片、单独同意和提出的请求（个人令牌不能查看）
          gives: {200: Privacy}
        """
        in_person()
        return jsonify(_own())

    @answers("/face", "PUT")
    def give_face(self) -> Any:
        """Give one's photo with the consent to its words; `agreed` is 1 or absent.
        ---
        put:
          summary: 提供人脸照片并单独同意；不提供不影响签到（个人令牌不能办）
          takes: file
          parameters:
            - {in: query, name: agreed, schema: {type: integer, enum: [0, 1]}, description: 1：同意 words 的内容}
          gives: {200: Privacy}
        """
        in_person()
        file = request.files.get("file")
        stream = file.stream if file is not None and file.filename else None
        name = (file.filename or "") if file is not None else ""
        agreed = request.args.get("agreed") == "1"
        with transaction(db.session) as session:
            consents.give_face(session, actor(), stream, name, agreed, clock.now())  # type: ignore[arg-type]
        return jsonify(_own())

    @answers("/face", "DELETE")
    def withdraw_face(self) -> Any:
        """Take back one's consent: the photo goes at once.
        ---
        delete:
          summary: 撤回同意，照片立即删除（个人令牌不能办）
          gives: {200: Privacy}
        """
        in_person()
        with transaction(db.session) as session:
            consents.withdraw_face(session, actor(), clock.now())
        return jsonify(_own())

    @answers("/face/compare", "PUT")
    def agree_to_compare(self) -> Any:
        """Consent to one's photos being compared at check-in; `agreed` is 1 or absent.
        ---
        put:
          summary: 单独同意签到时比对人脸；不同意不影响签到（个人令牌不能办）
          parameters:
            - {in: query, name: agreed, schema: {type: integer, enum: [0, 1]},
               description: 1：同意 compare_words 的内容}
          gives: {200: Privacy}
        """
        in_person()
        agreed = request.args.get("agreed") == "1"
        with transaction(db.session) as session:
            consents.agree_to_compare(session, actor(), agreed, clock.now())
        return jsonify(_own())

    @answers("/face/compare", "DELETE")
    def withdraw_compare(self) -> Any:
        """Take back the consent to comparing; the photo stays for people's eyes.
        ---
        delete:
          summary: 撤回比对的同意，照片仍在（个人令牌不能办）
          gives: {200: Privacy}
        """
        in_person()
        with transaction(db.session) as session:
            consents.withdraw_compare(session, actor(), clock.now())
        return jsonify(_own())

    @answers("/requests", "POST", once=True)
    def ask(self) -> Any:
        """Ask for a copy, a correction or an erasure of one's own data.
        ---
        post:
          summary: 请求查阅、更正或删除本人的个人信息（个人令牌不能办）
          takes: NewPersonalRequest
          gives: {201: PersonalRequest}
        """
        in_person()
        sent = body()
        with transaction(db.session) as session:
            row = personal_requests.ask(
                session, actor(), words(sent, "kind", 20), words(sent, "detail", 2000), clock.now()
            )
        return jsonify(_request(row)), 201

    @answers("/copy", "POST")
    def copy(self) -> Any:
        """Give what the platform holds of oneself, numbers whole; looking is logged.
        ---
        post:
          summary: 平台保存的本人信息，号码完整，查看会被记录（个人令牌不能办）
          gives: {200: OwnCopy}
        """
        in_person()
        with transaction(db.session) as session:
            told = personal_requests.copy_of(session, actor(), clock.now())
        answer = jsonify(data=told)
        answer.headers["Cache-Control"] = "no-store, max-age=0"
        return answer


class PersonalRequestApi(Resource):
    """What persons asked, for whoever answers."""

    resource_name = "personal-requests"
    openapi_spec_tag = "Privacy"

    @answers("", "GET")
    def list(self) -> Any:
        """Give requests, the nearest limit first; the first tab is what waits.
        ---
        get:
          summary: 个人信息请求；缺省为待处理的
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 姓名}
            - {in: query, name: tab, schema: {type: string, enum: [open, late, done, all]}}
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: due_from, schema: {type: string, format: date}}
            - {in: query, name: due_to, schema: {type: string, format: date}}
          gives: {200: PersonalRequestPage}
        """
        return listed.page(PERSONAL_REQUESTS, _request)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one request.
        ---
        get:
          summary: 一项请求
          gives: {200: PersonalRequest}
        """
        return jsonify(_request(scope.visible(db.session, actor(), PersonalRequest, key, "这项请求")))

    @answers("/<int:key>/answer", "POST", once=True)
    def answer(self, key: int) -> Any:
        """Answer once, with the reason; a granted erasure takes pictures away at once.
        ---
        post:
          summary: 答复：办理或不予办理，写明理由
          takes: PersonalAnswer
          gives: {200: PersonalRequest}
        """
        sent = body()
        result, said = words(sent, "result", 10), words(sent, "answer", 2000)
        if result not in DECISIONS:
            raise refuse(
                "参数",
                say("result 没有“%(result)s”", result=result),
                say("可选：%(names)s", names=together(DECISIONS)),
                field="result",
            )
        seen = whole(sent, "seen_version")
        with transaction(db.session) as session:
            row = personal_requests.decide(session, actor(), key, result == "done", said, seen, clock.now())
        return jsonify(_request(row))

    @answers("/retention", "GET")
    def retention(self) -> Any:
        """Give what is kept how long and why.
        ---
        get:
          summary: 个人信息的保存期限
          gives: {200: Retention}
        """
        return jsonify(rows=[
            {"kind": duty.kind, "what": duty.what, "since": duty.since, "deed": duty.deed, "why": duty.why,
             "kept": _kept(duty)}
            for duty in DUTIES
        ])  # fmt: skip


def _kept(duty: Duty) -> str | None:
    """For how long, as the policy of this place says it; None where it is no policy's."""
    if not duty.key:
        return None
    key = Key(duty.key)
    return shown(key, policy_value(db.session, key, actor().region_code, clock.today()))


def _own() -> dict[str, Any]:
    person_id = actor().person_id
    photo = consents.face_of(db.session, person_id) if person_id else None
    consent = consents.standing(db.session, person_id) if person_id else None
    compared = consents.standing(db.session, person_id, consents.COMPARE) if person_id else None
    asked = select(PersonalRequest).where(PersonalRequest.account_id == actor().user_id)
    rows = scope.apply(asked, actor()).order_by(PersonalRequest.id.desc()).limit(20)
    return {
        "words": consents.WORDS, "face": f"/api/v1/files/{photo.id}" if photo is not None else None,
        "consented_at": iso(consent.given_at) if consent is not None else None,
        "compare_words": consents.COMPARE_WORDS,
        "compared_at": iso(compared.given_at) if compared is not None else None,
        "requests": [_request(row) for row in db.session.scalars(rows)],
    }  # fmt: skip


def _request(row: PersonalRequest) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "name": row.name, "detail": row.detail, "state": row.shown_state,
        "region_code": row.region_code, "asked_at": iso(row.asked_at), "due_on": iso(row.due_on), "answer": row.answer,
        "decided_at": iso(row.decided_at), "row_version": row.row_version,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name in ("get", "give_face", "withdraw_face", "agree_to_compare", "withdraw_compare", "ask", "copy"):
        screens.declare("PrivacyApi", f"can_{name}", Verb.HOME)
    for name in ("list", "get", "answer", "retention"):
        screens.declare("PersonalRequestApi", f"can_{name}", Verb.PRIVACY_DECIDE)
    appbuilder.add_api(PrivacyApi)
    appbuilder.add_api(PersonalRequestApi)
