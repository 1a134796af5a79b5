"""A table's rows as lines of JSON that either database gives and takes, read and written by the table as it stands.

Tables are reflected, not taken from the models: an older backup is loaded into the schema that it was made from, and
then upgraded with its data.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.errors import refuse

# Alembic's own, and signs of life that say nothing after a restore.
LEFT_OUT = {"alembic_version", "service_heartbeat"}
CHUNK = 2000


class Raw(sa.types.TypeDecorator[str]):
    """JSON as the text that the database holds: an absent value and a stored null stay two things."""

    impl = sa.Text
    cache_ok = True

    def bind_expression(self, bindvalue: Any) -> Any:
        return sa.cast(sa.type_coerce(bindvalue, sa.Text), JSONB)

    def column_expression(self, column: Any) -> Any:
        return sa.cast(sa.type_coerce(column, JSONB), sa.Text)


def sqlite_counts(connection: sa.Connection) -> bool:
    """Whether SQLite counts keys here: it has its table for that from the first one that does (`ONCE`) on."""
    asked = sa.text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")
    return bool(connection.scalar(asked))


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """Every table with rows worth keeping, by name."""
    metadata = sa.MetaData()
    # The search index is made of the rows and comes with them.
    metadata.reflect(connection, only=lambda name, _metadata: not name.startswith("search_"))
    raw = Raw() if connection.dialect.name == "postgresql" else sa.Text()
    found = [table for name, table in sorted(metadata.tables.items()) if name not in LEFT_OUT]
    for column in (column for table in found for column in table.columns):
        if isinstance(column.type, sa.JSON):
            column.type = raw
    return found


def columns_of(table: sa.Table) -> list[sa.Column[Any]]:
    """What a backup holds of a row: not what the database works out itself."""
    return [column for column in table.columns if column.computed is None]


def count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def write(connection: sa.Connection, table: sa.Table, out: IO[bytes]) -> int:
    """Write the columns' names, then a line a row in order of the key; gives the number of rows."""
    columns = columns_of(table)
    out.write(_line([column.name for column in columns]))
    rows = 0
    statement = sa.select(*columns).order_by(*table.primary_key.columns)
    for row in connection.execute(statement, execution_options={"yield_per": CHUNK}):
        out.write(_line([_plain(value) for value in row]))
        rows += 1
    return rows


def read(connection: sa.Connection, table: sa.Table, lines: Iterable[bytes]) -> int:
    """Insert what `write` wrote; gives the number of rows."""
    parts = iter(lines)
    names = json.loads(next(parts))
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        raise refuse("备份文件", f"表 {table.name} 没有“{unknown[0]}”列", "备份与程序的版本不一致，请用同一版本恢复")
    readers = [_reader(table.columns[name].type) for name in names]
    rows = 0
    for chunk in _chunks(parts):
        values = [
            {name: None if value is None else reader(value)
             for name, value, reader in zip(names, json.loads(line), readers, strict=True)}
            for line in chunk
        ]  # fmt: skip
        connection.execute(table.insert().inline(), values)
        rows += len(values)
    return rows


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _chunks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if len(held) == CHUNK:
            yield held
            held = []
    if held:
        yield held


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        # SQLite keeps instants as UTC without a zone; here each is written so.
        return (value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _reader(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, sa.DateTime):
        if kind.timezone:
            return lambda value: dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
        return dt.datetime.fromisoformat
    if isinstance(kind, sa.Date):
        return dt.date.fromisoformat
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return Decimal
    if isinstance(kind, sa.Boolean):
        return bool
    return lambda value: value
