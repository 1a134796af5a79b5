"""PostgreSQL's driver as the product uses it: its prepared statements outlive a ROLLBACK, columns are told when asked.

Pages end by a ROLLBACK, for they only read, and the driver then forgets whatever it had prepared, lest somebody made a
table, asked it and unmade it again. Nobody does here, and planning is most of what a check-in costs the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute, fetch, send
from psycopg.pq import ExecStatus, TransactionStatus

# Of the statements that `ask` prepares on a connection the oldest is given up for one more.
MOST_READY = 300
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Answer(NamedTuple):
    """The rows that a statement gave, and how many it found or wrote; `result` knows the types of the columns."""

    rows: list[tuple[Any, ...]]
    number: int
    result: Any = None


# What is to be raised in place of what a constraint says, by its name; None leaves the error as it is.
Taken = Callable[[str], Exception | None]


class _Sent(NamedTuple):
    """A statement on its way; `values` None are plain words. `one_or` is raised unless it found one row, `taken` where
    a constraint stands against it."""

    query: bytes
    values: Sequence[Any] | None = None
    one_or: Exception | None = None
    taken: Taken | None = None


_COMMIT = _Sent(b"COMMIT")


class Connection(psycopg.Connection[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = Cursor
        self._ready: dict[bytes, bytes] = {}
        self._numbers = count()
        self._waiting: list[_Sent] = []
        self._failed = False

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Whoever asks by a cursor finds written what waits."""
        self.settle()
        return super().cursor(*args, **kwargs)

    def commit(self) -> None:
        """What waits goes with the COMMIT, or before it where its answer decides whether there will be one.

        Never after an error that somebody kept to himself: the server would answer such a COMMIT by a ROLLBACK and call
        it done, and what was sent with a statement that failed may be missing.
        """
        if not self.closed and (self._failed or self.pgconn.transaction_status == TransactionStatus.INERROR):
            raise psycopg.errors.InFailedSqlTransaction("a statement of this transaction failed: nothing is committed")
        if any(each.one_or for each in self._waiting):
            self.settle()
        if self._waiting:
            with self.lock:
                self._exchange(_COMMIT)
        else:
            super().commit()

    def rollback(self) -> None:
        """As the driver's own after an error; else the plain word, which leaves prepared statements as they are."""
        self.forget_waiting()
        status = self.pgconn.transaction_status
        if status == TransactionStatus.INTRANS:
            with self.lock:
                self._say(b"ROLLBACK")
            return
        if status == TransactionStatus.IDLE:
            return
        super().rollback()
        if status == TransactionStatus.INERROR and self._ready:
            # The driver may have had the server forget them; what it remembers and what we do must be the same.
            self._ready.clear()
            with self.lock:
                self._say(b"DEALLOCATE ALL")

    def forget_waiting(self) -> None:
        """What waits is not to be done, and what failed is taken back: a ROLLBACK comes, of all or to a savepoint.

        A SAVEPOINT is sent behind what waited then, so what waits now was sent within.
        """
        self._waiting.clear()
        self._failed = False

    def _deallocate(self, name: bytes | None) -> Any:
        """The driver has the server forget everything at times, after a ROLLBACK to a savepoint, say: ours, too."""
        if name is None:
            self._ready.clear()
        return super()._deallocate(name)

    def _say(self, words: bytes) -> None:
        done = self.pgconn.exec_(words)
        if done.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(done.get_error_message())

    def ask(self, query: bytes, values: Sequence[Any], *, alone: bool = False) -> Answer:
        """Ask one statement with its values by place ($1, $2 …): what a cursor does, without all that it might do.

        Prepared when it is first asked; the types of its values are what the statement says. Begins a transaction as a
        cursor would, but for one that is asked `alone`.
        """
        sent = _Sent(query, values)
        with self.lock:
            if not alone and (self._waiting or self.pgconn.transaction_status == TransactionStatus.IDLE):
                result = self._exchange(sent)[-1]
            else:
                turned, name = self._turn(values), self._ready.get(query) or self._names_of([query])[query]
                self.pgconn.send_query_prepared(name, turned)
                try:
                    result = self._awaited()
                except psycopg.Error:
                    if alone and not self.closed:
                        # No ROLLBACK comes: a plan that a migration made useless must not stay with the connection.
                        self._say(b"DEALLOCATE " + self._ready.pop(query))
                    raise
            return self._answer(result)

    def ask_in_turn(self, *asked: tuple[bytes, Sequence[Any]]) -> list[Answer]:
        """The same of several in one round trip, one after the other: what the first locks, the next finds as it is."""
        with self.lock:
            results = self._exchange(*(_Sent(query, values) for query, values in asked))[-len(asked) :]
            return [self._answer(result) for result in results]

    def _answer(self, result: Any) -> Answer:
        self._turned.set_pgresult(result)
        return Answer(self._turned.load_rows(0, result.ntuples, tuple), result.command_tuples or 0, result)

    def later(
        self, query: bytes, values: Sequence[Any], one_or: Exception | None = None, taken: Taken | None = None
    ) -> None:
        """The same for a statement whose answer nobody waits for: it goes with the next one, at the latest with the
        COMMIT, and there its error comes up, or what was to be raised in its place; so does `one_or`, unless it finds
        exactly one row."""
        self._waiting.append(_Sent(query, values, one_or, taken))

    def settle(self) -> None:
        """Send what waits, and see that it was done."""
        if self._waiting:
            with self.lock:
                self._exchange()

    def _exchange(self, *last: _Sent) -> list[Any]:
        """What waits and then the last ones, begun where nothing is, in one round trip: all results.

        After the first error the server passes over the rest, a COMMIT too.
        """
        begins = not self._autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE
        # As the driver begins one: with the isolation that was asked for.
        first = [_Sent(self._get_tx_start_command())] if begins else []
        all_ = [*first, *self._waiting, *last]
        # Whatever cannot even be sent leaves waiting what waits: it is not lost, it fails again.
        turned = [None if each.values is None else self._turn(each.values) for each in all_]
        names = self._names_of(each.query for each in all_ if each.values is not None)
        self._waiting, self._failed = [], True
        self.pgconn.enter_pipeline_mode()
        try:
            for each, values in zip(all_, turned, strict=True):
                if values is not None:
                    self.pgconn.send_query_prepared(names[each.query], values)
                else:
                    self.pgconn.send_query_params(each.query, None)
            self.pgconn.pipeline_sync()
            results = self.wait(self._answers(len(all_)))
            self.pgconn.exit_pipeline_mode()
        except BaseException:
            # Half an exchange cannot be taken up again.
            self.close()
            raise
        for each, result in zip(all_, results, strict=True):
            if result.status not in _DONE:
                error = error_from_result(result)
                told = None
                if each.taken is not None and isinstance(error, psycopg.IntegrityError):
                    told = each.taken(error.diag.constraint_name or "")
                if told is not None:
                    raise told from error
                raise error
            if each.one_or is not None and result.command_tuples != 1:
                raise each.one_or
        self._failed = False
        return results

    def _answers(self, number: int) -> Any:
        """A result for each; nothing ends each, and a mark ends all."""
        yield from send(self.pgconn)
        results = []
        for _ in range(number):
            results.append((yield from fetch(self.pgconn)))
            yield from fetch(self.pgconn)
        yield from fetch(self.pgconn)
        return results

    @cached_property
    def _turned(self) -> Any:
        """Turns values into what is sent, and what is answered into values, as this connection's cursors do."""
        return Transformer(self)

    def _turn(self, values: Sequence[Any]) -> Any:
        return self._turned.dump_sequence(values, [PyFormat.TEXT] * len(values))

    def _names_of(self, queries: Iterable[bytes]) -> dict[bytes, bytes]:
        """Under which they are prepared, from now on at the latest. None makes room for another of them."""
        wanted = dict.fromkeys(queries)
        for query in [query for query in wanted if query not in self._ready]:
            others = [other for other in self._ready if other not in wanted]
            for oldest in others[: max(len(self._ready) - MOST_READY + 1, 0)]:
                self.pgconn.send_query(b"DEALLOCATE " + self._ready.pop(oldest))
                self._awaited()
            name = b"tian_%d" % next(self._numbers)
            self.pgconn.send_prepare(name, query)
            self._awaited()
            self._ready[query] = name
        return {query: self._ready[query] for query in wanted}

    def _awaited(self) -> Any:
        """The result of what was sent, or its error. Waited for as the driver does, so that it can be broken off."""
        results = self.wait(execute(self.pgconn))
        for result in results:
            if result.status not in _DONE:
                raise error_from_result(result)
        return results[-1]


class Cursor(psycopg.Cursor[Any]):
    """The driver's would describe every column of every result, a third of what reading a wide row costs; SQLAlchemy
    asks for it once a statement."""

    @property
    def description(self) -> Any:
        result = self.pgresult
        return Columns(self, result.nfields) if result is not None and result.nfields else super().description


class Columns(Sequence[Any]):
    """What the columns of a result are, worked out when somebody asks."""

    def __init__(self, cursor: psycopg.Cursor[Any], number: int) -> None:
        self._cursor, self._number = cursor, number

    @cached_property
    def _told(self) -> list[psycopg.Column]:
        return [psycopg.Column(self._cursor, place) for place in range(self._number)]

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, place: Any) -> Any:
        return self._told[place]
