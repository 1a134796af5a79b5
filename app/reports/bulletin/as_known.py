"""What rescues and repairs were at a bulletin's instant where a step of theirs was taken back since, and what visits
were that have been judged since.

A row keeps what holds now; its steps, which nobody changes, say what held then. A visit's own dates do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from app.listings.visits_then import COLUMNS, VisitThen, visit_then
from app.models import AuditEntry, RepairOrder, RescueStep, StatusChange, Visit
from app.models.among import among
from app.models.audit import last_said
from app.models.rescues_then import cases_then
from app.models.taken_over import visit_known
from app.reports.bulletin.asked import Asked
from app.rules.periods import Period
from app.rules.repairs import TAKES_BACK, Heard, RepairVerb, heard_then
from app.rules.rescues import Course, RescueVerb


@dataclass(frozen=True, slots=True)
class RescueThen:
    """A case as it stood: its instants, and what came out if somebody had said so by then."""

    course: Course
    outcome: str | None = None
    cause: str | None = None
    trapped: int | None = None


@dataclass(frozen=True, slots=True)
class RepairThen:
    """An order as it stood: when its steps were heard of, the cause of its end, whose it was."""

    heard: Heard
    cause: str | None
    unit_id: int | None


def visits_there(asked: Asked, period: Period) -> tuple[Any, ...]:
    """Visits of the period that were here at the instant; those of another platform once they had been taken over."""
    return (
        Visit.visit_on.between(period.first, period.last), Visit.received_at <= asked.as_of, visit_known(asked.as_of)
    )  # fmt: skip


def visits(asked: Asked, period: Period) -> list[VisitThen]:
    """Those of the period whose state now need not be that of the instant, as the rules tell it of what was known."""
    as_of = asked.as_of
    # What was taken over keeps its state: the rules were not there to see it.
    settled = and_(Visit.counted.is_(False), Visit.settled_at > as_of, Visit.taken_over.is_(False))
    # Counts now, and may not have: it was still open, or was let stand by an appeal, a manager or a photo since.
    since = (Visit.checked_out_at, Visit.sent_at, Visit.appeal_upheld_at, Visit.decided_at, Visit.label_at)
    let_stand = and_(Visit.counted, or_(*(column > as_of for column in since)))
    statement = select(*(getattr(Visit, name) for name in COLUMNS)).where(
        *visits_there(asked, period), or_(settled, let_stand, Visit.next_change_at <= as_of),
    )
    return [visit_then(asked.session, row, as_of) for row in asked.rows(statement, Visit)]


def rescues(asked: Asked, keys: Sequence[int]) -> dict[int, RescueThen]:
    """Of these cases those of which the desk took a step back after the instant. One of another platform that has no
    steps is left as it stands."""
    back = select(RescueStep.rescue_id).where(
        among(asked.session, RescueStep.rescue_id, keys), RescueStep.verb == RescueVerb.BACK.value,
        RescueStep.at > asked.as_of,
    )  # fmt: skip
    told = cases_then(asked.session, _all(asked, back), asked.as_of)
    return {key: RescueThen(one.course, one.outcome, one.cause, one.trapped) for key, one in told.items()}


def repairs(asked: Asked, where: Sequence[Any]) -> dict[int, RepairThen]:
    """Of the orders that meet `where` those that were taken back, sent back or handed on after the instant."""
    orders = select(RepairOrder.id).where(*where)
    back = select(StatusChange.entity_id).where(
        StatusChange.entity == "repair_order", StatusChange.verb.in_([verb.value for verb in TAKES_BACK]),
        StatusChange.known_at > asked.as_of, StatusChange.entity_id.in_(orders),
    )  # fmt: skip
    handed = select(AuditEntry.entity_id, AuditEntry.before).where(
        AuditEntry.entity == "repair_order", AuditEntry.action == "repair.hand_on", AuditEntry.at > asked.as_of,
        AuditEntry.entity_id.in_(orders),
    )  # fmt: skip
    units: dict[int, int | None] = {}
    for key, before in _rows(asked, handed.order_by(AuditEntry.id)):
        # One that went to another use unit stays with whoever repairs it.
        if "unit_id" in (before or {}):
            units.setdefault(key, before["unit_id"])
    changed = {*_all(asked, back), *units}
    steps: dict[int, list[tuple[RepairVerb, Any]]] = defaultdict(list)
    known = select(StatusChange.entity_id, StatusChange.verb, StatusChange.known_at).where(
        StatusChange.entity == "repair_order", among(asked.session, StatusChange.entity_id, sorted(changed)),
        StatusChange.known_at <= asked.as_of,
    )  # fmt: skip
    for key, verb, at in _rows(asked, known.order_by(StatusChange.id)):
        steps[key].append((RepairVerb(verb), at))
    said = last_said(asked.session, "repair_order", ["repair.ended"], changed, asked.as_of)
    held = select(RepairOrder.id, RepairOrder.unit_id).where(among(asked.session, RepairOrder.id, sorted(changed)))
    units = {key: unit for key, unit in _rows(asked, held)} | units  # noqa: C416 - rows are no pairs to mypy
    return {key: RepairThen(heard_then(steps[key]), said.get(key, {}).get("cause"), units.get(key)) for key in changed}


def _rows(asked: Asked, statement: Any) -> list[Any]:
    return list(asked.session.execute(statement.execution_options(skip_scope=True)).all())


def _all(asked: Asked, statement: Any) -> list[int]:
    return [row[0] for row in _rows(asked, statement)]
