"""Rows of the demo into their table, as many at a time as the database takes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from app.transaction import insert_many


def write(session: Any, model: type[Any], rows: list[dict[str, Any]]) -> None:
    """What a row leaves out keeps its column's default; those of one statement share their columns."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row)].append(row)
    for names, group in groups.items():
        missing = [c for c in model.__table__.columns if c.default is not None and c.key not in names]
        # A column's own default is a value or asked for one; none here looks at the rest of its row.
        own = {c.key: c.default.arg if c.default.is_scalar else c.default.arg(None) for c in missing}
        insert_many(session, model.__table__, [own | row for row in group])
