"""The bench's one statement for all six items tells the same of random records as the product's run."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select, update

from app.models import Appeal, Complaint, Elevator, Inspection, Rescue, UnitChange
from app.workflows.scores.score_frame import frame_of_run
from bench.baselines import items_statement, score_statement
from tests.reference.items import Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_rescue
from tests.workflows.score_world import LATER, score
from tests.workflows.test_items_against_reference import DAY, DAYS, START, Records
from tests.workflows.test_score_statement import put_longer
from tests.workflows.test_scores_against_reference import DISTRICTS, History
from tests.workflows.test_scores_against_reference import START as HISTORY

pytestmark = pytest.mark.feature("SCO-01", "SCO-02", "SCO-03", "SCO-04", "SCO-05", "SCO-06", "SCO-07")


def uphold_some(records: Records) -> None:
    """Appeals that were upheld one day, of every kind."""
    session, rng = records.session, records.rng
    for model in (Rescue, Complaint, Inspection):
        for key in session.scalars(select(model.id)).all():
            if rng.random() < 0.15:
                upheld = {"appeal_upheld_at": at(START + DAY * rng.randint(0, DAYS))}
                session.execute(update(model).where(model.id == key).values(**upheld))
    for change in session.scalars(select(UnitChange)).all():
        if rng.random() < 0.3:
            session.add(
                Appeal(
                    unit_id=change.new_unit_id, region_code=change.region_code, entity="unit_change",
                    entity_id=change.id, happened_on=change.due_on, said="x", grounds="x",
                    state=rng.choice(("approved", "approved", "submitted", "withdrawn")),
                    in_force_from=at(START + DAY * rng.randint(0, DAYS)),
                )
            )  # fmt: skip
    session.commit()


def trap_often(records: Records) -> None:
    """Two to five times in an elevator, by the unit that has it under contract then."""
    made: set[int] = set()
    for held in records.held:
        if held.elevator in made or held.from_on < START:
            continue
        made.add(held.elevator)
        row = records.session.get(Elevator, held.elevator)
        for _ in range(2 + len(made) % 4):
            told = Trapped(held.unit, row.id, at(held.from_on), (), at(held.from_on, 13), "entrapment", "door_operator")
            put_rescue(records.session, row, told, records.firms)
    records.session.commit()


def counted(figures: dict[int, tuple[Any, ...]]) -> set[str]:
    """Which of the figures are told of anybody."""
    names = items_statement.COLUMNS
    return {name for told in figures.values() for name, value in zip(names, told, strict=True) if value}


@pytest.mark.parametrize("seed", range(3))
def test_random_records(session: Any, world: Any, seed: int) -> None:
    records = Records(session, seed)
    trap_often(records)
    uphold_some(records)
    # Its visits, contracts and missed periods are of the year before and all settled.
    history = History(session, seed + 50)
    put_longer(history)
    rng = random.Random(seed)
    drawn = [
        (region, START - DAY * rng.randint(0, 300), START + DAY * rng.randint(0, DAYS), known)
        for region in (None, "980400000000", *DISTRICTS) for known in [START + DAY * rng.randint(20, DAYS + 40)]
    ]
    seen: set[str] = set()
    for region, from_on, to_on, known_on in [(None, HISTORY, day("2024-12-31"), START + DAY * 999), *drawn]:
        known_at = at(known_on, 0)
        run = score(session, from_on.isoformat(), to_on.isoformat(), as_of=known_at, region=region, now=LATER)
        kept = items_statement.stored(session, run.id)
        told = items_statement.figures(items_statement.Asked(session, frame_of_run(run)).rows())
        assert told == kept, (from_on, to_on, known_at, region)
        seen |= counted(kept)
        session.rollback()
    # Not every history has somebody who was forgiven, or a third entrapment.
    assert len(seen) >= len(items_statement.COLUMNS) - 3, {*items_statement.COLUMNS} - seen


def test_the_first_seven_are_those_of_the_statement_for_one(session: Any, world: Any) -> None:
    history = History(session, 3)
    from_on, to_on = HISTORY, HISTORY + DAY * 120
    run = score(session, from_on.isoformat(), to_on.isoformat(), now=LATER)
    frame = frame_of_run(run)
    one = score_statement.figures(score_statement.Asked(session, frame).rows())
    six = items_statement.figures(items_statement.Asked(session, frame).rows())
    assert one
    assert one == {unit: told[:7] for unit, told in six.items() if told[0]}
    assert {firm.id for firm in history.firms.values()} & {*one}
