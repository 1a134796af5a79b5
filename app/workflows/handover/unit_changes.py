"""维保单位变更 (LIF-05): the old unit files with its ended contract, or the new one with the new contract.

Whoever files, the other side and the use unit are told and may read the application. An approval moves the elevator:
contracts, ledger, open orders and the clock as rules.md says (Contracts, T12). Whether it was asked for in time, seven
days from the signing by policy, is kept in `UnitChange` for the score (SCO-06).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Application, Contract, ContractElevator, Elevator, Unit, UnitChange, Visit
from app.models.policy import policy_value
from app.models.visit import is_open
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.identifiers import normal_code
from app.rules.lifecycle import ApplicationKind, change_due_on, change_is_late
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.approval import conditions, effects, filing_versions, submissions
from app.workflows.approval.submissions import Asked, Values
from app.workflows.contracts import cover
from app.workflows.core import audit
from app.workflows.filing import handed_on
from app.workflows.maintenance import clocks

KIND = ApplicationKind.UNIT_CHANGE
LABEL = "维保单位变更"
DAY = dt.timedelta(days=1)
# Within so many days a second change of one elevator is pointed out: affiliated units swap to reset a rhythm.
OFTEN_DAYS = 365
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


def find(session: AnySession, actor: Actor, code: str) -> Elevator | None:
    """The elevator that a 识别码 or 注册代码 names exactly: one of the actor's own, or for a new unit any in force.

    Outside scope on purpose, for the new unit does not see it yet; 涉密 elevators are for their own units to hand on.
    """
    wanted = normal_code(code)[:30]
    if not wanted:
        return None
    named = or_(Elevator.code == wanted, Elevator.registration_code == wanted)
    own = scope.apply(select(Elevator).where(named, Elevator.approved_version > 0), actor, Elevator)
    found: Elevator | None = session.scalar(own.limit(1).execution_options(skip_scope=True))
    if found is None and actor.unit_id is not None:
        other = select(Elevator).where(named, Elevator.approved_version > 0, Elevator.is_secret.is_(False))
        found = session.scalar(other.limit(1).execution_options(skip_scope=True))
    return found


def side_of(actor: Actor, elevator: Elevator) -> str:
    """On which side of the change the actor's unit stands."""
    if actor.unit_id == elevator.maintenance_unit_id:
        return "old"
    return "use" if actor.unit_id == elevator.use_unit_id else "new"


def apply(session: AnySession, actor: Actor, wanted: Wanted, at: dt.datetime) -> Application:
    """Ask for the change; refused with every failing condition at once."""
    require(actor, Verb.APPLICATION_SUBMIT)
    if actor.unit_id is None:
        raise NotAllowed(
            Finding("申请单位", False, "当前账号不属于任何单位", "请由原维保单位、新维保单位或使用单位提出申请")
        )
    found = find(session, actor, wanted.code)
    if found is None:
        raise refuse(
            "电梯", say("没有识别码或注册代码为“%(code)s”的电梯", code=wanted.code[:30]),
                "请核对编号，须与登记的完全一致",
            field="code", value=wanted.code[:30],
        )  # fmt: skip
    statement = select(Elevator).where(Elevator.id == found.id).with_for_update(of=Elevator)
    elevator = session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))
    assert elevator is not None
    side, today = side_of(actor, elevator), clock.local_day(at)
    data = {"side": side, "old_unit_id": elevator.maintenance_unit_id, **_taker(session, actor, side, wanted)}
    asked = Asked(today, wanted.effective_on, wanted.reason, wanted.attachments, data)
    raise_failing(findings(session, KIND.value, elevator, asked))
    signed_on = dt.date.fromisoformat(data["signed_on"])
    parties = (elevator.maintenance_unit_id, data["new_unit_id"], elevator.use_unit_id)
    made = submissions.open_application(
        session, actor, KIND.value, entity=Elevator.__tablename__, entity_id=elevator.id,
        title=_title(session, elevator, data),
        region_code=elevator.region_code, at=at, elevator=elevator, effective_on=wanted.effective_on,
        reason=wanted.reason.strip(),
        attachments=wanted.attachments, data=data, parties=parties,
    )  # fmt: skip
    change = UnitChange(
        application_id=made.id, elevator_id=elevator.id, region_code=elevator.region_code, applied_on=today
    )
    _put(session, change, elevator, data, signed_on)
    session.add(change)
    session.flush()
    return made


