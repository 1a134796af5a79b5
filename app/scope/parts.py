"""The parts that rules of scope are made of: the region, what is 涉密, what is assigned to a narrowed account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SelectBase,
    and_,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from app.models import Elevator, ElevatorAssignment, MaintenanceLedger, MaintenanceOrder, TeamMember
from app.models.likely import asked_as, mostly
from app.models.region import Somewhere, is_wide
from app.permissions import Actor, Verb
from app.policy import chain
from app.rules.rescues import OPEN

Criterion = ColumnElement[bool]

_elevator: Any = Elevator.__table__.c
_assignment: Any = ElevatorAssignment.__table__.c
_ledger: Any = MaintenanceLedger.__table__.c
_member: Any = TeamMember.__table__.c
_order: Any = MaintenanceOrder.__table__.c


def in_region(model: Any, actor: Actor) -> Criterion:
    span = actor.region_span
    if span is None:
        return false()
    inside = (model.region_code >= span[0], model.region_code < span[1])
    return and_(*map(mostly, inside)) if is_wide(actor.region_code or "") else and_(*inside)


def of_here_or_above(column: Any, actor: Actor) -> Criterion:
    """What stands for the actor's region itself or for one above it."""
    code: Any = actor.region_code
    return column.in_(code.above if isinstance(code, Somewhere) else chain(code))  # type: ignore[no-any-return]


def not_secret(elevator_id: Any, actor: Actor) -> Criterion:
    if actor.may(Verb.SECRET_READ):
        return true()
    return not_(elevator_id.in_(select(_elevator.id).where(_elevator.is_secret)))


def at_desk(model: Any, actor: Actor) -> Criterion:
    """Open rescues of 涉密 elevators of a desk's region: no list shows them to who may not see 涉密, and the desk opens
    each by itself (`rescue_course.case_of`), for somebody is inside."""
    if actor.unit_id is not None or not actor.may(Verb.RESCUE_DESK) or actor.may(Verb.SECRET_READ):
        return false()
    secret = model.elevator_id.in_(select(_elevator.id).where(_elevator.is_secret))
    return and_(in_region(model, actor), model.status.in_([literal_column(f"'{one}'") for one in sorted(OPEN)]), secret)


def without_secret(model: Any, actor: Actor) -> Criterion:
    """All rows but those of 涉密 elevators, for an account whose place sets no bound."""
    if model is Elevator:
        return not_(model.is_secret)
    if not hasattr(model, "elevator_id"):
        return true()
    return or_(model.elevator_id.is_(None), not_secret(model.elevator_id, actor))


def one_of(column: Any, keys: SelectBase) -> Criterion:
    """The column is one of these few keys, beside other conditions of which one is enough.

    As a value PostgreSQL asks an index for them; of a subquery within an OR it reads every row of the table.
    """
    alone = keys.correlate(None) if isinstance(keys, Select) else keys
    return asked_as(column == func.any(func.array(alone.scalar_subquery())), column.in_(keys))


def one_of_many(elevator_id: Any, lifts: Select[Any]) -> Criterion:
    """The same of elevators of which there are most in a region: each row is asked for its own."""
    return lifts.where(_elevator.id == elevator_id).correlate_except(Elevator).exists()


def assigned(elevator_id: Any, actor: Actor) -> Criterion:
    """True for accounts that see all of their unit's elevators, else the assigned ones and those of one's teams."""
    if actor.sees_all_elevators:
        return true()
    seen: Any = select(_assignment.elevator_id).where(_assignment.user_id == actor.user_id)
    if actor.person_id is not None:
        seen = union_all(seen, of_teams(actor.person_id))
    return elevator_id.in_(seen)  # type: ignore[no-any-return]


def of_teams(person_id: Any) -> Select[Any]:
    """The elevators that a person's teams serve (PLN-07)."""
    joined = select(_ledger.elevator_id).join_from(MaintenanceLedger, TeamMember, _ledger.team_id == _member.team_id)
    return joined.where(_member.person_id == person_id)


def open_orders_of(person_id: Any, *others: Criterion) -> Criterion:
    """Open orders of a person, of the elevators that his teams serve, and those that meet one of `others`.

    Each kind is found by its own index: with an OR of them PostgreSQL reads every open order there is.
    """
    ways = (_order.worker_id == person_id, _order.elevator_id.in_(of_teams(person_id)), *others)
    found = union_all(*(select(_order.id).where(_order.state == "open", way) for way in ways))
    return MaintenanceOrder.id.in_(found)
