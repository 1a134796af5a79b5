"""Inspections (INS-01, INS-02): what is due next and when, what a record must say, near and over (WRN-01).

The calendar runs from the day of 安装监督检验合格, not from registration: in some of the years after it a 定期检验 is
due, in the others a 自行检测 or a 检测. The month is kept, however early or late one was done. 停用 does not stop the
calendar (LIF-03 refuses to start again what is past its day); it only asks nothing of an elevator that stands still.

检测 is an inspection body's, 自行检测 the use or maintenance unit's own; they answer for the same years, neither for
one of 定期检验. That the unit itself, its maintenance unit or an inspection body may do what TSG T7008-2023 asks for is
verified at a second hand only (the explanatory note of an association's draft standard of 2025); the years between
those of 定期检验 are from memory (domain reference, §3), which is why they are policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.calendar import add_months, day_finding, month_end
from app.wording import say


class WarningLevel(StrEnum):
    """临近 (yellow), 超期 (red)."""

    NEAR = "near"
    OVER = "over"


def warning_level(due_on: date | None, today: date, near_days: int) -> WarningLevel | None:
    """How a due day stands today. The due day itself is still in time; no due day warns of nothing."""
    if due_on is None:
        return None
    left = (due_on - today).days
    if left < 0:
        return WarningLevel.OVER
    return WarningLevel.NEAR if left <= near_days else None


class InspectionKind(StrEnum):
    """监督检验, 定期检验, 检测, 自行检测; 限速器校验 and 制动试验, which have intervals of their own."""

    SUPERVISION = "supervision"
    PERIODIC = "periodic"
    TEST = "test"
    SELF_TEST = "self_test"
    GOVERNOR = "governor"
    BRAKE = "brake"


class InspectionResult(StrEnum):
    """合格, 不合格; 复检合格 stands for a failed one that was mended, which it does not undo (SCO-04)."""

    PASSED = "passed"
    FAILED = "failed"
    PASSED_AGAIN = "passed_again"


K, R = InspectionKind, InspectionResult
KIND_LABELS = {
    K.SUPERVISION: say("监督检验"), K.PERIODIC: say("定期检验"), K.TEST: say("检测"), K.SELF_TEST: say("自行检测"),
    K.GOVERNOR: say("限速器校验"), K.BRAKE: say("制动试验"),
}  # fmt: skip
# What moves the elevator's 检验日期 and 下次检验日期.
YEARLY = frozenset({K.SUPERVISION, K.PERIODIC, K.TEST, K.SELF_TEST})
# What answers for a year in which a 定期检验 is due: neither a 检测 nor a 自行检测 does.
FULL = frozenset({K.SUPERVISION, K.PERIODIC})
# What the units hand in themselves, for an officer to approve; the others are entered by who inspects. A 自行检测
# may be entered, too: by the regulator, or by who did it for the unit.
HANDED_IN = frozenset({K.SELF_TEST, K.GOVERNOR, K.BRAKE})
# A 检测 and a 自行检测 answer for each other: one that failed is mended by the other, too. What bodies did as 检测 was
# kept as 自行检测 before the two were told apart.
BETWEEN = frozenset({K.TEST, K.SELF_TEST})
# Nobody does these for an elevator that he maintains or uses himself.
BY_OTHERS = frozenset({K.SUPERVISION, K.PERIODIC, K.TEST})
LONGEST_ITEMS, LONGEST_REASON = 1000, 200


def like(kind: str) -> str:
    """What a kind is taken for where one record answers for another: 检测 and 自行检测 are one."""
    return K.SELF_TEST if kind in BETWEEN else kind


# --- the yearly calendar


@dataclass(frozen=True, slots=True)
class Cycle:
    """A region's numbers: years of 定期检验 (after the last of them every year), months that one may be early,
    whether a due day is the last of its month or the very day."""

    years: tuple[int, ...] = (1, 4, 7, 9, 11, 13, 15)
    early_months: int = 2
    to_month_end: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """One that was passed: which kind, on which day."""

    kind: InspectionKind
    on: date


@dataclass(frozen=True, slots=True)
class Due:
    """What is due, by which day, in which year of the calendar (0: the calendar's first day is not known)."""

    on: date
    kind: InspectionKind
    year: int


def kind_of_year(year: int, cycle: Cycle) -> InspectionKind:
    """定期检验 in the years named and in each after the last of them; in the years between 自行检测, or 检测 for it."""
    return K.PERIODIC if year in cycle.years or year > max(cycle.years, default=0) else K.SELF_TEST


def due_day(first_on: date, year: int, cycle: Cycle) -> date:
    """The day by which a year's is due: the same month of that year; of 02-29 the 28th where there is none."""
    day = add_months(first_on, 12 * year)
    return month_end(day) if cycle.to_month_end else day


def _from_day(first_on: date, year: int, cycle: Cycle) -> date:
    """From when on one answers for a year; done sooner it is one more of the year before."""
    day = add_months(first_on, 12 * year - cycle.early_months)
    return day.replace(day=1) if cycle.to_month_end else day


def served_year(first_on: date, on: date, cycle: Cycle) -> int:
    """The year for which one done on this day answers; 0 before any is due."""
    year = max(on.year - first_on.year + 1, 0)
    while year > 0 and _from_day(first_on, year, cycle) > on:
        year -= 1
    return year


def next_due(first_on: date | None, done: Iterable[Done], cycle: Cycle) -> Due | None:
    """What is due after all that was passed; None where neither a first day nor any record is known.

    No 自行检测 moves the day of a 定期检验 that was left out. Without a first day the year is not known: a
    定期检验 a year after the last, the safe side.
    """
    passed = [one for one in done if one.kind in YEARLY]
    if first_on is None:
        if not passed:
            return None
        day = add_months(max(one.on for one in passed), 12)
        return Due(month_end(day) if cycle.to_month_end else day, K.PERIODIC, 0)
    served = max((served_year(first_on, one.on, cycle) for one in passed), default=0)
    whole = [served_year(first_on, one.on, cycle) for one in passed if one.kind in FULL]
    year = served + 1
    if whole:
        year = min(year, _next_full(max(whole), cycle))
    elif served and kind_of_year(served, cycle) is K.PERIODIC:
        year = served
    return Due(due_day(first_on, year, cycle), kind_of_year(year, cycle), year)


def latest_day(due_on: date, cycle: Cycle) -> date:
    """The last day that a person may set in the place of a due day: as much later as one may be early."""
    day = add_months(due_on, cycle.early_months)
    return month_end(day) if cycle.to_month_end else day


def _next_full(year: int, cycle: Cycle) -> int:
    return min((y for y in cycle.years if y > year), default=year + 1)


def kind_due_on(first_on: date | None, due_on: date | None, cycle: Cycle) -> InspectionKind | None:
    """Which kind a day is for that stands in the register without a record."""
    if due_on is None:
        return None
    return K.PERIODIC if first_on is None else kind_of_year(max(served_year(first_on, due_on, cycle), 1), cycle)


def still_due(
    due_on: date | None, kind: InspectionKind | None, moved_on: date, full: Iterable[date], cycle: Cycle
) -> bool:
    """Whether a day of the register stays due after a 检测 or 自行检测, which would move it to `moved_on`.

    A 定期检验 does until one of `full`, the days of those passed, answers for it, no sooner than one may be early:
    also where the register alone knows of it, without any record.
    """
    if due_on is None or kind is not K.PERIODIC or due_on > moved_on:
        return False
    early = add_months(due_on, -cycle.early_months)
    from_on = early.replace(day=1) if cycle.to_month_end else early
    return all(on < from_on for on in full)


# --- governor and brake


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many months; from an age in years on every `old_months`. None: not asked for."""

    months: int | None
    old_after_years: int | None = None
    old_months: int | None = None


def next_check(done_on: date, used_since: date | None, interval: Interval) -> date | None:
    """The day by which a check is due again; once the part is old the shorter interval counts, but not backwards."""
    if interval.months is None:
        return None
    usual = add_months(done_on, interval.months)
    if used_since is None or interval.old_after_years is None or interval.old_months is None:
        return usual
    old_on = add_months(used_since, 12 * interval.old_after_years) + timedelta(days=1)
    return min(usual, max(add_months(done_on, interval.old_months), old_on))


# --- what a record must say


@dataclass(frozen=True, slots=True)
class Record:
    """What is entered of one."""

    kind: InspectionKind | None
    number: str
    done_on: date | None
    result: InspectionResult | None
    by: str = ""
    failed_items: str = ""
    is_fault: bool = False
    next_on: date | None = None
    next_reason: str = ""


def record_findings(
    record: Record, today: date, *, known_from: date | None, rule_on: date | None, latest_on: date | None,
    failed_before: bool,
) -> list[Finding]:  # fmt: skip
    """All that is wrong with a record, at once.

    `rule_on` is the next day by rule, `latest_on` the last that may be set instead of it; `failed_before`: a failed
    one of this kind stands that waits for its second inspection.
    """
    found = [
        Finding("检验类型", record.kind is not None, "没有选择", "请选择检验类型", field="kind"),
        Finding("报告编号", bool(record.number), "没有填写", "请按报告填写编号", field="number"),
        Finding("检验日期", record.done_on is not None, "没有填写", "请按报告填写日期", field="done_on"),
        Finding("检验结果", record.result is not None, "没有选择", "请选择合格、不合格或复检合格", field="result"),
        Finding("检验单位", bool(record.by), "没有填写", "请选择或填写出具报告的单位", field="tested_by"),
        _length("不合格项", record.failed_items, LONGEST_ITEMS, "failed_items"),
        _length("调整原因", record.next_reason, LONGEST_REASON, "next_reason"),
    ]
    found += _days(record, today, known_from) + _result(record, failed_before)
    if record.next_on is not None and record.result is not R.FAILED:
        found += _next(record, record.next_on, rule_on, latest_on)
    return [f for f in found if not f.ok]


def _length(label: str, text: str, most: int, field: str) -> Finding:
    found = say("%(count)s 个字", count=len(text))
    return Finding(label, len(text) <= most, found, say("最多 %(most)s 个字", most=most), field=field)


def _days(record: Record, today: date, known_from: date | None) -> list[Finding]:
    day = record.done_on
    if day is None:
        return []
    meant = day_finding(day, "done_on", "检验日期")
    if meant.stops:
        return [meant]
    early = known_from is not None and day < known_from
    return [
        Finding("检验日期", day <= today, say("%(day)s 还没有到", day=day), "请填写已经完成的检验", field="done_on"),
        Finding(
            "检验日期", not early, say("%(day)s 早于制造日期 %(first)s", day=day, first=known_from),
            "请核对报告和电梯档案", field="done_on",
        ),
    ]  # fmt: skip


def _result(record: Record, failed_before: bool) -> list[Finding]:
    failed = record.result is R.FAILED
    again = record.result is R.PASSED_AGAIN
    return [
        Finding(
            "不合格项", not failed or bool(record.failed_items), "结果为不合格，没有填写不合格项", "请逐项填写",
            field="failed_items",
        ),
        Finding(
            "检验结果", not again or failed_before, "没有待复检的不合格记录", "请先登记不合格的那一次，或改选合格",
            field="result",
        ),
        Finding(
            "涉及维保单位整改", not record.is_fault or failed or again, "结果为合格，不会涉及整改",
            "请取消勾选，或核对结果", field="is_fault",
        ),
    ]  # fmt: skip


def _next(record: Record, day: date, rule_on: date | None, latest_on: date | None) -> list[Finding]:
    meant = day_finding(day, "next_on", "下次日期")
    if meant.stops:
        return [meant]
    found = []
    if record.done_on is not None:
        found.append(Finding(
            "下次日期", day > record.done_on, say("%(day)s 不晚于本次 %(done)s", day=day, done=record.done_on),
            "请填写本次之后的日期", field="next_on",
        ))  # fmt: skip
    if latest_on is not None:
        found.append(Finding(
            "下次日期", day <= latest_on, say("%(day)s 晚于最迟可定的 %(last)s", day=day, last=latest_on),
            say("按规则为 %(rule)s，最迟可定到 %(last)s", rule=rule_on or "—", last=latest_on), field="next_on",
        ))  # fmt: skip
    if day != rule_on:
        found.append(Finding(
            "调整原因", bool(record.next_reason),
            say("下次日期 %(day)s 与规则的 %(rule)s 不同", day=day, rule=rule_on or "—"), "请填写调整的原因",
            field="next_reason",
        ))  # fmt: skip
    return found
