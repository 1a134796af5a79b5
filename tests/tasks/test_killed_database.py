"""kill -9 of the database amid an import, an export, a night's schedule, a score: each row is there once afterwards."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import clock
from app.extensions import db
from app.tasks import MODULES
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.core import jobs
from tests.databases import PostgresDatabase
from tests.factories import World
from tests.services import Services, end_process
from tests.tasks import entered_jobs
from tests.tasks.entered_jobs import Enter, Kill, each_said_so_once

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


@pytest.fixture
def dying(server: tuple[Services, PostgresDatabase], world: World, app: Any) -> Kill:
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

    def every(enter: Enter) -> list[int]:
        made = []
        for at_once in (True, False):
            for number in COMMITS:
                made.append(enter(len(made)))
                world.session.commit()
                database.engine.dispose()  # its connections will be dead
                with app.app_context():
                    one(made[-1], number, at_once)
        each_said_so_once(world, made)
        return made

    return every


@pytest.mark.feature("IMP-01", "STA-01", "PLN-01", "SCO-01")
def test_whatever_the_database_was_killed_in_is_there_once(
    world: World, dying: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One server for all of them: to make it takes longer than to kill it.
    entered_jobs.an_imports_rows_come_in_once(world, dying, monkeypatch)
    entered_jobs.an_export_has_one_file(world, dying)
    entered_jobs.a_nights_schedule_makes_each_task_once(world, dying)
    entered_jobs.a_score_is_made_once(world, dying)
