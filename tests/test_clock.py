"""The one clock: instants, days and limits as people read them."""

from __future__ import annotations

import datetime as dt

import pytest

from app import clock


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (dt.datetime(2026, 3, 16, 16, 0, tzinfo=dt.UTC), "2026-03-16 24:00"),
        (dt.datetime(2026, 3, 16, 16, 1, tzinfo=dt.UTC), "2026-03-17 00:01"),
        (dt.datetime(2026, 12, 31, 16, 0, tzinfo=dt.UTC), "2026-12-31 24:00"),
        (dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC), "2026-03-02 16:00"),
    ],
)
def test_the_end_of_a_day_is_its_24_00(instant: dt.datetime, text: str) -> None:
    assert clock.until(instant) == text


def test_a_day_begins_in_shanghai() -> None:
    assert clock.local_day(dt.datetime(2026, 3, 16, 15, 59, 59, tzinfo=dt.UTC)) == dt.date(2026, 3, 16)
    assert clock.local_day(dt.datetime(2026, 3, 16, 16, 0, tzinfo=dt.UTC)) == dt.date(2026, 3, 17)


def test_a_frozen_clock_stands_and_runs_again() -> None:
    with clock.frozen(dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)):
        assert clock.now() == dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
        assert clock.today() == dt.date(2026, 3, 1)
    assert clock.now().year >= 2026 and clock.now() != dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
