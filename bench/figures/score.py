"""A year's score of the whole region with its ledger, beside the plain way: a query an elevator through the ORM."""

from __future__ import annotations

import datetime as dt
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from sqlalchemy import case, create_engine, delete, func, literal, select
from sqlalchemy.orm import Session

from app import clock
from app.models import Elevator, Score, ScoreEntry, ScoreRun, Visit
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.what_if import Fix, FixKind, Period, Waiting
from app.transaction import transaction
from app.workflows.scores import policy_backtest, score_facts, scores, what_if
from app.workflows.scores.score_frame import COUNTED, Frame
from app.workflows.scores.score_item_facts import READERS
from app.workflows.visits import ageing
from bench.baselines import items_statement, score_statement
from bench.harness import (
    NO_GOAL,
    Measured,
    at_most,
    figure,
    moonshot,
    peak_mb,
    seconds,
    side_by_side,
    times_faster,
)
from bench.world import World
from tests.databases import ROOT

SAMPLE = 300
CITY = "980400000000"


def year(session: Session) -> tuple[dt.date, dt.date]:
    last = session.scalar(select(func.max(Visit.visit_on)))
    assert last is not None
    return last - dt.timedelta(days=364), last


@figure("score.year", unit="s", goal=times_faster(5))
def score_year(world: World) -> Measured:
    """Baseline: load each elevator's visits as objects and count; a sample, scaled to all elevators."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)

        ours = statistics.median(_run(session, None, from_on, to_on) for _ in range(3))
        session.rollback()
        return Measured(ours, orm_way(session, from_on, to_on))


@figure("score.statement", unit="s", goal=at_most(1))
def beside_one_statement(world: World) -> Measured:
    """The whole run with ledger, ranks, stars and digest, beside one statement that computes the same six items.

    Counts and points of each unit are the same; the statement writes nothing, names no failure, ranks and rates nobody.
    """
    return _beside_statement(world, items_statement)


@figure("score.statement_of_one", unit="s", goal=NO_GOAL)
def beside_statement_of_one_item(world: World) -> Measured:
    """The same run beside one statement for 维护保养 alone: what the other items take stands in one of the two only
    (`score.items` tells how much of the run they are)."""
    return _beside_statement(world, score_statement)


@figure("score.items", unit="s", goal=NO_GOAL)
def beside_one_item(world: World) -> Measured:
    """The run with all six items beside one in which nobody has a record of the five others."""

    def nothing(*_: Any) -> dict[int, Any]:
        return {}

    with Session(world.database.engine) as session:
        frame = _frame(session)

        def alone() -> None:
            none = dict.fromkeys(READERS, nothing)
            with patch.dict(READERS, none), patch.object(scores, "units_of", lambda _facts: set()):
                _fresh(session, None, frame.from_on, frame.to_on)

        return _beside(session, frame, alone)


@figure("score.duckdb", unit="s", goal=moonshot(1))
def beside_duckdb(world: World) -> Measured:
    """The same beside that statement in DuckDB, in whose memory the tables are. Reading them in is not counted."""
    with Session(world.database.engine) as session, tempfile.TemporaryDirectory(prefix="tian-bench-") as folder:
        frame = _settled(session)
        memory = score_statement.Memory(session, frame, Path(folder))
        _held_equal(session, frame, score_statement, memory.rows)
        return _beside(session, frame, memory.rows)


@figure("score.counting", unit="s", goal=NO_GOAL)
def beside_counting(world: World) -> Measured:
    """The same beside a count of the visits by pair, which an index alone answers: the least that anything reads.

    It is no score: it knows no contract, run of days, stop, longer interval, missed period nor policy.
    """
    with Session(world.database.engine) as session:
        frame = _frame(session)
        days = func.julianday(frame.to_on) - func.julianday(func.min(Visit.visit_on))
        if world.kind == "postgresql":
            days = literal(frame.to_on) - func.min(Visit.visit_on)
        failed = func.count(case((Visit.state == "nonconforming", 1)))
        pairs = (
            select(
                Visit.unit_id, (days / 15).label("due"),
                case((func.count(case((Visit.state == "valid", 1))) >= days / 15, 0), else_=failed).label("bad"),
            )
            .where(Visit.visit_on.between(frame.from_on, frame.to_on), Visit.state.in_(COUNTED))
            .group_by(Visit.unit_id, Visit.elevator_id)
            .subquery()
        )
        statement = select(pairs.c.unit_id, func.sum(pairs.c.due), func.sum(pairs.c.bad)).group_by(pairs.c.unit_id)
        return _beside(session, frame, lambda: session.execute(statement).all())


@figure("score.memory", unit="MB", goal=at_most(600, of="value"))
def memory(world: World) -> Measured:
    """The most that a process of its own takes for the year of everybody."""
    arguments = [sys.executable, "-m", "bench.figures.score", world.database.url]
    told = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    return Measured(float(told.stdout.split()[-1]))


@figure("score.any_period", unit="s", goal=at_most(1, of="value"))
def any_period(world: World) -> Measured:
    """A month of one district, as an officer asks for it. Baseline: the whole year of everybody."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)
        month = (to_on - dt.timedelta(days=30), to_on)
        return Measured(_run(session, "980402000000", *month), _run(session, None, from_on, to_on))


