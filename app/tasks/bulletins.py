"""Bulletins as jobs: counting and drafting, and after the issue the files and who is told (STA-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import current_app

from app import clock
from app.models import Bulletin, Region
from app.reports import exports
from app.reports.pdf import PdfUnavailable
from app.rules.periods import Period, period_of
from app.scope import visible
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.workflows.oversight import bulletins
from app.workflows.scores import scores


@handles("bulletin")
def run_bulletin(context: JobContext) -> dict[str, Any]:
    """Params: `region`, `period`, `as_of`, `corrects`, `reason`. Killed, it counts again as of the same instant."""
    from app.reports.bulletin import document
    from app.reports.bulletin.asked import asked_of

    params = context.params
    period, as_of = period_of(params["period"]), dt.datetime.fromisoformat(params["as_of"])
    region = bulletins.region_of(context.session, context.actor, params["region"])
    run_id = _scores(context, region, period, as_of)
    with exports.one_view(context.session):
        asked = asked_of(context.session, region, period, as_of, run_id)
        found = document.count(asked, lambda done, total: context.progress(done, total, "统计"))
        policy = document.policy_of(asked)
        number = _number_of(context, params.get("corrects"))
        head = document.head_of(region, period, number)
        texts = document.first_texts(found, region, period)
    digest = document.digest_of(found, region.code, period.text, as_of)
    with transaction(context.session) as session:
        counted = bulletins.Counted(found, digest, policy, run_id)
        row = bulletins.draft(session, context.actor, params, counted, texts, head, clock.now())
        told = {"link": bulletins.link_of(row), "sha256": row.digest}
        context.finish(told)
    return told


def _scores(context: JobContext, region: Region, period: Period, as_of: dt.datetime) -> int:
    """The period's run that was known then, else one made now as of then; its figures are the official ones."""
    known = scores.run_known(context.session, region.code, period.first, period.last, as_of)
    if known is not None:
        return known
    with transaction(context.session) as session:
        return scores.run(
            session, context.actor, region.code, period.first, period.last, as_of, clock.now(), context.progress
        ).id


def _number_of(context: JobContext, key: Any) -> str:
    row = context.session.get(Bulletin, key) if key else None
    return row.number if row is not None else ""


@handles("bulletin_files")
def run_files(context: JobContext) -> dict[str, Any]:
    """Params: `bulletin`. Written outside any transaction; what is there already is not made again."""
    from app.reports.bulletin import document, docx, pages

    row: Bulletin = visible(context.session, context.actor, Bulletin, context.params["bulletin"], "这份通报")
    region = bulletins.region_of(context.session, context.actor, row.region_code)
    paper = document.paper(row, region, row.corrects.number if row.corrects is not None else "")
    key, name, at = row.id, f"{row.title}.{{}}", row.issued_at or clock.now()
    made, missing = {"docx": (docx.write(paper, at), name.format("docx"))}, ""
    context.progress(1, 3, "写出")
    try:
        made["pdf"] = pages.as_pdf(current_app.jinja_env, paper), name.format("pdf")
    except PdfUnavailable as refusal:
        missing = str(refusal)
    context.progress(2, 3, "发送")
    with transaction(context.session) as session:
        issued = bulletins.publish(session, context.actor, key, made, clock.now())
        told = {"link": bulletins.link_of(issued)} | ({"note": missing} if missing else {})
        context.finish(told)
    return told
