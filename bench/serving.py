"""Applications behind gunicorn on the loopback, called by several clients at once: how long each call takes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Load:
    """What many calls took: milliseconds a call overall, and of the calls themselves the median and the 99th."""

    ms: float
    median: float
    p99: float


@contextlib.contextmanager
def served(application: str, workers: int, settings: Mapping[str, str]) -> Iterator[int]:
    """The port on which so many workers of an application answer, with the product's own gunicorn configuration."""
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
        yield port
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


def load(port: int, calls: Iterable[Call], clients: int = CLIENTS) -> Load:
    """Make the calls, each once, by several clients at a time; any other status than the expected one raises."""
    waiting, took, wrong = deque(calls), list[float](), list[str]()
    count = len(waiting)

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                call = waiting.popleft()
            except IndexError:
                return
            body = json.dumps(call.sent).encode()
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {call.token}"}
            begun = time.perf_counter()
            connection.request("POST", call.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            took.append((time.perf_counter() - begun) * 1000)
            if answer.status != call.status:
                wrong.append(f"{answer.status}: {text[:300]!r}")
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
    return Load(whole / count, statistics.median(ordered), ordered[int(len(ordered) * 0.99)])
