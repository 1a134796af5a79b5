"""E-mail by SMTP: `smtp://user:password@host:25` or `smtps://…:465`; STARTTLS where the server offers it."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from app.models import Notification
from app.workflows.outbox import Sender

TIMEOUT_SECONDS = 15


def sender(settings: dict[str, Any]) -> Sender | None:
    url, origin = settings.get("SMTP_URL"), settings.get("MAIL_FROM") or "tian@localhost"
    if not url:
        return None
    place = urlsplit(url)

    def send(_session: Any, notice: Notification) -> None:
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = origin, notice.address or "", " ".join(notice.title.split())
        letter["Message-ID"] = f"<tian-{notice.id}@{origin.rpartition('@')[2]}>"
        letter.set_content(notice.body or notice.title)
        secure = place.scheme == "smtps"
        kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
        with kind(place.hostname or "localhost", place.port or (465 if secure else 25), timeout=TIMEOUT_SECONDS) as way:
            if not secure and _offers_tls(way):
                way.starttls(context=ssl.create_default_context())
            if place.username:
                way.login(unquote(place.username), unquote(place.password or ""))
            way.send_message(letter)

    return send


def _offers_tls(way: smtplib.SMTP) -> bool:
    way.ehlo_or_helo_if_needed()
    return way.has_extn("starttls")
