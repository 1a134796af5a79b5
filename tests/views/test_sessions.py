"""Signing out ends a session on every browser that holds its cookie, and no other session (ACC-15)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import EndedSession
from app.transaction import transaction
from app.workflows import sessions
from tests.factories import World

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
    assert not sessions.is_ended(session, "old") and sessions.is_ended(session, "new")


def test_the_first_page_asks_and_does_not_refuse(client: Any, world: World) -> None:
    text = client.get("/", follow_redirects=True).get_data(as_text=True)
    assert "访问被拒绝" not in text and "Access is Denied" not in text and 'name="password"' in text
    client.get("/logout/")
    assert "已退出登录" in client.get("/login/").get_data(as_text=True)
