"""批量审批 (LIF-08): ticked ones and all that the filter finds; a job decides each once, as a single press would."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app import clock, scope
from app.extensions import db
from app.models import Account, Application, ApplicationStep, AuditEntry, Elevator, Job, Notification, Unit
from app.tasks.jobs import JobContext, run
from app.telling import told
from app.transaction import transaction
from app.wording import again
from app.workflows.core import jobs
from app.workflows.desk import applications, many
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_policy
from tests.statements import statements
from tests.views.test_imports import work
from tests.workflows.filing_world import AT, decide, elevator_data, fresh, save, submit, unit_data

pytestmark = pytest.mark.feature("LIF-08")
FEW = 4


@pytest.fixture(autouse=True)
def while_none_is_late() -> Iterator[None]:
    with clock.frozen(AT + dt.timedelta(hours=1)):
        yield


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "AT_ONCE", 2)


@pytest.fixture
def waiting(session: Any, world: World) -> list[Application]:
    head = world.actor("maintenance_head")
    rows = [save(session, head, Elevator, None, elevator_data(world, code=f"3001{n:02d}")) for n in range(FEW)]
    return [submit(session, head, row) for row in rows]


def post(client: Any, data: dict[str, Any]) -> Any:
    return client.post("/applications/bulk", data=data | {"csrf_token": csrf(client)})


def fields(page: str) -> dict[str, Any]:
    """What the question's form sends."""
    form = page[page.index("data-sure") :]
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        found[name] = [*found.get(name, []), value] if name == "chosen" else value
    return found


def ticks(*rows: Application) -> list[str]:
    return [f"{row.id}:{row.row_version}" for row in rows]


def entered(session: Any, client: Any, data: dict[str, Any]) -> Job:
    """The job of a decision that was asked about and confirmed."""
    asked = post(client, data)
    assert asked.status_code == 200, asked.text
    answer = post(client, fields(asked.text) | {"opinion": data.get("opinion", "")})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide").order_by(Job.id.desc()))
    assert answer.status_code == 302 and answer.location == f"/jobs/{job.id}"
    return job


def approvals(session: Any, row: Application) -> int:
    return session.scalar(select(func.count()).where(
        ApplicationStep.application_id == row.id, ApplicationStep.verb == "approve"
    ))  # fmt: skip


def sheet(client: Any, job: Job) -> list[tuple[Any, ...]]:
    found = client.get(f"/jobs/{job.id}.json").json
    answer = client.get(found["file"])
    assert answer.status_code == 200
    return list(load_workbook(io.BytesIO(answer.data)).worksheets[0].iter_rows(values_only=True))


def test_all_that_the_filter_finds_are_decided_by_a_job(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    page = client.get("/applications/queue?size=3").text
    assert f"筛选出的全部 {FEW} 件，不只是本页" in page and 'name="every"' in page
    assert 'name="every"' not in client.get("/applications/queue").text, "the page shows all of them"
    asked = post(client, {"verb": "approve", "every": "1", "tab": "office", "kind": "", "q": "3001"})
    shown = re.sub(r"\s+", "", asked.text)
    assert f"批量同意{FEW}件申请？" in shown and f"电梯备案{FEW}件</b>" in shown and "由后台逐件核对、逐件办理" in shown
    fresh(session)
    assert {row.state for row in waiting} == {"submitted"}, "nothing is decided by asking"

    late = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world, code="300199"))
    with clock.frozen(AT + dt.timedelta(hours=2)):
        after = submit(session, world.actor("maintenance_head"), late, at=AT + dt.timedelta(hours=2))
        answer = post(client, fields(asked.text))
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert answer.location == f"/jobs/{job.id}"
    withdrawn = waiting[1]
    with scope.acting(world.actor("maintenance_head")), transaction(session):
        applications.withdraw(session, world.actor("maintenance_head"), withdrawn.id, AT + dt.timedelta(hours=1))
    work(app, session)

    fresh(session)
    others = [row for row in waiting if row is not withdrawn]
    assert {row.state for row in others} == {"approved"} and {approvals(session, row) for row in others} == {1}
    assert (withdrawn.state, after.state) == ("withdrawn", "submitted"), "moved on, and came after the question"
    assert (job.state, job.result["decided"], job.result["refused"]) == ("done", FEW - 1, 1)
    assert [key for key, _seen in many.read(job.params["chosen"])] == [row.id for row in waiting]
    traces = session.scalars(select(AuditEntry).where(
        AuditEntry.entity == "elevator", AuditEntry.action == "elevator.in_force",
        AuditEntry.entity_id.in_([row.entity_id for row in others]),
    )).all()  # fmt: skip
    assert {trace.via for trace in traces} == {"job"} and len(traces) == FEW - 1
    heard = session.scalar(select(func.count()).where(Notification.topic == "decision"))
    assert heard >= FEW - 1, "each unit reads each decision"

    page = client.get(f"/jobs/{job.id}").text
    assert f"<dt>已办理</dt><dd>{FEW - 1}</dd>" in page and "<dt>未办理</dt><dd>1</dd>" in page
    assert withdrawn.number in page and "已不在审批中" in page and "没有办理的" in page
    head, first, *rest = sheet(client, job)
    assert head[:6] == ("申请编号", "事项", "内容", "申请单位", "结果", "原因")
    assert (first[0], first[4]) == (withdrawn.number, "未办理") and "已不在审批中" in first[5]
    assert sorted(row[0] for row in rest) == sorted(row.number for row in others)
    assert {row[4] for row in rest} == {"已办理"}


