"""kill -9 before and after every commit of each kind of job: run again, each row is there once, and the job says so."""

from __future__ import annotations

import datetime as dt
import gc
import os
import signal
import time
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import clock
from app.extensions import db
from app.tasks import MODULES
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.core import jobs
from tests.factories import World
from tests.tasks import entered_jobs
from tests.tasks.entered_jobs import Enter, Kill, each_said_so_once

MOST_COMMITS = 40


@pytest.fixture
def killing(app: Any, world: World, database: Any) -> Kill:
    """`killing(enter)`: enter a job, kill its worker at one commit, run it again; for every commit there is."""
    for module in MODULES:
        import_module(module)

    def every(enter: Enter) -> list[int]:
        made = []
        for when in ("before_commit", "after_commit"):
            for number in range(1, MOST_COMMITS):
                made.append(enter(len(made)))
                world.session.commit()
                if not killed(app, database, made[-1], when, number):
                    break  # it has fewer commits: this one ran to its end
                with app.app_context():
                    with transaction(db.session):
                        jobs.reap(db.session, clock.now() + dt.timedelta(hours=1), 60)
                    # Killed after the last commit it is done already, and nothing is run twice.
                    assert running.run(made[-1]) in ("done", "skipped")
            else:
                pytest.fail("the worker was killed at every commit: raise MOST_COMMITS")
        assert len(made) > 6
        world.session.expire_all()
        each_said_so_once(world, made)
        return made

    return every


def killed(app: Any, database: Any, job_id: int, when: str, number: int) -> bool:
    """Run the job in a process that dies at its n-th commit; False when it came to its end before."""
    with app.app_context():
        db.session.remove()
    database.engine.dispose()  # no connection is shared with the child
    child = os.fork()
    if child == 0:
        gc.disable()  # it walks over what the parent holds, and so copies all of it, for a life of one job
        try:
            commits = iter(range(1, number))

            def die(_session: Session) -> None:
                if next(commits, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            with app.app_context():
                event.listen(Session, when, die)
                running.run(job_id)
        finally:
            os._exit(0)
    end = time.monotonic() + 60
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.WIFSIGNALED(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the worker hangs")
        time.sleep(0.005)


@pytest.mark.feature("IMP-01")
def test_an_imports_rows_come_in_once(world: World, killing: Kill, monkeypatch: pytest.MonkeyPatch) -> None:
    entered_jobs.an_imports_rows_come_in_once(world, killing, monkeypatch)


@pytest.mark.feature("STA-01")
def test_an_export_has_one_file(world: World, killing: Kill) -> None:
    entered_jobs.an_export_has_one_file(world, killing)


@pytest.mark.feature("PLN-01")
def test_a_nights_schedule_makes_each_task_once(world: World, killing: Kill) -> None:
    entered_jobs.a_nights_schedule_makes_each_task_once(world, killing, runs_a_night=3)


@pytest.mark.feature("SCO-01")
def test_a_score_is_made_once(world: World, killing: Kill) -> None:
    entered_jobs.a_score_is_made_once(world, killing)


@pytest.mark.feature("ELV-04")
def test_drafts_are_handed_in_once(world: World, killing: Kill) -> None:
    entered_jobs.drafts_are_handed_in_once(world, killing)
