"""Another planned day for many orders at once (PLN-05): each by the rules of a single one, each with its outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from app import clock
from app.errors import Refusal, raise_failing
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.workflows.maintenance import orders
from app.workflows.maintenance.orders import Outcome


def replan(
    session: AnySession, actor: Actor, order_ids: Sequence[int], planned_on: Any, reason: str, at: dt.datetime
) -> list[Outcome]:
    """Plan open orders for one other day; what is wrong of day and reason is wrong for all and nothing is moved."""
    require(actor, Verb.ORDER_EDIT)
    orders.few_enough("批量改期", order_ids)
    reason = reason.strip()
    told = orders.reason_finding(reason, "修改任务", "请填写修改原因，最多 120 个字")
    raise_failing([*orders.planned_findings(planned_on, clock.local_day(at)), told])
    # In the order of their keys, so that two such deeds wait for one another.
    outcomes: dict[int, Outcome] = {}
    for key in sorted(set(order_ids)):
        try:
            orders.amend(session, actor, key, {"planned_on": planned_on}, reason, at)
        except Refusal as refusal:
            outcomes[key] = Outcome(key, False, str(refusal))
        else:
            outcomes[key] = Outcome(key, True, "已改期")
    return [outcomes[key] for key in dict.fromkeys(order_ids)]
