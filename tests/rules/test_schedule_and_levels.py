"""The clock's pauses and tabs, and the rhythm of longer services, at their edges."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refusal
from app.rules.calendar import add_months, month_end
from app.rules.levels import order_day_of
from app.rules.schedule import (
    Level,
    LongDates,
    Pause,
    change_unit,
    dates_from_annual,
    first_anchor,
    limit_on,
    merged_level,
    merged_pauses,
    missed_limits,
    next_long_dates,
    order_due,
    pause,
    resume,
    roll,
    start_clock,
    year_plan,
)

D = date
days = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.feature("PLN-10")
@pytest.mark.parametrize(
    ("through", "count"), [(D(2021, 3, 15), 0), (D(2021, 3, 16), 1), (D(2021, 3, 30), 1), (D(2021, 3, 31), 2)]
)
def test_a_limit_is_missed_when_its_day_is_over(through: date, count: int) -> None:
    assert len(missed_limits(D(2021, 3, 16), through, 15)) == count


def test_a_limit_of_no_days_is_an_error_not_a_loop() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        missed_limits(D(2021, 3, 16), D(2021, 4, 1), 0)


@pytest.mark.feature("PLN-03")
def test_rolling_twice_finds_nothing_new() -> None:
    clock, missed = roll(start_clock(D(2021, 3, 1), 14, 15), D(2021, 4, 19), 15)
    assert clock.anchor_on == missed[-1] == D(2021, 4, 15)
    assert clock.planned_on == D(2021, 3, 15)
    assert roll(clock, D(2021, 4, 19), 15) == (clock, [])


@pytest.mark.feature("PLN-11")
def test_stopping_on_the_limit_day_leaves_none() -> None:
    stopped = pause(start_clock(D(2021, 3, 1), 14, 15), D(2021, 3, 16))
    assert (stopped.remaining_days, stopped.plan_remaining_days) == (0, 0)
    running = resume(stopped, D(2021, 3, 30))
    assert (running.limit_on, running.planned_on) == (D(2021, 3, 30), D(2021, 3, 30))
    assert roll(stopped, D(2022, 1, 1), 15) == (stopped, [])


@pytest.mark.feature("PLN-11")
def test_stop_and_start_every_fortnight_gains_nothing() -> None:
    clock, ran, today = start_clock(D(2021, 1, 1), 15, 15), 0, D(2021, 1, 1)
    while ran + 5 < 15:
        today += timedelta(days=5)
        ran += 5
        clock = resume(pause(clock, today), today := today + timedelta(days=14))
        assert (clock.limit_on - today).days == 15 - ran


@pytest.mark.feature("PLN-11")
def test_pauses_at_their_edges() -> None:
    clock = start_clock(D(2021, 3, 1), 15, 15)
    stopped = pause(clock, D(2021, 3, 10))
    assert pause(stopped, D(2021, 3, 12)) == stopped
    with pytest.raises(ValueError, match="judge"):
        pause(clock, D(2021, 3, 17))
    with pytest.raises(ValueError, match="not paused"):
        resume(clock, D(2021, 3, 17))
    with pytest.raises(ValueError, match="before it began"):
        resume(stopped, D(2021, 3, 9))
    assert resume(stopped, D(2021, 3, 10)) == clock


@pytest.mark.feature("PLN-11")
def test_overlapping_pauses_merge() -> None:
    a, b, c = D(2021, 1, 1), D(2021, 2, 1), D(2021, 3, 1)
    assert merged_pauses([Pause(b, None), Pause(a, c)]) == [Pause(a, None)]
    assert merged_pauses([Pause(a, b), Pause(b, c)]) == [Pause(a, c)]
    inner = Pause(D(2021, 1, 5), D(2021, 1, 9))
    assert merged_pauses([inner, Pause(a, c)]) == [Pause(a, c)]
    assert merged_pauses([inner, Pause(b, c)]) == [inner, Pause(b, c)]
    assert merged_pauses([Pause(a, None), Pause(b, c)]) == [Pause(a, None)]
    assert merged_pauses([Pause(b, b), Pause(c, a)]) == []


@pytest.mark.feature("LIF-05")
def test_change_of_unit_while_paused() -> None:
    stopped = pause(start_clock(D(2021, 3, 1), 15, 15), D(2021, 3, 10))
    assert change_unit(stopped, D(2021, 3, 12), 15, 15, missed=False) == stopped
    # Long after the limit that ran before the stop: nothing was missed, so the six days left carry over.
    assert change_unit(stopped, D(2021, 5, 1), 15, 15, missed=False) == stopped
    fresh = change_unit(stopped, D(2021, 3, 20), 14, 15, missed=True)
    assert (fresh.remaining_days, fresh.plan_remaining_days, fresh.paused_on) == (15, 14, D(2021, 3, 20))


@pytest.mark.feature("LIF-05")
def test_change_of_unit_of_a_running_clock_not_judged_yet() -> None:
    clock = start_clock(D(2021, 3, 1), 14, 15)
    assert change_unit(clock, D(2021, 3, 16), 14, 15, missed=False) == clock
    assert change_unit(clock, D(2021, 3, 17), 14, 15, missed=False) == start_clock(D(2021, 3, 17), 14, 15)


@pytest.mark.feature("PLN-01", "SCO-01")
def test_an_elevator_never_visited() -> None:
    in_use, contract = D(2021, 1, 10), D(2021, 2, 1)
    assert first_anchor(in_use, contract, never_visited_counts=False) is None
    assert first_anchor(in_use, contract, never_visited_counts=True) == contract
    assert first_anchor(D(2021, 3, 1), contract, never_visited_counts=True) == D(2021, 3, 1)
    assert first_anchor(in_use, None, never_visited_counts=True) is None


@pytest.mark.feature("PLN-03")
def test_an_order_behind_its_day_is_due() -> None:
    assert order_due(D(2021, 3, 1), D(2021, 3, 11), 5)


@pytest.mark.feature("PLN-02")
def test_levels_are_ordered_by_length() -> None:
    assert sorted([Level.ANNUAL, Level.HALF_MONTH, Level.HALF_YEAR, Level.QUARTER]) == list(Level)
    assert max(Level.ANNUAL, Level.HALF_YEAR) is Level.ANNUAL
    assert Level.HALF_YEAR >= Level.HALF_YEAR > Level.QUARTER
    assert Level.HALF_MONTH <= Level.QUARTER


@pytest.mark.feature("PLN-02")
def test_the_longest_due_service_names_the_order() -> None:
    order, q = D(2021, 11, 3), D(2021, 11, 8)
    assert merged_level(order, 15, LongDates(q, q, None)) is Level.HALF_YEAR
    assert merged_level(order, 15, LongDates(q, D(2021, 12, 8), q)) is Level.ANNUAL
    assert merged_level(order, 15, LongDates(D(2021, 5, 1), None, None)) is Level.QUARTER
    assert merged_level(order, 15, LongDates()) is Level.HALF_MONTH


@pytest.mark.feature("PLN-01", "PLN-02")
@pytest.mark.parametrize(
    ("done", "order", "quarter"),
    [
        (D(2021, 11, 3), D(2021, 11, 3), D(2022, 2, 8)),
        (D(2021, 11, 30), D(2021, 11, 3), D(2022, 2, 8)),
        (D(2021, 12, 1), D(2021, 11, 3), D(2022, 3, 1)),
        (D(2021, 9, 10), D(2021, 9, 10), D(2021, 12, 10)),
    ],
)
def test_the_next_quarter_service(done: date, order: date, quarter: date) -> None:
    dates = LongDates(D(2021, 11, 8), D(2022, 2, 8), D(2022, 8, 8))
    after = next_long_dates(dates, Level.QUARTER, order, done)
    assert after == LongDates(quarter, D(2022, 2, 8), D(2022, 8, 8))


@pytest.mark.feature("PLN-02")
@pytest.mark.parametrize(
    ("planned", "done", "order"),
    [
        (D(2021, 11, 6), D(2021, 10, 31), D(2021, 11, 6)),
        (D(2021, 11, 6), D(2021, 10, 23), D(2021, 11, 6)),
        (D(2021, 11, 6), D(2021, 10, 22), D(2021, 10, 22)),
        (D(2021, 11, 6), D(2021, 11, 20), D(2021, 11, 6)),
        (None, D(2021, 11, 20), D(2021, 11, 20)),
    ],
)
def test_the_order_that_a_visit_did(planned: date | None, done: date, order: date) -> None:
    assert order_day_of(planned, done, 15) == order


@pytest.mark.feature("PLN-02")
def test_a_longer_service_satisfies_the_shorter_ones() -> None:
    q = D(2021, 11, 8)
    together = next_long_dates(LongDates(q, q, D(2022, 5, 8)), Level.HALF_YEAR, D(2021, 11, 3), D(2021, 11, 4))
    assert together == LongDates(D(2022, 2, 8), D(2022, 5, 8), D(2022, 5, 8))
    apart = next_long_dates(LongDates(D(2021, 12, 20), q, None), Level.HALF_YEAR, D(2021, 11, 3), D(2021, 11, 4))
    assert apart == LongDates(D(2022, 2, 4), D(2022, 5, 8), None)
    assert next_long_dates(LongDates(q), Level.HALF_MONTH, q, q) == LongDates(q)


@pytest.mark.feature("PLN-01")
def test_the_annual_service_resets_all() -> None:
    a = D(2021, 11, 8)
    kept = next_long_dates(LongDates(D(2021, 12, 1), D(2022, 1, 1), a), Level.ANNUAL, D(2021, 11, 3), D(2021, 11, 4))
    assert kept == LongDates(D(2022, 2, 8), D(2022, 5, 8), D(2022, 11, 8))
    late = next_long_dates(LongDates(a, a, a), Level.ANNUAL, D(2021, 11, 18), D(2021, 12, 5))
    assert late == LongDates(D(2022, 3, 5), D(2022, 6, 5), D(2022, 12, 5))


@pytest.mark.feature("PLN-01")
@pytest.mark.parametrize(
    ("annual", "entry", "quarter", "half_year"),
    [
        (D(2024, 5, 18), D(2024, 5, 18), D(2024, 5, 18), D(2024, 5, 18)),
        (D(2024, 5, 18), D(2024, 2, 19), D(2024, 5, 18), D(2024, 5, 18)),
        (D(2024, 5, 18), D(2024, 2, 18), D(2024, 2, 18), D(2024, 5, 18)),
        (D(2024, 8, 31), D(2024, 2, 1), D(2024, 2, 29), D(2024, 2, 29)),
    ],
)
def test_dates_from_annual_edges(annual: date, entry: date, quarter: date, half_year: date) -> None:
    dates = dates_from_annual(annual, entry, 15)
    assert (dates.quarter_on, dates.half_year_on, dates.annual_on) == (quarter, half_year, annual)
    assert dates.long_dates == LongDates(quarter, half_year, annual)


@pytest.mark.feature("PLN-01")
def test_an_annual_date_in_the_past_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        dates_from_annual(D(2024, 5, 18), D(2024, 5, 19), 15)
    assert caught.value.findings[0].field == "annual_on"


@given(days, st.integers(0, 365), st.sampled_from([14, 15]))
def test_derived_dates_are_the_first_not_before_entry(entry: date, ahead: int, interval: int) -> None:
    annual = entry + timedelta(days=ahead)
    dates = dates_from_annual(annual, entry, interval)
    assert entry <= dates.half_month_on < entry + timedelta(days=interval)
    assert (annual - dates.half_month_on).days % interval == 0
    for months, day in ((3, dates.quarter_on), (6, dates.half_year_on)):
        steps = [add_months(annual, -months * k) for k in range(6)]
        assert day == min(s for s in steps if s >= entry)


@pytest.mark.feature("PLN-04")
@pytest.mark.parametrize(("start", "interval", "count"), [(D(2021, 1, 1), 14, 26), (D(2024, 2, 29), 15, 24)])
def test_year_plan_sizes(start: date, interval: int, count: int) -> None:
    orders = year_plan(start, interval)
    assert len(orders) == count
    levels = [o.level for o in orders]
    assert (levels.count(Level.ANNUAL), levels.count(Level.HALF_YEAR), levels.count(Level.QUARTER)) == (1, 1, 2)
    assert levels[-1] is Level.ANNUAL
    assert all(o.planned_on < add_months(start, 12) for o in orders)
    assert year_plan(start, 400) == []


@given(days, st.sampled_from([14, 15]), st.integers(0, 30))
def test_no_month_loses_its_longer_service(anchor: date, interval: int, shift: int) -> None:
    """Visits on their planned days for two years: each quarter's service is done in the month it is due, or next."""
    dates = LongDates(quarter_on=anchor + timedelta(days=shift))
    order = anchor
    for _ in range(48):
        order += timedelta(days=interval)
        due = dates.quarter_on
        assert due is not None
        level = merged_level(order, interval, dates)
        if level is Level.QUARTER:
            assert order <= month_end(due) + timedelta(days=interval)
        dates = next_long_dates(dates, level, order, order)
        assert dates.quarter_on is not None
        assert dates.quarter_on > order or level is Level.HALF_MONTH


@given(days, st.integers(1, 60))
def test_the_limit_never_follows_the_ledger(anchor: date, interval: int) -> None:
    clock = start_clock(anchor, interval, 15)
    assert clock.limit_on == limit_on(anchor, 15) == anchor + timedelta(days=15)
