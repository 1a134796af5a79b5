"""The worked examples T1 to T19 of the rules, each a test named after it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from app.rules.calendar import SHANGHAI, day_end
from app.rules.contracts import ContractState, contract_state, days_text
from app.rules.other_scores import fault_score, rescue_score
from app.rules.quota import quota_finding, units_used
from app.rules.schedule import (
    Level,
    LongDates,
    change_unit,
    dates_from_annual,
    merged_level,
    missed_limits,
    next_long_dates,
    order_due,
    pause,
    planned_on,
    resume,
    roll,
    start_clock,
    year_plan,
)
from app.rules.scoring import PairFacts, due_count, rate_score
from app.rules.visits import (
    CheckOutFacts,
    VisitFacts,
    VisitMode,
    VisitPolicy,
    VisitReason,
    VisitState,
    check_out_findings,
    visit_state,
)
from tests.formulas import maintenance_score

HUZHOU = VisitPolicy(
    min_minutes=35, max_hours=8, sheet_hours=24, review_days=15, review_required=True, sheet_makes_nonconforming=True
)


def at(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, year: int = 2021) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.feature("PLN-01")
def test_T01_planned_day_by_interval_and_limit_by_15() -> None:
    clock = start_clock(date(2021, 3, 1), 14, 15)
    assert (clock.planned_on, clock.limit_on) == (date(2021, 3, 15), date(2021, 3, 16))
    assert missed_limits(clock.limit_on, date(2021, 3, 15), 15) == []
    again = start_clock(date(2021, 3, 16), 14, 15)
    assert (again.planned_on, again.limit_on) == (date(2021, 3, 30), date(2021, 3, 31))


@pytest.mark.feature("PLN-10")
def test_T02_three_overdue_periods_then_a_new_start() -> None:
    clock = start_clock(date(2021, 3, 1), 15, 15)
    clock, missed = roll(clock, date(2021, 4, 19), 15)
    assert missed == [date(2021, 3, 16), date(2021, 3, 31), date(2021, 4, 15)]
    assert start_clock(date(2021, 4, 20), 15, 15).limit_on == date(2021, 5, 5)


@pytest.mark.feature("PLN-03")
def test_T03_horizon_of_five_days_and_an_early_visit() -> None:
    planned = planned_on(date(2021, 3, 1), 15)
    assert planned == date(2021, 3, 16)
    assert not order_due(planned, date(2021, 3, 10), 5)
    assert order_due(planned, date(2021, 3, 11), 5)
    assert planned_on(date(2021, 3, 12), 15) == date(2021, 3, 27)


@pytest.mark.feature("MNT-03")
@pytest.mark.parametrize(
    ("spent", "refused", "state"),
    [
        (timedelta(minutes=34, seconds=59), True, None),
        (timedelta(minutes=35), False, VisitState.VALID),
        (timedelta(hours=8), False, VisitState.VALID),
        (timedelta(hours=8, seconds=1), True, VisitState.VOID),
    ],
)
def test_T04_duration_to_the_second(spent: timedelta, refused: bool, state: VisitState | None) -> None:
    begun = at(3, 1, 8)
    findings = check_out_findings(CheckOutFacts(begun, begun + spent), HUZHOU)
    assert any(f.stops for f in findings) is refused
    if state is not None:
        facts = VisitFacts(begun, begun + spent, signed_at=begun + spent)
        assert visit_state(facts, HUZHOU, begun + spent).state is state


@pytest.mark.feature("MNT-08")
def test_T05_sheet_and_review_limits() -> None:
    out = at(3, 1, 16)
    begun = out - timedelta(hours=1)
    sheet = VisitFacts(begun, out, mode=VisitMode.SHEET, signed_at=out)
    assert visit_state(sheet, HUZHOU, at(3, 2, 16)).state is VisitState.AWAITING
    assert visit_state(sheet, HUZHOU, at(3, 2, 16, 0, 1)).state is VisitState.NONCONFORMING

    review = VisitFacts(begun, out)
    last_second = day_end(date(2021, 3, 16)) - timedelta(seconds=1)
    assert visit_state(review, HUZHOU, last_second).state is VisitState.AWAITING
    assert visit_state(review, HUZHOU, at(3, 17)).state is VisitState.NONCONFORMING

    late = VisitFacts(begun, out, mode=VisitMode.SHEET, sheet_at=at(3, 2, 16, 0, 1), reviewed_at=at(3, 17))
    standing = visit_state(late, HUZHOU, at(4, 1))
    assert standing.state is VisitState.NONCONFORMING
    assert standing.reasons == (VisitReason.SHEET_LATE, VisitReason.REVIEW_LATE)
    healed = VisitFacts(begun, out, mode=VisitMode.SHEET, sheet_at=at(3, 2, 17), signed_at=out, appeal_upheld=True)
    assert visit_state(healed, HUZHOU, at(4, 1)).state is VisitState.VALID


@pytest.mark.feature("PLN-02")
@pytest.mark.parametrize(
    ("order", "quarter", "merged"),
    [
        (date(2021, 11, 3), date(2021, 11, 8), True),
        (date(2021, 11, 3), date(2021, 11, 20), False),
        (date(2021, 11, 18), date(2021, 11, 20), True),
        (date(2021, 11, 18), date(2021, 12, 1), False),
        (date(2021, 12, 3), date(2021, 12, 1), True),
    ],
)
def test_T06_merging_within_interval_and_month(order: date, quarter: date, merged: bool) -> None:
    expected = Level.QUARTER if merged else Level.HALF_MONTH
    assert merged_level(order, 15, LongDates(quarter_on=quarter)) is expected


@pytest.mark.feature("PLN-02")
def test_T06_after_merging_the_rhythm_is_kept() -> None:
    dates = LongDates(quarter_on=date(2021, 11, 8))
    after = next_long_dates(dates, Level.QUARTER, date(2021, 11, 3), date(2021, 11, 3))
    assert after.quarter_on == date(2022, 2, 8)


@pytest.mark.feature("PLN-02")
@pytest.mark.parametrize(("interval", "level"), [(14, Level.HALF_MONTH), (15, Level.QUARTER)])
def test_T07_the_interval_decides(interval: int, level: Level) -> None:
    assert merged_level(date(2021, 11, 3), interval, LongDates(quarter_on=date(2021, 11, 17))) is level


@pytest.mark.feature("PLN-01")
@pytest.mark.parametrize(("interval", "half_month"), [(15, date(2023, 9, 6)), (14, date(2023, 9, 9))])
def test_T08_dates_from_the_annual_one(interval: int, half_month: date) -> None:
    dates = dates_from_annual(date(2024, 5, 18), date(2023, 9, 1), interval)
    assert dates.half_month_on == half_month
    assert dates.quarter_on == dates.half_year_on == date(2023, 11, 18)
    assert dates.annual_on == date(2024, 5, 18)


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(("first", "due"), [((1, 12), 15), ((1, 5), 16), ((3, 24), 11), ((3, 16), 11)])
def test_T09_due_services(first: tuple[int, int], due: int) -> None:
    assert due_count(date(2021, *first), date(2021, 9, 8), 0, 15) == due


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(
    ("due", "bad", "points"),
    [
        (56_641, 3_449, "15.03"),
        (38_818, 4_462, "14.16"),
        (31_130, 825, "15.58"),
        (19_997, 441, "15.65"),
        (15_876, 175, "15.82"),
        (20_565, 732, "15.43"),
    ],
)
def test_T10_points_of_real_figures(due: int, bad: int, points: str) -> None:
    assert rate_score(due, bad).points == Decimal(points)


@pytest.mark.feature("SCO-01")
def test_T11_each_unit_for_its_own_time() -> None:
    assert due_count(date(2021, 1, 10), date(2021, 3, 31), 0, 15) == 5
    assert due_count(date(2021, 4, 5), date(2021, 6, 30), 0, 15) == 5


@pytest.mark.feature("SCO-01", "LIF-05")
def test_T12_limits_at_a_change_of_unit() -> None:
    clock = start_clock(date(2021, 4, 24), 15, 15)
    assert clock.limit_on == date(2021, 5, 9)
    ahead = change_unit(clock, date(2021, 5, 9), 15, 15, missed=False)
    assert ahead.limit_on == date(2021, 5, 9)
    rolled, missed = roll(clock, date(2021, 5, 9), 15)
    assert missed == [date(2021, 5, 9)]
    fresh = change_unit(rolled, date(2021, 5, 10), 15, 15, missed=True)
    assert fresh.limit_on == date(2021, 5, 25)


@pytest.mark.feature("PLN-11", "LIF-02")
@pytest.mark.parametrize(("interval", "planned"), [(14, date(2021, 4, 4)), (15, date(2021, 4, 5))])
def test_T13_the_days_left_are_kept(interval: int, planned: date) -> None:
    stopped = pause(start_clock(date(2021, 3, 1), interval, 15), date(2021, 3, 10))
    assert stopped.remaining_days == 6
    running = resume(stopped, date(2021, 3, 30))
    assert (running.limit_on, running.planned_on, running.paused_on) == (date(2021, 4, 5), planned, None)


@pytest.mark.feature("SCO-01")
def test_T14_paused_days_shrink_what_is_due() -> None:
    assert due_count(date(2024, 1, 10), date(2024, 6, 30), 20, 15) == 10


@pytest.mark.feature("PER-08")
def test_T15_quota_of_100() -> None:
    counts = {f"E{n}": 2 for n in range(49)} | {"E49": 1}
    assert units_used(counts) == 99
    assert quota_finding(99, 100).ok
    counts["E49"] = 2
    assert units_used(counts) == 100
    refused = quota_finding(100, 100)
    assert refused.stops
    assert "您本月有效扫码维保次数已达上限" in str(refused)
    counts["E49"] = 3
    assert units_used(counts) == 100


@pytest.mark.feature("SCO-02")
@pytest.mark.parametrize(("second", "points"), [(3, "16.50"), (1, "14.40")])
def test_T16_rescue(second: int, points: str) -> None:
    assert rescue_score(8, 2, second).points == Decimal(points)


@pytest.mark.feature("SCO-05")
def test_T17_faults_with_penalties() -> None:
    score = fault_score(10, 2, {"A": 3, "B": 2})
    assert score.points == Decimal("10.30")
    assert score.exact == Fraction(103, 10)


@pytest.mark.feature("CON-02")
@pytest.mark.parametrize(
    ("starts", "ends", "state", "text"),
    [
        (date(2020, 2, 1), date(2021, 1, 30), ContractState.NEAR, "剩余 7 天"),
        (date(2020, 2, 1), date(2021, 1, 31), ContractState.ACTIVE, "剩余 8 天"),
        (date(2021, 2, 1), date(2022, 1, 31), ContractState.PENDING, "等待 9 天"),
    ],
)
def test_T18_contract_tabs(starts: date, ends: date, state: ContractState, text: str) -> None:
    today = date(2021, 1, 23)
    assert contract_state(starts, ends, today, 7) is state
    assert days_text(starts, ends, today) == text


@pytest.mark.feature("PLN-04")
def test_T19_a_year_of_orders() -> None:
    orders = year_plan(date(2021, 1, 1), 15)
    assert len(orders) == 24
    assert (orders[0].planned_on, orders[-1].planned_on) == (date(2021, 1, 16), date(2021, 12, 27))
    assert orders[-1].level is Level.ANNUAL
    assert [o.level for o in orders].count(Level.ANNUAL) == 1


@pytest.mark.feature("SCO-01")
def test_T10_over_pairs_is_the_same_formula() -> None:
    pairs = [
        PairFacts("U", "A", date(2021, 1, 12), date(2021, 9, 8), 15, overdue=2),
        PairFacts("U", "B", date(2021, 1, 5), date(2021, 9, 8), 15, nonconforming=1, valid_visits=3),
    ]
    score = maintenance_score(pairs)
    assert (score.due, score.bad) == (31, 3)
    assert score.points == Decimal("14.45")
