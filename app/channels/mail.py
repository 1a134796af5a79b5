"""E-mail by SMTP: `smtp://user:password@host:25` (with STARTTLS) or `smtps://…:465`.

The server's certificate is checked, and nothing goes in clear text except to this very machine: whoever sits between
could otherwise take the offer of STARTTLS away and read the password.
"""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from app import http_lines
from app.channels.web import NotTaken, is_here
from app.models import Notification
from app.workflows.core.outbox import Sender

if TYPE_CHECKING:
    import smtplib

# Of one step of the talk, and of all of it.
TIMEOUT_SECONDS, WHOLE_SECONDS = 15, 60


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
        way = _way(place)
        with http_lines.ending(way, WHOLE_SECONDS), way:
            _connect(way, place)
            if place.username:
                way.login(unquote(place.username), unquote(place.password or ""))
            way.send_message(letter)

    return send


def _way(place: SplitResult) -> smtplib.SMTP:
    """A way to the server, not gone yet: from its first word on the talk is bounded."""
    import smtplib  # loaded with the first letter

    way: smtplib.SMTP
    if place.scheme == "smtps":
        way = smtplib.SMTP_SSL(timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        way = smtplib.SMTP(timeout=TIMEOUT_SECONDS)
    # Whose name the certificate must bear; the library is told of it by a constructor that also connects.
    way._host = place.hostname or "localhost"  # type: ignore[attr-defined]
    return way


def _connect(way: smtplib.SMTP, place: SplitResult) -> None:
    host = place.hostname or "localhost"
    way.connect(host, place.port or (465 if place.scheme == "smtps" else 25))
    if place.scheme == "smtps":
        return
    if _offers_tls(way):
        way.starttls(context=ssl.create_default_context())
    elif not is_here(host):
        raise NotTaken("the mail server offers no STARTTLS")


def _offers_tls(way: smtplib.SMTP) -> bool:
    way.ehlo_or_helo_if_needed()
    return way.has_extn("starttls")
