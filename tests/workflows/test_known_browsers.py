"""Strangers who know a login name lock themselves out, and not its owner (ACC-04, ASVS 6.3.1)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Account, KnownDevice
from app.transaction import transaction
from app.workflows.access import accounts, devices, sessions, signin
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.views.test_security import is_in
from tests.views.test_security import sign_in as typed_in

AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
pytestmark = pytest.mark.feature("ACC-04")


def attempt(
    session: Any, name: str, password: str, address: str, tokens: list[str] | None = None, at: dt.datetime = AT
) -> str:
    try:
        with transaction(session):
            tried = signin.begin(session, name, at, address=address, tokens=tokens or [])
        ok = tried.matches(password)
        with transaction(session):
            refusal = signin.finish(session, tried, ok, at)
    except signin.SignInRefused as refused:
        refusal = refused
    return str(refusal) if refusal else "ok"


def known_of(session: Any, account: Account, at: dt.datetime = AT) -> list[str]:
    with transaction(session):
        return devices.remember(session, account, [], at)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_one_place_locks_itself_and_no_other(session: Any, world: World, known: bool) -> None:
    name = world.accounts["clerk"].username if known else "nobody.here"
    told = [attempt(session, name, "wrong-password-1", "203.0.113.7") for _n in range(6)]
    assert "锁定至 09:15" in told[4] and "锁定至 09:15" in told[5]
    other = attempt(session, name, PASSWORD if known else "x", "203.0.113.8")
    assert other == "ok" if known else "还可以试 4 次" in other


def test_a_household_is_one_place(session: Any, world: World) -> None:
    name = world.accounts["clerk"].username
    for number in range(5):
        attempt(session, name, "wrong-password-1", f"2001:db8:1:2::{number:x}")
    assert "锁定至" in attempt(session, name, PASSWORD, "2001:db8:1:2:ffff::9")
    assert attempt(session, name, PASSWORD, "2001:db8:1:3::1") == "ok"


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_many_places_share_one_count_that_is_no_more_a_day_than_one_place_has(
    session: Any, world: World, known: bool
) -> None:
    name = world.accounts["clerk"].username if known else "nobody.here"
    told = [attempt(session, name, "wrong-password-1", f"198.51.100.{n}") for n in range(21)]
    assert "还可以试 1 次，之后锁定 60 分钟" in told[18] and "锁定至 10:00" in told[19] and told[19] == told[20]
    assert "锁定至 10:00" in attempt(session, name, PASSWORD, "192.0.2.1", at=AT + 59 * MINUTE)
    later = attempt(session, name, PASSWORD, "192.0.2.1", at=AT + 60 * MINUTE)
    assert later == "ok" if known else "还可以试 4 次" in later


def test_a_browser_that_is_known_comes_in_however_strangers_try(session: Any, world: World) -> None:
    clerk, other = world.accounts["clerk"], world.accounts["worker"]
    tokens, foreign = known_of(session, clerk), known_of(session, other)
    for n in range(25):
        attempt(session, clerk.username, "wrong-password-1", f"198.51.100.{n}")
    assert "锁定至" in attempt(session, clerk.username, PASSWORD, "192.0.2.1", foreign), "that of another account"
    assert "锁定至" in attempt(session, clerk.username, PASSWORD, "192.0.2.1", ["x" * 43]), "one made up"
    assert attempt(session, clerk.username, PASSWORD, "198.51.100.1", foreign + tokens) == "ok"
    assert "锁定至" in attempt(session, clerk.username, PASSWORD, "192.0.2.1"), "and forgives no stranger's tries"


def test_a_known_browser_is_counted_too_and_for_itself(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    one, two = known_of(session, clerk), known_of(session, clerk)
    told = [attempt(session, clerk.username, "wrong-password-1", f"192.0.2.{n}", one) for n in range(5)]
    assert "还可以试 1 次" in told[3] and "锁定至 09:15" in told[4]
    assert "锁定至" in attempt(session, clerk.username, PASSWORD, "192.0.2.1", one)
    assert attempt(session, clerk.username, PASSWORD, "192.0.2.1", two) == "ok"
    assert attempt(session, clerk.username, PASSWORD, "192.0.2.1") == "ok", "strange browsers are not touched by it"
    assert clerk.id in signin.locked_accounts(session, [clerk.id, world.accounts["worker"].id], AT)
    with transaction(session):
        accounts.unlock_account(session, world.actor("platform_admin"), clerk.id, AT)
    assert attempt(session, clerk.username, PASSWORD, "192.0.2.1", one) == "ok"


def test_a_new_password_and_signing_out_everywhere_forget_them_and_time_does(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    tokens = known_of(session, clerk)
    assert devices.known(session, clerk, tokens, AT + devices.KNOWN - MINUTE) is not None
    assert devices.known(session, clerk, tokens, AT + devices.KNOWN) is None
    with transaction(session):
        accounts.change_own_password(session, world.actor("clerk"), "Brand.new-2026", "Brand.new-2026", AT)
    assert devices.known(session, clerk, tokens, AT) is None
    tokens = known_of(session, clerk)
    with transaction(session):
        sessions.end_all(session, world.actor("clerk"), clerk.id, AT)
    assert devices.known(session, clerk, tokens, AT) is None
    known_of(session, clerk)
    with transaction(session):
        assert devices.forget_old(session, AT + devices.KNOWN) == 1


def test_an_account_has_twenty_and_a_browser_carries_eight(session: Any, world: World) -> None:
    clerk, worker = world.accounts["clerk"], world.accounts["worker"]
    first = known_of(session, clerk)
    with transaction(session):
        theirs = devices.remember(session, worker, first, AT)
        assert devices.remember(session, clerk, theirs, AT) == theirs, "both are known there"
    for n in range(devices.MOST):
        known_of(session, clerk, AT + (n + 1) * MINUTE)
    assert devices.known(session, clerk, first, AT) is None
    assert len(session.scalars(select(KnownDevice).where(KnownDevice.user_id == clerk.id)).all()) == devices.MOST
    assert devices.known(session, worker, theirs, AT) is not None
    carried: list[str] = []
    with transaction(session):
        for account in list(world.accounts.values())[:10]:
            carried = devices.remember(session, account, carried, AT)
    assert len(carried) == devices.IN_BROWSER == len(devices.tokens_of(".".join([*carried, "no token", "x" * 44])))


def test_the_browser_is_known_after_the_whole_sign_in_only(app: Any, session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    client = app.test_client()
    planted = "A" * 43
    client.set_cookie("device", planted)
    assert typed_in(client, clerk.username, "wrong-password-1").status_code == 401
    assert client.get_cookie("device").value == planted, "a wrong try makes nothing known"
    assert typed_in(client, clerk.username).status_code == 302 and is_in(client)
    cookie = client.get_cookie("device")
    assert cookie.http_only and cookie.same_site == "Lax" and cookie.path == "/"
    made, *rest = cookie.value.split(".")
    assert rest == [planted] and made != planted, "what was planted proves nothing"
    session.rollback()
    with transaction(session):
        assert devices.known(session, clerk, [planted], clock.now()) is None
        assert devices.known(session, clerk, [made], clock.now()) is not None
    # Kept through signing out; strangers lock the name, this browser comes in.
    client.get("/logout/")
    stranger = app.test_client()
    for _n in range(5):
        with transaction(session):
            signin.begin(session, clerk.username, clock.now())
    assert "captcha_key" in typed_in(stranger, clerk.username).get_data(as_text=True), "a strange one does not"
    assert typed_in(client, clerk.username).status_code == 302 and is_in(client)
    token = csrf(client, "/password/")
    form = {"csrf_token": token, "old_password": PASSWORD, "new_password": "Brand.new-2026", "again": "Brand.new-2026"}
    assert client.post("/password/", data=form).status_code == 302
    assert client.get_cookie("device").value.split(".")[0] not in (made, planted), "known anew by the new password"
