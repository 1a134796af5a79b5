"""Maintenance contracts: saved, bound to elevators, renewed (CON-01 to CON-05).

A binding row never changes but for `removed_at`: new days are a new row beside the old one. So a question about a day
gets the answer that was true then, and shortening a contract after a missed visit moves no overdue period.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import Finding, NotAllowed, Refusal, Stale, raise_failing, refuse
from app.models import Contract, ContractElevator, Elevator, Unit, Version
from app.models.among import among
from app.permissions import Actor, Verb, require, require_own_side
from app.rules.contracts import Span
from app.rules.identifiers import normal_code
from app.scope import apply, visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.contracts import cover, renewals
from app.workflows.contracts.contract_findings import (
    FIELDS,
    double_cover,
    ended_finding,
    judged,
    may_touch_past,
    moved_by,
    own_findings,
    past_finding,
    span_after,
    span_of_binding,
    taken_over,
    touched_by,
    unit_finding,
)
from app.workflows.contracts.cover import cut, in_force, live_bindings
from app.workflows.core import audit
from app.workflows.files import attachments, left_behind, sent_ahead

__all__ = [
    "FIELDS", "NeedsApproval", "add_scan", "bind", "check_not_ended", "check_version", "checked", "content", "delete",
    "double_cover", "in_force", "keep_version", "live_bindings", "may_touch_past", "own", "past_finding",
    "put_in_force", "renew", "renewal_values", "save", "span_after", "unbind",
]  # fmt: skip
DAY = dt.timedelta(days=1)


class NeedsApproval(Refusal):
    """The change would alter days before today: `contract_changes.request` asks the regulator for it."""


# --- the contract itself


def save(
    session: AnySession,
    actor: Actor,
    contract: Contract | None,
    data: Mapping[str, Any],
    at: dt.datetime,
    expected_version: int | None = None,
) -> Contract:
    """Make or change a contract (CON-01). Bound elevators follow its dates.

    An ended contract is not edited (CON-05). Dates that alter the cover of a day before today raise NeedsApproval.
    """
    require(actor, Verb.CONTRACT_EDIT)
    today = clock.local_day(at)
    if contract is not None:
        contract = _held(session, own(session, actor, contract.id, whole=True).id)
        check_version(contract, expected_version)
        check_not_ended(contract, today)
    values = checked(session, actor, contract, data, today)
    if contract is None:
        unit = _unit_of(session, actor, data)
        contract = Contract(
            **values, unit_id=unit.id, region_code=unit.region_code, created_by_id=actor.user_id, approved_version=1
        )
        _refuse_number_taken(session, unit.id, None, values["number"])
        with _unique_number(session, values["number"]):
            session.add(contract)
        keep_version(session, actor, contract, at)
        audit.record(session, actor, at, "contract.create", "contract", contract.id, after=values)
        return contract
    new = Span(values["starts_on"], values["ends_on"])
    moved = moved_by(session, contract, new)
    if not may_touch_past(actor) and touched_by(moved, today):
        raise NeedsApproval(past_finding(new))
    before = {name: getattr(contract, name) for name in FIELDS}
    put_in_force(session, actor, contract, values, moved, at)
    audit.record(session, actor, at, "contract.edit", "contract", contract.id, before=before, after=values)
    return contract


def put_in_force(
    session: AnySession,
    actor: Actor,
    contract: Contract,
    values: Mapping[str, Any],
    moved: Iterable[tuple[ContractElevator, Span | None]],
    at: dt.datetime,
) -> None:
    """Write the values, and version each binding whose days change. Double cover is refused as in `bind`."""
    _refuse_number_taken(session, contract.unit_id, contract.id, values["number"])
    with _unique_number(session, values["number"]):
        for name in FIELDS:
            setattr(contract, name, values[name])
        contract.number_key = normal_code(contract.number)
    changes = [(row, span) for row, span in moved if span != Span(row.starts_on, row.ends_on)]
    _refuse_double_cover(session, contract, [(row.elevator_id, span) for row, span in changes if span])
    for row, span in changes:
        row.removed_at, row.removed_by_id = at, actor.user_id
        if span is not None:
            session.add(_binding(contract, row.elevator_id, span, actor, at))
    session.flush()
    keep_version(session, actor, contract, at)
    cover.refresh(session, [row.elevator_id for row, _ in changes], clock.local_day(at))


def content(contract: Contract) -> dict[str, Any]:
    """The fields as they stand, ready for JSON."""
    values = {name: getattr(contract, name) for name in FIELDS}
    return {name: v.isoformat() if isinstance(v, dt.date) else v for name, v in values.items()}


def keep_version(session: AnySession, actor: Actor, contract: Contract, at: dt.datetime) -> None:
    """Keep what the contract says from now on as a version, so that it can be read as it was known (ASO-01)."""
    same = (Version.entity == Contract.__tablename__, Version.entity_id == contract.id)
    number = (session.scalar(select(func.max(Version.number)).where(*same)) or 0) + 1
    session.add(
        Version(
            entity=Contract.__tablename__, entity_id=contract.id, number=number, base_number=number - 1,
            state="approved", data=content(contract), edited_at=at, edited_by_id=actor.user_id, decided_at=at,
            decided_by_id=actor.user_id, in_force_from=clock.local_day(at),
        )
    )  # fmt: skip
    session.flush()


def checked(
    session: AnySession, actor: Actor, contract: Contract | None, data: Mapping[str, Any], today: dt.date
) -> dict[str, Any]:
    """The fields as they will be stored, or one Refusal with everything that is wrong."""
    values, findings = judged(session, actor, contract, data, today)
    if values["use_unit_id"] is not None:
        visible(session, actor, Unit, values["use_unit_id"], "使用单位")
    raise_failing(findings)
    return values


def ever_bound(session: AnySession, contract_id: int) -> bool:
    """Whether an elevator stands, or stood, under the contract: then it is history and is not deleted."""
    statement = select(ContractElevator.id).where(ContractElevator.contract_id == contract_id).limit(1)
    return session.scalar(statement.execution_options(skip_scope=True)) is not None


def delete(session: AnySession, actor: Actor, contract_id: int, at: dt.datetime) -> None:
    """Delete a contract that never covered an elevator; one that did stays as history (CON-05)."""
    require(actor, Verb.CONTRACT_EDIT)
    contract = own(session, actor, contract_id, whole=True)
    check_not_ended(contract, clock.local_day(at))
    if ever_bound(session, contract.id):
        raise refuse(
            "删除合同",
            say("合同 %(number)s 绑定过电梯，其记录用于考核", number=contract.number),
            "请删除所绑定的电梯，合同留作历史",
        )
    audit.record(session, actor, at, "contract.delete", "contract", contract.id, before=_facts(contract))
    left_behind.clear(session, "contract", [contract.id], at)
    session.delete(contract)
    session.flush()


def renew(
    session: AnySession, actor: Actor, contract_id: int, data: Mapping[str, Any], at: dt.datetime
) -> Contract:
    """A new contract made from an old one, ended or not (CON-05): it starts the day after and takes the elevators over.

    Elevators that meanwhile went to another unit, or are scrapped, stay behind.
    """
    require(actor, Verb.CONTRACT_EDIT)
    old = own(session, actor, contract_id, whole=True)
    made = save(session, actor, None, renewal_values(old) | dict(data) | {"unit_id": old.unit_id}, at)
    made.renewed_from_id = old.id
    bind(session, actor, made.id, renewals.taken(session, old), at)
    return made


def renewal_values(old: Contract) -> dict[str, Any]:
    """What the form of a renewal starts from: the same terms, as long, from the day after."""
    starts = old.ends_on + DAY
    return {
        "number": say("%(number)s-续", number=old.number[:36]), "kind": old.kind, "use_unit_id": old.use_unit_id,
            "signed_on": None,
        "starts_on": starts, "ends_on": starts + (old.ends_on - old.starts_on), "note": old.note,
    }  # fmt: skip


# --- its elevators


def bind(
    session: AnySession, actor: Actor, contract_id: int, elevator_ids: Iterable[int], at: dt.datetime,
    *, new: bool = False,
) -> list[ContractElevator]:  # fmt: skip
    """Put elevators under the contract (CON-03), from today on where it began earlier; those already there are left.

    Cover of days before today takes a regulator's approval (`contract_changes.request`). `new`: a file brought the
    contract just now, be it one of another platform that is over.
    """
    require(actor, Verb.CONTRACT_EDIT)
    contract = _held(session, own(session, actor, contract_id).id)
    today = clock.local_day(at)
    ended = new and taken_over(actor, contract.ends_on, today)
    if not ended:
        check_not_ended(contract, today)
    span = span_of_binding(actor, contract.starts_on, contract.ends_on, today)
    present = {r.elevator_id for r in live_bindings(session, contract.id) if r.ends_on >= span.from_on}
    chosen = [key for key in dict.fromkeys(elevator_ids) if key not in present]
    _check_own(session, actor, contract, chosen, ended=ended)
    _refuse_double_cover(session, contract, [(key, span) for key in chosen])
    rows = [_binding(contract, key, span, actor, at) for key in chosen]
    session.add_all(rows)
    session.flush()
    if rows:
        cover.refresh(session, chosen, today)
        after = {"elevators": chosen, "starts_on": span.from_on, "ends_on": span.to_on}
        audit.record(session, actor, at, "contract.bind", "contract", contract.id, after=after)
    return rows


def unbind(
    session: AnySession, actor: Actor, contract_id: int, elevator_ids: Iterable[int], at: dt.datetime
) -> int:
    """End the cover of elevators with today; cover that had not begun is taken back whole. Past days stay covered."""
    require(actor, Verb.CONTRACT_EDIT)
    contract = _held(session, own(session, actor, contract_id).id)
    today = clock.local_day(at)
    check_not_ended(contract, today)
    chosen = set(elevator_ids)
    rows = [r for r in live_bindings(session, contract.id) if r.elevator_id in chosen and r.ends_on > today]
    _refuse_unassigned(session, actor, contract, {r.elevator_id for r in rows})
    for row in rows:
        cut(session, row, today, actor, at)
    session.flush()
    if rows:
        cover.refresh(session, [r.elevator_id for r in rows], today)
        after = {"elevators": [r.elevator_id for r in rows], "last_day": today}
        audit.record(session, actor, at, "contract.unbind", "contract", contract.id, after=after)
    return len(rows)


def add_scan(
    session: AnySession, actor: Actor, contract_id: int, files: Iterable[tuple[IO[bytes], str]], at: dt.datetime,
    ahead: Iterable[int] = (),
) -> None:  # fmt: skip
    """Keep scans of the signed contract, each a stream and its name; `ahead` are files that the page sent before."""
    require(actor, Verb.CONTRACT_EDIT)
    contract = own(session, actor, contract_id)
    place = ("contract", contract.id, contract.unit_id, contract.region_code)
    sent_ahead.settle(session, actor, ahead, "contract", *place)
    findings: list[Finding] = []
    for stream, name in files:
        try:
            attachments.store(session, actor, at, stream, name, "contract", *place)
        except Refusal as refusal:
            findings += refusal.findings
    raise_failing(findings)


# --- conditions


def own(session: AnySession, actor: Actor, contract_id: int, *, whole: bool = False) -> Contract:
    """The contract that the actor may write: within scope, and his unit's; the use side only reads it.

    `whole`: the deed touches all of its elevators, so a sub-account must be assigned every one of them.
    """
    contract: Contract = visible(session, actor, Contract, contract_id, "合同")
    require_own_side(actor, contract.unit_id, say("合同 %(number)s ", number=contract.number))
    if whole:
        _refuse_unassigned(session, actor, contract, {r.elevator_id for r in live_bindings(session, contract.id)})
    return contract


def _refuse_unassigned(session: AnySession, actor: Actor, contract: Contract, elevator_ids: set[int]) -> None:
    if actor.sees_all_elevators or not elevator_ids:
        return
    bound = select(ContractElevator.elevator_id).where(ContractElevator.contract_id == contract.id)
    seen = set(session.scalars(apply(bound, actor, ContractElevator).execution_options(skip_scope=True)))
    others = len(elevator_ids - seen)
    if others:
        found = say("合同 %(number)s 有 %(others)s 台电梯没有分配给您", number=contract.number, others=others)
        raise NotAllowed(Finding("分配的电梯", False, found, "请由主账号办理，或请主账号分配这些电梯", "elevators"))


def check_version(contract: Contract, expected: int | None) -> None:
    """Raise Stale when the row moved since the form was opened."""
    if expected is not None and contract.row_version != expected:
        found = say(
            "合同 %(number)s 已被他人修改（您看到的是第 %(expected)s 版，现为第 %(row_version)s 版）",
            number=contract.number,
            expected=expected,
            row_version=contract.row_version,
        )
        raise Stale(Finding("同时修改", False, found, "请核对现在的内容后重新提交"), contract.row_version)


def check_not_ended(contract: Contract, today: dt.date) -> None:
    """Raise for a contract whose last day is over."""
    if contract.ends_on < today:
        raise Refusal(ended_finding(contract))


def _check_own(
    session: AnySession, actor: Actor, contract: Contract, elevator_ids: list[int], *, ended: bool
) -> None:
    named = select(Elevator).where(among(session, Elevator.id, elevator_ids))
    statement = apply(named, actor, Elevator).order_by(Elevator.id)
    # Locked in order of id: two contracts that take the same elevator at once wait for each other here.
    rows = {e.id: e for e in session.scalars(statement.with_for_update(of=Elevator))}
    raise_failing(own_findings(contract.unit_id, rows, elevator_ids, ended=ended))


def _refuse_double_cover(session: AnySession, contract: Contract, wanted: list[tuple[int, Span]]) -> None:
    keys = [key for key, _ in wanted]
    session.execute(
        select(Elevator.id).where(among(session, Elevator.id, keys)).order_by(Elevator.id).with_for_update()
        .execution_options(skip_scope=True)
    )  # fmt: skip
    raise_failing(double_cover(session, contract, wanted))


def _binding(contract: Contract, elevator_id: int, span: Span, actor: Actor, at: dt.datetime) -> ContractElevator:
    return ContractElevator(
        contract_id=contract.id, elevator_id=elevator_id, unit_id=contract.unit_id, starts_on=span.from_on,
        ends_on=span.to_on, added_at=at, added_by_id=actor.user_id,
    )  # fmt: skip


def _unit_of(session: AnySession, actor: Actor, data: Mapping[str, Any]) -> Unit:
    unit: Unit = visible(session, actor, Unit, actor.unit_id or data.get("unit_id"), "维保单位")
    raise_failing([unit_finding(unit)])
    return unit


def _held(session: AnySession, contract_id: int) -> Contract:
    row = lock(session, Contract, contract_id)
    if row is None:
        raise refuse("合同", say("合同 %(contract_id)s 已不存在", contract_id=contract_id), "请从列表重新打开")
    return row


def _refuse_number_taken(session: AnySession, unit_id: int, contract_id: int | None, number: str) -> None:
    other = select(Contract.number).where(
        Contract.unit_id == unit_id, Contract.number_key == normal_code(number), Contract.id != (contract_id or 0)
    )
    held = session.scalar(other.limit(1).execution_options(skip_scope=True))
    if held is not None:
        raise refuse(
            "合同编号",
            say("本单位已有编号为 %(held)s 的合同", held=held),
            "请核对编号，或打开已有的合同",
            field="number",
            value=number,
        )


@contextmanager
def _unique_number(session: AnySession, number: str) -> Iterator[None]:
    """Write within a savepoint, so that a number already taken is a refusal and not a broken transaction."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        found = say("本单位已有编号为 %(number)s 的合同", number=number)
        raise refuse("合同编号", found, "请核对编号，或打开已有的合同", field="number", value=number) from error


def _facts(contract: Contract) -> dict[str, Any]:
    return {name: getattr(contract, name) for name in FIELDS}
