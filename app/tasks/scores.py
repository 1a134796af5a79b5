"""The score job: a period's scores as known when the job was entered, so that a second run finds the first one's."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import clock
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.workflows.scores import scores


@handles("score")
def run_score(context: JobContext) -> dict[str, Any]:
    """Params: `region`, `from_on`, `to_on`, `as_of`, all ISO text."""
    params = context.params
    with transaction(context.session) as session:
        row = scores.run(
            session, context.actor, params.get("region"), dt.date.fromisoformat(params["from_on"]),
            dt.date.fromisoformat(params["to_on"]), dt.datetime.fromisoformat(params["as_of"]), clock.now(),
            context.progress,
        )  # fmt: skip
        told = scores.summary(session, row).as_dict()
        context.finish(told | {"link": f"/scores/total/?f_run={row.id}"})
    return told
