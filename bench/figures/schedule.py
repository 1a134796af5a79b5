"""The nightly job: the first run of a day, the same day again, and the next day; beside an object an elevator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import MetaData, delete, func, insert, select
from sqlalchemy.orm import Session

from app import clock
from app.models import MaintenanceClock, MaintenanceLedger, MaintenanceOrder, OverduePeriod
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows import schedule
from bench.harness import Measured, at_most, figure, seconds, times_faster
from bench.world import World

SAMPLE = 500
WRITTEN: tuple[Any, ...] = (MaintenanceOrder.__table__, OverduePeriod.__table__)
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


@figure("schedule.copy", unit="s", goal=at_most(1.2))
def beside_copy(world: World) -> Measured:
    """A night of judging and making orders, beside writing just the rows that it made into tables like theirs.

    PostgreSQL takes them by COPY, SQLite by one statement with many rows.
    """
    return _beside(world, _plainly)


@figure("schedule.copy_in_place", unit="s", goal=at_most(1.2))
def beside_copy_in_place(world: World) -> Measured:
    """The same beside writing those rows into the tables themselves: their size, their foreign keys."""
    return _beside(world, _in_place)


def _beside(world: World, write: Callable[[Session, Any, Sequence[Any]], float]) -> Measured:
    with Session(world.database.engine) as session:
        marks = {table.name: session.scalar(select(func.max(table.c.id))) or 0 for table in WRITTEN}
        took = night(world, session, next_on(world))
        session.rollback()
        plain = 0.0
        for table in WRITTEN:
            rows = session.execute(select(table).where(table.c.id > marks[table.name])).all()
            plain += write(session, table, rows)
        return Measured(took, plain)


def _in_place(session: Session, table: Any, rows: Sequence[Any]) -> float:
    """Seconds to write rows where they stand; all is taken back."""
    connection = session.connection()
    try:
        connection.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
        return _seconds(connection, table, rows)
    finally:
        session.rollback()


def _plainly(session: Session, table: Any, rows: Sequence[Any]) -> float:
    """Seconds to write rows into an empty copy of the table with the same indexes."""
    like = table.to_metadata(MetaData(), name=f"bench_{table.name}")
    for constraint in list(like.foreign_key_constraints):
        like.constraints.remove(constraint)
    for index in like.indexes:
        index.name = f"bench_{index.name}"
    connection = session.connection()
    like.create(connection)
    try:
        return _seconds(connection, like, rows)
    finally:
        session.rollback()


def _seconds(connection: Any, table: Any, rows: Sequence[Any]) -> float:
    columns = [c.name for c in table.columns if c.computed is None]
    if connection.dialect.name == "sqlite":
        values = [dict(zip(columns, row, strict=True)) for row in rows]
        return seconds(lambda: values and connection.execute(insert(table), values))
    return seconds(lambda: _copied(connection, table.name, columns, rows))


def _copied(connection: Any, name: str, columns: Sequence[str], rows: Sequence[Any]) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


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
