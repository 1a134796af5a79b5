"""`/api/v1/me`: who I am, what I may do, where I belong."""

from __future__ import annotations

from typing import Any

from flask import g, jsonify
from sqlalchemy import select

from app.api.base import Resource, answers
from app.extensions import db
from app.models import Account, Region, Unit
from app.permissions import ROLE_LABEL, Verb
from app.rules.identifiers import mask_mobile
from app.views.frame import screens
from app.workflows.access import api_tokens


class MeApi(Resource):
    """The signed-in account, by token or by the browser's session (reading only, so without CSRF token)."""

    resource_name = "me"
    openapi_spec_tag = "Me"

    @answers("", "GET")
    def get(self) -> Any:
        """Give the signed-in account.
        ---
        get:
          summary: 我是谁、能做什么、属于哪里
          gives: {200: Me}
        """
        actor = g.actor
        account = db.session.get(Account, actor.user_id)
        assert account is not None
        unit = db.session.get(Unit, actor.unit_id) if actor.unit_id else None
        region = db.session.scalar(select(Region).where(Region.code == (actor.region_code or "")))
        return jsonify(
            id=account.id,
            login_name=account.username,
            name=account.get_full_name(),
            phone=mask_mobile(account.phone) if account.phone else None,
            is_main=actor.is_main,
            person_id=actor.person_id,
            sees_all_elevators=actor.sees_all_elevators,
            roles=[{"name": r.value, "label": str(ROLE_LABEL[r])} for r in sorted(actor.roles)],
            verbs=sorted(v.value for v in actor.verbs),
            unit={"id": unit.id, "name": unit.name, "uscc": unit.uscc} if unit else None,
            region={"code": region.code, "name": region.name} if region else None,
            token=api_tokens.number_of(actor),
        )


def register(appbuilder: Any) -> None:
    """Add this resource."""
    screens.declare("MeApi", "can_get", Verb.HOME)
    appbuilder.add_api(MeApi)
