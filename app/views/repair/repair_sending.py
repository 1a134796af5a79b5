"""批量派工 (REP-02): several orders are sent out at once, to one person or each to whoever keeps its elevator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from flask import g
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding, refuse
from app.extensions import db
from app.models import MaintenanceLedger, Person, RepairOrder
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import run_one
from app.workflows.repair import repair_work

# Chosen instead of a person.
KEEPER = "keeper"


def rows_of(keys: Sequence[int]) -> list[RepairOrder]:
    """These of the orders that the reader sees, the oldest first."""
    statement = scope.apply(select(RepairOrder), g.actor, RepairOrder).where(RepairOrder.id.in_(keys))
    found = statement.options(joinedload(RepairOrder.worker)).order_by(RepairOrder.reported_at, RepairOrder.id)
    return list(db.session.scalars(found.execution_options(skip_scope=True)))


def keepers_of(rows: Iterable[RepairOrder]) -> dict[int, tuple[int, str]]:
    """By order, who of its unit keeps its elevator and has not left; none where nobody does."""
    units = {row.elevator_id: row.unit_id for row in rows}
    statement = (
        select(MaintenanceLedger.elevator_id, MaintenanceLedger.unit_id, Person.id, Person.name, Person.left_on)
        .join(Person, Person.id == MaintenanceLedger.worker_id)
        .where(MaintenanceLedger.elevator_id.in_(sorted(units)))
    )
    here = {
        found.elevator_id: (found.id, found.name)
        for found in db.session.execute(statement.execution_options(skip_scope=True))
        if found.unit_id == units[found.elevator_id] and (found.left_on is None or found.left_on > clock.today())
    }
    return {row.id: here[row.elevator_id] for row in rows if row.elevator_id in here}


def people() -> list[tuple[str | int, str]]:
    """Whom they may be sent to."""
    return [(KEEPER, str(_("各台电梯自己的维保人员"))), *forms.workers_of(g.actor.unit_id)]


def send(
    keys: Iterable[int], worker_id: int | None, keepers: dict[int, tuple[int, str]]
) -> dict[int, tuple[int, list[Finding]]]:
    """Send each out by itself; by order the status and what is against it, nothing where it was sent. Helpers stay
    as they are."""
    outcomes: dict[int, tuple[int, list[Finding]]] = {}
    for key in keys:
        _row, findings, status = run_one(partial(_send, key, worker_id, keepers.get(key, (None, ""))[0]))
        outcomes[key] = (status, findings)
    return outcomes


def _send(key: int, worker_id: int | None, keeper_id: int | None, session: Any) -> RepairOrder:
    to = worker_id if worker_id is not None else keeper_id
    if to is None:
        scope.visible(session, g.actor, RepairOrder, key, "维修工单")
        raise refuse("维保人员", "设备履历里没有在职的维保人员", "请单独指派")
    return repair_work.send_out(session, g.actor, key, to, clock.now())
