"""How often the API may be called: by token (or session), and by address whatever the tokens.

Counted in Redis where the product has one, so that all web processes count together; else each process for itself.
A count that cannot be kept stops nobody. Pages are not counted: they have their own locks (workflows/access/signin.py).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import Any

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, WindowStats, parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from app.permissions import NOBODY
from app.rules.devices import place_of

PREFIX = "/api/"
KEY_PREFIX = "tian-api"
MOST_KEYS = 50_000
log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Count every call below /api/; one too many is 429 with Retry-After."""
    uri = app.config["RATELIMIT_STORAGE_URI"]
    counter: Any = OwnWindow() if uri == "memory://" else Shared(uri)
    # Beside Flask-AppBuilder's own, so that whoever resets one resets all.
    app.extensions.setdefault("limiter", set()).add(counter)
    app.extensions["tian_window"] = counter

    @app.before_request
    def _count() -> None:
        if not current_app.config["API_LIMITED"] or not request.path.startswith(PREFIX):
            return
        by_token = _limit(str(current_app.config["API_LIMIT_TOKEN"])), "token", caller()
        by_address = _limit(str(current_app.config["API_LIMIT_ADDRESS"])), "address", address()
        try:
            over = next((each for each in (by_token, by_address) if not counter.hit(*each)), None)
            g.api_limit = over or by_token
            g.api_window = counter.get_window_stats(*g.api_limit)
        except Exception:
            log.exception("calls could not be counted")
            return
        if over is not None:
            raise TooManyRequests

    @app.after_request
    def _tell(response: Response) -> Response:
        window: WindowStats | None = g.get("api_window")
        if window is not None:
            response.headers.extend({
                "X-RateLimit-Limit": str(g.api_limit[0].amount), "X-RateLimit-Remaining": str(window.remaining),
                "X-RateLimit-Reset": str(int(window.reset_time)),
            })  # fmt: skip
            response.headers["Retry-After"] = str(max(0, int(window.reset_time - time.time())))
        return response


@lru_cache(maxsize=64)
def _limit(text: str) -> RateLimitItem:
    return parse(text)


class Shared(MovingWindowRateLimiter):
    """Counted where all processes see it."""

    def __init__(self, uri: str) -> None:
        super().__init__(storage_from_string(uri))  # type: ignore[arg-type]

    def hit(self, item: RateLimitItem, *words: str, cost: int = 1) -> bool:
        return super().hit(item, KEY_PREFIX, *words, cost=cost)

    def get_window_stats(self, item: RateLimitItem, *words: str) -> WindowStats:
        return super().get_window_stats(item, KEY_PREFIX, *words)

    def reset(self) -> None:
        self.storage.reset()


class OwnWindow:
    """The same moving window for one process: the times of the last calls, as many as the limit allows.

    The library's own keeps a thread for what runs out, which costs more than all else of a count.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[str, ...], deque[float]] = {}
        self._lock = Lock()

    def hit(self, item: RateLimitItem, *words: str) -> bool:
        now, since = time.time(), time.time() - item.get_expiry()
        with self._lock:
            calls = self._calls.get(words)
            if calls is None:
                if len(self._calls) >= MOST_KEYS:
                    self._forget(since)
                calls = self._calls[words] = deque()
            while calls and calls[0] < since:
                calls.popleft()
            if len(calls) >= item.amount:
                return False
            calls.append(now)
            return True

    def get_window_stats(self, item: RateLimitItem, *words: str) -> WindowStats:
        with self._lock:
            calls = self._calls.get(words) or ()
            first = next(iter(calls), time.time())
            return WindowStats(first + item.get_expiry(), item.amount - len(calls))

    def reset(self) -> None:
        with self._lock:
            self._calls.clear()

    def _forget(self, since: float) -> None:
        """Whoever has not called of late; where all have, the first half: a count may be lost, memory may not."""
        quiet = [words for words, calls in self._calls.items() if not calls or calls[-1] < since]
        for words in quiet or list(islice(self._calls, MOST_KEYS // 2)):
            del self._calls[words]


def caller() -> str:
    """The token, or a device's number, as a digest, for what is counted is also stored; else account, else address.

    A device's number is no secret and its signature is looked at later: it counts with the place that it comes from,
    or whoever reads a name plate would use up the calls of a device that has people to report.
    """
    given, device = request.headers.get("Authorization"), request.headers.get("X-Device")
    if not given and device:
        given = f"{device}@{address()}"
    if given:
        return hashlib.sha256(given.encode()).hexdigest()[:32]
    # The session's cookie would not do: it is another one after every answer.
    number = g.get("actor", NOBODY).user_id
    return address() if number is None else f"account-{number}"


def address() -> str:
    """From where a call comes; a proxy on this host, which is no place, is counted as itself."""
    return place_of(request.remote_addr) or request.remote_addr or "unknown"
