"""A demo region in the test's own database, and browsers in which its people have signed in."""

from __future__ import annotations

from typing import Any

from app import clock
from app.demo import evidence, people
from app.demo.builder import Builder
from app.transaction import transaction
from tests.conftest import csrf


def make(session: Any, elevators: int) -> dict[str, Any]:
    """Its accounts by login."""
    now = clock.now()
    with transaction(session):
        Builder(session, elevators, 7, now, None).build()
        made = people.make_accounts(session, now)
        people.make_waiting(session, now)
        evidence.complete(session, now, 7)
    return {one.login_name: one for one in made}


def enter(app: Any, account: Any) -> Any:
    """A browser in which this account has signed in."""
    browser = app.test_client()
    given = {"username": account.login_name, "password": account.password, "csrf_token": csrf(browser)}
    assert browser.post("/login/", data=given).status_code == 302
    return browser