@figure("score.city_month", unit="s", goal=at_most(1, of="value"))
def city_month(world: World) -> Measured:
    """A month of everybody. Baseline: the whole year."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)
        return Measured(
            statistics.median(_run(session, None, to_on - dt.timedelta(days=30), to_on) for _ in range(3)),
            _run(session, None, from_on, to_on),
        )


@figure("score.one_unit", unit="s", goal=at_most(1, of="value"))
def one_unit(world: World) -> Measured:
    """The pairs of one unit's year, told again from its records as they were known: what its page opens down to."""
    with Session(world.database.engine) as session:
        from_on, to_on = year(session)
        _run(session, None, from_on, to_on)
        run = session.scalars(select(ScoreRun)).one()
        largest = select(Score.unit_id).order_by(Score.elevators.desc(), Score.unit_id).limit(1)
        unit_id = session.scalars(largest).one()
        times = [seconds(lambda: score_facts.of_unit(session, run, unit_id)) for _ in range(3)]
        return Measured(statistics.median(times))


@figure("score.what_if", unit="s", goal=at_most(1, of="value"))
def simulation(world: World) -> Measured:
    """What each fix would make of the largest unit's year, as its page works it out with some of them chosen."""
    with Session(world.database.engine) as session:
        bound = select(Elevator.maintenance_unit_id).where(Elevator.maintenance_unit_id.is_not(None))
        by_size = bound.group_by(Elevator.maintenance_unit_id).order_by(func.count().desc()).limit(1)
        unit_id = session.scalars(by_size).one()
        chosen = {Fix(FixKind.KEEP, "7"), Fix(FixKind.COMPLETE, Waiting.REVIEW.value)}

        def asked() -> None:
            what_if.of_unit(session, SYSTEM, unit_id, Period.YEAR, chosen, clock.now(), CITY)
            session.rollback()

        return Measured(statistics.median(seconds(asked) for _ in range(3)))


@figure("policy.backtest", unit="s", goal=at_most(1, of="value"))
def backtest(world: World) -> Measured:
    """Five more minutes asked of each visit: what that would have made of everybody's last quarter."""
    with Session(world.database.engine) as session:
        to_on = year(session)[1]
        from_on = to_on - dt.timedelta(days=91)
        draft = [policy_backtest.drafted(Key.VISIT_MIN_MINUTES, 40, CITY, from_on)]
        return Measured(
            seconds(lambda: policy_backtest.run(session, SYSTEM, CITY, from_on, to_on, draft, clock.now()))
        )


def _frame(session: Session) -> Frame:
    """The year of everybody, as known now."""
    return scores.frame_of(session, SYSTEM, None, *year(session), None, clock.now())


def _settled(session: Session) -> Frame:
    """The same, with records whose time has come in the state that they are in by now: the baselines read what is
    stored, and a day's visits run out one after another."""
    at = clock.now()
    with transaction(session):
        ageing.run(session, at)
    with clock.frozen(at):
        return _frame(session)


def _beside_statement(world: World, baseline: ModuleType) -> Measured:
    with Session(world.database.engine) as session:
        frame = _settled(session)
        asked = baseline.Asked(session, frame)
        _held_equal(session, frame, baseline, asked.rows)
        return _beside(session, frame, asked.rows)


def _held_equal(session: Session, frame: Frame, baseline: ModuleType, rows: Callable[[], list[Any]]) -> None:
    """A baseline that computes something else is none."""
    with clock.frozen(frame.as_of):
        _run(session, None, frame.from_on, frame.to_on)
    ours = baseline.stored(session, session.scalars(select(ScoreRun.id)).one())
    theirs = baseline.figures(rows())
    if ours != theirs:
        units = sorted(unit for unit in {*ours, *theirs} if ours.get(unit) != theirs.get(unit))
        raise RuntimeError(
            f"{len(units)} units are told otherwise, {units[0]} as {theirs.get(units[0])} for {ours.get(units[0])}"
        )


def _beside(session: Session, frame: Frame, baseline: Callable[[], object]) -> Measured:
    """Fresh runs of the year and the baseline, in turns."""
    measured = side_by_side(
        lambda: _fresh(session, None, frame.from_on, frame.to_on), baseline, rounds=3, before=lambda: _forget(session)
    )
    session.rollback()
    return measured


def _run(session: Session, region: str | None, from_on: dt.date, to_on: dt.date) -> float:
    """Seconds of a fresh run."""
    _forget(session)
    return seconds(lambda: _fresh(session, region, from_on, to_on))


def _fresh(session: Session, region: str | None, from_on: dt.date, to_on: dt.date) -> None:
    with transaction(session):
        at = clock.now()
        scores.run(session, SYSTEM, region, from_on, to_on, at, at)


def _forget(session: Session) -> None:
    with transaction(session):
        for model in (ScoreEntry, Score, ScoreRun):
            session.execute(delete(model))


def main(url: str) -> None:
    with Session(create_engine(url)) as session:
        _run(session, None, *year(session))
    print(peak_mb())


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


if __name__ == "__main__":
    main(sys.argv[1])
