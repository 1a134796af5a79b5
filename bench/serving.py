"""Applications behind gunicorn on the loopback, called by several clients at once: how long each call takes.

What is sent is spelt out before the clock starts and of what comes back only the head is looked at, for the clients
take their part of the same cores.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import ROOT
from tests.services import end_process, free_port

CLIENTS = 4
START_WITHIN_SECONDS = 120


@dataclass(frozen=True)
class Call:
    """A POST of JSON and the status that answers it."""

    path: str
    sent: Mapping[str, Any]
    token: str
    status: int = 201

    @property
    def spelt(self) -> bytes:
        body = json.dumps(self.sent).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Load:
    """What many calls took: milliseconds a call overall, and of the calls themselves the median and the 99th."""

    ms: float
    median: float
    p99: float


@dataclass(frozen=True)
class Server:
    """An application that answers on a port; its processes are a session of their own."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds that its living processes have used."""
        return cpu_of(stat for stat in _stats() if int(stat[_SESSION]) == self.pid)


def _stats(pids: Iterable[int] | None = None) -> Iterator[list[str]]:
    """What the kernel says of each process, behind its name."""
    for place in Path("/proc").glob("[0-9]*") if pids is None else (Path(f"/proc/{pid}") for pid in pids):
        with contextlib.suppress(OSError):
            yield (place / "stat").read_text().rpartition(")")[2].split()


# Of what stands behind the name.
_SESSION, _USED = 3, slice(11, 13)


def cpu_of(stats: Iterable[list[str]]) -> float:
    return sum(int(ticks) for stat in stats for ticks in stat[_USED]) / os.sysconf("SC_CLK_TCK")


def cpu_of_processes(pids: Iterable[int]) -> float:
    return cpu_of(_stats(pids))


@contextlib.contextmanager
def served(application: str, workers: int, settings: Mapping[str, str]) -> Iterator[Server]:
    """So many workers of an application, with the product's own gunicorn configuration."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, "--config", "deploy/gunicorn.conf.py", "--bind",
         f"127.0.0.1:{port}", "--workers", str(workers)],
        cwd=ROOT, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + START_WITHIN_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{application} did not start")
            time.sleep(0.1)
        yield Server(port, process.pid)
    finally:
        end_process(process.pid, signal.SIGTERM)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/static/none")
        connection.getresponse().read()
    except OSError:
        return False
    return True


def load(server: Server, calls: Iterable[Call], clients: int = CLIENTS) -> Load:
    """Make the calls, each once, by several clients at a time; any other status than the expected one raises."""
    waiting, took, wrong = deque((call.spelt, call.status) for call in calls), list[float](), list[str]()
    count = len(waiting)

    def client() -> None:
        with Wire(server.port) as wire:
            while True:
                try:
                    spelt, expected = waiting.popleft()
                except IndexError:
                    return
                begun = time.perf_counter()
                status, text = wire.ask(spelt)
                took.append((time.perf_counter() - begun) * 1000)
                if status != expected:
                    wrong.append(f"{status}: {text[:300]!r}")
                    return

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = (time.perf_counter() - begun) * 1000
    if wrong:
        raise RuntimeError(wrong[0])
    ordered = sorted(took)
    if len(ordered) != count:
        raise RuntimeError(f"{count - len(ordered)} calls were not answered")
    return Load(whole / count, statistics.median(ordered), ordered[int(len(ordered) * 0.99)])


class Wire:
    """A connection that is kept while the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def ask(self, spelt: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, whose head tells how long it is."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(spelt)
        head, body = self._until(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        if b"connection: close" in lines:
            self._close()
        return int(lines[0].split()[1]), body

    def _until(self, end: bytes) -> tuple[bytes, bytes]:
        found = b""
        while end not in found:
            found += self._more()
        head, _, body = found.partition(end)
        return head, body

    def _more(self) -> bytes:
        assert self._socket is not None
        read = self._socket.recv(65536)
        if not read:
            raise ConnectionError("the server closed the connection")
        return read

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
