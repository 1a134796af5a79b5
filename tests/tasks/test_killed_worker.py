"""kill -9 of a real worker in the middle of a job: after a restart it is finished, each step exactly once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, configure_mappers

from app import clock
from app.models import AuditEntry, Job, Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.core import jobs
from tests.databases import Database
from tests.factories import actor, make_account
from tests.tasks.job_steps import STEPS
from tests.tasks.test_broker import celery, environment, send, within

__all__ = ["environment"]
WORKER = ("worker", "--concurrency", "1", "--include", "tests.tasks.killable")


def enter(database: Database, folder: Path) -> int:
    """A job of ten steps that has not been sent."""
    configure_mappers()
    with Session(database.engine) as session:
        account = make_account(session, Role.REGION_ADMIN, region_code="980400000000")
        session.commit()
        with transaction(session):
            return jobs.enqueue(session, actor(account), clock.now(), "report", "十步", {"folder": str(folder)}).id


def state(database: Database, job_id: int) -> str:
    with Session(database.engine) as session:
        return session.get(Job, job_id).state


@pytest.mark.feature("STA-01")
def test_a_killed_workers_job_is_finished_once(environment: dict[str, str], database: Database, tmp_path: Path) -> None:
    environment = {**environment, "JOB_STALE_SECONDS": "3"}
    job_id = enter(database, tmp_path)
    send(environment, "app.tasks.jobs.run_job", job_id)
    with celery(environment, *WORKER) as worker:
        assert within((tmp_path / "halfway").exists), (tmp_path / "worker.log").read_text()
        # The parent and its pool die at once, as in a power cut; nothing gets to say goodbye.
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert state(database, job_id) == "running"
    (tmp_path / "go").touch()

    with celery(environment, *WORKER):

        def ended() -> bool:
            # What beat does every ten seconds.
            send(environment, "app.tasks.jobs.reap")
            return within(lambda: state(database, job_id) in ("done", "failed"), 1)

        assert within(ended), (tmp_path / "worker.log").read_text()
    with Session(database.engine) as session:
        job = session.get(Job, job_id)
        assert (job.state, job.tries, job.result, job.done) == ("done", 2, {"steps": STEPS}, STEPS)
        assert session.query(AuditEntry).filter_by(action="test.step").count() == STEPS
        assert session.query(Notification).count() == 1
