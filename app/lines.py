"""Lines of HTTP that end: a call is over in its time, however slowly the other side drips its answer.

A socket's own timeout begins anew with every byte. One that sends a byte each nine seconds would hold a worker for
days, and with two of them nothing else is sent, computed or dispatched.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import smtplib


class Plain(http.client.HTTPConnection):
    """Speaks to `address` where one was looked up and checked, whatever its name says by now."""

    def __init__(self, host: str, port: int | None, timeout: float, address: str | None = None) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address or host

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class Secure(Plain):
    """The same over TLS: the certificate must be the named host's."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self, host: str, port: int | None, timeout: float, context: ssl.SSLContext, address: str | None = None
    ) -> None:
        super().__init__(host, port, timeout, address)
        self._context = context

    def connect(self) -> None:
        super().connect()
        # In hand before the handshake: whoever drips that is cut off, too.
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


@contextmanager
def ending(line: Plain | smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Within it the line is cut once the time is over; TimeoutError then, whatever had been read by that time."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        if line.sock is not None:
            with suppress(OSError):
                # Of the socket below TLS, which does not wait for a farewell.
                socket.socket.shutdown(line.sock, socket.SHUT_RDWR)

    watch = threading.Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if over.is_set():
            raise TimeoutError("no whole answer in time") from error
        raise
    finally:
        watch.cancel()
        line.close()
    if over.is_set():
        raise TimeoutError("no whole answer in time")


def asked(url: str, body: bytes | None, headers: dict[str, str], seconds: float, most: int) -> tuple[int, bytes]:
    """Status and at most `most` bytes of the answer to one GET, or POST of a body; no redirect is followed, no proxy
    asked. Raises OSError, http.client.HTTPException or ValueError for what is no answer.
    """
    place = urlsplit(url)
    line = Plain(place.hostname or "", place.port, seconds)
    if place.scheme == "https":
        line = Secure(place.hostname or "", place.port, seconds, ssl.create_default_context())
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    with ending(line, seconds):
        line.request("GET" if body is None else "POST", path, body, {"Connection": "close"} | headers)
        answer = line.getresponse()
        return answer.status, answer.read(most)
