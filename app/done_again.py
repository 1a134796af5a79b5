"""A deed that the database broke off for another's sake is done again by the server, and nobody hears of it.

Two deeds that wait for each other are a deadlock: PostgreSQL ends one of them, and a moment later it would have gone
well. Whoever begins deeds (a request, a task, each of many) has them `done`; `app/transaction.py` says how they ended.
Done again is the whole of it, from what was asked, and only while nothing of it was committed.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

log = logging.getLogger(__name__)
Made = TypeVar("Made")
# PostgreSQL's words for it: a deadlock, a serialization failure.
BROKEN_OFF = frozenset({"40P01", "40001"})
# So often a deed is done again.
TIMES = 2
# Whoever was let through first is mostly done by then; a random part lets two that met not meet again.
PAUSE_SECONDS, MORE_SECONDS = 0.02, 0.1


class _Try:
    """One run of a deed, within the run of another where that one does several."""

    __slots__ = ("can", "committed", "due", "outer")

    def __init__(self, can: Callable[[], bool] | None, outer: _Try | None) -> None:
        self.can, self.outer = can, outer
        self.committed = self.due = False


_running: ContextVar[_Try | None] = ContextVar("tian_try", default=None)


def done(
    deed: Callable[[], Made], afresh: Callable[[], None] = lambda: None, can: Callable[[], bool] = lambda: True
) -> Made:  # fmt: skip
    """What `deed` gives or raises; run again, at most twice, where the database broke it off before it committed any.

    `afresh` puts back what it changed outside the database; `can` says that it may be run again (an upload can be read
    a second time, say). What it gave or raised when it was broken off is nobody's, whoever had caught the error.
    """
    for left in reversed(range(TIMES + 1)):
        # The last time there is no other.
        one = _Try(can if left else None, _running.get())
        token = _running.set(one)
        try:
            made = deed()
        except Exception:
            if not one.due:
                raise
        else:
            if not one.due:
                return made
        finally:
            _running.reset(token)
        time.sleep(PAUSE_SECONDS + MORE_SECONDS * secrets.randbelow(1000) / 1000)
        afresh()
    raise AssertionError("the last time is never due")


@contextmanager
def beside() -> Iterator[None]:
    """What is committed meanwhile is no part of the running deed, and may stand though that does not: how far it is."""
    token = _running.set(None)
    try:
        yield
    finally:
        _running.reset(token)


def committed() -> None:
    """Something of the running deed stands: neither it nor one that it is part of is done again."""
    one = _running.get()
    while one is not None:
        one.committed, one.due = True, False
        one = one.outer


def ended(error: BaseException) -> bool:
    """A unit of work of the running deed ended by this error; whether the deed will be done again for it."""
    one, state = _running.get(), broken_off(error)
    if one is None or state is None or one.committed or one.can is None or not one.can():
        return False
    log.warning("the database broke a deed off (%s): it is done again", state)
    one.due = True
    return True


def is_due() -> bool:
    """Whether the running deed was broken off and will be done again, so that nobody sees what it answers."""
    one = _running.get()
    return one is not None and one.due


def broken_off(error: BaseException) -> str | None:
    """The database's word for it, where it ended this one for another's sake."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state if state in BROKEN_OFF else None
