"""kill -9 before and after every commit of each kind of job: run again, each row is there once, and the job says so."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.extensions import db
from app.imports import batches, writing
from app.models import (
    Attachment,
    AuditEntry,
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
from tests.factories import World, make_ledger
from tests.imports.test_imports import LIFT, lift, workbook

ROWS = 4
MOST_COMMITS = 40


@pytest.fixture
def killing(app: Any, world: World, database: Any) -> Callable[[Callable[[int], int]], list[int]]:
    """`killing(enter)`: enter a job, kill its worker at one commit, run it again; for every commit there is."""
    for module in MODULES:
        import_module(module)

    def every(enter: Callable[[int], int]) -> list[int]:
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
        for job_id in made:
            job = world.session.get(Job, job_id)
            assert (job.state, job.error) == ("done", None)
            assert count(world, Notification.link == f"/jobs/{job_id}") == 1
        return made

    return every


def killed(app: Any, database: Any, job_id: int, when: str, number: int) -> bool:
    """Run the job in a process that dies at its n-th commit; False when it came to its end before."""
    with app.app_context():
        db.session.remove()
    database.engine.dispose()  # no connection is shared with the child
    child = os.fork()
    if child == 0:
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


def count(world: World, *where: Any) -> int:
    return world.session.scalar(select(func.count()).where(*where)) or 0


@pytest.mark.feature("IMP-01")
def test_an_imports_rows_come_in_once(app: Any, world: World, killing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "STEP", 2)
    monkeypatch.setattr(writing, "STEP_OF_SETS", 2)
    clerk, held = world.actor("clerk"), []

    def enter(number: int) -> int:
        file = workbook(LIFT, *(lift(world, f"7{number:02d}{n:03d}") for n in range(ROWS)))
        with app.app_context(), scope.acting(clerk):
            with transaction(world.session):
                batch = batches.open_batch(
                    world.session, clerk, clock.now(), "elevators", file, "表.xlsx", queued=False
                )
                held.append(batch.id)
            with transaction(world.session):
                path = batches.file_of(world.session, clerk, held[-1])
                batches.check(world.session, clerk, held[-1], path, clock.now())
            with transaction(world.session):
                batches.start(world.session, clerk, held[-1], clock.now())
            return world.session.get(ImportBatch, held[-1]).job_id

    made = killing(enter)
    assert count(world, Elevator.estate == "导入小区") == ROWS * len(made)
    for number in held:
        assert world.session.get(ImportBatch, number).state == "done"
        assert count(world, ImportRow.batch_id == number, ImportRow.applied.is_(True)) == ROWS


@pytest.mark.feature("STA-01")
def test_an_export_has_one_file(world: World, killing: Any) -> None:
    params = {"listing": "elevators", "query": "", "columns": "", "format": "csv", "verb": "elevator.read", "back": "/"}

    def enter(_number: int) -> int:
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("clerk"), clock.now(), "export", "导出", params).id

    made = killing(enter)
    for job_id in made:
        file = world.session.scalars(
            select(Attachment).where(Attachment.entity == "job", Attachment.entity_id == job_id)
        )
        assert file.one().id == world.session.get(Job, job_id).attachment_id
    told = world.session.scalars(select(AuditEntry.after).where(AuditEntry.action == "export.make"))
    assert sorted(entry["job"] for entry in told) == sorted(made)


@pytest.mark.feature("PLN-01")
def test_a_nights_schedule_makes_each_task_once(world: World, killing: Any) -> None:
    make_ledger(world.session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 1))
    world.session.commit()

    def enter(number: int) -> int:
        params = {"on": (dt.date(2026, 3, 1) + dt.timedelta(number // 3)).isoformat(), "region": None}
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("region_admin"), clock.now(), "schedule", "排班", params).id

    killing(enter)
    orders = world.session.execute(
        select(MaintenanceOrder.elevator_id, MaintenanceOrder.planned_on, MaintenanceOrder.level)
    ).all()
    assert orders and len(orders) == len(set(orders))


@pytest.mark.feature("SCO-01")
def test_a_score_is_made_once(world: World, killing: Any) -> None:
    at = clock.now()

    def enter(number: int) -> int:
        params = {
            "region": "980402000000", "from_on": "2026-01-01", "to_on": f"2026-03-{number % 28 + 1:02d}",
            "as_of": (at + dt.timedelta(microseconds=number)).isoformat(), "back": "/scores/",
        }  # fmt: skip
        with transaction(world.session):
            return jobs.enqueue(world.session, world.actor("region_admin"), at, "score", "得分", params).id

    made = killing(enter)
    assert count(world, ScoreRun.id.is_not(None)) == len(made)
    pairs = world.session.execute(select(Score.run_id, Score.unit_id)).all()
    assert len(pairs) == len(set(pairs)) > 0
