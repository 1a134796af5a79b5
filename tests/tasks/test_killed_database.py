"""kill -9 of the database amid an import, an export, a night's schedule, a score: each row is there once afterwards."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import clock, scope
from app.extensions import db
from app.imports import batches, writing
from app.models import (
    Attachment,
    Elevator,
    ImportBatch,
    ImportRow,
    Job,
    MaintenanceOrder,
    Notification,
    Score,
    ScoreRun,
)
from app.tasks import MODULES
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows import jobs
from tests.databases import PostgresDatabase
from tests.factories import World, make_ledger
from tests.imports.test_imports import LIFT, lift, workbook
from tests.services import Services, end_process

ROWS = 6
# Before which of its commits the server dies.
COMMITS = (2, 3)


@pytest.fixture
def server() -> Iterator[tuple[Services, PostgresDatabase]]:
    """A PostgreSQL that nobody else uses, so that it may be killed; what it says is committed is in its log."""
    services = Services.make()
    database = PostgresDatabase(services, "dying")
    try:
        yield services, database
    finally:
        database.close()
        services.stop()


@pytest.fixture
def app(server: tuple[Services, PostgresDatabase], _application: Any, tmp_path: Path) -> Iterator[Any]:
    """The application on that server. SQLite has none: the end of its process is test_killed_at_every_commit."""
    names = ("DATA_DIR", "UPLOAD_DIR", "SQLALCHEMY_DATABASE_URI")
    before, engines = {name: _application.config[name] for name in names}, db._app_engines[_application]
    own, engines[None] = engines[None], create_engine(server[1].url)
    _application.config.update(zip(names, (str(tmp_path), str(tmp_path / "files"), server[1].url), strict=True))
    yield _application
    with _application.app_context():
        db.session.remove()
    engines[None].dispose()
    engines[None] = own
    _application.config.update(before)


@pytest.fixture
def world(server: tuple[Services, PostgresDatabase], app: Any) -> Iterator[World]:
    _services, database = server
    database.renew()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {database.engine.url.database} SET synchronous_commit = on"))
    database.engine.dispose()
    for module in MODULES:
        import_module(module)
    with Session(database.engine) as session:
        yield World(session)


Dying = Callable[[Callable[[int], int]], list[int]]


@pytest.fixture
def dying(server: tuple[Services, PostgresDatabase], world: World, app: Any) -> Dying:
    """`dying(enter)`: enter a job, kill the database at one of its commits, start both again; for some commits."""
    services, database = server

    def one(job_id: int, number: int, at_once: bool) -> None:
        commits = iter(range(1, number))
        ended: list[int] = []

        def end(_session: Session) -> None:
            if threading.current_thread() is not threading.main_thread():
                return  # a sign of life
            if next(commits, None) is None and not ended:
                ended.append(number)
                end_process(services.pid("postgres"), signal.SIGKILL)
                if at_once:
                    services.restart_postgres()

        event.listen(Session, "before_commit", end)
        try:
            became = running.run(job_id)
        except DBAPIError:
            became = "left"  # not even the end of it could be written: the reaper finds it
        finally:
            event.remove(Session, "before_commit", end)
        db.session.remove()
        assert ended and became in ("again", "left"), became
        if not at_once:
            services.restart_postgres()
        with transaction(db.session):
            jobs.reap(db.session, clock.now() + dt.timedelta(hours=1), 60)
        assert running.run(job_id) == "done"

    def every(enter: Callable[[int], int]) -> list[int]:
        made = []
        for at_once in (True, False):
            for number in COMMITS:
                made.append(enter(len(made)))
                world.session.commit()
                database.engine.dispose()  # its connections will be dead
                with app.app_context():
                    one(made[-1], number, at_once)
        for job_id in made:
            job = world.session.get(Job, job_id)
            assert (job.state, job.error) == ("done", None)
            assert count(world, Notification.link == f"/jobs/{job_id}") == 1
        return made

    return every


def count(world: World, *where: Any) -> int:
    return world.session.scalar(select(func.count()).where(*where)) or 0


def an_imports_rows_come_in_once(world: World, dying: Dying) -> None:
    clerk, held = world.actor("clerk"), []

    def enter(number: int) -> int:
        file = workbook(LIFT, *(lift(world, f"7{number:02d}{n:03d}") for n in range(ROWS)))
        with scope.acting(clerk):
            with transaction(world.session):
                made = batches.open_batch(world.session, clerk, clock.now(), "elevators", file, "表.xlsx", queued=False)
                held.append(made.id)
            path = batches.file_of(world.session, clerk, held[-1])
            batches.check(world.session, clerk, held[-1], path, clock.now())
            with transaction(world.session):
                batches.start(world.session, clerk, held[-1], clock.now())
            return world.session.get(ImportBatch, held[-1]).job_id

    made = dying(enter)
    assert count(world, Elevator.estate == "导入小区") == ROWS * len(made)
    for number in held:
        assert world.session.get(ImportBatch, number).state == "done"
        assert count(world, ImportRow.batch_id == number, ImportRow.applied.is_(True)) == ROWS


def an_export_has_one_file(world: World, dying: Dying) -> None:
    params = {"listing": "elevators", "query": "", "columns": "", "format": "csv", "verb": "elevator.read", "back": "/"}

    def enter(_number: int) -> int:
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("clerk"), clock.now(), "export", "导出", params).id

    for job_id in dying(enter):
        assert count(world, Attachment.entity == "job", Attachment.entity_id == job_id) == 1


def a_nights_schedule_makes_each_task_once(world: World, dying: Dying) -> None:
    make_ledger(world.session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 1))
    world.session.commit()

    def enter(number: int) -> int:
        params = {"on": (dt.date(2026, 3, 1) + dt.timedelta(number)).isoformat(), "region": None}
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("region_admin"), clock.now(), "schedule", "排班", params).id

    dying(enter)
    tasks = select(MaintenanceOrder.elevator_id, MaintenanceOrder.planned_on, MaintenanceOrder.level)
    orders = world.session.execute(tasks).all()
    assert orders and len(orders) == len(set(orders))


def a_score_is_made_once(world: World, dying: Dying) -> None:
    at = clock.now()

    def enter(number: int) -> int:
        params = {
            "region": "980402000000", "from_on": "2026-01-01", "to_on": f"2026-03-{number + 1:02d}",
            "as_of": (at + dt.timedelta(microseconds=number)).isoformat(), "back": "/scores/",
        }  # fmt: skip
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("region_admin"), at, "score", "得分", params).id

    made = dying(enter)
    assert count(world, ScoreRun.id.is_not(None)) == len(made)
    pairs = world.session.execute(select(Score.run_id, Score.unit_id)).all()
    assert len(pairs) == len(set(pairs)) > 0


@pytest.mark.feature("IMP-01", "STA-01", "PLN-01", "SCO-01")
def test_whatever_the_database_was_killed_in_is_there_once(
    world: World, dying: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "STEP_OF_SETS", 2)
    # One server for all of them: to make it takes longer than to kill it.
    an_imports_rows_come_in_once(world, dying)
    an_export_has_one_file(world, dying)
    a_nights_schedule_makes_each_task_once(world, dying)
    a_score_is_made_once(world, dying)
