"""`/api/v1/commitments`: 维保承诺书, handed in with its scan (UNT-08). Deciding and taking back: `/applications`."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.applications import brief as application_brief
from app.api.applications import file_shown
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import day, keys, words
from app.extensions import db
from app.listings.commitments import COMMITMENTS
from app.models import Application, Commitment
from app.permissions import Verb
from app.rules.lifecycle import ApplicationKind
from app.transaction import transaction
from app.views.approval.applications import files_of
from app.views.frame import screens
from app.workflows.papers import commitments

MOST_FILES = 10


class CommitmentApi(Resource):
    """Letters of a maintenance unit; one's own unit's to hand in."""

    resource_name = "commitments"
    openapi_spec_tag = "Papers"

    @answers("", "GET")
    def list(self) -> Any:
        """Give letters, as the page does; the first tab is those in force.
        ---
        get:
          summary: 维保承诺书；缺省为有效的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [held, near, over, waiting, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: until_from, schema: {type: string, format: date}}
            - {in: query, name: until_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: CommitmentPage}
        """
        return listed.page(COMMITMENTS, brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one letter with its application and papers.
        ---
        get:
          summary: 一份维保承诺书，连同申请和材料
          gives: {200: CommitmentWhole}
        """
        row: Commitment = scope.visible(db.session, actor(), Commitment, key, "这份承诺书")
        asked = _application(row)
        return jsonify(
            brief(row)
            | {
                "application": None if asked is None else application_brief(asked),
                "files": [] if asked is None else [file_shown(f) for f in files_of(asked)],
            }
        )

    @answers("", "POST", once=True)
    def submit(self) -> Any:
        """Hand in a letter of one's own unit; in force once the regulator approved it.
        ---
        post:
          summary: 提交维保承诺书；扫描件和照片先用 POST /files 上传
          takes: NewCommitment
          gives: {201: ApplicationWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            made = commitments.submit(
                session, actor(), day(sent, "valid_from"), day(sent, "valid_until"), words(sent, "note", 1000),
                keys(sent, "scans", MOST_FILES), keys(sent, "pictures", MOST_FILES), clock.now(),
            )  # fmt: skip
        return jsonify(application_full(made)), 201


def brief(row: Commitment) -> dict[str, Any]:
    """The columns of a list."""
    today = clock.today()
    return {
        "id": row.id, "unit": {"id": row.unit.id, "name": row.unit.name}, "region_code": row.region_code,
        "valid_from": iso(row.valid_from), "valid_until": iso(row.valid_until), "state": row.state, "note": row.note,
        "holds": row.state == "approved" and row.valid_from <= today <= row.valid_until,
        "created_at": iso(row.created_at), "in_force_from": iso(row.in_force_from),
    }  # fmt: skip


def _application(row: Commitment) -> Application | None:
    """The last one about this letter, for who may read applications."""
    if not actor().may(Verb.APPLICATION_READ):
        return None
    statement = select(Application).where(
        Application.kind == ApplicationKind.COMMITMENT.value, Application.entity_id == row.id
    )
    found: Application | None = db.session.scalars(
        scope.apply(statement, actor(), Application).order_by(Application.id.desc()).limit(1)
    ).first()
    return found


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get"):
        screens.declare("CommitmentApi", permission, Verb.COMMITMENT_READ)
    screens.declare("CommitmentApi", "can_submit", Verb.COMMITMENT_EDIT)
    appbuilder.add_api(CommitmentApi)
