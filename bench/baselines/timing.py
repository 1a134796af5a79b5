"""Median milliseconds of a page, and its statements, as each framework's own client opens it."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

ROUNDS, SECONDS = 9, 15


def tell(get: Callable[[], Any], count: Callable[[], int]) -> None:
    """Print the line that the bench reads. One unmeasured round first; slow pages are opened fewer times."""
    get()
    before = count()
    get()
    statements = count() - before
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or (len(times) < ROUNDS and time.perf_counter() - start < SECONDS):
        begun = time.perf_counter()
        get()
        times.append((time.perf_counter() - begun) * 1000)
    print(json.dumps({"ms": statistics.median(times), "statements": statements}))


class Statements:
    """Counts what an engine is asked."""

    def __init__(self, engine: sa.Engine) -> None:
        self.number = 0
        sa.event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, *_arguments: Any) -> None:
        self.number += 1
