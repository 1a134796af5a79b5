"""A person's or office's own system is called: a signed POST of JSON a notice, to the address that was looked up.

docs/settings.md (网址回调) tells what a receiver has to check. No redirect is followed, no proxy asked, the
answer hardly read.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from typing import Any

from app import clock, http_lines, targets, vault
from app.channels.web import TIMEOUT_SECONDS, NotTaken, body_of
from app.errors import Refusal
from app.models import Notification
from app.rules.notices import group_of
from app.workflows.core import notices
from app.workflows.core.outbox import Sender


def sender(settings: dict[str, Any]) -> Sender | None:
    targets.allow(settings.get("WEBHOOK_ALLOWED") or "")
    if not settings.get("WEBHOOKS", False):
        return None

    def send(session: Any, notice: Notification) -> None:
        choice = notices.choice_of(session, notice.recipient_id or 0)
        if choice is None or not choice.webhook_url or not choice.webhook_secret:
            raise NotTaken("收件人已取消网址回调")
        body = body_of({
            "id": f"tian-{notice.id}", "topic": notice.topic, "group": group_of(notice.topic), "title": notice.title,
            "body": notice.body or "", "link": notice.link, "at": notice.created_at.isoformat(),
        })  # fmt: skip
        stamp = str(int(clock.now().timestamp()))
        signed = signature(vault.unseal(choice.webhook_secret), stamp, body)
        headers = {"X-Timestamp": stamp, "X-Signature": signed, "Idempotency-Key": f"tian-{notice.id}"}
        try:
            call(targets.target(choice.webhook_url), body, headers)
        except Refusal as refusal:
            raise NotTaken(str(refusal)) from refusal

    return send


def signature(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over `<timestamp>.<body>`: proves the sender, and dates the message against replay."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def call(target: targets.Target, body: bytes, headers: dict[str, str]) -> None:
    """POST to the looked-up address under the host's name; anything but 2xx is a no."""
    line = http_lines.Plain(target.host, target.port, TIMEOUT_SECONDS, target.address)
    if target.scheme == "https":
        context = ssl.create_default_context()
        line = http_lines.Secure(target.host, target.port, TIMEOUT_SECONDS, context, target.address)
    try:
        with http_lines.ending(line, TIMEOUT_SECONDS):
            status = _posted(line, target.path, body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken(f"{type(error).__name__}: {error}"[:200]) from error
    if not 200 <= status < 300:
        raise NotTaken(f"HTTP {status}")


def _posted(line: http_lines.Plain, path: str, body: bytes, headers: dict[str, str]) -> int:
    shown = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tian-webhook", "Connection": "close"}
    line.request("POST", path, body, shown | headers)
    with line.getresponse() as answer:
        answer.read(1024)
        return answer.status
