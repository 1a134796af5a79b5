"""The nightly job: the first run of a day, the same day again, and the next day; beside an object an elevator."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.models import MaintenanceClock, MaintenanceLedger, MaintenanceOrder
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows import schedule
from bench.harness import Measured, at_most, figure, seconds, times_faster
from bench.world import World

SAMPLE = 500
DAY = dt.timedelta(days=1)
# Each world's nights go on from the last one measured; none is run twice as if it were fresh.
_nights: dict[str, dt.date] = {}


def night(world: World, session: Session, on: dt.date) -> float:
    at = clock.instant_of(dt.datetime.combine(on, dt.time(1)))

    def work() -> None:
        with transaction(session):
            schedule.run(session, on, at, actor=SYSTEM)

    _nights[world.suffix] = on
    return seconds(work)


def next_on(world: World) -> dt.date:
    return _nights.get(world.suffix, clock.today()) + DAY


@figure("schedule.next_day", unit="s", goal=times_faster(5))
def next_day(world: World) -> Measured:
    """Median of three nights. Baseline: read clock, ledger and open order of each elevator as objects; a sample."""
    with Session(world.database.engine) as session:
        if world.suffix not in _nights:
            night(world, session, clock.today())
        times = sorted(night(world, session, next_on(world)) for _ in range(3))
        session.rollback()
        return Measured(times[1], orm_way(session))


@figure("schedule.again", unit="s", goal=at_most(0.8))
def again(world: World) -> Measured:
    """A second run of a night beside its first: it writes nothing."""
    with Session(world.database.engine) as session:
        on = next_on(world)
        first = night(world, session, on)
        return Measured(sorted(night(world, session, on) for _ in range(3))[1], first)


def orm_way(session: Session) -> float:
    ids = session.scalars(select(MaintenanceClock.elevator_id).order_by(MaintenanceClock.elevator_id)).all()
    chosen = ids[:: max(len(ids) // SAMPLE, 1)]

    def work() -> None:
        for elevator_id in chosen:
            session.get(MaintenanceClock, elevator_id)
            ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == elevator_id))
            order = session.scalar(
                select(MaintenanceOrder).where(
                    MaintenanceOrder.elevator_id == elevator_id, MaintenanceOrder.state == "open"
                )
            )
            _ = ledger, order
        session.expunge_all()

    return seconds(work) * len(ids) / len(chosen)
