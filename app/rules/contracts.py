"""When a contract is in force, what overlaps, and which change reaches into the past (CON-01 to CON-05)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.calendar import add_months, day_finding
from app.wording import say


class ContractState(StrEnum):
    """待生效, 生效中, 临近失效, 已失效. Near is in force as well."""

    PENDING = "pending"
    ACTIVE = "active"
    NEAR = "near"
    ENDED = "ended"


CONTRACT_LABELS = {
    ContractState.PENDING: say("待生效"),
    ContractState.ACTIVE: say("生效中"),
    ContractState.NEAR: say("临近失效"),
    ContractState.ENDED: say("已失效"),
}


def days_left(ends_on: date, today: date) -> int:
    """剩余 n 天: 0 on the last day, negative afterwards (T18)."""
    return (ends_on - today).days


def days_waiting(starts_on: date, today: date) -> int:
    """等待 n 天 until the first day (T18)."""
    return (starts_on - today).days


def in_force(starts_on: date, ends_on: date, day: date) -> bool:
    """Whether the contract covers a day; first and last day included."""
    return starts_on <= day <= ends_on


def contract_state(starts_on: date, ends_on: date, today: date, near_days: int) -> ContractState:
    """The tab of a contract today; near = in force with `near_days` or fewer left (T18)."""
    if today > ends_on:
        return ContractState.ENDED
    if today < starts_on:
        return ContractState.PENDING
    return ContractState.NEAR if days_left(ends_on, today) <= near_days else ContractState.ACTIVE


def days_text(starts_on: date, ends_on: date, today: date) -> str:
    """剩余 n 天, 等待 n 天, or 已过 n 天: the words beside the state (T18)."""
    if today < starts_on:
        return say("等待 %(days_waiting)s 天", days_waiting=days_waiting(starts_on, today))
    left = days_left(ends_on, today)
    return say("剩余 %(left)s 天", left=left) if left >= 0 else say("已过 %(left)s 天", left=-left)


@dataclass(frozen=True, slots=True)
class Span:
    """Days of cover, first and last included."""

    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class Binding:
    """An elevator bound to a contract for some days."""

    contract_id: Hashable
    elevator_id: int
    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class Clash:
    """Two contracts for one elevator on the same days."""

    elevator_id: int
    contract_id: Hashable
    other_contract_id: Hashable
    from_on: date
    to_on: date


def overlaps(bindings: Iterable[Binding], others: Iterable[Binding]) -> list[Clash]:
    """Which elevators of `bindings` another contract holds on which days (CON-03). The same contract never clashes."""
    held: dict[int, list[Binding]] = {}
    for other in others:
        held.setdefault(other.elevator_id, []).append(other)
    clashes = []
    for mine in bindings:
        for other in held.get(mine.elevator_id, ()):
            first, last = max(mine.from_on, other.from_on), min(mine.to_on, other.to_on)
            if other.contract_id != mine.contract_id and first <= last:
                clashes.append(Clash(mine.elevator_id, mine.contract_id, other.contract_id, first, last))
    return sorted(clashes, key=lambda c: (c.elevator_id, c.from_on, c.to_on))


def span_findings(
    starts_on: date, ends_on: date, signed_on: date | None, max_years: int = 10
) -> list[Finding]:
    """Whether a contract's dates can be meant: not upside down, not to 9999, not for decades, signed.

    Signing after the start (补签) happens and only warns: the gate at check-in looks at cover, and LIF-05 counts
    its seven days from the signing.
    """
    findings = [day_finding(starts_on, "starts_on", "起始日期"), day_finding(ends_on, "ends_on", "截止日期")]
    upright = starts_on <= ends_on
    findings.append(
        Finding(
            "合同期限顺序",
            upright,
            say("起始 %(starts_on)s，截止 %(ends_on)s%(more)s", starts_on=starts_on.isoformat(),
                ends_on=ends_on.isoformat(), more="" if upright else "，截止早于起始"),
            "" if upright else "请核对起始和截止日期",
            field="ends_on",
            value=ends_on.isoformat(),
        )
    )
    if all(f.ok for f in findings):
        latest = add_months(starts_on, 12 * max_years) - timedelta(days=1)
        short = ends_on <= latest
        excess = (
            ""
            if short
            else say("，超过 %(max_years)s 年（最晚 %(latest)s）", max_years=max_years, latest=latest.isoformat())
        )
        findings.append(
            Finding(
                "合同期限长度",
                short,
                say("截止 %(ends_on)s%(excess)s", ends_on=ends_on.isoformat(), excess=excess),
                "" if short else "请核对截止日期；更长的合作请到期后续签",
                field="ends_on",
                value=ends_on.isoformat(),
            )
        )
    if signed_on is None:
        findings.append(Finding("签订日期", False, "没有填写签订日期", "请按合同填写签订日期", field="signed_on"))
        return findings
    findings.append(day_finding(signed_on, "signed_on", "签订日期"))
    before = signed_on <= starts_on
    findings.append(
        Finding(
            "签订日期",
            before,
            say("%(signed_on)s 签订%(more)s", signed_on=signed_on.isoformat(), more="" if before else say(
                "，晚于起始日期 %(starts_on)s", starts_on=starts_on.isoformat())),
            "" if before else "可以保存；如属补签请在备注中说明",
            field="signed_on",
            value=signed_on.isoformat(),
            level="warn",
        )
    )
    return findings


def _past(span: Span | None, today: date) -> tuple[date, date] | None:
    if span is None or span.from_on >= today or span.to_on < span.from_on:
        return None
    return span.from_on, min(span.to_on, today - timedelta(days=1))


def touches_past(old: Span | None, new: Span | None, today: date, *, fresh: bool = False) -> bool:
    """Whether a change alters the cover of a day before today; None = no cover (unbound, deleted, not yet made).

    Such a change needs a regulator's approval: else a contract could be shortened after a missed visit.
    A back-dated new contract touches the past too. Today is not past: cover may be added from today on. But a day that
    has begun is not given up any more: overdue is judged by what was known on the limit's day, so on that very day a
    unit could end its contract with the day before, and the limit would be nobody's. `fresh`: entered today, so a slip
    can still be mended.
    """
    given_up = not fresh and old is not None and in_force(old.from_on, old.to_on, today) and (
        new is None or not in_force(new.from_on, new.to_on, today)
    )
    return given_up or _past(old, today) != _past(new, today)
