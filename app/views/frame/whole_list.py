"""Something done to all rows that a list found, beyond those that a page shows and somebody can tick: a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.reports import exports
from app.telling import language, source
from app.transaction import transaction
from app.views.frame.told import told
from app.wording import say
from app.workflows.core import jobs

ALL_DRAFTS = _l("上报列表筛选出的全部草稿和未通过的，不只是本页？由后台逐条核对，有问题的留在原处并说明原因。")


def enter(kind: str, listing: Any, label: Any, back: str, keys: Sequence[int] = (), **more: Any) -> Any:
    """Have a job of this kind work on what the list's address finds when it runs, or on the rows that were chosen
    (`keys`), with `more` of its parameters; leads to the job's page.

    An address that is too long for that is refused: cut short it would find more than was asked for.
    """
    wanted = exports.Wanted(listing.name, request.query_string.decode())
    params: dict[str, Any] = {"listing": wanted.listing, "query": wanted.query, "back": back, "language": language()}
    params |= more
    if keys:
        params["ids"] = list(keys)
    title = say("%(deed)s：%(list)s", deed=source(label), list=source(listing.title))
    try:
        exports.arguments(wanted)
        with transaction(db.session) as session:
            job_id = jobs.enqueue(session, g.actor, clock.now(), kind, title, params).id
    except Refusal as refusal:
        flash(told(str(refusal)), "warning")
        return redirect(back)
    flash(_("已转为后台任务，逐条核对；可以离开本页，完成后收件箱会通知您。"), "info")
    return redirect(url_for("Jobs.show", job_id=job_id))
