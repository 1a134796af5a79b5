"""Conditions over any number of keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, cast, func, literal, literal_column, select


def among(session: Any, column: Any, keys: Sequence[int]) -> ColumnElement[bool]:
    """The column is one of the keys, which go to the database as one value however many they are."""
    inside: ColumnElement[bool]
    if session.get_bind().dialect.name == "postgresql":
        inside = column == func.any(cast(literal(list(keys), ARRAY(BigInteger)), ARRAY(BigInteger)))
    else:
        inside = column.in_(select(literal_column("value", BigInteger)).select_from(func.json_each(json.dumps(keys))))
    return inside
