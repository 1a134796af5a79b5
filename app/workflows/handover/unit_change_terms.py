"""Can the maintenance unit of an elevator be changed so (LIF-05)? What is said of the change, and every condition.

The new unit names its own contract, the old one and the use unit name the new unit and the day of signing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app import scope
from app.errors import Finding, refuse
from app.models import Contract, ContractElevator, Elevator, Unit, UnitChange, Visit
from app.models.policy import policy_value
from app.models.visit import is_open
from app.permissions import Actor
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.lifecycle import ApplicationKind, change_due_on, change_is_late
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import conditions
from app.workflows.approval.submissions import Asked

KIND = ApplicationKind.UNIT_CHANGE
LABEL = "维保单位变更"
DAY = dt.timedelta(days=1)
# Within so many days a second change of one elevator is pointed out: affiliated units swap to reset a rhythm.
OFTEN_DAYS = 365
# The rules of what an officer should see.
_SIGNALS = frozenset({"原合同", "未签退的维保", "频繁变更"})
SIDES = {"old": say("原维保单位"), "new": say("新维保单位"), "use": say("使用单位")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The form: which elevator, who takes over, by which contract (the new unit's own), signed when."""

    code: str
    new_unit_id: int | None = None
    contract_id: int | None = None
    signed_on: dt.date | None = None
    effective_on: dt.date | None = None
    reason: str = ""
    attachments: Sequence[int] = ()


def side_of(actor: Actor, elevator: Elevator) -> str:
    """On which side of the change the actor's unit stands."""
    if actor.unit_id == elevator.maintenance_unit_id:
        return "old"
    return "use" if actor.unit_id == elevator.use_unit_id else "new"


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """All conditions, before submitting and again on the approval page."""
    data = asked.data
    found = [
        conditions.filed(elevator), conditions.not_in_filing(session, elevator),
        conditions.alone(session, elevator, KIND, asked.application_id, "影响电梯"),
        conditions.not_scrapped(elevator), _unmoved(elevator, data), _taker_finding(session, elevator, data),
    ]  # fmt: skip
    found += _said(session, asked)
    found.append(_in_time(session, elevator, asked))
    found += signals(session, elevator, asked)
    return found


def of_all(session: AnySession, asked: Asked) -> list[Finding]:
    """What is asked of the form alone, whichever elevator it is about."""
    return [_taker_finding(session, None, asked.data), *_said(session, asked)]


def _said(session: AnySession, asked: Asked) -> list[Finding]:
    data = asked.data
    side = data.get("side") or "use"
    signed = _contract(session, asked) if side == "new" else [_signed(data, asked.submitted_on)]
    paper = conditions.documents(asked, PAPER[side])
    return [*conditions.day(LABEL, asked), *signed, conditions.reason(asked), paper]


PAPER = {"old": say("到期的维保合同"), "new": say("新签订的维保合同"), "use": say("新签订的维保合同")}


def taker(session: AnySession, actor: Actor, side: str, wanted: Wanted) -> dict[str, Any]:
    """Who takes over and by which contract; the new unit names its own contract, the others unit and signing day."""
    if side == "new":
        contract = None
        if wanted.contract_id is not None:
            contract = scope.visible(session, actor, Contract, wanted.contract_id, "合同")
            if contract.unit_id != actor.unit_id:
                found = say("合同 %(number)s 不是本单位的", number=contract.number)
                raise refuse("维保合同", found, "请选择本单位的合同", field="contract_id")
        signed_on = contract.signed_on if contract is not None else None
        return {
            "new_unit_id": actor.unit_id, "contract_id": contract.id if contract else None,
            "signed_on": signed_on.isoformat() if signed_on else None,
        }  # fmt: skip
    return {
        "new_unit_id": wanted.new_unit_id, "contract_id": None,
        "signed_on": wanted.signed_on.isoformat() if wanted.signed_on else None,
    }


def _unmoved(elevator: Elevator, data: Any) -> Finding:
    ok = "old_unit_id" not in data or data["old_unit_id"] == elevator.maintenance_unit_id
    found = "维保单位与提交时一致" if ok else "提交后维保单位已经变更"
    return Finding("原维保单位未变", ok, found, "" if ok else "请退回，由申请单位核对后重新提交")


def _taker_finding(session: AnySession, elevator: Elevator | None, data: Any) -> Finding:
    key = data.get("new_unit_id")
    statement = select(Unit).where(Unit.id == (key or 0)).execution_options(skip_scope=True)
    unit = session.scalar(statement)
    if unit is None:
        return Finding("新维保单位", False, "没有选择新的维保单位", "请从名录中选择", field="new_unit_id")
    if not (unit.is_maintenance and unit.approved_version):
        found = say("%(name)s 不是审核通过的维保单位", name=unit.name)
        return Finding("新维保单位", False, found, "请选择名录中的维保单位，或先办理单位备案", field="new_unit_id")
    if elevator is not None and unit.id == elevator.maintenance_unit_id:
        found = say("%(name)s 已经是这台电梯的维保单位", name=unit.name)
        remedy = "不需要变更；签订了新合同请用续签"
        return Finding("新维保单位", False, found, remedy, field="new_unit_id", link="/contracts/")
    return Finding("新维保单位", True, unit.name)


