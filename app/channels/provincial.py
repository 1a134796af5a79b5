"""The provincial register by HTTP (docs/provincial-register.md): signed, bounded in time and size, patient.

A call is tried again after a fault that may pass; after several that failed nobody is asked for a while.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from app import clock, http_lines
from app.channels.web import body_of, secured
from app.rules.provincial import BROKEN_AFTER, BROKEN_SECONDS, MOST_TRIES, wait_before
from app.wording import say
from app.workflows.partners.provincial_register import Answer, CursorLost, Register, Rejected, Unavailable

MOST_BYTES = 8 * 1024 * 1024
PAGE, CODES_AT_ONCE = 200, 100
# More equipment than a register has; what it says beyond is no number to keep.
MOST_TOTAL = 10**9
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 64 * 1024
_chance = secrets.SystemRandom().random


def register(settings: dict[str, Any]) -> Register | None:
    """The register that the installation named, or None."""
    url = settings.get("PROVINCIAL_URL") or ""
    if not url:
        return None
    secured("PROVINCIAL_URL", url)
    return Client(
        url, settings.get("PROVINCIAL_APP_ID") or "", settings.get("PROVINCIAL_SECRET") or "",
        float(settings.get("PROVINCIAL_TIMEOUT") or 15), settings.get("PROVINCIAL_CA") or None,
    )  # fmt: skip


class _Passing(Exception):
    """A fault that may be over at the next try; `wait` is what the other side said."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.why, self.wait = why, wait


@dataclass
class _Breaker:
    """Whether it is worth asking at all."""

    failed: int = 0
    until: float = 0.0


class Client:
    """Speaks to one register."""

    def __init__(
        self, url: str, app_id: str, secret: str, timeout: float, ca: str | None = None, *,
        sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = _chance,
    ) -> None:  # fmt: skip
        self._place = urlsplit(url.rstrip("/"))
        self._app_id, self._secret, self._timeout = app_id, secret, timeout
        self._tls = ssl.create_default_context(cafile=ca) if self._place.scheme == "https" else None
        self._sleep, self._chance = sleep, chance
        self._breaker = _Breaker()

    def by_codes(self, codes: Sequence[str]) -> Answer:
        """What the register has of these codes, and which it does not know."""
        items: list[Any] = []
        missing: list[str] = []
        for first in range(0, len(codes), CODES_AT_ONCE):
            some = list(codes[first : first + CODES_AT_ONCE])
            told = self._asked("POST", "/v1/equipment/query", {"codes": some})
            items += told["items"]
            unknown = told.get("not_found")
            missing += [code for code in unknown if isinstance(code, str)] if isinstance(unknown, list) else []
        return Answer(items, missing, None, len(codes))

    def by_region(self, region: str, cursor: str | None) -> Answer:
        """A page of a region's equipment, with the cursor of the next one."""
        asked = {"region": region, "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        told = self._asked("GET", f"/v1/equipment?{urlencode(asked)}", None)
        following, total = told.get("next"), told.get("total")
        if following is not None and not (isinstance(following, str) and _is_cursor(following) and following != cursor):
            raise Unavailable("省平台的翻页标记不对")
        known = isinstance(total, int) and not isinstance(total, bool) and 0 <= total <= MOST_TOTAL
        return Answer(told["items"], [], following or None, total if known else None)

    # --- one call

    def _asked(self, method: str, path: str, content: dict[str, Any] | None) -> dict[str, Any]:
        if time.monotonic() < self._breaker.until:
            raise Unavailable("省平台刚刚多次没有应答，暂停片刻再问")
        number, why = secrets.token_hex(16), ""
        for attempt in range(1, MOST_TRIES + 1):
            try:
                found = self._once(method, path, content, number)
            except _Passing as fault:
                why = fault.why
                if attempt < MOST_TRIES:
                    self._sleep(wait_before(attempt, fault.wait, self._chance()))
                continue
            self._breaker.failed = 0
            return found
        self._breaker.failed += 1
        if self._breaker.failed >= BROKEN_AFTER:
            self._breaker.failed, self._breaker.until = 0, time.monotonic() + BROKEN_SECONDS
        raise Unavailable(why)

    def _once(self, method: str, path: str, content: dict[str, Any] | None, number: str) -> dict[str, Any]:
        body = b"" if content is None else body_of(content)
        whole = self._place.path + path
        stamp, nonce = str(int(clock.now().timestamp())), secrets.token_hex(16)
        headers = {
            "Accept": "application/json", "Content-Type": "application/json; charset=utf-8", "X-App-Id": self._app_id,
            "X-Timestamp": stamp, "X-Nonce": nonce, "X-Request-Id": number, "Connection": "close",
            "X-Signature": signature(self._secret, method, whole, stamp, nonce, body),
        }  # fmt: skip
        line = self._line()
        try:
            # Head and body: `_read` says by itself that a body took too long.
            with http_lines.ending(line, 4 * self._timeout):
                line.request(method, whole, body or None, headers)
                answer = line.getresponse()
                text = self._read(answer)
        except ssl.SSLCertVerificationError as error:
            # A wrong certificate does not become right by asking again.
            raise Rejected(say("省平台的证书不可信：%(why)s", why=error.verify_message)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _Passing(say("连接省平台失败（%(why)s）", why=type(error).__name__)) from error
        return _understood(answer, text)

    def _line(self) -> http_lines.Plain:
        host, port = self._place.hostname or "", self._place.port
        if self._tls is not None:
            return http_lines.Secure(host, port, self._timeout, self._tls)
        return http_lines.Plain(host, port, self._timeout)

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """The body, whole, within the size and the time that one answer may take, however slowly it drips."""
        ends, found = time.monotonic() + 3 * self._timeout, bytearray()
        while piece := answer.read1(_CHUNK):
            found += piece
            if len(found) > MOST_BYTES:
                raise _Passing("省平台的回答太大")
            if time.monotonic() > ends:
                raise _Passing("省平台的回答太慢")
        return bytes(found)


def _understood(answer: http.client.HTTPResponse, text: bytes) -> dict[str, Any]:
    """The answer's object; what can pass is a fault, what cannot a refusal."""
    if answer.status in RETRIED:
        raise _Passing(say("省平台回答 HTTP %(n)s", n=answer.status), _seconds(answer.getheader("Retry-After")))
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if answer.status == 409 and isinstance(told, dict) and told.get("code") == "cursor_expired":
        raise CursorLost
    if answer.status != 200:
        code = _code_of(told.get("code")) if isinstance(told, dict) else ""
        raise Rejected(say("省平台拒绝：HTTP %(n)s %(code)s", n=answer.status, code=code or "—"))
    if not isinstance(told, dict) or not isinstance(told.get("items"), list):
        raise _Passing("省平台的回答看不懂")
    return told


def _is_cursor(text: str) -> bool:
    """What can be kept and sent again as it came."""
    return len(text) <= 300 and text.isprintable()


def _code_of(given: Any) -> str:
    """The register's own name of what was wrong, as far as it is one: it is shown and logged."""
    return "".join(c for c in str(given or "")[:60] if c.isascii() and c.isprintable())


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None


def signature(secret: str, method: str, path: str, stamp: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over five lines: method, path with its query, instant, nonce, SHA-256 of the body in hex."""
    text = "\n".join((method, path, stamp, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
