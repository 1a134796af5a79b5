"""Running a job: in its owner's name as he is now, once, with an end that says what happened."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import clock
from app.errors import refuse
from app.extensions import db
from app.models import Account, Attachment, AuditEntry, Elevator, Job, LoginGuard
from app.permissions import SYSTEM
from app.tasks import MODULES
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.core import audit, jobs
from tests.factories import World

Handler = Callable[[running.JobContext], Any]


@pytest.fixture
def run(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, Job]]:
    """Enter an export of the clerk's with this handler, run it as a worker does, and give outcome and row."""
    for module in MODULES:
        import_module(module)

    def go(handler: Handler, who: Any = None, before: Callable[[], None] | None = None) -> tuple[str, Job]:
        monkeypatch.setitem(running.HANDLERS, "export", handler)
        with transaction(world.session):
            owner = who or world.actor("clerk")
            job_id = jobs.enqueue(world.session, owner, clock.now(), "export", "电梯导出", {"q": "x"}).id
        if before:
            before()
        with app.app_context():
            outcome = running.run(job_id)
        world.session.expire_all()
        return outcome, world.session.get(Job, job_id)

    return go


def test_a_handler_gets_its_parameters_and_its_owners_eyes(run: Any, world: World) -> None:
    def handler(context: running.JobContext) -> dict[str, Any]:
        assert context.params == {"q": "x"} and context.actor.via == "job"
        return {"seen": list(context.session.scalars(select(Elevator.id)))}

    outcome, job = run(handler)
    assert (outcome, job.state, job.result) == ("done", "done", {"seen": [world.own.id]})


def changed(world: World, **values: Any) -> Callable[[], None]:
    """What happens to the clerk's account between entering the job and its start."""

    def change() -> None:
        with transaction(world.session):
            world.session.execute(update(Account).where(Account.id == world.accounts["clerk"].id).values(**values))

    return change


@pytest.mark.feature("ACC-04")
def test_an_administrators_lock_ends_a_job_and_a_strangers_guessing_does_not(run: Any, world: World) -> None:
    until = clock.now() + dt.timedelta(days=1)
    outcome, job = run(lambda context: {"n": 1}, before=changed(world, locked_until=until))
    assert (outcome, job.result) == ("failed", None) and "账号已被管理员锁定" in job.error
    gone = clock.now() - dt.timedelta(seconds=1)
    assert run(lambda context: {"n": 1}, before=changed(world, locked_until=gone))[0] == "done"

    def guessed() -> None:
        with transaction(world.session) as session:
            key = f"account:{world.accounts['clerk'].id}"
            session.add(LoginGuard(key=key, tries=9, last_try_at=clock.now(), locked_until=until))

    assert run(lambda context: {"n": 1}, before=guessed)[0] == "done"


@pytest.mark.feature("ACC-15")
def test_a_job_from_before_a_new_password_goes_on_when_its_owner_says_so(
    app: Any, run: Any, world: World
) -> None:
    moved = changed(world, session_epoch=Account.session_epoch + 1)
    outcome, job = run(lambda context: {"n": 1}, before=moved)
    assert (outcome, job.result) == ("failed", None) and "核对后重试" in job.error
    for who, becomes in (("platform_admin", "failed"), ("clerk", "done")):
        with transaction(world.session):
            jobs.retry(world.session, world.actor(who), job.id, clock.now())
        with app.app_context():
            assert running.run(job.id) == becomes, who
    # One that was entered by a product which did not keep it.
    old = run(lambda context: {"n": 1}, before=lambda: (moved(), forgotten(world)))
    assert old[0] == "done"


def forgotten(world: World) -> None:
    with transaction(world.session) as session:
        job = session.scalar(select(Job).order_by(Job.id.desc()).limit(1))
        job.params = {"q": "x"}


def test_a_message_sent_twice_runs_once(run: Any, app: Any) -> None:
    outcome, job = run(lambda context: {"n": 1})
    with app.app_context():
        assert running.run(job.id) == "skipped"
    assert (outcome, job.tries) == ("done", 1)


