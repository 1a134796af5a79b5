"""Random histories in the database, scored by the product and counted the long way: the same facts, unit by unit."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.models import PolicyValue, Score, ScoreEntry, ScoreRun, StatusChange
from app.models.score import lines_of
from app.rules.score_items import Item
from app.rules.scoring import tally
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import frame_of_run
from app.workflows.scores.score_sets import Event
from tests.factories import make_elevator, make_maintenance_unit, make_person
from tests.reference.clock import Cover, Overdue, Stop, Visit, clock_facts
from tests.reference.score import lost, pair_counts, unit_scores
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import LATER, put_cover, put_overdue, put_stop, put_visit, score

pytestmark = pytest.mark.feature("SCO-01", "LED-01")
START = day("2023-11-20")
DAYS = 240
DAY = dt.timedelta(days=1)
STATES = ["valid"] * 6 + ["nonconforming"] * 2 + ["awaiting", "pending", "void", "abnormal", "rejected"]
DISTRICTS = ("980402000000", "980403000000")  # in the second the never visited count


class History:
    """One drawn year of some elevators, as plain events and as rows."""

    def __init__(self, session: Any, seed: int) -> None:
        self.session, self.rng = session, random.Random(seed)
        known = at(day("2020-01-01"))
        session.add(
            PolicyValue(
                key="never_visited", region_code=DISTRICTS[1], value="contract", effective_on=day("2020-01-01"),
                known_at=known,
            )
        )  # fmt: skip
        # Every other history has an interval of its own there, too.
        self.interval_days = {DISTRICTS[0]: 15, DISTRICTS[1]: 11 if seed % 2 else 15}
        session.add(
            PolicyValue(
                key="limit_days", region_code=DISTRICTS[1], value=self.interval_days[DISTRICTS[1]],
                effective_on=day("2020-01-01"), known_at=known,
            )
        )  # fmt: skip
        self.firms = {name: make_maintenance_unit(session, f"单位{name}{seed}") for name in "ABC"}
        self.workers = {name: make_person(session, firm) for name, firm in self.firms.items()}
        self.visits: list[Visit] = []
        self.overdue: list[Overdue] = []
        self.corrected: dict[Overdue, dt.date] = {}
        self.covers: list[Cover] = []
        self.stops: list[Stop] = []
        self.in_use_on: dict[int, dt.date] = {}
        self.district: dict[int, str] = {}
        for _ in range(24):
            self._elevator()
        session.commit()

    def _day(self, low: int = 0, high: int = DAYS) -> dt.date:
        return START + DAY * self.rng.randint(low, high)

    def _elevator(self) -> None:
        rng = self.rng
        code = rng.choice(DISTRICTS)
        row = make_elevator(self.session, maintenance_unit=self.firms["A"], region_code=code, approved_on=None)
        self.district[row.id] = code
        covers, stops = self._covers(row), self._stops(row)
        used_on = self._day(-40, 60)
        self.in_use_on[row.id] = used_on
        self.session.add(
            StatusChange(
                entity="elevator", entity_id=row.id, field="status", old="notified", new="in_use", verb="x",
                effective_on=used_on, known_at=at(used_on),
            )
        )  # fmt: skip
        visits = []
        for _ in range(rng.choice((0, 0, 1, 6, 16))):
            visits.append(Visit(row.id, rng.choice("AABC"), self._day(), rng.choice(STATES)))
            firm = self.firms[visits[-1].unit]
            put_visit(self.session, row, firm, self.workers[visits[-1].unit], visits[-1].on, visits[-1].state)
        for period in clock_facts(row.id, visits, stops, covers, 15, 15, START + DAY * DAYS).overdue:
            withdrawn_on = period.limit_on + DAY * rng.randint(2, 40) if rng.random() < 0.2 else None
            put_overdue(
                self.session, row, self.firms[period.unit] if period.unit else None, period.limit_on,
                corrected_at=at(withdrawn_on) if withdrawn_on else None,
            )  # fmt: skip
            self.overdue.append(period)
            if withdrawn_on:
                self.corrected[period] = withdrawn_on
        self.visits += visits

    def _covers(self, row: Any) -> list[Cover]:
        rng, made, begin = self.rng, [], self.rng.randint(-30, 30)
        for _ in range(rng.randint(0, 4)):
            length = rng.randint(1, 90)
            cover = Cover(row.id, rng.choice("AAB"), START + DAY * begin, START + DAY * (begin + length - 1))
            put_cover(self.session, self.firms[cover.unit], row, cover.from_on, cover.to_on)
            made.append(cover)
            begin += length + rng.randint(0, 25)
        self.covers += made
        return made

    def _stops(self, row: Any) -> list[Stop]:
        made = []
        for _ in range(self.rng.choice((0, 0, 1, 2, 3))):
            begin = self._day()
            until = None if self.rng.random() < 0.2 else begin + DAY * self.rng.randint(1, 60)
            put_stop(self.session, row, begin, until)
            made.append(Stop(row.id, begin, until))
        self.stops += made
        return made

    def told(self, from_on: dt.date, to_on: dt.date, known_on: dt.date, districts: tuple[str, ...]) -> dict[str, Any]:
        """What the reference says of what was known when `known_on` began."""
        rows = []
        used = {elevator: on for elevator, on in self.in_use_on.items() if on < known_on}
        for code in districts:

            def here(event: Any, code: str = code) -> bool:
                return self.district[event.elevator] == code

            rows += pair_counts(
                from_on, to_on,
                [v for v in self.visits if here(v) and v.on < known_on],
                [o for o in self.overdue if here(o) and o.limit_on + DAY < known_on
                 and not (o in self.corrected and self.corrected[o] < known_on)],
                [c for c in self.covers if here(c) and c.from_on <= known_on],
                [s for s in self.stops if here(s) and s.from_on < known_on],
                interval_days=self.interval_days[code], in_use_on=used if code == DISTRICTS[1] else None,
            )  # fmt: skip
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for row in rows:
            for place, number in enumerate((row.overdue, row.nonconforming, row.valid, 1)):
                sums[row.unit][place] += number
        return {
            unit: (total.due, total.bad, total.points, *sums[unit]) for unit, total in unit_scores(rows).items()
        }

    def kept(self, run: ScoreRun) -> dict[str, Any]:
        names = {firm.id: name for name, firm in self.firms.items()}
        mine = select(Score).where(Score.run_id == run.id, Score.elevators > 0, Score.unit_id.in_(names))
        return {
            names[s.unit_id]: (s.due, s.bad, s.points, s.overdue, s.nonconforming, s.valid_visits, s.elevators)
            for s in self.session.scalars(mine)
        }


@pytest.mark.parametrize("seed", range(6))
def test_random_histories(session: Any, world: Any, seed: int) -> None:
    history = History(session, seed)
    rng = random.Random(seed)
    for _ in range(5):
        begin = rng.randint(-10, 150)
        from_on = START + DAY * begin
        to_on = from_on + DAY * rng.randint(0, 150)
        known_on = START + DAY * rng.randint(begin, DAYS + 40)
        for region, districts in (("980400000000", DISTRICTS), (DISTRICTS[1], DISTRICTS[1:])):
            run = score(
                session, from_on.isoformat(), to_on.isoformat(), as_of=at(known_on, 0), region=region, now=LATER
            )
            kept = history.kept(run)
            assert kept == history.told(from_on, to_on, known_on, districts), (seed, from_on, to_on, known_on, region)
            again = score(
                session, from_on.isoformat(), to_on.isoformat(), as_of=at(known_on, 0), region=region, now=LATER
            )
            assert again.digest == run.digest
            assert_ledger(session, run)
            assert_same_by_sets(session, run)


def assert_same_by_sets(session: Any, run: ScoreRun) -> None:
    """What all pairs come to at once is what each comes to by itself, and each failure has its row."""
    for frame in (frame_of_run(run), replace(frame_of_run(run), present=True)):
        facts = Facts(session, frame)
        units = sorted(facts.units_judged())
        if not units:
            continue
        found, pairs = facts.judged(units[0], units[-1]), facts.pairs(units[0], units[-1])
        assert {*found.units, *found.unfailing} == {*pairs}
        missed, failed = _by_pair(found.missed), _by_pair(found.nonconforming)
        judged_pairs = {(unit, one[0]) for unit, some in found.units.items() for one in some}
        assert {*missed, *failed} <= judged_pairs
        for unit, held in pairs.items():
            judged = found.units.get(unit, [])
            assert tally(judged, found.unfailing.get(unit, ())) == tally(pair.judged for pair in held)
            for elevator, _due, overdue, nonconforming, _valid in judged:
                assert len(missed[unit, elevator]) == overdue
                assert len(failed[unit, elevator]) == nonconforming


def _by_pair(found: dict[int, list[Event]]) -> dict[tuple[int, int], list[Event]]:
    """The rows behind failures by pair; of a unit they stand in order of elevator, day and id."""
    by_pair: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for unit, events in found.items():
        assert events == sorted(events)
        for event in events:
            by_pair[unit, event[0]].append(event)
    return by_pair


def assert_ledger(session: Any, run: ScoreRun) -> None:
    for held in session.scalars(select(Score).where(Score.run_id == run.id, Score.points.is_not(None))):
        entries = session.scalars(select(ScoreEntry).where(lines_of(held.id, Item.MAINTENANCE))).all()
        missing = 16 - lost(entries)
        assert abs(missing - float(held.points)) <= 0.005 + 1e-9
        assert missing >= 0
