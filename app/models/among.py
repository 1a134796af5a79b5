"""Many keys in one statement, and many values in one answer: as one value however many they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.types import NullType, UserDefinedType


class _Numbers(UserDefinedType[Any]):
    """Numbers as PostgreSQL writes an array; of a list the driver asks number by number whether it is to be quoted."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BIGINT[]"

    def bind_processor(self, dialect: Any) -> Any:
        return lambda numbers: "{" + ",".join(["NULL" if n is None else str(n) for n in numbers]) + "}"


def among(session: Any, column: Any, keys: Collection[Any]) -> ColumnElement[bool]:
    """The column is one of the keys, numbers or texts: one statement for any count, which is built and planned once."""
    kind = BigInteger if column.type.python_type is int else Text
    inside: ColumnElement[bool]
    if session.get_bind().dialect.name == "postgresql":
        inside = column == func.any(_numbers(keys) if kind is BigInteger else cast(list(keys), ARRAY(Text)))
    else:
        inside = column.in_(select(literal_column("value", kind)).select_from(func.json_each(json.dumps(list(keys)))))
    return inside


def among_given(dialect: str, column: Any, name: str) -> ColumnElement[bool]:
    """The same of numbers for a statement that is made once for each dialect: its parameter of this name takes them."""
    if dialect == "postgresql":
        numbers = cast(bindparam(name, type_=_Numbers()), ARRAY(BigInteger))
        inside: ColumnElement[bool] = column == func.any(numbers)
        return inside
    given = func.json_each(bindparam(name, type_=JSON()))
    found: ColumnElement[bool] = column.in_(select(literal_column("value", BigInteger)).select_from(given))
    return found


def beside(session: Any, keys: Sequence[int], numbers: Sequence[int | None]) -> Any:
    """Keys, each with its number, as a table to update from: columns `key` and `number`."""
    if session.get_bind().dialect.name == "postgresql":
        key, number = (func.unnest(_numbers(many)) for many in (keys, numbers))
        return select(key.label("key"), number.label("number")).subquery("given")
    pairs = func.json_each(json.dumps(list(zip(keys, numbers, strict=True)))).table_valued("value")
    key, number = (func.json_extract(pairs.c.value, f"$[{n}]", type_=BigInteger) for n in (0, 1))
    # Only of what is surely a number does SQLite make an index, without which each row is held against every key.
    return select(cast(key, Integer).label("key"), number.label("number")).subquery("given")


def all_of(session: Any, column: Any, where: Any = None) -> Any:
    """A group's values as a list; lists of one statement are in the same order."""
    found: Any
    if session.get_bind().dialect.name == "postgresql":
        # The driver's lists as they are: nothing is to be made of them.
        found = func.array_agg(column, type_=NullType())
    else:
        found = func.json_group_array(column, type_=JSON())
    return found if where is None else found.filter(where)


def _numbers(numbers: Collection[int | None]) -> Any:
    return cast(literal(list(numbers), _Numbers()), ARRAY(BigInteger))
