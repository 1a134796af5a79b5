"""Where a check-in happens: the elevator and all that stands around it on a day, read by one statement."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select

from app import scope
from app.models import ContractElevator, Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Unit
from app.permissions import Actor
from app.rules.identifiers import normal_code
from app.rules.levels import Level
from app.transaction import AnySession
from app.workflows import cover

LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Site:
    """An elevator on a day, as one unit finds it.

    `covered_by` and `covered_until`: the binding in force, whoever's; `last_end`: of the unit's last one that ended.
    `order`: the unit's open order that was planned first, as id and level.
    """

    elevator: Elevator
    may_serve: bool
    use_unit: str | None
    paused_on: dt.date | None
    covered_by: int | None
    covered_until: dt.date | None
    last_end: dt.date | None
    next_level: str | None
    order_id: int | None
    order_level: str | None

    @property
    def level(self) -> Level:
        """The order's level; without one, what the ledger holds ready; without that, the half-month's."""
        return Level(self.order_level or self.next_level or Level.HALF_MONTH)


def by_text(session: AnySession, actor: Actor, text: str, today: dt.date) -> Site | None:
    """The site of the approved elevator that a text names (see `elevator_of`); outside scope on purpose.

    Whether this person may serve it is a finding that he must be told, not a hidden row; nothing but the code is shown.
    """
    token, code = _words(text)
    if not token:
        return None
    statement = _around(actor).where(_NAMED).order_by(_TOKEN).limit(1)
    return _first(session, statement, actor, today, {"token": token, "code": code})


def of_elevator(session: AnySession, actor: Actor, elevator: Elevator, today: dt.date) -> Site:
    """The site of an elevator at hand."""
    found = _first(session, _around(actor).where(Elevator.id == elevator.id), actor, today, {})
    assert found is not None
    return found


def elevator_of(session: AnySession, text: str) -> Elevator | None:
    """The approved elevator that a scanned address, its token, or a typed 识别码 names, whosever it is."""
    token, code = _words(text)
    if not token:
        return None
    statement = select(Elevator).where(_NAMED).order_by(_TOKEN).limit(1).execution_options(skip_scope=True)
    found: Elevator | None = session.scalar(statement, {"token": token, "code": code})
    return found


def serves(actor: Actor, elevator: Elevator) -> bool:
    """The elevator is served by the actor's unit; whether it is one of the actor's own, his scope says."""
    own = actor.unit_id is not None and elevator.maintenance_unit_id == actor.unit_id
    return own and actor.person_id is not None


# --- the statement

_TOKEN = Elevator.public_token == bindparam("token")
_NAMED: ColumnElement[bool] = (Elevator.approved_version > 0) & or_(_TOKEN, Elevator.code == bindparam("code"))


def _words(text: str) -> tuple[str, str]:
    """The last part of an address, as a token and as a typed code."""
    token = text.strip()[:LONGEST_TEXT].rstrip("/").rsplit("/", 1)[-1]
    return token, normal_code(token) if token else ""


def _around(actor: Actor) -> Select[Any]:
    """What `Site` holds, by elevator, and whether the actor's scope holds it. Takes `unit` and `today`."""
    return _anybodys().add_columns(scope.criterion(Elevator, actor))


@cache
def _anybodys() -> Select[Any]:
    """The part that is the same for everybody; made once, for making its aliases takes longer than asking."""
    today: Any = bindparam("today")
    bound = cover.cover_on(Elevator.id, today).correlate(Elevator).scalar_subquery()
    ended: Any = ContractElevator.__table__.alias("ended").c
    last_end = select(func.max(ended.ends_on)).where(
        ended.elevator_id == Elevator.id, ended.unit_id == bindparam("unit"), ended.removed_at.is_(None),
        ended.ends_on < today,
    )  # fmt: skip
    waiting: Any = MaintenanceOrder.__table__.alias("waiting").c
    order = (
        select(waiting.id)
        .where(
            waiting.elevator_id == Elevator.id, waiting.unit_id == bindparam("unit"), waiting.state == "open"
        )
        .order_by(waiting.planned_on, waiting.id)
        .limit(1)
    )  # fmt: skip
    return (
        select(
            Elevator, Unit.name, MaintenanceClock.paused_on,
            ContractElevator.unit_id, ContractElevator.ends_on, last_end.correlate(Elevator).scalar_subquery(),
            MaintenanceLedger.next_level, MaintenanceOrder.id, MaintenanceOrder.level,
        )
        .outerjoin(Unit, Unit.id == Elevator.use_unit_id)
        .outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
        .outerjoin(MaintenanceLedger, MaintenanceLedger.elevator_id == Elevator.id)
        .outerjoin(ContractElevator, ContractElevator.id == bound)
        .outerjoin(MaintenanceOrder, MaintenanceOrder.id == order.correlate(Elevator).scalar_subquery())
        .execution_options(skip_scope=True)
    )  # fmt: skip


def _first(
    session: AnySession, statement: Select[Any], actor: Actor, today: dt.date, more: dict[str, Any]
) -> Site | None:
    row = session.execute(statement, {"unit": actor.unit_id or 0, "today": today, **more}).first()
    if row is None:
        return None
    elevator, *around, seen = row
    return Site(elevator, bool(seen) and serves(actor, elevator), *around)
