"""SCO-02 to SCO-06 of every unit, counted the long way from plain events, as known at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

At = datetime | None


@dataclass(frozen=True)
class Complained:
    """A complaint: when each step was done; `again` are the second round's, `ended` when a regulator ended it."""

    unit: str
    elevator: int
    at: datetime
    accepted: At = None
    handled: At = None
    reviewed: At = None
    again: tuple[At, At] | None = None
    ended: At = None
    untrue: bool = False


@dataclass(frozen=True)
class Inspected:
    unit: str
    elevator: int
    on: date
    kind: str
    result: str
    fault: bool
    known: datetime
    gone: At = None
    handed_in: bool = False


@dataclass(frozen=True)
class Changed:
    """`steps`: when the application was where."""

    unit: str
    use_unit: int
    signed: date
    applied: date
    steps: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True)
class Called:
    unit: str
    level: int
    at: datetime
    accepted: At = None
    arrived: At = None
    done: At = None
    ended: At = None
    reason: str | None = None


@dataclass(frozen=True)
class Trapped:
    unit: str | None
    elevator: int
    at: datetime
    calls: tuple[Called, ...]
    ended: At
    outcome: str
    cause: str
    done_minutes: int = 30
    joined: bool = False


@dataclass(frozen=True)
class Held:
    """An elevator under contract with a unit, both days included."""

    unit: str
    elevator: int
    from_on: date
    to_on: date


def day_of(at: datetime) -> date:
    return (at + timedelta(hours=8)).date()


def known(at: At, now: datetime) -> At:
    return at if at is not None and at <= now else None


def hundredths(points: Fraction) -> Decimal:
    whole, rest = divmod(points * 100, 1)
    return Decimal(int(whole) + (rest >= Fraction(1, 2))) / 100


def sixteen(total: int, bad: int) -> Decimal | None:
    return None if total == 0 else hundredths(Fraction(16 * (total - bad), total))


def hours_between(begin: datetime, end: datetime) -> float:
    return (end.replace(microsecond=0) - begin.replace(microsecond=0)).total_seconds() / 3600


def late_or_open(begin: datetime, steps: Sequence[tuple[At, float]], now: datetime) -> str:
    """late, open or done of steps that each have so many hours from the one before."""
    for done, limit in steps:
        if done is None:
            return "late" if hours_between(begin, now) > limit else "open"
        if hours_between(begin, done) > limit:
            return "late"
        begin = done
    return "done"


def feedback(events: Sequence[Complained], unit: str, first: date, last: date, now: datetime) -> tuple[object, ...]:
    on_time = late = 0
    for one in events:
        if one.unit != unit or not first <= day_of(one.at) <= last or one.at > now:
            continue
        ended = known(one.ended, now)
        if ended is not None and one.untrue:
            continue
        until = ended or now
        accepted, handled, reviewed = (known(at, now) for at in (one.accepted, one.handled, one.reviewed))
        found = {late_or_open(one.at, [(accepted, 24), (handled, 72), (reviewed, 48)], until)}
        if one.again is not None and reviewed is not None:
            found.add(late_or_open(reviewed, [(known(one.again[0], now), 72), (known(one.again[1], now), 48)], until))
        late += "late" in found
        on_time += found == {"done"}
    return sixteen(on_time + late, late), on_time + late, late


def inspection(events: Sequence[Inspected], unit: str, first: date, last: date, now: datetime) -> tuple[object, ...]:
    seen, failed = set(), set()
    for one in events:
        stands = one.known <= now and (one.gone is None or one.gone > now)
        whole = one.kind in ("supervision", "periodic", "test", "self_test")
        if one.kind == "self_test" and one.handed_in:
            continue
        if one.unit == unit and stands and whole and first <= one.on <= last:
            seen.add(one.elevator)
            if one.fault and one.result != "passed":
                failed.add(one.elevator)
    return sixteen(len(seen), len(failed)), len(seen), len(failed)


def change(events: Sequence[Changed], unit: str, first: date, last: date, now: datetime) -> tuple[object, ...]:
    due, late = set(), set()
    for one in events:
        states = [state for at, state in one.steps if at <= now]
        if one.unit != unit or not states or states[-1] in ("rejected", "withdrawn"):
            continue
        if first <= one.signed + timedelta(days=7) <= last:
            due.add(one.use_unit)
            if (one.applied - one.signed).days > 7:
                late.add(one.use_unit)
    return sixteen(len(due), len(late)), len(due), len(late)


def judged(call: Called, limit_minutes: int, now: datetime) -> str:
    accepted, arrived, done, ended = (known(at, now) for at in (call.accepted, call.arrived, call.done, call.ended))
    if call.reason == "returned" and ended is not None:
        return "left out"
    if done is not None or ended is None:
        return late_or_open(call.at, [(accepted, 3 / 60), (done, limit_minutes / 60)], now)
    late = late_or_open(call.at, [(accepted, 3 / 60), (None, limit_minutes / 60)], ended) == "late"
    if accepted is not None and arrived is None:
        late = late or hours_between(accepted, ended) > 18 / 60
    return "late" if late else "left out"


def counts_then(one: Trapped, now: datetime) -> bool:
    over = one.ended is not None and one.ended <= now
    return not over or (one.outcome == "entrapment" and not one.joined)


def rescue(events: Sequence[Trapped], unit: str, first: date, last: date, now: datetime) -> tuple[object, ...]:
    on_time = late = second = 0
    for one in events:
        if not counts_then(one, now):
            continue
        for call in one.calls:
            if call.unit != unit or call.at > now or not first <= day_of(call.at) <= last:
                continue
            found = judged(call, one.done_minutes, now)
            if call.level == 1 and one.unit == unit:
                on_time += found == "done"
                late += found == "late"
            elif call.level == 2 and one.unit != unit:
                second += found == "done"
    if on_time + late + second == 0:
        return None, 0, 0, 0
    share = Fraction(1)
    if on_time + late:
        share = min(share, Fraction(on_time + second, on_time + late))
    return hundredths(16 * share + Fraction(max(second - late, 0), 2)), on_time, late, second


def fault(
    events: Sequence[Trapped], held: Sequence[Held], unit: str, first: date, last: date, now: datetime
) -> tuple[object, ...]:
    mine = {h.elevator for h in held if h.unit == unit and h.from_on <= last and h.to_on >= first}
    period: list[int] = []
    year: list[int] = []
    for one in events:
        over = one.ended is not None and one.ended <= now
        counts = over and counts_then(one, now) and one.cause != "power_cut"
        if one.unit == unit and one.elevator in mine and counts and day_of(one.at) <= last:
            if day_of(one.at) >= first:
                period.append(one.elevator)
            if day_of(one.at) >= date(last.year, 1, 1):
                year.append(one.elevator)
    faulty = set(period)
    times = [year.count(elevator) for elevator in faulty]
    counts_of = (len(mine), len(faulty), len(period), times.count(2), times.count(3), sum(n > 3 for n in times))
    if not mine:
        return (None, *counts_of)
    lost = Fraction(16 * len(faulty), len(mine))
    for n in times:
        lost += Fraction(4) if n > 3 else Fraction(2) if n == 3 else Fraction(1, 2) if n == 2 else 0
    return (hundredths(max(16 - lost, Fraction(0))), *counts_of)