def test_a_refusal_ends_the_job_in_its_own_words_and_undoes_its_work(run: Any, world: World) -> None:
    def handler(context: running.JobContext) -> None:
        with transaction(context.session):
            audit.record(context.session, context.actor, clock.now(), "half", "unit", 1)
            raise refuse("导出行数", "共 2,000,000 行，最多 1,000,000 行", "请缩小筛选范围")

    outcome, job = run(handler)
    assert (outcome, job.state) == ("failed", "failed")
    assert "最多 1,000,000 行" in job.error and "缩小筛选" in job.error
    assert world.session.query(AuditEntry).filter_by(action="half").count() == 0


def test_an_accident_is_told_by_number_and_not_by_its_inside(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    outcome, job = run(lambda context: 1 / 0)
    assert outcome == "failed" and "ZeroDivision" not in job.error
    number = job.error.split("事件编号 ")[1][:8]
    assert number in caplog.text and "ZeroDivisionError" in caplog.text


def test_rights_taken_away_meanwhile_hold(run: Any, world: World) -> None:
    def demote() -> None:
        role = type(world.accounts["clerk"].roles[0])
        worker = world.session.scalars(select(role).where(role.name == "worker")).one()
        world.accounts["clerk"].roles = [worker]
        world.session.commit()

    outcome, job = run(lambda context: {"n": 1}, before=demote)
    assert (outcome, job.state) == ("failed", "failed") and "权限" in job.error


def test_the_job_of_a_closed_account_does_not_run(run: Any, world: World) -> None:
    def close() -> None:
        world.accounts["clerk"].active = False
        world.session.commit()

    outcome, job = run(lambda context: {"n": 1}, before=close)
    assert outcome == "failed" and "账号已停用" in job.error


def test_progress_shows_while_the_handler_works(run: Any, database: Any) -> None:
    seen: list[Any] = []

    def handler(context: running.JobContext) -> None:
        context.progress(3, 3, "第 3 页")
        with Session(database.engine) as other:
            job = other.get(Job, context.job_id)
            seen.append((job.done, job.total, job.message))

    run(handler)
    assert seen == [(3, 3, "第 3 页")]


def test_progress_inside_a_writing_transaction_does_not_lock_itself_out(run: Any) -> None:
    def handler(context: running.JobContext) -> None:
        with transaction(context.session):
            audit.record(context.session, context.actor, clock.now(), "deed", "unit", 1)
            context.session.flush()
            context.progress(1, 1)

    outcome, job = run(handler)
    assert (outcome, job.done) == ("done", 1)


def test_a_worker_thought_dead_commits_nothing_more(run: Any, database: Any, world: World) -> None:
    """Its job was given to another while it slept: the fence refuses its commit."""

    def handler(context: running.JobContext) -> None:
        with Session(database.engine) as reaper, transaction(reaper):
            reaper.execute(
                update(Job).where(Job.id == context.job_id).values(heartbeat_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
            )
            assert jobs.reap(reaper, clock.now(), 60).again == [context.job_id]
        with transaction(context.session):
            audit.record(context.session, context.actor, clock.now(), "late", "unit", 1)

    outcome, job = run(handler)
    assert (outcome, job.state) == ("lost", "queued")
    assert world.session.query(AuditEntry).filter_by(action="late").count() == 0


def test_work_and_end_can_be_one_commit(run: Any, world: World) -> None:
    def handler(context: running.JobContext) -> None:
        with transaction(context.session):
            audit.record(context.session, context.actor, clock.now(), "last", "unit", 1)
            context.finish({"rows": 7})

    outcome, job = run(handler)
    assert (outcome, job.state, job.result) == ("done", "done", {"rows": 7})


def test_a_result_file_is_the_owners(run: Any, world: World, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("识别码\n200001\n", encoding="utf-8-sig")

    def handler(context: running.JobContext) -> dict[str, Any]:
        context.attach(file, "电梯清单.csv")
        return {"rows": 1}

    _, job = run(handler)
    row = world.session.get(Attachment, job.attachment_id)
    assert (row.name, row.kind, row.uploaded_by_id) == ("电梯清单.csv", "export", world.accounts["clerk"].id)


def test_the_heartbeat_goes_on_while_a_statement_lasts(run: Any, app: Any, database: Any) -> None:
    """The handler waits for its own heartbeat: without the thread this would never end well."""
    app.config["JOB_STALE_SECONDS"], before = 1, app.config["JOB_STALE_SECONDS"]

    def handler(context: running.JobContext) -> dict[str, bool]:
        def beats() -> Any:
            with Session(database.engine) as other:
                return other.get(Job, context.job_id).heartbeat_at

        first, patience = beats(), threading.Event()
        for _ in range(400):
            if beats() != first:
                return {"alive": True}
            patience.wait(0.05)
        return {"alive": False}

    try:
        _, job = run(handler)
    finally:
        app.config["JOB_STALE_SECONDS"] = before
    assert job.result == {"alive": True}


def test_the_night_is_entered_once(app: Any, session: Any) -> None:
    from app.tasks import nightly

    with app.app_context():
        first = nightly.enter("schedule", dt.date(2026, 3, 1))
        assert first and nightly.enter("schedule", dt.date(2026, 3, 1)) is None
        assert nightly.enter("schedule", dt.date(2026, 3, 2))
        assert nightly.enter("age", dt.date(2026, 3, 1))
        with transaction(db.session):
            token = jobs.claim(db.session, first, clock.now())
            assert token
            jobs.fail(db.session, first, token, clock.now(), "x")
        assert nightly.enter("schedule", dt.date(2026, 3, 1)), "a failed night may be entered again"


@pytest.mark.feature("AUD-01")
def test_sealing_keeps_the_heads_beside_the_database(app: Any, session: Any) -> None:
    from app.tasks.audit import seal

    with transaction(session):
        audit.record(session, SYSTEM, clock.now(), "x", "unit", 1)
    file = Path(app.config["DATA_DIR"]) / audit.HEADS_FILE
    file.unlink(missing_ok=True)
    with app.app_context():
        assert seal() == 1 and seal() == 0
    assert audit.read_heads(file.read_text()) == dict(audit.heads(session))


@pytest.fixture
def night(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the real schedule handler as a regional administrator's job, with these parameters."""

    def go(world: World, persona: str, params: dict[str, Any]) -> tuple[str, Job]:
        real = running.HANDLERS["schedule"]

        def handler(context: running.JobContext) -> Any:
            context.params = params
            return real(context)

        return run(handler, world.actor(persona))

    return go


@pytest.mark.feature("PLN-03")
def test_the_schedule_runs_as_a_job_within_the_owners_region(night: Any, world: World) -> None:
    outcome, job = night(world, "region_admin", {"on": clock.today().isoformat()})
    assert (outcome, job.error) == ("done", None)
    assert (job.result["region"], job.result["on"]) == ("980402000000", clock.today().isoformat())


@pytest.mark.feature("PLN-03")
@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"on": "2026-03-01", "region": "980403000000"}, "管辖范围"), ({"on": "gestern"}, "不是日期"), ({}, "不是日期"),
        ({"on": "9999-12-31"}, "还没有到"),
    ],
)  # fmt: skip
def test_a_schedule_beyond_region_or_day_is_refused(night: Any, world: World, params: Any, word: str) -> None:
    outcome, job = night(world, "region_admin", params)
    assert outcome == "failed" and word in job.error


def test_between_two_steps_others_may_write_to_sqlite(run: Any, world: World, monkeypatch: Any) -> None:
    """Not while the job itself writes, nor more often than it shows its progress, nor when it is done."""
    waited: list[float] = []
    monkeypatch.setattr(running, "TURN_SECONDS", 0.12)  # tests leave none
    monkeypatch.setattr(running.time, "sleep", waited.append)
    counts: list[int] = []

    def handler(context: running.JobContext) -> None:
        context.progress(0, 3)
        counts.append(len(waited))
        context.progress(1, 3)
        counts.append(len(waited))
        context._shown = 0.0
        with transaction(context.session):
            context.progress(2, 3)
        context.progress(3, 3)
        counts.append(len(waited))

    outcome, _job = run(handler)
    turns = int(world.session.get_bind().dialect.name == "sqlite")
    assert (outcome, counts, waited) == ("done", [turns] * 3, [0.12] * turns)
