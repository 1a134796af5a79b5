"""Rows of deeds that are done often, read and written past the unit of work: `app/prepared.py` is their way.

From then on they are rows of the session's like any other. The net of scope below the unit of work is not asked: the
caller has asked scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, bindparam, insert, literal_column, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, class_mapper, scoped_session
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.functions import FunctionElement

from app.prepared import Taken, constraint_of
from app.transaction import AnySession, asked, send

Row = TypeVar("Row")


def columns_of(model: Any) -> list[Any]:
    """The columns that `row_of` takes, for a statement over tables."""
    return list(_read(model).values())


def row_of(session: AnySession, model: type[Row], values: Sequence[Any]) -> Row:
    """The row of which a statement over tables read these columns, as it is now: what the session knew of it goes."""
    entity: Any = model
    told = dict(zip(_read(entity), values, strict=True))
    key = identity_key(model, told[_key_of(entity)])
    row: Row | None = session.identity_map.get(key)
    if row is not None:
        state = instance_state(row)
        state.dict.update(told)
        state._commit_all(state.dict, session.identity_map)
        return row
    row = class_mapper(model).class_manager.new_instance()
    instance_state(row).dict.update(told)
    _take_in(session, row, key)
    return row


def _take_in(session: AnySession, row: Any, key: Any) -> None:
    """Have the session hold a row that stands in the database as it is here, as it holds one that it has loaded."""
    real, state = _real(session), instance_state(row)
    state.key, state.session_id = key, real.hash_key
    real.identity_map.add(state)
    state._commit_all(state.dict, real.identity_map)


@cache
def _read(model: Any) -> dict[str, Any]:
    """By attribute the columns that are read with a row, in their order."""
    mapper = class_mapper(model)
    return {name: column for name, column in mapper.columns.items() if not mapper.attrs[name].deferred}


def _written(mapper: Any) -> dict[str, Any]:
    """By attribute the columns of the table: what a model says besides by an expression is nobody's to write."""
    return {name: column for name, column in mapper.columns.items() if isinstance(column, Column)}


@cache
def _key_of(model: Any) -> str:
    mapper = class_mapper(model)
    return mapper.get_property_by_column(mapper.primary_key[0]).key


class _Drawn(FunctionElement[int]):
    """The next number of a table; NULL on SQLite, which gives one only as the row is written."""

    type = BigInteger()
    inherit_cache = True


@compiles(_Drawn)
def _drawn(element: Any, compiler: Any, **more: Any) -> str:
    table, key = (compiler.process(part, **more) for part in element.clauses)
    return f"nextval(pg_get_serial_sequence({table}, {key}))"


@compiles(_Drawn, "sqlite")
def _not_drawn(_element: Any, _compiler: Any, **_more: Any) -> str:
    return "NULL"


def next_key(model: Any) -> Any:
    """For a statement that is asked before a new row of the model is written: the number for `write_new`.

    Then nobody waits for the INSERT. A number that nobody takes in the end is nobody's.
    """
    [key] = class_mapper(model).primary_key
    return _Drawn(literal_column(f"'{key.table.name}'"), literal_column(f"'{key.name}'"))


def write_new(session: AnySession, row: Any, *, number: int | None = None, taken: Taken | None = None) -> None:
    """Write a new row by one INSERT; in a savepoint by the unit of work, which knows what a savepoint took back.

    With a `number` (`next_key`) it is sent with what comes next. Where a constraint stands against the row, what
    `taken` says of it is raised, or else its error as ever: at once, or with whatever is sent next, at the latest by
    the commit.
    """
    try:
        _write_new(session, row, number, taken)
    except IntegrityError as error:
        told = None if taken is None else taken(constraint_of(error, class_mapper(type(row)).local_table))
        if told is None:
            raise
        raise told from error


def _write_new(session: AnySession, row: Any, number: int | None, taken: Taken | None) -> None:
    if _in_savepoint(session):
        session.add(row)
        session.flush()
        return
    if session.new or session.dirty or session.deleted:
        session.flush()
    model: Any = type(row)
    columns, primary = _writing(model)
    held, values = row.__dict__, {}
    for name, column, default in columns:
        if name not in held:
            held[name] = default() if callable(default) else default
        if held[name] is not None:
            values[column] = held[name]
    if number is None:
        held[primary] = asked(session, _insert(model, tuple(values)), values).rows[0][0]
    else:
        held[primary] = values[model.__mapper__.primary_key[0].key] = number
        send(session, _insert_numbered(model, tuple(values)), values, taken=taken)
    _take_in(session, row, identity_key(model, held[primary]))
    if (running := _real(session).get_transaction()) is not None:
        # Taken back with it, as a row that the unit of work has written: no such row is the session's then.
        running._new[instance_state(row)] = True
    # What the database worked out is read when it is looked at.
    instance_state(row)._expire_attributes(held, _worked_out(model))


