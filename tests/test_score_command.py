"""`flask score` as scripts call it, and the score job on the row of the jobs page."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Job, Score, ScoreRun
from app.tasks import jobs as task
from app.transaction import transaction
from app.workflows.core import jobs
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = pytest.mark.feature("SCO-01")


@pytest.fixture
def scored(session: Any, world: Any) -> Any:
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_overdue(session, world.own, world.firm, day("2021-01-16"))
    session.commit()
    return world


def call(app: Any, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["score", *arguments])


@pytest.mark.feature("LED-01")
def test_json_and_again(app: Any, scored: Any, session: Any) -> None:
    period = ("--from", "2021-01-01", "--to", "2021-03-31", "--region", "980402000000", "--as-of", "2021-06-01")
    first, second = (json.loads(call(app, *period, "--json").stdout) for _ in range(2))
    assert first == second
    assert (first["units"], first["ranked"], first["due"], first["bad"], first["state"]) == (1, 1, 5, 1, "final")
    assert first["as_of"] == "2021-05-31T16:00:00+00:00"
    assert session.scalar(select(func.count()).select_from(ScoreRun)) == 1
    assert str(session.scalar(select(Score.points))) == "12.80"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--from", "2021-02-01", "--to", "2021-01-01"), "截止日期不能早于起始日期"),
        (("--from", "2021-01-01", "--to", "2021-02-01", "--region", "12"), "区划代码为 12"),
        (("--from", "2021-01-01", "--to", "2021-02-01", "--as-of", "昨天"), "昨天 不是时间"),
        (("--from", "2021-01-01", "--to", "2021-02-01", "--as-of", "2999-01-01"), "还没有到"),
        (("--from", "2021-13-01", "--to", "2021-02-01"), "2021-13-01"),
    ],
)
def test_bad_input_is_told_and_nothing_is_stored(
    app: Any, scored: Any, session: Any, given: tuple[str, ...], said: str
) -> None:
    done = call(app, *given)
    assert done.exit_code != 0
    assert said in done.output
    assert not isinstance(done.exception, ValueError | TypeError)
    assert session.scalar(select(func.count()).select_from(ScoreRun)) == 0


@pytest.mark.feature("LED-01")
def test_the_job_runs_as_its_owner_and_twice_is_once(app: Any, scored: Any, session: Any) -> None:
    at_ = clock.now() - dt.timedelta(minutes=1)
    known = at(day("2021-06-01")).isoformat()
    params = {"region": None, "from_on": "2021-01-01", "to_on": "2021-03-31", "as_of": known}
    for _ in range(2):
        with transaction(session):
            job = jobs.enqueue(session, scored.actor("inspector"), at_, "score", "维护保养有效率", params)
        with app.app_context():
            assert task.run(job.id) == "done"
    session.rollback()
    run = session.scalars(select(ScoreRun)).one()
    assert run.region_code == "980402000000"
    results = session.scalars(select(Job.result).order_by(Job.id)).all()
    assert [r["digest"] for r in results] == [run.digest] * 2
