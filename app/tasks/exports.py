"""The jobs that write files: a list of more rows than a page may wait for, a report over a large region."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

from app import clock
from app.listing import moment
from app.models.policy import policy_version
from app.permissions import Verb, require
from app.reports import exports, given_out
from app.scratch import scratch
from app.tasks.jobs import JobContext, handles
from app.telling import speaking, told
from app.transaction import transaction
from app.workflows.core import audit, audit_days, export_records

# Ships with the product's source; whoever has the export needs nothing else.
VERIFIER = Path(__file__).resolve().parents[2] / "scripts" / "verify_audit.py"


@handles("export")
def run_export(context: JobContext) -> dict[str, Any]:
    """Params: those of `exports.Wanted`, and `verb`, which reading the list needs; both are asked again now."""
    params = context.params
    require(context.actor, Verb(params["verb"]))
    wanted = exports.Wanted(params["listing"], params["query"], params["columns"], params["format"])
    listing = exports.chosen(exports.listing_of(wanted.listing), wanted, context.actor)
    with scratch("export") as folder:
        path = folder / f"export.{exports.check_format(wanted.format)}"
        with speaking(params.get("language")), exports.one_view(context.session):
            now = moment(context.session, context.actor)
            query = exports.read(listing, wanted)
            total = listing.total(now, query)
            context.progress(0, total, "写出")
            made = exports.export(
                now, listing, query, path, wanted.format, forget=True, total=total, progress=context.progress
            ).as_dict()
        with speaking(params.get("language")), transaction(context.session) as session:
            context.attach(path, exports.file_name(str(listing.title), now.now, wanted.format))
            export_records.keep(
                session, context.actor, clock.now(), wanted.listing, made, query=wanted.query, columns=query.columns,
                fmt=wanted.format, job=context.job_id,
            )  # fmt: skip
            context.finish(made)
    return made


@handles("audit_export")
def run_audit_export(context: JobContext) -> dict[str, Any]:
    """The whole log with its daily roots, and the script that verifies it without the product."""
    with scratch("audit") as folder:
        path, log = folder / "audit.zip", folder / "log.jsonl"
        with exports.one_view(context.session), log.open("w", encoding="utf-8") as out:
            rows = 0
            for rows, line in enumerate(audit.lines(context.session), 1):
                out.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
                if rows % 1000 == 0:
                    context.progress(rows, rows, "写出")
            kept = audit_days.roots(context.session, 100_000)
            days = [f"{row.on.isoformat()} {row.digest}\n" for row in reversed(kept)]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(log, "log.jsonl")
            packed.writestr("days.txt", "".join(days))
            if VERIFIER.is_file():
                packed.write(VERIFIER, VERIFIER.name)
        with transaction(context.session) as session:
            now = clock.now()
            context.attach(path, exports.file_name(told("审计日志"), now, "zip"))
            audit.record(session, context.actor, now, "audit.export", "audit", None, after={"rows": rows})
            policy, digest = policy_version(session, None, clock.local_day(now)), exports.digest_of(path)
            export_records.keep_file(
                session, context.actor, now, given_out.AUDIT_LOG, "全部审计日志", digest, policy, "zip", rows=rows
            )
            context.finish({"rows": rows})
    return {"rows": rows}


@handles("report")
def run_report(context: JobContext) -> dict[str, Any]:
    """Params: `region` (or ""), `from_on`, `to_on`, ISO text; the owner's scope as it is now."""
    # pandas takes most of a second to load; a worker that makes no report never pays for it.
    from app.reports import statistics, statistics_workbook

    params = context.params
    days = [dt.date.fromisoformat(params[name]) for name in ("from_on", "to_on")]
    with scratch("report") as folder:
        path = folder / "report.xlsx"
        with speaking(params.get("language")), exports.one_view(context.session):
            now = moment(context.session, context.actor)
            frame = statistics.frame_of(context.session, context.actor, params["region"], days[0], days[1])
            found = statistics.build(now, frame)
            statistics_workbook.write(found, path)
        made = statistics_workbook.summary(found, path)
        with speaking(params.get("language")), transaction(context.session) as session:
            context.attach(path, exports.file_name(f"{told('统计报表')} {found.region}", now.now, "xlsx"))
            export_records.keep(
                session, context.actor, clock.now(), given_out.STATISTICS, made, columns=[], fmt="xlsx",
                query=given_out.query_of({name: params[name] for name in ("region", "from_on", "to_on")}),
                job=context.job_id,
            )  # fmt: skip
            context.finish(made)
    return made
