"""`/api/v1/applications`, `/unit-changes`: apply, correct, withdraw. What is asked for is judged by the workflow."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.applications import full
from app.api.base import Resource, actor, answers, body
from app.api.reading import day, flag, key, keys, part, words
from app.errors import refuse
from app.extensions import db
from app.models import Application, Elevator
from app.models.sealed import as_held
from app.permissions import Verb, require
from app.rules.lifecycle import CAUSE_FIELDS, ApplicationKind, ChangeCause
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say, together
from app.workflows.desk import applications
from app.workflows.filing import registration_changes
from app.workflows.handover import unit_change_terms, unit_changes
from app.workflows.maintenance import ledgers

MOST_FILES = 10
_K = ApplicationKind


class ApplyApi(Resource):
    """Applying for something about an elevator in force, and what the applicant may do with it afterwards."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @answers("", "POST", once=True)
    def apply(self) -> Any:
        """Apply; whatever stands in the way is told at once. `GET /elevators/{id}/gate` tells it beforehand.
        ---
        post:
          summary: 提出申请（使用登记、停用、启用、报废、变更登记、维保暂停与恢复、人员变更、按需维保）
          takes: NewApplication
          gives: {201: ApplicationWhole}
        """
        sent = body()
        kind = words(sent, "kind", 30)
        elevator_id, reason = key(sent, "elevator_id"), words(sent, "reason", 2000)
        with transaction(db.session) as session:
            row = scope.visible(session, actor(), Elevator, elevator_id, "这台电梯")
            made = applications.apply(
                session, actor(), kind, row, effective_on=day(sent, "effective_on"), reason=reason,
                attachments=keys(sent, "attachments", MOST_FILES), at=clock.now(),
                data=_asked(session, row, kind, sent),
            )  # fmt: skip
        return jsonify(full(made)), 201

    @answers("/<int:key>/withdraw", "POST")
    def withdraw(self, key: int) -> Any:
        """Take back one's own, or call off what was approved for a later day; withdrawn again is refused.
        ---
        post:
          summary: 撤回自己单位的申请；已核准、还没有到生效日的，取消后不再生效
          gives: {200: ApplicationWhole}
        """
        with transaction(db.session) as session:
            row = applications.withdraw(session, actor(), key, clock.now())
        return jsonify(full(row))

    @answers("/<int:key>/resubmit", "POST", once=True)
    def resubmit(self, key: int) -> Any:
        """Send back what was returned for correction, mended.
        ---
        post:
          summary: 补正后重新提交
          takes: Correction
          gives: {200: ApplicationWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            row = applications.resubmit(
                session, actor(), key, effective_on=day(sent, "effective_on"), reason=words(sent, "reason", 2000),
                attachments=keys(sent, "attachments", 2 * MOST_FILES), at=clock.now(),
                mended=_mended(session, key, part(sent, "filed")),
            )  # fmt: skip
        return jsonify(full(row))


class UnitChangeApi(Resource):
    """维保单位变更: asked by either side; the new unit names the elevator by its code, for it does not see it yet."""

    resource_name = "unit-changes"
    openapi_spec_tag = "Applications"

    @answers("", "POST", once=True)
    def apply(self) -> Any:
        """Ask for the change.
        ---
        post:
          summary: 申请维保单位变更
          takes: NewUnitChange
          gives: {201: ApplicationWhole}
        """
        sent = body()
        wanted = unit_change_terms.Wanted(
            words(sent, "code", 30), key(sent, "new_unit_id"), key(sent, "contract_id"), day(sent, "signed_on"),
            day(sent, "effective_on"), words(sent, "reason"), keys(sent, "attachments", MOST_FILES),
        )  # fmt: skip
        with transaction(db.session) as session:
            made = unit_changes.apply(session, actor(), wanted, clock.now())
        return jsonify(full(made)), 201


def _mended(session: Any, number: int, sent: dict[str, Any]) -> dict[str, Any] | None:
    """What was filed, put right, as the workflow of its kind takes it."""
    if not sent:
        return None
    row: Application = scope.visible(session, actor(), Application, number, "这件申请")
    if row.kind in applications.OPEN_KINDS:
        elevator = scope.visible(session, actor(), Elevator, row.elevator_id or 0, "这台电梯")
        filed = {"cause": row.data.get("cause"), **sent}
        if row.kind == _K.REGISTRATION_CHANGE:
            # What it would change is shown masked, too.
            filed["changes"] = as_held(part(sent, "changes"), row.data.get("changes") or {})
        return _asked(session, elevator, row.kind, filed)
    if row.kind == _K.UNIT_CHANGE:
        new_unit, contract = key(sent, "new_unit_id"), key(sent, "contract_id")
        return {"new_unit_id": new_unit, "contract_id": contract, "signed_on": day(sent, "signed_on")}
    read = {"date": day, "check": flag}
    return {one.name: read.get(one.kind, words)(sent, one.name) for one in applications.handlers(row.kind).mends}


def _asked(session: Any, row: Elevator, kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    """What the kind asks for besides day and reason, as its form gives it to the workflow."""
    data: dict[str, Any] = {}
    if kind in (_K.MAINTENANCE_PAUSE, _K.ON_DEMAND):
        until = day(sent, "until_on")
        data["until_on"] = until.isoformat() if until else None
    if kind == _K.ON_DEMAND:
        data["interval_days"] = key(sent, "interval_days")
    if kind == _K.WORKER_CHANGE:
        data = {name: key(sent, name) for name in ledgers.PERSONS}
    if kind == _K.REGISTRATION_CHANGE:
        require(actor(), Verb.APPLICATION_SUBMIT)
        cause, changes = words(sent, "cause", 30), part(sent, "changes")
        known = CAUSE_FIELDS[ChangeCause(cause)] if cause in set(ChangeCause) else ()
        others = [name for name in changes if name not in known]
        if known and others:
            found = say("这种变更不涉及 %(others)s", others=others[0][:40])
            raise refuse(
                "变更内容",
                found,
                say("可以变更：%(names)s", names=together(known)),
                field="changes",
                value=others[0][:40],
            )
        data = registration_changes.content(session, row, cause, changes)
    return data


def register(appbuilder: Any) -> None:
    """Add these resources."""
    screens.declare("ApplyApi", "can_apply", Verb.APPLICATION_SUBMIT)
    # Which right withdrawing and correcting need depends on the kind: the workflow asks for it.
    for permission in ("can_withdraw", "can_resubmit"):
        screens.declare("ApplyApi", permission, Verb.APPLICATION_READ)
    screens.declare("UnitChangeApi", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_api(ApplyApi)
    appbuilder.add_api(UnitChangeApi)
