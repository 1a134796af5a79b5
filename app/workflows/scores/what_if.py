"""提分模拟: what a maintenance unit can still make of its score in the running period (SIM-01). Reads only.

The facts are those of a score through the period's last day, as they are known now; `rules.what_if` says what comes of
SCO-01, `rules.what_if_items` of the five others and of the total. Read here for SCO-01, in `what_if_items` for those.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import literal_column, select

from app import clock, scope
from app.errors import Finding, NotFound
from app.models import Contract, ContractElevator, Elevator, MaintenanceClock, Unit, Visit
from app.models.among import among
from app.permissions import Actor, Verb, require
from app.rules.score_items import Item
from app.rules.visits import VisitState
from app.rules.what_if import (
    Fix,
    Period,
    Prospect,
    Record,
    Running,
    Simulation,
    Waiting,
    running_period,
    simulate,
)
from app.rules.what_if_items import Six, simulate_item
from app.transaction import AnySession
from app.workflows.scores import what_if_items
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import WHOLE_COUNTRY, Frame
from app.workflows.visits.visit_standing import COLUMNS

_visit: Any = Visit.__table__.c
_clock: Any = MaintenanceClock.__table__.c
_bound: Any = ContractElevator.__table__.c
_WAITING = {VisitState.OPEN: {Waiting.CLOSE}, VisitState.PENDING: {Waiting.APPROVE}, VisitState.AWAITING: set()}


@dataclass(slots=True)
class Told:
    """A unit's simulation and what its fixes are about: names only of elevators that the actor may see."""

    unit: Unit
    from_on: dt.date
    to_on: dt.date
    six: Six
    elevators: dict[int, str] = field(default_factory=dict)
    visits: dict[int, tuple[int, dt.date]] = field(default_factory=dict)
    contracts: dict[int, str] = field(default_factory=dict)
    # Of the five others.
    about: dict[Fix, what_if_items.About] = field(default_factory=dict)

    @property
    def simulation(self) -> Simulation:
        """That of SCO-01."""
        return self.six.items[Item.MAINTENANCE]


def of_unit(
    session: AnySession, actor: Actor, unit_id: int, period: Period, chosen: Collection[Fix], at: dt.datetime,
    region_code: str | None = None, appealable: what_if_items.Appealable | None = None,
) -> Told:  # fmt: skip
    """A unit asks about itself alone, a regulator about the units in his scope.

    Over the elevators of a region, as the score that the actor sees is; else of the regulator's own, or of all.
    `appealable`: says what may still be appealed against; without it no such fix is offered for the five others.
    """
    require(actor, Verb.SCORE_READ)
    unit: Unit = scope.visible(session, actor, Unit, unit_id, "维保单位")
    if not unit.is_maintenance or actor.unit_id not in (None, unit.id):
        raise NotFound(Finding("维保单位", False, "没有这家维保单位，或不在您的管辖范围内", "请从得分排名打开"))
    today = clock.local_day(at)
    region = region_code or (None if actor.unit_id else actor.region_code) or WHOLE_COUNTRY
    frame = Frame(region, *running_period(today, period), at.astimezone(dt.UTC), True)
    facts = Facts(session, frame)
    found = _Found(session, facts, unit.id, today)
    prospects = found.prospects()
    others = what_if_items.read_ahead(facts, actor, unit.id, today, appealable)
    made = {Item.MAINTENANCE: simulate(prospects, chosen, today, frame.to_on)}
    made |= {item: simulate_item(ahead, chosen) for item, ahead in others.ahead.items()}
    told = Told(unit, frame.from_on, frame.to_on, Six(made), about=others.about)
    concerned = {int(str(p.pair.elevator)) for p in prospects if p.clock is not None or p.failing}
    if concerned:
        names = scope.apply(
            select(Elevator.id, Elevator.code).where(among(session, Elevator.id, concerned)), actor, Elevator
        )
        told.elevators = dict(session.execute(names.execution_options(skip_scope=True)).all())
    told.visits = found.visits
    if found.contracts:
        numbers = select(Contract.id, Contract.number).where(among(session, Contract.id, {*found.contracts.values()}))
        told.contracts = dict(session.execute(numbers).all())
    return told


class _Found:
    """Reads what stands about a unit's elevators."""

    def __init__(self, session: AnySession, facts: Facts, unit_id: int, today: dt.date) -> None:
        self._session, self._facts, self._unit_id, self._today = session, facts, unit_id, today
        # Failing records, with elevator and day; by elevator the contract that ends within the period.
        self.visits: dict[int, tuple[int, dt.date]] = {}
        self.contracts: dict[int, int] = {}

    def prospects(self) -> list[Prospect]:
        pairs = self._facts.pairs(self._unit_id, self._unit_id).get(self._unit_id, [])
        clocks, (waiting, failing) = self._clocks(), self._records()
        found = []
        for pair in pairs:
            key = int(str(pair.elevator))
            found.append(Prospect(pair, clocks.get(key), tuple(waiting.get(key, ())), tuple(failing.get(key, ()))))
        return found

    def _clocks(self) -> dict[int, Running]:
        """Of the elevators that the unit serves today: in use, under contract, the clock running."""
        end_on = self._facts.frame.to_on
        rows = self._session.execute(
            select(_clock.elevator_id, _clock.limit_on, _clock.limit_days, _clock.missed, _clock.covered_until).where(
                _clock.unit_id == self._unit_id, _clock.in_use, _clock.paused_on.is_(None),
                _clock.limit_on.is_not(None), _clock.covered_until >= self._today,
                self._facts.frame.within(_clock.region_code),
            )
        ).all()  # fmt: skip
        ending = {row.elevator_id: row.covered_until for row in rows if row.covered_until < end_on}
        if ending:
            bound = self._session.execute(
                select(_bound.elevator_id, _bound.contract_id, _bound.ends_on).where(
                    _bound.unit_id == self._unit_id, self._facts.known(),
                    among(self._session, _bound.elevator_id, list(ending)),
                )
            )  # fmt: skip
            self.contracts = {key: contract for key, contract, ends_on in bound if ending[key] == ends_on}
        return {
            row.elevator_id: Running(
                row.limit_on, row.limit_days, row.covered_until, self.contracts.get(row.elevator_id), row.missed > 0
            )
            for row in rows
        }

    def _records(self) -> tuple[dict[int, list[Record]], dict[int, list[int]]]:
        """By elevator the records of the period that wait for somebody, and those that fail."""
        waiting: dict[int, list[Record]] = defaultdict(list)
        failing: dict[int, list[int]] = defaultdict(list)
        columns = [_visit[name] for name in (*COLUMNS, "awaiting_sheet", "awaiting_review")]
        # Said as a literal, as the partial index says it.
        few = self._facts.in_period(self._unit_id, self._unit_id) & (_visit.state != literal_column("'valid'"))
        for row in self._session.execute(select(*columns).where(few).order_by(_visit.id)):
            aged = row.next_change_at is not None and row.next_change_at <= self._facts.frame.as_of
            state = self._facts.state_of(row) if aged else VisitState(row.state)
            if state is VisitState.NONCONFORMING:
                failing[row.elevator_id].append(row.id)
                self.visits[row.id] = row.elevator_id, row.visit_on
            elif state in _WAITING and not aged:
                waits = frozenset(
                    _WAITING[state]
                    | ({Waiting.SHEET} if row.awaiting_sheet else set())
                    | ({Waiting.REVIEW} if row.awaiting_review else set())
                )
                fails = state is not VisitState.OPEN and row.next_change_at is not None
                waiting[row.elevator_id].append(Record(row.id, row.visit_on, waits, fails))
        return waiting, failing
