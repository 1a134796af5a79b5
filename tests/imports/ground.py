"""What the tests of imports share: workbooks made in place, and the wizard's steps without pages."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

import openpyxl
from sqlalchemy import select

from app import scope
from app.imports import batches, writing
from app.models import ImportBatch, ImportRow
from app.transaction import transaction

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)


def workbook(*rows: list[Any]) -> io.BytesIO:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def csv(*lines: str) -> io.BytesIO:
    return io.BytesIO("\n".join(lines).encode())


def checked(
    session: Any, who: Any, kind: str, file: io.BytesIO, name: str = "表.xlsx", *, mode: str = "both", at: Any = AT
) -> ImportBatch:
    """Upload and check; the batch as it is then."""
    with scope.acting(who):
        with transaction(session):
            number = batches.open_batch(session, who, at, kind, file, name, mode=mode, queued=False).id
        return again(session, who, number, at)


def again(session: Any, who: Any, number: int, at: Any = AT) -> ImportBatch:
    """Check a batch that waits to be checked."""
    with scope.acting(who):
        batches.check(session, who, number, batches.file_of(session, who, number), at)
    session.expire_all()
    found: ImportBatch = session.get(ImportBatch, number)
    return found


def rematched(
    session: Any, who: Any, batch: ImportBatch, columns: Mapping[str, str | None], **more: Any
) -> ImportBatch:
    """Say of some headings which field they are; the others stay as they are."""
    mapping: Any = batch.mapping
    chosen = [columns.get(h, c) for h, c in zip(mapping["headings"], mapping["columns"], strict=True)]
    with scope.acting(who), transaction(session):
        batches.rematch(session, who, batch.id, AT, columns=chosen, queued=False, **more)
    return again(session, who, batch.id)


def ran(session: Any, who: Any, batch: ImportBatch, at: Any = AT) -> ImportBatch:
    """Import what was checked."""
    number = batch.id
    with scope.acting(who):
        with transaction(session):
            batches.start(session, who, number, at, queued=False)
        writing.run(session, who, number, at, lambda *_: None)
    session.expire_all()
    found: ImportBatch = session.get(ImportBatch, number)
    return found


def imported(session: Any, who: Any, kind: str, file: io.BytesIO, name: str = "表.xlsx", **more: Any) -> ImportBatch:
    return ran(session, who, checked(session, who, kind, file, name, **more), more.get("at", AT))


def errors_of(session: Any, batch: ImportBatch) -> set[tuple[int, str]]:
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.state == "bad"))
    return {(row.number, e["column"]) for row in rows for e in row.errors}


def told(session: Any, batch: ImportBatch) -> dict[int, str]:
    """By row of the file what is wrong with it, in words."""
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id))
    return {row.number: "；".join(e["found"] for e in row.errors) for row in rows if row.errors}


def states(session: Any, batch: ImportBatch) -> dict[int, str]:
    return {r.number: r.state for r in session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id))}
