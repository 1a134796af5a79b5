"""The nightly job beside writing the rows that it makes, beside itself a second time, beside an object an elevator.

Between the nights the world is at work (`serve`), so that each makes and judges what a real night does; a night of a
world in which nobody came would mostly judge. The first night of a world is not measured.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import MetaData, func, insert, select, text, update
from sqlalchemy.orm import Session

from app import clock
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, OverduePeriod
from app.models.among import among
from app.models.policy import policy_value
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.schedule import limit_on, order_due, planned_on
from app.transaction import transaction
from app.workflows.maintenance import clock_rows, schedule
from bench.harness import Measured, at_most, figure, seconds, times_faster
from bench.world import World

SAMPLE, AT_ONCE = 200, 5000
ROUNDS = 3
MADE: tuple[Any, ...] = (MaintenanceOrder.__table__, OverduePeriod.__table__)
_clock: Any = MaintenanceClock.__table__
DAY = dt.timedelta(days=1)
# Each world's nights go on from the last one measured; none is run twice as if it were fresh.
_nights: dict[str, dt.date] = {}


class _Undone(Exception):
    """Ends a night that is to leave nothing."""


def night(world: World, session: Session, on: dt.date, *, undo: bool = False) -> float:
    """Seconds of a night. Undone it has done everything but the commit, and the next one finds what this one found."""
    at = clock.instant_of(dt.datetime.combine(on, dt.time(1)))

    def work() -> None:
        with contextlib.suppress(_Undone), transaction(session):
            started = time.perf_counter()
            schedule.run(session, on, at, actor=SYSTEM)
            took.append(time.perf_counter() - started)
            if undo:
                raise _Undone

    took: list[float] = []
    whole = seconds(work)
    if undo:
        return took[0]
    _nights[world.suffix] = on
    return whole


def next_on(world: World, session: Session) -> dt.date:
    """A day that was not run yet, with the day before it worked; before the first, today's night is run."""
    if world.suffix not in _nights:
        night(world, session, clock.today())
    serve(session, _nights[world.suffix])
    return _nights[world.suffix] + DAY


def serve(session: Session, on: dt.date) -> None:
    """Do that day the orders planned for it and before, all but one in thirty, as counted visits leave their rows."""
    order, ledger, running = (model.__table__ for model in (MaintenanceOrder, MaintenanceLedger, MaintenanceClock))
    planned = (order.c.state == "open") & (order.c.origin == "auto") & (order.c.planned_on <= on)
    with transaction(session):
        due = select(order.c.elevator_id).where(planned, order.c.elevator_id % 30 != 0)
        done = due.join(running, running.c.elevator_id == order.c.elevator_id).where(running.c.paused_on.is_(None))
        keys = list(session.scalars(done))
        for first in range(0, len(keys), AT_ONCE):
            these = keys[first : first + AT_ONCE]
            session.execute(update(order).where(planned, order.c.elevator_id.in_(these)).values(state="done"))
            mine = ledger.c.elevator_id.in_(these)
            for days in session.scalars(select(ledger.c.interval_days).where(mine).distinct()).all():
                these_of = update(ledger).where(mine, ledger.c.interval_days == days)
                session.execute(these_of.values(next_half_month_on=planned_on(on, days)))
            mine = running.c.elevator_id.in_(these)
            for days in session.scalars(select(running.c.limit_days).where(mine).distinct()).all():
                begun = {"anchor_on": on, "last_visit_on": on, "limit_on": limit_on(on, days)}
                these_of = update(running).where(mine, running.c.limit_days == days)
                session.execute(these_of.values(**begun, missed=0, missed_since_on=None))


@figure("schedule.copy_in_place", unit="s", goal=at_most(1.2))
def beside_copy_in_place(world: World) -> Measured:
    """A night of judging and making orders, beside writing just the rows that it wrote where they stand: the same
    tables, indexes and foreign keys. New rows by COPY on PostgreSQL, by one statement with many rows on SQLite; the
    clocks of the missed periods by a bare UPDATE by key, as the experiment has it that set the goal (its COPY also read
    every row out first and judged it; this one is told what to write).

    In turns, each undone: both find the same rows, and neither has the pages that it touches warmed for it.
    """
    return _beside(world, _in_place, _moved)


@figure("schedule.copy", unit="s", goal=at_most(1.2))
def beside_copy(world: World) -> Measured:
    """The same beside writing the new rows alone, into empty tables with the same indexes, without foreign keys."""
    return _beside(world, _plainly)


@figure("schedule.again", unit="s", goal=at_most(0.4))
def again(world: World) -> Measured:
    """A second run of a night beside its first: it writes nothing."""
    with Session(world.database.engine) as session:
        on = next_on(world, session)
        first = night(world, session, on)
        return Measured(sorted(night(world, session, on) for _ in range(3))[1], first)


@figure("schedule.orm", unit="s", goal=times_faster(100))
def beside_orm(world: World) -> Measured:
    """A night beside the plain way: each elevator's clock, ledger and open order as objects, judged by the same rules,
    written and committed before the next one. A sample, before the night that then finds it done.
    """
    with Session(world.database.engine) as session:
        on = next_on(world, session)
        plain = orm_way(session, on)
        return Measured(night(world, session, on), plain)


