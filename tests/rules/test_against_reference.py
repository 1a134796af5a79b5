"""The rules, composed as a workflow composes them, against a walk day by day over random histories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.rules.schedule import (
    Clock,
    Pause,
    change_unit,
    clock_from,
    merged_pauses,
    pause,
    resume,
    roll,
    start_clock,
)
from app.rules.scoring import (
    PairFacts,
    Stretch,
    between,
    losses,
    on_demand_segment,
    paused_days,
    stretches,
    tally,
)
from tests.formulas import maintenance_score
from tests.reference.clock import COUNTED, Cover, Overdue, Slower, Stop, Visit, clock_facts
from tests.reference.score import pair_counts, unit_scores

START = date(2023, 11, 20)  # so that histories cross a year's end and a 29 February
DAYS = 200
STATES = ["valid", "awaiting", "nonconforming", "pending", "void", "abnormal", "rejected"]

offsets = st.integers(0, DAYS)


def day(n: int) -> date:
    return START + timedelta(days=n)


@st.composite
def stop_lists(draw: st.DrawFn, elevator: int = 1) -> list[Stop]:
    stops = []
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(offsets)
        length = draw(st.one_of(st.none(), st.integers(1, 60)))
        stops.append(Stop(elevator, day(begin), None if length is None else day(begin + length)))
    return stops


@st.composite
def cover_lists(draw: st.DrawFn, elevator: int = 1) -> list[Cover]:
    covers, at = [], draw(st.integers(-30, 30))
    for _ in range(draw(st.integers(0, 4))):
        length = draw(st.integers(1, 90))
        covers.append(Cover(elevator, draw(st.sampled_from("AB")), day(at), day(at + length - 1)))
        at += length + draw(st.integers(0, 25))
    return covers


@dataclass
class Driven:
    clock: Clock | None
    limits: list[date]
    missed: int


def drive(
    visits: list[Visit], stops: list[Stop], covers: list[Cover], interval: int, limit: int, through: date
) -> Driven:
    """What the product does: roll to yesterday, apply what happened today, in the order of the day."""
    merged = merged_pauses([Pause(s.from_on, s.until_on) for s in stops])
    takeovers = {b.from_on for a, b in pairwise(covers) if a.unit != b.unit}
    counted = {v.on for v in visits if v.state in COUNTED}
    marks = counted | takeovers | {p.from_on for p in merged} | {p.until_on for p in merged if p.until_on}
    state = Driven(None, [], 0)

    def judge(until: date) -> None:
        if state.clock is not None:
            state.clock, missed = roll(state.clock, until, limit)
            state.limits += missed
            state.missed += len(missed)

    for mark in sorted(m for m in marks if m <= through):
        judge(mark - timedelta(days=1))
        clock = state.clock
        stood = any(p.from_on <= mark and (p.until_on is None or mark < p.until_on) for p in merged)
        if clock is not None:
            if clock.paused_on is not None and not stood:
                clock = resume(clock, mark)
            if stood:
                clock = pause(clock, mark)
            if mark in takeovers:
                if state.missed:
                    clock = change_unit(clock, mark, interval, limit, missed=True)
                    state.missed = 0
                else:
                    clock = change_unit(clock, mark, interval, limit, missed=False)
        if mark in counted:
            clock, state.missed = start_clock(mark, interval, limit), 0
            clock = pause(clock, mark) if stood else clock
        state.clock = clock
    judge(through)
    return state


@pytest.mark.feature("PLN-01", "PLN-10", "PLN-11")
@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.builds(Visit, st.just(1), st.just("A"), offsets.map(day), st.sampled_from(STATES)), max_size=10),
    stop_lists(),
    cover_lists(),
    st.sampled_from([14, 15]),
    st.sampled_from([15, 30]),
    offsets,
)
@example(
    [Visit(1, "A", day(0))],
    [Stop(1, day(1))],
    [Cover(1, "A", day(0), day(1)), Cover(1, "B", day(16), day(16))],
    14,
    15,
    16,
)
def test_clock_equals_the_walk(
    visits: list[Visit], stops: list[Stop], covers: list[Cover], interval: int, limit: int, end: int
) -> None:
    through = day(end)
    told = clock_facts(1, visits, stops, covers, interval, limit, through)
    driven = drive(visits, stops, covers, interval, limit, through)
    assert driven.limits == [o.limit_on for o in told.overdue]
    if driven.clock is None:
        assert told.limit_on is None
        return
    assert driven.missed == told.missed
    assert (driven.clock.paused_on is not None) == told.standing
    if told.standing:
        assert driven.clock.remaining_days == told.left_days
        assert driven.clock.plan_remaining_days == told.plan_left_days
    else:
        assert driven.clock.limit_on == told.limit_on
        assert driven.clock.planned_on == told.planned_on


@pytest.mark.feature("PLN-11")
@settings(max_examples=200, deadline=None)
@given(offsets, stop_lists(), st.sampled_from([14, 15]), offsets)
def test_replay_equals_the_walk(anchor: int, stops: list[Stop], interval: int, end: int) -> None:
    through = day(anchor + end)
    told = clock_facts(1, [Visit(1, "A", day(anchor))], stops, [], interval, 15, through)
    clock, missed = clock_from(day(anchor), interval, 15, [Pause(s.from_on, s.until_on) for s in stops], through)
    assert missed == [o.limit_on for o in told.overdue]
    if told.standing:
        assert (clock.remaining_days, clock.plan_remaining_days) == (told.left_days, told.plan_left_days)
    else:
        assert (clock.limit_on, clock.planned_on) == (told.limit_on, told.planned_on)


def pair_facts(
    unit: str,
    elevator: int,
    period: tuple[date, date],
    visits: list[Visit],
    overdue: list[Overdue],
    covers: list[Cover],
    stops: list[Stop],
    slower: list[Slower],
) -> PairFacts:
    """Counts as SQL would make them, then the product's formula takes over."""
    begin, end = period
    own = [v for v in visits if v.unit == unit and v.elevator == elevator and begin <= v.on <= end]
    live = [c for c in covers if c.unit == unit and c.elevator == elevator and c.from_on <= end and c.to_on >= begin]
    pauses = [Pause(s.from_on, s.until_on) for s in stops if s.elevator == elevator]
    mine = [o for o in overdue if o.elevator == elevator and begin <= o.limit_on <= end]
    counts = [o for o in mine if any(c.from_on <= o.limit_on <= c.to_on for c in live)]
    held = [(c.from_on, c.to_on) for c in covers if c.unit == unit and c.elevator == elevator and c.from_on <= end]
    others = [(c.from_on, c.to_on) for c in covers if c.unit != unit and c.elevator == elevator]
    days = sorted(v.on for v in own if v.state in COUNTED)
    runs = []
    for first, last in stretches(held, begin, end) if held else between(others, begin, end):
        first_on = next((on for on in days if first <= on <= last), None)
        if first_on is None:
            continue
        segments = [
            on_demand_segment(s.from_on, s.to_on, s.interval_days, pauses, first_on, last)
            for s in slower
            if s.elevator == elevator
        ]
        runs.append(Stretch(first_on, last, paused_days(pauses, first_on, last), tuple(segments)))
    first_run = runs[0] if runs else Stretch(None, end)
    return PairFacts(
        unit,
        elevator,
        first_run.first_on,
        first_run.end_on,
        15,
        paused_days=first_run.paused_days,
        on_demand=first_run.on_demand,
        later=tuple(runs[1:]),
        overdue=len(counts),
        nonconforming=sum(v.state == "nonconforming" for v in own),
        valid_visits=sum(v.state == "valid" for v in own),
    )


