"""Jobs as rows: claimed once, kept alive, taken up again when their worker dies, given up with a clear word."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Job, Notification
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.core import jobs
from tests.factories import World

pytestmark = pytest.mark.feature("STA-01")
AT = dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def sent() -> Any:
    """The ids that were announced."""
    ids: list[int] = []
    with jobs.job_queued.connected_to(ids.append):
        yield ids


def enter(session: Any, actor: Any = SYSTEM, kind: str = "export", at: dt.datetime = AT) -> int:
    with transaction(session):
        return jobs.enqueue(session, actor, at, kind, "电梯导出", {"q": "云樾"}).id


def claim(session: Any, job_id: int, at: dt.datetime = AT) -> str | None:
    with transaction(session):
        return jobs.claim(session, job_id, at)


def test_a_job_is_announced_after_the_commit_and_not_when_rolled_back(session: Any, sent: list[int]) -> None:
    with pytest.raises(RuntimeError), transaction(session):
        jobs.enqueue(session, SYSTEM, AT, "export", "x")
        raise RuntimeError
    assert sent == []
    with transaction(session):
        job = jobs.enqueue(session, SYSTEM, AT, "export", "x")
        assert sent == []
    assert sent == [job.id]


def test_who_may_not_do_it_may_not_enqueue_it(session: Any, world: World) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        jobs.enqueue(session, world.actor("worker"), AT, "export", "x")
    with pytest.raises(NotAllowed), transaction(session):
        jobs.enqueue(session, world.actor("clerk"), AT, "schedule", "x")


def test_one_account_cannot_fill_the_queue(session: Any, world: World) -> None:
    for _ in range(jobs.MOST_UNFINISHED):
        enter(session, world.actor("clerk"))
    with pytest.raises(Refusal, match="未完成的任务"):
        enter(session, world.actor("clerk"))
    enter(session, world.actor("maintenance_head"))


def test_parallel_claims_have_one_winner(database: Any) -> None:
    with Session(database.engine) as session:
        ids = [enter(session) for _ in range(6)]
    won: list[int] = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        with Session(database.engine) as own:
            for job_id in ids:
                if claim(own, job_id):
                    won.append(job_id)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == ids


def test_progress_counts_as_life_and_the_end_is_told(session: Any, world: World) -> None:
    job_id = enter(session, world.actor("clerk"))
    token = claim(session, job_id)
    assert token
    with transaction(session):
        jobs.progress(session, job_id, token, AT + 50 * SECOND, 30, 100, "第 30 行")
    with transaction(session):
        assert jobs.reap(session, AT + 100 * SECOND, 60).again == []
    with transaction(session):
        jobs.finish(session, job_id, token, AT + 101 * SECOND, {"rows": 100})
    job = session.get(Job, job_id)
    assert (job.state, job.done, job.total, job.result) == ("done", 100, 100, {"rows": 100})
    notice = session.query(Notification).one()
    assert (notice.recipient_id, notice.link) == (world.accounts["clerk"].id, f"/jobs/{job_id}")


def test_a_silent_worker_loses_its_claim_and_can_write_no_more(session: Any, sent: list[int]) -> None:
    job_id = enter(session)
    dead = claim(session, job_id)
    assert dead
    with transaction(session):
        assert jobs.reap(session, AT + 59 * SECOND, 60).again == []
    with transaction(session):
        assert jobs.reap(session, AT + 61 * SECOND, 60).again == [job_id]
    assert sent == [job_id, job_id]
    alive = claim(session, job_id, AT + 62 * SECOND)
    assert alive and alive != dead
    for write in (
        lambda: jobs.show_life(session, job_id, dead, AT),
        lambda: jobs.progress(session, job_id, dead, AT, 1, 2),
        lambda: jobs.finish(session, job_id, dead, AT, {}),
        lambda: jobs.fail(session, job_id, dead, AT, "x"),
    ):
        with pytest.raises(jobs.ClaimLost), transaction(session):
            write()
    with transaction(session):
        jobs.finish(session, job_id, alive, AT + 63 * SECOND, {})


def test_after_three_deaths_a_job_fails_clearly_and_can_be_retried(session: Any, world: World, sent: list[int]) -> None:
    clerk, at = world.actor("clerk"), AT
    job_id = enter(session, clerk)
    for _ in range(jobs.MOST_TRIES):
        assert claim(session, job_id, at)
        at += 100 * SECOND
        with transaction(session):
            reaped = jobs.reap(session, at, 60)
    assert reaped.given_up == [job_id]
    job = session.get(Job, job_id)
    assert job.state == "failed" and "意外中断" in job.error and "重试" in job.error
    with pytest.raises(NotFound), transaction(session):
        jobs.retry(session, world.actor("other_head"), job_id, at)
    with transaction(session):
        jobs.retry(session, clerk, job_id, at)
    assert claim(session, job_id, at)
    with pytest.raises(Refusal, match="只有失败"), transaction(session):
        jobs.retry(session, clerk, job_id, at)


def test_a_lost_message_is_sent_again(session: Any, sent: list[int]) -> None:
    job_id = enter(session)
    with transaction(session):
        assert jobs.reap(session, AT + 29 * SECOND, 60).again == []
    with transaction(session):
        assert jobs.reap(session, AT + 31 * SECOND, 60).again == [job_id]
    with transaction(session):
        assert jobs.reap(session, AT + 32 * SECOND, 60).again == []
    assert sent == [job_id, job_id]


def test_a_passing_fault_is_tried_again_three_times_at_most(session: Any) -> None:
    job_id, outcome = enter(session), []
    for _ in range(jobs.MOST_TRIES):
        token = claim(session, job_id)
        assert token
        with transaction(session):
            outcome.append(jobs.give_back(session, job_id, token, AT, "数据库暂时不可用"))
    assert outcome == [True, True, False]
    assert session.get(Job, job_id).state == "failed"


def test_two_reapers_do_not_take_a_job_twice(database: Any) -> None:
    with Session(database.engine) as session:
        ids = [enter(session) for _ in range(4)]
        for job_id in ids:
            claim(session, job_id)
    found: list[int] = []
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        with Session(database.engine) as own, transaction(own):
            found.extend(jobs.reap(own, AT + 100 * SECOND, 60).again)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ids


def test_a_service_shows_life(session: Any) -> None:
    from app.models import ServiceHeartbeat

    for second in range(2):
        with transaction(session):
            jobs.show_service(session, "tasks", clock.now() + second * SECOND)
    assert session.query(ServiceHeartbeat).count() == 1


def test_whoever_waits_is_told_why(session: Any) -> None:
    """Not at once; then whether nobody works at all, or how many are ahead; once it began, nothing."""
    first, second = enter(session), enter(session)
    soon, late = AT + 5 * SECOND, AT + 60 * SECOND

    def why(job_id: int, at: dt.datetime) -> str | None:
        return jobs.why_waiting(session, session.get(Job, job_id), at)

    assert why(second, soon) is None
    assert "暂时没有运行" in str(why(second, late))
    with transaction(session):
        jobs.show_service(session, "worker", AT)
    session.expire_all()
    assert "前面还有 1 个任务" in str(why(second, late)) and why(first, late) is None
    assert "暂时没有运行" in str(why(first, AT + jobs.SILENT_AFTER + SECOND))
    assert claim(session, first, late)
    session.expire_all()
    assert why(first, late) is None and "前面还有 1 个任务" in str(why(second, late))
