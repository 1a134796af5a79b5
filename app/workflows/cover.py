"""Who covers an elevator on a day, as known at an instant. A binding row never changes but for `removed_at`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, or_, select

from app import clock
from app.models import ContractElevator
from app.permissions import Actor
from app.rules.calendar import day_end
from app.transaction import AnySession

DAY = dt.timedelta(days=1)


def cover_on(elevator_id: Any, on: dt.date, known_at: dt.datetime) -> Select[Any]:
    """The id of the binding that covers an elevator on a day as known at an instant; a scalar subquery's select.

    Written over the table's columns: the nightly job joins it, and it must see every unit's.
    """
    row: Any = ContractElevator.__table__.alias("cover").c
    return (
        select(row.id)
        .where(
            row.elevator_id == elevator_id,
            row.starts_on <= on,
            row.ends_on >= on,
            row.added_at < known_at,
            or_(row.removed_at.is_(None), row.removed_at >= known_at),
        )
        .order_by(row.id.desc())
        .limit(1)
    )


def in_force(
    session: AnySession, elevator_id: int, on: dt.date, known_at: dt.datetime | None = None
) -> ContractElevator | None:
    """The binding in force for an elevator on a day; as known now, or as known just before `known_at`."""
    statement = select(ContractElevator).where(
        ContractElevator.elevator_id == elevator_id, ContractElevator.starts_on <= on, ContractElevator.ends_on >= on
    )
    if known_at is None:
        statement = statement.where(ContractElevator.removed_at.is_(None))
    else:
        statement = statement.where(ContractElevator.id == cover_on(elevator_id, on, known_at).scalar_subquery())
    found: ContractElevator | None = session.scalar(
        statement.order_by(ContractElevator.id.desc()).limit(1).execution_options(skip_scope=True)
    )
    return found


def responsible(session: AnySession, elevator_id: int, limit_on: dt.date) -> ContractElevator | None:
    """Who answers for a limit: the contract of that day, as known when the day was over; None = 脱保 (T12)."""
    return in_force(session, elevator_id, limit_on, day_end(limit_on))


def live_bindings(session: AnySession, contract_id: int) -> list[ContractElevator]:
    """The bindings of a contract as known now, those that have ended included."""
    statement = select(ContractElevator).where(
        ContractElevator.contract_id == contract_id, ContractElevator.removed_at.is_(None)
    )
    return list(session.scalars(statement.order_by(ContractElevator.id).execution_options(skip_scope=True)))


def release(
    session: AnySession, actor: Actor, elevator_id: int, on: dt.date, at: dt.datetime, keep_unit_id: int | None = None
) -> int:
    """End every cover of an elevator that is scrapped or goes to another unit; `on` is the first day without.

    Contracts of `keep_unit_id` hold on.
    """
    statement = select(ContractElevator).where(
        ContractElevator.elevator_id == elevator_id,
        ContractElevator.removed_at.is_(None),
        ContractElevator.ends_on >= on,
    )
    if keep_unit_id is not None:
        statement = statement.where(ContractElevator.unit_id != keep_unit_id)
    rows = list(session.scalars(statement.execution_options(skip_scope=True)))
    for row in rows:
        cut(session, row, on - DAY, actor, at)
    session.flush()
    return len(rows)


def cut(session: AnySession, row: ContractElevator, last_day: dt.date, actor: Actor, at: dt.datetime) -> None:
    """Let a binding end with `last_day`: the row as known ends, a shorter one stands beside it."""
    row.removed_at, row.removed_by_id = at, actor.user_id
    if row.starts_on <= last_day and row.starts_on < clock.local_day(at):
        session.add(
            ContractElevator(
                contract_id=row.contract_id, elevator_id=row.elevator_id, unit_id=row.unit_id,
                starts_on=row.starts_on, ends_on=last_day, added_at=at, added_by_id=actor.user_id,
            )
        )  # fmt: skip
