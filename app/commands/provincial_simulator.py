"""A provincial register to try ours against (docs/provincial-register.md): loopback only, with the faults of real ones.

`flask provincial-simulator` serves what this database has, here and there otherwise; `python -m
app.commands.provincial_simulator --data FILE` serves a file of items. Only the standard library and the clock:
no other part of the product stands behind its answers.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app import clock

MOST_BODY, MOST_CODES, MOST_LIMIT = 256 * 1024, 100, 500
STALE_SECONDS = 300


@dataclass
class Faults:
    """What goes wrong: chances from 0 to 1, seconds, calls a minute."""

    slow: float = 0.0
    errors: float = 0.0
    malformed: float = 0.0
    shift: bool = False
    limit: int = 0
    huge: bool = False
    drip: bool = False


@dataclass
class Book:
    """The register's items by code, and what was asked of it."""

    items: dict[str, dict[str, Any]]
    app_id: str = "tian"
    secret: str = "secret"
    faults: Faults = field(default_factory=Faults)
    seed: int = 1
    generation: int = 1
    pages: int = 0
    calls: list[float] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed).random


class Refused(Exception):
    """An error that the interface names."""

    def __init__(self, status: int, code: str, **headers: str) -> None:
        super().__init__(code)
        self.status, self.code, self.headers = status, code, headers


def answer(book: Book, method: str, target: str, headers: Any, body: bytes) -> dict[str, Any]:
    """What the register answers to a call."""
    parts = urlsplit(target)
    with book.lock:
        _signed(book, method, target, headers, body)
        if book.faults.limit:
            now = time.monotonic()
            book.calls[:] = [at for at in book.calls if now - at < 60]
            if len(book.calls) >= book.faults.limit:
                raise Refused(429, "too_many", **{"Retry-After": "1"})
            book.calls.append(now)
        if book.chance() < book.faults.errors:
            raise Refused(random.choice((500, 502, 503)), "internal")
    if (method, parts.path) == ("POST", "/v1/equipment/query"):
        return _by_codes(book, body)
    if (method, parts.path) == ("GET", "/v1/equipment"):
        return _by_region(book, {name: values[0] for name, values in parse_qs(parts.query).items()})
    raise Refused(404, "no_such_path")


