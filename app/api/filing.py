"""`/api/v1/units`, `/elevators`: drafts, 上报 and withdrawal of filings; the workflow of the forms (UNT-05, ELV-04)."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from flask import jsonify

from app import clock, scope
from app.api import histories
from app.api.applications import full as application_full
from app.api.applications import masked
from app.api.base import Resource, actor, answers, body, finding_list, whole
from app.api.reading import part
from app.extensions import db
from app.models import Elevator, Unit
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import filed, screens
from app.workflows.approval.filing_fields import FiledModel
from app.workflows.filing import filing


class FilingApi(Resource):
    """What units and elevators share. A subclass names its model and words."""

    model: ClassVar[FiledModel]
    noun: ClassVar[str]
    openapi_spec_tag = "Filing"

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Keep a new draft; it is of no force before it was submitted and approved.
        ---
        post:
          summary: 新建备案草稿
          takes: Draft
          gives: {201: DraftKept}
        """
        data = part(body(), "data")
        with transaction(db.session) as session:
            row = filing.save_draft(session, actor(), self.model, None, data, clock.now())
        return jsonify(self._kept(row)), 201

    @answers("/<int:key>/draft", "GET")
    def draft(self, key: int) -> Any:
        """Give the content as filed last, and every condition of submitting it.
        ---
        get:
          summary: 备案内容（含未上报的修改），以及上报须满足的条件
          gives: {200: DraftKept}
        """
        row = self._row(key)
        filing.require_editing(db.session, actor(), row)
        return jsonify(self._kept(row))

    @answers("/<int:key>/draft", "PATCH")
    def edit(self, key: int) -> Any:
        """Keep a change as a draft; what is in force stays. Sent again it changes nothing.
        ---
        patch:
          summary: 修改备案草稿，现行内容不变
          takes: Draft
          gives: {200: DraftKept}
        """
        sent = body()
        data, seen = part(sent, "data"), None
        if sent.get("seen_version") is not None:
            seen = whole(sent, "seen_version")
        with transaction(db.session) as session:
            row = filing.save_draft(session, actor(), self.model, self._row(key), data, clock.now(), seen)
        return jsonify(self._kept(row))

    @answers("/<int:key>/draft", "DELETE")
    def discard(self, key: int) -> Any:
        """Drop a change that was not submitted; what never was in force is deleted whole.
        ---
        delete:
          summary: 放弃未上报的修改；从未通过的草稿整条删除
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            row = self._row(key)
            drop = filing.discard if row.approved_version else filing.delete_draft
            drop(session, actor(), row, clock.now())
        return jsonify(done=True)

    @answers("/<int:key>/submit", "POST", once=True)
    def submit(self, key: int) -> Any:
        """上报: hand it to the officers; everything that is wrong is told at once.
        ---
        post:
          summary: 上报备案
          gives: {201: ApplicationWhole}
        """
        with transaction(db.session) as session:
            made = filing.submit(session, actor(), self._row(key), clock.now())
        return jsonify(application_full(made)), 201

    @answers("/<int:key>/withdraw", "POST")
    def withdraw(self, key: int) -> Any:
        """Take back what waits for the officers.
        ---
        post:
          summary: 撤回上报
          gives: {200: ApplicationWhole}
        """
        with transaction(db.session) as session:
            row = filing.withdraw(session, actor(), self._row(key), clock.now())
        return jsonify(application_full(row))

    @answers("/<int:key>/history", "GET")
    def history(self, key: int) -> Any:
        """Give every version with what it changed, and every step; what was not handed in is for those who may edit.
        ---
        get:
          summary: 备案的历次版本、差异和流转
          gives: {200: FilingHistory}
        """
        row = self._row(key)
        seen, changed = filing.versions_seen(db.session, actor(), row), partial(filed.comparison, self.model)
        return jsonify(histories.history(self.model.__tablename__, row.id, seen, changed))

    def _row(self, key: int) -> Any:
        return scope.visible(db.session, actor(), self.model, key, self.noun)

    def _kept(self, row: Any) -> dict[str, Any]:
        data = filing.content(db.session, row)
        found = filing.findings(db.session, row, data, clock.today())
        return {
            "id": row.id, "filing_state": row.filing_state, "row_version": row.row_version,
            "checks": finding_list(found), "data": masked("", data),
        }  # fmt: skip


class UnitFilingApi(FilingApi):
    """单位备案."""

    resource_name = "units"
    model = Unit
    noun = "这家单位"


class ElevatorFilingApi(FilingApi):
    """电梯备案."""

    resource_name = "elevators"
    model = Elevator
    noun = "这台电梯"


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name, read, edit in (
        ("UnitFilingApi", Verb.UNIT_READ, Verb.UNIT_EDIT),
        ("ElevatorFilingApi", Verb.ELEVATOR_READ, Verb.ELEVATOR_EDIT),
    ):
        screens.declare(name, "can_history", read)
        # A draft is for those who may file, as its form is.
        for permission in ("can_draft", "can_make", "can_edit", "can_discard"):
            screens.declare(name, permission, edit)
        for permission in ("can_submit", "can_withdraw"):
            screens.declare(name, permission, Verb.FILING_SUBMIT)
    appbuilder.add_api(UnitFilingApi)
    appbuilder.add_api(ElevatorFilingApi)
