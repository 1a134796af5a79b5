"""`/api/v1/applications`: what waits, what was asked, and the decision. The same workflow as the approval page."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask_appbuilder import expose
from flask_appbuilder.api import safe
from flask_appbuilder.security.decorators import protect
from sqlalchemy import select

from app import clock, scope
from app.api.base import Resource, actor, answers, body, chosen, finding_list, page, whole
from app.errors import refuse
from app.extensions import db
from app.models import Application, Version
from app.models.choices import APPLICATION_KIND, APPLICATION_STATE
from app.permissions import Verb
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views import screens
from app.workflows import applications, filing
from app.workflows.submissions import FILING_KINDS


class ApplicationApi(Resource):
    """Applications within the account's scope."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @expose("", methods=["GET"])
    @protect()
    @safe
    @answers
    def list(self) -> Any:
        """Give applications, the nearest limit first.
        ---
        get:
          parameters:
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: state, schema: {type: string}}
            - {in: query, name: open, schema: {type: integer, enum: [0, 1]}}
            - {in: query, name: page, schema: {type: integer, minimum: 0}}
            - {in: query, name: size, schema: {type: integer, minimum: 1, maximum: 200}}
          responses:
            200: {description: One page, content: {application/json: {schema: {type: object}}}}
            401: {description: No token or session}
            403: {description: Not allowed}
            422: {description: A parameter is wrong}
          security:
            - jwt: []
        """
        statement = scope.apply(select(Application), actor())
        for name, choices in (("kind", APPLICATION_KIND), ("state", APPLICATION_STATE)):
            value = chosen(name, choices)
            if value:
                statement = statement.where(getattr(Application, name) == value)
        wanted = chosen("open", {"0": 0, "1": 1})
        if wanted is not None:
            statement = statement.where(Application.is_open.is_(wanted == "1"))
        return page(statement, [Application.due_at, Application.id], brief)

    @expose("/<int:key>", methods=["GET"])
    @protect()
    @safe
    @answers
    def get(self, key: int) -> Any:
        """Give one application with its content, differences, checks and steps.
        ---
        get:
          parameters:
            - {in: path, name: key, required: true, schema: {type: integer}}
          responses:
            200: {description: The application, content: {application/json: {schema: {type: object}}}}
            401: {description: No token or session}
            404: {description: None such within the account's scope}
          security:
            - jwt: []
        """
        row = scope.visible(db.session, actor(), Application, key, "这件申请")
        return jsonify(_whole(row))

    @expose("/<int:key>/decision", methods=["POST"])
    @protect()
    @safe
    @answers
    def decide(self, key: int) -> Any:
        """Accept, approve, return or reject; `seen_version` is the row_version that the officer looked at.
        ---
        post:
          parameters:
            - {in: path, name: key, required: true, schema: {type: integer}}
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [verb, seen_version]
                  properties:
                    verb: {type: string, enum: [accept, approve, return, reject]}
                    opinion: {type: string, maxLength: 500}
                    seen_version: {type: integer}
          responses:
            200: {description: The application afterwards, content: {application/json: {schema: {type: object}}}}
            401: {description: No token or session}
            403: {description: Not allowed to decide this one}
            404: {description: None such within the account's scope}
            409: {description: It moved since it was looked at}
            422: {description: The rules say no}
          security:
            - jwt: []
        """
        sent = body()
        opinion, verb = sent.get("opinion", ""), sent.get("verb", "")
        if not isinstance(opinion, str) or not isinstance(verb, str):
            raise refuse("参数", "verb 和 opinion 应为文字", "请按接口文档填写", field="opinion")
        seen = whole(sent, "seen_version")
        with transaction(db.session):
            row = applications.decide(db.session, actor(), key, verb, opinion, seen, clock.now())
        return jsonify(_whole(row))


def brief(row: Application) -> dict[str, Any]:
    """The columns of a list."""
    return {
        "id": row.id, "number": row.number, "kind": row.kind, "state": row.state, "title": row.title,
        "is_open": row.is_open, "entity": row.entity, "entity_id": row.entity_id, "elevator_id": row.elevator_id,
        "unit_id": row.unit_id, "region_code": row.region_code, "row_version": row.row_version,
        "submitted_at": _iso(row.submitted_at), "due_at": _iso(row.due_at), "decided_at": _iso(row.decided_at),
        "effective_on": _iso(row.effective_on), "opinion": row.opinion,
    }  # fmt: skip


def _whole(row: Application) -> dict[str, Any]:
    steps = [
        {"verb": s.verb, "state": s.state, "at": _iso(s.at), "opinion": s.opinion}
        for s in applications.steps(db.session, row)
    ]
    found = applications.checks(db.session, row, clock.now()) if row.is_open and actor().may(_DECIDE) else []
    version = db.session.get(Version, row.version_id) if row.version_id else None
    changed = []
    if version is not None and row.kind in FILING_KINDS:
        base = filing.base_of(db.session, version)
        changed = [
            {"field": d.field, "old": masked(d.field, d.old), "new": masked(d.field, d.new)}
            for d in filing.differences(base, version.data)
        ]
    return brief(row) | {
        "reason": row.reason, "steps": steps, "checks": finding_list(found), "differences": changed,
        "attachments": row.data.get("attachments", []), "version": None if version is None else version.number,
    }  # fmt: skip


_DECIDE = Verb.APPLICATION_DECIDE


def masked(field: str, value: Any) -> Any:
    """Phones as everywhere outside the page that asks for the right and leaves a trace."""
    return mask_mobile(value) if value and field in {"safety_phone", "head_phone"} else value


def _iso(value: Any) -> str | None:
    return None if value is None else str(value.isoformat())


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get"):
        screens.declare("ApplicationApi", permission, Verb.APPLICATION_READ)
    screens.declare("ApplicationApi", "can_decide", Verb.APPLICATION_DECIDE)
    appbuilder.add_api(ApplicationApi)
