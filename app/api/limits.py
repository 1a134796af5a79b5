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
from itertools import chain, islice
from threading import Lock
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, WindowStats, parse
from limits.storage import RedisStorage
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
            g.api_counted = counted = counter.count(by_token, by_address)
        except Exception:
            log.exception("calls could not be counted")
            return
        if counted.over:
            raise TooManyRequests

    @app.after_request
    def _tell(response: Response) -> Response:
        counted: Counted | None = g.get("api_counted")
        if counted is not None:
            response.headers.extend({
                "X-RateLimit-Limit": str(counted.amount), "X-RateLimit-Remaining": str(counted.window.remaining),
                "X-RateLimit-Reset": str(int(counted.window.reset_time)),
            })  # fmt: skip
            response.headers["Retry-After"] = str(max(0, int(counted.window.reset_time - time.time())))
        return response


class Counted(NamedTuple):
    """What a call was told: whether it was one too many, and the limit that says so, else the first one asked."""

    over: bool
    amount: int
    window: WindowStats


# A limit and the words by which it is counted.
Asked = tuple[RateLimitItem, str, str]


@lru_cache(maxsize=64)
def _limit(text: str) -> RateLimitItem:
    return parse(text)


# One call, asked of each limit in turn until one is used up: the library's own two scripts, which would be one round
# trip for each limit and one for what is told. The lists are the library's, so that guesses count in them, too.
_COUNT = """
local now, over = tonumber(ARGV[1]), 0
for n = 1, #KEYS do
    local limit, expiry = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
    local entry = redis.call('lindex', KEYS[n], limit - 1)
    if limit < 1 or (entry and tonumber(entry) >= now - expiry) then
        over = n
        break
    end
    redis.call('lpush', KEYS[n], ARGV[1])
    redis.call('ltrim', KEYS[n], 0, limit - 1)
    redis.call('expire', KEYS[n], expiry)
end
local told = math.max(over, 1)
local low, high, oldest, since = 0, tonumber(ARGV[2 * told]) - 1, nil, now - tonumber(ARGV[2 * told + 1])
while low <= high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('lindex', KEYS[told], middle)
    if entry and tonumber(entry) >= since then
        oldest, low = entry, middle + 1
    else
        high = middle - 1
    end
end
return {over, low, oldest or ARGV[1]}
"""


class Shared(MovingWindowRateLimiter):
    """Counted where all processes see it."""

    storage: RedisStorage

    def __init__(self, uri: str) -> None:
        super().__init__(RedisStorage(uri))
        self._count = self.storage.get_connection().register_script(_COUNT.encode())

    def count(self, *asked: Asked) -> Counted:
        """Count one call of each limit, up to the first that is used up, in one round trip."""
        limits = [(item.amount, item.get_expiry()) for item, *_ in asked]
        keys = [self.storage.prefixed_key(item.key_for(KEY_PREFIX, *words)) for item, *words in asked]
        over, number, oldest = self._count(keys, [repr(time.time()), *chain.from_iterable(limits)])
        amount, expiry = limits[max(over, 1) - 1]
        return Counted(over > 0, amount, WindowStats(float(oldest) + expiry, amount - number))

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

    def count(self, *asked: Asked) -> Counted:
        """As `Shared.count`."""
        over = next((each for each in asked if not self.hit(*each)), None)
        told = over or asked[0]
        return Counted(over is not None, told[0].amount, self.get_window_stats(*told))

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
