"""The night's schedule: one job, or one a city where there are many elevators; entered once, whatever beat asks."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.models import Job, MaintenanceOrder, OverduePeriod
from app.tasks import MODULES, nightly
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows import schedule
from tests.factories import World, make_clock, make_ledger


@pytest.fixture
def due(world: World) -> World:
    """An elevator a district with an order to make and a limit that ran out while no night was run."""
    today = clock.today()
    for elevator, worker in ((world.own, world.worker), (world.foreign, world.other_worker)):
        make_clock(world.session, elevator, today - dt.timedelta(days=40), unit_since_on=today - dt.timedelta(days=90))
        make_ledger(world.session, elevator, worker, next_half_month_on=today)
    world.session.commit()
    return world


def run_all(app: Any, session: Session, ids: list[int]) -> None:
    for module in MODULES:
        import_module(module)
    with app.app_context():
        assert [running.run(job) for job in ids] == ["done"] * len(ids)
    session.rollback()


@pytest.mark.feature("PLN-03")
def test_shards_together_do_what_one_run_would(app: Any, due: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "SHARD_ABOVE", 0)
    monkeypatch.setattr(schedule, "CITY_WIDTH", 6)
    session = due.session
    with app.app_context():
        entered, again = nightly.schedule(), nightly.schedule()
    one_writer = session.get_bind().dialect.name == "sqlite"
    assert len(entered) == (1 if one_writer else 2) and again == []
    session.rollback()
    regions = {job.params.get("region") for job in session.scalars(select(Job).where(Job.kind == "schedule"))}
    assert regions == ({None} if one_writer else {"980402000000", "980403000000"})
    run_all(app, session, entered)
    assert {o.elevator_id for o in session.scalars(select(MaintenanceOrder))} == {due.own.id, due.foreign.id}
    periods = session.scalars(select(OverduePeriod)).all()
    # Two limits ran out on each: the nights that were missed are caught up.
    assert len(periods) == 4
    with transaction(session):
        now = clock.now()
        assert not schedule.run(session, clock.local_day(now), now).changed


@pytest.mark.feature("PLN-03")
def test_few_elevators_are_one_job(app: Any, due: World) -> None:
    with app.app_context():
        entered = nightly.schedule()
    assert len(entered) == 1
    job = due.session.get(Job, entered[0])
    assert job is not None and "region" not in job.params
