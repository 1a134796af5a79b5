"""Five kinds of job that tests kill, over and over, and what must be there once when each has been run to its end.

`kill(enter)` calls `enter(number)` for one job after another, kills whatever it kills in it, runs it again and gives
the ids of all jobs that it entered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.imports import batches, waiting
from app.models import (
    Application,
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
from app.transaction import transaction
from app.workflows.core import jobs
from tests.factories import World, make_ledger
from tests.imports.elevator_rows import LIFT, lift
from tests.imports.ground import workbook
from tests.workflows.filing_world import elevator_data, save

Enter = Callable[[int], int]
Kill = Callable[[Enter], list[int]]
ROWS = 4
NIGHT = dt.date(2026, 3, 1)


def count(world: World, *where: object) -> int:
    return world.session.scalar(select(func.count()).where(*where)) or 0


def each_said_so_once(world: World, made: list[int]) -> None:
    """Every job says that it is done, and told it once."""
    for job_id in made:
        job = world.session.get(Job, job_id)
        assert (job.state, job.error) == ("done", None)
        assert count(world, Notification.link == f"/jobs/{job_id}") == 1


def an_imports_rows_come_in_once(world: World, kill: Kill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "STEP", 2)
    monkeypatch.setattr(waiting, "STEP_OF_SETS", 2)
    monkeypatch.setattr(waiting, "NUMBERS", 3)
    session, clerk, held = world.session, world.actor("clerk"), []

    def enter(number: int) -> int:
        file = workbook(LIFT, *(lift(world, f"7{number:02d}{n:03d}") for n in range(ROWS)))
        with scope.acting(clerk):
            with transaction(session):
                batch = batches.open_batch(session, clerk, clock.now(), "elevators", file, "表.xlsx", queued=False)
                held.append(batch.id)
            batches.check(session, clerk, held[-1], batches.file_of(session, clerk, held[-1]), clock.now())
            with transaction(session):
                batches.start(session, clerk, held[-1], clock.now())
            return session.get(ImportBatch, held[-1]).job_id

    made = kill(enter)
    assert count(world, Elevator.estate == "导入小区") == ROWS * len(made)
    for number in held:
        assert session.get(ImportBatch, number).state == "done"
        assert count(world, ImportRow.batch_id == number, ImportRow.applied.is_(True)) == ROWS


def an_export_has_one_file(world: World, kill: Kill) -> None:
    session = world.session
    params = {"listing": "elevators", "query": "", "columns": "", "format": "csv", "verb": "elevator.read", "back": "/"}

    def enter(_number: int) -> int:
        with transaction(session):
            return jobs.enqueue(session, world.actor("clerk"), clock.now(), "export", "导出", params).id

    made = kill(enter)
    for job_id in made:
        file = session.scalars(select(Attachment).where(Attachment.entity == "job", Attachment.entity_id == job_id))
        assert file.one().id == session.get(Job, job_id).attachment_id
    told = session.scalars(select(AuditEntry.after).where(AuditEntry.action == "export.make"))
    assert sorted(entry["job"] for entry in told) == sorted(made)


def a_nights_schedule_makes_each_task_once(world: World, kill: Kill, runs_a_night: int = 1) -> None:
    session = world.session
    make_ledger(session, world.own, world.worker, next_half_month_on=NIGHT)
    session.commit()

    def enter(number: int) -> int:
        params = {"on": (NIGHT + dt.timedelta(number // runs_a_night)).isoformat(), "region": None}
        with transaction(session):
            return jobs.enqueue(session, world.actor("region_admin"), clock.now(), "schedule", "排班", params).id

    kill(enter)
    tasks = select(MaintenanceOrder.elevator_id, MaintenanceOrder.planned_on, MaintenanceOrder.level)
    orders = session.execute(tasks).all()
    assert orders and len(orders) == len(set(orders))


def a_score_is_made_once(world: World, kill: Kill) -> None:
    session, at = world.session, clock.now()

    def enter(number: int) -> int:
        params = {
            "region": "980402000000", "from_on": "2026-01-01", "to_on": f"2026-03-{number % 28 + 1:02d}",
            "as_of": (at + dt.timedelta(microseconds=number)).isoformat(), "back": "/scores/",
        }  # fmt: skip
        with transaction(session):
            return jobs.enqueue(session, world.actor("region_admin"), at, "score", "得分", params).id

    made = kill(enter)
    assert count(world, ScoreRun.id.is_not(None)) == len(made)
    pairs = session.execute(select(Score.run_id, Score.unit_id)).all()
    assert len(pairs) == len(set(pairs)) > 0


def drafts_are_handed_in_once(world: World, kill: Kill) -> None:
    session, head = world.session, world.actor("maintenance_head")

    def enter(number: int) -> int:
        for n in range(3):
            named = {"code": f"8{number:02d}{n:03d}", "address": f"青禾里{number:02d}栋"}
            save(session, head, Elevator, None, elevator_data(world, **named))
        with transaction(session):
            params = {"listing": "elevators", "query": f"tab=draft&q=青禾里{number:02d}栋"}
            return jobs.enqueue(session, head, clock.now(), "submit", "上报", params).id

    for job_id in kill(enter):
        job = session.get(Job, job_id)
        assert (job.result["submitted"], job.result["refused"]) == (3, 0), "those before the kill are counted"
        handed_in = select(Application.id).join(Elevator, Elevator.id == Application.elevator_id)
        there = job.params["query"].rpartition("=")[2]
        assert len(session.scalars(handed_in.where(Elevator.address == there)).all()) == 3
