"""What stands in the database about some units in a period, by (unit, elevator): missed periods, contracts.

As rows stand, before anything is judged; visits are read by `score_sets`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal, or_, select

from app.models import ContractElevator, Elevator, OverdueCorrection, OverduePeriod
from app.models.among import among
from app.workflows.score_sets import Event, all_of, days_between

if TYPE_CHECKING:
    from app.workflows.score_facts import Facts, Pair

_overdue: Any = OverduePeriod.__table__.c
_correction: Any = OverdueCorrection.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c


@dataclass(slots=True)
class Missed:
    """The missed periods of each pair in order of day and id; `regions`: by unit, the ids of those in each region."""

    events: dict[Pair, list[Event]] = field(default_factory=lambda: defaultdict(list))
    regions: dict[int, list[tuple[str, list[int]]]] = field(default_factory=lambda: defaultdict(list))

    def region_of(self, pair: Pair) -> str | None:
        """The region of its first."""
        if not (events := self.events.get(pair)):
            return None
        return next(code for code, ids in self.regions[pair[0]] if events[0][1] in ids)


@dataclass(slots=True)
class Covers:
    """The days of each pair's contracts, and the region in which its elevator is filed."""

    days: dict[Pair, list[tuple[dt.date, dt.date]]] = field(default_factory=lambda: defaultdict(list))
    codes: dict[Pair, str] = field(default_factory=dict)


def missed(facts: Facts, first: int, last: int) -> Missed:
    """As known then."""
    told, frame, session = Missed(), facts.frame, facts.session
    on = days_between(session, literal(frame.from_on), _overdue.limit_on)
    found = (
        select(
            _overdue.unit_id, _overdue.region_code, all_of(session, _overdue.elevator_id), all_of(session, on),
            all_of(session, _overdue.id),
        )
        .outerjoin(OverdueCorrection.__table__, _correction.overdue_id == _overdue.id)
        .where(
            _overdue.unit_id.between(first, last),
            _overdue.limit_on.between(frame.from_on, frame.to_on),
            frame.within(_overdue.region_code),
            _overdue.judged_at <= frame.as_of,
            or_(_correction.id.is_(None), _correction.known_at > frame.as_of),
        )
        .group_by(_overdue.unit_id, _overdue.region_code)
    )  # fmt: skip
    days, events = frame.days, told.events
    for unit_id, code, elevators, numbers, ids in session.execute(found):
        told.regions[unit_id].append((code, ids))
        for elevator_id, number, overdue_id in zip(elevators, numbers, ids, strict=True):
            events[unit_id, elevator_id].append((days[number], overdue_id))
    for some in events.values():
        some.sort()
    return told


def covers(facts: Facts, first: int, last: int, elevators: Collection[int]) -> Covers:
    """The contracts of the period, wherever the elevators are filed."""
    told = Covers()
    live = (
        select(_bound.unit_id, _bound.elevator_id, _bound.starts_on, _bound.ends_on, _elevator.region_code)
        .join(Elevator.__table__, _elevator.id == _bound.elevator_id)
        .where(
            _bound.unit_id.between(first, last), facts.live(),
            among(facts.session, _bound.elevator_id, sorted(elevators)),
        )
    )  # fmt: skip
    for unit_id, elevator_id, starts_on, ends_on, code in facts.session.execute(live):
        told.days[unit_id, elevator_id].append((starts_on, ends_on))
        told.codes[unit_id, elevator_id] = code
    return told


def bound(facts: Facts, first: int, last: int) -> dict[int, list[int]]:
    """By unit the elevators of its contracts of the period."""
    found = (
        select(_bound.unit_id, all_of(facts.session, _bound.elevator_id))
        .where(_bound.unit_id.between(first, last), facts.live())
        .group_by(_bound.unit_id)
    )
    return dict(facts.session.execute(found).all())
