"""Journeys: the whole product as `make run` starts it, and a real browser in front of it.

A page that a journey opened may not ask any other host for anything, nor raise an error in its scripts.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import OneTimeCode
from app.models.sealed import holding
from tests.browser import chromium
from tests.databases import ROOT
from tests.gateways import Gateway, http_gateway
from tests.journeys import steps
from tests.journeys.product import Product

_TAKEN = pytest.StashKey[Counter[str]]()
SHOTS = ROOT / "build" / "screenshots"
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
# How long a busy machine takes says nothing about the product; what comes at once is not waited for.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """The gateway that this installation sends its SMS through."""
    with http_gateway() as held:
        yield held


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, gateway: Gateway) -> Iterator[Product]:
    """Web, worker and beat on SQLite with the demo region, stopped by SIGTERM as a person would stop it."""
    settings = {"SMS_GATEWAY_URL": gateway.url, "SMS_GATEWAY_SECRET": "journeys"}
    running = Product(tmp_path_factory.mktemp("product"), settings)
    try:
        running.start()
        yield running
    finally:
        status = running.stop()
    assert status == 0, running.said


@pytest.fixture(autouse=True)
def running(product: Product) -> None:
    """One that stopped the product, and failed before it was started again, takes no other story along."""
    if product.process is not None and product.process.poll() is not None:
        product.start()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def open_page(browser: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """`open_page()` or `open_page(PHONE)`: a fresh browser profile each time, as another person would have."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: wrong.append(f"script error on {page.url}: {error}"))
        page.on("request", lambda request: wrong.extend(asked_elsewhere(request.url, product)))
        page.on("response", lambda r: wrong.append(f"{r.status} for {r.url}") if r.status >= 500 else None)

    def open_one(viewport: dict[str, int] = DESK, **options: Any) -> Any:
        phone = viewport["width"] < 600
        context = steps.profile(
            browser, base_url=product.address, viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai",
            has_touch=phone, is_mobile=phone, accept_downloads=True, **options,
        )  # fmt: skip
        contexts.append(context)
        context.on("page", watch)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def enter(open_page: Callable[..., Any], product: Product) -> Callable[..., Any]:
    """`enter("监察员")` gives a page on which the demo's account of that role has signed in."""

    def start(role: str, viewport: dict[str, int] = DESK, **options: Any) -> Any:
        login = product.login(role)
        return steps.sign_in(open_page(viewport, **options), login.name, login.password)

    return start


@pytest.fixture
def sms(gateway: Gateway, product: Product) -> Callable[[str], str]:
    """`sms("19905550001")` waits for the next message to that phone and gives its text.

    Whoever reads one does not wait a minute for the next: the codes so far were asked for earlier.
    """
    read: Counter[str] = Counter()
    for phone in sent_to(gateway):
        read[phone] = len(sent_to(gateway)[phone])

    def receive(phone: str) -> str:
        end = time.monotonic() + 25
        while len(texts := sent_to(gateway)[phone]) <= read[phone]:
            assert time.monotonic() < end, f"no message to {phone}"
            time.sleep(0.1)
        read[phone] += 1
        with product.session() as session:
            for code in session.scalars(select(OneTimeCode).where(holding(OneTimeCode.target, phone))):
                code.created_at -= dt.timedelta(minutes=2)
        return texts[read[phone] - 1]

    return receive


def sent_to(gateway: Gateway) -> defaultdict[str, list[str]]:
    """All texts that the gateway took, by phone."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for number in range(len(gateway.taken)):
        message = gateway.json(number)
        found[message["phone"]].append(message["text"])
    return found


def asked_elsewhere(url: str, product: Product) -> list[str]:
    parts = urlsplit(url)
    own = {"data", "blob", "about", "chrome", "chrome-extension"}  # the last two: its own reader of PDFs
    if parts.scheme in own or parts.netloc == urlsplit(product.address).netloc:
        return []
    return [f"the page asked another host: {url}"]


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Any, str], Path]:
    """`shot(page, "after approval")` keeps a picture in build/screenshots, numbered in the order of the story.

    The whole page from a desk; from a phone what its screen shows.
    """
    order: Counter[str] = request.config.stash.setdefault(_TAKEN, Counter())

    def take(page: Any, name: str) -> Path:
        order[request.node.path.stem] += 1
        story = request.node.path.stem.removeprefix("test_").replace("_", "-")
        SHOTS.mkdir(parents=True, exist_ok=True)
        step = re.sub(r"\W+", "-", name).strip("-")
        path = SHOTS / f"{story}-{order[request.node.path.stem]:02d}-{step}.png"
        try:
            picture(page, path)
        except PlaywrightError:  # now and then the browser has no picture, or the page makes room; it checks nothing
            page.wait_for_timeout(500)
            picture(page, path)
        return path

    def picture(page: Any, path: Path) -> None:
        # From the top: what sticks to the window would else stand in the middle of the picture.
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(path), full_page=page.viewport_size["width"] > PHONE["width"])

    return take


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a journey."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.journey)
