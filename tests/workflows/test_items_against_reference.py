"""Random records of SCO-02 to SCO-06 in the database, scored by the product and counted the long way."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.models import Contract, ContractElevator, Score, ScoreEntry, ScoreRun
from app.models.score import lines_of
from app.rules.score_items import Item
from app.workflows.scores.score_items import COUNTS
from tests.factories import make_elevator, make_maintenance_unit, make_use_unit
from tests.reference import items
from tests.reference.items import At, Called, Changed, Complained, Held, Inspected, Trapped
from tests.reference.score import lost
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_change, put_complaint, put_inspection, put_rescue
from tests.workflows.score_world import LATER, put_cover, score

pytestmark = pytest.mark.feature("SCO-02", "SCO-03", "SCO-04", "SCO-05", "SCO-06", "LED-01")
START = day("2024-10-01")
DAYS = 150
DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)


class Records:
    """Drawn records of a few elevators of three firms, as plain events and as rows."""

    def __init__(self, session: Any, seed: int) -> None:
        self.session, self.rng = session, random.Random(seed)
        for model in (ContractElevator, Contract):
            session.execute(delete(model))
        self.firms = {name: make_maintenance_unit(session, f"单位{name}{seed}") for name in "ABC"}
        self.use_units = [0, *(make_use_unit(session).id for _ in range(3))]
        self.complained: list[Complained] = []
        self.inspected: list[Inspected] = []
        self.changed: list[Changed] = []
        self.trapped: list[Trapped] = []
        self.held: list[Held] = []
        for _ in range(7):
            row = make_elevator(session, maintenance_unit=self.firms["A"])
            for _ in range(3):
                self._complaint(row)
                self._inspection(row)
                self._change(row)
                self._rescue(row)
            self._covers(row)
        session.commit()

    def _instant(self) -> dt.datetime:
        return at(START, 0) + MINUTE * self.rng.randint(0, DAYS * 24 * 60)

    def _after(self, begin: At, unit: dt.timedelta, limit: int, missing: float = 0.1) -> At:
        """A step after another: never, in time, just at the limit, or late."""
        if begin is None or self.rng.random() < missing:
            return None
        whole = self.rng.choice((limit * unit, limit * unit + dt.timedelta(seconds=1)))
        return begin + self.rng.choice((whole, unit * self.rng.randint(0, limit), unit * self.rng.randint(0, limit)))

    def _complaint(self, row: Any) -> None:
        rng, begin = self.rng, self._instant()
        accepted = self._after(begin, HOUR, 24)
        handled = self._after(accepted, HOUR, 72)
        reviewed = self._after(handled, HOUR, 48)
        again = None
        if reviewed is not None and rng.random() < 0.3:
            handled_again = self._after(reviewed, HOUR, 72)
            again = (handled_again, self._after(handled_again, HOUR, 48))
        last = max(one for one in (begin, accepted, handled, reviewed, *(again or ())) if one is not None)
        ended = last + HOUR * rng.randint(1, 99) if rng.random() < 0.25 else None
        told = Complained(
            rng.choice("AABC"), row.id, begin, accepted, handled, reviewed, again, ended,
            ended is not None and rng.random() < 0.4,
        )  # fmt: skip
        self.complained.append(told)
        put_complaint(self.session, row, self.firms[told.unit], told, LATER)

    def _inspection(self, row: Any) -> None:
        rng = self.rng
        known = self._instant()
        result = rng.choice(("passed", "passed", "failed", "passed_again"))
        told = Inspected(
            rng.choice("AABC"), row.id, (known - DAY * rng.randint(0, 9)).date(),
            rng.choice(("supervision", "periodic", "periodic", "test", "self_test", "governor", "brake")), result,
            result != "passed" and rng.random() < 0.7, known, known + DAY * 9 if rng.random() < 0.2 else None,
            rng.random() < 0.5,
        )  # fmt: skip
        self.inspected.append(told)
        put_inspection(self.session, row, self.firms[told.unit], told)

    def _change(self, row: Any) -> None:
        rng = self.rng
        applied = self._instant()
        states = ["submitted", *rng.choice(([], ["accepted"], ["returned", "submitted"]))]
        states += rng.choice(([], ["approved"], ["approved"], ["rejected"], ["withdrawn"]))
        steps = tuple((applied + HOUR * 30 * number, state) for number, state in enumerate(states))
        on = items.day_of(applied)
        told = Changed(
            rng.choice("AABC"), rng.choice(self.use_units), on - DAY * rng.choice((0, 3, 7, 8, 20)), on, steps
        )
        self.changed.append(told)
        put_change(self.session, row, self.firms[told.unit], told)

    def _rescue(self, row: Any) -> None:
        rng, begin = self.rng, self._instant()
        owner = rng.choice(("A", "A", "B", None))
        limit = rng.choice((30, 60))
        calls, ends = [], [begin]
        for level, unit in ((1, owner), (2, rng.choice("ABC"))):
            if unit is None or (level == 2 and rng.random() < 0.5):
                continue
            called = begin + MINUTE * rng.randint(0, 5)
            accepted = self._after(called, MINUTE, 3)
            arrived = self._after(accepted, MINUTE, 18)
            done = self._after(accepted, MINUTE, limit, 0.3)
            ended, reason = done, None
            if done is None and rng.random() < 0.7:
                ended = max(called, accepted or called, arrived or called) + MINUTE * rng.randint(0, 40)
                reason = rng.choice(("returned", "replaced", "escalated", "relieved", "closed"))
            calls.append(Called(unit, level, called, accepted, arrived, done, ended, reason))
            ends.append(ended or called)
        told = Trapped(
            owner, row.id, begin, tuple(calls), max(ends) + MINUTE if rng.random() < 0.95 else None,
            rng.choice(("entrapment",) * 5 + ("false_alarm", "cleaning")),
            rng.choice(("power_cut", "door_operator", "control_board")), limit,
            bool(self.trapped) and rng.random() < 0.08,
        )  # fmt: skip
        if told.ended is None and any(t.elevator == row.id and t.ended is None for t in self.trapped):
            return
        self.trapped.append(told)
        put_rescue(self.session, row, told, self.firms)

    def _covers(self, row: Any) -> None:
        begin = self.rng.randint(-30, 30)
        for _ in range(self.rng.randint(0, 4)):
            length = self.rng.randint(1, 60)
            held = Held(self.rng.choice("AAB"), row.id, START + DAY * begin, START + DAY * (begin + length - 1))
            put_cover(self.session, self.firms[held.unit], row, held.from_on, held.to_on)
            self.held.append(held)
            begin += length + self.rng.randint(0, 25)

    def told(self, unit: str, first: dt.date, last: dt.date, now: dt.datetime) -> dict[Item, Any]:
        frame = (unit, first, last, now)
        held = [h for h in self.held if h.from_on <= items.day_of(now)]
        return {
            Item.RESCUE: items.rescue(self.trapped, *frame),
            Item.FEEDBACK: items.feedback(self.complained, *frame),
            Item.INSPECTION: items.inspection(self.inspected, *frame),
            Item.FAULT: items.fault(self.trapped, held, *frame),
            Item.CHANGE: items.change(self.changed, *frame),
        }


@pytest.mark.parametrize("seed", range(6))
def test_random_records(session: Any, world: Any, seed: int) -> None:
    records = Records(session, seed)
    rng = random.Random(seed)
    for _ in range(6):
        begin = rng.randint(-10, 120)
        first = START + DAY * begin
        last = first + DAY * rng.randint(0, 120)
        known_on = START + DAY * rng.randint(begin + 1, DAYS + 40)
        now = at(known_on, 0)
        run = score(session, first.isoformat(), last.isoformat(), as_of=now, now=LATER)
        kept = of_units(session, run)
        for name, firm in records.firms.items():
            told = records.told(name, first, last, now)
            held = kept.get(firm.id)
            for item, expected in told.items():
                if held is None:
                    assert expected[0] is None, (seed, name, item, first, last, now)
                    continue
                stored = getattr(held, f"{item}_points"), *(getattr(held, f"{item}_{n}") for n in COUNTS[item])
                assert stored == expected, (seed, name, item, first, last, now)
                assert_sums(session, held, item)
        assert_ranks([*kept.values()])
        again = score(session, first.isoformat(), last.isoformat(), as_of=now, now=LATER)
        assert (again.id, again.items_digest) == (run.id, run.items_digest)


def of_units(session: Any, run: ScoreRun) -> dict[int, Score]:
    return {held.unit_id: held for held in session.scalars(select(Score).where(Score.run_id == run.id))}


def assert_sums(session: Any, held: Score, item: Item) -> None:
    """The lines of an item sum to what its points miss of 16; of what has no data there are none."""
    lines = session.scalars(select(ScoreEntry).where(lines_of(held.id, item)).order_by(ScoreEntry.id)).all()
    points = getattr(held, f"{item}_points")
    if points is None:
        assert not lines
        return
    exact = 16 - lost(lines)
    assert Fraction(points) - Fraction(1, 200) <= exact < Fraction(points) + Fraction(1, 200)


def assert_ranks(held: list[Score]) -> None:
    for points, rank in (("points", "rank"), ("total", "total_rank"), *((f"{i}_points", f"{i}_rank") for i in COUNTS)):
        values = [getattr(one, points) for one in held]
        for one in held:
            value = getattr(one, points)
            better = None if value is None else 1 + sum(other is not None and other > value for other in values)
            assert getattr(one, rank) == better