def _signed(data: Any, submitted_on: dt.date) -> Finding:
    if not data.get("signed_on"):
        return Finding("签订日期", False, "没有填写新合同的签订日期", "请按新合同填写", field="signed_on")
    signed_on = dt.date.fromisoformat(data["signed_on"])
    sane = day_finding(signed_on, "signed_on", "签订日期")
    if sane.stops:
        return sane
    ok = signed_on <= submitted_on
    return Finding(
        "签订日期", ok, say("新合同 %(signed_on)s 签订%(more)s", signed_on=signed_on,
            more="" if ok else "，晚于提交日"),
        "" if ok else "签订后再申请", field="signed_on", value=signed_on.isoformat(),
    )  # fmt: skip


def _contract(session: AnySession, asked: Asked) -> list[Finding]:
    key, on = asked.data.get("contract_id"), asked.effective_on or asked.submitted_on
    statement = select(Contract).where(Contract.id == (key or 0)).execution_options(skip_scope=True)
    contract = session.scalar(statement)
    if contract is None:
        return [
            Finding("新合同", False, "没有选择新签订的维保合同", "请先录入合同，再选择它", field="contract_id",
                    link="/contracts/new")
        ]  # fmt: skip
    covers = contract.starts_on <= on <= contract.ends_on
    found = say(
        "合同 %(number)s，%(starts_on)s 至 %(ends_on)s",
        number=contract.number,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
    )
    return [
        _signed({"signed_on": contract.signed_on.isoformat()}, asked.submitted_on),
        Finding(
            "新合同", covers, found + ("" if covers else say("，%(on)s 不在合同期内", on=on)),
            "" if covers else "请改选合同，或把生效日期改到合同期内", field="contract_id",
            link=None if covers else f"/contracts/{contract.id}",
        ),
    ]  # fmt: skip


def within(session: AnySession, elevator: Elevator, on: dt.date) -> int:
    return int(policy_value(session, Key.UNIT_CHANGE_DAYS, elevator.region_code, on))


def _in_time(session: AnySession, elevator: Elevator, asked: Asked) -> Finding:
    """Late is no reason to refuse: it is shown here and counted by the score."""
    if not asked.data.get("signed_on"):
        return Finding("申请期限", True, "自新合同签订日起算")
    signed_on = dt.date.fromisoformat(asked.data["signed_on"])
    days, applied_on = within(session, elevator, signed_on), asked.submitted_on
    change = None
    if asked.application_id is not None:
        statement = select(UnitChange).where(UnitChange.application_id == asked.application_id)
        change = session.scalar(statement.execution_options(skip_scope=True))
    if change is not None:
        # What counts is the first submission, however often it came back for correction.
        applied_on = change.applied_on
    late = change_is_late(signed_on, applied_on, days)
    found = say(
        "%(signed_on)s 签订，%(applied_on)s 申请，期限 %(days)s 天",
        signed_on=signed_on,
        applied_on=applied_on,
        days=days,
    )
    over = (applied_on - change_due_on(signed_on, days)).days
    return Finding(
        "申请期限", not late, found + (say("，迟 %(over)s 天", over=over) if late else ""),
        "可以办理；迟报计入新维保单位的维保变更及时率" if late else "", field="signed_on", level="warn",
    )  # fmt: skip


def signals(session: AnySession, elevator: Elevator, asked: Asked) -> list[Finding]:
    """What the officer should see: a contract of the old unit that still runs, a visit that is open, many swaps."""
    found = []
    on = asked.effective_on or asked.submitted_on
    statement = select(func.max(ContractElevator.ends_on)).where(
        ContractElevator.elevator_id == elevator.id, ContractElevator.removed_at.is_(None),
        ContractElevator.unit_id == elevator.maintenance_unit_id, ContractElevator.ends_on >= on,
    )  # fmt: skip
    until = session.scalar(statement.execution_options(skip_scope=True))
    if until is not None:
        said = say("原维保单位的合同到 %(until)s，变更生效后对这台电梯终止", until=until)
        found.append(Finding("原合同", False, said, "请核对双方是否已经解除合同", level="warn"))
    else:
        found.append(Finding("原合同", True, say("%(on)s 以后没有原维保单位的合同", on=on)))
    visit = select(Visit.id).where(Visit.elevator_id == elevator.id, is_open(Visit)).limit(1)
    if session.scalar(visit.execution_options(skip_scope=True)) is not None:
        found.append(Finding("未签退的维保", False, "有一次维保还没有签退", "建议等它签退后再办理", level="warn"))
    times = swaps(session, elevator.id, asked.submitted_on, asked.application_id)
    if times:
        said = say("近一年已变更维保单位 %(times)s 次", times=times)
        link = f"/unit-changes/?q={elevator.code}"
        found.append(Finding("频繁变更", False, said, "请核对是否为规避考核", level="warn", link=link))
    return found


def of_officers(finding: Finding) -> bool:
    """Whether it is one of those that `signals` gives."""
    return finding.rule in _SIGNALS


def swaps(session: AnySession, elevator_id: int, on: dt.date, application_id: int | None = None) -> int:
    """How often the elevator changed its unit in the year before a day."""
    statement = select(func.count()).select_from(UnitChange).where(
        UnitChange.elevator_id == elevator_id, UnitChange.took_effect_on > on - DAY * OFTEN_DAYS,
        UnitChange.application_id != (application_id or 0),
    )  # fmt: skip
    return session.scalar(statement.execution_options(skip_scope=True)) or 0
