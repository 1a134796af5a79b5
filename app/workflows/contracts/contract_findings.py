"""What stands in the way of a contract: terms, past days, whose elevators, double cover (CON-01 to CON-05).

The verbs of `contracts` refuse by these; the check of a workbook asks the same beforehand.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Finding
from app.models import Contract, ContractElevator, Elevator, Unit
from app.models.among import among
from app.models.choices import CONTRACT_KIND
from app.models.policy import policy_value
from app.permissions import Actor
from app.policy import Key
from app.rules.contracts import Binding, Span, overlaps, span_findings, touches_past
from app.transaction import AnySession
from app.wording import say
from app.workflows.contracts.cover import live_bindings

FIELDS = ("number", "kind", "use_unit_id", "signed_on", "starts_on", "ends_on", "note")
Moved = list[tuple[ContractElevator, Span | None]]


def may_touch_past(actor: Actor) -> bool:
    """Whose deed needs no further approval: the system's (an approved change) and the platform administrator's."""
    return actor.sees_everything


def taken_over(actor: Actor, ends_on: dt.date, today: dt.date) -> bool:
    """Whether a new contract is another platform's that is over (IMP-03): its elevators come with it, never later."""
    return may_touch_past(actor) and ends_on < today


def judged(
    session: AnySession, actor: Actor, contract: Contract | None, data: Mapping[str, Any], today: dt.date
) -> tuple[dict[str, Any], list[Finding]]:
    """The fields as they would be stored and what is wrong with them; for a form and for a row that is only checked."""
    values = {name: data.get(name, getattr(contract, name, None)) for name in FIELDS}
    values["number"] = plain_number(values["number"])
    values["kind"] = values["kind"] or "normal"
    values["note"] = str(values["note"] or "").strip() or None
    findings = []
    if not 0 < len(values["number"]) <= 40:
        found = (
            "没有填写合同编号"
            if not values["number"]
            else say("合同编号有 %(count)s 个字，最多 40 个", count=len(values["number"]))
        )
        findings.append(Finding("合同编号", False, found, "请按纸质合同填写编号", "number", values["number"]))
    if values["kind"] not in CONTRACT_KIND:
        found = say("没有“%(kind)s”这种合同属性", kind=values["kind"])
        findings.append(Finding("合同属性", False, found, "请选择普通、半包或全包", "kind", str(values["kind"])))
    for name, label in (("starts_on", "起始日期"), ("ends_on", "截止日期")):
        if not isinstance(values[name], dt.date):
            findings.append(Finding(label, False, say("没有填写%(label)s", label=label), "请按合同填写", field=name))
    if isinstance(values["starts_on"], dt.date) and isinstance(values["ends_on"], dt.date):
        code = contract.region_code if contract else actor.region_code
        years = int(policy_value(session, Key.CONTRACT_MAX_YEARS, code, today))
        findings += span_findings(values["starts_on"], values["ends_on"], values["signed_on"], years)
        if contract is None and values["ends_on"] < today and not may_touch_past(actor):
            found = say("截止日期 %(ends_on)s 已过", ends_on=values["ends_on"])
            findings.append(Finding("合同期限", False, found, "已到期的合同不能新增，请录入现行合同", "ends_on"))
    return values, findings


def unit_finding(unit: Unit) -> Finding:
    """Whether contracts can be a unit's."""
    found = unit.name if unit.is_maintenance else say("%(name)s 不是维保单位", name=unit.name)
    remedy = "" if unit.is_maintenance else "维保合同由维保单位录入"
    return Finding("维保单位", unit.is_maintenance, found, remedy, field="unit_id", value=str(unit.id))


def plain_number(text: Any) -> str:
    """A contract's number as it is stored and found again."""
    return " ".join(unicodedata.normalize("NFKC", str(text or "")).split())


def ended_finding(contract: Contract) -> Finding:
    return Finding(
        "已失效的合同不能修改", False, say("合同 %(number)s 已于 %(ends_on)s 到期", number=contract.number,
            ends_on=contract.ends_on),
        "如续保请用“续签”建立新合同", link=f"/contracts/{contract.id}/renew",
    )  # fmt: skip


def change_findings(
    session: AnySession, actor: Actor, contract: Contract, values: Mapping[str, Any], today: dt.date
) -> list[Finding]:
    """What stands in the way of new dates for a standing contract: that it ended, past days, another's days."""
    if contract.ends_on < today:
        return [ended_finding(contract)]
    if (values["starts_on"], values["ends_on"]) == (contract.starts_on, contract.ends_on):
        return []
    new = Span(values["starts_on"], values["ends_on"])
    moved = moved_by(session, contract, new)
    found = [] if may_touch_past(actor) or not touched_by(moved, today) else [past_finding(new)]
    wanted = [(r.elevator_id, s) for r, s in moved if s is not None and s != Span(r.starts_on, r.ends_on)]
    return found + double_cover(session, contract, wanted)


