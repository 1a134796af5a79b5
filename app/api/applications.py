"""`/api/v1/applications`: what waits, what was asked, how far it is. Who files and who decides: other modules."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select

from app import clock, scope
from app.api import histories
from app.api.base import Resource, actor, answers, chosen, finding_list, iso, page, whole
from app.api.reading import asked_bool
from app.extensions import db
from app.models import Application, Attachment, Version
from app.models.choices import APPLICATION_KIND, APPLICATION_STATE
from app.models.sealed import numbers
from app.permissions import Verb
from app.rules.approval import WAITING_STATES
from app.rules.identifiers import masked as masked_number
from app.views.approval import filed_papers
from app.views.approval.application_words import asked_words
from app.views.approval.applications import files_of
from app.views.frame import clock_words, screens
from app.views.frame.filing_words import Due
from app.workflows.approval import seconds, watching
from app.workflows.approval.submissions import FILING_KINDS
from app.workflows.desk import applications, field_remarks
from app.workflows.filing import filing
from app.workflows.people import person_filing


class ApplicationApi(Resource):
    """Applications within the account's scope."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @answers("", "GET")
    def list(self) -> Any:
        """Give applications, the nearest limit first.
        ---
        get:
          summary: 申请列表，期限近的在前
          paged: true
          parameters:
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: state, schema: {type: string}}
            - {in: query, name: open, schema: {type: integer, enum: [0, 1]}}
            - {in: query, name: waiting, schema: {type: integer, enum: [0, 1]}, description: 1 只看等我决定的}
            - {in: query, name: late, schema: {type: integer, enum: [0, 1]}, description: 1 只看超期未办的}
            - {in: query, name: elevator_id, schema: {type: integer}}
            - {in: query, name: unit_id, schema: {type: integer}}
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 编号开头或标题的一部分}
          gives: {200: ApplicationPage}
        """
        statement = scope.apply(select(Application), actor())
        for name, choices in (("kind", APPLICATION_KIND), ("state", APPLICATION_STATE)):
            value = chosen(name, choices)
            if value:
                statement = statement.where(getattr(Application, name) == value)
        for name in ("elevator_id", "unit_id"):
            if request.args.get(name):
                statement = statement.where(getattr(Application, name) == whole(request.args, name))
        wanted = asked_bool("open")
        if wanted is not None:
            statement = statement.where(Application.is_open.is_(wanted))
        if asked_bool("waiting"):
            states = [s.value for s in WAITING_STATES]
            mine = applications.not_own(actor())
            statement = statement.where(Application.is_open.is_(True), Application.state.in_(states), mine)
        if asked_bool("late"):
            statement = statement.where(Application.is_open.is_(True), Application.due_at <= clock.now())
        text = request.args.get("q", "").strip()[:60]
        if text:
            number = Application.number.startswith(text.upper(), autoescape=True)
            statement = statement.where(or_(number, Application.title.contains(text, autoescape=True)))
        return page(statement, [Application.due_at, Application.id], brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one application: what is asked, differences, conditions, steps, files, its limit.
        ---
        get:
          summary: 一件申请的全部：内容、差异、条件、步骤、材料、期限
          gives: {200: ApplicationWhole}
        """
        return jsonify(full(scope.visible(db.session, actor(), Application, key, "这件申请")))


def brief(row: Application) -> dict[str, Any]:
    """The columns of a list."""
    return {
        "id": row.id, "number": row.number, "kind": row.kind, "state": row.state, "title": row.heading,
        "is_open": row.is_open, "entity": row.entity, "entity_id": row.entity_id, "elevator_id": row.elevator_id,
        "unit_id": row.unit_id, "region_code": row.region_code, "row_version": row.row_version,
        "submitted_at": iso(row.submitted_at), "due_at": iso(row.due_at), "decided_at": iso(row.decided_at),
        "effective_on": iso(row.effective_on), "took_effect_at": iso(row.took_effect_at), "opinion": row.opinion,
    }  # fmt: skip


# What of an application's data is told by its own name.
_APART = {"attachments", "papers", "remarks"}


def full(row: Application) -> dict[str, Any]:
    """One application with all that its page shows."""
    now, who = clock.now(), actor()
    version = db.session.get(Version, row.version_id) if row.version_id else None
    changed = [
        {"field": d.field, "old": masked(d.field, d.old), "new": masked(d.field, d.new)}
        for d in _differences(row.kind, version)
    ]
    may_decide = applications.waits_for(who, row)
    files = files_of(row)
    return brief(row) | {
        "reason": row.reason, "steps": _steps(row),
        "checks": finding_list(applications.checks_shown(db.session, who, row, now)), "differences": changed,
        "asked": [{"label": str(label), "text": str(text)} for label, text in asked_words(row)],
        "data": {name: masked(name, value) for name, value in row.data.items() if name not in _APART},
        "attachments": row.data.get("attachments", []), "files": [file_shown(f) for f in files],
        "papers": [
            {"field": one.field, "label": one.label, "old": [file_shown(f) for f in one.old],
             "new": [file_shown(f) for f in one.new], "erased": one.erased}
            for one in filed_papers.beside(row)
        ],
        "remarks": [
            {"field": name, "label": str(field_remarks.label(row.entity, name)), "text": text}
            for name, text in field_remarks.of_application(row).items()
        ],
        "version": None if version is None else version.number, "clock": countdown_of(row),
        "watched": watching.watches(db.session, who, "application", row.id), "may_decide": may_decide,
        "two_persons": may_decide and seconds.asked_for(db.session, row, now),
    }  # fmt: skip


def _differences(kind: str, version: Version | None) -> list[Any]:
    """What a filing asks to be changed, field by field."""
    if version is not None and kind in FILING_KINDS:
        return filing.differences(filing.base_of(db.session, version), version.data)
    if version is not None and kind == person_filing.KIND:
        base, asked = filing.base_of(db.session, version), version.data
        return filing.differences(base, asked)
    return []


def countdown_of(row: Application) -> dict[str, Any] | None:
    """The limit of an open application with its reason; None where none runs."""
    left = clock_words.approval_due(row)
    if left is None:
        return None
    until = None if row.state == "returned" else row.due_at  # where it stands, the day it ends on is still to come
    return _counted("审批", until, left, clock_words.why_due(row))


def countdown(
    title: str, due_at: dt.datetime, started_at: dt.datetime | None, region_code: str, why: str
) -> dict[str, Any]:
    """A limit as every page says it."""
    left = clock_words.due_of(due_at, started_at, region_code)
    assert left is not None
    return _counted(title, due_at, left, why)


def _counted(title: str, due_at: dt.datetime | None, left: Due, why: str) -> dict[str, Any]:
    return {
        "title": title, "due_at": iso(due_at), "side": left.before, "number": left.number, "unit": left.after,
        "tone": left.tone, "spent": left.spent, "why": why,
    }  # fmt: skip


def file_shown(row: Attachment) -> dict[str, Any]:
    """A file that belongs to a record; its bytes are at `url`."""
    return {
        "id": row.id, "name": row.name, "kind": row.kind, "mime": row.mime, "size": row.size, "sha256": row.sha256,
        "url": f"/api/v1/files/{row.id}",
    }  # fmt: skip


def masked(field: str, value: Any) -> Any:
    """Phones and ID numbers as everywhere outside the page that asks for the right and leaves a trace, at any depth."""
    if isinstance(value, dict):
        return {name: masked(name, inner) for name, inner in value.items()}
    return masked_number(numbers()[field], str(value)) if value and field in numbers() else value


def _steps(row: Application) -> list[dict[str, Any]]:
    steps = applications.steps(db.session, row)
    by = histories.names(key for one in steps for key in (one.actor_id, one.on_behalf_of_id))
    return [
        {"verb": one.verb, "state": one.state, "at": iso(one.at), "opinion": one.opinion, "actor": by[one.actor_id],
         "on_behalf_of": by[one.on_behalf_of_id] if one.on_behalf_of_id is not None else None}
        for one in steps
    ]  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get"):
        screens.declare("ApplicationApi", permission, Verb.APPLICATION_READ)
    appbuilder.add_api(ApplicationApi)
