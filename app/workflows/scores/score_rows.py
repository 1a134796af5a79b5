"""What stands in the database about some units in a period, row by row: missed periods, contracts, stops.

As rows stand, before anything is judged; `score_sets` tells what they come to.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, func, or_, select

from app.models import (
    ContractElevator,
    Elevator,
    MaintenancePause,
    OverdueCorrection,
    OverduePeriod,
    StatusChange,
)
from app.models.among import among
from app.rules.schedule import Pause
from app.workflows.scores.score_frame import Basis, Pair

_overdue: Any = OverduePeriod.__table__.c
_correction: Any = OverdueCorrection.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
_pause: Any = MaintenancePause.__table__.c
_status: Any = StatusChange.__table__.c


@dataclass(slots=True)
class Covers:
    """The days of each pair's contracts, and the region in which its elevator is filed."""

    days: dict[Pair, list[tuple[dt.date, dt.date]]] = field(default_factory=lambda: defaultdict(list))
    codes: dict[Pair, str] = field(default_factory=dict)


def missed(basis: Basis, first: int, last: int) -> Any:
    """The missed periods, as known then; a statement."""
    frame = basis.frame
    return (
        select(_overdue.unit_id, _overdue.elevator_id, _overdue.limit_on, _overdue.id, _overdue.region_code)
        .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
        .where(
            _overdue.unit_id.between(first, last),
            _overdue.limit_on.between(frame.from_on, frame.to_on),
            frame.within(_overdue.region_code),
            _overdue.judged_at <= frame.as_of,
            or_(_correction.id.is_(None), _correction.known_at > frame.as_of),
        )
    )


def regions(basis: Basis, first: int, last: int, pairs: Collection[Pair]) -> dict[Pair, str]:
    """The region of the first missed period of each pair."""
    if not pairs:
        return {}
    rows = missed(basis, first, last).where(
        among(basis.session, _overdue.elevator_id, sorted({elevator for _, elevator in pairs}))
    )
    told: dict[Pair, str] = {}
    for row in basis.session.execute(rows.order_by(_overdue.limit_on, _overdue.id)):
        told.setdefault((row.unit_id, row.elevator_id), row.region_code)
    return told


def covers(basis: Basis, first: int, last: int, elevators: Collection[int]) -> Covers:
    """The contracts of the period, wherever the elevators are filed."""
    told = Covers()
    live = (
        select(_bound.unit_id, _bound.elevator_id, _bound.starts_on, _bound.ends_on, _elevator.region_code)
        .join(Elevator.__table__, _elevator.id == _bound.elevator_id)
        .where(
            _bound.unit_id.between(first, last), basis.live(),
            among(basis.session, _bound.elevator_id, sorted(elevators)),
        )
    )  # fmt: skip
    for unit_id, elevator_id, starts_on, ends_on, code in basis.session.execute(live).all():
        told.days[unit_id, elevator_id].append((starts_on, ends_on))
        told.codes[unit_id, elevator_id] = code
    return told


def stops(basis: Basis) -> dict[int, tuple[Pause, ...]]:
    """The stops of every elevator that touch the period; an end that became known later stands still open."""
    frame = basis.frame
    restarted_at = (
        select(func.min(_status.known_at))
        .where(
            _status.entity == "elevator", _status.entity_id == _pause.elevator_id, _status.field == "status",
            _status.old == "suspended", _status.effective_on == _pause.to_on,
        )
        .scalar_subquery()
    )  # fmt: skip
    # Of a stop that has not ended nobody is to look for an end.
    ended_at = func.coalesce(_pause.ended_at, case((_pause.to_on.is_not(None), restarted_at)))
    found = select(_pause.elevator_id, _pause.from_on, _pause.to_on, ended_at).where(
        _pause.known_at <= frame.as_of,
        _pause.from_on <= frame.to_on,
        or_(_pause.to_on.is_(None), _pause.to_on > frame.from_on),
    )
    read: dict[int, list[Pause]] = defaultdict(list)
    for elevator_id, from_on, to_on, known_at in basis.session.execute(found):
        still = known_at is not None and known_at > frame.as_of
        read[elevator_id].append(Pause(from_on, None if still else to_on))
    return {elevator: tuple(pauses) for elevator, pauses in read.items()}


def uncovered(basis: Basis) -> dict[int, int]:
    """How many elevators in use no contract covers on the reference day, by the unit that is filed for them now."""
    frame, on = basis.frame, basis.frame.reference_on
    cover = select(_bound.id).where(
        _bound.elevator_id == _elevator.id, _bound.starts_on <= on, _bound.ends_on >= on, basis.known()
    )
    # All that this asks an index answers; the offset keeps PostgreSQL from reading every elevator for its unit.
    bare = (
        select(_elevator.id)
        .where(
            frame.within(_elevator.region_code), _elevator.status == "in_use", _elevator.approved_version > 0,
            ~cover.exists(),
        )
        .offset(0)
    )  # fmt: skip
    unit_id = _elevator.maintenance_unit_id
    found = select(unit_id, func.count()).where(_elevator.id.in_(bare), unit_id.is_not(None)).group_by(unit_id)
    return dict(basis.session.execute(found).all())
