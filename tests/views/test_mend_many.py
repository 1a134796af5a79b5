"""整批补正: what was returned of a batch is put right once and sent again, each by its own rules."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, ApplicationStep, Attachment, Elevator, Job, Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.desk import applications, mend_many
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import checked, confirm, made
from tests.views.decide_many.ground import killed, sheet
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-02")
FEW = 4
DAY = dt.timedelta(days=1)
OTHER_PDF = BLANK_PDF + b"\n% another one\n"


@pytest.fixture
def batch(app: Any, session: Any, world: World, sign_in: Any) -> int:
    """Four applications of one batch with a paper; three returned, with two opinions."""
    for n in range(FEW):
        make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, address=f"揽月街 {n} 号", status="in_use"
        )
    session.commit()
    client = sign_in(world.accounts["use_head"])
    job = confirm(session, client, checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "旧通知.pdf")))
    work(app, session)
    give_back(session, world, made(session)[: FEW - 1])
    return int(job.id)


def give_back(session: Any, world: World, rows: list[Application]) -> None:
    officer = world.actor("inspector")
    seen = [(row.id, row.row_version) for row in rows]
    session.rollback()
    for n, (key, version) in enumerate(seen):
        with transaction(session):
            opinion = "请换盖章的通知" if n else "原因写明工期"
            applications.decide(session, officer, key, "return", opinion, version, clock.now())
    fresh(session)


def digest_of(page: str) -> str:
    return re.findall(r'name="seen" value="(\w{64})"', page)[0]


def send(client: Any, batch: int, page: str = "", **data: Any) -> Any:
    page = page or client.get(f"/applications/batch/{batch}/mend").text
    keep = re.findall(r'name="keep" value="(\w{64})"', page)
    form = {
        "seen": digest_of(page), "effective_on": (clock.today() + DAY).isoformat(), "reason": "改造，工期三个月",
        "keep": keep, "csrf_token": csrf(client),
    } | data  # fmt: skip
    return client.post(f"/applications/batch/{batch}/mend", data=form, content_type="multipart/form-data")


def page_of(batch: int) -> str:
    return f"/applications/batch/{batch}/mend"


def job_of(session: Any, answer: Any) -> Job:
    assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.text)
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == mend_many.KIND).order_by(Job.id.desc()))
    assert answer.location == f"/jobs/{job.id}"
    return job


def papers(session: Any, row: Application) -> list[str]:
    return [session.get(Attachment, key).name for key in row.data["attachments"]]


def test_all_that_were_returned_are_mended_and_sent_again_together(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    client = sign_in(world.accounts["use_head"])
    rows = made(session)
    assert "整批补正（同一批退回的 3 件）" in client.get(f"/applications/{rows[0].id}").text
    listed = client.get(f"/applications/?f_batch={batch}").text
    assert "这一批有 3 件退回补正" in listed and f"/applications/batch/{batch}/mend" in listed
    assert re.search(r"停用登记 4 件，\d{4}-\d\d-\d\d \d\d:\d\d 提交", listed), "the chip says what, how many and when"
    page = client.get(f"/applications/batch/{batch}/mend").text
    assert "小区整体改造" in page and "旧通知.pdf" in page and "3 件都有" in page
    assert page.index("请换盖章的通知") < page.index("原因写明工期"), "what most were told comes first"

    answer = send(client, batch, page, files=(io.BytesIO(OTHER_PDF), "盖章通知.pdf"))
    job = job_of(session, answer)
    assert send(client, batch, page).location == f"/jobs/{job.id}", "a second press leads to the job of the first"
    work(app, session)
    rows = made(session)
    assert {row.state for row in rows} == {"submitted"} and {row.batch for row in rows} == {batch}
    for row in rows[: FEW - 1]:
        assert (row.reason, row.effective_on) == ("改造，工期三个月", clock.today() + DAY)
        assert papers(session, row) == ["旧通知.pdf", "盖章通知.pdf"] and row.opinion is None
    assert len({key for row in rows for key in row.data["attachments"]}) == 2 * (FEW - 1) + 1, "each has its own rows"
    assert rows[-1].reason == "小区整体改造" and papers(session, rows[-1]) == ["旧通知.pdf"], "not one of them"
    session.expire_all()
    assert (job.result["mended"], job.result["refused"]) == (FEW - 1, 0)
    head, *lines = sheet(client, job)
    assert head[0] == "申请编号" and {line[2] for line in lines} == {"已重新提交"} and len(lines) == FEW - 1
    shown = client.get(f"/jobs/{job.id}").text
    assert "已重新提交" in shown and f"/applications/?f_batch={batch}" in shown
    # Officers hear of them once more, together.
    told = session.scalars(
        select(Notification.title).where(
            Notification.recipient_id == world.accounts["inspector"].id, Notification.channel == "inbox",
            Notification.link == f"/applications/queue?batch={batch}",
        ).order_by(Notification.id).execution_options(skip_scope=True)
    ).all()  # fmt: skip
    assert len(told) == 2 and "整批补正停用登记" in told[1]
    assert client.get(f"/applications/batch/{batch}/mend").status_code == 404, "nothing stands returned any more"
    late = client.post(page_of(batch), data={"seen": digest_of(page), "csrf_token": csrf(client)})
    assert late.location == f"/applications/?f_batch={batch}"
    assert "这批申请有变化" in client.get(late.location).text


def test_old_papers_are_taken_off_and_what_is_wrong_is_told_before(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = send(client, batch, effective_on=(clock.today() - DAY).isoformat(), reason="", keep=[])
    assert answer.status_code == 422 and "没有提交" in answer.text
    assert 'name="keep"' in answer.text and "checked" not in answer.text[answer.text.index('name="keep"') :][:120]
    assert session.scalar(select(Job.id).where(Job.kind == mend_many.KIND)) is None
    session.rollback()
    job_of(session, send(client, batch, keep=[], files=(io.BytesIO(OTHER_PDF), "盖章通知.pdf")))
    work(app, session)
    assert all(papers(session, row) == ["盖章通知.pdf"] for row in made(session)[: FEW - 1])


def test_each_by_its_own_rules_and_what_moved_meanwhile_stays(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    client, rows = sign_in(world.accounts["use_head"]), made(session)
    page = client.get(f"/applications/batch/{batch}/mend").text
    answer = send(client, batch, page)
    job = job_of(session, answer)
    head = world.actor("use_head")
    key, other = rows[0].id, rows[1].elevator_id
    session.rollback()
    with transaction(session):
        applications.withdraw(session, head, key, clock.now())
    with transaction(session):
        session.get(Elevator, other).status = "scrapped"
    work(app, session)
    assert [row.state for row in made(session)] == ["withdrawn", "returned", "submitted", "submitted"]
    session.expire_all()
    assert (job.result["mended"], job.result["refused"]) == (1, 2)
    shown = client.get(f"/jobs/{job.id}").text
    assert "没有重新提交的" in shown and rows[0].number in shown and "您打开页面后" in shown
    assert '<p class="ta-b">电梯现为报废' in shown, "headed by what was found, not by the rule's name"
    # A page from before says nothing of what stands now.
    answer = send(client, batch, page)
    assert answer.status_code == 422 and "这批申请有变化" in answer.text


def test_a_killed_job_goes_on_and_sends_none_twice(
    app: Any, session: Any, world: World, sign_in: Any, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    job = job_of(session, send(client, batch))
    killed(app, session, monkeypatch, job.id)
    rows = made(session)
    sent = [row for row in rows[: FEW - 1] if row.state == "submitted"]
    assert len(sent) == 2
    # An officer returns one of them before the job goes on: it is not sent again unread.
    give_back(session, world, sent[:1])
    answer = client.post(f"/jobs/{job.id}/retry", data={"csrf_token": csrf(client)})
    assert answer.status_code == 302
    work(app, session)
    assert sorted(row.state for row in made(session)) == ["returned", "submitted", "submitted", "submitted"]
    session.expire_all()
    assert (job.state, job.result["mended"], job.result["refused"]) == ("done", FEW - 1, 0)
    steps = session.scalars(select(ApplicationStep).where(ApplicationStep.verb == "resubmit")).all()
    assert len(steps) == len({step.application_id for step in steps}) == FEW - 1


def test_nobody_elses_and_no_reader_without_the_right(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    reader = make_account(session, Role.UNIT_HEAD, unit=world.use_unit)
    session.commit()
    key = made(session)[0].id
    for account in (world.accounts["maintenance_head"], world.accounts["inspector"], reader):
        client = sign_in(account)
        assert client.get(page_of(batch)).status_code in (302, 403, 404), account.username
        sent = client.post(page_of(batch), data={"seen": "0" * 64, "csrf_token": csrf(client, "/account/")})
        assert sent.status_code in (302, 403, 404) and session.scalar(select(Job.id).where(Job.kind == "mend")) is None
        session.rollback()
        for place in (f"/applications/?f_batch={batch}", f"/applications/{key}"):
            assert "整批补正" not in client.get(place).text, (account.username, place)
    # Another account of the unit that may apply puts them right for it.
    colleague = sign_in(world.accounts["safety_officer"])
    job_of(session, send(colleague, batch))
    work(app, session)
    assert {row.state for row in made(session)} == {"submitted"}


def test_a_paper_that_was_taken_off_does_not_come_back(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    """It stays with the application, but is not among those that it is decided with: it was offered as kept, counted
    as a paper, and sent with none of them."""
    client = sign_in(world.accounts["use_head"])
    twice = [(io.BytesIO(OTHER_PDF), "盖章通知.pdf"), (io.BytesIO(OTHER_PDF), "盖章通知（副本）.pdf")]
    job_of(session, send(client, batch, keep=[], files=twice))
    work(app, session)
    give_back(session, world, made(session)[: FEW - 1])
    page = client.get(page_of(batch)).text
    assert "旧通知.pdf" not in page and page.count('name="keep"') == 1
    assert "盖章通知.pdf" in page and "3 件都有" in page, "counted by applications, though each has it twice"


def test_a_batch_is_known_by_when_it_was_handed_in_not_sent_again(
    app: Any, session: Any, world: World, sign_in: Any, batch: int
) -> None:
    client, head = sign_in(world.accounts["use_head"]), world.actor("use_head")
    said = re.findall(r"停用登记 4 件，\S+ \S+ 提交", client.get(f"/applications/?f_batch={batch}").text)
    give_back(session, world, made(session)[FEW - 1 :])
    seen = [(row.id, row.data["attachments"]) for row in made(session)]
    session.rollback()
    later = clock.now() + DAY
    for key, files in seen:
        with transaction(session):
            applications.resubmit(
                session, head, key, effective_on=clock.local_day(later), reason="改造", attachments=files, at=later
            )
    assert said and said[0] in client.get(f"/applications/?f_batch={batch}").text


def test_each_keeps_its_own_paper_however_many_there_are(
    app: Any, session: Any, world: World, sign_in: Any, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put right singly before, each with a file of its own: those past the first sixty were dropped unsaid."""
    monkeypatch.setattr(mend_many, "MOST_PAPERS", 1)
    client, head = sign_in(world.accounts["use_head"]), world.actor("use_head")
    for n, (key, place) in enumerate([(row.id, row.region_code) for row in made(session)[: FEW - 1]]):
        session.rollback()
        with transaction(session):
            file = attachments.store(
                session, head, clock.now(), io.BytesIO(BLANK_PDF + b"%" * (n + 1)), f"第{n}份.pdf", "document",
                "application", None, head.unit_id, place,
            )  # fmt: skip
            applications.resubmit(
                session, head, key, effective_on=clock.today(), reason="改造", attachments=[file.id], at=clock.now()
            )
    give_back(session, world, made(session)[: FEW - 1])
    page = client.get(page_of(batch)).text
    ticks = re.findall(r'name="keep" value="(\w+)" checked', page)
    assert len(ticks) == 2 and ticks[1] == "rest" and "保留其余 2 份" in page
    job_of(session, send(client, batch, page, keep=ticks[1:], files=(io.BytesIO(OTHER_PDF), "盖章通知.pdf")))
    work(app, session)
    kept = [papers(session, row) for row in made(session)[: FEW - 1]]
    assert kept == [["盖章通知.pdf"], *([f"第{n}份.pdf", "盖章通知.pdf"] for n in (1, 2))]