def test_first_agreed_to_by_another_after_the_question_is_not_finally_approved_by_the_answer(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    make_policy(session, "second_approval", "all")
    session.commit()
    admin = sign_in(world.accounts["region_admin"])
    asked = post(admin, {"verb": "approve", "every": "1", "tab": "office"})
    assert "记为初审同意" in asked.text
    for row in waiting[:3]:
        decide(session, world.actor("inspector"), row, "approve")
    post(admin, fields(asked.text))
    work(app, session)
    fresh(session)
    assert [row.state for row in waiting] == ["endorsed"] * FEW, "the fourth is a first one, of which he was asked"
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert (job.result["decided"], job.result["refused"]) == (1, 3) and waiting[3].endorsed_by_id == job.created_by_id


def test_what_the_filter_finds_only_after_the_question_is_not_in_the_answer(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    asked = post(client, {"verb": "reject", "every": "1", "tab": "office", "q": "300100"})
    assert "批量不通过 1 件申请？" in asked.text
    with transaction(session):
        # All of this unit match now, and none was handed in later.
        unit = session.get(Unit, waiting[0].unit_id)
        unit.name += "300100"
    again_ = post(client, fields(asked.text) | {"opinion": " "})
    assert again_.status_code == 422 and "批量不通过 1 件申请？" in again_.text
    post(client, fields(again_.text) | {"opinion": "缺少照片"})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert many.read(job.params["chosen"]) == [(waiting[0].id, waiting[0].row_version)]


def test_all_are_decided_only_after_the_question(session: Any, sign_in: Any, world: World, waiting: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    asked = post(client, {"verb": "approve", "every": "1", "sure": "1"})
    assert asked.status_code == 200 and f"批量同意 {FEW} 件申请？" in asked.text
    for wrong in ("", "x", "1:", ":1", "9" * 40 + ":1"):
        answer = post(client, {"verb": "approve", "every": "1", "sure": "1", "asked": wrong})
        assert answer.status_code == 302 and answer.location.startswith("/applications/queue"), wrong
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "decide")) == 0


def test_a_question_about_the_most_is_answered_in_one_form(session: Any, sign_in: Any, world: World) -> None:
    seen = [(9_000_000 + n, 100) for n in range(many.MOST + 1)]
    client = sign_in(world.accounts["inspector"])
    answer = post(client, {"verb": "approve", "sure": "1", "every": "1", "asked": many.told(seen)})
    assert answer.status_code == 302 and answer.location.startswith("/jobs/")
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert many.read(job.params["chosen"]) == seen[: many.MOST]


def test_few_are_done_while_he_waits_and_more_by_a_job(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    answer = post(client, {"verb": "approve", "sure": "1", "chosen": ticks(*waiting[:2])})
    assert answer.status_code == 200 and "已办理 2 件，未办理 0 件" in answer.text
    third = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world, code="300150"))
    more = [*waiting[2:], submit(session, world.actor("maintenance_head"), third)]
    blank = post(client, {"verb": "reject", "sure": "1", "opinion": " ", "chosen": ticks(*more)})
    assert blank.status_code == 422 and "不通过没有写明理由" in blank.text
    job = entered(session, client, {"verb": "reject", "opinion": "缺少照片", "chosen": ticks(*more)})
    work(app, session)
    fresh(session)
    assert {row.state for row in more} == {"rejected"} and {row.opinion for row in more} == {"缺少照片"}
    assert job.result["decided"] == len(more)


