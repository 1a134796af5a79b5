"""The back-test of a draft policy: reads a past period, leaves its figures in the job's result, changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import clock
from app.reports.exports import one_view
from app.tasks.jobs import JobContext, handles
from app.workflows.scores import policy_backtest


@handles("policy_test")
def run_policy_test(context: JobContext) -> dict[str, Any]:
    """Params: `key`, `value`, `region` of the draft, `from_on`, `to_on` as ISO text."""
    params = context.params
    from_on, to_on = (dt.date.fromisoformat(params[name]) for name in ("from_on", "to_on"))
    draft = [policy_backtest.drafted(params["key"], params["value"], params["region"], from_on)]
    with one_view(context.session):
        return policy_backtest.run(
            context.session, context.actor, params["region"], from_on, to_on, draft, clock.now(), context.progress
        )
