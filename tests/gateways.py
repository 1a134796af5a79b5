"""The other side of our channels, on the loopback: an HTTP gateway and a mail server that keep what they were given,
and a malware scanner that speaks clamd's INSTREAM and takes one invented mark for malware."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import clock


@dataclass
class Gateway:
    """What arrived; `answers` are the statuses to give, one a request, then 200."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)

    def json(self, number: int = -1) -> Any:
        return json.loads(self.taken[number][1])


@contextmanager
def http_gateway() -> Iterator[Gateway]:
    held = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            held.paths.append(self.path)
            held.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = held.answers.pop(0) if held.answers else 200
            said = json.dumps(held.body).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with served(server):
        held.url = f"http://127.0.0.1:{server.server_port}/send"
        yield held


@contextmanager
def mail_server() -> Iterator[Gateway]:
    """Speaks as much SMTP as a letter needs."""
    held = Gateway()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].split(":")[0].upper()
                if word == "DATA":
                    self.say("354 go on")
                    letter = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        letter += part
                    held.taken.append(({}, letter))
                    self.say("250 kept")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with served(server):
        held.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        yield held


# Nothing that any scanner of the world knows: only ours finds it.
MALWARE = b"X5O-TIAN-INVENTED-MALWARE-MARK"


@contextmanager
def clamd(socket_path: str | None = None) -> Iterator[Gateway]:
    """Speaks INSTREAM on a port of the loopback, or on a socket of the file system. `body["say"]` answers otherwise."""
    held = Gateway()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert self.rfile.read(10) == b"zINSTREAM\0"
            content = b""
            while size := struct.unpack("!I", self.rfile.read(4))[0]:
                content += self.rfile.read(size)
            held.taken.append(({}, content))
            said = "stream: Tian.Invented.Mark FOUND" if MALWARE in content else "stream: OK"
            self.wfile.write(held.body.get("say", said).encode() + b"\0")

    server: Any
    if socket_path is None:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    else:
        server = socketserver.ThreadingUnixStreamServer(socket_path, Handler)
    server.daemon_threads = True
    with served(server):
        held.url = f"clamd://127.0.0.1:{server.server_address[1]}" if socket_path is None else f"clamd://{socket_path}"
        yield held
    if socket_path is not None:
        os.unlink(socket_path)


@contextmanager
def tls_server(folder: Path, *, at_once: bool) -> Iterator[Gateway]:
    """Offers TLS (at once, or by STARTTLS) with a certificate that it has made for itself."""
    held = Gateway()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own_certificate(folder))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                way = self.request
                if not at_once:
                    way.sendall(b"220 here\r\n")
                    way.recv(1024)
                    way.sendall(b"250-here\r\n250 STARTTLS\r\n")
                    way.recv(1024)
                    way.sendall(b"220 go on\r\n")
                way = context.wrap_socket(way, server_side=True)
                way.sendall(b"220 here\r\n")
                while part := way.recv(1024):
                    held.taken.append(({}, part))
                    way.sendall(b"250-here\r\n250 AUTH PLAIN\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with served(server):
        held.url = f"127.0.0.1:{server.server_address[1]}"
        yield held


def own_certificate(folder: Path, host: str = "") -> tuple[str, str]:
    """The files of a certificate for the host (else 127.0.0.1) that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host or "127.0.0.1")])
    meant = x509.DNSName(host) if host else x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = clock.now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([meant]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "own.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "own.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return str(folder / "own.crt"), str(folder / "own.key")


@contextmanager
def served(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
