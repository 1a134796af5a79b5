"""Many 维保单 at once (MNT-08): the chosen records, or all that a list shows under its filter, as one PDF or a ZIP."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select

from app import clock, scope
from app.errors import refuse
from app.models import Visit
from app.models.policy import policy_version
from app.permissions import Verb, require
from app.reports import exports, given_out, visit_sheets
from app.scratch import scratch
from app.tasks.jobs import JobContext, handles
from app.telling import language, speaking, told
from app.transaction import transaction
from app.wording import say, together
from app.workflows.core import export_records
from app.workflows.maintenance import item_lists


@handles("sheets")
def run_sheets(context: JobContext) -> dict[str, Any]:
    """Params: `listing` and `query` (the list's address), `ids` where rows were chosen, `language`.

    Up to `IN_ONE` records are one PDF; more are several in a ZIP. What the owner no longer sees is left out.
    """
    params, session = context.params, context.session
    require(context.actor, Verb.VISIT_READ)
    with scratch("sheets") as folder:
        with speaking(params.get("language")), exports.one_view(session):
            keys, words = _wanted(context)
            now = clock.now()
            if not 0 < len(keys) <= visit_sheets.MOST:
                # No more are read than would do.
                over = say("筛选出的记录超过 %(most)s 条", most=visit_sheets.MOST)
                found = over if keys else say("没有筛选出记录")
                raise refuse("批量维保单", found, say("请筛选到 1 至 %(most)s 条", most=visit_sheets.MOST))
            parts = [keys[at : at + visit_sheets.IN_ONE] for at in range(0, len(keys), visit_sheets.IN_ONE)]
            files: list[Path] = []
            done = 0
            for number, part in enumerate(parts, 1):
                files.append(_written(context, part, folder / f"{number:02d}.pdf", now))
                done += len(part)
                context.progress(done, len(keys), "写出")
                session.expunge_all()
            made, fmt = (files[0], "pdf") if len(files) == 1 else (_packed(files, folder / "sheets.zip"), "zip")
        with speaking(params.get("language")), transaction(session):
            context.attach(made, exports.file_name(told("维保单"), now, fmt))
            policy = policy_version(session, context.actor.region_code, clock.local_day(now))
            digest = exports.digest_of(made)
            result = {
                "rows": len(keys), "sha256": digest, "file": digest, "filter": words, "policy": policy,
                "as_of": now.isoformat(timespec="seconds"),
            }  # fmt: skip
            export_records.keep(
                session, context.actor, clock.now(), given_out.VISIT_SHEETS, result, columns=[], fmt=fmt,
                query=params.get("query", ""), job=context.job_id,
            )  # fmt: skip
            context.finish(result)
    return result


def _wanted(context: JobContext) -> tuple[list[int], str]:
    """The records in the list's order, and in words which they are; one more than are made at once at most."""
    params, session, most = context.params, context.session, visit_sheets.MOST + 1
    if params.get("ids"):
        seen = scope.apply(select(Visit.id).where(Visit.id.in_(params["ids"][:most])), context.actor, Visit)
        keys = set(session.scalars(seen.execution_options(skip_scope=True)))
        return [key for key in params["ids"] if key in keys], say("所选的 %(n)s 条", n=len(keys))
    listing, now, query = exports.asked(session, context.actor, params)
    found = listing.ordered(listing.statement(now, query), query).limit(most)
    lines = exports.describe(now, listing, query)
    words = together((say("%(label)s：%(text)s", label=label, text=text) for label, text in lines), "；") or "无"
    return list(session.scalars(found)), words


def _written(context: JobContext, keys: list[int], path: Path, now: Any) -> Path:
    statement = scope.apply(select(Visit).where(Visit.id.in_(keys)), context.actor, Visit)
    held = {row.id: row for row in context.session.scalars(statement.execution_options(skip_scope=True))}
    sheets = [
        visit_sheets.sheet(context.session, held[key], item_lists.of_visit(context.session, held[key]))
        for key in keys if key in held
    ]  # fmt: skip
    lang = str(language() or "zh-CN").replace("_", "-")
    path.write_bytes(visit_sheets.as_pdf(current_app.jinja_env, sheets, context.actor, lang, now))
    return path


def _packed(files: list[Path], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for file in files:
            packed.write(file, file.name)
    return path
