"""`/api/v1/ledgers`: 设备履历 (ELV-06), by the elevator: who serves it, how its orders are made, its next days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.orders import outcomes
from app.api.reading import day, key, keys, words
from app.extensions import db
from app.models import Elevator, MaintenanceLedger
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.maintenance import ledgers, ledgers_many

NUMBERS = (*ledgers.PERSONS, "team_id", "interval_days")


class LedgerApi(Resource):
    """The ledger of an elevator, opened by the elevator, so that one without a ledger has its answer too."""

    resource_name = "ledgers"
    openapi_spec_tag = "Visits"

    @answers("/<int:elevator>", "GET")
    def get(self, elevator: int) -> Any:
        """Give the ledger of an elevator; version 0 where none was filled in yet.
        ---
        get:
          summary: 一台电梯的设备履历；没有填写过的 version 为 0
          gives: {200: Ledger}
        """
        row = scope.visible(db.session, actor(), Elevator, elevator, "电梯")
        statement = scope.apply(select(MaintenanceLedger), actor(), MaintenanceLedger)
        return jsonify(_ledger(row, db.session.scalar(statement.where(MaintenanceLedger.elevator_id == row.id))))

    @answers("/<int:elevator>", "PATCH", once=True)
    def change(self, elevator: int) -> Any:
        """Fill in or change a ledger; what the body lacks stays, null takes it away.
        ---
        patch:
          summary: 填写或修改一台电梯的设备履历；没有给出的不变，null 为清空
          takes: LedgerChange
          gives: {200: Ledger}
        """
        sent = body()
        data = _given(sent)
        seen = None if sent.get("seen_version") is None else whole(sent, "seen_version")
        with transaction(db.session) as session:
            row: Elevator = scope.visible(session, actor(), Elevator, elevator, "电梯")
            saved = _ledger(row, ledgers.save(session, actor(), row, data, seen, clock.now()))
        return jsonify(saved)

    @answers("/change", "POST", once=True)
    def change_many(self) -> Any:
        """Change many ledgers alike, by the rules of a single one; each has its own outcome.
        ---
        post:
          summary: 一样地修改多台电梯的设备履历；每台各自的结果
          takes: LedgersChange
          gives: {200: OrderReassigned}
        """
        sent = body()
        ids, a_day = keys(sent, "elevator_ids", ledgers_many.MOST_AT_ONCE), key(sent, "a_day")
        data = {name: value for name, value in _given(sent).items() if value not in (None, "")}
        with transaction(db.session) as session:
            done = ledgers_many.change(session, actor(), ids, data, a_day, clock.now())
        return jsonify(rows=outcomes(done))


def _given(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the body names."""
    data: dict[str, Any] = {name: key(sent, name) for name in NUMBERS if name in sent}
    data |= {name: day(sent, name) for name in ledgers.DATES if name in sent}
    return data | ({"mode": words(sent, "mode", 20)} if "mode" in sent else {})


def _ledger(elevator: Elevator, row: MaintenanceLedger | None) -> dict[str, Any]:
    return {
        "elevator_id": elevator.id, "code": elevator.code, "version": row.row_version if row is not None else 0,
        "next_level": row.next_level if row is not None else None,
        **{name: getattr(row, name, None) for name in (*NUMBERS, "mode")},
        **{name: iso(getattr(row, name, None)) for name in ledgers.DATES},
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the resource."""
    screens.declare("LedgerApi", "can_get", Verb.LEDGER_READ)
    for permission in ("can_change", "can_change_many"):
        screens.declare("LedgerApi", permission, Verb.LEDGER_EDIT)
    appbuilder.add_api(LedgerApi)
