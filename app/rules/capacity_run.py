"""One area's weeks, day by day: who serves what, and what is missed (CAP-01). The trial of `rules.capacity`, run fast.

A region's trial runs an area some twenty times, to find how many workers more it takes; so what is the same in each
run is prepared once (`Prepared`), days are their ordinals and lists stand by the number of the elevator.
`tests/reference/capacity.py` is the same in plain rows, and must tell the same.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import heappop, heappush
from math import asin, cos, inf, radians, sin, sqrt

from app.rules.calendar import month_end
from app.rules.checkin import EARTH_RADIUS_M, Place
from app.rules.levels import Level, LongDates, merged_level, next_long_dates

# How many of the most pressing places are looked at for the nearest one.
NEAR_BY = 12


@dataclass(frozen=True, slots=True)
class Numbers:
    """A region's policy: minutes of a day and of each level, days of a week, km/h, minutes of a change of place.

    `early_days`: how long before its planned day a service may be done; `day_lifts` None = no daily limit. `persons`
    on site by level, for two of them spend the minutes twice. `quota`: 台次 of a newcomer in a month, None = no limit.
    """

    day_minutes: int = 450
    week_days: int = 6
    level_minutes: Mapping[Level, int] = field(default_factory=dict)
    speed_kmh: int = 20
    travel_minutes: int = 10
    early_days: int = 5
    day_lifts: int | None = None
    persons: Mapping[Level, int] = field(default_factory=dict)
    quota: int | None = None

    def minutes(self, level: Level) -> int:
        """What one service of a level takes of a worker's time, everybody's who must be there."""
        return self.level_minutes.get(level, 45) * self.persons.get(level, 1)


@dataclass(frozen=True, slots=True)
class Lift:
    """An elevator to be served: when it is planned, when it is over, and how its services follow.

    `site` is where one walks from one elevator to the next; `area` where its workers are. `over_since`: the first limit
    that was missed and not made up for; `limit_on` is then that of the running period.
    """

    key: int
    site: Hashable
    area: str
    planned_on: date
    limit_on: date
    interval_days: int = 15
    limit_days: int = 15
    long_dates: LongDates = field(default_factory=LongDates)
    place: Place | None = None
    over_since: date | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who serves an area. `left` is what his quota lets him do, by the first day of a month; `until` the last
    day of his certificate, None where none ends."""

    key: int
    area: str
    left: Mapping[date, int] = field(default_factory=dict)
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """A service that was not done by its limit. `no_day`: nobody works between its first day and its limit, so that
    more people would change nothing."""

    key: int
    area: str
    limit_on: date
    no_day: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a worker: services, minutes, and whether his quota of some month ended before the work did."""

    key: int
    area: str
    services: int
    busy_minutes: int
    able_minutes: int
    quota_spent: bool = False


def works_on(day: date, week_days: int) -> bool:
    """The week's last days are the free ones, Sunday first."""
    return day.isoweekday() <= week_days


@dataclass(slots=True)
class _Hands:
    """A worker as a run goes. `until` is the last day of his certificate as a number."""

    worker: Worker
    left: dict[date, int]
    until: float
    services: int = 0
    busy: int = 0
    able: int = 0
    spent: bool = False

    def may(self, day: int, month: date) -> bool:
        if day > self.until:
            return False
        if self.left.get(month, 1) <= 0:
            self.spent = True
            return False
        return True


