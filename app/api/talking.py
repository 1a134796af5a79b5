"""`/api/v1/comments`, `/watch`: remarks on a record and being told of it, as on its page."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from app import clock
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import flag, words
from app.extensions import db
from app.models import Comment
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.approval import watching


class TalkApi(Resource):
    """`entity` is application, elevator, unit, contract, person, visit or maintenance_order."""

    resource_name = "talk"
    openapi_spec_tag = "Talk"

    @answers("/<entity>/<int:key>", "GET")
    def list(self, entity: str, key: int) -> Any:
        """Give the remarks on a record, the newest first, and whether one watches it.
        ---
        get:
          summary: 一条记录的留言，以及我是否关注
          gives: {200: Comments}
        """
        row = watching.record_of(db.session, actor(), entity, key)
        found = watching.comments(db.session, actor(), entity, row.id)
        watched = watching.watches(db.session, actor(), entity, row.id)
        return jsonify(rows=[_comment(one) for one in found], watched=watched)

    @answers("/<entity>/<int:key>/comments", "POST", once=True)
    def comment(self, entity: str, key: int) -> Any:
        """Say something; those who watch the record are told.
        ---
        post:
          summary: 留言
          takes: NewComment
          gives: {201: Comment}
        """
        sent = body()
        said, internal = words(sent, "body", 2000), flag(sent, "internal")
        with transaction(db.session) as session:
            made = watching.comment(session, actor(), entity, key, said, clock.now(), internal=internal)
        return jsonify(_comment(made)), 201

    @answers("/<entity>/<int:key>/watch", "PUT", "DELETE")
    def watch(self, entity: str, key: int) -> Any:
        """Watch a record, or watch it no more; either again changes nothing.
        ---
        put:
          summary: 关注
          gives: {200: Watched}
        delete:
          summary: 取消关注
          gives: {200: Watched}
        """
        with transaction(db.session) as session:
            watching.record_of(session, actor(), entity, key)
            if request.method == "PUT":
                watching.watch(session, actor(), entity, key, clock.now())
            else:
                watching.unwatch(session, actor(), entity, key)
        return jsonify(watched=request.method == "PUT")


def _comment(row: Comment) -> dict[str, Any]:
    return {
        "id": row.id, "body": row.body, "internal": row.internal, "author": row.author.get_full_name(),
        "at": iso(row.created_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_comment", "can_watch"):
        screens.declare("TalkApi", permission, Verb.COMMENT)
    appbuilder.add_api(TalkApi)
