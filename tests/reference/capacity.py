"""人力测算, day by day on plain rows and heaps (CAP-01): slow, and the measure of `rules.capacity`.

Every service is a row of its own, made anew by the rules of levels; what is pressing stands in one heap for all places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from heapq import heappop, heappush

from app.rules.capacity import Area, Lift, Load, Missed, Numbers, Trial, Worker, works_on
from app.rules.checkin import distance_metres
from app.rules.levels import Level, merged_level, next_long_dates

DAY = timedelta(days=1)
MOST_MORE = 500
NEAR_BY = 12


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
        run = _Run(here, own, first, days, numbers)
        more = _more(here, own, first, days, numbers) if run.lapsed else 0
        able = sum(load.able_minutes for load in run.loads)
        areas.append(
            Area(
                name, len(here), run.over, len(own), run.due, run.done, tuple(run.missed),
                sum(load.busy_minutes for load in run.loads), able, more,
            )
        )  # fmt: skip
        loads += run.loads
        for day, number in run.ended.items():
            ended[day] += number
        for day, number in run.limits.items():
            due[day] += number
    told = tuple((first + n * DAY, ended[first + n * DAY], due[first + n * DAY]) for n in range(days))
    return Trial(tuple(areas), tuple(loads), told)


def _more(lifts: list[Lift], workers: list[Worker], first: date, days: int, numbers: Numbers) -> int:
    """The fewest more workers with whom nothing lapses; MOST_MORE where that many are not enough."""

    months = {(first + n * DAY).replace(day=1) for n in range(days)}
    left = {} if numbers.quota is None else dict.fromkeys(months, numbers.quota)

    def lapses(number: int) -> bool:
        added = [Worker(-1 - n, "", left) for n in range(number)]
        return _Run(lifts, [*workers, *added], first, days, numbers, to_the_first=True).lapsed

    low, high = 0, 1
    while lapses(high):
        if high >= MOST_MORE:
            return MOST_MORE
        low, high = high, min(2 * high, MOST_MORE)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lapses(middle) else (low, middle)
    return high


@dataclass(slots=True)
class _Hands:
    """A worker as the trial goes."""

    worker: Worker
    left: dict[date, int]
    services: int = 0
    busy: int = 0
    able: int = 0
    spent: bool = False

    def may(self, day: date) -> bool:
        if self.worker.until is not None and day > self.worker.until:
            return False
        month = day.replace(day=1)
        if month in self.left and self.left[month] <= 0:
            self.spent = True
            return False
        return True


class _Run:
    """One area, day by day. A service that is missed waits until somebody comes; its limits go on, one a period."""

    def __init__(
        self, lifts: Sequence[Lift], workers: Sequence[Worker], first: date, days: int, numbers: Numbers,
        *, to_the_first: bool = False,
    ) -> None:  # fmt: skip
        self.numbers, self.first, self.last = numbers, first, first + (days - 1) * DAY
        self.done = self.due = 0
        self.missed: list[Missed] = []
        self.ended: dict[date, int] = defaultdict(int)
        self.limits: dict[date, int] = defaultdict(int)
        self.hands = [_Hands(worker, dict(worker.left)) for worker in workers]
        self.places = {lift.site: lift.place for lift in lifts}
        # By site what may be done now, most pressing first; all sites alike; by day what begins then.
        self.open: dict[Hashable, list[tuple[date, int]]] = defaultdict(list)
        self.sites: list[tuple[date, int, Hashable]] = []
        self.begins: dict[date, list[int]] = defaultdict(list)
        # By limit what waits for somebody to come.
        self.waiting: dict[date, set[int]] = defaultdict(set)
        self.lifts = [self._running(lift) for lift in lifts]
        # From when on each may be served, as long as it waits.
        self.from_on: dict[int, date] = {}
        self.over = sum(lift.over_since is not None for lift in self.lifts)
        for number in range(len(self.lifts)):
            self._wait(number, first)
        for n in range(days):
            if to_the_first and self.lapsed:
                break
            self._one_day(first + n * DAY)

    @property
    def lapsed(self) -> bool:
        """Whether something was missed that more people could have done."""
        return any(not one.no_day for one in self.missed)

    def _running(self, lift: Lift) -> Lift:
        """An elevator whose limit is behind already is over, and its running period is the one that ends next."""
        if lift.limit_on >= self.first:
            return lift
        periods = -(-(self.first - lift.limit_on).days // lift.limit_days)
        limit_on = lift.limit_on + periods * lift.limit_days * DAY
        return replace(lift, limit_on=limit_on, over_since=lift.over_since or lift.limit_on)

    @property
    def loads(self) -> list[Load]:
        return [
            Load(hand.worker.key, hand.worker.area, hand.services, hand.busy, hand.able, hand.spent)
            for hand in self.hands
        ]

    def _wait(self, number: int, not_before: date) -> None:
        lift = self.lifts[number]
        if self.first <= lift.limit_on <= self.last:
            self.limits[lift.limit_on] += 1
            self.due += 1
        # Nobody comes again before half of the interval is over, however early services may be done.
        early = min(self.numbers.early_days, lift.interval_days // 2)
        from_on = self.first if lift.over_since is not None else lift.planned_on - early * DAY
        from_on = max(min(from_on, lift.limit_on), not_before)
        if from_on <= self.last:
            self.begins[from_on].append(number)
            self.from_on[number] = from_on

    def _one_day(self, day: date) -> None:
        for number in self.begins.pop(day, ()):
            lift = self.lifts[number]
            pressing = lift.over_since or lift.limit_on
            heappush(self.open[lift.site], (pressing, number))
            heappush(self.sites, (pressing, number, lift.site))
            self.waiting[lift.limit_on].add(number)
        if works_on(day, self.numbers.week_days):
            for hand in self.hands:
                if hand.worker.until is None or day <= hand.worker.until:
                    hand.able += self.numbers.day_minutes
                if hand.may(day):
                    self._work(hand, day)
        self._lapse(day)

    def _lapse(self, day: date) -> None:
        """What was not served by its limit is missed; it waits on, and the next period begins at the limit."""
        for number in sorted(self.waiting.pop(day, ())):
            lift = self.lifts[number]
            since = self.from_on[number]
            able = any(works_on(since + n * DAY, self.numbers.week_days) for n in range((day - since).days + 1))
            self.missed.append(Missed(lift.key, lift.area, day, not able))
            self.from_on[number] = day + DAY
            later = day + lift.limit_days * DAY
            self.lifts[number] = replace(lift, limit_on=later, over_since=lift.over_since or day)
            self.waiting[later].add(number)
            if later <= self.last:
                self.limits[later] += 1
                self.due += 1

    def _work(self, hand: _Hands, day: date) -> None:
        """A worker's day: to the most pressing place, all that is open there, then on."""
        numbers = self.numbers
        minutes, lifts, here = numbers.day_minutes, 0, None
        while (site := self._next_site(here)) is not None:
            way = self._travel(here, site)
            taken = 0
            while self.open[site]:
                _limit, number = self.open[site][0]
                lift = self.lifts[number]
                level = merged_level(lift.planned_on, lift.interval_days, lift.long_dates)
                asked = numbers.minutes(level) + (way if taken == 0 else 0)
                full = numbers.day_lifts is not None and lifts >= numbers.day_lifts
                # A service longer than a whole day takes a whole day, else it would never be begun.
                if full or not hand.may(day) or (asked > minutes and minutes < numbers.day_minutes):
                    return
                heappop(self.open[site])
                self._served(number, level, day)
                minutes, lifts, taken = max(minutes - asked, 0), lifts + 1, taken + 1
                hand.busy += min(asked, numbers.day_minutes)
                hand.services += 1
                month = day.replace(day=1)
                if month in hand.left:
                    hand.left[month] -= 1
            here = site

    def _served(self, number: int, level: Level, day: date) -> None:
        lift = self.lifts[number]
        self.waiting[lift.limit_on].discard(number)
        self.done += 1
        self.ended[day] += 1
        self.lifts[number] = replace(
            lift, planned_on=day + lift.interval_days * DAY, limit_on=day + lift.limit_days * DAY,
            long_dates=next_long_dates(lift.long_dates, level, lift.planned_on, day), over_since=None,
        )  # fmt: skip
        self._wait(number, day + DAY)

    def _next_site(self, here: Hashable | None) -> Hashable | None:
        """Of the most pressing places the nearest one; the most pressing one from nowhere."""
        near: list[tuple[date, int, Hashable]] = []
        seen: list[tuple[date, int, Hashable]] = []
        while self.sites and len(near) < (1 if here is None else NEAR_BY):
            pressing, number, site = self.sites[0]
            if near and pressing > near[0][0] + DAY:
                break
            heappop(self.sites)
            # Entries of services that were done since are left behind here.
            if (pressing, number) in self.open[site]:
                seen.append((pressing, number, site))
                if all(site != other for _pressing, _number, other in near):
                    near.append(seen[-1])
        for one in seen:
            heappush(self.sites, one)
        if not near:
            return None
        return min(near, key=lambda one: (self._travel(here, one[2]), one[0], one[1]))[2]

    def _travel(self, here: Hashable | None, there: Hashable) -> int:
        """Minutes from one place to the next; from nowhere, and where a place is not known, the least."""
        a, b = self.places.get(here), self.places.get(there)
        if here is None or a is None or b is None:
            return self.numbers.travel_minutes
        drive = distance_metres(a, b) / 1000 / self.numbers.speed_kmh * 60
        return max(self.numbers.travel_minutes, round(drive))
