"""Every route × every persona × rows that are not theirs.

All foreign rows share one key and carry one mark, so that any route's argument points at a foreign row of whatever
kind the route is about. Whatever the door: the mark never shows, nothing foreign changes, nothing ends in a 5xx.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from werkzeug.routing import IntegerConverter

from app.permissions import Role, Verb
from app.views.access import recovery
from tests.conftest import csrf
from tests.factories import World, actor, make_account, make_unit
from tests.foreign_rows import CODE, KEY, MARK, TOKEN, foreign_rows, foreign_state

# What forms have no shape for: the interface takes these of a JSON body only.
LISTS: dict[str, Any] = {
    "elevator_ids": [KEY], "attachments": [KEY], "chosen": [{"id": KEY, "seen_version": 1}], "kind": "suspension",
    "data": {"address": "改址"}, "seen_version": 1, "elevator_id": KEY, "unit_id": KEY,
}  # fmt: skip
PERSONAS = ("region_admin", "maintenance_head", "worker", "use_head", "tester")
# Who sees the rows that somebody above sees, and may do less with them: where that one meets no fault of a database,
# neither does he. His walk is for what is decided by role, and that is the same on both.
LESS_THAN = {"inspector": "region_admin", "clerk": "maintenance_head", "safety_officer": "use_head"}
ON_ONE = pytest.mark.parametrize("db_kind", ["sqlite"], scope="session")
# Doors that are open to everybody on purpose (/metrics: to this machine); what they show is checked elsewhere.
OPEN = re.compile(
    r"^/(static|favicon\.ico$|appbuilder/static|login|logout|health|metrics|lang|swaggerview-static|recover|register|captcha|m/p/|m/track|m/join|m/outbox$|m/worker|m/app\.|open/|help|m/help)"
)
# What a passer-by may be told of any elevator, told to whoever holds its label (tests/field/test_public.py).
BEHIND_THE_CODE = re.compile(r"^/m/p/")
# Signing out or changing the language would end the walk itself; /health is open and tells of services only.
LEFT_OUT = re.compile(r"^/(logout|lang|static|appbuilder/static|health)")
STRING_VALUES = {
    "filename": "x.png",
    "locale": "en",
    "version": "v1",
    "name": "elevators",
    "code": CODE,
    "token": TOKEN,
    "entity": "application",
}


def account_of(world: World, session: Any, persona: str) -> Any:
    """The persona's account; inspection people of the district belong to a unit of their own."""
    if persona != "tester":
        return world.accounts[persona]
    unit = make_unit(session, "临河特种设备检测院", is_inspection=True)
    account = make_account(session, Role.TESTER, unit=unit, is_main=True)
    session.commit()
    return account


@ON_ONE
@pytest.mark.parametrize(("persona", "other"), LESS_THAN.items())
def test_who_may_less_is_rightly_called_so(session: Any, world: World, persona: str, other: str) -> None:
    his, more = world.accounts[persona], world.accounts[other]
    assert (his.unit_id, his.region_id) == (more.unit_id, more.region_id), "else he sees other rows"
    assert {verb for verb in Verb if actor(his).may(verb)} < {verb for verb in Verb if actor(more).may(verb)}


class Shut:
    """Whether a door was shut before its view was called: then query and body were never looked at, and the same door
    asked again with others says the same."""

    def __init__(self, ask: Any) -> None:
        self.ask, self.refused = ask, False

    def __call__(self, permission: str, view: str) -> bool:
        allowed: bool = self.ask(permission, view)
        self.refused = self.refused or not allowed
        return allowed

    def by(self, answer: Any) -> bool:
        """Of the request just answered; the next one begins anew."""
        refused, self.refused = self.refused, False
        return refused and answer.status_code == 403


@pytest.fixture
def shut(app: Any, monkeypatch: Any) -> Shut:
    """What the roles' table said of the doors that were asked."""
    manager = app.appbuilder.sm
    found = Shut(manager.has_access)
    monkeypatch.setattr(manager, "has_access", found)
    # Finding an account and finding none: the same time is held elsewhere (tests/views/test_no_enumeration.py).
    monkeypatch.setattr(recovery, "EVEN_SECONDS", 0)
    return found


@cache
def addresses(app: Any, method: str) -> list[str]:
    """Every route that takes this method, its arguments pointing at the foreign rows."""
    found = []
    for rule in app.url_map.iter_rules():
        if method not in rule.methods or LEFT_OUT.match(rule.rule):
            continue
        values = {}
        for name in rule.arguments:
            converter = rule._converters[name]
            if isinstance(converter, IntegerConverter) or "pk" in name or name.endswith("id"):
                values[name] = KEY
            else:
                values[name] = STRING_VALUES.get(name, str(KEY))
        with app.test_request_context():
            built = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
        found.append(built)
    return sorted(set(found))


def test_the_walk_sees_the_doors(app: Any) -> None:
    """An empty walk would prove nothing."""
    assert len(addresses(app, "GET")) > 60
    assert len(addresses(app, "POST")) > 30


@pytest.mark.feature("ACC-01")
@pytest.mark.feature("ACC-13")
@pytest.mark.parametrize("persona", PERSONAS)
def test_no_persona_reads_what_is_not_theirs(
    app: Any, session: Any, world: Any, sign_in: Any, persona: str, menu_once: None, shut: Shut
) -> None:
    reads_nothing(app, session, world, sign_in, persona, shut)


