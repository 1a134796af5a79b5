"""ELV-05: when a part is due, which landings there are."""

from __future__ import annotations

import datetime as dt

import pytest

from app.rules.parts import due_on, landings, life_finding, stops_findings

pytestmark = pytest.mark.feature("ELV-05")
D = dt.date


@pytest.mark.parametrize(
    ("installed", "months", "due"),
    [(D(2026, 1, 15), 6, D(2026, 7, 15)), (D(2025, 8, 31), 6, D(2026, 2, 28)), (D(2023, 8, 31), 6, D(2024, 2, 29)),
     (D(2024, 2, 29), 12, D(2025, 2, 28)), (D(2026, 11, 30), 1, D(2026, 12, 30))],
)  # fmt: skip
def test_life_is_in_calendar_months(installed: dt.date, months: int, due: dt.date) -> None:
    assert due_on(installed, months) == due


@pytest.mark.parametrize(
    ("months", "ok"), [(None, False), (0, False), (-1, False), (1, True), (600, True), (601, False)]
)
def test_a_life_is_one_to_fifty_years(months: int | None, ok: bool) -> None:
    assert life_finding(months).ok is ok


def test_landings_have_no_floor_zero() -> None:
    assert landings(4) == ["1", "2", "3", "4"]
    assert landings(5, -2) == ["-2", "-1", "1", "2", "3"]
    assert landings(2, -5) == ["-5", "-4"] and landings(0) == []


@pytest.mark.parametrize(
    ("stops", "lowest", "fails"),
    [(18, 1, set()), (1, -20, set()), (200, -1, set()), (None, 1, {"站数"}), (0, 1, {"站数"}), (201, 1, {"站数"}),
     (18, 0, {"最低层"}), (None, -21, {"站数", "最低层"})],
)  # fmt: skip
def test_what_doors_are_made_from(stops: int | None, lowest: int, fails: set[str]) -> None:
    assert {f.rule for f in stops_findings(stops, lowest) if f.stops} == fails