@pytest.mark.parametrize("way", ["reaped", "retried"])
def test_a_killed_job_goes_on_and_decides_none_twice(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    client = sign_in(world.accounts["inspector"])
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})

    def dies(_context: Any, done: int, *_: Any) -> None:
        if done == 2:
            raise RuntimeError("killed")

    real = JobContext.progress
    monkeypatch.setattr(JobContext, "progress", dies)
    session.rollback()
    with app.app_context():
        assert run(job.id) == "failed"
    fresh(session)
    assert (job.state, sorted(row.state for row in waiting)) == ("failed", ["approved"] * 2 + ["submitted"] * 2)
    monkeypatch.setattr(JobContext, "progress", real)
    if way == "retried":
        with transaction(session):
            jobs.retry(session, world.actor("inspector"), job.id, clock.now())
    else:
        with transaction(session):
            job.state, job.error = "queued", None
    work(app, session)
    fresh(session)
    assert (job.state, job.result["decided"], job.result["refused"]) == ("done", FEW, 0)
    assert {row.state for row in waiting} == {"approved"} and [approvals(session, row) for row in waiting] == [1] * FEW


def failing(monkeypatch: pytest.MonkeyPatch, bad: int, error: Exception) -> None:
    """One application whose decision raises, after it wrote something."""
    real = applications.decide

    def decide_(session: Any, actor: Any, key: int, *args: Any, **more: Any) -> Any:
        made = real(session, actor, key, *args, **more)
        if key == bad:
            raise error
        return made

    monkeypatch.setattr(applications, "decide", decide_)