def _in_savepoint(session: AnySession) -> bool:
    return _real(session).in_nested_transaction()


def _real(session: AnySession) -> Session:
    return session() if isinstance(session, scoped_session) else session


@cache
def _writing(model: Any) -> tuple[list[tuple[str, str, Any]], str]:
    """By attribute its column and what stands in it where nobody said anything; and which one is the key."""
    mapper = class_mapper(model)
    columns = []
    for name, column in _written(mapper).items():
        if column.computed is not None:
            continue
        default: Any = getattr(column.default, "arg", None)
        # SQLAlchemy hands its context to a column's function; ours take nothing.
        columns.append((name, column.key, (lambda make=default: make(None)) if callable(default) else default))
    primary = mapper.get_property_by_column(mapper.primary_key[0]).key
    return columns, primary


@cache
def _worked_out(model: Any) -> set[str]:
    return {name for name, column in _written(class_mapper(model)).items() if column.computed is not None}


@lru_cache(maxsize=1024)
def _insert(model: Any, names: tuple[str, ...]) -> Any:
    """The INSERT of these columns of one row, which gives its key."""
    return _insert_numbered(model, names).returning(*class_mapper(model).local_table.primary_key)


@lru_cache(maxsize=1024)
def _insert_numbered(model: Any, names: tuple[str, ...]) -> Any:
    """The same of a row whose key is among them: it answers nothing."""
    table: Any = class_mapper(model).local_table
    return insert(table).values({name: bindparam(name) for name in names}).inline()


def write_changes(session: AnySession, row: Any, *, locked: bool = False) -> None:
    """Write what was changed on a row that the caller holds, by one UPDATE; nothing changed, nothing is written.

    A versioned row is written as the version that was read only. Of one that was read under its lock in this very
    transaction (`locked`) nobody else can have made another version, so nobody waits to hear that it was written.
    """
    state = instance_state(row)
    held, before = state.dict, state.committed_state
    model: Any = type(row)
    columns, version = _changing(model)
    if state.key is None or not before.keys() <= columns.keys() or _in_savepoint(session):
        # New, or more than columns of its own, or to be forgotten with a savepoint: work for the unit of work.
        session.flush()
        return
    changed = [name for name in before if held[name] != before[name]]
    if not changed:
        # Set to what it was: the unit of work need not go through it to find that out.
        state._commit_all(held, session.identity_map)
        return
    for name, value in stamps(model).items():
        if name not in changed:
            held[name] = value
            changed.append(name)
    values = {name: held[name] for name in changed}
    if version is not None:
        values |= {version: held[version] + 1, "as_read": held[version]}
    values["own_key"] = state.key[1][0]
    stale = StaleDataError(f"{model.__name__} {values['own_key']} is no more as it was read")
    send(session, _change(model, tuple(sorted(changed))), values, one_or=None if locked else stale)
    if version is not None:
        held[version] += 1
    # It stands in the database as it is here: nothing of it is left for the unit of work.
    state._commit_all(held, session.identity_map)


def stamps(model: Any) -> dict[str, Any]:
    """What a change of anything writes beside: the instant of the change, say."""
    return {name: made(None) for name, made in _changing(model)[0].items() if made is not None}


@cache
def _changing(model: Any) -> tuple[dict[str, Any], str | None]:
    """By attribute what a change of anything makes of it (an instant of the change, say), and the one with the version.

    Columns that the database computes, the key and the version are nobody's to change.
    """
    mapper = class_mapper(model)
    version = mapper.version_id_col
    own = {*mapper.primary_key, version}
    columns = {
        name: getattr(column.onupdate, "arg", None)
        for name, column in _written(mapper).items()
        if column.computed is None and column not in own
    }
    return columns, None if version is None else mapper.get_property_by_column(version).key


@lru_cache(maxsize=1024)
def _change(model: Any, names: tuple[str, ...]) -> Any:
    """The UPDATE of these attributes of one row; takes them, `own_key`, and `as_read` of a versioned one."""
    mapper: Any = class_mapper(model)
    version = mapper.version_id_col
    statement: Any = update(mapper.local_table).where(mapper.primary_key[0] == bindparam("own_key"))
    if version is not None:
        names = (*names, mapper.get_property_by_column(version).key)
        statement = statement.where(version == bindparam("as_read"))
    return statement.values({mapper.columns[name]: bindparam(name) for name in names})