@pytest.mark.feature("ACC-01")
@pytest.mark.feature("ACC-13")
@ON_ONE
@pytest.mark.parametrize("persona", LESS_THAN)
def test_who_may_less_reads_no_more(
    app: Any, session: Any, world: Any, sign_in: Any, persona: str, menu_once: None, shut: Shut
) -> None:
    reads_nothing(app, session, world, sign_in, persona, shut)


def reads_nothing(app: Any, session: Any, world: Any, sign_in: Any, persona: str, shut: Shut) -> None:
    foreign_rows(world, session)
    browser = sign_in(account_of(world, session, persona))
    failures = []
    targets: set[str | None] = set()
    for address in addresses(app, "GET"):
        for tail in ("", f"?q={MARK[:4]}&id={KEY}&pk={KEY}&elevator={KEY}&elevator_id={KEY}&unit_id={KEY}&ids={KEY}"):
            answer = browser.get(address + tail)
            body = answer.get_data().decode(errors="replace")
            if answer.status_code in (301, 302, 303, 307, 308):
                # What it says on the next page; each target is shown once, as most refusals lead to the same one.
                body += said(browser)
                if answer.location not in targets:
                    targets.add(answer.location)
                    answer = browser.get(answer.location, follow_redirects=True)
                    body += answer.get_data().decode(errors="replace")
            if answer.status_code >= 500:
                failures.append(f"{answer.status_code} GET {address}{tail}")
            # The words that were searched for come back in the box; the whole mark may not.
            if MARK in body and not BEHIND_THE_CODE.match(address):
                failures.append(f"shows foreign row: GET {address}{tail}")
            if shut.by(answer):
                break
    assert browser.get("/profile/").status_code == 200, "whoever is signed out on the way proves nothing"
    assert not failures, "\n".join(failures)


@pytest.mark.feature("ACC-01")
@pytest.mark.feature("ACC-13")
@pytest.mark.parametrize("persona", PERSONAS)
def test_no_persona_changes_what_is_not_theirs(
    app: Any, session: Any, world: Any, sign_in: Any, persona: str, menu_once: None, shut: Shut
) -> None:
    changes_nothing(app, session, world, sign_in, persona, shut)


@pytest.mark.feature("ACC-01")
@pytest.mark.feature("ACC-13")
@ON_ONE
@pytest.mark.parametrize("persona", LESS_THAN)
def test_who_may_less_changes_no_more(
    app: Any, session: Any, world: Any, sign_in: Any, persona: str, menu_once: None, shut: Shut
) -> None:
    changes_nothing(app, session, world, sign_in, persona, shut)


def changes_nothing(app: Any, session: Any, world: Any, sign_in: Any, persona: str, shut: Shut) -> None:
    foreign_rows(world, session)
    before = foreign_state(session)
    browser = sign_in(account_of(world, session, persona))
    failures = []
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for address in addresses(app, method):
            if address == "/login/":
                continue
            for form in (True, False):
                body: dict[str, Any] = {
                    "row_version": "1", "seen_version": "1", "decision": "approve", "verb": "approve",
                    "opinion": "同意",
                    "reason": "原因", "name": "改名", "address": "改址", "note": "改", "number": "改", "ids": str(KEY),
                    "rowid": str(KEY), "elevator_id": str(KEY), "elevator_ids": str(KEY), "unit_id": str(KEY),
                    "person_id": str(KEY), "worker_id": str(KEY), "password": "Abcdef.12345", "action": "delete",
                    "active": "", "state": "approved", "status": "scrapped", "body": "改",
                }  # fmt: skip
                token = csrf(browser)  # a call may begin another session
                headers = {"X-CSRFToken": token}
                sent: dict[str, Any] = {"data": body | {"csrf_token": token}} if form else {"json": body | LISTS}
                answer = browser.open(address, method=method, headers=headers, **sent)
                if answer.status_code >= 500:
                    failures.append(f"{answer.status_code} {method} {address} {'form' if form else 'json'}")
                if MARK in answer.get_data().decode(errors="replace") and not BEHIND_THE_CODE.match(address):
                    failures.append(f"shows foreign row: {method} {address}")
                if shut.by(answer):
                    break
    assert browser.get("/profile/").status_code == 200, "whoever is signed out on the way proves nothing"
    after = foreign_state(session)
    for name, row in before.items():
        if row != after[name]:
            changed = {k: (v, after[name][k]) for k, v in row.items() if v != after[name][k]}
            failures.append(f"changed {name}: {changed}")
    assert not failures, "\n".join(failures)


def test_nobody_gets_in_without_signing_in(app: Any, session: Any, world: Any, client: Any) -> None:
    foreign_rows(world, session)
    failures = []
    for address in addresses(app, "GET"):
        answer = client.get(address)
        if OPEN.match(address):
            continue
        if answer.status_code not in (301, 302, 303, 308, 401, 403, 404, 405):
            failures.append(f"{answer.status_code} GET {address}")
        if MARK in answer.get_data().decode(errors="replace"):
            failures.append(f"shows a row: GET {address}")
    assert not failures, "\n".join(failures)


def said(browser: Any) -> str:
    """Take what the session keeps to be said on the next page."""
    with browser.session_transaction() as kept:
        return " ".join(str(text) for _, text in kept.pop("_flashes", []))
