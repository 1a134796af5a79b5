"""维保单位变更 (LIF-05): the old unit files with its ended contract, or the new one with the new contract.

Whoever files, the other side and the use unit are told and may read the application. An approval moves the elevator:
contracts, ledger, open orders and the clock as rules.md says (Contracts, T12). Whether it was asked for in time, seven
days from the signing by policy, is kept in `UnitChange` for the score (SCO-06).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Application, Contract, ContractElevator, Elevator, Unit, UnitChange
from app.models.among import among
from app.permissions import Actor, Verb, require
from app.rules.identifiers import normal_code
from app.rules.lifecycle import change_due_on, change_is_late
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.approval import effects, filing_versions, submissions
from app.workflows.approval.submissions import Asked, Values
from app.workflows.contracts import cover
from app.workflows.core import audit
from app.workflows.filing import handed_on
from app.workflows.handover.unit_change_terms import (
    KIND,
    LABEL,
    SIDES,
    Wanted,
    findings,
    of_officers,
    side_of,
    taker,
    within,
)
from app.workflows.maintenance import clocks

_QUIET = {"skip_scope": True}


def find(session: AnySession, actor: Actor, code: str) -> Elevator | None:
    """The elevator that a 识别码 or 注册代码 names exactly: one of the actor's own, or for a new unit any in force."""
    wanted = normal_code(code)[:30]
    return next(iter(_reached(session, actor, _named([wanted]))), None) if wanted else None


def find_all(session: AnySession, actor: Actor, codes: Sequence[str]) -> dict[str, Elevator]:
    """Those that these codes name, by the code as it was given; a code that names none is left out."""
    wanted = {code: normal_code(code)[:30] for code in codes}
    keys, found = sorted({one for one in wanted.values() if one}), dict[str, Elevator]()
    # The own ones come last, as they do of a single code: what two have as a code means the own one.
    for row in reversed(_reached(session, actor, _named(keys, session))) if keys else ():
        found |= {code: row for code in (row.registration_code, row.code) if code}
    return {code: found[one] for code, one in wanted.items() if one in found}


def find_own(session: AnySession, actor: Actor, codes: Sequence[str]) -> dict[str, Elevator]:
    """The same of elevators within the actor's scope alone."""
    found = find_all(session, actor, codes)
    seen = scope.apply(select(Elevator.id).where(among(session, Elevator.id, [r.id for r in found.values()])), actor)
    own = set(session.scalars(seen.execution_options(**_QUIET)))
    return {code: row for code, row in found.items() if row.id in own}


def _named(codes: list[str], session: AnySession | None = None) -> ColumnElement[bool]:
    if session is None:
        return or_(Elevator.code == codes[0], Elevator.registration_code == codes[0])
    return or_(among(session, Elevator.code, codes), among(session, Elevator.registration_code, codes))


def _reached(session: AnySession, actor: Actor, named: ColumnElement[bool]) -> list[Elevator]:
    """Of elevators in force the own ones, then for a unit all others.

    Outside scope on purpose, for the new unit does not see them yet; 涉密 elevators are for their own units to hand on.
    """
    statement = select(Elevator).where(named, Elevator.approved_version > 0).order_by(Elevator.id)
    own = list(session.scalars(scope.apply(statement, actor, Elevator).execution_options(**_QUIET)))
    if actor.unit_id is None:
        return own
    known = {row.id for row in own}
    others = session.scalars(statement.where(Elevator.is_secret.is_(False)).execution_options(**_QUIET))
    return own + [row for row in others if row.id not in known]


def reached(session: AnySession, actor: Actor, key: int) -> Elevator:
    """The elevator, if the actor's unit may ask for its change; else NotFound."""
    found = _reached(session, actor, Elevator.id == key)
    if not found:
        raise scope.not_found(key, "这台电梯")
    return found[0]


