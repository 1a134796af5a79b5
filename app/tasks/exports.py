"""The export job: a list of more rows than a page may wait for. A second run writes the file anew; the last counts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from app import clock
from app.listing import moment
from app.permissions import Verb, require
from app.reports import exports
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.workflows import audit


@handles("export")
def run_export(context: JobContext) -> dict[str, Any]:
    """Params: those of `exports.Wanted`, and `verb`, which reading the list needs; both are asked again now."""
    params = context.params
    require(context.actor, Verb(params["verb"]))
    wanted = exports.Wanted(params["listing"], params["query"], params["columns"], params["format"])
    listing = exports.listing_of(wanted.listing)
    with tempfile.TemporaryDirectory(prefix="tian-export-") as folder:
        path = Path(folder) / f"export.{exports.check_format(wanted.format)}"
        with exports.one_view(context.session):
            now = moment(context.session, context.actor)
            query = exports.read(listing, wanted)
            total = listing.total(now, query)
            context.progress(0, total, "写出")
            told = exports.export(
                now, listing, query, path, wanted.format, forget=True, total=total, progress=context.progress
            ).as_dict()
        with transaction(context.session) as session:
            context.attach(path, exports.file_name(str(listing.title), now.now, wanted.format))
            audit.record(
                session, context.actor, clock.now(), "export.make", wanted.listing, None,
                after=told | {"columns": list(query.columns), "format": wanted.format, "job": context.job_id},
            )  # fmt: skip
            context.finish(told)
    return told
