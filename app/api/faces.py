"""`/api/v1/visits/…/face`: an officer's word on a comparison of faces that failed (PER-10)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.base import Resource, actor, answers, body
from app.api.reading import words
from app.api.visits import full
from app.extensions import db
from app.models import Visit
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.visits import face_checks


class FaceApi(Resource):
    """What is to be seen on both photos."""

    resource_name = "visits"
    openapi_spec_tag = "Visits"

    @answers("/<int:key>/face", "POST", once=True)
    def decide_face(self, key: int) -> Any:
        """Say who is to be seen where a comparison failed: by an officer, with a reason unless it is the same person.
        ---
        post:
          summary: 核对没有通过的人脸比对：是本人、不是本人或看不清
          takes: FaceDecision
          gives: {200: VisitWhole}
        """
        sent = body()
        verdict, note = words(sent, "verdict", 20), words(sent, "note")
        with transaction(db.session) as session:
            face_checks.decide(session, actor(), key, verdict, note, clock.now())
            told = full(scope.visible(session, actor(), Visit, key, "维保记录"))
        return jsonify(told)


def register(appbuilder: Any) -> None:
    """Add this resource."""
    screens.declare("FaceApi", "can_decide_face", Verb.VISIT_LABEL)
    appbuilder.add_api(FaceApi)
