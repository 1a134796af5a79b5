"""Since when a record that another platform left is known here: what was counted before then is counted again
without it.

Conditions on tables, not on entities: who looks has no part in what was known, so that no scope narrows them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, func, or_, select

from app.models.batch import ImportBatch
from app.models.visit import Visit

_batch: Any = ImportBatch.__table__.c
_visit: Any = Visit.__table__.c


def row_known(row: Any, as_of: dt.datetime) -> Any:
    """Rows of a table with `taken_over` and `created_at`: known from their time, or since they were written here."""
    return or_(row.taken_over.is_(False), row.created_at <= as_of)


def visit_known(as_of: dt.datetime) -> Any:
    """The same of visits, which keep no time of their writing: known since the last of their file was written."""
    later = later_files(as_of)
    return or_(_visit.taken_over.is_(False), _visit.batch_id.is_(None), _visit.batch_id.not_in(later))


def later_files(as_of: dt.datetime) -> Select[Any]:
    """Files of visits of which some rows, or all, were yet to be written."""
    # Each step says when it was; one without has no visits, or broke off in a release that said it at the end only.
    written_at = func.coalesce(_batch.finished_at, _batch.created_at)
    return select(_batch.id).where(_batch.kind == "visits", written_at > as_of)
