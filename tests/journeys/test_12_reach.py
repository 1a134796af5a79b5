"""Everybody can use it: each kind of page at a desk and on a phone, light and dark, by screen reader, and on paper."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.journeys.conftest import DESK, PHONE

# A picture or file is no page; signing out would end the walk.
NOT_WALKED = re.compile(r"/(logout|static|lang|swagger|files)\b|\.(pdf|xlsx|csv|png|svg)$|[?&]pdf=")
RULES = {"resultTypes": ["violations"]}
GRAVE = {"serious", "critical"}


def kinds_of_pages(page: Any, seen: set[str], most: int) -> Any:
    """Visit one page of each kind that was not seen yet, from the menu on; yields each path."""
    waiting = deque(links(page))
    while waiting and most:
        link = waiting.popleft()
        kind = re.sub(r"\d+|[0-9a-f]{12,}", "N", urlsplit(link).path)
        if kind in seen or NOT_WALKED.search(link):
            continue
        seen.add(kind)
        answer = page.goto(link)
        if answer is None or "html" not in (answer.header_value("content-type") or ""):
            continue
        assert answer.ok, f"{link}: {answer.status}"
        most -= 1
        waiting.extend(links(page))
        yield link


def links(page: Any) -> list[str]:
    found = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    return [link for link in found if link.startswith("/") and not link.startswith("//")]


def hindrances(page: Any) -> list[str]:
    """What would keep somebody from using the page as it stands, by axe-core's serious findings."""
    answer = Axe().run(page, options=RULES).response
    return [
        f"{page.url}: {found['id']}: {node['html'][:160]}"
        for found in answer["violations"]
        if found["impact"] in GRAVE
        for node in found["nodes"][:2]
    ]


def too_wide(page: Any) -> list[str]:
    over = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    return [f"{page.url}: {over} px wider than the screen"] if over > 1 else []


@pytest.mark.feature("ACC-13", "LIF-08", "ELV-02")
def test_every_kind_of_page_can_be_read_and_operated(enter: Callable[..., Any]) -> None:
    """At a desk in light colours by the office, then each persona's own pages on a phone in the dark."""
    wrong: list[str] = []
    at_desk: set[str] = set()
    for role, most in (("区域管理员", 60), ("平台管理员", 15), ("维保单位负责人", 25)):
        page = enter(role, DESK, color_scheme="light")
        for _link in kinds_of_pages(page, at_desk, most):
            wrong += hindrances(page)
    on_phone: set[str] = set()
    for role, most in (("维保员", 15), ("使用单位安全员", 15), ("维保单位负责人", 25), ("监察员", 40)):
        page = enter(role, PHONE, color_scheme="dark")
        for _link in kinds_of_pages(page, on_phone, most):
            wrong += hindrances(page) + too_wide(page)
    assert len(at_desk) > 60 and len(on_phone) > 60
    assert not wrong, "\n".join(sorted(set(wrong)))


@pytest.mark.feature("ACC-04")
def test_a_stranger_can_read_the_pages_before_signing_in(open_page: Callable[..., Any]) -> None:
    wrong: list[str] = []
    for viewport, colours in ((DESK, "light"), (PHONE, "dark")):
        page = open_page(viewport, color_scheme=colours)
        page.goto("/login/")
        wrong += hindrances(page) + too_wide(page)
        for _link in kinds_of_pages(page, {"/login/"}, 8):
            wrong += hindrances(page) + too_wide(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.feature("STA-01", "ELV-02")
def test_on_paper_stands_what_was_found_and_no_menu(enter: Callable[..., Any]) -> None:
    """Printed, a list and a report show their rows in black on white, without menu, buttons or cut columns."""
    page = enter("区域管理员")
    page.emulate_media(media="print", color_scheme="dark")
    for path in ("/elevators/", "/reports/coverage", "/warnings/maintenance/"):
        page.goto(path)
        page.set_viewport_size({"width": 1040, "height": 720})  # A4 across, at 96 dpi
        assert not page.locator(".ta-side").is_visible() and not page.locator(".ta-top").is_visible()
        assert page.locator("table.ta-t tbody tr").first.is_visible()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
        assert too_wide(page) == []
