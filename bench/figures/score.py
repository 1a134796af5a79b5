"""A year's score of the whole region with its ledger, beside the plain way: a query an elevator through the ORM."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import clock
from app.models import Elevator, Score, ScoreEntry, ScoreRun, Visit
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows import scores
from bench.harness import Measured, figure, seconds, times_faster
from bench.world import World

SAMPLE = 300


def year(session: Session) -> tuple[dt.date, dt.date]:
    last = session.scalar(select(func.max(Visit.visit_on)))
    assert last is not None
    return last - dt.timedelta(days=364), last


@figure("score.year", unit="s", goal=times_faster(5))
def score_year(world: World) -> Measured:
    """Baseline: load each elevator's visits as objects and count; a sample, scaled to all elevators."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)

        def ours() -> None:
            with transaction(session):
                at = clock.now()
                scores.run(session, SYSTEM, None, from_on, to_on, at, at)

        def forget() -> None:
            with transaction(session):
                for model in (ScoreEntry, Score, ScoreRun):
                    session.execute(delete(model))

        times = []
        for _ in range(3):
            forget()
            times.append(seconds(ours))
        session.rollback()
        return Measured(sorted(times)[1], orm_way(session, from_on, to_on))


def orm_way(session: Session, from_on: dt.date, to_on: dt.date) -> float:
    ids = session.scalars(select(Elevator.id).order_by(Elevator.id)).all()
    step = max(len(ids) // SAMPLE, 1)
    chosen = ids[::step]

    def work() -> None:
        for elevator_id in chosen:
            visits = session.scalars(
                select(Visit).where(Visit.elevator_id == elevator_id, Visit.visit_on.between(from_on, to_on))
            ).all()
            first_on = min((v.visit_on for v in visits if v.counted), default=to_on)
            due = (to_on - first_on).days // 15
            failed = sum(v.state == "nonconforming" for v in visits)
            _ = due, 0 if sum(v.state == "valid" for v in visits) >= due else failed
        session.expunge_all()

    return seconds(work) * len(ids) / len(chosen)
