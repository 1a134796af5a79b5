"""Lines of HTTP that end: a call is over in its time, however slowly the other side drips its answer.

A socket's own timeout begins anew with every byte. One that sends a byte each nine seconds would hold a worker for
days, and with two of them nothing else is sent, computed or dispatched.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    import smtplib

# How often a line is cut whose time is over: it may just have been about to be reached, or to be wrapped in TLS.
CUT_SECONDS = 0.2


class Plain(http.client.HTTPConnection):
    """Speaks to `address` where one was looked up and checked, whatever its name says by now."""

    def __init__(self, host: str, port: int | None, timeout: float, address: str | None = None) -> None:
        # Without a port the library looks for one behind the last colon, which every IPv6 address has.
        super().__init__(host, port or self.default_port, timeout=timeout)
        self._address = address or host
        # What is cut: `sock` is given away to the answer as soon as its head says that it ends with the line.
        self.way: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self.way = self._reached()
        if self._tunnel_host:  # type: ignore[attr-defined]
            self._tunnel()  # type: ignore[attr-defined]

    def _reached(self) -> socket.socket:
        """By the first address that answers. Each has its share of the time: one where all is dropped in silence, as
        IPv6 often is, must leave enough of it for the next."""
        ends = time.monotonic() + float(self.timeout or 0)
        found = socket.getaddrinfo(self._address, self.port, type=socket.SOCK_STREAM)
        for left, (*_kind, there) in zip(range(len(found), 0, -1), found, strict=True):
            share = max(ends - time.monotonic(), 0.001) / left
            try:
                way = socket.create_connection((str(there[0]), int(there[1])), share)
            except OSError:
                if left == 1:
                    raise
            else:
                way.settimeout(self.timeout)
                return way
        raise OSError("no address")


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
        named = self._tunnel_host or self.host  # type: ignore[attr-defined]
        # In hand before the handshake: whoever drips that is cut off, too.
        self.sock = self.way = self._context.wrap_socket(
            self.sock, server_hostname=named, do_handshake_on_connect=False
        )  # fmt: skip
        self.sock.do_handshake()


@contextmanager
def ending(line: Plain | smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Within it the line is cut once the time is over; TimeoutError then, whatever had been read by that time."""
    over, done = threading.Event(), threading.Event()

    def cut() -> None:
        if done.wait(seconds):
            return
        over.set()
        while True:
            way = line.way if isinstance(line, Plain) else line.sock
            if way is not None:
                with suppress(OSError):
                    # Of the socket below TLS, which does not wait for a farewell.
                    socket.socket.shutdown(way, socket.SHUT_RDWR)
            if done.wait(CUT_SECONDS):
                return

    threading.Thread(target=cut, daemon=True).start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if over.is_set():
            raise TimeoutError("no whole answer in time") from error
        raise
    finally:
        done.set()
        line.close()
    if over.is_set():
        raise TimeoutError("no whole answer in time")


def asked(
    url: str, body: bytes | None, headers: dict[str, str], seconds: float, most: int, proxy: str = ""
) -> tuple[int, bytes]:  # fmt: skip
    """Status and at most `most` bytes of the answer to one GET, or POST of a body; no redirect is followed, no proxy
    asked but the one given (`http://[user:password@]host:port`), and that for https only: it carries what it can't
    read. Raises OSError, http.client.HTTPException or ValueError for what is no answer.
    """
    place = urlsplit(url)
    secure = place.scheme == "https"
    way = urlsplit(proxy) if proxy and secure else place
    line = Plain(way.hostname or "", way.port, seconds)
    if secure:
        line = Secure(way.hostname or "", way.port, seconds, ssl.create_default_context())
    if way is not place:
        line.set_tunnel(place.hostname or "", place.port or line.default_port, _known_to(way))
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    with ending(line, seconds):
        line.request("GET" if body is None else "POST", path, body, {"Connection": "close"} | headers)
        with line.getresponse() as answer:
            return answer.status, answer.read(most)


def _known_to(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