def moved_by(session: AnySession, contract: Contract, new: Span) -> Moved:
    return [(row, span_after(contract, row, new)) for row in live_bindings(session, contract.id)]


def touched_by(moved: Moved, today: dt.date) -> bool:
    return any(
        touches_past(Span(r.starts_on, r.ends_on), s, today, fresh=clock.local_day(r.added_at) == today)
        for r, s in moved
    )


def span_of_binding(actor: Actor, starts_on: dt.date, ends_on: dt.date, today: dt.date) -> Span:
    """The days of an elevator bound today: past ones take an approval."""
    return Span(starts_on if may_touch_past(actor) else max(starts_on, today), ends_on)


def past_finding(span: Span) -> Finding:
    """Why a change waits for the regulator."""
    return Finding(
        "合同追溯变更", False, say("改为 %(from_on)s 至 %(to_on)s 会改变今天或以前的合同关系", from_on=span.from_on,
            to_on=span.to_on),
        "请填写理由，提交监管部门审批后生效；已判定的超期不因此改变", field="ends_on", value=str(span.to_on),
    )  # fmt: skip


def span_after(contract: Contract, row: ContractElevator, new: Span) -> Span | None:
    """A binding's days once the contract has new ones: an edge that was the contract's own follows it."""
    starts = new.from_on if row.starts_on == contract.starts_on else max(row.starts_on, new.from_on)
    ends = new.to_on if row.ends_on == contract.ends_on else min(row.ends_on, new.to_on)
    return Span(starts, ends) if starts <= ends else None


def own_findings(
    unit_id: int, rows: Mapping[int, Elevator], elevator_ids: Iterable[int], *, ended: bool = False
) -> list[Finding]:
    """Which elevators a contract of this unit can't cover: another's, scrapped, not approved yet.

    `ended`: it covered them once and is taken over as it was; whose they are now, and that one is gone, says nothing.
    """
    findings = []
    for key in elevator_ids:
        row = rows.get(key)
        if row is None or (row.maintenance_unit_id != unit_id and not ended):
            found = say("电梯 %(code)s 的维保单位不是本单位", code=row.code if row else key)
            remedy = "请先由使用单位办理维保单位变更，通过后再追加"
        elif row.status == "scrapped" and not ended:
            found, remedy = say("电梯 %(code)s 已报废", code=row.code), "报废的电梯不能追加"
        elif not row.approved_version:
            found, remedy = say("电梯 %(code)s 的备案尚未通过", code=row.code), "请先上报备案，审核通过后再追加"
        else:
            continue
        findings.append(Finding("追加电梯", False, found, remedy, field="elevators", value=str(key)))
    return findings


def double_cover(session: AnySession, contract: Contract, wanted: list[tuple[int, Span]]) -> list[Finding]:
    """Where another contract holds one of the elevators on one of the days, each by number and days (CON-03)."""
    return clashes(contract.id, contract.unit_id, wanted, held_now(session, [key for key, _ in wanted]))


@dataclass(frozen=True, slots=True)
class Held:
    """Days of an elevator under a contract, with what names both."""

    binding: Binding
    number: str
    unit_id: int
    code: str


def held_now(session: AnySession, elevator_ids: Iterable[int]) -> list[Held]:
    """Every contract's days for these elevators as known now, whoever may see them."""
    bound = select(ContractElevator, Contract.number, Elevator.code).join(
        Contract, Contract.id == ContractElevator.contract_id
    ).join(Elevator, Elevator.id == ContractElevator.elevator_id).where(
        among(session, ContractElevator.elevator_id, sorted(set(elevator_ids))), ContractElevator.removed_at.is_(None)
    )  # fmt: skip
    return [
        Held(Binding(r.contract_id, r.elevator_id, r.starts_on, r.ends_on), number, r.unit_id, code)
        for r, number, code in session.execute(bound.execution_options(skip_scope=True))
    ]


def clashes(contract_id: Hashable, unit_id: int, wanted: list[tuple[int, Span]], held: Iterable[Held]) -> list[Finding]:
    """As `double_cover`, against what was read already; a contract never clashes with itself."""
    others = {h.binding: h for h in held if h.binding.contract_id != contract_id}
    mine = [Binding(contract_id, key, span.from_on, span.to_on) for key, span in wanted]
    named = {(h.binding.contract_id, h.binding.elevator_id): h for h in others.values()}
    findings = []
    for clash in overlaps(mine, others):
        other = named[(clash.other_contract_id, clash.elevator_id)]
        found = say(
            "电梯 %(code)s 在 %(from_on)s 至 %(to_on)s 已有合同 %(number)s",
            code=other.code,
            from_on=clash.from_on,
            to_on=clash.to_on,
            number=other.number,
        )
        if other.unit_id != unit_id:
            found += "（其他单位）"
        findings.append(
            Finding("一台电梯同日只能有一份合同", False, found, "请先从该合同删除这台电梯，或调整本合同的起止日期",
                    field="elevators", value=other.code)
        )  # fmt: skip
    return findings