def _put(session: AnySession, change: UnitChange, elevator: Elevator, data: Any, signed_on: dt.date) -> None:
    """What is asked for, and whether it was in time: of the first submission, however often it came back."""
    days = _within(session, elevator, signed_on)
    change.old_unit_id, change.new_unit_id = data["old_unit_id"], data["new_unit_id"]
    change.use_unit_id, change.contract_id = elevator.use_unit_id, data["contract_id"]
    change.signed_on, change.due_on = signed_on, change_due_on(signed_on, days)
    change.late = change_is_late(signed_on, change.applied_on, days)


def _title(session: AnySession, elevator: Elevator, data: Any) -> str:
    old, new = _names(session, data["old_unit_id"], data["new_unit_id"])
    return together([LABEL, elevator.code, f"{old} → {new}"], "　")


def _mended(session: AnySession, actor: Actor, application: Application, values: Values, at: dt.datetime) -> None:
    """Another unit, contract or day of signing, from the side that asked; the unit that hands on is who it is now."""
    statement = select(Elevator).where(Elevator.id == application.elevator_id).with_for_update(of=Elevator)
    elevator = session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))
    change = of_application(session, application)
    assert elevator is not None and change is not None
    side, kept = application.data["side"], application.data.get("attachments", [])
    raise_failing([_side(actor, elevator, side)])
    wanted = Wanted(elevator.code, values.get("new_unit_id"), values.get("contract_id"), values.get("signed_on"))
    data = {"side": side, "old_unit_id": elevator.maintenance_unit_id, **_taker(session, actor, side, wanted)}
    asked = Asked(clock.local_day(at), application.effective_on, application.reason, kept, data, application.id)
    raise_failing([*findings(session, KIND.value, elevator, asked), _signed_by(data, change.applied_on)])
    signed_on = dt.date.fromisoformat(data["signed_on"])
    _put(session, change, elevator, data, signed_on)
    application.data = {**data, "attachments": kept}
    submissions.entitle(application, _title(session, elevator, data))
    parties = (elevator.maintenance_unit_id, data["new_unit_id"], elevator.use_unit_id)
    submissions.add_parties(session, application, parties)
    session.flush()


def _side(actor: Actor, elevator: Elevator, side: str) -> Finding:
    """Who is no longer a party to the elevator can't hand it on."""
    now = side_of(actor, elevator)
    found = say("提出时为%(side)s，现为%(now)s", side=SIDES[side], now=SIDES[now])
    return Finding("申请单位", now == side, found, "请撤回后按现在的情况重新申请")


def _signed_by(data: Any, applied_on: dt.date) -> Finding:
    """Whether it was in time is of the first submission: a contract signed after that is another change."""
    signed_on = data["signed_on"]
    ok = signed_on is None or signed_on <= applied_on.isoformat()
    found = say("签订日期 %(signed_on)s 晚于首次提交的 %(applied_on)s", signed_on=signed_on, applied_on=applied_on)
    return Finding("签订日期", ok, found, "" if ok else "之后新签的合同，请撤回后重新申请", field="signed_on")


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """All conditions, before submitting and again on the approval page."""
    data = asked.data
    found = [
        conditions.filed(elevator), conditions.not_in_filing(session, elevator),
        conditions.alone(session, elevator, KIND, asked.application_id, "影响电梯"),
        conditions.not_scrapped(elevator), _unmoved(elevator, data), _taker_finding(session, elevator, data),
    ]  # fmt: skip
    found += conditions.day(LABEL, asked)
    found += _contract(session, elevator, asked) if data.get("side") == "new" else [_signed(data, asked.submitted_on)]
    found += [conditions.reason(asked), conditions.documents(asked, _PAPER[data.get("side") or "use"])]
    found.append(_in_time(session, elevator, asked))
    found += _signals(session, elevator, asked)
    return found


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """Move the elevator: the register, clock, ledger and orders from today on at the earliest, the contracts too.

    Until the decision the old unit answered for it; only days that no other contract covers are given to the new one.
    """
    data, today = application.data, clock.local_day(at)
    first = max(on, today)
    before = elevator.maintenance_unit_id
    filing_versions.amend(
        session, elevator, {"maintenance_unit_id": data["new_unit_id"]}, application, first, at
    )
    clocks.unit_changed(session, elevator.id, data["new_unit_id"], first, at)
    handed_on.follow_units(session, elevator, at)
    if data.get("contract_id"):
        _bind(session, actor, data["contract_id"], elevator, application.effective_on or first, first, at)
    change = of_application(session, application)
    if change is not None:
        change.took_effect_on = first
    audit.record(
        session, actor, at, "elevator.unit_change", Elevator.__tablename__, elevator.id,
        before={"maintenance_unit_id": before},
        after={"maintenance_unit_id": data["new_unit_id"], "application": application.number, "from": first},
    )  # fmt: skip
    submissions.tell_parties(session, application, "已生效", at)


