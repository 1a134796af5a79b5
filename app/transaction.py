"""One unit of work: begin, do, commit, then what waits for the commit. Nothing else in the product commits."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from flask import has_request_context
from sqlalchemy import JSON, Connection, Date, Engine, cast, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.orm.util import identity_key
from sqlalchemy.types import TypeDecorator

from app import done_again, driver, prepared
from app.models.base import Instant
from app.models.by_columns import copy_lines, json_texts
from app.models.sealed import SealedJson
from app.prepared import Answer, Taken

AnySession = Session | scoped_session[Any]
Row = TypeVar("Row")
_WAITING = "after_commit"
_KEPT = "whatever_comes"
_NOTES = "notes"
_CONNECTION = "connection"


@event.listens_for(Engine, "connect")
def _own_begin(connection: Any, _record: Any) -> None:
    # The driver's implicit BEGIN is deferred: two check-then-write transactions would both read and one then fail.
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    options = connection.get_execution_options()
    if connection.dialect.name == "sqlite":
        with _patience(connection, options):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("tian_write") else "BEGIN")
    elif connection.dialect.driver == "psycopg":
        # Deeds ask for rows by their keys, and one plan serves all of them. A page's lists and counts are planned for
        # their own values: what is right for one district reads a province from end to end for another.
        page = has_request_context() and not options.get("tian_write") and not options.get("tian_alone")
        connection.connection.driver_connection.prepare_threshold = None if page else PREPARED_AFTER


@event.listens_for(Engine, "rollback_savepoint")
def _taken_back(connection: Any, _name: str, _context: Any) -> None:
    if connection.closed or connection.invalidated:
        return
    held = connection.connection.driver_connection
    if isinstance(held, driver.Connection):
        held.forget_waiting()


@contextmanager
def _patience(connection: Any, options: Any) -> Iterator[None]:
    if not options.get("tian_at_once"):
        yield
        return
    usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={AT_ONCE_MILLISECONDS}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={usual}")


# How long a write that can be left out waits for SQLite's one writer.
AT_ONCE_MILLISECONDS = 100
# Times that a statement is asked on a connection before it is prepared.
PREPARED_AFTER = 5


@contextmanager
def transaction(session: AnySession, at_once: bool = False) -> Iterator[AnySession]:
    """Run a verb: all of it or nothing. Checks and writes are one on SQLite (BEGIN IMMEDIATE); PostgreSQL locks rows.

    Ends the request's read transaction first, so the verb sees what is true now. Inside another
    `transaction` of the same session it joins that one. With `at_once` it gives up (OperationalError) where another
    process holds SQLite's one writer, for what may as well be written the next time. One that the database ended for
    another's sake (a deadlock) is done again by whoever began the deed (`app/done_again.py`).
    """
    real = session() if isinstance(session, scoped_session) else session
    if real.info.get("in_unit_of_work"):
        yield real
        return
    if real.new or real.dirty or real.deleted:
        real.rollback()
        raise RuntimeError("changes made outside a transaction")
    if real.in_transaction():
        try:
            real.commit()
        except InternalError:
            # It only read, and a statement of it had failed.
            real.rollback()
    real.info["in_unit_of_work"] = True
    real.info[_WAITING], real.info[_KEPT], real.info[_NOTES] = [], [], {}
    try:
        real.info[_CONNECTION] = real.connection(execution_options={"tian_write": True, "tian_at_once": at_once})
        # Itself, not what finds it anew at each call.
        yield real
        real.commit()
        done_again.committed()
    except BaseException as error:
        real.rollback()
        real.info[_WAITING] = []
        if done_again.ended(error):
            # It comes as for a first time: what is counted is counted then.
            real.info[_KEPT] = []
        raise
    finally:
        real.info["in_unit_of_work"] = False
        real.info.pop(_CONNECTION, None)
        real.info.pop(_NOTES, None)
        # Both are taken before anything else begins a unit of work, which has lists of its own.
        waiting, kept = real.info.pop(_WAITING), real.info.pop(_KEPT)
        try:
            if kept:
                _count(real, kept)
        finally:
            # It stands, whatever came of what was counted beside it.
            for call in waiting:
                call()


def _count(real: Session, kept: list[Callable[[AnySession], Any]]) -> None:
    """What must be counted though the deed was refused, as a deed of its own: the deed's has ended either way."""

    def deed() -> None:
        with transaction(real) as own:
            for call in kept:
                call(own)

    done_again.done(deed)


