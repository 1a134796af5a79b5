"""Calls to others over TLS: whose certificate counts, and the one proxy that may stand between."""

from __future__ import annotations

import base64
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import http_lines, oidc
from tests.gateways import own_certificate, served

pytestmark = pytest.mark.feature("INT-02", "NTF-01")
HOST = "id.gov.test"
CARRIED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: Any) -> Iterator[int]:
    """The port of a server that is called by this name, which no directory knows; its certificate is trusted."""
    files = own_certificate(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", files[0])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"host": "%s", "issuer": "https://id.gov.test"}' % self.headers["Host"].encode()
            self.send_response(200 if "Proxy-Authorization" not in self.headers else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield server.server_address[1]


@contextmanager
def forwarding(port: int, said: bytes = CARRIED) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers so and then carries whatever comes to the port; with what it was asked."""
    asked: list[bytes] = []

    def carry(one: socket.socket, other: socket.socket) -> None:
        try:
            while part := one.recv(65536):
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(listening: socket.socket) -> None:
        try:
            while True:
                line, _who = listening.accept()
                asked.append(line.recv(65536))
                line.sendall(said)
                if b" 200 " not in said:
                    line.close()
                    continue
                there = socket.create_connection(("127.0.0.1", port))
                for pair in ((line, there), (there, line)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1], asked


def test_a_certificate_is_the_named_hosts_wherever_the_line_goes(secure: int) -> None:
    for host, address in ((HOST, "127.0.0.1"), ("other.test", "127.0.0.1"), ("127.0.0.1", None)):
        line = http_lines.Secure(host, secure, 5, ssl.create_default_context(), address)
        if host == HOST:
            with http_lines.ending(line, 5):
                line.request("GET", "/")
                assert f"{HOST}:{secure}".encode() in line.getresponse().read()
        else:
            with pytest.raises(ssl.SSLCertVerificationError), http_lines.ending(line, 5):
                line.request("GET", "/")


def test_a_proxy_that_is_set_carries_what_it_cannot_read(secure: int) -> None:
    """Where it is the only way out; the provider's name is looked up there, its certificate looked at here."""
    with forwarding(secure) as (port, asked):
        way = f"http://tian:p%40ss@127.0.0.1:{port}"
        status, text = http_lines.asked(f"https://{HOST}/x", None, {}, 5, 1000, way)
        assert status == 200 and HOST.encode() in text
        assert asked[0].startswith(f"CONNECT {HOST}:443 ".encode()) and b"/x" not in asked[0]
        assert b"Basic " + base64.b64encode(b"tian:p@ss") in asked[0]
        with pytest.raises(ssl.SSLCertVerificationError):
            http_lines.asked("https://other.test/", None, {}, 5, 1000, way)
        described = {"name": "gov", "label": "x", "issuer": f"https://{HOST}", "client_id": "c", "proxy": way}
        one = oidc.providers([described])
        oidc.forget()
        assert oidc._told(one["gov"])["issuer"] == f"https://{HOST}" and "p%40ss" not in repr(one)
        oidc.forget()
    with forwarding(secure, b"HTTP/1.1 407 no\r\n\r\n") as (port, _asked), pytest.raises(OSError, match="407"):
        http_lines.asked(f"https://{HOST}/", None, {}, 5, 1000, f"http://127.0.0.1:{port}")


def test_no_proxy_of_the_environment_is_asked(secure: int, monkeypatch: Any) -> None:
    with forwarding(secure) as (port, asked):
        for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        with pytest.raises(OSError):
            http_lines.asked(f"https://{HOST}:{secure}/", None, {}, 5, 1000)
        assert asked == []


@pytest.mark.parametrize(
    "proxy", ["https://p.test:3128", "p.test:3128", "http://u:geheim@p.test", "http://p.test:x", "http://p.test:1/x"]
)
def test_a_proxy_that_is_none_is_told_at_start_without_its_password(proxy: str) -> None:
    with pytest.raises(ValueError, match="OIDC_GOV_PROXY") as told:
        oidc.providers([{"name": "gov", "label": "x", "issuer": "https://i.test", "client_id": "c", "proxy": proxy}])
    assert "geheim" not in str(told.value)


def test_an_address_of_six_words_keeps_its_port() -> None:
    """The last word of an IPv6 address was taken for the port where none was given."""
    trusted = ssl.create_default_context()
    plain, secure = http_lines.Plain("fd00::5", None, 1), http_lines.Secure("fd00::5", None, 1, trusted)
    for line, port in ((plain, 80), (secure, 443)):
        assert (line.host, line.port) == ("fd00::5", port)


def test_an_address_that_drops_all_in_silence_leaves_time_for_the_next(monkeypatch: Any) -> None:
    """Of a host of two addresses the first used up all of the time, and nothing was ever sent there again."""
    reach, dead = socket.create_connection, "192.0.2.1"

    def connect(there: tuple[str, int], seconds: float) -> socket.socket:
        if there[0] == dead:
            time.sleep(seconds)
            raise TimeoutError("timed out")
        return reach(there, seconds)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with served(server := http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)):
        port = server.server_address[1]
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in (dead, "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: both)
        monkeypatch.setattr(socket, "create_connection", connect)
        assert http_lines.asked(f"http://two.test:{port}/", None, {}, 2, 100)[0] == 204
        both[1:] = [(*both[1][:4], (dead, port))]
        with pytest.raises(TimeoutError):
            http_lines.asked(f"http://two.test:{port}/", None, {}, 0.5, 100)