def apply(session: AnySession, actor: Actor, wanted: Wanted, at: dt.datetime) -> Application:
    """Ask for the change; refused with every failing condition at once."""
    _may_ask(actor)
    found = find(session, actor, wanted.code)
    if found is None:
        raise refuse(
            "电梯", say("没有识别码或注册代码为“%(code)s”的电梯", code=wanted.code[:30]),
                "请核对编号，须与登记的完全一致",
            field="code", value=wanted.code[:30],
        )  # fmt: skip
    return _applied(session, actor, found.id, wanted, at)


def apply_to(
    session: AnySession, actor: Actor, key: int, side: str, wanted: Wanted, at: dt.datetime, batch: int
) -> Application:
    """The same for one of many, named by its row: on the `side` that the form was filled for."""
    _may_ask(actor)
    return _applied(session, actor, reached(session, actor, key).id, wanted, at, side, batch)


def findings_of(
    session: AnySession, actor: Actor, key: int, side: str, wanted: Wanted, asked: Asked
) -> list[Finding]:
    """Every condition for one of many (GAT-01); whoever does not see the elevator reads none of what is for officers.

    One by one that tells a party what to settle first; of a thousand at once it would list when rivals' contracts end.
    """
    _may_ask(actor)
    elevator = reached(session, actor, key)
    stands = as_side(actor, elevator, side)
    if stands.stops:
        return [stands]
    data = {"side": side, "old_unit_id": elevator.maintenance_unit_id, **taker(session, actor, side, wanted)}
    asked = Asked(asked.submitted_on, asked.effective_on, asked.reason, asked.attachments, data)
    found = [stands, *findings(session, KIND.value, elevator, asked)]
    return [one for one in found if one.stops or side != "new" or not of_officers(one)]


def as_side(actor: Actor, elevator: Elevator, side: str) -> Finding:
    """One form is filled from one side: of another elevator the unit may stand on another."""
    now = side_of(actor, elevator)
    found = say("本单位是这台电梯的%(now)s，这次按%(side)s申请", now=SIDES[now], side=SIDES[side])
    return Finding("申请单位", now == side, found, "" if now == side else "请另行申请")


def _may_ask(actor: Actor) -> None:
    require(actor, Verb.APPLICATION_SUBMIT)
    if actor.unit_id is None:
        raise NotAllowed(
            Finding("申请单位", False, "当前账号不属于任何单位", "请由原维保单位、新维保单位或使用单位提出申请")
        )


def _applied(
    session: AnySession, actor: Actor, key: int, wanted: Wanted, at: dt.datetime, side: str | None = None,
    batch: int | None = None,
) -> Application:  # fmt: skip
    statement = select(Elevator).where(Elevator.id == key).with_for_update(of=Elevator)
    elevator = session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))
    assert elevator is not None
    if side is not None:
        raise_failing([as_side(actor, elevator, side)])
    side, today = side_of(actor, elevator), clock.local_day(at)
    data = {"side": side, "old_unit_id": elevator.maintenance_unit_id, **taker(session, actor, side, wanted)}
    asked = Asked(today, wanted.effective_on, wanted.reason, wanted.attachments, data)
    raise_failing(findings(session, KIND.value, elevator, asked))
    signed_on = dt.date.fromisoformat(data["signed_on"])
    parties = (elevator.maintenance_unit_id, data["new_unit_id"], elevator.use_unit_id)
    made = submissions.open_application(
        session, actor, KIND.value, entity=Elevator.__tablename__, entity_id=elevator.id,
        title=_title(session, elevator, data),
        region_code=elevator.region_code, at=at, elevator=elevator, effective_on=wanted.effective_on,
        reason=wanted.reason.strip(),
        attachments=wanted.attachments, data=data, parties=parties, batch=batch,
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
    days = within(session, elevator, signed_on)
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
    data = {"side": side, "old_unit_id": elevator.maintenance_unit_id, **taker(session, actor, side, wanted)}
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
    submissions.tell_effect(session, application, at)


def of_application(session: AnySession, application: Application) -> UnitChange | None:
    """The change that an application asks for."""
    statement = select(UnitChange).where(UnitChange.application_id == application.id)
    found: UnitChange | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


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