def connection_of(session: AnySession) -> Connection:
    """The connection of the running unit of work, for statements over tables; a session would look for it each time.

    Within a savepoint it is the session's to give: it makes the savepoint when it is first asked.
    """
    held: Connection | None = session.info.get(_CONNECTION)
    real = session() if isinstance(session, scoped_session) else session
    return real.connection() if held is None or held.closed or real.in_nested_transaction() else held


def asked_alone(session: AnySession, statement: Any, values: dict[str, Any]) -> Any:
    """The first row of one statement by itself, before any transaction of the request: no BEGIN, no COMMIT around it.

    Inside a transaction it is a statement of that. SQLite has no round trip to save, and a driver of its own mind.
    """
    real = session() if isinstance(session, scoped_session) else session
    bind = real.get_bind()
    if real.in_transaction() or not isinstance(bind, Engine) or bind.dialect.driver != "psycopg":
        return real.execute(statement, values).first()
    return next(iter(prepared.ask_alone(bind, statement, values).rows), None)


def asked(session: AnySession, statement: Any, values: Mapping[str, Any]) -> Answer:
    """What a statement over tables answers that is made once and asked all day (`app/prepared.py`).

    Like any statement over tables it does not write what waits.
    """
    return prepared.ask(connection_of(session), statement, values)


def asked_in_turn(session: AnySession, *asked: tuple[Any, Mapping[str, Any]]) -> list[Answer]:
    """What several such statements answer, one after the other, in one round trip to PostgreSQL.

    Each finds what is true when its turn has come: after a statement that waited for a lock, what was waited for.
    """
    return prepared.ask_in_turn(connection_of(session), *asked)


def send(
    session: AnySession, statement: Any, values: Mapping[str, Any], *, one_or: Exception | None = None,
    taken: Taken | None = None,
) -> None:  # fmt: skip
    """Have such a statement done whose answer nobody waits for: PostgreSQL is sent it with the next statement, at the
    latest with the COMMIT, and only there its error comes up. `one_or` is raised unless it found exactly one row,
    what `taken` says in place of a constraint, by its name."""
    prepared.send(connection_of(session), statement, values, one_or, taken)


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


def notes_of(session: AnySession) -> dict[str, Any]:
    """What the running unit of work keeps in mind for itself, by name; gone with it."""
    real = session() if isinstance(session, scoped_session) else session
    held: dict[str, Any] = real.info.get(_NOTES, {})
    return held


def in_one(session: AnySession, verb: Callable[[Session], Row], afresh: Callable[[], None] = lambda: None) -> Row:
    """Do one of many deeds in a transaction of its own; done again where the database ended it for another's sake."""

    def deed() -> Row:
        with transaction(session) as own:
            return verb(own)  # type: ignore[arg-type]

    return done_again.done(deed, afresh)


def insert_of(session: AnySession, model: Any) -> Any:
    """The INSERT into a model's table that knows ON CONFLICT: each dialect has its own, of the same words."""
    return insert_for(session.get_bind().dialect.name, model)


def insert_for(name: str, model: Any) -> Any:
    """The same by the dialect's name, for a statement that is made once."""
    dialect: Any = sqlite if name == "sqlite" else postgresql
    return dialect.insert(model.__table__)


def forget(session: AnySession, model: Any, keys: Iterable[Any]) -> None:
    """Rows that a statement changed past the session: those that it holds are read anew when next looked at."""
    for key in keys:
        held = session.identity_map.get(identity_key(model, key))
        if held is not None:
            session.expire(held)


def all_written(session: AnySession) -> None:
    """Statements over tables do not write what waits, as those over rows do: for whoever asks or changes by one."""
    if session.autoflush:
        session.flush()


def new_keys(session: AnySession, table: Any, count: int) -> list[int]:
    """Keys for rows about to be written; SQLite's write transaction lets nobody else take one."""
    if session.get_bind().dialect.name == "postgresql":
        # As a query of its own it is looked for once, not for each key, which takes longer than drawing it.
        sequence = select(cast(func.pg_get_serial_sequence(table.name, "id"), postgresql.REGCLASS)).scalar_subquery()
        drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, count).table_valued("n"))
        return list(session.scalars(drawn))
    counted = text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name").bindparams(name=table.name)
    last = max(session.scalar(select(func.max(table.c.id))) or 0, session.scalar(counted) or 0)
    return list(range(last + 1, last + 1 + count))


def insert_many(session: AnySession, table: Any, rows: list[dict[str, Any]]) -> None:
    """Write many new rows with the same columns: COPY on PostgreSQL, one prepared statement on SQLite.

    What a column's default would say in Python must be in the rows; the database's own defaults hold.
    """
    if not rows:
        return
    names = list(rows[0])
    values: list[list[Any]] = [[row[name] for name in names] for row in rows]
    for place in (n for n, name in enumerate(names) if isinstance(table.c[name].type, Date)):
        for row in values:
            if isinstance(row[place], dt.date):
                row[place] = row[place].isoformat()
    insert_rows(session, table, names, values)


