"""Reading one part from the database while the part before is worked on; writing one while the next is made ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from app.transaction import AnySession, all_written, connection_of

Part = TypeVar("Part")
Found = TypeVar("Found")
# Seconds in which a statement is made and sent.
UNDER_WAY = 0.005


@contextmanager
def one_ahead(
    session: AnySession, parts: Iterable[Part], read: Callable[[Part], Found], write: Callable[[], None]
) -> Iterator[Iterator[Found]]:
    """What `read` finds of each part, in order: `with one_ahead(...) as found: for one in found: ...`.

    While the loop works on a part the session is the next read's alone. What the loop has to write, `write` does
    between two reads and after the last: the same statements on the same connection as without reading ahead, one
    after the other. SQLite reads in this very process, where there is nobody to wait for.
    """
    if session.get_bind().dialect.name != "postgresql":
        yield _in_turns(parts, read, write)
        return
    # Whatever ends the loop, its read has ended before the transaction does.
    with ThreadPoolExecutor(1) as beside:
        left = iter(parts)

        def begun() -> Future[Found] | None:
            for part in left:
                return _under_way(beside, read, part)
            return None

        yield _ahead(begun, write)


@contextmanager
def meanwhile(session: AnySession, read: Callable[[], Found]) -> Iterator[Callable[[], Found]]:
    """What `read` finds, for whoever asks: `with meanwhile(...) as found: ...; found()`.

    Until then the session is the read's alone. SQLite reads when it is asked.
    """
    if session.get_bind().dialect.name != "postgresql":
        yield read
        return
    with ThreadPoolExecutor(1) as beside:
        yield _under_way(beside, read).result


def answered(session: AnySession, statement: Any) -> Callable[[], Sequence[Any]]:
    """Ask at once for columns; values are made of the answer's rows when it is called, be it while others have the
    session, and go past what a session does with rows of its models.

    SQLite, which reads on as rows are asked for, makes them at once.
    """
    all_written(session)
    result = connection_of(session).execute(statement)
    if session.get_bind().dialect.name == "postgresql":
        return result.all
    rows = result.all()
    return lambda: rows


class Do:
    """Called with a write, has it done after those before; `done()` waits for all of them."""

    def __init__(self, beside: ThreadPoolExecutor | None = None) -> None:
        self._beside = beside
        self._last: Future[None] | None = None

    def __call__(self, write: Callable[[], object]) -> None:
        if self._beside is None:
            write()
        else:
            self._last = self._beside.submit(copy_context().run, self._after, self._last, write)

    def done(self) -> None:
        """What is given next begins anew; the first write that failed fails here."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    @staticmethod
    def _after(before: Future[None] | None, write: Callable[[], object]) -> None:
        if before is not None:
            before.result()
        write()


@contextmanager
def behind(session: AnySession) -> Iterator[Do]:
    """Writes done one after the other while the caller makes the next ready: `with behind(session) as do: do(write)`.

    Until `do.done()` or the end of the block the session is the writes' alone. Of one that fails the error comes up
    there, and none behind it is done. SQLite writes at once.
    """
    if session.get_bind().dialect.name != "postgresql":
        yield Do()
        return
    # However the block ends, its writes have ended before the transaction does.
    with ThreadPoolExecutor(1) as beside:
        do = Do(beside)
        yield do
        do.done()


def _under_way(beside: ThreadPoolExecutor, read: Callable[..., Found], *part: Any) -> Future[Found]:
    """The question is sent before the caller keeps the interpreter to itself."""
    reading = beside.submit(copy_context().run, read, *part)
    wait([reading], UNDER_WAY)
    return reading


def _in_turns(parts: Iterable[Part], read: Callable[[Part], Found], write: Callable[[], None]) -> Iterator[Found]:
    for part in parts:
        yield read(part)
        write()


def _ahead(begun: Callable[[], Future[Found] | None], write: Callable[[], None]) -> Iterator[Found]:
    reading = begun()
    while reading is not None:
        found = reading.result()
        write()
        reading = begun()
        yield found
    write()
