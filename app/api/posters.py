"""`/api/v1/invitation-posters`: QR pictures by which several people ask to join (PER-01).

Whoever scans one has no account: he asks on the page that it opens, and no door of the interface is his.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.api.base import Resource, actor, answers, body, iso, page, whole
from app.api.reading import flag, words
from app.api.reading import key as key_of
from app.errors import Finding, NotAllowed
from app.extensions import db
from app.models import InvitationPoster
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import addresses, screens
from app.views.people.invitations import picture_of
from app.workflows.people import invitations


class PosterApi(Resource):
    """Of one's own unit, and those that it made for a partner."""

    resource_name = "invitation-posters"
    openapi_spec_tag = "People"

    @answers("", "GET")
    def list(self) -> Any:
        """Give those that still hold, the newest first; the link of none can be shown again.
        ---
        get:
          summary: 有效的邀请二维码；链接不能再次显示
          paged: true
          gives: {200: PosterPage}
        """
        live = select(InvitationPoster).where(InvitationPoster.expires_at > clock.now())
        live = live.options(joinedload(InvitationPoster.unit))
        return page(scope.apply(live, actor()), [InvitationPoster.id.desc()], _poster)

    @answers("", "POST")
    def make(self) -> Any:
        """Make one for a kind of people, for some hours, for so many at most; link and picture are in this answer only.
        ---
        post:
          summary: 生成邀请二维码；链接和图片只在这次回答中
          takes: NewPoster
          gives: {201: PosterMade}
        """
        sent = body()
        if actor().unit_id is None:
            raise NotAllowed(Finding("单位", False, "您的账号不属于任何单位", "请由单位的账号生成邀请二维码"))
        hours, most = whole(sent, "hours", 0), whole(sent, "most", 0)
        with transaction(db.session) as session:
            row, token = invitations.make_poster(
                session, actor(), unit_id=key_of(sent, "unit_id"), kind=words(sent, "kind", 20),
                with_account=flag(sent, "with_account"), hours=hours, most=most, at=clock.now(),
            )  # fmt: skip
        link = addresses.full("field.join_poster", token=token)
        answer = jsonify(poster=_poster(row), link=link, picture=picture_of(link))
        answer.headers["Cache-Control"] = "no-store, max-age=0"
        return answer, 201

    @answers("/<int:key>/close", "POST")
    def close(self, key: int) -> Any:
        """End one before its time; who asked by it already goes on.
        ---
        post:
          summary: 停用邀请二维码
          gives: {200: Poster}
        """
        with transaction(db.session) as session:
            row = invitations.close_poster(session, actor(), key, clock.now())
        return jsonify(_poster(row))


def _poster(row: InvitationPoster) -> dict[str, Any]:
    return {
        "id": row.id, "unit": {"id": row.unit.id, "name": row.unit.name}, "kind": row.kind,
        "with_account": row.with_account, "most": row.most, "used": row.used, "expires_at": iso(row.expires_at),
        "created_at": iso(row.created_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for name in ("list", "make", "close"):
        screens.declare("PosterApi", f"can_{name}", Verb.PERSON_EDIT)
    appbuilder.add_api(PosterApi)