def insert_rows(session: AnySession, table: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The same for plain sequences in the order of `columns`, for where rows are many; days are ISO text.

    Rows may be made while they are asked for: PostgreSQL writes the first ones meanwhile.
    """
    if rows:
        write_blocks(session, table, columns, blocks_of(session, table, columns, rows))


# Some rows as the database takes them: lines of COPY, or by columns.
Block = str | list[Sequence[Any]]


def blocks_of(
    session: AnySession, table: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[Block]:
    """Rows made ready for `write_blocks`; the session is not used."""
    dialect = session.get_bind().dialect
    makers = {place: make for place, name in enumerate(columns) if (make := _maker(table.c[name].type, dialect))}
    for block in _by_columns(rows, makers):
        yield (copy_lines(block) if dialect.name == "postgresql" else None) or block


def write_blocks(session: AnySession, table: Any, columns: Sequence[str], blocks: Iterable[Block]) -> None:
    connection = session.connection()
    dialect = connection.dialect
    quote = dialect.identifier_preparer.quote
    names = ", ".join(quote(table.c[name].name) for name in columns)
    if dialect.name != "postgresql":
        marks = ", ".join("?" * len(columns))
        into = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own models
        if values := [row for block in blocks for row in zip(*block, strict=True)]:
            connection.exec_driver_sql(into, values)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy:
        for block in blocks:
            if isinstance(block, str):
                copy.write(block)
                continue
            for row in zip(*block, strict=True):
                copy.write_row(row)


# What is written for the values of a column.
Maker = Callable[[Sequence[Any]], Sequence[Any]]
AT_ONCE = 2000


def _by_columns(rows: Iterable[Sequence[Any]], makers: Mapping[int, Maker]) -> Iterator[list[Sequence[Any]]]:
    """The rows by columns, some at a time, as the database takes them.

    They go past the columns' types, which are asked here where they matter.
    """
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        held: list[Sequence[Any]] = list(zip(*some, strict=True))
        for place, make in makers.items():
            held[place] = make(held[place])
        yield held


def _maker(kind: Any, dialect: Any) -> Maker | None:
    """What writes a column of this type; None where its values are written as they are."""
    if isinstance(kind, Instant):
        return lambda values: _instants(kind, dialect, values)
    if isinstance(kind, SealedJson):
        return kind.texts
    if isinstance(kind, TypeDecorator):
        stored = kind.load_dialect_impl(dialect)
        if type(kind).process_bind_param is not TypeDecorator.process_bind_param:
            bound = partial(kind.process_bind_param, dialect=dialect)
            return lambda values: [None if value is None else bound(value) for value in values]
    else:
        stored = kind.dialect_impl(dialect)
    return json_texts if isinstance(stored, JSON) else None


def _instants(kind: Instant, dialect: Any, values: Sequence[dt.datetime | None]) -> list[str | None]:
    """As SQLite's are kept. Rows of one deed share their instants: each is spelt once."""
    spelt: dict[dt.datetime | None, str | None] = {None: None}
    for value in set(values) - {None}:
        held: Any = kind.process_bind_param(value, dialect)
        spelt[value] = held.isoformat(" ", "microseconds")
    return [spelt[value] for value in values]


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


@contextmanager
def at_hand(session: AnySession, *models: type[Any]) -> Iterator[None]:
    """Rows of these models that are read meanwhile stay at hand: a session forgets at once what nobody holds, and a
    deed whose steps ask for the same rows by their keys would read them for each."""
    real, held = session() if isinstance(session, scoped_session) else session, []

    def keep(_session: Session, row: Any) -> None:
        if isinstance(row, models):
            held.append(row)

    event.listen(real, "loaded_as_persistent", keep)
    try:
        yield
    finally:
        event.remove(real, "loaded_as_persistent", keep)


def plan_anew(session: AnySession) -> None:
    """Have each statement of this transaction planned for its own values.

    The driver prepares what is asked often, and after some times PostgreSQL plans it for any values at all: a range of
    units then looks like a handful of rows, and a table of visits is read row by row.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def roomy(session: AnySession) -> None:
    """Let what this transaction groups and sorts of many stay in memory; at PostgreSQL's usual 4 MB it does not."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL work_mem = '64MB'"))


def survey(session: AnySession) -> None:
    """Have the planner look at the tables as they stand in this transaction, after a load that nothing has seen yet.

    Autovacuum sees only what was committed: without this PostgreSQL takes a table of millions for an empty one.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))


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
