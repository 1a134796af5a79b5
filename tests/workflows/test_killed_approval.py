"""kill -9 amid an approval with effects, of the worker or of the database: all of it is there or nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from app.extensions import db
from app.models import Application, ContractElevator, Elevator, MaintenanceClock, MaintenanceOrder
from tests import factories
from tests.databases import PostgresDatabase, open_vault
from tests.factories import World
from tests.services import Services, end_process
from tests.workflows.filing_world import TODAY, decide
from tests.workflows.test_unit_changes import DAY, by_new

pytestmark = pytest.mark.feature("LIF-05", "LIF-07")
# One in so many statements is tried: each kind of effect takes several.
EVERY = 7
MOST_STATEMENTS = 400


def waiting_change(world: World) -> Application:
    """A change of the maintenance unit whose approval moves register, clock, ledger, orders and contracts."""
    session = world.session
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY + 10 * DAY)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=TODAY + 10 * DAY, level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    return by_new(world)


def content(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as the database tells it to a new connection."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in db.metadata.tables.values()
        }


def in_a_process(engine: Engine, work: Callable[[], None], before: Callable[[int], None]) -> int:
    """Do the work in a process of its own; `before(n)` is called there before its n-th statement, 0 = the commit."""
    engine.dispose()  # no connection is shared with the child
    child = os.fork()
    if child == 0:
        try:
            said = iter(range(1, MOST_STATEMENTS))
            event.listen(engine, "before_cursor_execute", lambda *_: before(next(said)))
            event.listen(Session, "before_commit", lambda _session: before(0))
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    end = time.monotonic() + 60
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the approval hangs")
        time.sleep(0.005)


def everything_moved(world: World, application_id: int) -> None:
    session = world.session
    session.expire_all()
    assert session.get(Application, application_id).state == "approved"
    assert session.get(Elevator, world.own.id).maintenance_unit_id == world.other_firm.id
    assert session.get(MaintenanceClock, world.own.id).unit_id == world.other_firm.id
    assert session.scalars(select(MaintenanceOrder.state)).all() == ["void"]
    bound = select(ContractElevator.unit_id).where(
        ContractElevator.elevator_id == world.own.id, ContractElevator.removed_at.is_(None),
        ContractElevator.ends_on > TODAY,
    )  # fmt: skip
    assert session.scalars(bound).all() == [world.other_firm.id]


def test_a_worker_killed_at_any_statement_leaves_nothing_half_done(session: Any, database: Any) -> None:
    world = World(session)
    application = waiting_change(world)
    inspector, number = world.actor("inspector"), application.id
    before = content(database.engine)

    def approve() -> None:
        with Session(database.engine) as own:
            decide(own, inspector, own.get(Application, number), "approve")

    def dies_at(wanted: int) -> Callable[[int], None]:
        return lambda count: os.kill(os.getpid(), signal.SIGKILL) if count == wanted else None

    killed = 0
    for at in (0, *range(2, MOST_STATEMENTS, EVERY)):
        session.rollback()
        status = in_a_process(database.engine, approve, dies_at(at))
        if status == 0:
            break  # it has fewer statements: this one ran to its end
        assert status == -signal.SIGKILL
        assert content(database.engine) == before
        killed += 1
    assert killed > 5
    everything_moved(world, number)


@pytest.fixture
def own_server() -> Iterator[tuple[Services, PostgresDatabase]]:
    """A PostgreSQL that nobody else uses, so that it may be killed."""
    services = Services.make()
    database = PostgresDatabase(services, "killed")
    open_vault()
    try:
        database.renew()
        yield services, database
    finally:
        database.close()
        services.stop()


def test_a_database_killed_before_the_commit_comes_back_with_nothing_half_done(
    own_server: tuple[Services, PostgresDatabase],
) -> None:
    """SQLite has no server: the end of its process is the test above."""
    services, database = own_server
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What was told to be committed must be in the log before the answer, whoever is killed after it.
        name = database.engine.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = on"))
    database.engine.dispose()  # it holds for new connections
    with Session(database.engine) as session:
        world = World(session)
        application = waiting_change(world)
        inspector, number = world.actor("inspector"), application.id
        before = content(database.engine)
        session.rollback()
        database.engine.dispose()

        def approve() -> None:
            with Session(database.engine) as own:
                decide(own, inspector, own.get(Application, number), "approve")

        def ends_the_server(count: int) -> None:
            if count == 0:
                end_process(services.pid("postgres"), signal.SIGKILL)

        assert in_a_process(database.engine, approve, ends_the_server) == 1, "the approval failed, as it must"
        services.restart_postgres()
        assert content(database.engine) == before
        decide(session, inspector, session.get(Application, number), "approve")
        everything_moved(world, number)
