"""Whom one calls about a rescue: people of the use unit, of the maintenance unit and of those who were called out.

Their numbers are persons': pages show them masked, and `workflows/privacy/revealing.py` gives one whole, with a trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.models import Account, Elevator, Rescue, RescueDispatch, Unit
from app.models.choices import RESCUE_ROLE
from app.permissions import Actor
from app.transaction import AnySession
from app.wording import say
from app.workflows.rescue import rescue_course


@dataclass(frozen=True, slots=True)
class Contact:
    """One number: whose it is in words, and the row and field in which it stands, as the log names them."""

    key: str
    role: Any
    name: str
    firm: str
    number: str
    entity: str
    entity_id: int
    field: str


Calls = Sequence[RescueDispatch]


def of(session: AnySession, actor: Actor, row: Rescue, calls: Calls | None = None) -> list[Contact]:
    """Use unit first, then who maintains, then who else was called; people on call for those who work on it alone.

    `calls` where the caller has read the case's calls already.
    """
    calls = rescue_course.calls_of(session, row) if calls is None else calls
    units = _units(session, row, calls)
    use = units.get(row.use_unit_id or 0)
    found = [] if use is None else _of_use_unit(session, row, use)
    called = {call.unit_id for call in calls if call.is_open} - {None, row.unit_id}
    for key in [row.unit_id, *sorted(key for key in called if key is not None)]:
        unit = units.get(key or 0)
        if unit is None:
            continue
        found += _one(f"head-{unit.id}", say("负责人"), unit.head_name, unit, unit.head_phone, "head_phone")
        if actor.unit_id is None or actor.unit_id == row.unit_id or actor.unit_id in called:
            found += _on_call(session, unit)
    return found


def duty_phones(session: AnySession, row: Rescue, calls: Calls) -> list[tuple[str, str, str]]:
    """Whose, of which unit, the number: who maintains, then who else is called out. They stand on signs; no mask."""
    units = _units(session, row, calls)
    others = {call.unit_id for call in calls if call.is_open} - {None, row.unit_id}
    found = []
    for key in [row.unit_id, *sorted(key for key in others if key is not None)]:
        unit = units.get(key or 0)
        if unit is not None and unit.duty_phone:
            label = say("维保值班电话") if key == row.unit_id else say("救援单位值班电话")
            found.append((label, unit.name, unit.duty_phone))
    return found


def _units(session: AnySession, row: Rescue, calls: Calls) -> dict[int, Unit]:
    """Past scope: whoever reads a case reads who is on it."""
    keys = {row.use_unit_id, row.unit_id} | {call.unit_id for call in calls}
    statement = select(Unit).where(Unit.id.in_(sorted(key for key in keys if key is not None)))
    return {unit.id: unit for unit in session.scalars(statement.execution_options(skip_scope=True))}


def _of_use_unit(session: AnySession, row: Rescue, use: Unit) -> list[Contact]:
    lift = session.scalar(
        select(Elevator).where(Elevator.id == row.elevator_id).execution_options(skip_scope=True)
    )
    found = _one(f"head-{use.id}", say("负责人"), use.head_name, use, use.head_phone, "head_phone")
    if lift is not None and lift.safety_phone:
        own = Contact(
            "safety", say("安全管理员"), lift.safety_officer or "", use.name, lift.safety_phone, "elevator", lift.id,
            "safety_phone",
        )  # fmt: skip
        return [*found, own]
    return found + _one("safety", say("安全管理员"), use.safety_officer, use, use.safety_phone, "safety_phone")


def _one(key: str, role: str, name: str | None, unit: Unit, number: str | None, field: str) -> list[Contact]:
    return [Contact(key, role, name or "", unit.name, number, "unit", unit.id, field)] if number else []


def _on_call(session: AnySession, unit: Unit) -> list[Contact]:
    named = select(Account).where(
        Account.unit_id == unit.id, Account.active.is_(True), Account.rescue_role.is_not(None)
    ).order_by(Account.id)
    people = session.scalars(named.execution_options(skip_scope=True))
    return [
        Contact(
            f"account-{one.id}", RESCUE_ROLE.get(one.rescue_role or "", ""), one.get_full_name(), unit.name,
            one.phone, "account", one.id, "phone",
        )
        for one in people if one.phone
    ]  # fmt: skip
