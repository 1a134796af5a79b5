"""The jobs of an import batch: check the file, import the good rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app

from app import clock
from app.errors import refuse
from app.imports import batches
from app.models import Attachment, ImportBatch
from app.scope import visible
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.workflows import attachments


@handles("import_check")
def run_check(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    with transaction(context.session) as session:
        path = file_of(session, context.actor, context.params["batch"])
        told = batches.check(session, context.actor, context.params["batch"], path, clock.now())
        context.finish(told)
    return told


@handles("import")
def run_import(context: JobContext) -> dict[str, Any]:
    """Params: `batch`."""
    return batches.run(context.session, context.actor, context.params["batch"], clock.now(), context.progress)


def file_of(session: Any, actor: Any, batch_id: int) -> Path:
    """Where the batch's file lies."""
    batch: ImportBatch = visible(session, actor, ImportBatch, batch_id, "导入批次")
    kept = session.get(Attachment, batch.attachment_id) if batch.attachment_id else None
    if kept is None:
        raise refuse("文件", "上传的文件已不在", "请重新上传")
    return attachments.path(current_app.config["UPLOAD_DIR"], kept)
