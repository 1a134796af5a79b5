"""关于 and 意见反馈: whom to ask by the region, and what is said reaches its administrators, so many a day."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Notification
from app.permissions import Role
from app.views.frame import about
from app.workflows.access import feedback
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.databases import ROOT
from tests.factories import World, make_account, make_policy

SAID = "维保任务的列表在手机上横向滚动，看不到日期。"


def page(browser: Any, url: str = "/about/", status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status
    return str(answer.get_data(as_text=True))


def say(browser: Any, status: int = 302, **more: Any) -> str:
    form = {"csrf_token": csrf(browser), "kind": "fault", "body": SAID, "page": "/tasks/"} | more
    answer = browser.post("/about/feedback", data=form)
    assert answer.status_code == status, answer.get_data(as_text=True)[-1500:]
    return str(answer.get_data(as_text=True))


def told(session: Any) -> dict[int, Notification]:
    session.rollback()
    asked = select(Notification).where(Notification.topic == "feedback", Notification.channel == "inbox")
    return {row.recipient_id: row for row in session.scalars(asked.execution_options(skip_scope=True))}


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize("persona", ["worker", "use_head", "inspector", "platform_admin"])
def test_everybody_reads_the_version_and_whom_to_ask(
    session: Any, world: World, sign_in: Any, persona: str
) -> None:
    browser = sign_in(world.accounts[persona])
    shown = page(browser)
    assert about.VERSION in shown and "新内容" in shown and str(about.NEWS[0][0]) in shown
    assert "还没有公布支持联系方式" in shown
    assert ("/policy/keys/support_contact" in shown) == (persona == "platform_admin")
    session.rollback()
    make_policy(session, "support_contact", "980-1234567，工作日 8:30 至 17:30")
    session.commit()
    shown = page(browser)
    # By the region where one is; the platform's own desk is in none.
    assert ("980-1234567，工作日 8:30 至 17:30" in shown) == (persona != "platform_admin")
    assert "/about/feedback" in shown and 'href="/about/"' in page(browser, "/inbox/")


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == about.VERSION and len(about.NEWS) >= 3


def test_strangers_are_asked_to_sign_in(app: Any, world: World) -> None:
    for url in ("/about/", "/about/feedback"):
        assert app.test_client().get(url).status_code == 302


@pytest.mark.feature("NTF-01")
def test_what_is_said_reaches_the_administrators_of_the_region(session: Any, world: World, sign_in: Any) -> None:
    second = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    gone = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    gone.active = False
    elsewhere = make_account(session, Role.REGION_ADMIN, region_code="980403000000")
    session.commit()
    browser = sign_in(world.accounts["clerk"])
    assert "所在页面 /tasks/" in browser.get(
        "/about/feedback", headers={"Referer": "http://localhost/tasks/?q=张三"}
    ).get_data(as_text=True)
    say(browser)
    assert "已送达 2 位管理员" in page(browser)
    rows = told(session)
    assert set(rows) == {world.accounts["region_admin"].id, second.id} and elsewhere.id not in rows
    row = rows[second.id]
    assert "出错、打不开" in row.title and SAID in row.body and "/tasks/" in row.body
    # Whoever is told can see who it was.
    assert row.link == f"/accounts/{world.accounts['clerk'].id}"
    assert sign_in(second).get(row.link).status_code == 200
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "feedback.send")).one()
    assert entry.after == {"kind": "出错、打不开", "count": 2} and SAID not in f"{entry.after}"
    log = page(sign_in(world.accounts["platform_admin"]), "/audit/?action=feedback.send")
    assert "提交意见反馈" in log


@pytest.mark.feature("NTF-01")
def test_without_an_administrator_near_it_goes_up_and_never_to_oneself(
    session: Any, world: World, sign_in: Any
) -> None:
    say(sign_in(world.accounts["other_head"]))
    assert set(told(session)) == {world.accounts["platform_admin"].id}
    admin = sign_in(world.accounts["region_admin"])
    say(admin)
    assert world.accounts["region_admin"].id not in told(session)
    # The only one above all has nobody to tell, and is told so.
    refused = say(sign_in(world.accounts["platform_admin"]), 422)
    assert "没有可以收到的管理员" in refused


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"kind": ""}, "没有选择"), ({"kind": "nonsense"}, "没有选择"), ({"body": ""}, "没有填写"),
        ({"body": " \n \n "}, "没有填写"), ({"body": "不行"}, "2 个字"), ({"body": "长" * 1001}, "1001 个字"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_and_what_was_typed_stays(
    session: Any, world: World, sign_in: Any, more: dict[str, str], word: str
) -> None:
    browser = sign_in(world.accounts["use_head"])
    shown = say(browser, 422, **more)
    assert word in shown and told(session) == {}
    assert (more.get("body", SAID).strip() or "textarea") in shown
    # What was refused counts for nothing.
    for _n in range(3):
        say(browser, 422, **more)
    say(browser)


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize("stood", ["https://evil.example/x", "//evil.example", "javascript:alert(1)", "x" * 300])
def test_no_page_but_one_of_ours_is_passed_on(session: Any, world: World, sign_in: Any, stood: str) -> None:
    say(sign_in(world.accounts["use_head"]), page=stood)
    row = told(session)[world.accounts["region_admin"].id]
    assert stood[:40] not in row.body and row.body == SAID


@pytest.mark.feature("NTF-01", "INT-04")
def test_a_day_has_its_number_at_every_door(app: Any, session: Any, world: World, sign_in: Any) -> None:
    caller, browser = Caller(app, world, "use_head"), sign_in(world.accounts["use_head"])
    with clock.frozen(clock.now()):
        for n in range(feedback.MOST_A_DAY - 1):
            done = caller.post("/inbox/feedback", {"kind": "wish", "body": f"{SAID}{n}"})
            assert done.status_code == 201 and done.json == {"count": 1}, done.text
        say(browser)
        assert "今天已经提交了 10 条" in say(browser, 429)
        assert rules_of(caller.post("/inbox/feedback", {"kind": "wish", "body": SAID}), 429) == {"意见反馈"}
        # Of another account that is another count.
        say(sign_in(world.accounts["safety_officer"]))
    with clock.frozen(clock.now() + dt.timedelta(days=1)):
        say(sign_in(world.accounts["use_head"]))
    session.rollback()


@pytest.mark.feature("INT-04")
def test_the_interface_names_what_is_wrong(app: Any, world: World) -> None:
    caller = Caller(app, world, "use_head")
    assert rules_of(caller.post("/inbox/feedback", {"kind": "x", "body": SAID}))
    assert rules_of(caller.post("/inbox/feedback", {"kind": "wish"}))
