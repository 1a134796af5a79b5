"""The page of elevators as a regional administrator opens it, without HTML; beside FAB's stock queries."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app import clock
from app.listing import Moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator
from app.permissions import Actor, Role
from bench.harness import Measured, figure, in_milliseconds, side_by_side, times_faster
from bench.world import World

ROWS = 25


@figure("list.elevators", unit="ms", goal=times_faster(1.0))
def elevators(world: World) -> Measured:
    """Ours: rows, capped count and tabs of page 1 in a city's scope. Baseline: FAB's way, exact count and joins."""
    actor = Actor(0, "bench", frozenset({Role.REGION_ADMIN}), region_code="980400000000")
    with Session(world.database.engine) as session:
        low, high = actor.region_span or ("", "")
        inside = (Elevator.region_code >= low, Elevator.region_code < high)

        def ours() -> None:
            now = clock.now()
            moment = Moment(session, actor, clock.local_day(now), now)
            query = ELEVATORS.read({})
            ELEVATORS.page(moment, query)
            ELEVATORS.counts(moment, query)
            session.expunge_all()

        def stock() -> None:
            relations = [joinedload(getattr(Elevator, n)) for n in ("region", "maintenance_unit", "use_unit")]
            session.scalar(select(func.count()).select_from(select(Elevator).where(*inside).subquery()))
            statement = select(Elevator).where(*inside).options(*relations).order_by(Elevator.address)
            session.scalars(statement.limit(ROWS)).unique().all()
            session.expunge_all()

        return in_milliseconds(side_by_side(ours, stock))


