"""Can this happen? One door for desk, phone and API: the same findings as the deed itself would meet (GAT-01)."""

from __future__ import annotations

import datetime as dt

from app import clock
from app.errors import Finding, refuse
from app.models import Elevator
from app.permissions import Actor
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession
from app.workflows import applications, cover, ledgers, presence
from app.workflows.submissions import Asked

CHECK_IN, CONTRACT = "check_in", "contract"
WORDS = {CHECK_IN: "签到", CONTRACT: "绑定合同"} | {
    kind.value: KIND_LABELS[kind] for kind in ApplicationKind if kind in applications.OPEN_KINDS
}
# What a form asks for is judged when it is sent; before that only what stands already can pass or fail.
TYPED = {
    "reason", "attachments", "effective_on", "until_on", "interval_days", "cause", *ledgers.PERSONS, "address",
    "use_unit_id",
}  # fmt: skip


def of_elevator(session: AnySession, actor: Actor, elevator: Elevator, what: str, at: dt.datetime) -> list[Finding]:
    """Every condition of a check-in, a contract or an application as things stand, passing and failing."""
    if what not in WORDS:
        raise refuse("事项", f"没有“{what[:30]}”这种事项", f"可选：{'、'.join(WORDS)}", field="what", value=what[:30])
    today = clock.local_day(at)
    if what == CHECK_IN:
        return presence.standing(session, actor, elevator, at)
    if what == CONTRACT:
        return _contract(session, elevator, today)
    asked = Asked(today, today, "…", [0], {}, unit_id=actor.unit_id)
    return [f for f in applications.conditions_of(session, what, elevator, asked) if f.field not in TYPED]


def _contract(session: AnySession, elevator: Elevator, today: dt.date) -> list[Finding]:
    """Could the unit that serves it put it under a contract from today on?"""
    page = f"/elevators/{elevator.id}"
    served, scrapped = elevator.maintenance_unit_id is not None, elevator.status == "scrapped"
    held = cover.in_force(session, elevator.id, today)
    return [
        Finding(
            "备案已通过", elevator.approved_version > 0,
            "备案已审核通过" if elevator.approved_version else "备案尚未审核通过",
            "" if elevator.approved_version else "请先上报备案", link=None if elevator.approved_version else page,
        ),
        Finding(
            "维保单位", served, "已有维保单位" if served else "还没有维保单位",
            "" if served else "请先办理维保单位变更",
            link=None if served else f"/unit-changes/new?code={elevator.code}",
        ),
        Finding(
            "电梯状态", not scrapped, "电梯已报废" if scrapped else "电梯没有报废",
            "报废的电梯不能追加" if scrapped else "",
        ),
        Finding(
            "一台电梯同日只能有一份合同", held is None,
            "今天没有合同" if held is None else f"已有合同，{held.starts_on} 至 {held.ends_on}",
            "" if held is None else "到期后续签，或先从那份合同删除这台电梯",
            link=None if held is None else f"/contracts/{held.contract_id}",
        ),
    ]  # fmt: skip
