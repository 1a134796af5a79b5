"""Taking over past visits of another platform, with their true times (IMP-03); by a regulator's account only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app import clock
from app.errors import Finding, raise_failing
from app.models import Elevator, Person, Unit, Visit
from app.models.policy import policy_version, visit_policy
from app.permissions import Actor, Verb, require
from app.rules.visits import REASON_LABELS, VisitFacts, VisitMode, counts_for_clock, visit_state
from app.transaction import AnySession
from app.workflows import clocks


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit as the other platform recorded it."""

    elevator_id: int
    unit_id: int
    worker_id: int
    checked_in_at: dt.datetime
    checked_out_at: dt.datetime | None = None
    mode: str = "items"
    signed_at: dt.datetime | None = None
    sheet_at: dt.datetime | None = None
    reviewed_at: dt.datetime | None = None


def take_over(
    session: AnySession, actor: Actor, batch_id: int | None, rows: Iterable[PastVisit], at: dt.datetime
) -> int:
    """Store past visits, judged by their own day's policy; each elevator's clock is told anew once. Gives how many.

    What is there already (same elevator and check-in) is left alone, so that a second run adds nothing.
    """
    require(actor, Verb.TAKE_OVER)
    touched: dict[int, None] = {}
    made = 0
    for row in rows:
        raise_failing(_past(row, at))
        known = select(Visit.id).where(
            Visit.elevator_id == row.elevator_id, Visit.checked_in_at == row.checked_in_at
        )
        if session.scalar(known.limit(1)) is not None:
            continue
        session.add(_visit(session, row, batch_id, at))
        touched[row.elevator_id] = None
        made += 1
    session.flush()
    for elevator_id in touched:
        clocks.recompute(session, elevator_id, at)
    return made


def _past(row: PastVisit, at: dt.datetime) -> list[Finding]:
    """What was taken over has happened: no instant of it lies ahead."""
    told = {
        "签到时间": row.checked_in_at, "签退时间": row.checked_out_at, "现场签名": row.signed_at,
        "上传时间": row.sheet_at, "复核时间": row.reviewed_at,
    }  # fmt: skip
    return [
        Finding("既往记录", False, f"{label} {clock.local(when):%Y-%m-%d %H:%M} 晚于现在", "既往记录只能是过去的")
        for label, when in told.items()
        if when is not None and when > at
    ]


def _visit(session: AnySession, row: PastVisit, batch_id: int | None, at: dt.datetime) -> Visit:
    elevator = session.get(Elevator, row.elevator_id)
    unit, worker = session.get(Unit, row.unit_id), session.get(Person, row.worker_id)
    assert elevator is not None and unit is not None and worker is not None
    on = clock.local_day(row.checked_in_at)
    policy = visit_policy(session, elevator.region_code, on)
    received = row.checked_out_at or row.checked_in_at
    facts = VisitFacts(
        checked_in_at=row.checked_in_at, checked_out_at=row.checked_out_at, mode=VisitMode(row.mode),
        sheet_at=row.sheet_at, signed_at=row.signed_at, reviewed_at=row.reviewed_at, received_at=received,
    )  # fmt: skip
    standing = visit_state(facts, policy, at)
    return Visit(
        elevator_id=elevator.id, unit_id=unit.id, use_unit_id=elevator.use_unit_id, region_code=elevator.region_code,
        worker_id=worker.id, visit_on=on, checked_in_at=row.checked_in_at, checked_out_at=row.checked_out_at,
        received_at=received, mode=row.mode if row.checked_out_at else None, signed_at=row.signed_at,
        sheet_at=row.sheet_at, reviewed_at=row.reviewed_at, state=standing.state.value,
        awaiting_sheet=standing.awaiting_sheet, awaiting_review=standing.awaiting_review,
        state_reason="；".join(REASON_LABELS[r] for r in standing.reasons)[:200] or None,
        next_change_at=standing.next_change_at, settled_at=at, counted=counts_for_clock(standing.state),
        taken_over=True, preset=policy_version(session, elevator.region_code, on)[:20], batch_id=batch_id,
        snapshot={"code": elevator.code, "category": elevator.category, "unit": unit.name, "worker": worker.name},
    )  # fmt: skip
