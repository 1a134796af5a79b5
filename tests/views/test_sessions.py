"""Signing out ends a session on every browser that holds its cookie, and no other session (ACC-15)."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from sqlalchemy import select, text

from app import clock
from app.models import Account, AuditEntry, EndedSession, LiveSession
from app.transaction import transaction
from app.workflows.access import sessions, sub_rights
from tests.conftest import csrf
from tests.factories import PASSWORD, World

pytestmark = pytest.mark.feature("ACC-15")


def test_a_copied_cookie_is_worth_nothing_after_signing_out(
    app: Any, session: Any, world: World, sign_in: Any
) -> None:
    first, second = sign_in(world.accounts["clerk"]), sign_in(world.accounts["clerk"])
    copy = app.test_client()
    copy.set_cookie("session", first.get_cookie("session").value)
    assert copy.get("/profile/").status_code == 200
    first.get("/logout/")
    answer = copy.get("/profile/")
    assert answer.status_code == 302 and "/login/" in answer.location
    assert "已退出登录，请重新登录" in copy.get("/login/").get_data(as_text=True)
    assert second.get("/profile/").status_code == 200
    session.rollback()  # what this session read before is not what is true now
    assert len(session.scalars(select(EndedSession)).all()) == 1


def test_signing_out_twice_or_as_nobody_is_no_error(world: World, sign_in: Any, client: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert [browser.get("/logout/").status_code for _ in range(2)] == [302, 302]
    assert client.get("/logout/").status_code == 302


def test_rows_go_with_the_cookies_they_are_about(session: Any) -> None:
    now = clock.now()
    with transaction(session):
        sessions.end(session, "old", now - dt.timedelta(seconds=1))
        sessions.end(session, "new", now + dt.timedelta(hours=1))
        sessions.end(session, "new", now + dt.timedelta(hours=1))
    with transaction(session):
        assert sessions.forget_old(session, now) == 1
    assert [session.scalar(select(sessions.ended(number))) for number in ("old", "new")] == [False, True]


def test_the_first_page_asks_and_does_not_refuse(client: Any, world: World) -> None:
    text = client.get("/", follow_redirects=True).get_data(as_text=True)
    assert "访问被拒绝" not in text and "Access is Denied" not in text and 'name="password"' in text
    client.get("/logout/")
    assert "已退出登录" in client.get("/login/").get_data(as_text=True)


# --- the list of where one is signed in

AGENT = "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36"


def text_of(browser: Any, page: str = "/profile/") -> str:
    return str(browser.get(page).get_data(as_text=True))


def is_in(browser: Any) -> bool:
    return bool(browser.get("/profile/").status_code == 200)


def post(browser: Any, address: str, **fields: Any) -> Any:
    return browser.post(address, data={"csrf_token": csrf(browser), **fields})


def rows_of(session: Any, account: Account) -> list[LiveSession]:
    session.rollback()
    return list(session.scalars(select(LiveSession).where(LiveSession.user_id == account.id).order_by(LiveSession.id)))


def test_the_profile_lists_where_one_is_signed_in(app: Any, session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    other = app.test_client()
    data = {"csrf_token": csrf(other), "username": clerk.username, "password": PASSWORD}
    other.post("/login/", data=data, headers={"User-Agent": AGENT})
    sign_in(world.accounts["worker"])
    page = text_of(browser)
    assert page.count("/sessions/") == 2 and "Windows 电脑 · Chrome" in page and "本机" in page
    assert "120 分钟没有操作或登录满 12 小时自动退出" in page
    first = rows_of(session, clerk)[0]
    assert first.number not in page and AGENT not in page


def test_signing_one_device_out(session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    browser, other, third = (sign_in(clerk) for _ in range(3))
    post(browser, f"/sessions/{rows_of(session, clerk)[1].id}/end")
    assert [is_in(b) for b in (browser, other, third)] == [True, False, True]
    assert "已退出登录，请重新登录" in text_of(other, "/login/")
    assert len(rows_of(session, clerk)) == 2
    audit = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.end")).one()
    assert audit.entity_id == clerk.id


def test_signing_out_everywhere_else_keeps_the_browser_at_hand(
    app: Any, session: Any, world: World, sign_in: Any
) -> None:
    clerk = world.accounts["clerk"]
    browser, other = sign_in(clerk), sign_in(clerk)
    given = {"username": clerk.username, "password": PASSWORD}
    token = app.test_client().post("/api/v1/security/login", json=given).get_json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 200
    post(browser, f"/sessions/of/{clerk.id}/end")
    assert is_in(browser) and not is_in(other)
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 401
    assert text_of(browser).count("/sessions/of/") == 0  # nothing else is left to end


def test_ending_the_own_session_is_signing_out(session: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    answer = post(browser, f"/sessions/{rows_of(session, world.accounts['clerk'])[0].id}/end")
    assert answer.location == "/login/" and not is_in(browser)


@pytest.mark.parametrize(
    ("persona", "target", "may"),
    [
        ("maintenance_head", "worker", True), ("region_admin", "worker", True), ("region_admin", "inspector", True),
        ("platform_admin", "region_admin", True), ("maintenance_head", "other_worker", False),
        ("clerk", "worker", False), ("worker", "maintenance_head", False), ("inspector", "worker", False),
        ("region_admin", "other_worker", False), ("region_admin", "platform_admin", False),
        ("use_head", "worker", False),
    ],
)  # fmt: skip
def test_who_ends_whose(session: Any, world: World, sign_in: Any, persona: str, target: str, may: bool) -> None:
    row = world.accounts[target]
    victim, actor = sign_in(row), sign_in(world.accounts[persona])
    post(actor, f"/sessions/{rows_of(session, row)[0].id}/end")
    assert is_in(victim) is not may
    if may:
        victim = sign_in(row)
    post(actor, f"/sessions/of/{row.id}/end")
    assert is_in(victim) is not may and is_in(actor)


def test_above_one_sees_the_devices_of_those_below(world: World, sign_in: Any) -> None:
    worker = world.accounts["worker"]
    sign_in(worker)
    for persona, page in (
        ("region_admin", f"/accounts/{worker.id}"), ("maintenance_head", f"/sub-accounts/{worker.id}/sessions")
    ):  # fmt: skip
        shown = text_of(sign_in(world.accounts[persona]), page)
        assert "登录中的设备" in shown and "/sessions/" in shown, persona
    assert "登录中的设备" not in text_of(sign_in(world.accounts["inspector"]), f"/accounts/{worker.id}")


def test_what_has_run_out_is_not_listed_and_is_swept(session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    session.rollback()
    now, idle = clock.now(), dt.timedelta(minutes=120)
    assert len(sessions.of(session, clerk, now, idle)) == 1
    assert sessions.of(session, clerk, now + dt.timedelta(minutes=121), idle) == []
    with transaction(session):
        session.get(Account, clerk.id).session_epoch += 1
    assert sessions.of(session, clerk, now, idle) == []
    with transaction(session):
        sessions.forget_old(session, now + dt.timedelta(hours=13))
    assert rows_of(session, clerk) == [] and not is_in(browser)


def test_the_last_deed_is_kept_now_and_then(session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    began = rows_of(session, clerk)[0].seen_at
    for minutes, noted in ((4, False), (6, True)):
        with clock.frozen(began + dt.timedelta(minutes=minutes)):
            assert is_in(browser)
        assert (rows_of(session, clerk)[0].seen_at > began) is noted


@pytest.mark.feature("IMP-01")
def test_a_page_that_is_only_read_waits_for_nobody_who_writes(session: Any, world: World, sign_in: Any) -> None:
    """While a large import wrote to SQLite, pages ended in 503 after 15 seconds, for the last deed's sake."""
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    began = rows_of(session, clerk)[0].seen_at
    session.rollback()
    engine = session.get_bind()
    one_writer = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(tian_write=True) as writer:
        writer.execute(text("SELECT 1"))
        started = time.monotonic()
        with clock.frozen(began + dt.timedelta(minutes=6)):
            assert is_in(browser) and time.monotonic() - started < 5
        writer.rollback()
        assert (rows_of(session, clerk)[0].seen_at == began) is one_writer
        session.rollback()
        with clock.frozen(began + dt.timedelta(minutes=8)):
            assert is_in(browser)
        assert (rows_of(session, clerk)[0].seen_at > began) is True, "the next page keeps it"
        if one_writer:
            assert writer.execute(text("PRAGMA busy_timeout")).scalar() == 15_000, "others wait their turn as before"


def test_a_right_taken_away_holds_from_the_next_request(session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    assert browser.get("/contracts/").status_code == 200 and 'href="/contracts/"' in text_of(browser)
    with transaction(session):
        sub_rights.set_rights(session, world.actor("maintenance_head"), clerk.id, ["elevator.read"], clock.now())
    assert browser.get("/contracts/").status_code == 403 and 'href="/contracts/"' not in text_of(browser)
    assert browser.get("/elevators/").status_code == 200
    with transaction(session):
        sub_rights.set_rights(
            session, world.actor("maintenance_head"), clerk.id, ["elevator.read", "contract.read"], clock.now()
        )
    assert browser.get("/contracts/").status_code == 200


def test_an_answer_that_says_nothing_new_leaves_the_cookie_alone(world: World, sign_in: Any) -> None:
    """Else that of a look-up, arriving after a form's, takes away what the form had to say."""
    browser = sign_in(world.accounts["clerk"])
    browser.get("/profile/")
    answer = browser.get("/lookup/elevators?q=20")
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
