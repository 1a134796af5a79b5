"""How often the API may be called: by token, by address, told with when to come back; pages are not counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.test_filing_api import token
from tests.factories import World

pytestmark = pytest.mark.feature("INT-04")


@pytest.fixture
def limited(app: Any) -> Iterator[Any]:
    """Small numbers, counted anew."""
    kept = {name: app.config[name] for name in ("API_LIMITED", "API_LIMIT_TOKEN", "API_LIMIT_ADDRESS")}
    for limiter in app.extensions["limiter"]:
        limiter.reset()
    app.config.update(API_LIMITED=True, API_LIMIT_TOKEN="3 per hour", API_LIMIT_ADDRESS="8 per hour")
    yield app
    app.config.update(kept)


def test_a_token_is_stopped_and_another_goes_on(limited: Any, world: World) -> None:
    limited.config["API_LIMITED"] = False
    one, two = token(limited, world, "clerk"), token(limited, world, "inspector")
    limited.config["API_LIMITED"] = True
    client = limited.test_client()
    answers = [client.get("/api/v1/elevators", headers=one) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["X-RateLimit-Limit"] == "3" and answers[0].headers["X-RateLimit-Remaining"] == "2"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert answers[-1].json["message"] == "操作太频繁"
    assert client.get("/api/v1/elevators", headers=two).status_code == 200


def test_an_address_is_stopped_whatever_tokens_it_makes_up(limited: Any, world: World) -> None:
    client = limited.test_client()
    codes = [
        client.get("/api/v1/elevators", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(9)
    ]  # fmt: skip
    assert codes[-1] == 429 and 429 not in codes[:8]
    elsewhere = client.get("/api/v1/elevators", environ_base={"REMOTE_ADDR": "203.0.113.5"})
    assert elsewhere.status_code == 401
    # Pages are not the API's, and stay open to whoever sits behind the same address.
    assert client.get("/login/").status_code == 200


def test_a_network_of_ipv6_is_one_address(limited: Any, world: World) -> None:
    """Whoever has one has 2^64 addresses: as many calls as he liked."""
    client = limited.test_client()

    def call(address: str) -> int:
        return int(client.get("/api/v1/elevators", environ_base={"REMOTE_ADDR": address}).status_code)

    assert [call(f"2001:db8:1:2::{n}") for n in range(1, 10)].count(429) > 0
    assert call("2001:db8:1:3::1") == 401


def test_passwords_cannot_be_tried_without_end_through_the_api(limited: Any, world: World) -> None:
    client = limited.test_client()
    body = {"username": "nobody", "password": "x", "provider": "db"}
    codes = [client.post("/api/v1/security/login", json=body).status_code for _ in range(5)]
    assert codes[-1] == 429 and codes.count(429) == 2


def test_processes_count_together_in_redis(redis_url: str) -> None:
    """Two limiters as two web processes have them."""
    from flask import Flask

    from app.api import limits

    made = []
    for _ in range(2):
        app = Flask(__name__)
        app.config.update(
            API_LIMITED=True, API_LIMIT_TOKEN="2 per hour", API_LIMIT_ADDRESS="9 per hour",
            RATELIMIT_STORAGE_URI=redis_url,
        )  # fmt: skip
        limits.install(app)
        app.add_url_rule("/api/x", view_func=lambda: "x")
        made.append(app.test_client())
    codes = [made[n % 2].get("/api/x", headers={"Authorization": "Bearer one"}).status_code for n in range(3)]
    assert codes == [200, 200, 429]


def test_redis_is_asked_once_a_call_and_tells_what_one_process_would(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the lists of the library's own scripts: what one way counted the other has counted."""
    from limits import parse

    from app.api import limits

    now = [1_700_000_000.25]
    monkeypatch.setattr("time.time", lambda: now[0])
    shared, own = limits.Shared(redis_url), limits.OwnWindow()
    token, place, none = parse("3 per minute"), parse("5 per minute"), parse("0 per minute")
    calls = [("a", "x")] * 4 + [("b", "x")] * 3 + [("c", "y")]
    for turn in range(3):
        for one, where in calls:
            asked = (token, "token", one), (place, "address", where)
            told = own.count(*asked)
            assert shared.count(*asked) == told
            if not told.over:
                assert shared.get_window_stats(*asked[0]) == told.window
                assert shared.get_window_stats(*asked[1]) == own.get_window_stats(*asked[1])
            now[0] += 1.5
        now[0] += 17 * turn
    assert shared.hit(token, "token", "d") and own.hit(token, "token", "d")
    asked = (token, "token", "d"), (place, "address", "z")
    assert shared.count(*asked) == own.count(*asked) == (False, 3, (now[0] + 60, 1))
    assert shared.count((none, "token", "e")).over
    sent = shared.storage.get_connection().info("commandstats")
    before = sent.get("cmdstat_evalsha", {"calls": 0})["calls"]
    shared.count(*asked)
    after = shared.storage.get_connection().info("commandstats")["cmdstat_evalsha"]["calls"]
    assert after == before + 1


def test_a_redis_that_is_away_stops_nobody() -> None:
    from flask import Flask

    from app.api import limits

    app = Flask(__name__)
    app.config.update(
        API_LIMITED=True, API_LIMIT_TOKEN="1 per hour", API_LIMIT_ADDRESS="1 per hour",
        RATELIMIT_STORAGE_URI="redis://127.0.0.1:1/0",
    )  # fmt: skip
    limits.install(app)
    app.add_url_rule("/api/x", view_func=lambda: "x")
    assert [app.test_client().get("/api/x").status_code for _ in range(3)] == [200, 200, 200]


def test_a_window_moves_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one process counts for itself: calls leave it one by one, callers that stay away are forgotten."""
    from limits import parse

    from app.api import limits

    now = [1000.0]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    monkeypatch.setattr(limits, "MOST_KEYS", 3)
    window, limit = limits.OwnWindow(), parse("2 per minute")
    assert window.hit(limit, "token", "a")
    now[0] += 30
    assert window.hit(limit, "token", "a") and not window.hit(limit, "token", "a")
    assert window.get_window_stats(limit, "token", "a") == (1060.0, 0)
    now[0] = 1061
    assert window.hit(limit, "token", "a") and not window.hit(limit, "token", "a")
    now[0] += 600
    assert all(window.hit(limit, "token", str(n)) for n in range(50)) and len(window._calls) <= 3
