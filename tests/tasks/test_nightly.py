"""The night's work: one job, or one a city where there are many elevators; entered once, whatever beat asks."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.models import ElevatorLabel, Job, MaintenanceOrder, Notification, OverduePeriod, ScoreRun, Visit
from app.tasks import MODULES, nightly
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.maintenance import schedule
from app.workflows.on_site import labels
from tests.factories import World, make_clock, make_elevator, make_ledger
from tests.workflows.clock_world import add_visit


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


def entered_once(app: Any, session: Session, task: Any, kind: str) -> list[int]:
    """Ask for the night's work twice: one job where one writer works, else a job a city; nothing the second time."""
    with app.app_context():
        entered: list[int] = task()
        assert task() == []
    session.rollback()
    regions = {job.params.get("region") for job in session.scalars(select(Job).where(Job.kind == kind))}
    one_writer = session.get_bind().dialect.name == "sqlite"
    assert regions == ({None} if one_writer else {"980402000000", "980403000000"})
    assert len(entered) == len(regions)
    return entered


@pytest.mark.feature("PLN-03")
def test_shards_together_do_what_one_run_would(app: Any, due: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "SHARD_ABOVE", 0)
    monkeypatch.setattr(schedule, "CITY_WIDTH", 6)
    session = due.session
    entered = entered_once(app, session, nightly.schedule, "schedule")
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


@pytest.mark.feature("SCO-01", "MNT-08")
def test_scores_and_ageing_are_shared_out_too(app: Any, due: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "SHARD_ABOVE", 0)
    monkeypatch.setattr(schedule, "CITY_WIDTH", 6)
    session, late = due.session, clock.now() - dt.timedelta(days=3)
    left_open = {
        "state": "open", "checked_in_at": late, "checked_out_at": None,
        "received_at": late, "counted": False, "next_change_at": late + dt.timedelta(hours=8),
    }  # fmt: skip
    pairs = ((due.own, due.worker), (due.foreign, due.other_worker))
    visits = [add_visit(session, elevator, worker, clock.local_day(late), **left_open) for elevator, worker in pairs]
    session.commit()
    run_all(app, session, entered_once(app, session, nightly.age, "age"))
    assert "open" not in {session.get(Visit, visit.id).state for visit in visits}
    run_all(app, session, entered_once(app, session, nightly.scores, "nightly_scores"))
    scored = set(session.scalars(select(ScoreRun.region_code)))
    # A shard of this test is a district; each scores its own, and no two the same.
    assert scored >= {"980402000000", "980403000000"}
    told = session.execute(select(ScoreRun.region_code, ScoreRun.from_on, ScoreRun.to_on)).all()
    assert len(told) == len(set(told))


@pytest.mark.feature("PER-06")
def test_the_morning_tells_of_papers_that_end_once(app: Any, world: World) -> None:
    world.worker.certificate_until = clock.today() + dt.timedelta(days=5)
    world.session.commit()
    with app.app_context():
        entered = nightly.expiry()
        assert entered is not None and nightly.expiry() is None
    run_all(app, world.session, [entered])
    job = world.session.get(Job, entered)
    assert job.result == {"papers": 1, "notices": 2}


@pytest.mark.feature("ELV-07", "PER-06")
def test_what_goes_wrong_with_one_label_is_its_own(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other label begins, papers are told of, and the job says how many are left."""
    world.worker.certificate_until = clock.today() + dt.timedelta(days=5)
    keys = []
    for elevator in (world.own, make_elevator(world.session, use_unit=world.use_unit)):
        wanted = labels.Wanted("damaged", "", "on_scan", clock.today() + dt.timedelta(days=1))
        with transaction(world.session):
            row = labels.replace(world.session, world.actor("use_head"), elevator.id, wanted, clock.now())
            row.starts_on = clock.today()
        keys.append(row.id)
    begin = labels._begin

    def broken(session: Any, actor: Any, elevator: Any, row: ElevatorLabel, at: dt.datetime) -> None:
        if row.id == keys[0]:
            raise KeyError("out of order")
        begin(session, actor, elevator, row, at)

    for module in MODULES:
        import_module(module)
    with app.app_context():
        entered = nightly.expiry()
        assert entered is not None
        with monkeypatch.context() as now:
            now.setattr(labels, "_begin", broken)
            assert running.run(entered) == "failed"
    session = world.session
    session.rollback()
    job = session.get(Job, entered)
    assert "1 个新标牌没有启用，其余的已经启用" in job.error and "事件编号" in job.error
    begun = select(ElevatorLabel.id).where(ElevatorLabel.id.in_(keys), ElevatorLabel.begins_at.is_not(None))
    assert list(session.scalars(begun)) == [keys[1]]
    assert session.query(Notification).filter_by(topic="expiry").count() > 0
    with app.app_context():
        again = nightly.expiry()
        assert again is not None
    run_all(app, session, [again])
    assert set(session.scalars(begun)) == set(keys)
