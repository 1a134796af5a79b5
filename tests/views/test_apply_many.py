"""批量申请: one form for many elevators, looked at first; then each has its own application by its own rules."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.errors import Finding
from app.models import (
    Application,
    ApplicationStep,
    Attachment,
    AuditEntry,
    Elevator,
    Job,
    MaintenanceClock,
    Notification,
)
from app.permissions import SYSTEM
from app.tasks.applying import _Reasons
from app.tasks.jobs import JobContext, run
from app.telling import told as said
from app.transaction import transaction
from app.views.frame.jobs import OF_KIND, RESULT
from app.wording import again
from app.workflows.core import jobs
from app.workflows.desk import applications, apply_many
from app.workflows.files import attachments, sent_ahead
from app.workflows.privacy import retention
from tests.conftest import csrf
from tests.factories import World, make_elevator
from tests.journeys.steps import BLANK_PDF
from tests.statements import statements
from tests.views.decide_many.ground import entered, killed, post, sheet, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-02")
FEW = 4
PLACE = "q=揽月街"
DAY = dt.timedelta(days=1)


@pytest.fixture
def chosen(session: Any, world: World) -> list[Elevator]:
    rows = [
        make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, address=f"揽月街 {n} 号", status=status
        )
        for n, status in enumerate(["in_use"] * FEW + ["suspended"])
    ]  # fmt: skip
    session.commit()
    return rows


def send(client: Any, kind: str = "suspension", query: str = PLACE, **data: Any) -> Any:
    form = {"effective_on": clock.today().isoformat(), "reason": "小区整体改造", "csrf_token": csrf(client)} | data
    return client.post(f"/applications/many/{kind}?{query}", data=form, content_type="multipart/form-data")


def checked(app: Any, session: Any, client: Any, **more: Any) -> Job:
    """A form that was sent, and what the check found."""
    answer = send(client, **more)
    assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.text)
    work(app, session)
    session.expire_all()
    job = session.scalar(select(Job).where(Job.kind == "apply_check").order_by(Job.id.desc()))
    assert answer.location == f"/applications/many/checked/{job.id}" and job.state == "done", job.error
    return job


def confirm(session: Any, client: Any, check: Job) -> Job:
    answer = client.post(f"/applications/many/checked/{check.id}", data={"csrf_token": csrf(client)})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "apply").order_by(Job.id.desc()))
    assert answer.status_code == 302 and answer.location == f"/jobs/{job.id}"
    return job


def made(session: Any) -> list[Application]:
    fresh(session)
    return list(session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))


def test_each_of_those_found_has_its_own_application(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = client.post(
        f"/elevators/deed/apply?{PLACE}", data={"every": "1", "csrf_token": csrf(client, "/elevators/")}
    )
    assert answer.status_code == 302 and answer.location.startswith("/applications/many?q=")
    page = client.get(answer.location).text
    assert "停用登记" in page and f"{FEW} 台" in page and "停用后启用登记" in page
    form = client.get(f"/applications/many/suspension?{PLACE}").text
    assert f"选中 {FEW + 1} 台，其中 {FEW} 台的状态可以办" in form

    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "改造通知.pdf"))
    assert (check.result["can"], check.result["refused"]) == (FEW, 1)
    assert made(session) == [], "nothing is applied for by looking"
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert f"可以申请 {FEW} 台，不能申请 1 台" in page and f"确认提交 {FEW} 台" in page
    assert "电梯现为停用，不能办理停用登记" in page and chosen[-1].code in page
    head, refused, *can = sheet(client, check)
    assert head[:4] == ("识别码", "地址", "结果", "原因"), "those that can as well, behind those that can't"
    assert refused[::2] == (chosen[-1].code, "不能申请") and "电梯现为停用" in refused[3]
    assert {row[::2] for row in can} == {(row.code, "可以申请") for row in chosen[:FEW]}

    job = confirm(session, client, check)
    assert confirm(session, client, check) == job, "a second press leads to the job of the first"
    work(app, session)
    rows = made(session)
    assert {row.elevator_id for row in rows} == {row.id for row in chosen[:FEW]}
    assert {(row.kind, row.state, row.reason, row.batch) for row in rows} == {
        ("suspension", "submitted", "小区整体改造", job.id)
    }
    assert len({row.number for row in rows}) == FEW
    papers = [row.data["attachments"] for row in rows]
    held = session.scalars(select(Attachment).where(Attachment.entity == "application")).all()
    assert sorted(one.id for one in held) == sorted(key for keys in papers for key in keys)
    assert {(one.entity_id, one.name) for one in held} == {(row.id, "改造通知.pdf") for row in rows}
    assert len({one.sha256 for one in held}) == 1, "the same bytes, kept once"
    submitted = session.scalars(select(AuditEntry).where(
        AuditEntry.entity == "application", AuditEntry.entity_id.in_([row.id for row in rows])
    )).all()  # fmt: skip
    assert {one.via for one in submitted} == {"job"} and {one.entity_id for one in submitted} == {r.id for r in rows}

    officers = session.scalars(select(Notification).where(
        Notification.topic == "approval", Notification.recipient_id == world.accounts["inspector"].id
    )).all()  # fmt: skip
    assert [one.title for one in officers] == [f"待审批：{world.use_unit.name} 批量申请停用登记"]
    assert officers[0].link == f"/applications/queue?batch={job.id}"
    (party,) = session.scalars(select(Notification).where(
        Notification.topic == "party", Notification.recipient_id == world.accounts["maintenance_head"].id
    )).all()  # fmt: skip
    assert party.title == f"已提交：{world.use_unit.name} 批量申请停用登记"
    assert party.link == f"/applications/?f_batch={job.id}"
    page = client.get(f"/jobs/{job.id}").text
    assert f"<dt>已申请</dt><dd>{FEW}</dd>" in page and f'href="/applications/?f_batch={job.id}"' in page
    own = client.get(f"/applications/?f_batch={job.id}").text
    assert all(row.number in own for row in rows)
    head, *lines = sheet(client, job)
    assert head[:5] == ("识别码", "地址", "结果", "申请编号", "原因") and {line[2] for line in lines} == {"已申请"}
    # Asked again after all of it was done, it still leads there.
    assert confirm(session, client, check) == job and len(made(session)) == FEW


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


def test_ticked_rows_alone_and_none_is_not_all(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])

    def begin(ids: list[int]) -> str:
        token = csrf(client, "/elevators/")
        answer = client.post(f"/elevators/deed/apply?{PLACE}", data={"ids": ids, "csrf_token": token})
        return str(answer.location)

    none = client.get(begin([]), follow_redirects=True)
    assert "没有选中电梯" in none.text
    place = begin([chosen[0].id, chosen[1].id, world.foreign.id])
    assert "2 台" in client.get(place).text
    check = checked(app, session, client, query=place.partition("?")[2])
    assert sorted(check.result["ids"]) == [chosen[0].id, chosen[1].id]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("suspension", {"reason": " "}, "没有填写原因"),
        ("suspension", {"effective_on": "31/12"}, "“31/12”不是日期"),
        ("suspension", {"effective_on": "2020-01-01"}, "生效日期不早于提交日"),
        ("maintenance_pause", {}, "没有上传材料"),
        ("maintenance_pause", {"until_on": "明天"}, "恢复日期“明天”不是日期"),
        ("use_registration", {}, "没有已备案、状态为告知的"),
    ],
)
def test_what_is_wrong_for_all_is_said_on_the_form(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator], kind: str, data: dict[str, str], words: str
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = send(client, kind, **data)
    told = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.text))
    assert answer.status_code == 422 and re.sub(r"\s+", "", words) in told
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Job)) == 0


@pytest.mark.parametrize(
    ("kind", "status", "becomes"),
    [
        ("use_registration", "notified", "in_use"), ("reactivation", "suspended", "in_use"),
        ("scrapping", "in_use", "scrapped"), ("maintenance_pause", "in_use", "in_use"),
    ],
)  # fmt: skip
def test_every_kind_that_is_offered_goes_the_whole_way(
    app: Any, session: Any, world: World, sign_in: Any, kind: str, status: str, becomes: str
) -> None:
    rows = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="澄园", status=status)
        for _n in range(2)
    ]
    session.commit()
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, kind=kind, query="q=澄园", files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    assert check.result["can"] == 2, check.result["why"]
    confirm(session, client, check)
    work(app, session)
    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": "approve", "sure": "1", "chosen": ticks(*made(session))})
    assert {row.state for row in made(session)} == {"approved"}
    session.expire_all()
    assert {row.status for row in rows} == {becomes}


def test_what_stops_them_is_said_as_it_was_found_never_as_the_rule_that_does_not_hold(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, kind="maintenance_resume")
    page = client.get(f"/applications/many/checked/{check.id}").text
    heads = re.findall(r'<p class="ta-b">(.*?)</p>\s*<span class="rule">(\d+) 台', page)
    assert ("维保没有暂停", f"{FEW + 1}") in heads and all(words != "维保已暂停" for words, _n in heads)


def test_a_pause_is_counted_for_its_end_and_for_no_second_one(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    for row, on in zip(chosen[:3], (clock.today(), None, None), strict=True):
        session.merge(MaintenanceClock(
            elevator_id=row.id, unit_id=world.firm.id, region_code=row.region_code, paused_on=on
        ))  # fmt: skip
    session.commit()
    client = sign_in(world.accounts["use_head"])

    def counts(page: str) -> list[str]:
        rows = re.findall(r'<td class="key">(.*?)</td><td class="num">(\d+) 台', page, re.S)
        named = {re.sub(r"<[^>]+>", "", name).strip(): n for name, n in rows}
        return [named["维保暂停"], named["恢复维保"], named["停用登记"]]

    page = client.get(f"/applications/many?{PLACE}").text
    assert counts(page) == [f"{FEW - 1}", "1", f"{FEW}"]
    form = client.get(f"/applications/many/maintenance_resume?{PLACE}").text
    assert f"选中 {FEW + 1} 台，其中 1 台的状态可以办" in form
    with statements() as seen:
        client.get(f"/applications/many?{PLACE}")
    assert sum("paused_on IS NOT NULL" in one for one in seen) == 1


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


def test_found_alike_or_not() -> None:
    def alike(*found: str) -> str:
        reasons = _Reasons()
        for key, one in enumerate(found):
            reasons.add(key, [Finding("规则", False, one)])
        ((_rule, _remedy, count, _first, said),) = reasons.told({})
        assert count == len(found)
        return said

    assert alike("没有暂停", "没有暂停") == "没有暂停" and alike("停用") == "停用"
    assert alike("停用", "报废") == "", "each says its own"
    assert alike(*["停用"] * 9) == "停用" and alike(*["停用"] * 8, "报废") == "", "also of those that are not named"


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


def test_a_check_whose_day_is_over_is_not_confirmed(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    tomorrow = clock.today() + DAY
    monkeypatch.setattr(clock, "today", lambda: tomorrow)
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert "核对已过期" in page and "确认提交" not in page and "返回修改" in page
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{check.id}", data=token, follow_redirects=True)
    assert "核对已过期" in told.text and "已经过去" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 0


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


def test_papers_stay_with_the_check_as_long_as_what_jobs_make(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    later = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    (key,) = check.params["form"]["files"]
    assert (session.get(Attachment, key).entity, session.get(Attachment, key).entity_id) == ("job", check.id)
    for role in ("maintenance_head", "inspector"):
        assert sign_in(world.accounts[role]).get(f"/files/{key}").status_code in (403, 404), "the sender's alone"
    assert client.get(f"/files/{key}").status_code == 200
    with transaction(session):
        sent_ahead.forget(session, clock.now() + 3 * DAY)
    job = confirm(session, client, check)
    work(app, session)
    session.expire_all()
    assert (job.result["applied"], job.result["refused"]) == (FEW, 0)

    retention.run(session, SYSTEM, clock.now() + 29 * DAY)
    session.expire_all()
    assert session.get(Attachment, key) is not None
    retention.run(session, SYSTEM, clock.now() + 32 * DAY)
    session.expire_all()
    assert session.get(Attachment, key) is None
    held = session.scalars(select(Attachment).where(Attachment.entity == "application")).all()
    assert len(held) == FEW and all(attachments.path(None, one).is_file() for one in held), "theirs stay"
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{later.id}", data=token, follow_redirects=True)
    assert "材料已过期" in told.text and "请重新上传" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 1


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


def test_a_confirmed_check_is_known_without_looking_through_jobs(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    place = f"/applications/many/checked/{check.id}"
    job = confirm(session, client, check)
    assert "ids" not in job.params and sorted(check.result["ids"]) == sorted(row.id for row in chosen[:FEW])
    with statements() as seen:
        page = client.get(place).text
    assert f'href="/jobs/{job.id}"' in page and "确认提交 " not in page
    asked = [one for one in seen if re.search(r"job\.params", one)]
    assert len(asked) == 1, asked
    assert confirm(session, client, check) == job


def test_of_very_many_reasons_the_most_frequent_are_told(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = apply_many.findings

    def each_its_own(session: Any, actor: Any, key: int, *more: Any) -> list[Finding]:
        own = [Finding("各台不同", False, f"第 {key} 台不行", f"请改正第 {key} 台")]
        return [*real(session, actor, key, *more), *own, Finding("各台相同", False, f"第 {key} 台不行", "请改正")]

    monkeypatch.setattr(apply_many, "findings", each_its_own)
    monkeypatch.setattr("app.tasks.applying.MOST_REASONS", 2)
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    assert len(check.result["why"]) == 2 and check.result["why"][0][2] == FEW + 1, "the most frequent first"
    # Five of their own, the one of all, and that the last is suspended.
    assert check.result["why_more"] == FEW + 1 + 1 + 1 - 2 and check.result["warn_more"] == 0
    assert f"另有 {FEW + 1} 种原因" in client.get(f"/applications/many/checked/{check.id}").text
    _head, *lines = sheet(client, check)
    assert len(lines) == FEW + 1 and all("请改正第" in line[3] for line in lines), "the workbook has all"


def test_going_back_from_the_check_leads_to_the_form_as_it_was_filled_in(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    on, until = (clock.today() + 3 * DAY).isoformat(), (clock.today() + 30 * DAY).isoformat()
    paper = (io.BytesIO(BLANK_PDF), "材料.pdf")
    said = {"kind": "maintenance_pause", "effective_on": on, "until_on": until, "reason": "大修", "files": paper}
    check = checked(app, session, client, **said)
    page = client.get(f"/applications/many/checked/{check.id}").text
    back = html.unescape(re.search(r'href="([^"]+)">返回修改', page)[1])
    assert back == f"/applications/many/maintenance_pause?{PLACE}&check={check.id}"
    form = client.get(back).text
    assert f'value="{on}"' in form and f'value="{until}"' in form and ">大修</textarea>" in form
    assert "上次核对的材料请重新上传" in form and f"选中 {FEW + 1} 台" in form
    assert f"check={check.id}" not in form, "what is sent from here is a new check"
    other = client.get(back.replace("maintenance_pause", "suspension")).text
    assert "大修" not in other and on not in other, "another kind's form"
    with transaction(session):
        session.get(Job, check.id).created_by_id = world.accounts["maintenance_head"].id
    assert "大修" not in client.get(back).text, "another one's check"


@pytest.mark.feature("UNT-04")
def test_papers_that_the_scanner_closed_are_not_confirmed(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    with transaction(session):
        session.get(Attachment, check.params["form"]["files"][0]).scan = "infected"
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{check.id}", data=token, follow_redirects=True)
    assert "“材料.pdf”含有病毒或恶意代码" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 0


def test_more_than_a_job_takes_is_refused(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_many, "MOST", 3)
    client = sign_in(world.accounts["use_head"])
    assert "一次最多 3 台" in client.get(f"/applications/many?{PLACE}").text
    answer = send(client)
    assert answer.status_code == 422 and f"筛选出 {FEW + 1} 台，一次最多 3 台" in answer.text


@pytest.mark.feature("LIF-08")
def test_steps_are_those_of_a_single_application(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """The same verbs with the same actor; the batch is all that tells them apart."""
    client = sign_in(world.accounts["use_head"])
    confirm(session, client, checked(app, session, client))
    work(app, session)
    rows = made(session)
    steps = session.scalars(select(ApplicationStep)).all()
    assert {(one.verb, one.actor_id) for one in steps} == {("submit", world.accounts["use_head"].id)}
    assert len(steps) == len(rows) and all(row.due_at is not None for row in rows)
    assert jobs.KIND_VERB["apply"] == jobs.KIND_VERB["apply_check"]


def test_the_pages_belong_to_where_they_begin_and_ask_in_the_order_of_days(
    world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    for address in (f"/applications/many?{PLACE}", f"/applications/many/maintenance_pause?{PLACE}"):
        page = client.get(address).text
        opened = re.findall(r'<a [^>]*aria-current="page"[^>]*>.*?</a>', page, re.S)
        assert len(opened) == 1 and "/elevators/" in opened[0] and "/applications/" not in opened[0], address
    assert page.index('name="effective_on"') < page.index('name="until_on"'), "it begins before it ends"
