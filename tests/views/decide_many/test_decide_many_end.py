"""批量审批 (LIF-08): what ends the job before its time: its owner, his right, his session."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Account, Application, AuditEntry, Job, Notification
from app.tasks.jobs import JobContext, run
from app.telling import told
from app.transaction import transaction
from app.wording import again
from app.workflows.core import jobs
from app.workflows.desk import applications
from tests.conftest import csrf
from tests.factories import World
from tests.views.decide_many.ground import FEW, entered, sheet, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-08")


def test_an_officer_whose_right_is_taken_away_stops_there(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, real, calls = sign_in(world.accounts["inspector"]), applications.decide, []
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})

    def decided(*args: Any, **more: Any) -> Any:
        calls.append(args)
        made = real(*args, **more)
        if len(calls) == 2:
            # In the same transaction, so that it is there when the third comes.
            account = db.session.get(Account, world.accounts["inspector"].id)
            account.roles = []
        return made

    monkeypatch.setattr(applications, "decide", decided)
    work(app, session)
    fresh(session)
    assert len(calls) == 2 and sorted(row.state for row in waiting) == ["approved"] * 2 + ["submitted"] * 2
    assert (job.state, job.result["decided"], job.result["refused"]) == ("done", 2, 2)
    assert len(job.result["left"]) == 2 and "您已不能审批，从第 3 件起没有办理" in told(again(job.result["stopped"]))


def stopped_at(monkeypatch: pytest.MonkeyPatch, client: Any, job: Job, number: int) -> list[Any]:
    """The owner presses 停止 while this one is decided; the answers to his presses."""
    real, calls, answers = JobContext.stop_asked, [], []

    def asked(context: JobContext) -> bool:
        calls.append(1)
        if len(calls) == number:
            db.session.rollback()
            for _press in range(2):
                answers.append(client.post(f"/jobs/{job.id}/stop", data={"csrf_token": csrf(client)}))
        return real(context)

    monkeypatch.setattr(JobContext, "stop_asked", asked)
    return answers


def test_its_owner_stops_it_before_the_next_one(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["inspector"])
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    assert f'action="/jobs/{job.id}/stop"' in client.get(f"/jobs/{job.id}").text
    answers = stopped_at(monkeypatch, client, job, 3)
    work(app, session)
    fresh(session)
    assert [answer.status_code for answer in answers] == [302, 302], "asked twice it is asked"
    assert [row.state for row in waiting] == ["approved"] * 2 + ["submitted"] * 2
    assert (job.state, job.result["decided"], job.result["refused"], job.done) == ("done", 2, 2, 2)
    assert "您停止了任务，从第 3 件起没有办理" in told(again(job.result["stopped"]))
    page = client.get(f"/jobs/{job.id}").text
    assert "提前停止" in page and f"/jobs/{job.id}/stop" not in page and f"/jobs/{job.id}/retry" not in page
    assert all(row.number in page for row in waiting[2:]) and page.count("您停止了任务，没有办理") == 1, "said once"
    assert 'aria-valuenow="50"' in page
    _head, *rows = sheet(client, job)
    assert {row[0]: (row[4], row[5]) for row in rows} == {
        **{row.number: ("已办理", None) for row in waiting[:2]},
        **{row.number: ("未办理", "您停止了任务，没有办理") for row in waiting[2:]},
    }
    traces = session.scalars(select(AuditEntry).where(AuditEntry.action == "job.stop")).all()
    assert [(one.entity_id, one.actor_id) for one in traces] == [(job.id, world.accounts["inspector"].id)]
    assert "任务提前停止" in session.scalars(select(Notification.title).where(Notification.topic == "job")).one()
    late = client.post(f"/jobs/{job.id}/stop", data={"csrf_token": csrf(client)}, follow_redirects=True)
    assert "任务已经结束" in late.text


def test_one_that_waits_is_stopped_before_its_first(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    for persona in ("region_admin", "other_inspector", "platform_admin"):
        other = sign_in(world.accounts[persona])
        answer = other.post(f"/jobs/{job.id}/stop", data={"csrf_token": csrf(other)}, follow_redirects=True)
        assert answer.status_code == 404 or "只有发起人能停止这个任务" in answer.text, persona
        session.rollback()
        assert session.get(Job, job.id, populate_existing=True).stop_asked_at is None, persona
    answer = client.post(f"/jobs/{job.id}/stop", data={"csrf_token": csrf(client)}, follow_redirects=True)
    assert "正在停止" in answer.text and client.get(f"/jobs/{job.id}.json").json["stopping"]
    work(app, session)
    fresh(session)
    assert {row.state for row in waiting} == {"submitted"}
    assert (job.state, job.result["decided"], job.result["refused"], job.done) == ("done", 0, FEW, 0)


def test_asked_again_after_a_stop_it_is_another_job(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    first = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    client.post(f"/jobs/{first.id}/stop", data={"csrf_token": csrf(client)})
    second = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    assert second.id != first.id
    work(app, session)
    fresh(session)
    assert (first.result["decided"], second.result["decided"]) == (0, len(waiting))


@pytest.mark.parametrize("who", ["inspector", "platform_admin"])
def test_what_was_stopped_goes_on_only_where_its_owner_retries_it(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch,
    who: str,
) -> None:
    client = sign_in(world.accounts["inspector"])
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    client.post(f"/jobs/{job.id}/stop", data={"csrf_token": csrf(client)})
    with monkeypatch.context() as patch:
        patch.setattr(JobContext, "stop_asked", lambda _context: 1 / 0)
        session.rollback()
        with app.app_context():
            assert run(job.id) == "failed"
    fresh(session)
    with transaction(session):
        jobs.retry(session, world.actor(who), job.id, clock.now())
    work(app, session)
    fresh(session)
    assert job.result["decided"] == (FEW if who == "inspector" else 0)


@pytest.mark.parametrize("what", ["locked", "signed out"])
def test_what_ends_the_officers_session_ends_his_job(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    client, real, calls = sign_in(world.accounts["inspector"]), applications.decide, []
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})

    def decided(*args: Any, **more: Any) -> Any:
        calls.append(args)
        made, account = real(*args, **more), db.session.get(Account, world.accounts["inspector"].id)
        if what == "locked":
            account.locked_until = clock.now() + dt.timedelta(days=30)
        else:
            account.session_epoch += 1
        return made

    monkeypatch.setattr(applications, "decide", decided)
    work(app, session)
    fresh(session)
    assert len(calls) == 1 and sorted(row.state for row in waiting) == ["approved"] + ["submitted"] * 3
    assert (job.state, job.result["decided"], job.result["refused"]) == ("done", 1, 3)
    why = "账号已被管理员锁定" if what == "locked" else "已被全部退出"
    assert why in str(job.result["left"][0][2])
    assert all(name.startswith("编号 ") for name, _link, _why in job.result["left"]), "he sees nothing any more"
