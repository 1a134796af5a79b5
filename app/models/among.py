"""A condition on many keys that is one value to the database, however many they are."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, cast, func, literal, literal_column, select


def among(session: Any, column: Any, keys: Collection[Any]) -> ColumnElement[bool]:
    """The column is one of the keys, numbers or texts: one statement for any count, which is built and planned once."""
    kind = BigInteger if column.type.python_type is int else Text
    inside: ColumnElement[bool]
    if session.get_bind().dialect.name == "postgresql":
        inside = column == func.any(cast(literal(list(keys), ARRAY(kind)), ARRAY(kind)))
    else:
        inside = column.in_(select(literal_column("value", kind)).select_from(func.json_each(json.dumps(list(keys)))))
    return inside
