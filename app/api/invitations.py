"""`/api/v1/invitations`: who is asked to join, and the manager's decisions; the workflow of the pages (PER-01, PER-02).

A link opens the invitee's page: it is in the one answer that makes it, which no Idempotency-Key keeps.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import histories, listed
from app.api.base import Resource, actor, answers, body, finding_list, iso, whole
from app.api.reading import flag, words
from app.api.reading import key as key_of
from app.errors import Refusal, refuse
from app.extensions import db
from app.listings.invitations import INVITATIONS
from app.models import Invitation
from app.permissions import Verb
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.transaction import transaction
from app.views.frame import screens
from app.views.people.invitations import address_of, with_link_sent
from app.wording import say
from app.workflows.core import moves
from app.workflows.people import invitations, taking_on
from app.workflows.people.invitations import Invited

MOST_AT_ONCE = 100


class InvitationApi(Resource):
    """Invitations within the caller's scope."""

    resource_name = "invitations"
    openapi_spec_tag = "People"

    @answers("", "GET")
    def list(self) -> Any:
        """Give invitations, the newest first; the first tab is what waits for the manager.
        ---
        get:
          summary: 入职邀请列表；缺省为待主管办理的
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 姓名}
            - {in: query, name: tab, schema: {type: string, enum: [waiting, open, ended, cancelled, all]}}
            - {in: query, name: state, schema: {type: string}}
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: made_from, schema: {type: string, format: date}}
            - {in: query, name: made_to, schema: {type: string, format: date}}
          gives: {200: InvitationPage}
        """
        return listed.page(INVITATIONS, brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one invitation with its steps, and for whoever decides what taking on needs.
        ---
        get:
          summary: 一件入职邀请及流转；证件号遮蔽
          gives: {200: InvitationWhole}
        """
        return jsonify(full(scope.visible(db.session, actor(), Invitation, key, "入职邀请")))

    @answers("", "POST")
    def invite(self) -> Any:
        """Ask one person to join; whoever may approve has approved by inviting and gets the link.
        ---
        post:
          summary: 邀请一人入职；需主管审批时暂无链接
          takes: NewInvitation
          gives: {201: Invited}
        """
        return _issued(_one(body())), 201

    @answers("/batch", "POST")
    def invite_many(self) -> Any:
        """Ask many: each by itself, in its own transaction, with a result for each.
        ---
        post:
          summary: 批量邀请，每人单独校验、各有结果
          takes: InvitationBatch
          gives: {200: InvitationResults}
        """
        given = body().get("people")
        if (
            not isinstance(given, list) or not 0 < len(given) <= MOST_AT_ONCE
            or not all(isinstance(one, dict) for one in given)
        ):  # fmt: skip
            raise refuse(
                "参数",
                say("people 应为 1 至 %(most_at_once)s 个对象", most_at_once=MOST_AT_ONCE),
                "请按接口文档填写",
                field="people",
            )
        results = [_result(one) for one in given]
        answer = jsonify(done=sum(one["done"] for one in results), results=results)
        answer.headers["Cache-Control"] = "no-store, max-age=0"
        return answer

    @answers("/first", "POST")
    def invite_first(self) -> Any:
        """信息报备: the district invites the first clerk of a unit.
        ---
        post:
          summary: 监管部门邀请单位的首名文员
          takes: NewInvitation
          gives: {201: Invited}
        """
        return _issued(_one(body())), 201


class InvitationDeedApi(Resource):
    """What follows the invitation."""

    resource_name = "invitations"
    openapi_spec_tag = "People"

    @answers("/<int:key>/approve", "POST")
    def approve(self, key: int) -> Any:
        """The manager agrees that this person is asked; now there is a link.
        ---
        post:
          summary: 同意邀请；链接只在这次回答中
          gives: {200: Invited}
        """
        with transaction(db.session) as session:
            made = with_link_sent(session, invitations.approve(session, actor(), key, clock.now()))
        return _issued(made)

    @answers("/<int:key>/link", "POST")
    def link(self, key: int) -> Any:
        """A new link; the old one opens nothing any more.
        ---
        post:
          summary: 重新生成链接，原链接失效
          gives: {200: Invited}
        """
        with transaction(db.session) as session:
            made = with_link_sent(session, invitations.new_link(session, actor(), key, clock.now()))
        return _issued(made)

    @answers("/<int:key>/cancel", "POST")
    def cancel(self, key: int) -> Any:
        """Take the invitation back; what was entered is dropped.
        ---
        post:
          summary: 取消邀请，已填写的资料一并删除
          gives: {200: InvitationWhole}
        """
        with transaction(db.session) as session:
            row = invitations.cancel(session, actor(), key, clock.now())
        return jsonify(full(row))

    @answers("/<int:key>/reject", "POST")
    def reject(self, key: int) -> Any:
        """驳回: the invitee reads why and fills in again.
        ---
        post:
          summary: 驳回入职资料，由本人重新填写
          takes: InvitationRejected
          gives: {200: InvitationWhole}
        """
        sent = body()
        seen, opinion = whole(sent, "seen_version"), words(sent, "opinion")
        with transaction(db.session) as session:
            row = invitations.reject(session, actor(), key, opinion, seen, clock.now())
        return jsonify(full(row))

    @answers("/<int:key>/take-on", "POST")
    def take_on(self, key: int) -> Any:
        """What was entered becomes a person of the unit, and where asked an account.
        ---
        post:
          summary: 审核通过，人员入职
          takes: TakeOn
          gives: {200: InvitationWhole}
        """
        sent = body()
        seen, account = whole(sent, "seen_version"), flag(sent, "with_account")
        with transaction(db.session) as session:
            taking_on.end(session, actor(), key, seen, account, clock.now())
        return jsonify(full(scope.visible(db.session, actor(), Invitation, key, "入职邀请")))


def brief(row: Invitation) -> dict[str, Any]:
    """The columns of a list; the phone masked."""
    return {
        "id": row.id, "name": row.name, "phone": mask_mobile(row.phone), "kind": row.kind, "state": row.state,
        "unit": {"id": row.unit.id, "name": row.unit.name},
        "by_unit": {"id": row.by_unit.id, "name": row.by_unit.name} if row.by_unit else None,
        "with_account": row.with_account, "approved_at": iso(row.approved_at), "created_at": iso(row.created_at),
        "submitted_at": iso(row.submitted_at), "decided_at": iso(row.decided_at), "expires_at": iso(row.expires_at),
        "row_version": row.row_version,
    }  # fmt: skip


def full(row: Invitation) -> dict[str, Any]:
    """One invitation as its page shows it."""
    decides = invitations.may_decide(db.session, actor(), row)
    checks = []
    if row.state == "review" and decides:
        checks = finding_list(taking_on.findings(db.session, actor(), row, row.with_account, clock.now()))
    steps = moves.steps_of(db.session, Invitation.__tablename__, row.id)
    # What no account did the invited person did.
    by = histories.names(one.actor_id for one in steps) | {None: row.name}
    return brief(row) | {
        "sex": row.sex, "resident_id": mask_resident_id(row.resident_id) if row.resident_id else None,
        "certificate_no": row.certificate_no, "certificate_issued_on": iso(row.certificate_issued_on),
        "certificate_until": iso(row.certificate_until), "face_declined": row.face_declined, "opinion": row.opinion,
        "person_id": row.person_id, "may_decide": decides, "checks": checks,
        "steps": [
            {"verb": one.verb, "old": one.old, "new": one.new, "at": iso(one.known_at), "reason": one.reason,
             "by": by[one.actor_id]}
            for one in steps
        ],
    }  # fmt: skip


def _one(sent: dict[str, Any]) -> Invited:
    with transaction(db.session) as session:
        made = invitations.invite(
            session, actor(), name=words(sent, "name"), phone=words(sent, "phone", 30), kind=words(sent, "kind", 20),
            unit_id=key_of(sent, "unit_id"), with_account=flag(sent, "with_account"), at=clock.now(),
        )  # fmt: skip
        return with_link_sent(session, made)


def _result(sent: dict[str, Any]) -> dict[str, Any]:
    try:
        made = _one(sent)
    except Refusal as refusal:
        failed = finding_list([f for f in refusal.findings if not f.ok])
        return {"done": False, "status": refusal.status_code, "errors": failed, "invitation": None, "link": None}
    return {"done": True, "status": 201, "errors": [], "invitation": brief(made.invitation), "link": _link(made)}


def _issued(made: Invited) -> Any:
    answer = jsonify(invitation=full(made.invitation), link=_link(made))
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    return answer


def _link(made: Invited) -> str | None:
    return address_of(made.token) if made.token is not None else None


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("InvitationApi", permission, Verb.PERSON_READ)
    for permission in ("can_invite", "can_invite_many"):
        screens.declare("InvitationApi", permission, Verb.PERSON_EDIT)
    screens.declare("InvitationApi", "can_invite_first", Verb.ACCOUNT_CREATE)
    # Who invited takes back and renews the link: the workflow asks for the unit's right or the district's.
    for permission in ("can_link", "can_cancel"):
        screens.declare("InvitationDeedApi", permission, Verb.PERSON_READ)
    for permission in ("can_approve", "can_reject", "can_take_on"):
        screens.declare("InvitationDeedApi", permission, Verb.INVITATION_APPROVE)
    appbuilder.add_api(InvitationApi)
    appbuilder.add_api(InvitationDeedApi)
