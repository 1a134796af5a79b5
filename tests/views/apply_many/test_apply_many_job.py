"""批量申请: the job applies for each once, and killed, stopped or at midnight says what was left."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.models import Attachment, Elevator, Job, Notification
from app.tasks.jobs import JobContext, run
from app.telling import told as said
from app.transaction import transaction
from app.views.frame.jobs import OF_KIND, RESULT
from app.wording import again
from app.workflows.core import jobs
from app.workflows.desk import applications, apply_many
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import DAY, FEW, checked, confirm, made, send
from tests.views.decide_many.ground import killed, sheet
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("LIF-02")


@pytest.mark.feature("NTF-01")
def test_the_notice_of_an_end_says_what_came_of_it(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    with scope.acting(world.actor("use_head")), transaction(session):
        for row in chosen[:FEW]:
            applications.apply(
                session, world.actor("use_head"), "scrapping", row, effective_on=clock.today(), reason="报废",
                at=clock.now(),
            )  # fmt: skip
    work(app, session)
    told = {
        one.link: said(one.body) for one in session.scalars(select(Notification).where(Notification.topic == "job"))
    }
    assert told[f"/jobs/{job.id}"] == f"已申请 0 台，没有申请 {FEW} 台"
    assert f"可以申请 {FEW} 台，不能申请 1 台" in told.values()


def test_every_count_that_a_notice_names_stands_in_the_words_of_the_jobs_page() -> None:
    for kind, sentence in jobs.OUTCOME.items():
        for name in re.findall(r"%\((\w+)\)s", sentence):
            assert name in RESULT | OF_KIND.get(kind, {}), (kind, name)


@pytest.mark.parametrize("way", ["reaped", "retried"])
def test_a_killed_job_goes_on_and_applies_for_none_twice(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    killed(app, session, monkeypatch, job.id)
    assert len(made(session)) == 2
    if way == "retried":
        client.post(f"/jobs/{job.id}/retry", data={"csrf_token": csrf(client)})
    else:
        with transaction(session):
            session.execute(Job.__table__.update().where(Job.id == job.id).values(state="queued"))
    # Decided meanwhile, it is done all the same.
    work(app, session)
    rows = made(session)
    session.expire_all()
    assert sorted(row.elevator_id for row in rows) == sorted(row.id for row in chosen[:FEW])
    assert (job.state, job.result["applied"], job.result["refused"]) == ("done", FEW, 0)


def test_its_owner_stops_it_and_what_changed_since_is_refused_by_itself(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    job = confirm(session, client, check)
    first = next(row for row in chosen if row.id == check.result["ids"][0])
    with scope.acting(world.actor("use_head")), transaction(session):
        applications.apply(
            session, world.actor("use_head"), "scrapping", first, effective_on=clock.today(), reason="报废",
            at=clock.now(),
        )  # fmt: skip
    calls: list[int] = []

    def asked(_context: JobContext) -> bool:
        calls.append(1)
        return len(calls) == 3

    monkeypatch.setattr(JobContext, "stop_asked", asked)
    work(app, session)
    session.expire_all()
    assert (job.result["applied"], job.result["refused"]) == (1, FEW - 1)
    assert said(again(job.result["stopped"])) == "您停止了任务，从第 3 台起没有申请"
    page = client.get(f"/jobs/{job.id}").text
    assert "没有申请的" in page and "正在办理" in page and "您停止了任务，没有申请" in page
    _head, *lines = sheet(client, job)
    assert [line[2] for line in lines] == ["没有申请"] * (FEW - 1) + ["已申请"]


@pytest.mark.feature("ACC-01")
def test_nobody_applies_for_others_nor_without_the_right(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    worker = sign_in(world.accounts["worker"])
    assert "批量申请" not in worker.get("/elevators/").text
    assert send(worker).status_code in (302, 403) and session.scalar(select(func.count()).select_from(Job)) == 0
    session.rollback()
    other = sign_in(world.accounts["other_head"])
    assert send(other).location == "/elevators/", "none of these are theirs"
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    assert other.get(f"/applications/many/checked/{check.id}").status_code == 404
    token = {"csrf_token": csrf(other)}
    assert other.post(f"/applications/many/checked/{check.id}", data=token).status_code == 404
    job = confirm(session, client, check)
    # Signed out everywhere meanwhile, by a new password for one.
    with transaction(session):
        world.accounts["use_head"].session_epoch += 1
    session.rollback()
    with app.app_context():
        assert run(job.id) == "failed"
    assert made(session) == []


def test_files_that_are_gone_refuse_each_and_break_nothing(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    job = confirm(session, client, check)
    with transaction(session):
        session.get(Attachment, check.params["form"]["files"][0]).removed_at = clock.now()
    work(app, session)
    session.expire_all()
    assert (job.result["applied"], job.result["refused"]) == (0, FEW) and made(session) == []
    assert "请重新上传" in client.get(f"/jobs/{job.id}").text


def test_a_job_that_goes_on_over_midnight_says_why_the_others_were_left(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client))
    real, today = apply_many.apply_one, clock.today()

    def then_midnight(*args: Any) -> Any:
        row = real(*args)
        monkeypatch.setattr(clock, "today", lambda: today + DAY)
        return row

    monkeypatch.setattr(apply_many, "apply_one", then_midnight)
    work(app, session)
    session.expire_all()
    assert (job.result["applied"], job.result["refused"]) == (1, FEW - 1)
    assert said(again(job.result["stopped"])) == f"生效日期 {today} 已经过去，从第 2 台起没有申请"
    assert "请按新的日期重新核对" in sheet(client, job)[1][4]
