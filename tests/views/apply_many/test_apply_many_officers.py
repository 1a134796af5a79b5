"""批量申请: officers find a batch, decide all of it, and are told of it once until it is settled."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock, scope
from app.models import Application, Elevator, Job, Notification
from app.tasks.jobs import JobContext, run
from app.transaction import transaction
from app.workflows.desk import applications, apply_many
from tests.conftest import csrf
from tests.factories import World
from tests.views.apply_many.ground import FEW, checked, confirm, made
from tests.views.decide_many.ground import entered, killed
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-02")


@pytest.mark.feature("LIF-08")
def test_the_officer_finds_a_batch_and_decides_all_of_it(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    with scope.acting(world.actor("use_head")), transaction(session):
        applications.apply(
            session, world.actor("use_head"), "suspension", world.own, effective_on=clock.today(), reason="单独一台",
            at=clock.now(),
        )  # fmt: skip
    job = confirm(session, client, checked(app, session, client))
    work(app, session)
    officer = sign_in(world.accounts["inspector"])
    queue = officer.get("/applications/queue").text
    assert "同一批" in queue and f"batch={job.id}" in queue and world.own.code in queue
    narrowed = officer.get(f"/applications/queue?batch={job.id}&size=3").text
    assert world.own.code not in narrowed and f"筛选出的全部 {FEW} 件，不只是本页" in narrowed
    one = made(session)[-1]
    assert f'href="/applications/queue?batch={job.id}"' in officer.get(f"/applications/{one.id}").text
    assert f'href="/applications/{one.id}?batch={job.id}"' in narrowed or f"/applications/{one.id}" not in narrowed
    # Opened from its batch, what follows is of the batch, too, to its end.
    inside = officer.get(f"/applications/{one.id}?batch={job.id}").text
    assert f"共 {FEW} 件" in inside and f"共 {FEW + 1} 件" in officer.get(f"/applications/{one.id}").text
    assert f"共 {FEW + 1} 件" in officer.get(f"/applications/{one.id}?batch={job.id + 1}").text, "of no other batch"
    assert f'action="/applications/{one.id}/decision?batch={job.id}"' in inside
    answer = officer.post(f"/applications/{one.id}/decision?batch={job.id}", data={
        "verb": "approve", "seen_version": one.row_version, "csrf_token": csrf(officer),
    })  # fmt: skip
    batch = {row.id for row in made(session) if row.batch == job.id} - {one.id}
    assert answer.location in {f"/applications/{key}?batch={job.id}" for key in batch}
    data = {"verb": "approve", "every": "1", "tab": "office", "kind": "", "q": "", "batch": str(job.id)}
    entered(session, officer, data)
    work(app, session)
    states = {row.elevator_id: row.state for row in made(session)}
    assert states.pop(world.own.id) == "submitted" and set(states.values()) == {"approved"}
    session.expire_all()
    assert {row.status for row in chosen} == {"suspended"} and world.own.status == "in_use"
    notice = session.scalars(select(Notification).where(
        Notification.topic == "approval", Notification.link == f"/applications/queue?batch={job.id}"
    )).all()  # fmt: skip
    assert notice and all(one.read_at is not None for one in notice), "what it asked for is done"
    assert "这一批没有等待您审批的了" in officer.get(f"/applications/queue?batch={job.id}").text


def waiting_notices(session: Any, job: Job) -> list[bool]:
    """Of the notices to officers of a batch, whether each still waits to be read."""
    asked = select(Notification.read_at).where(
        Notification.topic == "approval", Notification.link == f"/applications/queue?batch={job.id}"
    )
    fresh(session)
    return [at is None for at in session.scalars(asked.execution_options(skip_scope=True))]


def approve(session: Any, world: World, row: Application) -> None:
    with transaction(session):
        applications.decide(session, world.actor("inspector"), row.id, "approve", "", row.row_version, clock.now())


@pytest.mark.feature("LIF-08")
def test_what_officers_were_told_of_a_batch_stays_while_it_is_handed_in(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    real, seen = apply_many.apply_one, list[list[bool]]()

    def decided_at_once(*args: Any) -> Any:
        row = real(*args)
        with scope.acting(world.actor("inspector")):
            approve(session, world, row)
        seen.append(waiting_notices(session, job))
        return row

    monkeypatch.setattr(apply_many, "apply_one", decided_at_once)
    work(app, session)
    assert len(seen) == FEW and all(seen[0]) and seen[0] and all(one == seen[0] for one in seen), "more are to come"
    assert not any(waiting_notices(session, job)), "none waits, none will come"


@pytest.mark.feature("LIF-08")
def test_the_last_of_a_batch_that_is_withdrawn_settles_it(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    work(app, session)
    *first, last = made(session)
    for row in first:
        with scope.acting(world.actor("inspector")):
            approve(session, world, row)
    assert all(waiting_notices(session, job))
    with scope.acting(world.actor("use_head")), transaction(session):
        applications.withdraw(session, world.actor("use_head"), last.id, clock.now())
    assert not any(waiting_notices(session, job))


@pytest.mark.feature("LIF-08")
def test_a_job_that_fails_leaves_no_notice_of_what_is_decided(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))

    def decided_then_dies(_context: Any, done: int, *_: Any) -> None:
        if done == 2:
            for row in made(session):
                with scope.acting(world.actor("inspector")):
                    approve(session, world, row)
            assert any(waiting_notices(session, job)), "more may come"
            session.rollback()
            raise RuntimeError("a fault")

    session.rollback()
    with monkeypatch.context() as while_it_runs, app.app_context():
        while_it_runs.setattr(JobContext, "progress", decided_then_dies)
        assert run(job.id) == "failed"
    assert len(made(session)) == 2 and not any(waiting_notices(session, job)), "none waits, none comes"
    # Taken up again it hands in more, of which officers hear: what told them of the first ones is read.
    answer = client.post(f"/jobs/{job.id}/retry", data={"csrf_token": csrf(client)})
    assert answer.status_code == 302
    work(app, session)
    notices = waiting_notices(session, job)
    assert len(made(session)) == FEW and sum(notices) * 2 == len(notices) > 0, "each is told once more"


@pytest.mark.feature("LIF-08")
def test_who_was_told_of_a_batch_and_has_not_read_it_is_not_told_again(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    killed(app, session, monkeypatch, job.id)
    before = waiting_notices(session, job)
    assert before and all(before)
    client.post(f"/jobs/{job.id}/retry", data={"csrf_token": csrf(client)})
    work(app, session)
    assert len(made(session)) == FEW and waiting_notices(session, job) == before


@pytest.mark.feature("LIF-08")
@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")  # SQLite has one writer at a time
def test_two_who_decide_the_last_two_of_a_batch_leave_no_notice(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], database: Any
) -> None:
    """Neither sees what the other has not committed yet; so it is with the job that ends meanwhile."""
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    work(app, session)
    *first, one, other = made(session)
    officer = world.actor("inspector")
    for row in first:
        with scope.acting(officer):
            approve(session, world, row)
    keys = [(row.id, row.row_version) for row in (one, other)]
    session.rollback()
    done = threading.Event()

    def decide(own: Any, key: int, version: int) -> None:
        with scope.acting(officer):
            applications.decide(own, officer, key, "approve", "", version, clock.now())

    def at_the_same_time() -> None:
        with Session(database.engine) as own, transaction(own):
            decide(own, *keys[1])
        done.set()

    with Session(database.engine) as own:
        with transaction(own):
            decide(own, *keys[0])
            thread = threading.Thread(target=at_the_same_time)
            thread.start()
            assert not done.wait(0.5), "it waits for the first, who may be the last but one"
        thread.join(30)
    assert done.is_set() and not any(waiting_notices(session, job))
