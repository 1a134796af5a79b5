"""Whose days they are: the runs of days of each pair in a period, and where the count of each begins (SCO-01).

`rules.scoring.stretches` says what a run is; this reads the contracts and the visits that it is told by.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from sqlalchemy import Select, func, select

from app.models import ContractElevator, Elevator, StatusChange, Visit
from app.models.among import among
from app.rules.schedule import first_anchor
from app.rules.scoring import Days, between, stretches
from app.rules.visits import COUNTED_STATES, VisitState
from app.workflows.scores.score_frame import COUNTED, Basis, Pair
from app.workflows.scores.score_judgements import Counts
from app.workflows.visits.visit_standing import COLUMNS

_visit: Any = Visit.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
_status: Any = StatusChange.__table__.c


def find(basis: Basis, counts: dict[Pair, Counts], first: int, last: int) -> None:
    """The days that are the unit's in the period: its contracts', or without any contract what others leave."""
    frame, lone = basis.frame, []
    for pair, held in counts.items():
        held.runs = stretches(held.covers, frame.from_on, frame.to_on)
        if not held.covers:
            lone.append(pair)
    elevators = sorted({elevator for _, elevator in lone})
    ended: set[Pair] = set()
    others: dict[int, list[Days]] = defaultdict(list)
    if elevators:
        some = among(basis.session, _bound.elevator_id, elevators)
        before = select(_bound.unit_id, _bound.elevator_id).where(
            some, _bound.unit_id.between(first, last), basis.known(), _bound.ends_on < frame.from_on
        )
        ended |= {(unit, elevator) for unit, elevator in basis.session.execute(before.distinct())}
        live = select(_bound.elevator_id, _bound.starts_on, _bound.ends_on).where(some, basis.live())
        for elevator, starts_on, ends_on in basis.session.execute(live):
            others[elevator].append((starts_on, ends_on))
    for pair in lone:
        if pair not in ended:
            counts[pair].runs = between(others[pair[1]], frame.from_on, frame.to_on)


def start(basis: Basis, counts: dict[Pair, Counts], first: int, last: int) -> None:
    """Where each run's count begins: its first counted visit, else where the preset starts an unvisited one."""
    apart = {
        pair for pair, held in counts.items()
        if held.first_on is not None and held.runs
        and not (len(held.runs) == 1 and held.runs[0][0] <= held.first_on <= held.runs[0][1])
    }  # fmt: skip
    _read_days(basis, counts, apart, first, last)
    for pair, held in counts.items():
        days = held.days if pair in apart else {held.first_on} - {None}
        held.starts = [min((d for d in days if d is not None and a <= d <= b), default=None) for a, b in held.runs]
    _start_never_visited(basis, counts)


def _read_days(basis: Basis, counts: dict[Pair, Counts], pairs: set[Pair], first: int, last: int) -> None:
    """The days of every counted visit of pairs whose time is in parts; the first alone does not begin them all."""
    if not pairs:
        return
    retold, elevators = basis.retold_of(first, last), sorted({elevator for _, elevator in pairs})
    rows = basis.session.execute(
        select(*(_visit[name] for name in COLUMNS))
        .where(basis.in_period(first, last), among(basis.session, _visit.elevator_id, elevators))
        .execution_options(yield_per=5000)
    )
    for row in rows:
        pair = row.unit_id, row.elevator_id
        if pair not in pairs:
            continue
        state: VisitState | None = VisitState(row.state)
        if pair in retold:
            state = basis.state_of(row)
        if state in COUNTED_STATES:
            counts[pair].days.add(row.visit_on)


def _start_never_visited(basis: Basis, counts: dict[Pair, Counts]) -> None:
    """Where a preset counts them, runs under contract without a visit.

    The first run of the period is unvisited only where the unit never came before the period; after a gap the unit
    took the elevator on anew, and the run counts whatever was done before.
    """
    waiting = {
        pair: held
        for pair, held in counts.items()
        if held.covers and None in held.starts and basis.policy(held.region_code)[1]
    }
    if not waiting:
        return
    elevators = sorted({elevator for _, elevator in waiting})
    used_on: dict[int, dt.date | None] = dict(basis.session.execute(_in_use_on(basis, elevators)).all())
    visited = {(unit, elevator) for unit, elevator in basis.session.execute(_visited_before(basis, elevators))}
    for pair, held in waiting.items():
        for number, (begin, _end) in enumerate(held.runs):
            if held.starts[number] is None and (number > 0 or pair not in visited):
                held.starts[number] = first_anchor(used_on.get(pair[1]), begin, never_visited_counts=True)


def _in_use_on(basis: Basis, elevators: list[int]) -> Select[Any]:
    began = select(func.max(_status.effective_on)).where(
        _status.entity == "elevator", _status.entity_id == _elevator.id, _status.field == "status",
        _status.new == "in_use", _status.known_at <= basis.frame.as_of, _status.effective_on <= basis.frame.to_on,
    )  # fmt: skip
    on = func.coalesce(began.scalar_subquery(), _elevator.approved_on)
    return select(_elevator.id, on).where(among(basis.session, _elevator.id, elevators))


def _visited_before(basis: Basis, elevators: list[int]) -> Select[Any]:
    found = select(_visit.unit_id, _visit.elevator_id).where(
        among(basis.session, _visit.elevator_id, elevators), _visit.visit_on < basis.frame.from_on,
        _visit.state.in_(COUNTED), _visit.received_at <= basis.frame.as_of, basis.frame.visits_here(),
    )  # fmt: skip
    return found.distinct()
