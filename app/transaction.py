"""One unit of work: begin, do, commit, then what waits for the commit. Nothing else in the product commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import JSON, Engine, event, insert, select, text
from sqlalchemy.orm import Session, scoped_session

AnySession = Session | scoped_session[Any]
Row = TypeVar("Row")
_WAITING = "after_commit"
_KEPT = "whatever_comes"


@event.listens_for(Engine, "connect")
def _own_begin(connection: Any, _record: Any) -> None:
    # The driver's implicit BEGIN is deferred: two check-then-write transactions would both read and one then fail.
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        immediate = connection.get_execution_options().get("tian_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def transaction(session: AnySession) -> Iterator[AnySession]:
    """Run a verb: all of it or nothing. Checks and writes are one on SQLite (BEGIN IMMEDIATE); PostgreSQL locks rows.

    Ends the request's read transaction first, so the verb sees what is true now. Inside another
    `transaction` of the same session it joins that one.
    """
    real = session() if isinstance(session, scoped_session) else session
    if real.info.get("in_unit_of_work"):
        yield session
        return
    if real.new or real.dirty or real.deleted:
        real.rollback()
        raise RuntimeError("changes made outside a transaction")
    if real.in_transaction():
        real.commit()
    real.info["in_unit_of_work"] = True
    real.info[_WAITING], real.info[_KEPT] = [], []
    try:
        real.connection(execution_options={"tian_write": True})
        yield session
        real.commit()
    except BaseException:
        real.rollback()
        real.info[_WAITING] = []
        raise
    finally:
        real.info["in_unit_of_work"] = False
        # Both are taken before anything else begins a unit of work, which has lists of its own.
        waiting, kept = real.info.pop(_WAITING), real.info.pop(_KEPT)
        if kept:
            with transaction(real) as again:
                for call in kept:
                    call(again)
    for call in waiting:
        call()


def after_commit(session: AnySession, call: Callable[[], Any]) -> None:
    """Have `call` run once the running unit of work has committed (sending a job's id to the broker)."""
    real = session() if isinstance(session, scoped_session) else session
    if real.info.get("in_unit_of_work"):
        real.info[_WAITING].append(call)
    else:
        call()


def whatever_comes(session: AnySession, call: Callable[[AnySession], Any]) -> None:
    """Have `call` write in a transaction of its own when the running one has ended, be it by a refusal.

    For what must be counted though it was refused. Those who run at the same moment do not see each other's.
    """
    real = session() if isinstance(session, scoped_session) else session
    if real.info.get("in_unit_of_work"):
        real.info[_KEPT].append(call)
        return
    with transaction(real) as own:
        call(own)


def insert_many(session: AnySession, table: Any, rows: list[dict[str, Any]]) -> None:
    """Write many new rows with the same columns: COPY on PostgreSQL, one prepared statement on SQLite.

    What a column's default would say in Python must be in the rows; the database's own defaults hold.
    """
    connection = session.connection()
    if not rows or connection.dialect.name != "postgresql":
        if rows:
            connection.execute(insert(table), rows)
        return
    columns = [table.c[name] for name in rows[0]]
    dialect = connection.dialect
    # COPY goes past the columns' types: those that seal and those of JSON are asked here, all others written as given.
    made = {n: made for n, column in enumerate(columns) if (made := _maker(column.type, dialect)) is not None}
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(c.name) for c in columns)
    keys = [c.key for c in columns]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy:
        for row in rows:
            values = [row[key] for key in keys]
            for place, make in made.items():
                if values[place] is not None:
                    values[place] = make(values[place])
            copy.write_row(values)


def _maker(kind: Any, dialect: Any) -> Callable[[Any], Any] | None:
    """What COPY is given for a value of this type; None where it is the value itself."""
    seals = getattr(kind, "seals", False)
    is_json = isinstance(kind.load_dialect_impl(dialect) if seals else kind.dialect_impl(dialect), JSON)
    if not seals:
        return _json if is_json else None

    def sealed(value: Any) -> Any:
        token = kind.process_bind_param(value, dialect)
        return _json(token) if is_json else token

    return sealed


_json = json.JSONEncoder(ensure_ascii=False).encode


def insert_rows(session: AnySession, table: Any, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """The same for plain tuples, for where rows are counted in millions: numbers, texts and days as ISO text.

    Values go past the columns' types, so no column may be JSON or sealed.
    """
    if not rows:
        return
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(table.c[name].name) for name in columns)
    if connection.dialect.name != "postgresql":
        marks = ", ".join("?" * len(columns))
        into = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own models
        connection.exec_driver_sql(into, list(rows))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def lock(session: AnySession, model: type[Row], key: Any, *within: Any) -> Row | None:
    """Read a row as it is now and hold it until the transaction ends. Scope applies: a foreign row is None.

    `within`: the scope's criterion, from a caller who has it at hand; the net below is then not asked.
    """
    mapper: Any = model
    column = mapper.__mapper__.primary_key[0]
    statement = select(mapper).where(column == key).with_for_update().execution_options(populate_existing=True)
    if within:
        statement = statement.where(*within).execution_options(skip_scope=True)
    return session.scalar(statement)


def plan_anew(session: AnySession) -> None:
    """Have each statement of this transaction planned for its own values.

    The driver prepares what is asked often, and after some times PostgreSQL plans it for any values at all: a range of
    units then looks like a handful of rows, and a table of visits is read row by row.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def hold(session: AnySession, *words: str) -> None:
    """Let one transaction at a time pass under each of these words: for what is counted and has no row to lock.

    Taken in one order by everybody, so that two who hold several never wait for each other.
    """
    # SQLite's write transaction excludes others already. The locks end with the transaction.
    if session.get_bind().dialect.name != "postgresql":
        return
    keys = {int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big", signed=True) for word in words}
    for key in sorted(keys):
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
