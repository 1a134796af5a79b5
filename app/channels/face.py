"""The comparison of faces by HTTP (PER-10): a signed POST of two photos, how many faces and how like comes back.

Whoever has such a service puts this small adapter's other side before it. It must answer at once: somebody stands in
front of an elevator. Neither a photo nor a word of an answer gets into an error, and so into no log.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from app import clock, http_lines
from app.channels.sms import signature
from app.channels.web import body_of, secured
from app.rules.face_checks import FaceState, state_of
from app.workflows.visits.face_checks import Asker, NoAnswer, NotAsked

MOST_BYTES = 64 * 1024
# Of a process at a time; who comes beyond is compared afterwards, so that slow answers hold few threads.
AT_ONCE = 4
BROKEN_AFTER, BROKEN_SECONDS = 3, 60.0


def asker(settings: dict[str, Any]) -> Asker | None:
    """The service that the installation named, or None."""
    url = settings.get("FACE_URL") or ""
    if not url:
        return None
    secured("FACE_URL", url)
    threshold, timeout = float(settings.get("FACE_THRESHOLD") or 0.8), float(settings.get("FACE_TIMEOUT") or 4)
    if not 0 < threshold <= 1 or not 0 < timeout <= 30:
        raise RuntimeError("FACE_THRESHOLD 应大于 0、不超过 1，FACE_TIMEOUT 应大于 0、不超过 30 秒")
    return Client(url, settings.get("FACE_SECRET") or "", threshold, timeout)


class Client:
    """Speaks to one service; after several calls that failed nobody is asked for a minute."""

    def __init__(self, url: str, secret: str, threshold: float, timeout: float) -> None:
        self._place, self._secret = urlsplit(url), secret
        self._threshold, self._timeout = threshold, timeout
        self._tls = ssl.create_default_context() if self._place.scheme == "https" else None
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._failed, self._until = 0, 0.0

    def __call__(self, key: str, reference: bytes, photo: bytes) -> FaceState:
        if time.monotonic() < self._until:
            raise NotAsked("刚刚多次没有答复，暂停片刻再问")
        if not self._room.acquire(blocking=False):
            raise NotAsked("同时比对的人太多")
        told: list[FaceState | NoAnswer] = []

        def ask() -> None:
            try:
                told.append(self._asked(key, reference, photo))
            except NoAnswer as error:
                told.append(error)
            finally:
                self._room.release()

        # The line ends in its time, the look-up of its name may not: whoever checks in waits for neither.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self._timeout + 1)
        found = told[0] if told else NoAnswer("TimeoutError")
        with self._lock:
            self._failed = self._failed + 1 if isinstance(found, NoAnswer) else 0
            if self._failed >= BROKEN_AFTER:
                self._failed, self._until = 0, time.monotonic() + BROKEN_SECONDS
        if isinstance(found, NoAnswer):
            raise found
        return found

    def _asked(self, key: str, reference: bytes, photo: bytes) -> FaceState:
        both = {"reference": base64.b64encode(reference).decode(), "photo": base64.b64encode(photo).decode()}
        body, stamp = body_of({"id": key, **both}), str(int(clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8", "Accept": "application/json", "Connection": "close",
            "X-Timestamp": stamp, "X-Signature": signature(self._secret, stamp, body), "Idempotency-Key": key,
        }  # fmt: skip
        try:
            line = self._line()
            with http_lines.ending(line, self._timeout):
                line.request("POST", (self._place.path or "/") + self._asks(), body, headers)
                answer = line.getresponse()
                status, text = answer.status, answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None
        if not 200 <= status < 300:
            raise NoAnswer(f"HTTP {status}")
        return self._read(text)

    def _asks(self) -> str:
        return f"?{self._place.query}" if self._place.query else ""

    def _line(self) -> http_lines.Plain:
        host, port = self._place.hostname or "", self._place.port
        if self._tls is None:
            return http_lines.Plain(host, port, self._timeout)
        return http_lines.Secure(host, port, self._timeout, self._tls)

    def _read(self, text: bytes) -> FaceState:
        """Neither yes nor no is no answer: nobody is called somebody else because a service is broken."""
        try:
            told = json.loads(text) if len(text) <= MOST_BYTES else None
        except (ValueError, RecursionError):
            told = None
        faces, score = (told.get("faces"), told.get("score")) if isinstance(told, dict) else (None, None)
        if not isinstance(faces, int) or isinstance(faces, bool) or faces < 0:
            raise NoAnswer("答复里没有 faces")
        if faces == 0:
            return FaceState.NO_FACE
        if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
            raise NoAnswer("答复里没有 0 至 1 的 score")
        return state_of(faces, float(score), self._threshold)
