"""SCO-02 to SCO-06: rescue, feedback, inspection, faults, changes of unit. Limits arrive from policy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from app.rules.calendar import whole_seconds
from app.rules.scoring import FULL_POINTS, Score, rate_score, round_half_up


class Outcome(StrEnum):
    """及时, 不及时; an open case has none until it is late."""

    ON_TIME = "on_time"
    LATE = "late"


# A limit of None never makes a step late: 不限时.
Step = tuple[datetime | None, timedelta | None]
# How a record keeps that its policy had no limit for a step.
NO_LIMIT = 0
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def allowed(count: int, unit: timedelta) -> timedelta | None:
    """How long a step may take by what its record keeps; None for `NO_LIMIT`."""
    return None if count == NO_LIMIT else count * unit


def chain_outcome(start: datetime, steps: Sequence[Step], now: datetime) -> Outcome | None:
    """A row of steps, each with its limit from the step before: late at the first that is, None while open in time.

    A step never done is late once its limit is over; the ones after it can't be judged, also where it has none.
    Whole seconds count.
    """
    for done_at, limit in steps:
        took = whole_seconds(start, now if done_at is None else done_at)
        if limit is not None and took > limit // timedelta(seconds=1):
            return Outcome.LATE
        if done_at is None:
            return None
        start = done_at
    return Outcome.ON_TIME


def rescue_outcome(
    dispatched_at: datetime,
    accepted_at: datetime | None,
    done_at: datetime | None,
    now: datetime,
    *,
    accept_minutes: int,
    done_minutes: int,
) -> Outcome | None:
    """SCO-02: accepted within 3 minutes of dispatch and done within 30 (outside the centre 60) of acceptance."""
    steps = [(accepted_at, allowed(accept_minutes, MINUTE)), (done_at, allowed(done_minutes, MINUTE))]
    return chain_outcome(dispatched_at, steps, now)


def rescue_badge(
    dispatched_at: datetime,
    accepted_at: datetime | None,
    arrived_at: datetime | None,
    done_at: datetime | None,
    now: datetime,
    *,
    accept_minutes: int,
    arrive_minutes: int,
    done_minutes: int,
) -> Outcome | None:
    """The badge 合规 (RES-03): on time, and arrived within 18 (30) minutes of acceptance too.

    A case done without a recorded arrival counts as arrived when it was done: nobody frees people from afar.
    """
    arrival = arrived_at or done_at
    parts = [
        rescue_outcome(
            dispatched_at, accepted_at, done_at, now, accept_minutes=accept_minutes, done_minutes=done_minutes
        ),
        rescue_outcome(
            dispatched_at, accepted_at, arrival, now, accept_minutes=accept_minutes, done_minutes=arrive_minutes
        ),
    ]
    if Outcome.LATE in parts:
        return Outcome.LATE
    return None if None in parts else Outcome.ON_TIME


@dataclass(frozen=True, slots=True)
class RescueMinutes:
    """The limits of a case, as they were on its day and at its place; `NO_LIMIT` where a step had none."""

    accept: int
    arrive: int
    done: int


def call_outcome(
    dispatched_at: datetime,
    accepted_at: datetime | None,
    arrived_at: datetime | None,
    done_at: datetime | None,
    ended_at: datetime | None,
    now: datetime,
    minutes: RescueMinutes,
) -> Outcome | None:
    """SCO-02 of one unit that was called out; None while it is open in time, and where it is left out.

    A call that ended without freeing anybody (others were quicker, the next level came, the case was closed) is judged
    at its end, and never in time: late if a limit was over by then, the one of arrival too where nobody had arrived,
    for accepting and staying away is no rescue. Else it is left out.
    """
    judged_at = now if ended_at is None or done_at is not None else min(now, ended_at)
    limits = {"accept_minutes": minutes.accept, "done_minutes": minutes.done}
    if done_at is not None or arrived_at is not None or ended_at is None:
        return rescue_outcome(dispatched_at, accepted_at, done_at, judged_at, **limits)
    return rescue_badge(
        dispatched_at, accepted_at, None, None, judged_at, arrive_minutes=minutes.arrive, **limits
    )


def rescue_score(
    first_on_time: int,
    first_late: int,
    second_on_time: int,
    bonus: Fraction = Fraction(1, 2),
    full_points: int = FULL_POINTS,
) -> Score:
    """SCO-02: full × min(1, (first + second on time)/all) + bonus for each second-level on time beyond the late (T16).

    All = rescues dispatched to the unit's own elevators at first level, judged or late. `second_on_time` are those
    in which the unit helped as second level at other elevators; without any own rescue they still earn their bonus.
    """
    dispatched = first_on_time + first_late
    extra = max(second_on_time - first_late, 0) * bonus
    if dispatched == 0 and second_on_time == 0:
        return rate_score(0, 0, full_points)
    rate = Fraction(1) if dispatched == 0 else min(Fraction(1), Fraction(first_on_time + second_on_time, dispatched))
    exact = full_points * rate + extra
    return Score(round_half_up(exact), exact, dispatched, first_late, False, full_points)


def complaint_outcome(
    complained_at: datetime,
    accepted_at: datetime | None,
    handled_at: datetime | None,
    reviewed_at: datetime | None,
    now: datetime,
    *,
    accept_hours: int,
    handle_hours: int,
    review_hours: int,
) -> Outcome | None:
    """SCO-03: accepted ≤ 24 h, handled ≤ 72 h from acceptance, reviewed ≤ 48 h from handling."""
    steps = [
        (accepted_at, allowed(accept_hours, HOUR)),
        (handled_at, allowed(handle_hours, HOUR)),
        (reviewed_at, allowed(review_hours, HOUR)),
    ]
    return chain_outcome(complained_at, steps, now)


def feedback_score(on_time: int, late: int, full_points: int = FULL_POINTS) -> Score:
    """SCO-03: full × on time / all; open cases are in neither count until they are late."""
    return rate_score(on_time + late, late, full_points)


def inspection_score(inspected: int, failed: int, full_points: int = FULL_POINTS) -> Score:
    """SCO-04: full × (1 − failed/inspected), both in elevators: one counts once, a later 复检合格 does not heal it.

    A 自行检测 that a unit handed in itself is not among them.
    """
    return rate_score(inspected, failed, full_points)


# Points lost besides for an elevator by its entrapments in the year: 2, 3, 4 or more (SCO-05).
ENTRAPMENT_PENALTIES: Mapping[int, Fraction] = {2: Fraction(1, 2), 3: Fraction(2), 4: Fraction(4)}


def fault_score(
    elevators: int,
    faulty: int,
    entrapments: Mapping[Hashable, int],
    penalties: Mapping[int, Fraction] = ENTRAPMENT_PENALTIES,
    full_points: int = FULL_POINTS,
) -> Score:
    """SCO-05: full × (1 − faulty/all) less a penalty for each elevator by its entrapments in the year; not below 0.

    All = elevators under contract with the unit on any day of the period; faulty = those of them with at least one
    困人 not caused by a power cut (T17). The greatest step of `penalties` reached by an elevator counts, once.
    """
    base = rate_score(elevators, faulty, full_points)
    if base.no_data or not entrapments:
        return base
    penalty = Fraction(0)
    for count in entrapments.values():
        penalty += penalties[max(steps)] if (steps := [n for n in penalties if n <= count]) else 0
    exact = max(base.exact - penalty, Fraction(0))
    return Score(round_half_up(exact), exact, elevators, faulty, False, full_points)


def change_score(use_units: int, late_use_units: int, full_points: int = FULL_POINTS) -> Score:
    """SCO-06: full × on time / all, in use units with a change due in the period; one late one is one failure."""
    return rate_score(use_units, late_use_units, full_points)
