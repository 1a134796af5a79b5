"""Whatever a page links to opens for whoever was shown the link.

The invented region with its account for each role is walked page by page: one page of each kind, from the menu on.
"""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from app import clock
from app.demo import evidence, people
from app.demo.builder import Builder
from app.transaction import transaction
from tests.conftest import csrf

NOW = clock.now()
LINK = re.compile(r"""<(a|form)\b[^>]*?\s(?:href|action)=["']([^"'#]+)""")
# Signing out ends the walk; the console is Flask-Admin's own set of pages.
NOT_WALKED = re.compile(r"^/(logout|static|lang|ops|swagger)\b|\.(pdf|xlsx|csv|png|svg|webmanifest)$")
MOST_PAGES = 150


def region(session: Any) -> list[people.DemoAccount]:
    """An account of each role in a demo region with some work in it."""
    with transaction(session):
        Builder(session, 30, 7, NOW, None).build()
        made = people.make_accounts(session, NOW)
        people.make_waiting(session, NOW)
        evidence.complete(session, NOW, 7)
    return made


def kind_of(path: str) -> str:
    return re.sub(r"\d+|(?<=/help/)[a-z-]+", "N", path)


def walk(browser: Any, start: str) -> list[str]:
    """The links on its way that did not open: page, link, answer."""
    seen: set[str] = set()
    dead: list[str] = []
    waiting = deque([("", start)])
    while waiting and len(seen) < MOST_PAGES:
        origin, link = waiting.popleft()
        path = urlsplit(link).path
        if kind_of(path) in seen or NOT_WALKED.search(path):
            continue
        seen.add(kind_of(path))
        answer = browser.get(link, follow_redirects=True)
        if answer.status_code >= 400:
            dead.append(f"{origin} → {link}: {answer.status_code}")
            continue
        if answer.mimetype == "text/html":
            for element, found in LINK.findall(answer.get_data(as_text=True)):
                to = urljoin(link, unescape(found))
                if element == "a" and to.startswith("/"):
                    waiting.append((link, to))
    assert len(seen) > 5
    return dead


@pytest.mark.feature("ACC-13", "LIF-08")
def test_no_page_leads_to_a_closed_door(session: Any, app: Any, menu_once: None) -> None:
    dead: dict[str, list[str]] = {}
    for account in region(session):
        browser = app.test_client()
        sent = {"username": account.login_name, "password": account.password, "csrf_token": csrf(browser)}
        assert browser.post("/login/", data=sent).status_code == 302
        if found := walk(browser, "/"):
            dead[account.role] = found
    assert dead == {}
