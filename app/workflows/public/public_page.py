"""What a passer-by is told behind the code of an elevator (CMP-01): by its random token alone, and as policy allows.

Nobody is named but a worker where the region says so. Of a 涉密 elevator nothing is told but whom to call.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.models import Elevator, ElevatorMessage, MaintenanceClock, MaintenanceLedger, Person, RepairOrder, Visit
from app.models.policy import policy_value
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.identifiers import mask_mobile
from app.rules.schedule import DueDay, due_day
from app.transaction import AnySession
from app.wording import say
from app.workflows.on_site import labels
from app.workflows.public.complaints import shown_text

LONGEST_TOKEN = 32
RECORDS, MESSAGES, REPAIRS = 6, 5, 5


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call about maintenance, as the region allows it: a label, who, and a number to press or to read."""

    who: str
    call: str | None = None
    masked: str | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """A published line with its reply; the unit that replied, nobody's name."""

    body: str
    on: dt.date
    reply: str
    by: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repair as everybody may know it: when it was reported, what kind of fault, how it stands, the kind of cause.

    Nobody's words and nobody's name: what people wrote into an order is theirs.
    """

    on: dt.date
    level: str
    state: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page shows beside the elevator's own columns."""

    unit: str | None
    use_unit: str | None
    contacts: tuple[Contact, ...]
    last_visit_on: dt.date | None
    due: DueDay
    records: tuple[tuple[dt.date, str, str], ...]
    messages: tuple[Talk, ...]
    repairs: tuple[Repaired, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What a token leads to. `ended`: why it is dead, of a label that opens nothing but help; of an elevator that was
    never approved nothing is told either.
    """

    elevator: Elevator
    ended: str = ""

    @property
    def opens(self) -> bool:
        return not self.ended and self.elevator.approved_version > 0


def of_token(session: AnySession, token: str, at: dt.datetime) -> Held | None:
    """The elevator with this token, by a label in force or a dead one; codes and numbers open nothing."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    statement = select(Elevator).options(joinedload(Elevator.maintenance_unit), joinedload(Elevator.use_unit))
    statement = statement.execution_options(skip_scope=True)
    row = session.scalar(statement.where(Elevator.public_token == token))
    if row is not None:
        return Held(row)
    label = labels.of_token(session, token)
    if label is None:
        return None
    row = session.scalar(statement.where(Elevator.id == label.elevator_id))
    return None if row is None else Held(row, "" if label.holds(at) else label.ended)


def elevator_of(session: AnySession, token: str) -> Elevator | None:
    """The registered elevator to which a label in force leads."""
    held = of_token(session, token, clock.now())
    return held.elevator if held is not None and held.opens else None


def to_be_helped(session: AnySession, token: str) -> Held | None:
    """The registered elevator of a label, be it dead: whoever is trapped is heard by it as well."""
    held = of_token(session, token, clock.now())
    return held if held is not None and held.elevator.approved_version > 0 else None


def facts(session: AnySession, elevator: Elevator, at: dt.datetime) -> Facts:
    """What is told of an elevator that may be told of."""
    today = clock.local_day(at)
    with scope.acting(SYSTEM):
        running = session.get(MaintenanceClock, elevator.id)
        visits = session.execute(
            select(Visit.visit_on, Visit.level, Visit.state)
            .where(Visit.elevator_id == elevator.id)
            .order_by(Visit.visit_on.desc(), Visit.id.desc())
            .limit(RECORDS)
        ).all()
        orders = session.execute(
            select(
                RepairOrder.reported_at, RepairOrder.level, RepairOrder.state, RepairOrder.restored, RepairOrder.cause
            )
            .where(RepairOrder.elevator_id == elevator.id, RepairOrder.state != "cancelled")
            .order_by(RepairOrder.reported_at.desc(), RepairOrder.id.desc())
            .limit(REPAIRS)
        ).all()
        talks = session.scalars(
            select(ElevatorMessage)
            .where(ElevatorMessage.elevator_id == elevator.id, ElevatorMessage.published_at.is_not(None))
            .options(joinedload(ElevatorMessage.reply_unit))
            .order_by(ElevatorMessage.sent_at.desc())
            .limit(MESSAGES)
        ).all()
        return Facts(
            unit=elevator.maintenance_unit.name if elevator.maintenance_unit else None,
            use_unit=elevator.use_unit.name if elevator.use_unit else None,
            contacts=tuple(_contacts(session, elevator, today)),
            last_visit_on=running.last_visit_on if running else None, due=_due(running, today),
            records=tuple((on, level, state) for on, level, state in visits),
            messages=tuple(
                Talk(shown_text(t.body), clock.local_day(t.sent_at), shown_text(t.reply),
                    t.reply_unit.name if t.reply_unit else "")
                for t in talks
            ),
            repairs=tuple(_repaired(*row) for row in orders),
        )  # fmt: skip


def _repaired(
    reported_at: dt.datetime, level: str, state: str, restored: bool | None, cause: str | None
) -> Repaired:  # fmt: skip
    """Under way until it is closed; then by whether the elevator runs again, and only then why it did not."""
    if state != "done":
        return Repaired(clock.local_day(reported_at), level, "open", None)
    how = "done" if restored is None else "mended" if restored else "still"
    return Repaired(clock.local_day(reported_at), level, how, cause)


def _due(row: MaintenanceClock | None, today: dt.date) -> DueDay:
    if row is None:
        return DueDay(None, None)
    return due_day(row.limit_on, row.missed_since_on, row.paused_on, row.limit_left_days, today)


def _contacts(session: AnySession, elevator: Elevator, today: dt.date) -> list[Contact]:
    allowed = policy_value(session, Key.PUBLIC_CONTACT, elevator.region_code, today)
    unit = elevator.maintenance_unit
    if unit is None or allowed == "none":
        return []
    found = []
    if allowed in ("masked", "worker"):
        ledger = select(MaintenanceLedger.worker_id).where(
            MaintenanceLedger.elevator_id == elevator.id, MaintenanceLedger.unit_id == unit.id
        )
        worker = session.scalar(select(Person).where(Person.id.in_(ledger)).limit(1))
        if worker is not None and allowed == "worker":
            found.append(Contact(worker.name, call=worker.phone))
        elif worker is not None:
            masked = mask_mobile(worker.phone) if worker.phone else None
            found.append(Contact(say("%(surname)s师傅", surname=worker.name[:1]), masked=masked))
    if unit.duty_phone and not any(one.call for one in found):
        found.append(Contact(say("24 小时值班电话"), call=unit.duty_phone))
    return found
