"""`/api/v1/visits/…`: the link by which the use unit confirms, and what it signed on paper (MNT-07).

The review itself has no door: no token speaks for the use unit.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import words
from app.api.visits import full, photos_of
from app.extensions import db
from app.models import VisitLink
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.views.maintenance.confirming import way
from app.workflows.files import sent_ahead
from app.workflows.visits import papers, visit_links


class VisitConfirmationApi(Resource):
    """What a record's page offers its firm for the confirmation; a link's token is in no answer."""

    resource_name = "visits"
    openapi_spec_tag = "Visits"

    @answers("/<int:key>/confirmation-link", "POST", once=True)
    def send(self, key: int) -> Any:
        """Have the product send a link for the use unit's confirmation to the filed phone; an older one ends.
        ---
        post:
          summary: 向备案的使用单位电话发送确认链接；回答里没有链接
          gives: {200: ConfirmationLink}
        """
        with transaction(db.session) as session:
            told = _link(visit_links.send(session, actor(), key, way(), clock.now()))
        return jsonify(told)

    @answers("/<int:key>/confirmation-link/withdraw", "POST", once=True)
    def withdraw(self, key: int) -> Any:
        """Take back the link that stands open.
        ---
        post:
          summary: 撤回有效的确认链接
          gives: {200: ConfirmationLink}
        """
        with transaction(db.session) as session:
            told = _link(visit_links.withdraw(session, actor(), key, clock.now()))
        return jsonify(told)

    @answers("/<int:key>/paper", "POST", once=True)
    def paper(self, key: int) -> Any:
        """Hand in the two photos of what the use unit signed on paper; where a review is asked for, it still is.
        ---
        post:
          summary: 纸质签字：签字现场和已签字维保单的照片各一张
          takes: VisitPaper
          gives: {200: VisitWhole}
        """
        sent, now = body(), clock.now()
        given = {kind: photos_of(sent, f"{kind}_ids") for kind in papers.KINDS}
        rating = words(sent, "rating", 20)
        with transaction(db.session) as session:
            place = ("visit", None, actor().unit_id, actor().region_code)
            photos = {
                kind: [row.id for row in sent_ahead.settle(session, actor(), ids, kind, *place)] if ids else []
                for kind, ids in given.items()
            }
            told = full(papers.hand_in(session, actor(), key, photos, rating, now))
        return jsonify(told)


def _link(row: VisitLink) -> dict[str, Any]:
    return {
        "sent_to": row.sent_to, "sent_at": iso(row.sent_at), "expires_at": iso(row.expires_at),
        "withdrawn_at": iso(row.withdrawn_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_send", "can_withdraw", "can_paper"):
        screens.declare("VisitConfirmationApi", permission, Verb.VISIT_READ)
    appbuilder.add_api(VisitConfirmationApi)
