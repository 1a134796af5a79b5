"""What every answer carries, what the cookie is, which tokens count, and what is written down about refusals."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import sqlalchemy as sa

import config
from app.logs import formatter
from app.models import Account
from app.transaction import transaction
from tests.factories import PASSWORD, World

pytestmark = pytest.mark.feature("ACC-15")
OPEN = ["/login/", "/health", "/register/", "/static/js/app.js", "/nowhere", "/api/v1/me"]


@pytest.mark.parametrize("path", OPEN)
def test_every_answer_says_what_a_browser_may_do_with_it(client: Any, world: World, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[name] == "'none'", name
    assert "unsafe" not in policy["script-src"] and "nonce-" in policy["script-src"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers and headers["Content-Type"]
    assert path.startswith("/static") or "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/ops/", "/ops/job/", "/ops/audit_entry/", "/swagger/v1"])
def test_frameworks_pages_run_scripts_of_this_answer_only(world: World, sign_in: Any, path: str) -> None:
    answer = sign_in(world.accounts["platform_admin"]).get(path)
    assert answer.status_code == 200
    script = re.search(r"script-src ([^;]+)", answer.headers["Content-Security-Policy"])
    assert script and "unsafe" not in script[1]
    nonce = re.search(r"'nonce-([^']+)'", script[1])
    scripts = re.findall(r"<script\b[^>]*>", answer.get_data(as_text=True))
    assert nonce and scripts and all(f'nonce="{nonce[1]}"' in one for one in scripts), scripts


def test_no_cache_keeps_pages_or_tokens(app: Any, world: World, sign_in: Any) -> None:
    account = world.accounts["clerk"]
    page = sign_in(account).get("/profile/")
    tokens = app.test_client().post("/api/v1/security/login", json={"username": account.username, "password": PASSWORD})
    assert tokens.status_code == 200
    for answer in (page, tokens):
        assert "no-store" in answer.headers["Cache-Control"]


def test_over_https_the_cookie_is_this_hosts_alone(monkeypatch: Any, tmp_path: Path, app: Any, client: Any) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HTTPS", "1")
    held = config.settings()
    assert held["SESSION_COOKIE_NAME"] == "__Host-session" and held["SESSION_COOKIE_SECURE"]
    assert held["SESSION_COOKIE_HTTPONLY"] and held["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert held["SESSION_COOKIE_PATH"] == "/" and not held.get("SESSION_COOKIE_DOMAIN")
    assert "Strict-Transport-Security" not in client.get("/login/").headers
    monkeypatch.setitem(app.config, "SESSION_COOKIE_SECURE", True)
    answer = app.test_client().get("/login/", base_url="https://localhost")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/")) and "Domain" not in cookie


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT"])
def test_no_answer_repeats_the_request(client: Any, method: str) -> None:
    answer = client.open("/login/", method=method, headers={"Authorization": "Bearer secret-of-mine"})
    assert answer.status_code == 405 and "secret-of-mine" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "."])
@pytest.mark.parametrize("path", ["/", "/login/", "/api/v1/elevators", "/m/p/nothing", "/static/css/all.css"])
def test_a_host_that_can_be_none_is_a_bad_request(client: Any, caplog: Any, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400 and "请求不完整" in answer.get_data(as_text=True)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def _token(app: Any, account: Account, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": str(account.id), "epoch": account.session_epoch, "type": "access", "fresh": True, "csrf": "x",
        "iat": now, "nbf": now, "exp": now + 60, "jti": "a-token", "iss": "tian", "aud": "tian-api",
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"aud": "another-api"}, 401),
        ({"iss": "another"}, 401),
        ({"exp": 1}, 401),
        ({"nbf": 4_000_000_000}, 401),
        ({"type": "refresh"}, 401),
        ({"epoch": 0}, 401),
    ],
)
def test_a_token_is_ours_for_this_api_now(app: Any, world: World, change: dict[str, Any], status: int) -> None:
    claims = _token(app, world.accounts["clerk"], **change)
    sealed = jwt.encode(claims, app.config["SECRET_KEY"], "HS256")
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {sealed}"})
    assert answer.status_code in ({status} if status == 200 else {401, 422})


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_no_other_algorithm_and_no_other_key(app: Any, world: World, algorithm: str) -> None:
    claims = _token(app, world.accounts["clerk"])
    key = None if algorithm == "none" else app.config["SECRET_KEY"]
    for sealed in (jwt.encode(claims, key, algorithm), jwt.encode(claims, "k" * 64, "HS256")):
        answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {sealed}"})
        assert answer.status_code in (401, 422)


def test_whoever_is_kept_out_is_written_down(app: Any, world: World, sign_in: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    browser = sign_in(world.accounts["worker"])
    caplog.clear()
    assert browser.get("/accounts/").status_code == 403
    assert browser.post("/profile/phone", data={"phone": "13900000001"}).status_code == 400
    told = [(r.name, r.levelname, str(r.msg)) for r in caplog.records if r.name in ("app.requests", "app.security")]
    lines = [(name, level) for name, level, text in told if re.search(r"/accounts/|/profile/phone", text)]
    assert ("app.requests", "WARNING") in lines and ("app.security", "WARNING") in lines
    assert all("127.0.0.1" in text for _, _, text in told) and "13900000001" not in caplog.text


def test_a_password_kept_by_older_numbers_is_kept_anew(
    app: Any, session: Any, world: World, sign_in: Any, kept_for_good: str
) -> None:
    from werkzeug.security import generate_password_hash

    account = world.accounts["clerk"]
    with transaction(session):
        account.password = generate_password_hash(PASSWORD, "scrypt:1024:8:1")
    epoch = account.session_epoch
    assert sign_in(account).get("/profile/").status_code == 200
    session.rollback()
    session.refresh(account)
    assert account.password.startswith(f"{kept_for_good}$") and account.password_matches(PASSWORD)
    assert account.session_epoch == epoch, "the same password ends no session"


def test_the_cookie_is_signed_with_sha_256_and_an_altered_one_is_none(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert app.session_interface.digest_method is hashlib.sha256
    kept = browser.get_cookie("session").value
    copy = app.test_client()
    for altered in (kept[:-2] + ("AA" if kept[-2:] != "AA" else "BB"), kept.rpartition(".")[0], "x" + kept):
        copy.set_cookie("session", altered)
        assert copy.get("/profile/").status_code == 302
    copy.set_cookie("session", kept)
    assert copy.get("/profile/").status_code == 200


EVIL = "\"><script>alert(1)</script>{{7*7}}'<img src=x>"


def test_what_was_typed_is_text_on_every_page(app: Any, session: Any, world: World, sign_in: Any) -> None:
    row = world.own
    with transaction(session):
        row.address, row.estate = EVIL, EVIL
        row.maintenance_unit.name = EVIL
    browser = sign_in(world.accounts["region_admin"])
    lists = [f"{path}?q={EVIL}" for path in ("/elevators/", "/search/", "/units/")]
    addresses = ["/elevators/", f"/elevators/{row.id}", *lists]
    for address in addresses:
        text = browser.get(address, follow_redirects=True).get_data(as_text=True)
        assert "<script>alert" not in text and "<img src=x" not in text and "49'" not in text, address
    assert "&lt;script&gt;alert" in browser.get(f"/elevators/{row.id}").get_data(as_text=True)
    answer = browser.get(f"/api/v1/elevators/{row.id}")
    assert answer.mimetype == "application/json" and EVIL in answer.get_data(as_text=True).replace('\\"', '"')


def test_nothing_switches_escaping_off_or_makes_code_of_text() -> None:
    """Markup is made of literals with `format` alone, which escapes; scripts put text in as text."""
    app_folder = Path(config.ROOT) / "app"
    unsafe = {
        "*.html": r"\|\s*safe\b|autoescape\s+false|\bon(click|load|error|submit)=|href=\"javascript:",
        "*.js": r"\beval\(|new Function|document\.write|insertAdjacentHTML|\bpostMessage\(|setTimeout\(\s*[\"']",
        "*.py": r"Markup\(f[\"']|render_template_string|\beval\(|\bexec\(|shell=True|os\.system|pickle\.|yaml\.load\(",
    }
    found = [
        f"{path.relative_to(app_folder)}: {match[0]}"
        for pattern, words in unsafe.items()
        for path in sorted(app_folder.rglob(pattern))
        for match in re.finditer(words, path.read_text(encoding="utf-8"))
    ]
    # Cells and rows of lists are written by hand, for speed: each piece of theirs is escaped or a number.
    by_hand = ("views/frame/cells.py: Markup(f'", "views/frame/rows.py: Markup(f'")
    assert [one for one in found if one not in by_hand] == ["templates/ta/icons.html: |safe"], "drawings of our own"
    whole = r"_safe\(|escape\(|_tone\(|cut\(|int\("
    made_safe = {"said", "short", "width", "title", "tone", "kind", "cells[0]"}
    for name in ("cells", "rows"):
        for line in (app_folder / "views" / "frame" / f"{name}.py").read_text(encoding="utf-8").splitlines():
            pieces = re.findall(r"\{([^{}]*)\}", line) if "Markup(f'" in line else []
            assert all(piece in made_safe or re.match(whole, piece) for piece in pieces), line


def test_no_log_has_the_values_that_code_held_when_it_failed() -> None:
    """A traceback names files and lines; what variables and statements carried is somebody's data."""
    lines = io.StringIO()
    logger = logging.Logger("failing")
    handler = logging.StreamHandler(lines)
    handler.setFormatter(formatter())
    logger.addHandler(handler)
    try:
        password = "Said-nowhere-1"
        raise ValueError(len(password))
    except ValueError:
        logger.exception("it failed")
    told = json.loads(lines.getvalue())
    assert told["exception"][0]["exc_type"] == "ValueError"
    assert told["exception"][0]["frames"][0]["name"] == "test_no_log_has_the_values_that_code_held_when_it_failed"
    assert "Said-nowhere" not in lines.getvalue()


def test_an_error_of_the_database_does_not_quote_what_was_written() -> None:
    engine = sa.create_engine("sqlite://", **config.settings()["SQLALCHEMY_ENGINE_OPTIONS"])
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as failed:
        connection.execute(sa.text("SELECT no_such_column WHERE :number = ''"), {"number": "330102199001011234"})
    assert "no_such_column" in str(failed.value)
    assert "330102199001011234" not in str(failed.value)
