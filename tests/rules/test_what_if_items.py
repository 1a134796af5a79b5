"""SIM-01 of the five others: what is open goes one of two ways, what is decided stays; the total is that of a score."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from app.rules.complaints import Course, Hours, finished, outcome, running
from app.rules.other_scores import Outcome
from app.rules.score_items import Change, Fault, Feedback, Inspection, Item, Record, Rescue, total_points
from app.rules.scoring import rate_score
from app.rules.what_if import Fix, FixKind, Simulation
from app.rules.what_if_items import (
    ChangeAhead,
    FaultAhead,
    FeedbackAhead,
    InspectionAhead,
    Open,
    RescueAhead,
    Six,
    Ways,
    gone,
    judged_at,
    simulate_item,
    winnable,
)

pytestmark = pytest.mark.feature("SIM-01")
TODAY, DAY, HOUR = dt.date(2024, 5, 10), dt.timedelta(days=1), dt.timedelta(hours=1)
NOON = dt.datetime(2024, 5, 10, 4, tzinfo=dt.UTC)
IN_TIME, LATE = Outcome.ON_TIME, Outcome.LATE
SOON, ALL = Fix(FixKind.PASS, "30"), Fix(FixKind.PASS, "0")


def record(key: int, elevator: int = 1, on: str = "2024-05-09") -> Record:
    return Record(elevator, on, key)


def settle(key: int, done: Outcome | None = IN_TIME, left: Outcome | None = LATE) -> Open:
    return Open(Fix(FixKind.SETTLE, str(key)), record(key), done, left)


def free(key: int, level: int = 1, left: Outcome | None = LATE) -> Open:
    return Open(Fix(FixKind.FREE, f"{level}-{key}"), record(key), IN_TIME, left)


def points(made: Simulation) -> tuple[str, ...]:
    return tuple(str(score.points) for score in (made.nothing, made.chosen, made.everything))


def test_it_is_told_when_the_score_becomes_final() -> None:
    assert judged_at(dt.date(2024, 6, 30)) == dt.datetime(2024, 7, 16, 16, tzinfo=dt.UTC)


def test_an_open_complaint_is_won_or_lost() -> None:
    held = FeedbackAhead(Feedback(2, [record(1)]), [settle(2)])
    made = simulate_item(held, ())
    # 2 of 4; 3 of 4.
    assert points(made) == ("8.00", "8.00", "12.00")
    assert (winnable(made), gone(made)) == (Fraction(4), Fraction(4)), "the late one is late for good"
    assert points(simulate_item(held, {Fix(FixKind.SETTLE, "2")}))[1] == "12.00"


def test_what_is_too_late_is_offered_no_more() -> None:
    made = simulate_item(FeedbackAhead(Feedback(1), [settle(2, done=LATE)]), ())
    assert made.offers == [] and points(made) == ("8.00", "8.00", "8.00")
    assert (winnable(made), gone(made)) == (0, 8)


def test_without_any_record_there_is_no_data_until_one_comes() -> None:
    made = simulate_item(FeedbackAhead(Feedback(), [settle(2)]), ())
    assert points(made) == ("0.00", "0.00", "16.00")
    none = simulate_item(FeedbackAhead(Feedback()), ())
    assert none.nothing.no_data and none.everything.no_data and gone(none) == 0


def test_help_elsewhere_costs_nothing_and_makes_up_for_a_late_one() -> None:
    held = RescueAhead(Rescue(1, [record(1)]), [free(2)], [free(3, level=2)])
    made = simulate_item(held, {Fix(FixKind.FREE, "2-3")})
    # Left alone 1 of 3; helped 2 of 3; both 2 + 1 of 3.
    assert points(made) == ("5.33", "10.67", "16.00")
    assert gone(made) == 0


def test_a_second_level_call_in_the_same_case_is_another_one() -> None:
    assert len(RescueAhead(Rescue(), [free(2)], [free(2, level=2)]).fixes()) == 2


@pytest.mark.parametrize(("days", "passed"), [(30, 2), (31, 1)])
def test_inspections_due_on_the_last_day_ahead_are_among_them(days: int, passed: int) -> None:
    held = InspectionAhead(Inspection(1, [record(1)]), [TODAY - DAY, TODAY + days * DAY], TODAY)
    assert held.fixes() == {SOON: passed, ALL: 2}


def test_passed_inspections_weigh_a_failed_one_down_and_heal_nothing() -> None:
    held = InspectionAhead(Inspection(1, [record(1)]), [TODAY, TODAY + 60 * DAY, TODAY + 61 * DAY], TODAY)
    made = simulate_item(held, {SOON})
    assert points(made) == ("0.00", "8.00", "12.00")
    assert gone(made) == 4
    offers = {offer.fix: offer for offer in made.offers}
    # Left out of everything means that none is passed, for the shorter stretch is part of the longer.
    assert offers[SOON].without == offers[ALL].without == made.nothing


def test_one_that_is_failed_already_is_in_the_denominator_alone() -> None:
    held = InspectionAhead(Inspection(3, [record(1), record(2)]), [], TODAY)
    assert held.fixes() == {} and points(simulate_item(held, {ALL}))[1] == "10.67"


def test_nothing_undoes_an_entrapment_and_one_that_goes_on_comes_besides() -> None:
    held = FaultAhead(Fault(10, [record(1)], {1: 1}), [record(2)], "2024-01-01")
    made = simulate_item(held, ())
    # One of ten, and twice in the year: 14.40 − 0.50.
    assert points(made) == ("13.90", "13.90", "13.90") and made.offers == []
    assert (winnable(made), gone(made)) == (0, Fraction(21, 10))


def test_an_entrapment_of_last_year_is_none_of_this_year() -> None:
    held = FaultAhead(Fault(10, [record(1, on="2024-02-01")], {1: 1}), [record(2, on="2023-12-31")], "2024-01-01")
    assert points(simulate_item(held, ()))[0] == "14.40"


def test_a_use_unit_counts_once_however_many_contracts_it_signed() -> None:
    one, other = Fix(FixKind.APPLY, "1"), Fix(FixKind.APPLY, "2")
    held = ChangeAhead(Change(1, {5: [record(1)]}), {one: 6, other: 6})
    made = simulate_item(held, {one})
    assert points(made) == ("0.00", "8.00", "8.00")
    assert all(offer.without.points == Decimal("8.00") for offer in made.offers)


def test_a_change_in_time_without_a_late_one_brings_data_only() -> None:
    made = simulate_item(ChangeAhead(Change(), {Fix(FixKind.APPLY, "1"): 6}), ())
    assert made.nothing.no_data and made.everything.points == 16 and winnable(made) == 0


def six(maintenance: Simulation, **others: Simulation) -> Six:
    blank = simulate_item(FeedbackAhead(Feedback()), ())
    return Six(dict.fromkeys(Item, blank) | {Item.MAINTENANCE: maintenance}
               | {Item(name): made for name, made in others.items()})  # fmt: skip


def test_the_total_is_that_of_a_score_and_none_without_maintenance() -> None:
    kept = Simulation(rate_score(10, 5), rate_score(10, 5), rate_score(10, 0), [])
    made = six(kept, feedback=simulate_item(FeedbackAhead(Feedback(2, [record(1)]), [settle(2)]), ()))
    # 8 + 8 + four times 16; 16 + 12 + 64.
    assert made.total == Ways(Decimal("80.00"), Decimal("80.00"), Decimal("92.00"))
    none = Simulation(rate_score(0, 0), rate_score(0, 0), rate_score(0, 0), [])
    assert six(none).total == Ways(None, None, None)


@pytest.mark.parametrize("seed", range(6))
def test_each_offer_is_what_choosing_it_gives_in_the_total_too(seed: int) -> None:
    rng = random.Random(seed)
    outcomes = (IN_TIME, LATE, None)
    some = [settle(key, rng.choice((IN_TIME, LATE)), rng.choice(outcomes)) for key in range(6)]
    calls = [free(key, left=rng.choice(outcomes)) for key in range(4)]
    helping = [free(key, 2, None) for key in range(3)]
    ahead = {
        Item.FEEDBACK: FeedbackAhead(Feedback(rng.randint(0, 5), [record(9)] * rng.randint(0, 3)), some),
        Item.RESCUE: RescueAhead(Rescue(rng.randint(0, 5), [record(9)] * rng.randint(0, 3)), calls, helping),
        Item.INSPECTION: InspectionAhead(
            Inspection(5, [record(1, elevator=n) for n in range(rng.randint(0, 5))]),
            [TODAY + DAY * rng.randint(-5, 90) for _ in range(4)], TODAY,
        ),
        Item.FAULT: FaultAhead(Fault(9, [record(1)], {1: 1})),
        Item.CHANGE: ChangeAhead(Change(2, {5: [record(1)]}), {Fix(FixKind.APPLY, str(n)): n for n in range(3)}),
    }  # fmt: skip

    def asked(chosen: set[Fix]) -> Six:
        kept = Simulation(rate_score(10, 5), rate_score(10, 5), rate_score(10, 5), [])
        return Six({Item.MAINTENANCE: kept} | {item: simulate_item(one, chosen) for item, one in ahead.items()})

    made = asked(set())
    every = {offer.fix for _, offer in made.offers}
    assert asked(every).total.chosen == made.total.everything and made.total.chosen == made.total.nothing
    for item, offer in made.offers:
        assert asked({offer.fix}).items[item].chosen == offer.alone
        alike = {fix for fix in every if fix.kind is FixKind.PASS} if offer.fix.kind is FixKind.PASS else {offer.fix}
        assert asked(every - alike).items[item].chosen == offer.without
    gains = [made.gain(item, offer) for item, offer in made.offers]
    assert gains == sorted(gains, reverse=True)
    shown = [made.items[item].everything.points for item in Item]
    assert made.total.everything == total_points(shown)


HOURS = Hours(24, 72, 48)


@pytest.mark.feature("CMP-03")
@pytest.mark.parametrize(
    ("course", "told"),
    [
        (Course(NOON - 24 * HOUR), IN_TIME), (Course(NOON - 24 * HOUR - dt.timedelta(seconds=1)), LATE),
        (Course(NOON - 90 * HOUR, NOON - 72 * HOUR), IN_TIME), (Course(NOON - 97 * HOUR, NOON - 73 * HOUR), LATE),
        (Course(NOON - 60 * HOUR, NOON - 59 * HOUR, NOON - 48 * HOUR), IN_TIME),
        # Sent back: the second round is finished too.
        (Course(NOON - 90 * HOUR, NOON - 89 * HOUR, NOON - 80 * HOUR, NOON - 72 * HOUR, True), IN_TIME),
        (Course(NOON - 90 * HOUR, NOON - 89 * HOUR, NOON - 80 * HOUR, NOON - 73 * HOUR, True), LATE),
    ],
)  # fmt: skip
def test_a_complaint_that_is_finished_now(course: Course, told: Outcome) -> None:
    done = finished(course, NOON)
    assert outcome(done, HOURS, NOON) is told and running(done, HOURS) is None
    assert outcome(done, HOURS, NOON + 900 * HOUR) is told, "what is done stays as it was told"


# --- what may still be appealed against


def appeal(kind: str, key: int) -> Fix:
    return Fix(FixKind.APPEAL, f"{kind}-{key}")


def test_an_upheld_appeal_makes_a_late_case_one_in_time() -> None:
    fix = appeal("complaint", 2)
    feedback = FeedbackAhead(Feedback(1, [record(1), record(2)]), disputed={fix: record(2)})
    assert feedback.fixes() == {fix: 1} and feedback.come(()) == Feedback(1, [record(1), record(2)])
    assert feedback.come({fix}) == Feedback(2, [record(1)])
    again = appeal("rescue", 2)
    rescue = RescueAhead(
        Rescue(1, [record(1), record(2)], [record(9)]), [free(3)], [free(4, 2)], {again: record(2)}
    )
    assert rescue.come({again}) == Rescue(2, [record(1), record(3)], [record(9)])
    assert set(rescue.fixes()) == {again, free(3).fix, free(4, 2).fix}


def test_an_inspection_that_was_wrong_stays_an_elevator_that_was_inspected() -> None:
    first, second = appeal("inspection", 1), appeal("inspection", 2)
    twice = [record(1, 7), record(2, 7)]
    ahead = InspectionAhead(Inspection(4, twice), [], TODAY, {first: twice[0], second: twice[1]})
    assert ahead.come({first}).elevators_failed == 1, "the other of the same elevator still says so"
    assert ahead.come({first, second}) == Inspection(4, [])
    made = simulate_item(ahead, ())
    assert made.nothing.points == Decimal("12.00") and made.everything.points == Decimal("16.00")
    assert [made.gain(offer) for offer in made.offers] == [(Fraction(0), Fraction(4))] * 2


def test_a_use_unit_is_no_late_one_once_none_of_its_changes_is() -> None:
    fix, held = appeal("unit_change", 31), {5: [record(1), record(2)], 6: [record(3)]}
    ahead = ChangeAhead(Change(4, held), disputed={fix: record(3)})
    assert ahead.come({fix}) == Change(4, {5: held[5]}) and ahead.come(()) == Change(4, held)
    one_of_two = appeal("unit_change", 30)
    ahead = ChangeAhead(Change(4, held), disputed={one_of_two: record(1)})
    assert ahead.come({one_of_two}) == Change(4, {5: [record(2)], 6: [record(3)]})


def test_of_entrapments_there_is_nothing_to_dispute() -> None:
    assert FaultAhead(Fault(3, [record(1)], {1: 1})).fixes() == {}
