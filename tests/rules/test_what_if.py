"""SIM-01: what each fix makes of a score at the period's end, alone, together and left out."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest

from app.rules.scoring import OnDemandSegment, PairFacts, Stretch
from app.rules.what_if import (
    Fix,
    FixKind,
    Period,
    Prospect,
    Record,
    Running,
    Waiting,
    fix_of,
    fixes_of,
    outcome,
    running_period,
    simulate,
)

pytestmark = pytest.mark.feature("SIM-01")
DAY = dt.timedelta(days=1)
TODAY, FIRST, END = dt.date(2024, 5, 10), dt.date(2024, 4, 1), dt.date(2024, 6, 30)
LATER = dt.date(2025, 1, 1)
ALL = Fix(FixKind.KEEP, "0")


def lift(key: int = 1, **more: object) -> PairFacts:
    return PairFacts(**({"unit": 1, "elevator": key, "first_on": FIRST, "end_on": END, "interval_days": 15} | more))  # type: ignore[arg-type]


def running(limit: int = 5, until: dt.date = LATER, **more: object) -> Running:
    """Its limit so many days from today."""
    return Running(TODAY + DAY * limit, 15, until, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.QUARTER, "2024-04-01", "2024-06-30"), (Period.HALF, "2024-01-01", "2024-06-30"),
        (Period.YEAR, "2024-01-01", "2024-12-31"),
    ],
)  # fmt: skip
def test_the_running_period(period: Period, first: str, last: str) -> None:
    assert running_period(TODAY, period) == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    assert running_period(dt.date.fromisoformat(last), period)[0] == dt.date.fromisoformat(first)


@pytest.mark.parametrize(("said", "kind"), [("serve.12", FixKind.SERVE), ("keep.0", FixKind.KEEP)])
def test_a_fix_by_its_text(said: str, kind: FixKind) -> None:
    assert str(fix_of(said)) == said and fix_of(said).kind is kind  # type: ignore[union-attr]


@pytest.mark.parametrize("said", ["", "serve", "serve.", "kill.1", "keep." + "9" * 21])
def test_what_is_no_fix(said: str) -> None:
    assert fix_of(said) is None


def test_left_alone_each_limit_is_missed() -> None:
    # 05-15, 05-30, 06-14, 06-29; due ⌊90/15⌋.
    assert outcome(Prospect(lift(), running()), (), TODAY, END) == (6, 4)


@pytest.mark.parametrize(("limit", "missed"), [(51, 1), (52, 0)])
def test_the_limit_of_the_last_day_counts(limit: int, missed: int) -> None:
    assert (END - TODAY).days == 51
    assert outcome(Prospect(lift(), running(limit)), (), TODAY, END) == (6, missed)


def test_limits_after_the_cover_are_nobodys() -> None:
    held = Prospect(lift(end_on=TODAY + DAY * 19), running(until=TODAY + DAY * 19))
    # 05-15 alone; due ⌊58/15⌋.
    assert outcome(held, (), TODAY, END) == (3, 1)


def test_all_on_time_misses_nothing() -> None:
    assert outcome(Prospect(lift(), running()), {ALL}, TODAY, END) == (6, 0)


@pytest.mark.parametrize(("days", "missed"), [("7", 3), ("30", 2)])
def test_on_time_for_a_while(days: str, missed: int) -> None:
    assert outcome(Prospect(lift(), running()), {Fix(FixKind.KEEP, days)}, TODAY, END) == (6, missed)


def test_a_visit_due_on_the_last_day_ahead_is_one_of_them() -> None:
    week = Fix(FixKind.KEEP, "7")
    assert week in set(fixes_of(Prospect(lift(), running(7)), TODAY, END))
    assert week not in set(fixes_of(Prospect(lift(), running(8)), TODAY, END))


def test_an_overdue_elevator_served_today_starts_anew_today() -> None:
    held = Prospect(lift(overdue=2), running(12, missed=True))
    serve = Fix(FixKind.SERVE, "1")
    assert serve in set(fixes_of(held, TODAY, END))
    # 05-22, 06-06, 06-21 become 05-25, 06-09, 06-24.
    assert outcome(held, (), TODAY, END) == (6, 5)
    assert outcome(held, {serve}, TODAY, END) == (6, 5)
    later = Prospect(lift(overdue=2), running(6, missed=True))
    assert outcome(later, (), TODAY, END)[1] == 6
    assert outcome(later, {serve}, TODAY, END)[1] == 5


def test_what_is_not_overdue_needs_no_such_fix() -> None:
    assert not [f for f in fixes_of(Prospect(lift(), running(0)), TODAY, END) if f.kind is FixKind.SERVE]
    assert [f for f in fixes_of(Prospect(lift(), running(-1)), TODAY, END) if f.kind is FixKind.SERVE]


def test_a_waiting_record_fails_or_becomes_valid() -> None:
    record = Record(7, TODAY - DAY, frozenset({Waiting.SHEET, Waiting.REVIEW}), fails=True)
    held = Prospect(lift(valid_visits=1), running(60), (record,))
    sheet, review = (Fix(FixKind.COMPLETE, name) for name in ("sheet", "review"))
    assert outcome(held, (), TODAY, END) == (6, 1)
    assert outcome(held, {sheet}, TODAY, END) == (6, 1), "half done is not done"
    assert outcome(held, {sheet, review}, TODAY, END) == (6, 0)


def test_a_record_that_waits_for_ever_does_not_fail() -> None:
    record = Record(7, TODAY - DAY, frozenset({Waiting.REVIEW}))
    assert outcome(Prospect(lift(), running(60), (record,)), (), TODAY, END) == (6, 0)


def test_an_open_record_that_is_closed_counts_from_its_day() -> None:
    record = Record(7, TODAY - DAY, frozenset({Waiting.CLOSE}))
    held = Prospect(lift(overdue=1), running(2, missed=True), (record,))
    assert outcome(held, (), TODAY, END)[1] == 5
    # From 05-09 on: 05-24, 06-08, 06-23.
    assert outcome(held, {Fix(FixKind.COMPLETE, "close")}, TODAY, END)[1] == 4


def test_corrected_records_and_enough_valid_ones_forgive() -> None:
    held = Prospect(lift(valid_visits=4, nonconforming=2), running(60), (), (7, 8))
    one, other = Fix(FixKind.CORRECT, "7"), Fix(FixKind.CORRECT, "8")
    assert outcome(held, (), TODAY, END) == (6, 2)
    assert outcome(held, {one}, TODAY, END) == (6, 1)
    assert outcome(held, {one, other}, TODAY, END) == (6, 0)
    forgiven = Prospect(lift(valid_visits=5, nonconforming=2), running(60), (), (7, 8))
    assert outcome(forgiven, {one}, TODAY, END) == (6, 0), "six valid of six due forgive the other one"


def test_renewal_asks_for_more_and_pays_only_with_visits() -> None:
    until = TODAY + DAY * 19
    held = Prospect(lift(end_on=until), running(until=until, contract=3))
    renew = Fix(FixKind.RENEW, "3")
    assert outcome(held, {renew}, TODAY, END) == (6, 4)
    assert outcome(held, {renew, ALL}, TODAY, END) == (6, 0)
    assert renew not in set(fixes_of(Prospect(lift(), running(until=END, contract=3)), TODAY, END))


def test_the_first_visit_of_the_period_begins_the_count() -> None:
    held = Prospect(lift(first_on=None), running(5))
    assert outcome(held, (), TODAY, END) == (0, 4)
    # First on 05-15: ⌊46/15⌋.
    assert outcome(held, {ALL}, TODAY, END) == (3, 0)


def test_earlier_runs_stay_and_the_running_one_grows() -> None:
    gone = lift(end_on=dt.date(2024, 4, 20), later=(Stretch(dt.date(2024, 5, 1), TODAY + DAY * 9),))
    held = Prospect(gone, running(until=TODAY + DAY * 9, contract=3))
    assert outcome(held, (), TODAY, END)[0] == 1 + 1
    assert outcome(held, {Fix(FixKind.RENEW, "3")}, TODAY, END)[0] == 1 + 4


def test_an_approved_longer_interval_keeps_its_own_days() -> None:
    slower = lift(on_demand=(OnDemandSegment(60, 30),))
    assert outcome(Prospect(slower, running(60)), (), TODAY, END)[0] == slower.due == 4


def test_an_elevator_of_another_unit_by_now_only_keeps_what_was() -> None:
    held = Prospect(lift(end_on=TODAY - DAY, overdue=1, nonconforming=1), None, (), (7,))
    assert outcome(held, {ALL}, TODAY, END) == (2, 2)
    assert list(fixes_of(held, TODAY, END)) == [Fix(FixKind.CORRECT, "7")]


def test_nothing_at_all_is_no_data() -> None:
    made = simulate([], {ALL}, TODAY, END)
    assert made.nothing.no_data and made.everything.no_data and made.offers == []


def test_fixes_do_not_add_up_and_unknown_ones_change_nothing() -> None:
    held = [Prospect(lift(valid_visits=4, nonconforming=4), running(60), (), (1, 2, 3, 4))]
    made = simulate(held, {Fix(FixKind.CORRECT, "1"), Fix(FixKind.CORRECT, "2"), Fix(FixKind.SERVE, "99")}, TODAY, END)
    one = made.gain(next(o for o in made.offers if o.fix.key == "1"))[0]
    # 4 of 6 fail; one corrected: 3 of 6; two: six valid of six due, nothing fails any more.
    assert (made.nothing.points, made.chosen.points) == (Decimal("5.33"), Decimal("16.00"))
    assert made.chosen.exact - made.nothing.exact > 2 * one > 0


def drawn(rng: random.Random, key: int) -> Prospect:
    until = TODAY + DAY * rng.choice((10, 30, 400))
    pair = lift(
        key, first_on=rng.choice((None, FIRST, TODAY - DAY * 20)), end_on=min(until, END), overdue=rng.randint(0, 2),
        nonconforming=rng.randint(0, 2), valid_visits=rng.randint(0, 6),
    )  # fmt: skip
    waits = rng.sample(list(Waiting), rng.randint(1, 2))
    records = tuple(
        Record(key * 10 + n, TODAY - DAY * n, frozenset(waits), rng.random() < 0.5) for n in range(rng.randint(0, 2))
    )
    clock = running(rng.randint(-3, 20), until, contract=rng.choice((None, 5, 6)), missed=rng.random() < 0.3)
    failing = tuple(key * 100 + n for n in range(pair.nonconforming))
    return Prospect(pair, rng.choice((clock, clock, None)), records, failing)


@pytest.mark.parametrize("seed", range(8))
def test_each_offer_is_what_choosing_it_gives(seed: int) -> None:
    """Offers are told by what changes; chosen ones are told from everything: the same."""
    rng = random.Random(seed)
    held = [drawn(rng, key) for key in range(12)]
    made = simulate(held, (), TODAY, END)
    every = {offer.fix for offer in made.offers}
    assert made.chosen == made.nothing and simulate(held, every, TODAY, END).chosen == made.everything
    for offer in made.offers:
        assert simulate(held, {offer.fix}, TODAY, END).chosen == offer.alone
        alike = {f for f in every if f.kind is FixKind.KEEP} if offer.fix.kind is FixKind.KEEP else {offer.fix}
        assert simulate(held, every - alike, TODAY, END).chosen == offer.without
    gains = [made.gain(offer) for offer in made.offers]
    assert gains == sorted(gains, reverse=True)
