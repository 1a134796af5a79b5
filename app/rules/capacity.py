"""Can these workers do what is due? (CAP-01) A day-by-day trial of the coming weeks: windows, travel, limits, quotas.

It plans nothing for anybody. It serves what is most pressing first and the next best place near by, which is what a
sensible dispatcher does; so whoever is missing in the trial is missing in truth, by a small margin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.rules.capacity_run import Lift, Load, Missed, Numbers, Prepared, Run, Worker, works_on

__all__ = [
    "MOST_MORE", "Area", "Lift", "Load", "Missed", "Numbers", "Trial", "Worker", "trial", "works_on",
]  # fmt: skip

DAY = timedelta(days=1)
# Nobody plans by a trial that asks for more; beyond it the answer is "far too few".
MOST_MORE = 500


@dataclass(frozen=True, slots=True)
class Area:
    """What came of an area: services at their limit, services done, those missed, the workers' time, and how many more
    workers it takes. `over`: elevators that were over as the trial began."""

    name: str
    lifts: int
    over: int
    workers: int
    due: int
    done: int
    missed: tuple[Missed, ...]
    busy_minutes: int
    able_minutes: int
    more: int

    @property
    def first_missed_on(self) -> date | None:
        return min((one.limit_on for one in self.missed), default=None)


@dataclass(frozen=True, slots=True)
class Trial:
    """The whole: by area, by worker, and by day how many services ended and how many were at their limit."""

    areas: tuple[Area, ...]
    loads: tuple[Load, ...]
    days: tuple[tuple[date, int, int], ...]

    @property
    def more(self) -> int:
        return sum(area.more for area in self.areas)


def trial(lifts: Sequence[Lift], workers: Sequence[Worker], first: date, days: int, numbers: Numbers) -> Trial:
    """Try `days` days from `first` on, area by area; each area is told how many workers more would let nothing lapse.

    What is over on the first day is served first and is no ground to ask for more people by itself: it counts as
    missed only if it is not served before its running period ends as well.
    """
    by_area: dict[str, list[Lift]] = defaultdict(list)
    for lift in lifts:
        by_area[lift.area].append(lift)
    mine: dict[str, list[Worker]] = defaultdict(list)
    for worker in workers:
        mine[worker.area].append(worker)
    areas, loads = [], []
    ended: dict[date, int] = defaultdict(int)
    due: dict[date, int] = defaultdict(int)
    for name in sorted(by_area.keys() | mine.keys()):
        own, here = mine[name], by_area[name]
        area = Prepared(here, first, days, numbers)
        run = Run(area, own)
        more = _more(area, own, first, days, numbers) if run.lapsed else 0
        able = sum(load.able_minutes for load in run.loads)
        areas.append(
            Area(
                name, len(here), sum(map(bool, area.over)), len(own), run.due, run.done, tuple(run.missed),
                sum(load.busy_minutes for load in run.loads), able, more,
            )
        )  # fmt: skip
        loads += run.loads
        for day, number in run.ended.items():
            ended[date.fromordinal(day)] += number
        for day, number in run.limits.items():
            due[date.fromordinal(day)] += number
    told = tuple((first + n * DAY, ended[first + n * DAY], due[first + n * DAY]) for n in range(days))
    return Trial(tuple(areas), tuple(loads), told)


def _more(area: Prepared, workers: list[Worker], first: date, days: int, numbers: Numbers) -> int:
    """The fewest more workers with whom nothing lapses; MOST_MORE where that many are not enough."""

    months = {(first + n * DAY).replace(day=1) for n in range(days)}
    left = {} if numbers.quota is None else dict.fromkeys(months, numbers.quota)

    def lapses(number: int) -> bool:
        added = [Worker(-1 - n, "", left) for n in range(number)]
        return Run(area, [*workers, *added], to_the_first=True).lapsed

    low, high = 0, 1
    while lapses(high):
        if high >= MOST_MORE:
            return MOST_MORE
        low, high = high, min(2 * high, MOST_MORE)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lapses(middle) else (low, middle)
    return high
