"""What is kept of a sentence of ours: its Chinese, that SQL finds, and what tells it in another language."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.models import Account, Application, ImportBatch, Job, Notification, StatusChange
from app.models.sealed import Sealed
from app.permissions import SYSTEM
from app.telling import told, told_in
from app.transaction import insert_many
from app.wording import MARK, Said, counted, cut, heard, read, say, together, written
from app.workflows.approval import submissions
from app.workflows.core import jobs, notices, outbox
from tests.factories import World

AT = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "said",
    [
        "停用登记",
        say("停用登记"),
        say("申请编号 %(number)s", number="TY-1"),
        together([say("停用登记"), "200051", "澜江路 6 号"], "　"),
        say("%(deed)s：%(title)s", deed=say("同意"), title=together(["新增", "甲"], "　")),
        "",
    ],
)
def test_a_text_comes_back_as_it_was_said(said: str) -> None:
    again = read(written(said))
    assert again == said and isinstance(again, Said) == isinstance(said, Said)
    assert written(said).partition(MARK)[0] == said, "the Chinese stands first"
    if isinstance(said, Said) and isinstance(again, Said):
        assert again.msgid == said.msgid


def test_a_person_cannot_write_what_looks_said() -> None:
    assert read(written(f'好{MARK}{{"msgid": "%(x)s", "args": {{"x": 1}}}}')).startswith("好{")
    assert read("老的记录") == "老的记录" and not isinstance(read("老的记录"), Said)


@pytest.mark.parametrize("own", ["通过", "通过；明天再看", "已换门锁；通过", "通过；不通过", "（通过）、好", "a;b；c"])
def test_what_persons_wrote_is_shown_as_they_wrote_it(app: Any, own: str) -> None:
    """Though a word of ours stands in it, or is all of it: neither words nor marks are anybody's to change."""
    with app.app_context():
        assert told_in("en", read(written(own))) == own
        assert told_in("en", say("%(who)s：%(what)s", who="甲", what=read(own))).endswith(own)
        # Where nothing says whose a text is, a row of ours is told, and a mixed one is a person's.
        assert told_in("en", "通过；不通过") != "通过；不通过" and told_in("en", "通过；明天再看") == "通过；明天再看"


def test_what_must_be_cut_is_chinese_only() -> None:
    said = say("导入 %(file_name)s", file_name="长" * 20)
    assert cut(said, 160) is said
    assert cut(said, 10) == "导入 " + "长" * 7 and not isinstance(cut(said, 10), Said)


def test_sentences_of_numbers_are_known_again() -> None:
    counted("只为测试 %(a)s 次，共 %(b)s 次")
    found = heard("只为测试 3 次，共 12 次")
    assert isinstance(found, Said) and found.args == {"a": "3", "b": "12"}
    assert not isinstance(heard("只为测试 三 次，共 12 次"), Said)


def test_a_column_keeps_it_by_every_way_of_writing(session: Any) -> None:
    title = say("导入 %(file_name)s", file_name="名册.xlsx")
    common = {
        "kind": "import", "state": "queued", "params": {}, "done": 0, "total": 0, "tries": 0, "created_at": AT,
        "heartbeat_at": AT,
    }  # fmt: skip
    session.add(Job(title=title, **common))
    insert_many(session, Job.__table__, [{"title": title, **common}])
    session.execute(Job.__table__.insert().values(title=title, **common))
    session.flush()
    session.expire_all()
    for kept in (*session.scalars(select(Job.title)), *(job.title for job in session.scalars(select(Job)))):
        assert kept == title and isinstance(kept, Said) and kept.args == {"file_name": "名册.xlsx"}
    assert session.scalar(select(func.count()).select_from(Job).where(Job.title.contains("导入 名册"))) == 3
    assert session.scalar(select(func.count()).select_from(Job).where(Job.title == "导入 名册.xlsx")) == 3
    assert session.scalar(select(func.count()).select_from(Job).where(Job.title != "导入 名册")) == 3
    raw = session.scalar(text("SELECT title FROM job LIMIT 1"))
    assert raw.startswith("导入 名册.xlsx\x1e")
    session.execute(text("UPDATE job SET title = '老的任务'"))
    assert set(session.scalars(select(Job.title))) == {"老的任务"}


def test_a_sealed_body_is_said_as_well(session: Any, world: World) -> None:
    body = say("申请编号 %(number)s", number="TY-9")
    head = world.accounts["maintenance_head"].id
    assert outbox.notify(session, AT, [head], "decision", say("待审批：%(title)s", title="甲"), body) == 1
    session.expire_all()
    notice = session.scalar(select(Notification).where(Notification.recipient_id == head))
    assert isinstance(notice.body, Said) and notice.body.args == {"number": "TY-9"}
    assert isinstance(notice.title, Said) and notice.title == "待审批：甲"
    raw = session.scalar(text("SELECT body FROM notification"))
    assert "申请编号" not in raw, "sealed as before"
    assert isinstance(Notification.__table__.c.body.type, Sealed)


