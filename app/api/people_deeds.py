"""`/api/v1/people/…`: grade certificates, declarations, the hand-over board and leaving (PER-04, PER-07)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, finding_list, iso
from app.api.people import certificate, full
from app.api.reading import day, flag, part, words
from app.api.reading import key as key_of
from app.api.reading import keys as keys_of
from app.errors import refuse
from app.extensions import db
from app.models import Application, Declaration, GradeCertificate, Person
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say, together
from app.workflows.handover import leaving
from app.workflows.papers import declarations, grades
from app.workflows.people import people, real_names

MOST_SCANS, MOST_HANDED = 10, 5000


class CertificateApi(Resource):
    """等级证书 of a person."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("/<int:key>/certificates", "GET")
    def certificates(self, key: int) -> Any:
        """Give a person's grade certificates with their states, the newest first.
        ---
        get:
          summary: 等级证书及审核状态
          gives: {200: Certificates}
        """
        row: Person = scope.visible(db.session, actor(), Person, key, "人员")
        held = select(GradeCertificate).where(GradeCertificate.person_id == row.id).order_by(GradeCertificate.id.desc())
        return jsonify(rows=[certificate(one) for one in db.session.scalars(scope.apply(held, actor()))])

    @answers("/<int:key>/certificates", "POST", once=True)
    def file(self, key: int) -> Any:
        """Enter a certificate and ask the regulator, with its scans: both or neither.
        ---
        post:
          summary: 申报等级证书；扫描件先用 POST /files 上传
          takes: NewCertificate
          gives: {201: ApplicationWhole}
        """
        sent, now = body(), clock.now()
        with transaction(db.session) as session:
            row = people.add_certificate(
                session, actor(), key, grade=words(sent, "grade", 20), certificate_no=words(sent, "certificate_no", 60),
                issued_on=day(sent, "issued_on"), valid_until=day(sent, "valid_until"), at=now,
            )  # fmt: skip
            made = grades.submit(session, actor(), row, keys_of(sent, "attachments", MOST_SCANS), now)
        return jsonify(application_full(made)), 201


class DeclarationApi(Resource):
    """自我声明承诺书 of a person."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("/<int:key>/declarations", "GET")
    def declarations(self, key: int) -> Any:
        """Give a person's declarations with their states, the newest first.
        ---
        get:
          summary: 自我声明承诺书及审核状态
          gives: {200: Declarations}
        """
        row: Person = scope.visible(db.session, actor(), Person, key, "人员")
        held = select(Declaration).where(Declaration.person_id == row.id).order_by(Declaration.id.desc())
        return jsonify(rows=[_declaration(one) for one in db.session.scalars(scope.apply(held, actor()))])

    @answers("/<int:key>/declarations", "POST", once=True)
    def file(self, key: int) -> Any:
        """Hand in a signed declaration with its scans, for the regulator's review.
        ---
        post:
          summary: 提交自我声明承诺书；扫描件先用 POST /files 上传
          takes: NewDeclaration
          gives: {201: ApplicationWhole}
        """
        return jsonify(application_full(hand_in(key))), 201


def hand_in(key: int) -> Application:
    """What the body says of a declaration, handed in for this person."""
    sent, now = body(), clock.now()
    with transaction(db.session) as session:
        return declarations.submit(
            session, actor(), key, day(sent, "signed_on"), day(sent, "valid_until"), words(sent, "note", 1000),
            keys_of(sent, "attachments", MOST_SCANS), now,
        )  # fmt: skip


class RealNameApi(Resource):
    """实名核验 of a person."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("/<int:key>/real-name", "POST", once=True)
    def ask(self, key: int) -> Any:
        """Ask the real-name service about a person of one's own unit; the answer comes later.
        ---
        post:
          summary: 提交实名核验；本平台没有接入核验服务时拒绝
          gives: {200: PersonWhole}
        """
        with transaction(db.session) as session:
            row = real_names.ask(session, actor(), key, clock.now())
        return jsonify(full(row))


def _declaration(row: Declaration) -> dict[str, Any]:
    return {
        "id": row.id, "person_id": row.person_id, "signed_on": iso(row.signed_on), "note": row.note,
        "valid_until": iso(row.valid_until), "state": row.state, "in_force_from": iso(row.in_force_from),
    }  # fmt: skip


class LeavingApi(Resource):
    """离职交接."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("/<int:key>/leaving", "GET")
    def board(self, key: int) -> Any:
        """Give all that a person of one's own unit still holds.
        ---
        get:
          summary: 离职交接清单：名下的履历、任务、电梯、巡检、安全员职责
          gives: {200: LeavingBoard}
        """
        return jsonify(_board(key))

    @answers("/<int:key>/hand-over", "POST", once=True)
    def hand_over(self, key: int) -> Any:
        """Give all, or what is chosen by kind, to a successor of the same unit.
        ---
        post:
          summary: 交接给本单位的另一人：全部，或按类逐项
          takes: HandOver
          gives: {200: HandedOver}
        """
        sent = body()
        chosen = None if flag(sent, "all") else _chosen(part(sent, "chosen"))
        with transaction(db.session) as session:
            counts = leaving.hand_over(session, actor(), key, key_of(sent, "successor_id"), chosen, clock.now())
        return jsonify(counts=counts, board=_board(key))

    @answers("/<int:key>/leave", "POST")
    def leave(self, key: int) -> Any:
        """Leave the unit: refused until all is handed over; the person's accounts end.
        ---
        post:
          summary: 办理离职；交接清零后才能办理，其账号同时注销
          takes: Leaving
          gives: {200: PersonWhole}
        """
        on = day(body(), "left_on")
        if on is None:
            raise refuse("离职日期", "没有填写", "请填写离职日期", field="left_on")
        with transaction(db.session) as session:
            row = leaving.leave(session, actor(), key, on, clock.now())
        return jsonify(full(row))


def _chosen(given: dict[str, Any]) -> dict[str, Sequence[int]]:
    unknown = sorted(set(given) - set(leaving.KINDS))
    if unknown:
        remedy = say("可选：%(names)s", names=together(leaving.KINDS))
        raise refuse("离职交接", say("没有“%(unknown)s”这一类", unknown=unknown[0][:40]), remedy, field="chosen")
    return {kind: keys_of(given, kind, MOST_HANDED) for kind in leaving.KINDS}


def _board(key: int) -> dict[str, Any]:
    found = leaving.board(db.session, actor(), key, clock.now())
    apart: dict[str, list[Any]] = {"visits": found.visits, "rescues": found.rescues, "accounts": found.accounts}
    held = {
        kind: [{"id": one.key, "text": one.text, "detail": one.detail} for one in rows]
        for kind, rows in {**found.held, **apart}.items()
    }
    return {"person_id": found.person.id, "left": found.left, "held": held, "checks": finding_list(found.findings())}


def register(appbuilder: Any) -> None:
    """Add these resources."""
    screens.declare("CertificateApi", "can_certificates", Verb.PERSON_READ)
    screens.declare("CertificateApi", "can_file", Verb.PERSON_EDIT)
    screens.declare("DeclarationApi", "can_declarations", Verb.PERSON_READ)
    screens.declare("DeclarationApi", "can_file", Verb.PERSON_EDIT)
    screens.declare("RealNameApi", "can_ask", Verb.PERSON_EDIT)
    for name in ("board", "hand_over", "leave"):
        screens.declare("LeavingApi", f"can_{name}", Verb.PERSON_EDIT)
    appbuilder.add_api(CertificateApi)
    appbuilder.add_api(DeclarationApi)
    appbuilder.add_api(RealNameApi)
    appbuilder.add_api(LeavingApi)