def of_application(session: AnySession, application: Application) -> UnitChange | None:
    """The change that an application asks for."""
    statement = select(UnitChange).where(UnitChange.application_id == application.id)
    found: UnitChange | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


_PAPER = {"old": "到期的维保合同", "new": "新签订的维保合同", "use": "新签订的维保合同"}


def _taker(session: AnySession, actor: Actor, side: str, wanted: Wanted) -> dict[str, Any]:
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


def _taker_finding(session: AnySession, elevator: Elevator, data: Any) -> Finding:
    key = data.get("new_unit_id")
    statement = select(Unit).where(Unit.id == (key or 0)).execution_options(skip_scope=True)
    unit = session.scalar(statement)
    if unit is None:
        return Finding("新维保单位", False, "没有选择新的维保单位", "请从名录中选择", field="new_unit_id")
    if not (unit.is_maintenance and unit.approved_version):
        found = say("%(name)s 不是审核通过的维保单位", name=unit.name)
        return Finding("新维保单位", False, found, "请选择名录中的维保单位，或先办理单位备案", field="new_unit_id")
    if unit.id == elevator.maintenance_unit_id:
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


def _contract(session: AnySession, elevator: Elevator, asked: Asked) -> list[Finding]:
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


def _within(session: AnySession, elevator: Elevator, on: dt.date) -> int:
    return int(policy_value(session, Key.UNIT_CHANGE_DAYS, elevator.region_code, on))


def _in_time(session: AnySession, elevator: Elevator, asked: Asked) -> Finding:
    """Late is no reason to refuse: it is shown here and counted by the score."""
    if not asked.data.get("signed_on"):
        return Finding("申请期限", True, "自新合同签订日起算")
    signed_on = dt.date.fromisoformat(asked.data["signed_on"])
    days, applied_on = _within(session, elevator, signed_on), asked.submitted_on
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


def _signals(session: AnySession, elevator: Elevator, asked: Asked) -> list[Finding]:
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


def swaps(session: AnySession, elevator_id: int, on: dt.date, application_id: int | None = None) -> int:
    """How often the elevator changed its unit in the year before a day."""
    statement = select(func.count()).select_from(UnitChange).where(
        UnitChange.elevator_id == elevator_id, UnitChange.took_effect_on > on - DAY * OFTEN_DAYS,
        UnitChange.application_id != (application_id or 0),
    )  # fmt: skip
    return session.scalar(statement.execution_options(skip_scope=True)) or 0


def _names(session: AnySession, *keys: int | None) -> list[str]:
    statement = select(Unit.id, Unit.name).where(Unit.id.in_([k for k in keys if k]))
    held = dict(session.execute(statement.execution_options(skip_scope=True)).all())
    return [held.get(key, "（无）") for key in keys]  # type: ignore[arg-type]


def _bind(
    session: AnySession, actor: Actor, contract_id: int, elevator: Elevator, asked_on: dt.date, first: dt.date,
    at: dt.datetime,
) -> None:  # fmt: skip
    """Put the elevator under the new contract: from the day asked for, where nobody else covered those days."""
    contract = session.scalar(
        select(Contract).where(Contract.id == contract_id).with_for_update(of=Contract)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    if contract is None or contract.ends_on < first:
        remedy = "请退回，由新维保单位核对合同"
        raise refuse("新合同", "新合同已经不在合同期内", remedy, link=f"/contracts/{contract_id}")
    live = select(ContractElevator).where(
        ContractElevator.elevator_id == elevator.id, ContractElevator.removed_at.is_(None)
    )
    held = list(session.scalars(live.execution_options(skip_scope=True)))
    starts = max(contract.starts_on, min(asked_on, first))
    if any(row.ends_on >= starts and row.starts_on < first for row in held):
        starts = max(contract.starts_on, first)
    if not any(row.contract_id == contract.id and row.ends_on >= first for row in held):
        session.add(
            ContractElevator(
                contract_id=contract.id, elevator_id=elevator.id, unit_id=contract.unit_id, starts_on=starts,
                ends_on=contract.ends_on, added_at=at, added_by_id=actor.user_id,
            )
        )  # fmt: skip
    session.flush()
    cover.refresh(session, [elevator.id], clock.local_day(at))


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect, mended=_mended,
    holds=cover.hold_contracts,
)
