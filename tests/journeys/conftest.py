"""Journeys: the whole product as `make run` starts it, and a real browser in front of it.

A page that a journey opened may not ask any other host for anything, nor raise an error in its scripts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import chromium
from tests.databases import ROOT
from tests.services import free_port

READY_SECONDS = 240
SHOTS = ROOT / "build" / "screenshots"
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}


@dataclass
class Product:
    """The running product: where it answers, what it said when it started, where its data is."""

    address: str
    data: Path
    said: str

    def url(self, path: str) -> str:
        return self.address.rstrip("/") + path


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Web, worker and beat on SQLite with the demo region, stopped by SIGTERM as a person would stop it."""
    data, port = tmp_path_factory.mktemp("product"), free_port()
    output = data / "output.txt"
    environment = {**os.environ, "DATA_DIR": str(data), "PORT": str(port), "HOST": "127.0.0.1"}
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "run.py"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + READY_SECONDS
        while "已就绪" not in output.read_text(encoding="utf-8"):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the product did not become ready:\n{output.read_text(encoding='utf-8')}")
            time.sleep(0.2)
        yield Product(f"http://127.0.0.1:{port}/", data, output.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        status = process.wait(timeout=120)
    assert status == 0, output.read_text(encoding="utf-8")


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
        context = browser.new_context(
            base_url=product.address, viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai",
            has_touch=phone, is_mobile=phone, accept_downloads=True, **options,
        )  # fmt: skip
        contexts.append(context)
        context.on("page", watch)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


def asked_elsewhere(url: str, product: Product) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme in {"data", "blob", "about"} or parts.netloc == urlsplit(product.address).netloc:
        return []
    return [f"the page asked another host: {url}"]


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Any, str], Path]:
    """`shot(page, "after approval")` keeps a picture in build/screenshots, numbered in the order of the story."""
    taken = 0

    def take(page: Any, name: str) -> Path:
        nonlocal taken
        taken += 1
        story = re.sub(r"\W+", "-", request.node.name).strip("-")
        SHOTS.mkdir(parents=True, exist_ok=True)
        step = re.sub(r"\W+", "-", name).strip("-")
        path = SHOTS / f"{story}-{taken:02d}-{step}.png"
        page.screenshot(path=str(path), full_page=True)
        return path

    return take


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a journey."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.journey)