def _beside(
    world: World,
    write: Callable[[Session, Any, Sequence[Any]], float],
    move: Callable[[Session, Sequence[Any]], float] | None = None,
) -> Measured:
    with Session(world.database.engine) as session:
        on = next_on(world, session)
        marks = {table.name: session.scalar(select(func.max(table.c.id))) or 0 for table in MADE}
        made: list[tuple[Any, Sequence[Any]]] = []
        with contextlib.suppress(_Undone), transaction(session):
            schedule.run(session, on, clock.instant_of(dt.datetime.combine(on, dt.time(1))), actor=SYSTEM)
            for table in MADE:
                made.append((table, session.execute(select(table).where(table.c.id > marks[table.name])).all()))
            missed = [row.elevator_id for table, rows in made if table.name == "overdue_period" for row in rows]
            moved = session.execute(select(_clock).where(among(session, _clock.c.elevator_id, missed))).all()
            raise _Undone
        ours, plain = [], []
        for _ in range(ROUNDS):
            _sweep(world)
            ours.append(night(world, session, on, undo=True))
            _sweep(world)
            plain.append(sum(write(session, table, rows) for table, rows in made))
            plain[-1] += move(session, moved) if move else 0
        night(world, session, on)
        return Measured(statistics.median(ours), statistics.median(plain))


def _sweep(world: World) -> None:
    """Away with what was undone, as a database sweeps itself; a night would not find it."""
    if world.kind == "postgresql":
        with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in (*MADE, _clock):
                connection.execute(text(f"VACUUM {table.name}"))


def _moved(session: Session, rows: Sequence[Any]) -> float:
    """Seconds to move these clocks on by their keys; all is taken back."""
    steps: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        steps.setdefault((row.anchor_on, row.limit_on), []).append(row.elevator_id)
    statements = [
        update(_clock).where(among(session, _clock.c.elevator_id, keys)).values(
            anchor_on=day, limit_on=limit, missed=_clock.c.missed + 1, judged_through=day,
            missed_since_on=func.coalesce(_clock.c.missed_since_on, day),
        )
        for (day, limit), keys in steps.items()
    ]  # fmt: skip
    connection = session.connection()
    try:
        return seconds(lambda: [connection.execute(statement) for statement in statements])
    finally:
        session.rollback()


def _in_place(session: Session, table: Any, rows: Sequence[Any]) -> float:
    """Seconds to write rows where they stand; all is taken back."""
    try:
        return _seconds(session.connection(), table, rows)
    finally:
        session.rollback()


def _plainly(session: Session, table: Any, rows: Sequence[Any]) -> float:
    """Seconds to write rows into an empty copy of the table with the same indexes."""
    like = table.to_metadata(MetaData(), name=f"bench_{table.name}")
    for constraint in list(like.foreign_key_constraints):
        like.constraints.remove(constraint)
    for named in (like.primary_key, *like.indexes):  # PostgreSQL keeps them by name beside the tables
        named.name = f"bench_{named.name}"
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


def orm_way(session: Session, on: dt.date) -> float:
    """Seconds for all elevators, from a sample of them."""
    at = clock.instant_of(dt.datetime.combine(on, dt.time(1)))
    ids = session.scalars(select(MaintenanceClock.elevator_id).order_by(MaintenanceClock.elevator_id)).all()
    chosen = ids[:: max(len(ids) // SAMPLE, 1)]
    session.rollback()

    def work() -> None:
        for elevator_id in chosen:
            with transaction(session):
                _one(session, elevator_id, on, at)
            session.expunge_all()

    return seconds(work) * len(ids) / len(chosen)


def _one(session: Session, elevator_id: int, on: dt.date, at: dt.datetime) -> None:
    row = clock_rows.held(session, elevator_id)
    if row.limit_on is not None and row.paused_on is None:
        clock_rows.judge_through(session, row, on - DAY, at)
    ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == elevator_id))
    is_open = (MaintenanceOrder.elevator_id == elevator_id, MaintenanceOrder.state == "open")
    held = session.scalar(select(MaintenanceOrder).where(*is_open, MaintenanceOrder.origin == "auto"))
    elevator = session.get(Elevator, elevator_id)
    planned = ledger.next_half_month_on if ledger is not None and ledger.mode == "auto" else None
    if ledger is None or planned is None or ledger.worker_id is None or held is not None or row.paused_on is not None:
        return
    served = elevator is not None and elevator.status == "in_use" and elevator.maintenance_unit_id == ledger.unit_id
    days = int(policy_value(session, Key.HORIZON_DAYS, row.region_code, on))
    if served and order_due(planned, on, days):
        session.add(
            MaintenanceOrder(
                elevator_id=elevator_id, unit_id=ledger.unit_id, region_code=ledger.region_code,
                worker_id=ledger.worker_id, planned_on=planned, limit_on=row.limit_on, level=ledger.next_level,
                created_at=at, updated_at=at,
            )
        )  # fmt: skip
