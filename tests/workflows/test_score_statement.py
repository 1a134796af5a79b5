"""The bench's one statement tells the same of random histories as the product's run, in the databases and in DuckDB."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.models import Application, OnDemandInterval
from app.workflows.scores.score_frame import frame_of_run
from bench.baselines import score_statement
from tests.workflows.clock_world import at
from tests.workflows.score_world import LATER, score
from tests.workflows.test_scores_against_reference import DAY, DISTRICTS, START, History

pytestmark = pytest.mark.feature("SCO-01")


def put_longer(history: History) -> None:
    """Longer intervals of some elevators, some of them ended early, one after the other."""
    rng, session = history.rng, history.session
    for elevator_id, code in history.district.items():
        begin = START + DAY * rng.randint(0, 60)
        for _ in range(rng.choice((0, 1, 2))):
            end = begin + DAY * rng.randint(5, 80)
            closed_on = begin + (end - begin) // 2 if rng.random() < 0.3 else None
            unit = history.firms[rng.choice("AAB")]
            asked = Application(
                number=f"{elevator_id}-{begin}", kind="on_demand", is_open=False, entity="elevator",
                entity_id=elevator_id, title="按需维保", region_code=code,
            )  # fmt: skip
            session.add(asked)
            session.flush()
            session.add(
                OnDemandInterval(
                    elevator_id=elevator_id, unit_id=unit.id, region_code=code, from_on=begin, to_on=end,
                    interval_days=rng.choice((20, 30, 31, 45)), known_at=at(begin), closed_on=closed_on,
                    closed_at=at(closed_on) if closed_on else None,
                    application_id=asked.id,
                )
            )  # fmt: skip
            begin = end + DAY * rng.randint(1, 20)
    session.commit()


@pytest.mark.parametrize("seed", range(4))
def test_random_histories(session: Any, world: Any, tmp_path: Path, seed: int) -> None:
    history = History(session, seed)
    put_longer(history)
    for turn, region in enumerate((None, "980400000000", DISTRICTS[1])):
        from_on = START + DAY * history.rng.randint(-10, 150)
        to_on = from_on + DAY * history.rng.randint(0, 150)
        # Long after: every record is settled, every state the one that is known.
        now = LATER + dt.timedelta(minutes=turn)
        run = score(session, from_on.isoformat(), to_on.isoformat(), region=region, now=now)
        frame = replace(frame_of_run(run), present=True)
        kept = score_statement.stored(session, run.id)
        assert kept
        for asked in (score_statement.Asked(session, frame), score_statement.Memory(session, frame, tmp_path)):
            assert score_statement.figures(asked.rows()) == kept, (type(asked), from_on, to_on, region)
        session.rollback()
