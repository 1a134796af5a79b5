"""批量审批 (LIF-08): the job decides each once, as a single press would, and goes on beside a fault with one."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app import clock, scope
from app.models import Application, ApplicationStep, AuditEntry, Elevator, Job, Notification
from app.tasks.jobs import run
from app.telling import told
from app.transaction import transaction
from app.wording import again
from app.workflows.core import jobs
from app.workflows.desk import applications, many
from tests.api.callers import Caller
from tests.factories import World, make_policy
from tests.statements import statements
from tests.views.decide_many.ground import FEW, entered, fields, killed, post, sheet, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import AT, decide, elevator_data, fresh, save, submit

pytestmark = pytest.mark.feature("LIF-08")


def approvals(session: Any, row: Application) -> int:
    return session.scalar(select(func.count()).where(
        ApplicationStep.application_id == row.id, ApplicationStep.verb == "approve"
    ))  # fmt: skip


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
    heard = session.scalars(select(Notification).where(Notification.topic == "decision")).all()
    assert {one.title for one in heard} == {f"同意：电梯备案 {FEW - 1} 件"}
    assert len(heard) == len({one.recipient_id for one in heard}), "each account hears once of all"

    page = client.get(f"/jobs/{job.id}").text
    assert f"<dt>已办理</dt><dd>{FEW - 1}</dd>" in page and "<dt>未办理</dt><dd>1</dd>" in page
    assert withdrawn.number in page and "已不在审批中" in page and "没有办理的" in page
    head, first, *rest = sheet(client, job)
    assert head[:6] == ("申请编号", "事项", "内容", "申请单位", "结果", "原因")
    assert (first[0], first[4]) == (withdrawn.number, "未办理") and "已不在审批中" in first[5]
    assert sorted(row[0] for row in rest) == sorted(row.number for row in others)
    assert {row[4] for row in rest} == {"已办理"}


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
    killed(app, session, monkeypatch, job.id)
    fresh(session)
    assert (job.state, sorted(row.state for row in waiting)) == ("failed", ["approved"] * 2 + ["submitted"] * 2)
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
            many.decide_one(session, officer, seen, "approve", "", AT, "at-test")
        taken.append(len(sent))
    assert max(taken[1:]) <= 60, taken


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
