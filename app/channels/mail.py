"""E-mail by SMTP: `smtp://user:password@host:25` (with STARTTLS) or `smtps://…:465`.

The server's certificate is checked, and nothing goes in clear text except to this very machine: whoever sits between
could otherwise take the offer of STARTTLS away and read the password.
"""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from app.channels.web import NotTaken, is_here
from app.models import Notification
from app.workflows.core.outbox import Sender

if TYPE_CHECKING:
    import smtplib

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
        with _connected(place) as way:
            if place.username:
                way.login(unquote(place.username), unquote(place.password or ""))
            way.send_message(letter)

    return send


def _connected(place: SplitResult) -> smtplib.SMTP:
    import smtplib  # loaded with the first letter

    host, trusted = place.hostname or "localhost", ssl.create_default_context()
    if place.scheme == "smtps":
        return smtplib.SMTP_SSL(host, place.port or 465, timeout=TIMEOUT_SECONDS, context=trusted)
    way = smtplib.SMTP(host, place.port or 25, timeout=TIMEOUT_SECONDS)
    if _offers_tls(way):
        way.starttls(context=trusted)
    elif not is_here(host):
        way.close()
        raise NotTaken("the mail server offers no STARTTLS")
    return way


def _offers_tls(way: smtplib.SMTP) -> bool:
    way.ehlo_or_helo_if_needed()
    return way.has_extn("starttls")
