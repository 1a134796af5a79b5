"""Another deed that truly waits for whoever waits for it: PostgreSQL ends the one of the two that waited first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

# Long enough for a busy machine; nothing waits for it when all is well.
PATIENCE = 20


@contextmanager
def met(engine: Engine, held: str, wanted: str, times: int = 1) -> Iterator[list[str]]:
    """Beside what is done meanwhile somebody holds `held` (a statement), and asks for `wanted` as soon as one waits for
    him; so often, and then he commits. Gives what he could not do (nothing, when all is well)."""
    ready, faults = threading.Event(), list[str]()

    def meet() -> None:
        try:
            with engine.connect() as other, other.begin():
                # Whoever waited first looks first whether he waits in vain, and is the one who is ended.
                other.execute(text("SET LOCAL deadlock_timeout = '30s'"))
                other.execute(text(held))
                ready.set()
                for _ in range(times):
                    if not awaited(other):
                        faults.append("nobody came")
                        return
                    with other.begin_nested() as again:
                        other.execute(text(wanted))
                        again.rollback()
        except Exception as error:  # whatever it was, the test shows it
            faults.append(repr(error))
        finally:
            ready.set()

    thread = threading.Thread(target=meet)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield faults
    finally:
        thread.join(PATIENCE)


def awaited(other: Connection) -> bool:
    """Whether somebody waits for what this connection holds, before long."""
    # What else tells of the others tells of one moment of a transaction.
    asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if other.scalar(asked):
            return True
        time.sleep(0.01)
    return False


def told(records: Sequence[str]) -> int:
    """How often the log says that a deed was broken off by a deadlock, to be done again."""
    return sum("broke a deed off (40P01)" in line for line in records)
