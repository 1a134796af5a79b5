"""A service that compares faces, on the loopback: it answers what a test says, slowly or badly where that is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.channels import face
from app.workflows.visits import face_checks
from tests.gateways import served

SECRET = "signed-with-this"
ALIKE, OTHER, NOBODY = {"faces": 1, "score": 0.93}, {"faces": 1, "score": 0.31}, {"faces": 0}


@dataclass
class Service:
    """`says`: what it answers, the last one again and again: JSON, bytes as they are, a status, or "slow"."""

    url: str = ""
    says: list[Any] = field(default_factory=lambda: [ALIKE])
    asked: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"FACE_URL": self.url, "FACE_SECRET": SECRET, "FACE_THRESHOLD": 0.8, "FACE_TIMEOUT": 5} | more


@contextmanager
def face_service(**settings: Any) -> Iterator[Service]:
    """Connected to the product as long as it runs."""
    held = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            held.asked.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            says = held.says.pop(0) if len(held.says) > 1 else held.says[0]
            if says == "slow":
                held.free.wait(30)
                says = ALIKE
            status = says if isinstance(says, int) else 200
            said = says if isinstance(says, bytes) else json.dumps(says).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
            except OSError:
                # Whoever asked has gone.
                return

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with served(server):
        held.url = f"http://127.0.0.1:{server.server_port}/compare"
        face_checks.use(face.asker(held.settings(**settings)))
        try:
            yield held
        finally:
            held.free.set()
            face_checks.use(None)
