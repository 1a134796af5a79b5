"""SMS by an HTTP gateway: a signed POST a message. docs/settings.md (短信网关) tells what a gateway has to take."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from app import clock
from app.channels.web import body_of, post, secured
from app.models import Notification
from app.workflows.core.outbox import Sender


def sender(settings: dict[str, Any]) -> Sender | None:
    url, secret = settings.get("SMS_GATEWAY_URL"), settings.get("SMS_GATEWAY_SECRET") or ""
    if not url:
        return None
    secured("SMS_GATEWAY_URL", url)

    def send(_session: Any, notice: Notification) -> None:
        body = body_of({"id": f"tian-{notice.id}", "phone": notice.address, "text": notice.body or notice.title})
        stamp = str(int(clock.now().timestamp()))
        post(url, body, {"X-Timestamp": stamp, "X-Signature": signature(secret, stamp, body),
                         "Idempotency-Key": f"tian-{notice.id}"})  # fmt: skip

    return send


def signature(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over `<timestamp>.<body>`: proves the sender, and dates the message against replay."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
