"""Months, Shanghai days, warnings and countdowns at their edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules import deadlines
from app.rules.calendar import add_months, day_end, day_finding, day_start, local_day, month_end
from app.rules.inspection import WarningLevel, warning_level

days = st.dates(date(1950, 1, 1), date(2199, 12, 31))


@pytest.mark.feature("PLN-01")
@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 8, 31), -6, date(2023, 2, 28)),
        (date(2023, 12, 15), 1, date(2024, 1, 15)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 1, 1), -1, date(2023, 12, 1)),
        (date(2024, 3, 31), 0, date(2024, 3, 31)),
    ],
)
def test_add_months_cuts_at_the_month_end(day: date, n: int, expected: date) -> None:
    assert add_months(day, n) == expected


@given(days, st.integers(-120, 120))
def test_add_months_lands_in_the_right_month(day: date, n: int) -> None:
    moved = add_months(day, n)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == n
    assert moved.day == min(day.day, month_end(moved).day)


@given(days)
def test_a_day_is_from_its_start_to_its_end(day: date) -> None:
    assert local_day(day_start(day)) == day
    assert local_day(day_end(day) - timedelta(microseconds=1)) == day
    assert local_day(day_end(day)) == day + timedelta(days=1)
    assert day_start(day).tzinfo is UTC


def test_a_shanghai_day_starts_at_16_utc() -> None:
    assert day_start(date(2021, 3, 1)) == datetime(2021, 2, 28, 16, tzinfo=UTC)
    with pytest.raises(ValueError, match="naive"):
        local_day(datetime(2021, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "ok"), [(date(2199, 12, 31), True), (date(9999, 12, 31), False), (date(1, 1, 1), False)]
)
def test_days_that_cannot_be_meant(day: date, ok: bool) -> None:
    finding = day_finding(day, "ends_on", "截止日期")
    assert finding.ok is ok
    assert bool(finding.remedy) is not ok


@pytest.mark.feature("WRN-01")
@pytest.mark.parametrize(
    ("due", "level"),
    [
        (None, None),
        (date(2021, 3, 31), None),
        (date(2021, 3, 30), WarningLevel.NEAR),
        (date(2021, 2, 28), WarningLevel.NEAR),
        (date(2021, 2, 27), WarningLevel.OVER),
    ],
)
def test_warning_level(due: date | None, level: WarningLevel | None) -> None:
    assert warning_level(due, date(2021, 2, 28), 30) is level


def sh(month: int, day: int, hour: int = 0, second: int = 0) -> datetime:
    return day_start(date(2021, month, day)) + timedelta(hours=hour, seconds=second)


@pytest.mark.feature("CLK-01")
def test_hours_hold_to_the_last_second() -> None:
    running = deadlines.start(sh(3, 1, 16), hours=24)
    near = timedelta(hours=4)
    assert deadlines.countdown(running, sh(3, 2, 11), near).level is deadlines.DeadlineLevel.OK
    assert deadlines.countdown(running, sh(3, 2, 16), near).level is deadlines.DeadlineLevel.NEAR
    assert deadlines.countdown(running, sh(3, 2, 16, 1), near).level is deadlines.DeadlineLevel.OVER
    half = running.started_at + (running.due_at - running.started_at) / 2
    assert [deadlines.countdown(running, at, near).spent for at in (sh(1, 1), half)] == [0.0, pytest.approx(0.5)]


@pytest.mark.feature("CLK-01")
def test_days_end_with_their_last_day() -> None:
    assert deadlines.start(sh(3, 1, 16), days=15).due_at == day_end(date(2021, 3, 16))


@pytest.mark.feature("CLK-01", "LIF-07")
def test_working_days_pass_over_weekend_and_holiday() -> None:
    friday = sh(3, 5, 10)
    assert deadlines.start(friday, working_days=1).due_at == day_end(date(2021, 3, 8))
    holiday = date(2021, 3, 8)

    def working(day: date) -> bool:
        return deadlines.weekday(day) and day != holiday

    assert deadlines.start(friday, working_days=5, is_working_day=working).due_at == day_end(date(2021, 3, 15))
    assert deadlines.working_days_between(date(2021, 3, 5), date(2021, 3, 15), working) == 5
    with pytest.raises(ValueError, match="no working day"):
        deadlines.start(friday, working_days=1, is_working_day=lambda day: False)


@pytest.mark.feature("CLK-01")
@pytest.mark.parametrize(("rest", "found"), [(60, False), (61, True), (200, True)])
@pytest.mark.parametrize("at", [0, 30, 59])
def test_a_rest_is_too_long_where_working_days_cannot_be_counted(rest: int, found: bool, at: int) -> None:
    first = date(2027, 12, 31)

    def working(day: date) -> bool:
        return not 0 <= (day - first).days < rest

    told = deadlines.too_long_off([first - timedelta(days=1), first + timedelta(days=at)], working)
    assert (told is not None) is found
    assert told is None or (told[1] - told[0]).days + 1 == 61
    assert deadlines.too_long_off([first - timedelta(days=1), first + timedelta(days=rest)], working) is None
    if found:
        with pytest.raises(ValueError, match="no working day"):
            deadlines.start(day_start(first) - timedelta(hours=1), working_days=1, is_working_day=working)
    else:
        deadlines.start(day_start(first) - timedelta(hours=1), working_days=1, is_working_day=working)


def mar(day: int, hour: int = 0) -> datetime:
    return day_start(date(2026, 3, day)) + timedelta(hours=hour)


def spans(*pairs: tuple[datetime, datetime | None]) -> list[deadlines.Span]:
    return [deadlines.Span(since, until) for since, until in pairs]


# Monday 2 March 2026, four working days: Friday 6, 24:00. Monday 9 is a holiday, Saturday 14 is worked.
@pytest.mark.feature("CLK-01")
@pytest.mark.parametrize(
    ("pauses", "last"),
    [
        ([], 6),
        # On the last day, back on the weekend, in the week, on the holiday, on the day that is worked instead.
        ([(mar(6, 16), mar(7, 10))], 10),
        ([(mar(6, 16), mar(11, 10))], 12),
        ([(mar(6, 16), mar(9, 10))], 10),
        ([(mar(6, 16), mar(14, 10))], 16),
        ([(mar(5, 16), mar(13, 10))], 16),
        # In the last second, which is the limit's.
        ([(mar(7) - timedelta(seconds=1), mar(10))], 11),
        # Returned in the middle: the days from that one on are left, on whichever hour of it.
        ([(mar(4, 0), mar(5, 23))], 11),
        ([(mar(4, 23), mar(5, 0))], 11),
        # Back on the same day: that day is used by nobody.
        ([(mar(4, 9), mar(4, 10))], 10),
        # On the first day nothing is used up, so nothing is won either, however often it goes to and fro.
        ([(mar(2, 9), mar(2, 10))], 6),
        ([(mar(2, 9), mar(2, 10)), (mar(2, 11), mar(2, 12))], 6),
        ([(mar(4, 9), mar(4, 10)), (mar(4, 11), mar(4, 12))], 10),
        # Returned on a weekend or a holiday: what comes after it is left.
        ([(mar(5, 9), mar(6, 9)), (mar(8, 9), mar(9, 9))], 11),
        ([(mar(5, 9), mar(6, 9)), (mar(9, 9), mar(14, 9))], 17),
        # Twice.
        ([(mar(3, 9), mar(5, 9)), (mar(10, 9), mar(12, 9))], 16),
        # One that still stands changes nothing yet.
        ([(mar(6, 16), None)], 6),
        ([(mar(6, 16), mar(7, 10)), (mar(10, 9), None)], 10),
    ],
)
def test_a_limit_of_working_days_runs_on_in_working_days(
    pauses: list[tuple[datetime, datetime | None]], last: int
) -> None:
    def working(day: date) -> bool:
        return (deadlines.weekday(day) and day != date(2026, 3, 9)) or day == date(2026, 3, 14)

    due = deadlines.due_with_pauses(mar(2, 9), 4, working, spans(*pauses))
    assert due == day_end(date(2026, 3, last))


@pytest.mark.feature("CLK-01")
def test_one_that_was_over_stays_over_by_as_much_and_a_long_pause_is_no_broken_calendar() -> None:
    start, due = mar(2, 9), mar(7)
    for returned, away in ((due, timedelta(hours=5)), (due + timedelta(hours=9), timedelta(days=40))):
        found = deadlines.due_with_pauses(start, 4, deadlines.weekday, spans((returned, returned + away)))
        assert found - due == away
        again = spans((returned, returned + away), (returned + away, returned + 2 * away))
        assert deadlines.due_with_pauses(start, 4, deadlines.weekday, again) - due == 2 * away
    year_on = deadlines.due_with_pauses(start, 4, deadlines.weekday, spans((mar(5, 9), day_start(date(2026, 12, 31)))))
    assert year_on == day_end(date(2027, 1, 4)), "Thursday and Friday were left: the next Friday and Monday"
    assert deadlines.working_days_left(start, due, due, deadlines.weekday) is None
    assert deadlines.working_days_left(start, due, start, deadlines.weekday) == 4


def test_exactly_one_kind_of_limit() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        deadlines.start(sh(3, 1))
    with pytest.raises(ValueError, match="exactly one"):
        deadlines.start(sh(3, 1), hours=1, days=1)
