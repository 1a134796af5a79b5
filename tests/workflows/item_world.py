"""Complaints, inspections, changes and rescues laid into the database as the product would have stored them."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any

from sqlalchemy import select

from app.models import (
    Application,
    ApplicationStep,
    Complaint,
    Elevator,
    Inspection,
    Rescue,
    RescueDispatch,
    Score,
    Unit,
    UnitChange,
)
from app.rules.complaints import Course, Hours, late_steps
from app.rules.other_scores import Outcome, rescue_badge
from tests.factories import make_elevator
from tests.reference.items import Called, Changed, Complained, Inspected, Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import LATER, put_visit, score

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
ON = day("2024-05-06")
NOON = at(ON, 12)
_serial = count(1)
HOURS = Hours(24, 72, 48)


def put_complaint(session: Any, elevator: Elevator, unit: Unit, told: Complained, now: dt.datetime) -> Complaint:
    """As it stands at `now`, when all of it has been done; late steps are those of the last step that was taken."""
    again = told.again or (None, None)
    agreed = told.again[1] if told.again is not None else told.reviewed
    closed = told.ended or agreed
    course = Course(
        told.at, told.accepted, told.handled, told.reviewed, told.again is not None, *again, told.ended
    )
    steps = late_steps(course, HOURS, closed or told.at)
    row = Complaint(
        number=f"C{next(_serial):011d}", elevator_id=elevator.id, region_code=elevator.region_code, unit_id=unit.id,
        use_unit_id=elevator.use_unit_id, code=elevator.code, place="x", kinds=["noise"], complained_at=told.at,
        accepted_at=told.accepted, handled_at=told.handled, reviewed_at=told.reviewed,
        sent_back=told.again is not None, handled_again_at=again[0], reviewed_again_at=again[1], ended_at=told.ended,
        is_untrue=told.untrue, closed_at=closed, state="closed" if closed else "waiting",
        late_steps=",".join(step.value for step in steps) or None, accept_hours=24, handle_hours=72, review_hours=48,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def put_inspection(session: Any, elevator: Elevator, unit: Unit, told: Inspected) -> Inspection:
    number = f"I{next(_serial)}"
    row = Inspection(
        elevator_id=elevator.id, region_code=elevator.region_code, unit_id=unit.id, use_unit_id=elevator.use_unit_id,
        kind=told.kind, number=number, number_key=number, done_on=told.on, tested_by="x", result=told.result,
        is_fault=told.fault, state="approved", in_force_from=told.known, entered_by="x", ended_at=told.gone,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if told.handed_in:
        session.add(Application(
            number=f"U{next(_serial)}", kind="inspection_report", state="approved", is_open=False, entity="inspection",
            entity_id=row.id, title="x", elevator_id=elevator.id, unit_id=unit.id, region_code=elevator.region_code,
        ))  # fmt: skip
        session.flush()
    return row


def put_change(session: Any, elevator: Elevator, unit: Unit, told: Changed) -> UnitChange:
    made = Application(
        number=f"U{next(_serial)}", kind="unit_change", state=told.steps[-1][1], is_open=False, entity="elevator",
        entity_id=elevator.id, title="x", elevator_id=elevator.id, unit_id=unit.id, region_code=elevator.region_code,
    )  # fmt: skip
    session.add(made)
    session.flush()
    for stepped_at, state in told.steps:
        session.add(ApplicationStep(application_id=made.id, verb="x", state=state, at=stepped_at))
        session.flush()
    row = UnitChange(
        application_id=made.id, elevator_id=elevator.id, new_unit_id=unit.id, use_unit_id=told.use_unit or None,
        region_code=elevator.region_code, signed_on=told.signed, due_on=told.signed + dt.timedelta(days=7),
        applied_on=told.applied, late=(told.applied - told.signed).days > 7,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _badge(call: Called, told: Trapped) -> Outcome | None:
    """Late as the product keeps it, with arrival; None in time."""
    found = rescue_badge(
        call.at, call.accepted, call.arrived, call.done, call.ended or LATER, accept_minutes=3, arrive_minutes=18,
        done_minutes=told.done_minutes,
    )  # fmt: skip
    return found if found is Outcome.LATE else None


def put_rescue(session: Any, elevator: Elevator, told: Trapped, firms: dict[str, Unit]) -> Rescue:
    joined = None
    if told.joined:
        joined = session.query(Rescue.id).order_by(Rescue.id).limit(1).scalar()
    late = [one for one in told.calls if one.reason not in ("returned", "replaced") and _badge(one, told) is not None]
    row = Rescue(
        number=f"R{next(_serial)}", elevator_id=elevator.id, region_code=elevator.region_code,
        unit_id=firms[told.unit].id if told.unit else None, use_unit_id=elevator.use_unit_id, code=elevator.code,
        place="x", source="call", reported_at=told.at, status="closed" if told.ended else "dispatched",
        outcome=told.outcome if told.ended else None, cause=told.cause if told.ended else None, ended_at=told.ended,
        accept_minutes=3, arrive_minutes=18, done_minutes=told.done_minutes, joined_to_id=joined,
        late_steps="free" if late else None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    for call in told.calls:
        session.add(
            RescueDispatch(
                rescue_id=row.id, level=call.level, unit_id=firms[call.unit].id, name="x", dispatched_at=call.at,
                accepted_at=call.accepted, arrived_at=call.arrived, done_at=call.done, ended_at=call.ended,
                end_reason=call.reason,
            )
        )  # fmt: skip
    session.flush()
    return row


def scored_firm(session: Any, world: Any) -> Any:
    """One firm with a failure of each kind, one of them on a secret elevator."""
    secret = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    put_visit(session, world.own, world.firm, world.worker, day("2024-01-10"))
    call = Called("A", 1, NOON, NOON + MINUTE, NOON + 5 * MINUTE, NOON + 32 * MINUTE)
    told = Trapped("A", world.own.id, NOON, (call,), NOON + HOUR, "entrapment", "door_operator")
    world.rescue = put_rescue(session, world.own, told, {"A": world.firm})
    world.complaint = put_complaint(session, world.own, world.firm, Complained("A", world.own.id, NOON), LATER)
    put_complaint(session, secret, world.firm, Complained("A", secret.id, NOON, *[NOON + HOUR] * 3), LATER)
    told_inspection = Inspected("A", secret.id, ON, "periodic", "failed", True, NOON)
    world.inspection = put_inspection(session, secret, world.firm, told_inspection)
    late = Changed("A", world.use_unit.id, ON - dt.timedelta(days=8), ON, ((NOON, "submitted"),))
    world.change = put_change(session, world.own, world.firm, late)
    session.commit()
    world.secret = secret
    world.run_row = score(session, "2024-01-01", "2024-12-31", as_of=LATER, region="980402000000")
    world.score = session.scalar(
        select(Score.id).where(Score.run_id == world.run_row.id, Score.unit_id == world.firm.id)
    )
    return world
