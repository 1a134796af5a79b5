"""The maintenance clock of one elevator, told day by day.

Slow on purpose: it walks every day, keeps the days left in a plain number and knows none of the product's code.
What it says about a history must be what the product's jobs have stored for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

COUNTED = {"valid", "awaiting", "nonconforming", "pending"}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Visit:
    """A closed visit on its check-in day; `state` as the product stores it."""

    elevator: int
    unit: str
    on: date
    state: str = "valid"


@dataclass(frozen=True)
class Stop:
    """停用 or 维保暂停: the clock stands from `from_on`, and runs again on `until_on` (None: still standing)."""

    elevator: int
    from_on: date
    until_on: date | None = None


@dataclass(frozen=True)
class Cover:
    """A contract of a unit for an elevator, first and last day included."""

    elevator: int
    unit: str
    from_on: date
    to_on: date


@dataclass(frozen=True)
class Slower:
    """An approved on-demand span with its own interval, both days included."""

    elevator: int
    from_on: date
    to_on: date
    interval_days: int


@dataclass(frozen=True)
class Overdue:
    """A missed period; `unit` None = nobody's (脱保)."""

    elevator: int
    from_on: date
    limit_on: date
    unit: str | None


@dataclass
class ClockFacts:
    """How the elevator stands at the end of the last day."""

    overdue: list[Overdue] = field(default_factory=list)
    limit_on: date | None = None
    planned_on: date | None = None
    left_days: int | None = None
    plan_left_days: int | None = None
    standing: bool = False
    missed: int = 0


def clock_facts(
    elevator: int,
    visits: Sequence[Visit],
    stops: Sequence[Stop],
    covers: Sequence[Cover],
    interval_days: int,
    limit_days: int,
    through_on: date,
    begins_on: date | None = None,
) -> ClockFacts:
    """Walk from the first day that matters to the end of `through_on`.

    `begins_on` starts the clock of an elevator without any visit (the presets that count those); without it the
    first counted visit does.
    """
    visit_days = {v.on for v in visits if v.elevator == elevator and v.state in COUNTED}
    own_stops = [s for s in stops if s.elevator == elevator]
    own_covers = sorted((c for c in covers if c.elevator == elevator), key=lambda c: c.from_on)
    takeovers = {later.from_on for earlier, later in pairwise(own_covers) if later.unit != earlier.unit}
    facts = ClockFacts()
    starts = sorted(visit_days | ({begins_on} if begins_on else set()))
    if not starts:
        return facts

    left: int | None = None  # days from today to the limit
    plan_left = 0  # days from today to the planned day; behind it when negative
    period_from = starts[0]
    stood_yesterday = False
    day = starts[0]
    while day <= through_on:
        stands = any(s.from_on <= day and (s.until_on is None or day < s.until_on) for s in own_stops)
        if stands and not stood_yesterday:
            plan_left = max(plan_left, 0)

        if day in takeovers and facts.missed and left is not None:
            left, plan_left, period_from, facts.missed = limit_days, interval_days, day, 0
        if day in visit_days or (day == begins_on and left is None):
            left, plan_left, period_from, facts.missed = limit_days, interval_days, day, 0

        assert left is not None
        facts.limit_on = day + timedelta(days=left)
        facts.planned_on = day + timedelta(days=plan_left)
        facts.left_days, facts.plan_left_days, facts.standing = left, plan_left, stands

        if not stands and left == 0:
            owner = next((c.unit for c in own_covers if c.from_on <= day <= c.to_on), None)
            facts.overdue.append(Overdue(elevator, period_from, day, owner))
            facts.missed += 1
            left, period_from = limit_days, day
            facts.limit_on, facts.left_days = day + timedelta(days=left), left

        if not stands:
            left, plan_left = left - 1, plan_left - 1
        stood_yesterday = stands
        day += DAY
    return facts
