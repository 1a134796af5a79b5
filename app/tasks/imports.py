"""The jobs of an import batch: check the file, import the good rows."""

from __future__ import annotations

from typing import Any

from app import clock
from app.imports import batches
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction


@handles("import_check")
def run_check(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    with transaction(context.session) as session:
        path = batches.file_of(session, context.actor, context.params["batch"])
        told = batches.check(session, context.actor, context.params["batch"], path, clock.now())
        context.finish(told)
    return told


@handles("import")
def run_import(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    return batches.run(context.session, context.actor, context.params["batch"], clock.now(), context.progress)
