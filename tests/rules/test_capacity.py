"""Whether the workers can do what is due (CAP-01): windows, days off, travel, limits, quotas, and who is missing."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import pytest

from app.rules.capacity import Lift, Numbers, Trial, Worker, trial, works_on
from app.rules.checkin import Place
from app.rules.levels import Level, LongDates
from tests.reference import capacity as reference

pytestmark = pytest.mark.feature("CAP-01")
FIRST = dt.date(2026, 3, 2)  # a Monday
DAY = dt.timedelta(days=1)
NUMBERS = Numbers(
    day_minutes=450, week_days=7, level_minutes=dict.fromkeys(Level, 45), travel_minutes=10, early_days=5
)


def lift(key: Any, limit: int, site: Any = None, **more: Any) -> Lift:
    """An elevator whose limit is so many days after the first."""
    on = FIRST + limit * DAY
    return Lift(key, site if site is not None else key, "临河区", more.pop("planned_on", on), on, **more)


def go(lifts: list[Lift], workers: int = 1, days: int = 30, numbers: Numbers = NUMBERS, **more: Any) -> Trial:
    return trial(lifts, [Worker(n, "临河区", **more) for n in range(workers)], FIRST, days, numbers)


def test_one_elevator_is_served_before_each_of_its_limits() -> None:
    found = go([lift(1, 3)])
    # Limit on day 3, may be begun on the first day; then on days 10 and 20, five days ahead of each plan.
    assert [day for day, done, _due in found.days if done] == [FIRST, FIRST + 10 * DAY, FIRST + 20 * DAY]
    assert (found.areas[0].missed, found.more) == ((), 0)
    assert found.loads[0].busy_minutes == 3 * 55


def test_without_workers_each_period_is_missed_and_one_is_asked_for() -> None:
    found = go([lift(1, 3)], workers=0)
    [area] = found.areas
    assert [one.limit_on for one in area.missed] == [FIRST + 3 * DAY, FIRST + 18 * DAY]
    assert (area.due, area.done, area.more, area.first_missed_on) == (2, 0, 1, FIRST + 3 * DAY)


def test_a_day_has_room_for_so_many_services() -> None:
    """Ten minutes there, then 45 each: nine services are 415 minutes, a tenth would end after 460."""
    site = [lift(n, 0, site="一号楼") for n in range(10)]
    assert [one.limit_on for one in go(site[:9]).areas[0].missed] == []
    assert len(go(site, days=1).areas[0].missed) == 1
    assert go(site, days=1).more == 1


def test_travel_costs_what_the_way_takes() -> None:
    near, far = Place(30.5, 120.5), Place(30.5, 120.5 + 0.3)  # 29 km
    two = [lift(1, 0, place=near), lift(2, 0, place=far)]
    quick = replace(NUMBERS, day_minutes=120)
    assert len(go(two, days=1, numbers=quick).areas[0].missed) == 1
    here = [two[0], replace(two[1], place=near)]
    assert go(here, days=1, numbers=quick).areas[0].missed == ()


def test_the_nearest_of_the_pressing_ones_is_next() -> None:
    place = [Place(30.5, 120.5 + n * 0.01) for n in (0, 3, 1)]
    three = [lift(n, 0, place=one) for n, one in enumerate(place)]
    # 0, then 1 km to the third, 2 km on to the second; the other way round it would be 3 km and 2 km back.
    found = go(three, days=1, numbers=replace(NUMBERS, speed_kmh=3, travel_minutes=0))
    assert found.loads[0].busy_minutes < 3 * 45 + 62


@pytest.mark.parametrize(("week_days", "served"), [(7, 7), (6, 6), (5, 5), (1, 1)])
def test_the_week_has_days_off(week_days: int, served: int) -> None:
    assert sum(works_on(FIRST + n * DAY, week_days) for n in range(7)) == served
    assert not works_on(dt.date(2026, 3, 8), 6), "Sunday is the first to go"


def test_the_daily_limit_of_elevators() -> None:
    many = [lift(n, 0, site="一号楼") for n in range(5)]
    assert len(go(many, days=1, numbers=replace(NUMBERS, day_lifts=3)).areas[0].missed) == 2


def test_the_quota_of_the_month_ends_the_work_and_is_told() -> None:
    many = [lift(n, n) for n in range(5)]
    found = go(many, days=5, left={FIRST.replace(day=1): 2})
    assert found.loads[0].services == 2 and found.loads[0].quota_spent
    assert len(found.areas[0].missed) == 3 and found.more == 1
    # The next month brings a new one.
    late = [replace(one, limit_on=dt.date(2026, 4, 2), planned_on=dt.date(2026, 4, 2)) for one in many]
    spent = {dt.date(2026, 3, 1): 0, dt.date(2026, 4, 1): 5}
    assert go(late, days=32, left=spent).areas[0].missed == ()


def test_a_newcomer_has_his_quota_too() -> None:
    many = [lift(n, 1, site="一号楼") for n in range(6)]
    assert go(many, workers=0, days=2, numbers=replace(NUMBERS, quota=3)).more == 2


def test_an_ended_certificate_ends_the_work() -> None:
    two = [lift(1, 0), lift(2, 9)]
    found = go(two, days=10, numbers=replace(NUMBERS, early_days=0), until=FIRST + 8 * DAY)
    assert [one.key for one in found.areas[0].missed] == [2]
    assert go(two, days=10, numbers=replace(NUMBERS, early_days=0), until=FIRST + 9 * DAY).areas[0].missed == ()


def test_what_is_over_comes_first_and_asks_for_nobody_by_itself() -> None:
    over = replace(lift(7, 5), over_since=FIRST - 10 * DAY)
    other = lift(0, 0)
    found = go([other, over], days=1, numbers=replace(NUMBERS, day_minutes=55))
    assert (found.areas[0].over, [one.key for one in found.areas[0].missed]) == (1, [0])
    # A limit behind that nobody noted is the same.
    assert go([lift(8, -20)], days=3).areas[0].missed == ()
    assert go([lift(8, -20)], workers=0, days=15).areas[0].missed[0].limit_on == FIRST + 10 * DAY


def test_longer_services_take_longer_and_two_persons_twice() -> None:
    annual = lift(1, 0, long_dates=LongDates(FIRST, FIRST, FIRST))
    minutes = {Level.HALF_MONTH: 45, Level.QUARTER: 60, Level.HALF_YEAR: 90, Level.ANNUAL: 120}
    numbers = replace(NUMBERS, level_minutes=minutes)
    assert go([annual], days=1, numbers=numbers).loads[0].busy_minutes == 130
    pairs = replace(numbers, persons={Level.ANNUAL: 2})
    assert go([annual], days=1, numbers=pairs).loads[0].busy_minutes == 250


def test_a_service_longer_than_a_day_is_done_all_the_same() -> None:
    long = replace(NUMBERS, level_minutes=dict.fromkeys(Level, 480))
    found = go([lift(1, 0)], days=1, numbers=long)
    assert (found.areas[0].missed, found.loads[0].busy_minutes) == ((), 450)


def test_areas_are_apart() -> None:
    here, there = lift(1, 0), replace(lift(2, 0), area="南浔区")
    found = trial([here, there], [Worker(1, "临河区")], FIRST, 1, NUMBERS)
    assert {area.name: (area.workers, area.more) for area in found.areas} == {"临河区": (1, 0), "南浔区": (0, 1)}


def test_a_limit_on_a_day_off_that_nobody_can_keep_asks_for_nobody() -> None:
    sunday = lift(1, 6, planned_on=FIRST + 6 * DAY)
    found = go([sunday], days=7, numbers=replace(NUMBERS, week_days=6, early_days=0))
    [missed] = found.areas[0].missed
    assert (missed.no_day, found.more) == (True, 0)
    # A day earlier somebody works.
    assert go([sunday], days=7, numbers=replace(NUMBERS, week_days=6, early_days=1)).areas[0].missed == ()


def test_far_too_few_says_so_and_ends() -> None:
    many = [lift(n, 0) for n in range(600)]
    assert go(many, workers=0, days=1, numbers=replace(NUMBERS, day_minutes=55)).more == 500


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_the_number_that_is_missing_is_enough(seed: int) -> None:
    """Random worlds: each limit is kept or missed, nobody works longer than he may, and `more` people suffice."""
    rng = random.Random(seed)
    lifts = [
        lift(n, rng.randint(-20, 14), site=rng.randint(0, 8), place=Place(30.5, 120.5 + rng.random() / 10))
        for n in range(rng.randint(1, 60))
    ]
    count, days = rng.randint(0, 2), rng.randint(1, 40)
    numbers = replace(NUMBERS, day_minutes=rng.choice([120, 240, 450]), day_lifts=rng.choice([None, 2, 8]))
    found = go(lifts, count, days, numbers)
    [area] = found.areas
    assert area.done == sum(done for _day, done, _due in found.days)
    assert area.due == sum(due for _day, _done, due in found.days)
    assert len(area.missed) <= area.due
    for load in found.loads:
        assert load.busy_minutes <= load.able_minutes
    assert not any(one.no_day for one in area.missed), "every day is a working day here"
    if found.more:
        assert go(lifts, count + found.more, days, numbers).areas[0].missed == ()
        assert go(lifts, count + found.more - 1, days, numbers).areas[0].missed != ()
    else:
        assert area.missed == ()


def any_world(rng: random.Random, most: int) -> tuple[list[Lift], list[Worker], dt.date, int, Numbers]:
    """Whatever can stand in ledgers: limits long behind, places unknown or shared, quotas and certificates that end."""
    places = [
        Place(30.5 + rng.random() / rng.choice([5, 50]), 120.5 + rng.random() / 5) if rng.random() < 0.9 else None
        for _place in range(rng.randint(1, max(most // 6, 2)))
    ]

    def some_day() -> dt.date | None:
        return None if rng.random() < 0.2 else FIRST + rng.randint(-60, 200) * DAY

    lifts = []
    for key in rng.sample(range(10 * most), rng.randint(1, most)):
        site, on, interval = rng.randrange(len(places)), FIRST + rng.randint(-40, 30) * DAY, rng.choice([15, 15, 30, 7])
        lifts.append(Lift(
            key, site, rng.choice("aab"), on - rng.choice([0, 0, 3, 40]) * DAY, on, interval,
            interval + rng.choice([0, 0, 1]), LongDates(some_day(), some_day(), some_day()), places[site],
            rng.choice([None, None, on - 20 * DAY]),
        ))  # fmt: skip
    months = [dt.date(2026, month, 1) for month in (3, 4, 5)]
    workers = [
        Worker(
            key, rng.choice("aab"), dict.fromkeys(months, rng.randint(0, 40)) if rng.random() < 0.5 else {},
            FIRST + rng.randint(0, 40) * DAY if rng.random() < 0.3 else None,
        )
        for key in range(rng.randint(0, max(most // 15, 1)))
    ]  # fmt: skip
    numbers = Numbers(
        day_minutes=rng.choice([60, 120, 240, 450]), week_days=rng.choice([5, 6, 7]),
        level_minutes=dict(zip(Level, (30, 60, 90, rng.choice([120, 500])), strict=True)),
        speed_kmh=rng.choice([5, 20, 40]), travel_minutes=rng.choice([0, 5, 10]), early_days=rng.choice([0, 3, 5, 10]),
        day_lifts=rng.choice([None, None, 1, 3, 8]), persons=rng.choice([{}, {Level.ANNUAL: 2}]),
        quota=rng.choice([None, 10, 120]),
    )  # fmt: skip
    return lifts, workers, FIRST, rng.choice([14, 30, 60, rng.randint(1, 45)]), numbers


@pytest.mark.parametrize("seed", range(60))
def test_the_trial_is_that_of_the_plain_reference(seed: int) -> None:
    world = any_world(random.Random(seed), 400 if seed % 20 == 0 else 60)
    assert trial(*world) == reference.trial(*world)