def test_an_application_is_found_by_its_title_and_told_by_what_was_said(session: Any, world: World, app: Any) -> None:
    title = together([say("停用登记"), world.own.code, world.own.address], "　")
    made = submissions.open_application(
        session, world.actor("maintenance_head"), "suspension", entity="elevator", entity_id=world.own.id, title=title,
        region_code=world.own.region_code, at=AT, elevator=world.own,
    )  # fmt: skip
    session.flush()
    session.expire_all()
    row = session.get(Application, made.id)
    assert row.title == title and MARK not in row.title and row.heading == title
    assert session.scalar(select(Application.id).where(Application.title.contains("停用登记"))) == row.id
    session.commit()
    with app.app_context():
        assert told_in("en", row.heading) == f"Suspension　{world.own.code}　{world.own.address}"
        assert told_in(None, row.heading) == title
        assert told_in("fr", row.heading) == title, "a language that is no longer offered is Chinese"
    row.said = None
    assert row.heading == title, "an older row has its Chinese"


def test_what_a_step_says_is_kept_and_what_a_person_wrote_stays_his(session: Any, world: World) -> None:
    session.add_all(
        StatusChange(
            entity="elevator", entity_id=1, field="status", old="in_use", new="suspended", verb="pause",
            effective_on=AT.date(), known_at=AT, reason=reason,
        )
        for reason in (say("维保暂停"), "维保暂停")
    )  # fmt: skip
    session.flush()
    session.expire_all()
    ours, his = session.scalars(select(StatusChange.reason).order_by(StatusChange.id))
    assert isinstance(ours, Said) and not isinstance(his, Said) and ours == his


def test_a_failed_job_hides_numbers_and_can_still_be_told(session: Any, world: World) -> None:
    job = jobs.enqueue(session, SYSTEM, AT, "schedule", "排班与超期判定")
    batch = ImportBatch(kind="units", state="importing", file_name="甲", job_id=job.id, created_at=AT)
    session.add(batch)
    session.flush()
    token = jobs.claim(session, job.id, AT)
    assert token is not None
    jobs.fail(session, job.id, token, AT, say("手机 %(phone)s 已被使用", phone="13900001111"))
    session.expire_all()
    error, note = session.get(Job, job.id).error, session.get(ImportBatch, batch.id).note
    assert isinstance(error, Said) and "13900001111" not in error and "13900001111" not in str(error.args)
    assert isinstance(note, Said) and note == f"中途出错，已写入的行保留：{error}"
    assert isinstance(session.get(Job, job.id).title, Said)


def test_what_leaves_the_house_is_in_the_language_of_whoever_it_is_for(session: Any, world: World, app: Any) -> None:
    head, clerk = world.accounts["maintenance_head"], world.accounts["clerk"]
    for account, language in ((head, "en"), (clerk, None)):
        row = session.get(Account, account.id)
        row.language, row.phone = language, f"1390000000{account.id % 10}"
        row.phone_verified_at = AT
        choice = notices._own(session, world.actor("maintenance_head" if account is head else "clerk"), AT)
        choice.channels = {"approval": ["sms"]}
    session.flush()
    title, body = say("待审批：%(title)s", title="甲"), say("申请编号 %(number)s", number="TY-9")
    with app.app_context():
        notices.fan_out(session, AT, [head.id, clerk.id], "approval", title, body, None, ["sms"])
        outbox.send_to(session, AT, head.id, "sms", "13900000001", "code.x", say("入职邀请"))
    written_out = select(Notification.recipient_id, Notification.body).where(Notification.topic == "approval")
    said = dict(session.execute(written_out).all())
    assert said[head.id] == "[Ti'an] Awaiting approval: 甲. Application number TY-9"
    assert said[clerk.id] == "【梯安】待审批：甲。申请编号 TY-9"
    code = session.scalar(select(Notification.body).where(Notification.topic == "code.x"))
    assert code == "Invitations"


def test_the_language_chosen_on_a_page_becomes_the_account_s(world: World, sign_in: Any, session: Any) -> None:
    account = world.accounts["clerk"]
    browser = sign_in(account)
    session.rollback()
    assert session.get(Account, account.id).language is None
    browser.get("/lang/en")
    session.rollback()
    assert session.get(Account, account.id).language == "en"
    fresh = sign_in(account)
    assert 'lang="en"' in fresh.get("/").text, "a browser in which nothing was chosen speaks the account's"
    fresh.get("/lang/zh_Hans_CN")
    session.rollback()
    assert session.get(Account, account.id).language == "zh_Hans_CN"


def test_without_an_application_everything_is_chinese() -> None:
    assert told_in("en", say("停用登记")) == "停用登记"
    assert clock.local_day(AT) == dt.date(2026, 3, 2) and callable(told)
