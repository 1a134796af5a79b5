"""Attacks on signing in: passwords and codes that are guessed, accounts that are kept locked, doors beside the page."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from app import clock, vault
from app.extensions import db
from app.models import Account, AuditEntry, Captcha, LoginGuard
from app.transaction import transaction
from app.views.access.proving import confirm_second_factor
from app.workflows.access import codes, signin
from app.workflows.core import outbox
from tests.api.test_filing_api import token
from tests.attacks.ground import at_once
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_policy
from tests.workflows.invitations.ground import AT

WRONG = "Wrong.pass-0001"


def api_login(app: Any, name: str, password: str = WRONG, **more: Any) -> Any:
    return app.test_client().post("/api/v1/security/login", json={"username": name, "password": password, **more})


@pytest.mark.feature("ACC-04")
def test_a_known_name_is_not_kept_locked_through_the_interface(app: Any, session: Any, world: World) -> None:
    """The login name of a main account is public: whoever calls for ever must not keep its owner out of the page."""
    head = world.accounts["maintenance_head"]
    told: dict[str, list[str]] = {}
    for name in (head.username, "nobody.here"):
        told[name] = [api_login(app, name).json["message"] for _n in range(8)]
    assert told[head.username] == told["nobody.here"], "which names there are is told by no answer"
    assert "图形验证码" in told[head.username][2] == told[head.username][7]
    # Not even the right password comes in by a door without a question, nor does it tell that it is right.
    assert api_login(app, head.username, PASSWORD).json["message"] == told[head.username][2]
    session.rollback()
    guards = session.scalars(select(LoginGuard)).all()
    # Each name's place, and all its places together.
    assert [(row.tries, row.locked_until) for row in guards] == [(signin.CAPTCHA_AFTER, None)] * 4
    # The page asks its question and lets him in; then the interface does so too.
    browser = app.test_client()
    token = csrf(browser)
    page = browser.post("/login/?words=1", data={"username": head.username, "words": "1", "csrf_token": token}).text
    key = re.search(r'name="captcha_key"[^>]*value="(\w+)"', page)
    assert key, page
    with transaction(session):
        answer = vault.unseal(session.get(Captcha, key[1]).answer)
    data = {
        "username": head.username, "password": PASSWORD, "csrf_token": token, "captcha_key": key[1],
        "captcha": answer,
    }  # fmt: skip
    assert browser.post("/login/", data=data).status_code == 302
    assert api_login(app, head.username, PASSWORD).status_code == 200


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize(("tries", "counted"), [(2, 1), (3, 2), (10, 2)])
def test_a_lock_of_few_tries_asks_its_question_in_time(
    app: Any, session: Any, world: World, tries: int, counted: int
) -> None:
    make_policy(session, "lock_tries", tries, region_code="980000000000")
    session.commit()
    for _n in range(6):
        api_login(app, world.accounts["clerk"].username)
    session.rollback()
    rows = session.scalars(select(LoginGuard)).all()
    assert signin.lock_policy(session, signin.clock.now())[0] == tries
    assert [(row.tries, row.locked_until) for row in rows] == [(counted, None)] * 2


@pytest.mark.feature("ACC-04")
def test_many_calls_at_once_lock_nobody_either(app: Any, session: Any, world: World, database: Any) -> None:
    name = world.accounts["clerk"].username
    session.commit()
    at_once(app, database, lambda own: signin.begin(own, name, AT, asked=False))
    session.rollback()
    assert [row.tries for row in session.scalars(select(LoginGuard))] == [signin.CAPTCHA_AFTER] * 2


@pytest.mark.feature("ACC-07")
def test_who_has_the_password_can_not_guess_codes_without_end(app: Any, session: Any, world: World) -> None:
    """The password was right each time, and each time forgave the wrong codes before it."""
    clerk = session.get(Account, world.accounts["clerk"].id)
    clerk.totp_secret, clerk.totp_step = vault.seal(pyotp.random_base32()), 0
    session.commit()
    told = [api_login(app, clerk.username, PASSWORD, code="abcdef").json["message"] for _n in range(8)]
    assert "动态口令" in told[0] and "锁定至" in told[7], told
    browser = app.test_client()
    for _n in range(5):
        browser.post("/login/", data={"username": clerk.username, "password": PASSWORD, "csrf_token": csrf(browser)})
    session.rollback()
    assert session.get(LoginGuard, f"account:{clerk.id}!").locked_until is not None, "the password forgives no code"


@pytest.fixture
def mail(monkeypatch: Any) -> list[str]:
    """The codes that went out by mail."""
    sent: list[str] = []
    monkeypatch.setitem(outbox.SENDERS, "email", lambda _session, _notice: None)
    told = outbox.send_to

    def keep(*given: Any, **more: Any) -> Any:
        sent.append(re.findall(r"\d{6}", str(given[6]))[0])
        return told(*given, **more)

    monkeypatch.setattr(codes.outbox, "send_to", keep)
    return sent


@pytest.mark.feature("ACC-06", "ACC-07")
def test_an_open_browser_changes_no_mail_by_the_interface_without_the_password(
    app: Any, session: Any, world: World, mail: list[str]
) -> None:
    """The page asks for the password (and the app's code); the interface asks no less, and its code is good where it
    was asked for."""
    found_open, own, key = token(app, world, "worker"), world.accounts["worker"], "/api/v1/me/mail"
    new, browser = {"mail": "stranger@example.com"}, app.test_client()

    def call(method: str, path: str, **sent: str) -> Any:
        session.rollback()
        return browser.open(path, method=method, json=new | sent, headers=found_open)

    for sent in ({}, {"own_password": "Wrong.pass-0001"}):
        refused = call("POST", f"{key}/code", **sent)
        assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "own_password"
    assert not mail
    given = call("POST", f"{key}/code", own_password=PASSWORD)
    assert given.status_code == 200 and given.json["sent_to"] == "s***@example.com" and len(mail) == 1
    assert call("PUT", key, code=mail[0]).status_code == 422, "the code alone, without the call that asked for it"
    assert call("PUT", key, code=mail[0], request=given.json["request"]).status_code == 200
    session.refresh(own)
    assert own.email == "stranger@example.com"


@pytest.mark.feature("ACC-07")
def test_with_an_app_the_interface_asks_for_its_code_too(
    app: Any, session: Any, world: World, mail: list[str]
) -> None:
    secret = pyotp.random_base32()
    headers = token(app, world, "worker")
    with transaction(session):
        world.accounts["worker"].totp_secret = vault.seal(secret)
    sent = {"mail": "own@example.com", "own_password": PASSWORD}
    browser = app.test_client()
    refused = browser.post("/api/v1/me/mail/code", json=sent, headers=headers)
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "own_password_code"
    sent["own_password_code"] = pyotp.TOTP(secret).at(clock.now())
    assert browser.post("/api/v1/me/mail/code", json=sent, headers=headers).status_code == 200


@pytest.mark.feature("ACC-07", "AUD-01")
def test_a_right_code_for_an_account_that_was_locked_meanwhile_is_no_sign_in(
    app: Any, session: Any, world: World
) -> None:
    secret = pyotp.random_base32()
    with transaction(session):
        account = world.accounts["worker"]
        account.totp_secret, account.locked_until = vault.seal(secret), clock.now() + dt.timedelta(days=1)
    key = account.id
    session.rollback()
    with app.test_request_context("/"):
        own = db.session.get(Account, key, execution_options={"skip_scope": True})
        refusal = confirm_second_factor(own, pyotp.TOTP(secret).at(clock.now()), None)
    assert refusal is not None and "停用或锁定" in str(refusal)
    done = set(session.scalars(select(AuditEntry.action).where(AuditEntry.entity_id == key)))
    assert "login.refused" in done and "login.second" not in done
