"""A DingTalk robot: the group chat of an office gets the notice; signed as the robot's setting 加签 asks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote_plus

from app import clock
from app.channels.web import NotTaken, body_of, post, secured
from app.models import Notification
from app.workflows.core.outbox import Sender


def sender(settings: dict[str, Any]) -> Sender | None:
    url, secret = settings.get("DINGTALK_WEBHOOK"), settings.get("DINGTALK_SECRET") or ""
    if not url:
        return None
    secured("DINGTALK_WEBHOOK", url)

    def send(_session: Any, notice: Notification) -> None:
        where = signed(url, secret, int(clock.now().timestamp() * 1000)) if secret else url
        text = f"### {notice.title}\n\n{notice.body or ''}"
        answer = post(where, body_of({"msgtype": "markdown", "markdown": {"title": notice.title, "text": text}}), {})
        # Only its own yes is one: a page of a gateway between, with 200, has reached no chat.
        if answer.get("errcode") != 0:
            raise NotTaken(f"errcode {answer.get('errcode')} {answer.get('errmsg', '')}"[:200])

    return send


def signed(url: str, secret: str, stamp: int) -> str:
    """The address with its timestamp (milliseconds) and the signature over timestamp and secret."""
    mac = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={quote_plus(base64.b64encode(mac))}"
