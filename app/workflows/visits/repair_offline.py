"""Steps of a repair that a phone kept without network and sends later, at their true times, each once and in order.

As with a visit (`visits/offline.py`) the server tells the true time by the phone's clock as it found it; limits are
judged by acceptance and end alone, which need the network or are told with the end.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import RepairOrder
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.offline import PhoneClock, clock_findings
from app.rules.repairs import TIME_LABELS, TIMES, kept_findings
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit
from app.workflows.on_site.presence import Position
from app.workflows.repair import repair_work
from app.workflows.repair.repairs import ENTITY
from app.workflows.visits.visits import check_key

STEPS = {"depart": "departed_at", "start": "started_at"}


@dataclass(frozen=True, slots=True)
class KeptStep:
    """出发 or 开始 in the phone's queue, pressed at `shown_at` by its clock, by whoever had signed in then."""

    key: str
    phone: PhoneClock
    account_id: int
    order_id: int
    verb: str
    shown_at: dt.datetime
    position: Position
    accuracy: float | None = None


def receive(session: AnySession, actor: Actor, kept: KeptStep, at: dt.datetime) -> RepairOrder:
    """Store the step with its true time; what is wrong is told at once, and the phone keeps it.

    The same again, or a step that was pressed elsewhere meanwhile, finds it done.
    """
    require(actor, Verb.REPAIR_DO)
    check_key(kept.key)
    if kept.account_id != actor.user_id or actor.user_id is None:
        raise NotAllowed(Finding("账号", False, "这一步是另一个账号存下的", "请用当时的账号登录后再发送"))
    if kept.verb not in STEPS:
        found = say("没有“%(verb)s”这一步", verb=kept.verb[:20])
        raise refuse("维修步骤", found, "可以离线的是出发和开始维修", field="verb")
    name = STEPS[kept.verb]
    row = repair_work.sent_order(session, actor, kept.order_id)
    if getattr(row, name) is not None:
        return row
    true = kept.phone.true(kept.shown_at)
    slack = dt.timedelta(
        minutes=policy_value(session, Key.CLOCK_SLACK_MINUTES, row.region_code, clock.local_day(at))
    )
    before = [("报修时间", row.reported_at), ("派工时间", row.assigned_at)]
    before += [(TIME_LABELS[n], getattr(row, n)) for n in TIMES[: TIMES.index(name)]]
    told = clock_findings(kept.phone, kept.shown_at, None, slack)
    # No visit: what can't be believed is written down with the end.
    remedy = "请放弃这一步，结束维修时补填这个时间"
    raise_failing([
        *(replace(found, remedy=remedy) for found in told), *kept_findings(name, true, before, at, slack),
    ])  # fmt: skip
    if kept.verb == "depart":
        repair_work.depart(session, actor, row.id, at, true)
    else:
        repair_work.start(session, actor, row.id, kept.position, at, true)
    audit.record(
        session, actor, at, "repair.sent_later", ENTITY, row.id,
        after={
            "step": kept.verb, name: true, "shown": kept.shown_at.isoformat(),
            "ahead": round(kept.phone.ahead.total_seconds()), "contact_at": kept.phone.contact.at.isoformat(),
            "contact_ahead": round(kept.phone.contact.ahead.total_seconds()),
            "accuracy": None if kept.accuracy is None else round(kept.accuracy),
        },
    )  # fmt: skip
    return row
