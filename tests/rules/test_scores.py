"""The six scores and the ledger at their edges."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.calendar import day_end, day_start
from app.rules.lifecycle import change_is_late
from app.rules.other_scores import (
    Outcome,
    change_score,
    complaint_outcome,
    fault_score,
    feedback_score,
    inspection_score,
    rescue_badge,
    rescue_outcome,
    rescue_score,
)
from app.rules.schedule import Pause
from app.rules.scoring import (
    LedgerKind,
    Loss,
    OnDemandSegment,
    PairFacts,
    ScoreState,
    due_count,
    losses,
    nightly_periods,
    on_demand_segment,
    paused_days,
    rate_score,
    round_half_up,
    score_state,
    services_due,
    tallied_score,
    tally,
)
from tests.formulas import maintenance_score

D = date
FIRST, END = D(2024, 1, 1), D(2024, 1, 1) + timedelta(days=150)  # ten services due


def ledger(pairs: Iterable[PairFacts]) -> list[Loss]:
    return list(losses(tally(p.judged for p in pairs)))


def pair(elevator: str = "E1", **facts: object) -> PairFacts:
    return PairFacts("U", elevator, FIRST, END, 15, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"), [("0.005", "0.01"), ("0.0149", "0.01"), ("14.445", "14.45"), ("2.675", "2.68"), ("16", "16.00")]
)
def test_half_up_not_to_even(value: str, text: str) -> None:
    assert str(round_half_up(Fraction(value))) == text


@pytest.mark.feature("SCO-01", "SCO-07")
def test_no_data_is_not_full_marks_on_the_page() -> None:
    score = maintenance_score([])
    assert (score.points, score.no_data, score.in_total, score.lost) == (None, True, Decimal("16.00"), 0)
    zero = rate_score(0, 3)
    assert (zero.points, zero.no_data) == (Decimal("0.00"), False)
    assert rate_score(2, 5).points == Decimal("0.00")


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(
    ("first", "end", "paused", "due"),
    [
        (None, D(2024, 6, 30), 0, 0),
        (D(2024, 1, 1), D(2024, 1, 15), 0, 0),
        (D(2024, 1, 1), D(2024, 1, 16), 0, 1),
        (D(2024, 1, 1), D(2024, 1, 16), 1, 0),
        (D(2024, 1, 1), D(2024, 1, 1), 0, 0),
        (D(2024, 2, 1), D(2024, 1, 1), 0, 0),
        (D(2024, 1, 1), D(2024, 1, 31), 60, 0),
    ],
)
def test_due_edges(first: date | None, end: date, paused: int, due: int) -> None:
    assert due_count(first, end, paused, 15) == due


@pytest.mark.feature("SCO-01")
def test_whole_numbers_and_fractions_cut_alike() -> None:
    """A segment without days changes no count, but is added as a fraction."""
    for days in range(-20, 70):
        for paused in (0, 1, 16, 90):
            end = FIRST + timedelta(days=days)
            cut = due_count(FIRST, end, paused, 15)
            assert cut == due_count(FIRST, end, paused, 15, [OnDemandSegment(0, 30)]), (days, paused)


@pytest.mark.feature("PLN-11", "SCO-01")
def test_on_demand_segments_use_their_own_interval() -> None:
    assert due_count(FIRST, END, 0, 15, [OnDemandSegment(60, 30)]) == 8
    assert due_count(FIRST, END, 0, 15, [OnDemandSegment(75, 30), OnDemandSegment(75, 30)]) == 5
    pauses = [Pause(D(2024, 2, 1), D(2024, 2, 11))]
    segment = on_demand_segment(D(2024, 1, 20), D(2024, 2, 29), 30, pauses, FIRST, END)
    assert segment == OnDemandSegment(31, 30)
    assert on_demand_segment(D(2025, 1, 1), D(2025, 2, 1), 30, [], FIRST, END).days == 0


@pytest.mark.feature("LIF-02", "SCO-01")
def test_paused_days_within_the_pair() -> None:
    pauses = [Pause(D(2023, 12, 1), D(2024, 1, 5)), Pause(D(2024, 1, 3), D(2024, 1, 8)), Pause(D(2024, 5, 20), None)]
    assert paused_days(pauses, FIRST, END) == 7 + (END - D(2024, 5, 20)).days
    assert paused_days([], FIRST, END) == 0


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(("valid", "bad"), [(9, 5), (10, 2), (11, 2)])
def test_enough_valid_visits_forgive_quality_not_overdue(valid: int, bad: int) -> None:
    assert pair(overdue=2, nonconforming=3, valid_visits=valid).bad == bad


@pytest.mark.feature("LED-01")
def test_ledger_with_forgiven_rows() -> None:
    rows = ledger([pair("A", overdue=1), pair("B", nonconforming=2, valid_visits=10)])
    assert [(r.elevator, r.kind, r.times, r.lost) for r in rows] == [
        ("A", LedgerKind.OVERDUE, 1, Fraction(16, 20)),
        ("B", LedgerKind.FORGIVEN, 2, Fraction(0)),
    ]
    assert "记 0" in rows[1].reason


@pytest.mark.feature("LED-01")
def test_ledger_caps_once_over_all() -> None:
    pairs = [pair("A", overdue=18), pair("B", overdue=6)]
    rows = ledger(pairs)
    assert [r.kind for r in rows] == [LedgerKind.OVERDUE, LedgerKind.OVERDUE, LedgerKind.CAP]
    assert (rows[-1].times, rows[-1].lost) == (4, Fraction(-16 * 4, 20))
    assert sum((r.lost for r in rows), Fraction(0)) == 16 == maintenance_score(pairs).lost


@pytest.mark.feature("LED-01")
def test_ledger_with_nothing_due() -> None:
    rows = ledger([PairFacts("U", "A", None, END, 15, overdue=3)])
    assert [(r.kind, r.lost) for r in rows] == [(LedgerKind.OVERDUE, Fraction(16))]
    assert ledger([PairFacts("U", "A", None, END, 15)]) == []


counts = st.integers(0, 30)


@pytest.mark.feature("LED-01")
@given(
    st.lists(
        st.builds(
            PairFacts,
            unit=st.just("U"),
            elevator=st.integers(1, 9),
            first_on=st.one_of(st.none(), st.dates(FIRST, END)),
            end_on=st.just(END),
            interval_days=st.just(15),
            overdue=counts,
            nonconforming=counts,
            valid_visits=counts,
        ),
        max_size=6,
    )
)
def test_ledger_sums_to_the_lost_points_exactly(pairs: list[PairFacts]) -> None:
    score = maintenance_score(pairs)
    rows = ledger(pairs)
    assert sum((r.lost for r in rows), Fraction(0)) == score.lost
    assert 0 <= score.exact <= 16
    assert sum(r.times for r in rows if r.kind in (LedgerKind.OVERDUE, LedgerKind.NONCONFORMING)) == score.bad


@pytest.mark.feature("SCO-01", "LED-01")
@given(st.lists(st.tuples(st.integers(1, 9), counts, st.integers(0, 3), st.integers(0, 3), counts), max_size=9))
def test_the_sums_of_many_are_the_sums_of_each(pairs: list[tuple[int, int, int, int, int]]) -> None:
    sums = tally(pairs)
    forgiven = [failed if failed and valid >= due else 0 for _, due, _, failed, valid in pairs]
    assert (sums.pairs, sums.due, sums.overdue, sums.nonconforming, sums.valid_visits) == (
        len(pairs), *(sum(pair[place] for pair in pairs) for place in (1, 2, 3, 4)),
    )  # fmt: skip
    assert sums.forgiven == sum(forgiven)
    assert sums.bad == sums.overdue + sums.nonconforming - sum(forgiven)
    assert sums.failed == [pair for pair in pairs if pair[2] or pair[3]]
    assert sum((line.lost for line in losses(sums)), Fraction(0)) == tallied_score(sums).lost


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(("days", "due"), [(-16, 0), (-1, 0), (0, 0), (14, 0), (15, 1), (29, 1), (30, 2), (364, 24)])
def test_services_due_at_the_edges(days: int, due: int) -> None:
    assert services_due(days, 15) == due
    assert due_count(FIRST, FIRST + timedelta(days=days), 0, 15) == due


@pytest.mark.feature("SCO-01")
def test_provisional_until_everything_has_come() -> None:
    end = D(2021, 6, 30)
    settled = day_end(D(2021, 7, 16))
    assert score_state(end, settled - timedelta(seconds=1)) is ScoreState.PROVISIONAL
    assert score_state(end, settled) is ScoreState.FINAL


@pytest.mark.parametrize(
    ("today", "closed"),
    [
        (D(2026, 4, 16), []), (D(2026, 4, 17), [D(2026, 1, 1)]), (D(2026, 4, 18), []),
        (D(2026, 7, 17), [D(2026, 4, 1), D(2026, 1, 1)]), (D(2026, 10, 17), [D(2026, 7, 1)]),
        (D(2027, 1, 17), [D(2026, 10, 1), D(2026, 7, 1), D(2026, 1, 1)]), (D(2026, 5, 17), []),
    ],
)  # fmt: skip
def test_the_night_scores_the_year_so_far_and_what_became_final(today: date, closed: list[date]) -> None:
    (first, last), *ended = nightly_periods(today)
    assert (first, last) == (D(today.year, 1, 1), today - timedelta(days=1))
    assert [a for a, _ in ended] == closed
    for _, end in ended:
        assert score_state(end, day_start(today)) is ScoreState.FINAL
        assert score_state(end, day_start(today) - timedelta(seconds=1)) is ScoreState.PROVISIONAL


def test_on_new_years_day_the_night_scores_the_year_that_ended() -> None:
    assert nightly_periods(D(2027, 1, 1)) == [(D(2026, 1, 1), D(2026, 12, 31))]


NOON = day_start(D(2021, 3, 1)) + timedelta(hours=12)


def later(**delta: int) -> datetime:
    return NOON + timedelta(**delta)


@pytest.mark.feature("SCO-02", "RES-03")
@pytest.mark.parametrize(
    ("accepted", "done", "now", "outcome"),
    [
        (later(minutes=3), later(minutes=33), later(hours=9), Outcome.ON_TIME),
        (later(minutes=3, seconds=1), later(minutes=10), later(hours=9), Outcome.LATE),
        (later(minutes=1), later(minutes=31, seconds=1), later(hours=9), Outcome.LATE),
        (None, None, later(minutes=3), None),
        (None, None, later(minutes=3, seconds=1), Outcome.LATE),
        (later(minutes=1), None, later(minutes=31), None),
        (later(minutes=1), None, later(minutes=31, seconds=1), Outcome.LATE),
    ],
)
def test_rescue_on_time(
    accepted: datetime | None, done: datetime | None, now: datetime, outcome: Outcome | None
) -> None:
    assert rescue_outcome(NOON, accepted, done, now, accept_minutes=3, done_minutes=30) is outcome


@pytest.mark.feature("RES-03")
@pytest.mark.parametrize(
    ("arrived", "done", "outcome"),
    [
        (later(minutes=19), later(minutes=30), Outcome.ON_TIME),
        (later(minutes=19, seconds=1), later(minutes=30), Outcome.LATE),
        (None, later(minutes=15), Outcome.ON_TIME),
        (None, None, None),
    ],
)
def test_the_badge_wants_arrival_too(
    arrived: datetime | None, done: datetime | None, outcome: Outcome | None
) -> None:
    badge = rescue_badge(
        NOON, later(minutes=1), arrived, done, later(minutes=15), accept_minutes=3, arrive_minutes=18, done_minutes=30
    )
    assert badge is outcome


@pytest.mark.feature("SCO-02")
@pytest.mark.parametrize(
    ("first", "late", "second", "points"),
    [(0, 0, 0, None), (10, 0, 0, "16.00"), (0, 4, 0, "0.00"), (9, 1, 1, "16.00"), (0, 0, 2, "17.00")],
)
def test_rescue_score_edges(first: int, late: int, second: int, points: str | None) -> None:
    assert rescue_score(first, late, second).points == (None if points is None else Decimal(points))


@pytest.mark.feature("SCO-03", "CMP-03")
@pytest.mark.parametrize(
    ("accepted", "handled", "reviewed", "outcome"),
    [
        (24, 24 + 72, 24 + 72 + 48, Outcome.ON_TIME),
        (25, 30, 40, Outcome.LATE),
        (1, 74, 80, Outcome.LATE),
        (1, 2, 51, Outcome.LATE),
        (1, 2, None, None),
    ],
)
def test_complaint_steps(accepted: int, handled: int, reviewed: int | None, outcome: Outcome | None) -> None:
    review = None if reviewed is None else later(hours=reviewed)
    told = complaint_outcome(
        NOON,
        later(hours=accepted),
        later(hours=handled),
        review,
        later(hours=50),
        accept_hours=24,
        handle_hours=72,
        review_hours=48,
    )
    assert told is outcome
    assert feedback_score(3, 1).points == Decimal("12.00")


@pytest.mark.feature("SCO-04")
def test_inspection_score() -> None:
    assert inspection_score(8, 1).points == Decimal("14.00")
    assert inspection_score(0, 0).no_data


@pytest.mark.feature("SCO-05")
@pytest.mark.parametrize(
    ("elevators", "faulty", "entrapments", "points"),
    [
        (10, 0, {}, "16.00"),
        (10, 1, {"A": 1}, "14.40"),
        (10, 1, {"A": 4}, "10.40"),
        (10, 1, {"A": 9}, "10.40"),
        (2, 2, {"A": 4, "B": 4}, "0.00"),
    ],
)
def test_fault_score_edges(elevators: int, faulty: int, entrapments: dict[str, int], points: str) -> None:
    assert fault_score(elevators, faulty, entrapments).points == Decimal(points)


@pytest.mark.feature("SCO-05")
def test_faults_without_elevators_are_no_data() -> None:
    assert fault_score(0, 0, {}).no_data


@pytest.mark.feature("SCO-06")
def test_change_of_unit_in_seven_days() -> None:
    signed = D(2021, 3, 1)
    assert not change_is_late(signed, D(2021, 3, 8), 7) and change_is_late(signed, D(2021, 3, 9), 7)
    assert change_score(4, 1).points == Decimal("12.00")
