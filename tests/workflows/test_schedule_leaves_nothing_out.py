"""The night selects by what is stored; over many random clocks it does exactly what the rules say one by one."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import local_day
from app.models import (
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    OverduePeriod,
    Visit,
)
from app.rules.schedule import Clock, order_due, roll
from app.workflows.contracts import cover
from app.workflows.maintenance import schedule
from tests import factories as make
from tests.workflows.clock_world import add_visit, at, day, run

TODAY = day("2024-05-20")
DAY = dt.timedelta(days=1)
HORIZON, NORTH, SOUTH = 5, "980402000000", "980403000000"
Period = tuple[int, dt.date, dt.date, bool]
Order = tuple[int, dt.date, dt.date | None]


@dataclass
class Told:
    """What the rules say of a night: the missed periods, and the orders, each beside its elevator."""

    periods: set[Period]
    orders: set[Order]


def invented(session: Any, world: make.World, rng: random.Random, count: int) -> list[Elevator]:
    """Elevators in every state that the night may find them in."""
    people = [make.make_person(session, world.firm) for _ in range(count)]
    made = []
    for n in range(count):
        status = rng.choice(["in_use"] * 6 + ["suspended", "scrapped"])
        elevator = make.make_elevator(
            session, maintenance_unit=world.firm, status=status, region_code=rng.choice([NORTH, SOUTH]),
            approved_version=rng.choice([1, 1, 1, 1, 0]),
        )  # fmt: skip
        made.append(elevator)
        if rng.random() < 0.9:
            clock_for(session, rng, elevator)
        if rng.random() < 0.9:
            ledger_for(session, world, rng, elevator)
        if rng.random() < 0.15:
            since = at(TODAY, 0) - dt.timedelta(hours=rng.choice([1, 7, 9, 30]))
            add_visit(
                session, elevator, people[n], local_day(since) - DAY, state="open", counted=False,
                checked_in_at=since, checked_out_at=None,
            )  # fmt: skip
    return made


def clock_for(session: Any, rng: random.Random, elevator: Elevator) -> None:
    days = rng.choice([10, 15, 15, 15, 30])
    anchor = TODAY - DAY * rng.randint(1, 70)
    paused = rng.random() < 0.15
    limit = None if paused or rng.random() < 0.1 else anchor + DAY * days
    make.make_clock(
        session, elevator, anchor, limit_on=limit, limit_days=days, missed=rng.choice([0, 0, 1, 3]),
        paused_on=TODAY - DAY * 3 if paused else None, limit_left_days=4 if paused else None,
    )  # fmt: skip


def ledger_for(session: Any, world: make.World, rng: random.Random, elevator: Elevator) -> None:
    planned = rng.choice([None, *(TODAY + DAY * n for n in range(-20, 12))])
    ledger = make.make_ledger(
        session, elevator, rng.choice([world.worker, world.worker, world.worker, None]),
        next_half_month_on=planned, mode=rng.choice(["auto", "auto", "auto", "manual"]),
    )  # fmt: skip
    ledger.unit_id = rng.choice([world.firm.id] * 5 + [world.other_firm.id])
    for origin, state in (("auto", "open"), ("auto", "done"), ("manual", "open")):
        if rng.random() < 0.25:
            session.add(
                MaintenanceOrder(
                    elevator_id=elevator.id, unit_id=world.firm.id, region_code=elevator.region_code,
                    planned_on=TODAY, level="half_month", origin=origin, state=state,
                )
            )  # fmt: skip
    session.flush()


def told_by_the_rules(session: Any, elevators: list[Elevator], on: dt.date, region: str | None) -> Told:
    """One by one, as the rules have it; nothing is asked of the database but rows as they stand."""
    found = Told(set(), set())
    for elevator in elevators:
        running = session.get(MaintenanceClock, elevator.id)
        limit = running.limit_on if running is not None else None
        here = region is None or elevator.region_code == region
        if here and limit is not None and running.paused_on is None:
            before = Clock(running.anchor_on, limit, limit)
            waited = waits_until(session, elevator.id, on)
            through = on - DAY if waited is None else min(on - DAY, waited - DAY)
            after, missed = roll(before, through, running.limit_days)
            anchor, again = before.anchor_on, running.missed > 0
            for missed_on in missed:
                found.periods.add((elevator.id, anchor, missed_on, again))
                anchor, again = missed_on, True
            limit = after.limit_on
        ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == elevator.id))
        stopped = running is not None and running.paused_on is not None
        complete = ledger is not None and ledger.mode == "auto" and ledger.worker_id and ledger.next_half_month_on
        if not (complete and here and not stopped and not has_open(session, elevator.id)):
            continue
        served = elevator.status == "in_use" and elevator.approved_version > 0
        mine = served and elevator.maintenance_unit_id == ledger.unit_id
        if mine and order_due(ledger.next_half_month_on, on, HORIZON):
            found.orders.add((elevator.id, ledger.next_half_month_on, limit))
    return found


def waits_until(session: Any, elevator_id: int, on: dt.date) -> dt.date | None:
    """The day of a visit that is still open and waited for: that day and those after it are not judged yet."""
    statement = select(Visit.visit_on, Visit.checked_in_at).where(Visit.elevator_id == elevator_id)
    for visit_on, since in session.execute(statement.where(Visit.state == "open")):
        if since >= at(on) - dt.timedelta(hours=schedule.OPEN_HOURS):
            return visit_on
    return None


def has_open(session: Any, elevator_id: int) -> bool:
    order = MaintenanceOrder
    statement = select(order.id).where(order.elevator_id == elevator_id, order.state == "open", order.origin == "auto")
    return session.scalar(statement) is not None


def done(session: Any, before: int) -> Told:
    order = MaintenanceOrder
    periods = select(
        OverduePeriod.elevator_id, OverduePeriod.anchor_on, OverduePeriod.limit_on, OverduePeriod.previous_missed
    )
    orders = select(order.elevator_id, order.planned_on, order.limit_on).where(order.id > before)
    return Told(set(map(tuple, session.execute(periods))), set(map(tuple, session.execute(orders))))


def everything(session: Any) -> list[Any]:
    tables = (MaintenanceClock, MaintenanceLedger, MaintenanceOrder, OverduePeriod)
    return [sorted(map(str, session.execute(select(model.__table__)))) for model in tables]


@pytest.mark.feature("PLN-01", "PLN-03")
@pytest.mark.parametrize("region", [None, SOUTH], ids=["everywhere", "one region"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_night_does_what_the_rules_say_of_each(session: Any, seed: int, region: str | None) -> None:
    world = make.World(session)
    elevators = invented(session, world, random.Random(seed), 60)
    session.commit()
    last = max(session.scalars(select(MaintenanceOrder.id)).all())
    expected = told_by_the_rules(session, elevators, TODAY, region)
    session.rollback()
    summary = run(session, TODAY, region=region)
    found = done(session, last)
    assert found.periods == expected.periods and len(found.periods) > 10
    assert found.orders == expected.orders and len(found.orders) > 1
    assert (summary.overdue_judged, summary.orders_made) == (len(found.periods), len(found.orders))
    kept = everything(session)
    assert not run(session, TODAY, region=region).changed
    assert everything(session) == kept


@pytest.mark.feature("CON-01")
@pytest.mark.parametrize("seed", [1, 2])
def test_cover_that_begins_is_noted_whoever_it_covers(session: Any, seed: int) -> None:
    """Only clocks whose kept day has come are looked at; each then says what all its elevator's spans say."""
    world, rng = make.World(session), random.Random(seed)
    elevators = [make.make_elevator(session, maintenance_unit=world.firm) for _ in range(30)]
    spans: dict[int, list[tuple[dt.date, dt.date]]] = {}
    for elevator in elevators:
        first = TODAY + DAY * rng.randint(-40, 5)
        for _ in range(rng.randint(0, 3)):
            ends = first + DAY * rng.randint(0, 25)
            spans.setdefault(elevator.id, []).append((first, ends))
            make.make_contract(session, world.firm, [elevator], starts_on=first, ends_on=ends)
            first = ends + DAY * rng.randint(1, 4)
    then = TODAY - DAY * 30
    cover.refresh(session, [elevator.id for elevator in elevators], then)
    session.commit()
    for night in (TODAY - DAY * 9, TODAY):
        run(session, night)
        session.expire_all()
        for elevator in elevators:
            kept = session.get(MaintenanceClock, elevator.id).covered_until
            told = cover.covered_until(spans.get(elevator.id, ()), night)
            covered = told is not None and told >= night
            assert (kept is not None and kept >= night) is covered
            assert not covered or kept == told