@pytest.mark.feature("SCO-01", "LED-01")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_score_and_ledger_equal_the_long_way(data: st.DataObject) -> None:
    visits: list[Visit] = []
    covers: list[Cover] = []
    stops: list[Stop] = []
    overdue: list[Overdue] = []
    slower: list[Slower] = []
    for elevator in (1, 2):
        made = st.builds(
            Visit, st.just(elevator), st.sampled_from("AB"), offsets.map(day), st.sampled_from(STATES)
        )
        own = data.draw(st.lists(made, max_size=12))
        own_covers, own_stops = data.draw(cover_lists(elevator)), data.draw(stop_lists(elevator))
        if data.draw(st.booleans()):
            slower.append(Slower(elevator, day(60), day(data.draw(st.integers(60, 160))), 30))
        visits += own
        covers += own_covers
        stops += own_stops
        overdue += clock_facts(elevator, own, own_stops, own_covers, 15, 15, day(DAYS)).overdue
    begin = data.draw(st.integers(0, 60))
    period = (day(begin), day(begin + data.draw(st.integers(30, 130))))
    rows = pair_counts(*period, visits, overdue, covers, stops, slower)
    told = unit_scores(rows)
    for unit, expected in told.items():
        pairs = [
            pair_facts(unit, r.elevator, period, visits, overdue, covers, stops, slower)
            for r in rows
            if r.unit == unit
        ]
        score = maintenance_score(pairs)
        assert (score.due, score.bad, score.points) == (expected.due, expected.bad, expected.points)
        lost = sum((row.lost for row in losses(tally(p.judged for p in pairs))), Fraction(0))
        assert lost == score.lost
