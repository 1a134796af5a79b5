"""Chromium for the journeys: the system's if there is one, else Playwright's own.

The one without windows (`chromium-headless-shell`, the same engine) comes before the one that also keeps a window's
frame, extensions and reader of PDFs going for nobody to see: that is half of what a page costs a browser. Playwright's
own is one like it.

`python -m tests.browser` starts it once and says so, which is how scripts/services.sh knows that it works.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Root in a container has no user namespace for the sandbox; the rest keeps the browser from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


# Debian keeps it out of PATH, beside what it shares with the other.
SHELLS = ("chromium-headless-shell", "/usr/lib/chromium/chromium-headless-shell")


def executable() -> str | None:
    """A path, or None for the browser that Playwright installed. /usr/bin/chromium-browser may be a mere pointer."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, (*SHELLS, "chromium", "google-chrome"))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with chromium() as found:
        print(found.version)
