"""Can this happen? One door for desk, phone and API: the same findings as the deed itself would meet (GAT-01).

About an elevator: check-in, contract, renewal, every application. About a visit: check-out and the use unit's review.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, refuse
from app.models import Contract, ContractElevator, Elevator, Visit
from app.models.policy import policy_value, visit_policy
from app.permissions import Actor, Verb
from app.policy import Key
from app.rules.levels import Level
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.rules.visits import CheckOutFacts, check_out_findings
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.approval.submissions import Asked
from app.workflows.contracts import contract_findings, cover, renewals
from app.workflows.desk import applications
from app.workflows.maintenance import ledgers
from app.workflows.on_site import companions, presence
from app.workflows.visits import visit_reviewers

CHECK_IN, CONTRACT, RENEWAL = "check_in", "contract", "renewal"
WORDS = {CHECK_IN: say("签到"), CONTRACT: say("绑定合同"), RENEWAL: say("续签合同")} | {
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
        raise refuse(
            "事项",
            say("没有“%(what)s”这种事项", what=what[:30]),
            say("可选：%(names)s", names=together(WORDS)),
            field="what",
            value=what[:30],
        )
    today = clock.local_day(at)
    if what == CHECK_IN:
        return presence.standing(session, actor, elevator, at)
    if what == CONTRACT:
        return _contract(session, elevator, today)
    if what == RENEWAL:
        return _renewal_of(session, actor, elevator, today)
    asked = Asked(today, today, "…", [0], {}, unit_id=actor.unit_id)
    return [f for f in applications.conditions_of(session, what, elevator, asked) if f.field not in TYPED]


def of_renewal(session: AnySession, actor: Actor, contract: Contract, today: dt.date) -> list[Finding]:
    """Could this contract be renewed by the actor, and what would go with it?"""
    later = session.scalar(
        select(Contract).where(Contract.renewed_from_id == contract.id).order_by(Contract.id.desc()).limit(1)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    own = actor.unit_id in (None, contract.unit_id)
    bound = {row.elevator_id for row in cover.live_bindings(session, contract.id)}
    seen = scope.apply(select(Elevator.id).where(Elevator.id.in_(bound)), actor, Elevator)
    hidden = 0 if actor.sees_all_elevators else len(bound - set(session.scalars(seen)))
    started = contract.starts_on <= today
    return [
        Finding(
            "合同一方", own, "合同是本单位的" if own else "合同是其他单位的", "" if own else "请由合同的维保单位办理"
        ),
        Finding(
            "分配的电梯", not hidden,
            say("有 %(hidden)s 台电梯没有分配给您", hidden=hidden) if hidden else "合同的电梯都在您的权限内",
            "" if not hidden else "请由主账号办理，或请主账号分配这些电梯",
        ),
        Finding(
            "没有续签过", later is None,
            "还没有续签" if later is None else say("已续签为 %(number)s", number=later.number),
            "" if later is None else "请打开已续签的合同；再续签会再建立一份",
            level="warn", link=None if later is None else f"/contracts/{later.id}",
        ),
        Finding(
            "合同已开始", started, say("自 %(starts_on)s 起", starts_on=contract.starts_on),
                "" if started else "合同还没有开始，一般不需要续签",
            level="warn",
        ),
        *renewals.findings(session, contract),
    ]  # fmt: skip


def of_binding(
    session: AnySession, actor: Actor, contract: Contract, elevators: Sequence[Elevator], today: dt.date
) -> dict[int, list[Finding]]:
    """What stops each of these elevators from being put under the contract now; none: it can be."""
    span = contract_findings.span_of_binding(actor, contract.starts_on, contract.ends_on, today)
    rows = {e.id: e for e in elevators}
    stopped: dict[int, list[Finding]] = {key: [] for key in rows}
    for finding in contract_findings.own_findings(contract.unit_id, rows, rows):
        stopped[int(finding.value or 0)].append(finding)
    by_code = {e.code: e.id for e in elevators}
    for finding in contract_findings.double_cover(session, contract, [(key, span) for key in rows]):
        stopped[by_code[str(finding.value)]].append(finding)
    return stopped


def of_check_out(
    session: AnySession, visit: Visit, position: presence.Position, at: dt.datetime
) -> list[Finding]:
    """Every condition of a check-out that does not hang on what is still to be filled in."""
    elevator = session.get(Elevator, visit.elevator_id, execution_options={"skip_scope": True})
    assert elevator is not None
    distance = presence.metres(elevator, position)
    if elevator.latitude is None and position.place is not None:
        distance = 0.0
    policy = visit_policy(session, visit.region_code, visit.visit_on)
    needed = policy.persons_at(Level(visit.level))
    facts = CheckOutFacts(
        checked_in_at=visit.checked_in_at, at=at, already_out=visit.checked_out_at is not None or visit.state != "open",
        distance_m=distance, fault_text="",
        presence_m=int(policy_value(session, Key.PRESENCE_METRES, visit.region_code, visit.visit_on)),
        persons_needed=needed, persons=companions.persons_at(session, visit, at) if needed > 1 else 1,
    )  # fmt: skip
    found = check_out_findings(facts, policy)
    return [f for f in found if f.field not in ("items", "fault_text") and f.rule != "同一台电梯"]


def of_review(session: AnySession, actor: Actor, visit: Visit) -> list[Finding]:
    """Every condition of the use unit's word on a visit."""
    return visit_reviewers.review_findings(session, actor, visit)


def _renewal_of(session: AnySession, actor: Actor, elevator: Elevator, today: dt.date) -> list[Finding]:
    """The renewal of the contract that covers the elevator, or covered it last."""
    statement = (
        select(Contract)
        .join(ContractElevator, ContractElevator.contract_id == Contract.id)
        .where(
            ContractElevator.elevator_id == elevator.id, ContractElevator.removed_at.is_(None),
            Contract.unit_id == (elevator.maintenance_unit_id or 0),
        )
        .order_by(ContractElevator.ends_on.desc(), Contract.id.desc())
        .limit(1)
    )  # fmt: skip
    held = session.scalar(scope.apply(statement, actor, Contract).execution_options(skip_scope=True))
    if held is None:
        link = f"/contracts/new?chosen=elevator-{elevator.id}" if actor.may(Verb.CONTRACT_EDIT) else None
        return [Finding("原合同", False, "没有可以续签的合同", "请新增合同并追加这台电梯", link=link)]
    return [
        Finding("原合同", True, say("%(number)s，%(starts_on)s 至 %(ends_on)s", number=held.number,
            starts_on=held.starts_on, ends_on=held.ends_on)),
        *of_renewal(session, actor, held, today),
    ]


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
            "今天没有合同" if held is None else say("已有合同，%(starts_on)s 至 %(ends_on)s",
                starts_on=held.starts_on, ends_on=held.ends_on),
            "" if held is None else "到期后续签，或先从那份合同删除这台电梯",
            link=None if held is None else f"/contracts/{held.contract_id}",
        ),
    ]  # fmt: skip
