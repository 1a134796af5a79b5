"""Statements that deeds ask all day, asked without SQLAlchemy's own way to the driver, which costs more than they do.

Compiled once: its SQL, where each value goes, and what each value and column is turned into by its type are the same
each time. On PostgreSQL; SQLite is asked the usual way, and so is whatever somebody listens to (tests that count).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from app import driver
from app.driver import Answer, Taken

__all__ = ["Answer", "Taken", "ask", "ask_alone", "ask_in_turn", "constraint_of", "send"]
Turn = Callable[[Any], Any]


def ask(connection: Connection, statement: Any, values: Mapping[str, Any]) -> Answer:
    """The answer of a statement over tables, which is made once and kept by its module. Part of the transaction."""
    held = _held(connection)
    if held is None:
        return _usual(connection, statement, values)
    ready = _ready(statement, connection.dialect)
    sent = ready.sent(values)
    try:
        return ready.told(held.ask(ready.query, sent))
    except psycopg.Error as error:
        # Told, and a dead connection given up, as of any statement.
        connection._handle_dbapi_exception(error, ready.words, sent, None, None)


def ask_in_turn(connection: Connection, *asked: tuple[Any, Mapping[str, Any]]) -> list[Answer]:
    """The same of several statements, one after the other, in one round trip: see `driver.Connection.ask_in_turn`."""
    held = _held(connection)
    if held is None:
        return [_usual(connection, statement, values) for statement, values in asked]
    ready = [_ready(statement, connection.dialect) for statement, _ in asked]
    sent = [one.sent(values) for one, (_, values) in zip(ready, asked, strict=True)]
    try:
        answers = held.ask_in_turn(*((one.query, values) for one, values in zip(ready, sent, strict=True)))
    except psycopg.Error as error:
        connection._handle_dbapi_exception(error, "; ".join(one.words for one in ready), None, None, None)
    return [one.told(answer) for one, answer in zip(ready, answers, strict=True)]


def send(
    connection: Connection, statement: Any, values: Mapping[str, Any], one_or: Exception | None = None,
    taken: Taken | None = None,
) -> None:  # fmt: skip
    """The same for a statement whose answer nobody waits for: see `driver.Connection.later`."""
    held = _held(connection)
    if held is None:
        try:
            found = _usual(connection, statement, values).number
        except IntegrityError as error:
            told = None if taken is None else taken(constraint_of(error, statement.table))
            if told is None:
                raise
            raise told from error
        if found != 1 and one_or is not None:
            raise one_or
        return
    ready = _ready(statement, connection.dialect)
    held.later(ready.query, ready.sent(values), one_or, taken)


def ask_alone(engine: Engine, statement: Any, values: Mapping[str, Any]) -> Answer:
    """The same on a connection of its own and in no transaction: only where there is one to save (PostgreSQL)."""
    fairy = engine.raw_connection()
    held: Any = fairy.driver_connection
    if engine.dispatch.before_cursor_execute or not isinstance(held, driver.Connection):
        fairy.close()
        with _alone(engine).connect() as connection:
            return _usual(connection, statement, values)
    try:
        ready = _ready(statement, engine.dialect)
        return ready.told(held.ask(ready.query, ready.sent(values), alone=True))
    except psycopg.Error as error:
        gone = engine.dialect.is_disconnect(error, held, None)  # type: ignore[arg-type]
        if gone:
            fairy.invalidate(error)
        Connection._handle_dbapi_exception_noconnection(error, engine.dialect, engine, is_disconnect=gone)
    finally:
        fairy.close()


def _held(connection: Connection) -> driver.Connection | None:
    """The driver's connection where it is one of ours and nobody listens; None where all goes the usual way."""
    held = connection.connection.driver_connection
    ours = isinstance(held, driver.Connection) and not connection.dispatch.before_cursor_execute
    return held if ours else None  # type: ignore[return-value]


def _usual(connection: Connection, statement: Any, values: Mapping[str, Any]) -> Answer:
    result = connection.execute(statement, dict(values))
    if not result.returns_rows:
        return Answer([], result.rowcount)
    rows = [tuple(row) for row in result]
    return Answer(rows, len(rows))


def constraint_of(error: IntegrityError, table: Any) -> str:
    """The name of the constraint that stands against a row of the table; empty where the database does not say which.

    SQLite tells the columns of what must be unique, and of a key of another table nothing.
    """
    told = getattr(error.orig, "diag", None)
    if told is not None:
        return str(told.constraint_name or "")
    said, unique, columns = str(error.orig).partition("UNIQUE constraint failed: ")
    names = columns.replace(f"{table.name}.", "").split(", ")
    if said or not unique:
        return ""
    indexes = (index for index in table.indexes if index.unique and index.columns.keys() == names)
    # As `extensions` names a constraint.
    return next((str(index.name) for index in indexes), "_".join(["uq", table.name, *names]))


@lru_cache(maxsize=8)
def _alone(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT", tian_alone=True)


_PLACE = re.compile(r"%\((\w+)\)s|%%")


class _Ready:
    """A statement for PostgreSQL: its words, by place its values, and how both ways are turned."""

    def __init__(self, statement: Any, dialect: Any) -> None:
        compiled = statement.compile(dialect=dialect)
        binds, wanted = compiled.binds, {name for name, bind in compiled.binds.items() if bind.required}
        lists = any(bind.required for bind in compiled.post_compile_params)
        if lists or compiled.insert_prefetch or compiled.update_prefetch:
            raise ValueError(f"what it says is not the same each time, for a default of Python's or a list: {compiled}")
        # Lists of constants are written out, one place for each.
        whole = compiled.construct_expanded_state({name: bind.value for name, bind in binds.items()})
        names: list[str] = []

        def place(found: re.Match[str]) -> str:
            if found[1] is None:
                return "%"
            if found[1] not in names:
                names.append(found[1])
            return f"${names.index(found[1]) + 1}"

        self.words = _PLACE.sub(place, whole.statement)
        self.query = self.words.encode()
        turns = {**compiled._bind_processors, **whole.processors}
        self._values: list[tuple[str, Turn | None]] = [(name, turns.get(name)) for name in names]
        # All others must be given.
        self._fixed = {name: whole.parameters[name] for name in names if name not in wanted}
        self._types = [column.type for column in compiled._result_columns]
        self._dialect = dialect
        self._turns: list[tuple[int, Turn]] | None = None

    def sent(self, values: Mapping[str, Any]) -> list[Any]:
        known = {**self._fixed, **values} if self._fixed else values
        return [known[name] if turn is None else turn(known[name]) for name, turn in self._values]

    def told(self, answer: Answer) -> Answer:
        if self._turns is None:
            self._turns = [
                (place, turn) for place, kind in enumerate(self._types)
                if (turn := kind._cached_result_processor(self._dialect, answer.result.ftype(place))) is not None
            ]  # fmt: skip
        if not self._turns:
            return answer
        rows = [list(row) for row in answer.rows]
        for place, turn in self._turns:
            for row in rows:
                row[place] = turn(row[place])
        return Answer([tuple(row) for row in rows], answer.number)


@lru_cache(maxsize=1024)
def _ready(statement: Any, dialect: Any) -> _Ready:
    return _Ready(statement, dialect)