class Prepared:
    """An area before anybody works: its elevators as lists, its places, and what opens on which day."""

    def __init__(self, lifts: Sequence[Lift], first: date, days: int, numbers: Numbers) -> None:
        self.lifts, self.numbers = lifts, numbers
        self.first, self.last = first.toordinal(), first.toordinal() + days - 1
        # A key is the pressing day and the elevator's number in one; smaller is sooner.
        self.shift = max(len(lifts), 1).bit_length()
        names = {site: n for n, site in enumerate(dict.fromkeys(lift.site for lift in lifts))}
        self.site = [names[lift.site] for lift in lifts]
        places: dict[Hashable, Place | None] = {lift.site: lift.place for lift in lifts}
        self.where = [_on_earth(places[site]) for site in names]
        self.interval = [lift.interval_days for lift in lifts]
        self.limit_days = [lift.limit_days for lift in lifts]
        # Nobody comes again before half of the interval is over, however early services may be done.
        self.early = [min(numbers.early_days, lift.interval_days // 2) for lift in lifts]
        self.planned = [lift.planned_on.toordinal() for lift in lifts]
        self.limit: list[int] = []
        self.over: list[int] = []
        self.from_on: list[int] = []
        self.begins: dict[int, list[int]] = defaultdict(list)
        for number, lift in enumerate(lifts):
            self._add(number, lift)
        self.long = [lift.long_dates for lift in lifts]
        self.earliest = [_earliest(dates) for dates in self.long]
        self.minutes = {level: numbers.minutes(level) for level in Level}
        # What calendars say, asked of many elevators and in every run: the last day that merges, the dates that follow.
        self.bounds: dict[int, int] = {}
        self.following: dict[tuple[LongDates, Level, int, int], LongDates] = {}

    def _add(self, number: int, lift: Lift) -> None:
        """An elevator whose limit is behind already is over, and its running period is the one that ends next."""
        limit, over = lift.limit_on.toordinal(), 0 if lift.over_since is None else lift.over_since.toordinal()
        if limit < self.first:
            over = over or limit
            limit += -(-(self.first - limit) // lift.limit_days) * lift.limit_days
        from_on = self.first if over else self.planned[number] - self.early[number]
        from_on = max(min(from_on, limit), self.first)
        self.limit.append(limit)
        self.over.append(over)
        self.from_on.append(from_on)
        if from_on <= self.last:
            self.begins[from_on].append(number)

    def level(self, number: int, planned: int, dates: LongDates) -> Level:
        return merged_level(date.fromordinal(planned), self.interval[number], dates)

    def bound(self, planned: int) -> int:
        """The end of the month of a planned day: no longer service that is due later merges."""
        found = self.bounds.get(planned)
        if found is None:
            found = self.bounds[planned] = month_end(date.fromordinal(planned)).toordinal()
        return found

    def after(self, dates: LongDates, level: Level, planned: int, day: int) -> LongDates:
        key = (dates, level, planned, day)
        found = self.following.get(key)
        if found is None:
            on, done = date.fromordinal(planned), date.fromordinal(day)
            found = self.following[key] = next_long_dates(dates, level, on, done)
        return found


# Of a place: its latitude in radians, the cosine of that, its longitude.
_Where = tuple[float, float, float]


def _on_earth(place: Place | None) -> _Where | None:
    if place is None:
        return None
    latitude = radians(place.latitude)
    return latitude, cos(latitude), place.longitude


def _earliest(dates: LongDates) -> float:
    """The first day on which a longer service is due."""
    known = [on.toordinal() for on in (dates.quarter_on, dates.half_year_on, dates.annual_on) if on is not None]
    return min(known, default=inf)


class Run:
    """One area with these workers. A service that is missed waits until somebody comes; its limits go on, one a period.

    `to_the_first`: stop as soon as it is known whether anything lapses.
    """

    def __init__(self, area: Prepared, workers: Sequence[Worker], *, to_the_first: bool = False) -> None:
        self.area, self.numbers, self.last = area, area.numbers, area.last
        self.done = self.due = self.pending = 0
        self.lapsed = False
        self.missed: list[Missed] = []
        # By day, as numbers.
        self.ended: dict[int, int] = defaultdict(int)
        self.limits: dict[int, int] = defaultdict(int)
        self.hands = [
            _Hands(one, dict(one.left), inf if one.until is None else one.until.toordinal()) for one in workers
        ]
        self.planned, self.limit, self.over = list(area.planned), list(area.limit), list(area.over)
        self.from_on, self.long, self.earliest = list(area.from_on), list(area.long), list(area.earliest)
        self.begins = {day: list(numbers) for day, numbers in area.begins.items()}
        # By site what may be done now, as keys, most pressing first; by limit what waits for somebody to come.
        self.open: list[list[int]] = [[] for _site in area.where]
        self.waiting: dict[int, set[int]] = defaultdict(set)
        # Of each site that is open its most pressing key, turned round: the most pressing of all is the last. One whose
        # site has another by now is passed over.
        self.order: list[int] = []
        for limit in self.limit:
            self._expect(limit)
        for day in range(area.first, area.last + 1):
            if to_the_first and (self.lapsed or not self.pending):
                break
            self._one_day(day)

    @property
    def loads(self) -> list[Load]:
        return [
            Load(hand.worker.key, hand.worker.area, hand.services, hand.busy, hand.able, hand.spent)
            for hand in self.hands
        ]

    def _expect(self, limit: int) -> None:
        """A limit within the trial is one more service that is due."""
        if limit <= self.last:
            self.limits[limit] += 1
            self.due += 1
            self.pending += 1

    def _one_day(self, day: int) -> None:
        self._open(day)
        on = date.fromordinal(day)
        if works_on(on, self.numbers.week_days):
            month = on.replace(day=1)
            for hand in self.hands:
                if day <= hand.until:
                    hand.able += self.numbers.day_minutes
                if hand.may(day, month) and self.order:
                    self._work(hand, day, month)
        self._lapse(day)

    def _open(self, day: int) -> None:
        """What may be done from this day on."""
        area, open_, fresh = self.area, self.open, []
        for number in self.begins.pop(day, ()):
            limit = self.limit[number]
            key = (self.over[number] or limit) << area.shift | number
            held = open_[area.site[number]]
            if not held or key < held[0]:
                fresh.append(-key)
            heappush(held, key)
            self.waiting[limit].add(number)
        if fresh:
            self.order += fresh
            self.order.sort()

    def _lapse(self, day: int) -> None:
        """What was not served by its limit is missed; it waits on, and the next period begins at the limit."""
        area, week = self.area, self.numbers.week_days
        for number in sorted(self.waiting.pop(day, ())):
            lift, since = area.lifts[number], self.from_on[number]
            able = any(works_on(date.fromordinal(on), week) for on in range(since, day + 1))
            self.missed.append(Missed(lift.key, lift.area, date.fromordinal(day), not able))
            self.lapsed = self.lapsed or able
            self.from_on[number] = day + 1
            self.limit[number] = later = day + area.limit_days[number]
            self.over[number] = self.over[number] or day
            self.waiting[later].add(number)
            self.pending -= 1
            self._expect(later)

    def _work(self, hand: _Hands, day: int, month: date) -> None:
        """A worker's day: to the most pressing place, all that is open there, then on."""
        numbers, area, most = self.numbers, self.area, self.numbers.day_lifts
        planned, earliest, interval, mask = self.planned, self.earliest, area.interval, (1 << area.shift) - 1
        whole, half, bounds = numbers.day_minutes, area.minutes[Level.HALF_MONTH], area.bounds
        minutes, lifts, here, busy = whole, 0, -1, 0
        room = hand.left.get(month, inf)
        going = True
        while going and (found := self._next_site(here)) is not None:
            place, way, here = found
            held = self.open[here]
            while held:
                number = held[0] & mask
                on, due = planned[number], earliest[number]
                level, asked = Level.HALF_MONTH, half
                if due < on + interval[number] and due <= (bounds.get(on) or area.bound(on)):
                    level = area.level(number, on, self.long[number])
                    asked = area.minutes[level]
                asked += way
                # A service longer than a whole day takes a whole day, else it would never be begun.
                full = most is not None and lifts >= most
                if full or lifts >= room or (asked > minutes and minutes < whole):
                    hand.spent = hand.spent or (not full and lifts >= room)
                    going = False
                    break
                heappop(held)
                self._served(number, level, day)
                minutes, lifts, way = max(minutes - asked, 0), lifts + 1, 0
                busy += min(asked, whole)
            # What was done here makes the place another one in the order.
            self._reorder(place, held)
        hand.busy += busy
        hand.services += lifts
        if room is not inf:
            hand.left[month] -= lifts

    def _reorder(self, place: int, held: list[int]) -> None:
        """The site at this place of the order stands where its most pressing service does, or nowhere."""
        if held and self.order[place] == -held[0]:
            return
        del self.order[place]
        if held:
            insort(self.order, -held[0])

    def _served(self, number: int, level: Level, day: int) -> None:
        area, old = self.area, self.limit[number]
        self.waiting[old].discard(number)
        self.done += 1
        self.ended[day] += 1
        if old <= self.last:
            self.pending -= 1
        if level is not Level.HALF_MONTH:
            self.long[number] = area.after(self.long[number], level, self.planned[number], day)
            self.earliest[number] = _earliest(self.long[number])
        self.planned[number] = planned = day + area.interval[number]
        self.limit[number] = limit = day + area.limit_days[number]
        self.over[number] = 0
        if limit <= self.last:
            self._expect(limit)
        from_on = max(min(planned - area.early[number], limit), day + 1)
        if from_on <= self.last:
            self.from_on[number] = from_on
            if from_on in self.begins:
                self.begins[from_on].append(number)
            else:
                self.begins[from_on] = [number]

    def _next_site(self, here: int) -> tuple[int, int, int] | None:
        """Of the most pressing places the nearest one, from nowhere (-1) the most pressing: where it stands in the
        order, the minutes to it, the site. Of several as near the most pressing."""
        order, open_, area = self.order, self.open, self.area
        shift, sites, where = area.shift, area.site, area.where
        mask, least, speed = (1 << shift) - 1, self.numbers.travel_minutes, self.numbers.speed_kmh
        place = len(order)
        near = edge = previous = 0
        best, best_way, best_site, nearest = -1, 0, -1, inf
        start = where[here] if here >= 0 else None
        if start is not None:
            latitude, cosine, longitude = start
        while place and near < NEAR_BY:
            place -= 1
            key = -order[place]
            if near and key >= edge:
                break
            site = sites[key & mask]
            held = open_[site]
            if not held or held[0] != key or key == previous:
                # Its site has a more pressing one by now, which stands in the order as well; or it stands there twice.
                del order[place]
                best -= 1
                continue
            if not near:
                edge = ((key >> shift) + 2) << shift
            near, previous = near + 1, key
            there, way = where[site], least
            if start is not None and there is not None:
                # The very numbers of `distance_metres`; what is further by a part of it is further by all of it.
                half_lat = sin((there[0] - latitude) / 2)
                h = half_lat * half_lat
                if h >= nearest:
                    continue
                half_lon = sin(radians(there[2] - longitude) / 2)
                h += cosine * there[1] * half_lon * half_lon
                if h >= nearest:
                    continue
                nearest = h
                way = max(least, round(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(h))) / 1000 / speed * 60))
            if near == 1 or way < best_way:
                best, best_way, best_site = place, way, site
            # Nothing is nearer than the least, and what comes now is less pressing.
            if best_way <= least or here < 0:
                break
        return (best, best_way, best_site) if near else None
