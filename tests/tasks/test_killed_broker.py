"""kill -9 of a real Redis while a worker is busy and another job enters: each is done once, and nobody waits for it."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import clock
from app.models import AuditEntry, Job
from app.workflows.core.jobs import RESEND_AFTER
from tests.databases import KEYS, ROOT, PostgresDatabase, open_vault
from tests.services import Services, end_process
from tests.tasks.job_steps import STEPS
from tests.tasks.test_broker import celery, send, within
from tests.tasks.test_killed_worker import WORKER, enter, state

# What a clerk waits at most for a page that sends a job while the broker is away.
ANSWER_SECONDS = 20


@pytest.fixture
def servers() -> Iterator[tuple[Services, PostgresDatabase]]:
    """A Redis that nobody else uses, so that it may be killed. Files as a broker have no process to kill."""
    services = Services.make()
    database = PostgresDatabase(services, "brokerless")
    try:
        services.redis()
        database.renew()
        yield services, database
    finally:
        database.close()
        services.stop()


def tell(environment: dict[str, str], job_id: int) -> None:
    """Send a job's id as the web does after its commit."""
    code = f"import run; from app.workflows.core.jobs import job_queued; job_queued.send({job_id})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=ANSWER_SECONDS * 3)


@pytest.mark.feature("STA-01")
def test_a_killed_brokers_jobs_are_done_once(servers: tuple[Services, PostgresDatabase], tmp_path: Path) -> None:
    services, database = servers
    environment = {
        **os.environ, **KEYS, "DATABASE_URL": database.url, "DATA_DIR": str(tmp_path),
        "CELERY_BROKER_URL": f"{services.redis()}/0",
    }  # fmt: skip
    open_vault()
    busy = enter(database, tmp_path)
    send(environment, "app.tasks.jobs.run_job", busy)
    with celery(environment, *WORKER):
        assert within((tmp_path / "halfway").exists), (tmp_path / "worker.log").read_text()
        end_process(services.pid("redis"), signal.SIGKILL)

        waiting = enter(database, tmp_path)
        begun = time.monotonic()
        tell(environment, waiting)
        assert time.monotonic() - begun < ANSWER_SECONDS, "whoever enters a job does not wait for the broker"
        assert state(database, waiting) == "queued"

        # The busy one goes on without a broker; it needs none to end.
        (tmp_path / "go").touch()
        assert within(lambda: state(database, busy) == "done"), (tmp_path / "worker.log").read_text()
        services.restart_redis()
        with database.engine.begin() as connection:
            # Half a minute goes by.
            past = clock.now() - RESEND_AFTER - dt.timedelta(seconds=1)
            connection.execute(update(Job).where(Job.id == waiting).values(heartbeat_at=past))
        send(environment, "app.tasks.jobs.reap")  # what beat does every ten seconds
        assert within(lambda: state(database, waiting) == "done"), (tmp_path / "worker.log").read_text()
    with Session(database.engine) as session:
        found = [(job.id, job.state, job.tries) for job in session.query(Job).order_by(Job.id)]
        assert found == [(busy, "done", 1), (waiting, "done", 1)]
        assert session.query(AuditEntry).filter_by(action="test.step").count() == STEPS