def _signed(book: Book, method: str, target: str, headers: Any, body: bytes) -> None:
    stamp, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
    text = "\n".join((method, target, stamp, nonce, hashlib.sha256(body).hexdigest()))
    made = hmac.new(book.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    if headers.get("X-App-Id") != book.app_id or not hmac.compare_digest(made, headers.get("X-Signature", "")):
        raise Refused(401, "bad_signature")
    if not stamp.isdigit() or abs(int(stamp) - clock.now().timestamp()) > STALE_SECONDS:
        raise Refused(401, "stale_timestamp")
    if nonce in book.nonces:
        raise Refused(401, "nonce_used")
    book.nonces.add(nonce)


def _by_codes(book: Book, body: bytes) -> dict[str, Any]:
    try:
        codes = json.loads(body)["codes"]
        assert isinstance(codes, list) and 0 < len(codes) <= MOST_CODES
    except (ValueError, KeyError, TypeError, AssertionError):
        raise Refused(400, "bad_request") from None
    found, missing = [], []
    for code in codes:
        one = next((i for i in book.items.values() if code in (
            i.get("code"), i.get("equipment_code"), i.get("registration_code")
        )), None)  # fmt: skip
        if one is None:
            missing.append(code)
        else:
            found.append(one)
    return {"items": found, "not_found": missing}


def _by_region(book: Book, asked: dict[str, str]) -> dict[str, Any]:
    region, limit = asked.get("region", ""), min(int(asked.get("limit", "100") or 100), MOST_LIMIT)
    if len(region) != 12 or not region.isdigit():
        raise Refused(400, "bad_region")
    after = _after(book, asked.get("cursor", ""))
    width = next((w for w in (2, 4, 6, 9) if set(region[w:]) <= {"0"}), 12)
    inside = sorted(c for c, i in book.items.items() if str(i.get("region", "")).startswith(region[:width]))
    page = [code for code in inside if code > after][:limit]
    more = bool(page) and page[-1] < inside[-1]
    told: dict[str, Any] = {
        "items": [book.items[code] for code in page], "total": len(inside),
        "next": _cursor(book, page[-1]) if more else None,
    }  # fmt: skip
    with book.lock:
        book.pages += 1
        if book.faults.shift:
            _shift(book, inside)
    return told


def _shift(book: Book, inside: list[str]) -> None:
    """The list changes while it is read: now and then items come and go, once the reader's place is lost."""
    if book.pages == 2:
        book.generation += 1
    if inside and book.pages % 3 == 0:
        book.items.pop(inside[len(inside) // 2], None)


def _cursor(book: Book, code: str) -> str:
    return base64.urlsafe_b64encode(f"{book.generation}:{code}".encode()).decode()


def _after(book: Book, cursor: str) -> str:
    if not cursor:
        return ""
    try:
        generation, _, code = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (ValueError, UnicodeDecodeError):
        raise Refused(400, "bad_cursor") from None
    if generation != str(book.generation):
        raise Refused(409, "cursor_expired")
    return code


class Handler(BaseHTTPRequestHandler):
    """HTTP around `answer`."""

    protocol_version = "HTTP/1.1"
    book: Book

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        faults = self.book.faults
        if faults.slow:
            time.sleep(faults.slow)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MOST_BODY))
        status, extra = 200, {}
        try:
            told: dict[str, Any] = answer(self.book, self.command, self.path, self.headers, body)
        except Refused as refused:
            status, extra, told = refused.status, refused.headers, {"code": refused.code, "message": refused.code}
        text = json.dumps(told, ensure_ascii=False).encode()
        if status == 200 and self.book.chance() < faults.malformed:
            text = text[: len(text) // 2] + b"<html>"
        if faults.huge:
            text += b" " * (9 * 1024 * 1024)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in ([text[n : n + 1] for n in range(len(text))] if faults.drip else [text]):
                self.wfile.write(piece)
                if faults.drip:
                    time.sleep(0.2)
        except OSError:
            pass  # whoever asked has gone

    def log_message(self, *_: Any) -> None:
        """Quiet: it is the client's log that matters."""


def server(book: Book, port: int = 0) -> ThreadingHTTPServer:
    """A server on this machine alone."""
    held = type("Bound", (Handler,), {"book": book})
    found = ThreadingHTTPServer(("127.0.0.1", port), held)
    found.daemon_threads = True
    return found


def serve(book: Book, port: int, say: Any) -> None:
    """Serve until it is stopped; the first line says where."""
    found = server(book, port)
    say(f"PROVINCIAL_URL=http://127.0.0.1:{found.server_address[1]} PROVINCIAL_APP_ID={book.app_id} "
        f"PROVINCIAL_SECRET={book.secret}")  # fmt: skip
    try:
        found.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        found.server_close()


def invented(rows: Sequence[dict[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    """A register made of ours: most alike, some otherwise, a few that we do not have."""
    rng, items = random.Random(seed), dict[str, dict[str, Any]]()
    for number, row in enumerate(rows):
        one = dict(row)
        if number % 11 == 3:
            one["address"] = f"{one['address']}（东侧）"
        if number % 17 == 5:
            one["rated_load"] = 1000 if one.get("rated_load") != 1000 else 800
        if number % 23 == 7 and one.get("use_unit"):
            one["use_unit"] = {"name": f"{one['use_unit']['name']}分公司", "uscc": ""}
        items[one["code"]] = one
        if number % 29 == 11:
            made = one | {"code": f"{one['code'][:-2]}{rng.randint(10, 99)}", "factory_no": f"XC{number:06d}"}
            made |= dict.fromkeys(("equipment_code", "registration_code", "certificate_no"))
            items.setdefault(made["code"], made)
    return items


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="A JSON file: a list of items.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--app-id", default="tian")
    parser.add_argument("--secret", default="secret")
    parser.add_argument("--slow", type=float, default=0.0, help="Seconds before each answer.")
    parser.add_argument("--errors", type=float, default=0.0, help="Chance of a 5xx.")
    parser.add_argument("--malformed", type=float, default=0.0, help="Chance of an answer cut in half.")
    parser.add_argument("--shift", action="store_true", help="The list changes while it is read.")
    parser.add_argument("--limit", type=int, default=0, help="Calls a minute; more are 429.")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    with open(asked.data, encoding="utf-8") as file:
        rows = json.load(file)
    faults = Faults(asked.slow, asked.errors, asked.malformed, asked.shift, asked.limit)
    book = Book({row["code"]: row for row in rows}, asked.app_id, asked.secret, faults, asked.seed)
    serve(book, asked.port, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