def test_a_fault_with_one_is_told_by_number_and_the_others_go_on(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, bad = sign_in(world.accounts["inspector"]), waiting[1]
    job = entered(session, client, {"verb": "approve", "chosen": ticks(*waiting)})
    failing(monkeypatch, bad.id, KeyError("inside"))
    work(app, session)
    fresh(session)
    assert [row.state for row in waiting] == ["approved", "submitted", "approved", "approved"], "all of it or nothing"
    assert (job.state, job.result["decided"], job.result["refused"]) == ("done", FEW - 1, 1)
    number, _link, (why,) = job.result["left"][0]
    incident = re.search(r"事件编号 ([0-9a-f]{8})", told(again(why)))
    assert number == bad.number and incident and "inside" not in str(job.result)
    assert any(incident[1] in record.getMessage() and record.exc_info for record in caplog.records)
    first = sheet(client, job)[1]
    assert first[0] == bad.number and incident[1] in first[5]


def test_a_fault_with_one_of_few_is_told_by_number_and_the_others_go_on(
    session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(many, "AT_ONCE", FEW)
    client, bad = sign_in(world.accounts["inspector"]), waiting[1]
    failing(monkeypatch, bad.id, KeyError("inside"))
    answer = post(client, {"verb": "approve", "sure": "1", "chosen": ticks(*waiting)})
    assert answer.status_code == 200 and f"已办理 {FEW - 1} 件，未办理 1 件" in answer.text
    fresh(session)
    assert [row.state for row in waiting] == ["approved", "submitted", "approved", "approved"], "all of it or nothing"
    incident = re.search(r"事件编号 ([0-9a-f]{8})", answer.text)
    assert incident and bad.number in answer.text and "inside" not in answer.text
    assert any(incident[1] in record.getMessage() and record.exc_info for record in caplog.records)


def test_a_fault_with_one_of_a_batch_is_told_by_number_and_the_others_go_on(
    app: Any, session: Any, world: World, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, bad = Caller(app, world, "inspector"), waiting[0]
    failing(monkeypatch, bad.id, KeyError("inside"))
    sent = {"verb": "approve", "chosen": [{"id": row.id, "seen_version": row.row_version} for row in waiting]}
    answer = caller.post("/applications/batch", sent)
    fresh(session)
    assert answer.status_code == 200 and answer.json["done"] == FEW - 1
    first, *others = answer.json["results"]
    assert (first["id"], first["done"], first["status"]) == (bad.id, False, 500)
    assert re.search(r"事件编号 [0-9a-f]{8}", first["errors"][0]["found"]) and "inside" not in answer.text
    assert {one["status"] for one in others} == {200} and bad.state == "submitted"


@pytest.mark.parametrize("door", ["page", "batch"])
def test_a_database_that_is_away_ends_the_request(
    app: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    client, caller = sign_in(world.accounts["inspector"]), Caller(app, world, "inspector")
    failing(monkeypatch, waiting[0].id, OperationalError("SELECT 1", {}, Exception("away")))
    if door == "page":
        answer = post(client, {"verb": "approve", "sure": "1", "chosen": ticks(*waiting[:2])})
    else:
        sent = {"verb": "approve", "chosen": [{"id": row.id, "seen_version": row.row_version} for row in waiting]}
        caller.world.session.rollback()
        answer = caller.client.post("/api/v1/applications/batch", json=sent, headers=caller.headers)
    assert answer.status_code == 503, "none of the others would do better"


def test_a_database_that_is_away_is_no_applications_fault(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = entered(session, sign_in(world.accounts["inspector"]), {"verb": "approve", "chosen": ticks(*waiting)})
    with monkeypatch.context() as patch:
        failing(patch, waiting[1].id, OperationalError("SELECT 1", {}, Exception("away")))
        session.rollback()
        with app.app_context():
            assert run(job.id) == "again"
    work(app, session)
    fresh(session)
    assert (job.result["decided"], job.result["refused"]) == (FEW, 0) and {row.state for row in waiting} == {"approved"}


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
    assert all(row.number in page for row in waiting[2:]) and page.count("您停止了任务，没有办理") == 2
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


def test_what_can_not_be_decided_so_is_said_before(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    officer = world.accounts["region_admin"]
    own = save(session, world.actor("region_admin"), Unit, None, unit_data(session))
    mine = submit(session, world.actor("region_admin"), own)
    with transaction(session):
        # Whoever filed these set the officer's password: neither may decide for the other.
        session.add(AuditEntry(
            at=AT, actor_id=waiting[0].submitted_by_id, actor_name="x", via="web", action="account.reset_password",
            entity="account", entity_id=officer.id,
        ))  # fmt: skip
    client = sign_in(officer)
    page = re.sub(r"\s+", "", post(client, {"verb": "approve", "every": "1"}).text)
    assert f"电梯备案{FEW}件</b><spanclass=\"ta-mut\">不会办理：您与申请人的账号，一个的密码由另一个重置过" in page
    assert "另有1件是您自己提交或初审的" in page and mine.number not in page


def test_of_any_number_of_applicants_it_is_asked_in_sets(
    session: Any, world: World, waiting: list[Application]
) -> None:
    officer, personas = world.actor("region_admin"), ("clerk", "worker", "use_head", "maintenance_head", "inspector")

    def asked(n: int) -> int:
        rows = [SimpleNamespace(
            id=k, kind="elevator_filing", state="submitted", region_code="", elevator_id=None, unit_id=None,
            submitted_by_id=world.accounts[who].id, submitted_at=AT, endorsed_by_id=None,
        ) for k, who in enumerate(personas[:n])]  # fmt: skip
        with statements() as sent:
            many.held_back(session, officer, rows, "approve")
        return len(sent)

    assert asked(5) <= asked(1) + 1, "a longer line of those who made an account may ask once more"


def test_an_application_ticked_twice_is_decided_once(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client, row = sign_in(world.accounts["inspector"]), waiting[0]
    twice = [f"{row.id}:{row.row_version}", f"{row.id}:{row.row_version + 1}", f"0{row.id}:1", "x"]
    answer = post(client, {"verb": "approve", "sure": "1", "chosen": twice})
    assert "已办理 1 件，未办理 1 件" in answer.text and "不是有效的申请" in answer.text


def test_a_second_press_leads_to_the_first_ones_job(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    asked = fields(post(client, {"verb": "approve", "every": "1"}).text)
    assert post(client, asked).location == post(client, asked).location
    other = post(client, asked | {"opinion": "材料齐全"}).location
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "decide")) == 2, "another decision is another job"
    work(app, session)
    with clock.frozen(AT + dt.timedelta(hours=2)):
        late = post(client, asked)
        work(app, session)
    fresh(session)
    job = session.scalar(select(Job).order_by(Job.id.desc()).limit(1))
    assert late.location == f"/jobs/{job.id}" != other
    assert (job.result["decided"], job.result["refused"]) == (0, FEW), "what another settled is not this one's"
    assert [approvals(session, row) for row in waiting] == [1] * FEW


def test_an_approval_takes_sixty_statements_at_most(
    session: Any, world: World, waiting: list[Application]
) -> None:
    officer, rows = world.actor("inspector"), [(row.id, row.row_version) for row in waiting]
    taken = []
    for seen in rows:
        with scope.acting(officer), statements() as sent:
            many.decide_one(session, officer, seen, "approve", "", AT)
        taken.append(len(sent))
    assert max(taken[1:]) <= 60, taken


def test_an_appeal_is_not_agreed_to_among_many() -> None:
    from app.rules.approval import ApplicationVerb, one_by_one

    assert not one_by_one("appeal", ApplicationVerb.APPROVE).ok
    assert one_by_one("appeal", ApplicationVerb.REJECT).ok and one_by_one("unit_change", ApplicationVerb.APPROVE).ok


def test_what_is_to_be_looked_at_is_said_before_and_refused_among_many(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.rules.approval._ONE_BY_ONE", {"elevator_filing"})
    client = sign_in(world.accounts["inspector"])
    asked = re.sub(r"\s+", "", post(client, {"verb": "approve", "chosen": ticks(*waiting)}).text)
    assert f"电梯备案{FEW}件</b><spanclass=\"ta-mut\">不会办理：这种申请须逐件看过证据后才能同意" in asked
    done = post(client, {"verb": "approve", "sure": "1", "chosen": ticks(waiting[0])}).text
    assert "已办理 0 件，未办理 1 件" in done and "请打开这件申请，单独办理" in done
    caller = Caller(app, world, "inspector")
    sent = {"verb": "approve", "chosen": [{"id": waiting[0].id, "seen_version": waiting[0].row_version}]}
    answer = caller.post("/applications/batch", sent).json
    assert (answer["done"], answer["results"][0]["status"]) == (0, 422)
    decide(session, world.actor("inspector"), waiting[0], "approve")
    assert waiting[0].state == "approved", "by itself it is agreed to"


def test_only_what_the_officer_may_decide(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    for persona in ("maintenance_head", "worker"):
        assert post(sign_in(world.accounts[persona]), {"verb": "approve", "every": "1"}).status_code in (302, 403)
    other = sign_in(world.accounts["other_inspector"])
    answer = post(other, {"verb": "approve", "sure": "1", "chosen": ticks(*waiting)})
    assert answer.status_code == 302
    assert "没有" in other.get("/applications/queue").text
    asked = post(other, {"verb": "approve", "every": "1"})
    assert post(other, fields(asked.text)).location.startswith("/applications/queue"), "none is found"
    work(app, session)
    fresh(session)
    assert {row.state for row in waiting} == {"submitted"}
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert (job.result["decided"], job.result["refused"]) == (0, FEW), "each is refused at its turn"
    assert all(name.startswith("编号 ") for name, _link, _why in job.result["left"]), "and is not named to him"


def test_two_persons_are_two_in_a_job_too(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    make_policy(session, "second_approval", "all")
    session.commit()
    inspector, admin = sign_in(world.accounts["inspector"]), sign_in(world.accounts["region_admin"])
    assert "记为初审同意" in post(inspector, {"verb": "approve", "chosen": ticks(*waiting)}).text
    entered(session, inspector, {"verb": "approve", "chosen": ticks(*waiting)})
    work(app, session)
    fresh(session)
    assert {row.state for row in waiting} == {"endorsed"}
    decide(session, world.actor("region_admin"), waiting[0], "approve")
    assert "另有 3 件是您自己提交或初审的" in post(inspector, {"verb": "approve", "every": "1"}).text
    fresh(session)
    entered(session, admin, {"verb": "approve", "chosen": ticks(*waiting[1:])})
    work(app, session)
    fresh(session)
    assert {row.state for row in waiting} == {"approved"}
