"""INS-01, INS-02: what is due next and when, at the edges; what a record must say; what the score will count."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.rules.inspection import (
    Cycle,
    Done,
    Due,
    InspectionKind,
    InspectionResult,
    Interval,
    Record,
    kind_due_on,
    kind_of_year,
    next_check,
    next_due,
    record_findings,
    served_year,
    still_due,
)

pytestmark = pytest.mark.feature("INS-01")
K, R = InspectionKind, InspectionResult
MONTH, DAY = Cycle(), Cycle(to_month_end=False)
FIRST = date(2020, 5, 10)


def done(kind: InspectionKind, *on: int) -> Done:
    return Done(kind, date(*on))


@pytest.mark.parametrize(
    ("year", "kind"),
    [(n, K.PERIODIC) for n in (1, 4, 7, 9, 11, 13, 15, 16, 17, 40)]
    + [(n, K.SELF_TEST) for n in (2, 3, 5, 6, 8, 10, 12, 14)],
)
def test_years_of_periodic_inspection_and_of_self_test_between(year: int, kind: InspectionKind) -> None:
    assert kind_of_year(year, MONTH) is kind


def test_the_years_are_policy() -> None:
    yearly = Cycle(years=(1,))
    assert {kind_of_year(n, yearly) for n in range(1, 20)} == {K.PERIODIC}


def test_the_first_one_a_year_after_the_supervision_inspection() -> None:
    assert next_due(FIRST, [done(K.SUPERVISION, 2020, 5, 10)], MONTH) == Due(date(2021, 5, 31), K.PERIODIC, 1)
    assert next_due(FIRST, [done(K.SUPERVISION, 2020, 5, 10)], DAY) == Due(date(2021, 5, 10), K.PERIODIC, 1)
    assert next_due(FIRST, [], MONTH) == Due(date(2021, 5, 31), K.PERIODIC, 1)


@pytest.mark.parametrize(
    ("first", "year", "cycle", "on"),
    [
        (date(2020, 2, 29), 1, DAY, date(2021, 2, 28)), (date(2020, 2, 29), 4, DAY, date(2024, 2, 29)),
        (date(2020, 2, 29), 1, MONTH, date(2021, 2, 28)), (date(2019, 2, 28), 1, MONTH, date(2020, 2, 29)),
        (date(2020, 12, 31), 1, MONTH, date(2021, 12, 31)), (date(2020, 1, 1), 1, MONTH, date(2021, 1, 31)),
    ],
)  # fmt: skip
def test_the_month_is_kept_at_its_ends_and_in_leap_years(first: date, year: int, cycle: Cycle, on: date) -> None:
    history = [Done(K.PERIODIC, date(first.year + n, 10, 1)) for n in range(1, year)]
    due = next_due(first, [h for h in history if h.on < on] or [Done(K.SUPERVISION, first)], cycle)
    assert due is not None
    assert (due.on, due.year) == (on, year)


@pytest.mark.parametrize(
    ("on", "year"),
    [
        (date(2021, 2, 28), 0), (date(2021, 3, 1), 1), (date(2021, 5, 31), 1), (date(2021, 12, 31), 1),
        (date(2022, 2, 28), 1), (date(2022, 3, 1), 2), (date(2019, 1, 1), 0), (FIRST, 0),
    ],
)
def test_two_months_early_answers_for_the_year_a_day_sooner_does_not(on: date, year: int) -> None:
    assert served_year(FIRST, on, MONTH) == year


def test_by_the_day_the_two_months_are_counted_from_the_day() -> None:
    assert served_year(FIRST, date(2021, 3, 9), DAY) == 0
    assert served_year(FIRST, date(2021, 3, 10), DAY) == 1


def test_early_or_late_the_next_day_stays_in_its_month() -> None:
    for on in ((2021, 3, 1), (2021, 5, 31), (2021, 11, 2)):
        due = next_due(FIRST, [done(K.SUPERVISION, 2020, 5, 10), done(K.PERIODIC, *on)], MONTH)
        assert due == Due(date(2022, 5, 31), K.SELF_TEST, 2)


def test_a_self_test_moves_no_periodic_inspection_that_was_left_out() -> None:
    history = [done(K.PERIODIC, 2021, 5, 1), done(K.SELF_TEST, 2022, 5, 1), done(K.SELF_TEST, 2023, 5, 1)]
    assert next_due(FIRST, history, MONTH) == Due(date(2024, 5, 31), K.PERIODIC, 4)
    # Tested in the year of the inspection, and even a year later: the inspection is what is missing.
    for more in ([done(K.SELF_TEST, 2024, 5, 1)], [done(K.SELF_TEST, 2024, 5, 1), done(K.SELF_TEST, 2025, 5, 1)]):
        assert next_due(FIRST, [*history, *more], MONTH) == Due(date(2024, 5, 31), K.PERIODIC, 4)
    # A self-test beside the inspection of the same year takes nothing back.
    both = [*history, done(K.PERIODIC, 2024, 5, 1), done(K.SELF_TEST, 2024, 9, 1)]
    assert next_due(FIRST, both, MONTH) == Due(date(2025, 5, 31), K.SELF_TEST, 5)


def test_a_self_test_alone_asks_for_the_inspection_of_its_own_year() -> None:
    assert next_due(FIRST, [done(K.SELF_TEST, 2024, 5, 1)], MONTH) == Due(date(2024, 5, 31), K.PERIODIC, 4)
    assert next_due(FIRST, [done(K.SELF_TEST, 2025, 5, 1)], MONTH) == Due(date(2026, 5, 31), K.SELF_TEST, 6)


def test_an_inspection_in_a_year_of_self_test_is_more_than_was_asked() -> None:
    assert next_due(FIRST, [done(K.PERIODIC, 2022, 5, 1)], MONTH) == Due(date(2023, 5, 31), K.SELF_TEST, 3)


def test_after_fifteen_years_yearly() -> None:
    for year in (15, 16, 17, 30):
        due = next_due(FIRST, [Done(K.PERIODIC, date(2020 + year, 5, 1))], MONTH)
        assert due == Due(date(2021 + year, 5, 31), K.PERIODIC, year + 1)


def test_without_a_first_day_the_safe_side() -> None:
    assert next_due(None, [], MONTH) is None
    assert next_due(None, [done(K.SELF_TEST, 2026, 1, 31)], DAY) == Due(date(2027, 1, 31), K.PERIODIC, 0)
    assert next_due(None, [done(K.GOVERNOR, 2026, 1, 31)], MONTH) is None


@pytest.mark.parametrize(
    ("first", "due_on", "kind"),
    [
        (FIRST, None, None), (None, date(2027, 1, 1), K.PERIODIC), (FIRST, date(2022, 5, 10), K.SELF_TEST),
        (FIRST, date(2022, 4, 2), K.SELF_TEST), (FIRST, date(2024, 5, 31), K.PERIODIC), (FIRST, FIRST, K.PERIODIC),
    ],
)
def test_which_kind_a_filed_day_is_for(first: date | None, due_on: date | None, kind: InspectionKind | None) -> None:
    assert kind_due_on(first, due_on, MONTH) is kind


# --- governor, brake

OLD = Interval(24, 15, 12)


@pytest.mark.feature("INS-02")
@pytest.mark.parametrize(
    ("on", "used", "due"),
    [
        (date(2026, 3, 1), date(2020, 3, 1), date(2028, 3, 1)), (date(2026, 3, 1), None, date(2028, 3, 1)),
        # Fifteen years old on the very day: two years for the last time only as far as it is not older.
        (date(2026, 3, 1), date(2011, 3, 1), date(2027, 3, 1)), (date(2026, 3, 1), date(2010, 2, 28), date(2027, 3, 1)),
        # Old in eighteen months: then a year since the check is over already.
        (date(2026, 3, 1), date(2012, 9, 1), date(2027, 9, 2)),
        (date(2026, 3, 1), date(2013, 2, 28), date(2028, 2, 29)),
        (date(2026, 3, 1), date(2013, 3, 1), date(2028, 3, 1)),
        (date(2024, 2, 29), date(2020, 1, 1), date(2026, 2, 28)),
    ],
)  # fmt: skip
def test_a_governor_every_two_years_an_old_one_yearly(on: date, used: date | None, due: date) -> None:
    assert next_check(on, used, OLD) == due


@pytest.mark.feature("INS-02")
def test_intervals_of_others_and_none_at_all() -> None:
    assert next_check(date(2026, 8, 31), date(1990, 1, 1), Interval(60)) == date(2031, 8, 31)
    assert next_check(date(2026, 8, 31), None, Interval(6)) == date(2027, 2, 28)
    assert next_check(date(2026, 8, 31), None, Interval(None)) is None


# --- records

TODAY = date(2026, 11, 20)
GOOD = Record(K.PERIODIC, "DT-2026-001", date(2026, 11, 18), R.PASSED, "特检所")


def found(record: Record, **more: object) -> set[tuple[str | None, str]]:
    given = {"known_from": date(2020, 1, 1), "rule_on": date(2027, 5, 31), "latest_on": date(2027, 7, 31),
             "failed_before": False} | more  # fmt: skip
    return {(f.field, f.found) for f in record_findings(record, TODAY, **given)}  # type: ignore[arg-type]


def change(**values: object) -> Record:
    return Record(**({n: getattr(GOOD, n) for n in GOOD.__slots__} | values))  # type: ignore[arg-type]


def test_a_whole_record_passes_and_an_empty_one_is_told_all_at_once() -> None:
    assert found(GOOD) == set()
    fields = {field for field, _ in found(Record(None, "", None, None))}
    assert fields == {"kind", "number", "done_on", "result", "tested_by"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"done_on": TODAY + timedelta(1)}, "done_on"), ({"done_on": date(2019, 12, 31)}, "done_on"),
        ({"done_on": date(1900, 1, 1)}, "done_on"), ({"result": R.FAILED}, "failed_items"),
        ({"result": R.PASSED_AGAIN}, "result"), ({"is_fault": True}, "is_fault"),
        ({"next_on": date(2026, 11, 18), "next_reason": "x"}, "next_on"),
        ({"next_on": date(2027, 8, 1), "next_reason": "x"}, "next_on"),
        ({"next_on": date(2027, 5, 30)}, "next_reason"), ({"failed_items": "缺" * 1001}, "failed_items"),
        ({"next_on": date(9000, 1, 1), "next_reason": "x"}, "next_on"),
    ],
)
def test_each_thing_that_is_wrong_names_its_field(values: dict[str, object], field: str) -> None:
    assert {f for f, _ in found(change(**values))} == {field}


@pytest.mark.parametrize(
    "values",
    [
        {"done_on": TODAY}, {"done_on": date(2020, 1, 1)}, {"next_on": date(2027, 5, 31)},
        {"next_on": date(2027, 7, 31), "next_reason": "省内规定"},
        {"next_on": date(2026, 11, 19), "next_reason": "隐患"},
        {"result": R.FAILED, "failed_items": "主机渗油", "is_fault": True},
    ],
)
def test_edges_that_hold(values: dict[str, object]) -> None:
    assert found(change(**values)) == set()


def test_a_second_inspection_stands_on_a_failed_one() -> None:
    assert found(change(result=R.PASSED_AGAIN, is_fault=True, failed_items="主机渗油"), failed_before=True) == set()


@pytest.mark.parametrize(
    ("due_on", "kind", "full", "stays"),
    [
        (date(2025, 5, 31), K.PERIODIC, [], True), (date(2025, 5, 31), K.SELF_TEST, [], False), (None, None, [], False),
        (date(2027, 5, 31), K.PERIODIC, [], True), (date(2027, 6, 1), K.PERIODIC, [], False),
        (date(2025, 5, 31), K.PERIODIC, [date(2025, 2, 28)], True),
        (date(2025, 5, 31), K.PERIODIC, [date(2025, 3, 1)], False),
        (date(2025, 5, 31), K.PERIODIC, [date(2022, 5, 1), date(2026, 6, 1)], False),
    ],
)
def test_a_periodic_inspection_of_the_register_stays_due(
    due_on: date | None, kind: InspectionKind | None, full: list[date], stays: bool
) -> None:
    assert still_due(due_on, kind, date(2027, 5, 31), full, MONTH) is stays


def test_to_the_day_one_answers_from_that_day_on() -> None:
    asked = date(2025, 5, 31), K.PERIODIC, date(2027, 5, 31)
    assert still_due(*asked, [date(2025, 3, 30)], DAY) and not still_due(*asked, [date(2025, 3, 31)], DAY)
