"""The jobs of an import batch: check the file, import the good rows, undo them."""

from __future__ import annotations

from typing import Any

from app import clock
from app.imports import batches, undoing, writing
from app.tasks.jobs import JobContext, handles


@handles("import_check")
def run_check(context: JobContext) -> dict[str, Any]:
    """Params: `batch`. A part of the rows a transaction; what was checked already is not checked again."""
    session, actor, number = context.session, context.actor, context.params["batch"]
    if (counts := batches.checked(session, actor, number)) is not None:
        return counts
    path = batches.file_of(session, actor, number)
    return batches.check(session, actor, number, path, clock.now(), context.progress)


@handles("import")
def run_import(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    return writing.run(context.session, context.actor, context.params["batch"], clock.now(), context.progress)


@handles("import_undo")
def run_undo(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    return undoing.run(context.session, context.actor, context.params["batch"], clock.now(), context.progress)
