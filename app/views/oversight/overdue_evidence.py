"""What goes along to the form of a 约谈 from the page of an elevator whose maintenance is overdue (ANO-03)."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listings.standing import due_of
from app.models import Elevator, MaintenanceClock, OverduePeriod
from app.permissions import Verb

# An address holds no more; the oldest of a year's misses say nothing that the newest do not.
MOST_MISSED = 20


def against_overdue(row: Elevator) -> list[str]:
    """The evidence of an elevator whose maintenance is overdue: the missed periods of its unit, else what it is
    warned of; nothing for whoever draws up no case, and where nothing is overdue."""
    if g.actor.unit_id is not None or not (g.actor.may(Verb.ENFORCEMENT_EDIT) and g.actor.may(Verb.ORDER_READ)):
        return []
    held = db.session.get(MaintenanceClock, row.id)
    if held is None or not due_of(held, clock.today()).over:
        return []
    statement = select(OverduePeriod.id).where(
        OverduePeriod.elevator_id == row.id, OverduePeriod.unit_id == row.maintenance_unit_id,
        OverduePeriod.withdrawn.is_(False), OverduePeriod.done_late_on.is_(None),
    )  # fmt: skip
    newest = scope.apply(statement.order_by(OverduePeriod.limit_on.desc()).limit(MOST_MISSED), g.actor, OverduePeriod)
    missed = db.session.scalars(newest.execution_options(skip_scope=True)).all()
    return [f"overdue_period-{key}" for key in reversed(missed)] or [f"elevator-{row.id}"]
