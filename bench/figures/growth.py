"""Nothing grows faster than its data: each path's time in the largest world against the smallest, by elevator."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app import clock
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.scores import scores
from bench.figures.score import year
from bench.harness import Measured, at_most, figure, seconds
from bench.world import World

# Microseconds an elevator of the first (smallest) world of each database.
_first: dict[str, float] = {}


@figure("growth.score", unit="µs", goal=at_most(1.5))
def score(world: World) -> Measured:
    """Time an elevator; the baseline is that of the smallest world measured before on the same database."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)

        def work() -> None:
            with transaction(session):
                at = clock.now()
                scores.run(session, SYSTEM, None, from_on, to_on, at, at)

        times = sorted(seconds(work) for _ in range(3))
    each = times[1] / world.elevators * 1e6
    return Measured(each, _first.setdefault(world.kind, each))
