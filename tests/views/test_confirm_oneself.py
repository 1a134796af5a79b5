"""What sign-in stands on is changed by password and, where there is an app, its code too (ACC-07, ASVS 7.5.1)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyotp
import pytest

from app import clock, vault
from app.models import Account, LoginGuard, OneTimeCode
from app.transaction import transaction
from app.views.access import external
from app.workflows.core import outbox
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.views.test_security import sign_in as typed_in

AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(seconds=30)
pytestmark = pytest.mark.feature("ACC-06", "ACC-07")

# The door, its own fields, the field of the password, and where it leads when all is right.
DOORS = {
    "/profile/phone/code": ({"phone": "13900000099"}, "phone_password", 200),
    "/profile/mail/code": ({"mail": "wen.zhiqiu@example.com"}, "mail_password", 200),
    "/profile/totp": ({"off": "1"}, "password", 302),
    "/profile/tokens/": ({"name": "看板", "verbs": "elevator.read", "ends_on": "2026-04-01"}, "password", 200),
    "/profile/identity/staff": ({}, "password", 302),
}


@pytest.fixture
def gateways(monkeypatch: Any) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)
    monkeypatch.setitem(outbox.SENDERS, "email", lambda *_: None)


def inside(app: Any, session: Any, account: Account) -> tuple[Any, pyotp.TOTP]:
    """A browser that is signed in with the app's code at AT; the next step's code is the next that counts."""
    session.rollback()
    secret = pyotp.random_base32()
    account.totp_secret, account.totp_step = vault.seal(secret), 0
    session.commit()
    client = app.test_client()
    asked = typed_in(client, account.username)
    form = {"csrf_token": csrf(client, asked.location), "code": pyotp.TOTP(secret).at(clock.now())}
    assert client.post(asked.location, data=form).status_code == 302
    return client, pyotp.TOTP(secret)


@pytest.mark.parametrize("door", list(DOORS))
def test_the_password_alone_is_not_enough(
    app: Any, session: Any, world: World, gateways: None, monkeypatch: Any, door: str
) -> None:
    monkeypatch.setattr(external, "_providers", lambda: {"staff": type("P", (), {"label": "工作台"})()})
    fields, name, status = DOORS[door]
    with clock.frozen(AT):
        client, _app = inside(app, session, world.accounts["clerk"])
        form = {"csrf_token": csrf(client), **fields, name: PASSWORD}
        for more in ({}, {f"{name}_code": "000000"}):
            answer = client.post(door, data=form | more, follow_redirects=True)
            text = answer.get_data(as_text=True)
            assert "动态口令" in text and ("没有填写" in text or "不正确，或已经用过" in text), text
    session.rollback()
    session.refresh(world.accounts["clerk"])
    assert world.accounts["clerk"].totp_secret is not None and session.query(OneTimeCode).count() == 0
    with clock.frozen(AT + STEP):
        form[f"{name}_code"] = _app.at(AT + STEP)
        assert client.post(door, data=form).status_code == status


def test_the_page_asks_for_it_only_where_there_is_an_app(
    app: Any, session: Any, world: World, gateways: None, sign_in: Any
) -> None:
    without = sign_in(world.accounts["worker"]).get("/profile/").get_data(as_text=True)
    assert 'name="phone_password"' in without and "_password_code" not in without
    with clock.frozen(AT):
        client, _app = inside(app, session, world.accounts["clerk"])
        text = client.get("/profile/").get_data(as_text=True)
    for name in ("phone_password_code", "mail_password_code", "password_code"):
        assert f'name="{name}"' in text


def test_a_new_app_in_place_of_the_old_needs_the_old_ones_code(
    app: Any, session: Any, world: World, gateways: None
) -> None:
    with clock.frozen(AT):
        client, _app = inside(app, session, world.accounts["clerk"])
        form = {"csrf_token": csrf(client), "password": PASSWORD}
        assert client.post("/profile/totp", data=form).status_code == 422
        with client.session_transaction() as held:
            assert "totp_secret" not in held


def test_the_right_password_forgives_no_wrong_codes(app: Any, session: Any, world: World, gateways: None) -> None:
    clerk = world.accounts["clerk"]
    with clock.frozen(AT):
        client, _app = inside(app, session, clerk)
        form = {"csrf_token": csrf(client), "off": "1", "password": PASSWORD, "password_code": "000000"}
        told = [client.post("/profile/totp", data=form).get_data(as_text=True) for _n in range(6)]
    assert "锁定至" in told[5]
    session.rollback()
    with transaction(session):
        locked = [row for row in session.query(LoginGuard) if row.locked_until is not None]
    assert [row.key.startswith(f"account:{clerk.id}#") for row in locked] == [True], "on the browser that is known"
