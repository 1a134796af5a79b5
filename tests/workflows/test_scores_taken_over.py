"""Visits of another platform in scores of before: known since their file was written to its end, to whoever looks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from app import clock, scope
from app.imports import batches, writing
from app.models import Contract, ContractElevator, ImportBatch, Region, Score, ScoreRun, Visit
from app.permissions import SYSTEM
from app.reports.bulletin import as_known
from app.reports.bulletin.asked import asked_of
from app.rules.periods import period_of
from app.transaction import transaction
from app.workflows.scores import score_facts, scores
from tests.factories import make_policy
from tests.imports.ground import AT, checked, workbook
from tests.workflows.clock_world import day
from tests.workflows.score_world import LATER, put_cover, put_visit, score

pytestmark = pytest.mark.feature("LED-01", "IMP-03")
DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
PERIOD = ("2024-03-01", "2024-06-30")
THEN, DISTRICT = LATER - DAY, "980402000000"
# Due, 不合规, valid. From 5 March on seven are due, and seven came: what failed is made up for.
WITHOUT, WITH = (6, 1, 1), (7, 0, 7)
CAME = ("2024-02-01", "2024-03-05", "2024-05-01", "2024-05-08", "2024-05-15", "2024-05-22", "2024-05-29")


@pytest.fixture
def free(session: Any, world: Any) -> Any:
    """One contract, two visits of which one is 不合规."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    put_cover(session, world.firm, world.own, day("2024-01-01"), day("2024-12-31"))
    put_visit(session, world.own, world.firm, world.worker, day("2024-04-01"))
    put_visit(session, world.own, world.firm, world.worker, day("2024-04-16"), state="nonconforming")
    session.commit()
    return world


def put_file(session: Any, world: Any, uploaded: dt.datetime, written: dt.datetime | None) -> None:
    """A regulator's file of seven visits."""
    batch = ImportBatch(
        kind="visits", file_name="x", created_at=uploaded, finished_at=written, region_code=DISTRICT,
        state="done" if written else "importing",
    )  # fmt: skip
    session.add(batch)
    session.flush()
    for on in CAME:
        visit = put_visit(session, world.own, world.firm, world.worker, day(on))
        visit.taken_over, visit.batch_id = True, batch.id
    session.commit()


def counted(session: Any, world: Any, as_of: dt.datetime = THEN) -> tuple[int, ...]:
    row = score(session, *PERIOD, as_of=as_of)
    held = session.scalar(select(Score).where(Score.run_id == row.id, Score.unit_id == world.firm.id))
    return held.due, held.bad, held.valid_visits


@pytest.mark.parametrize(
    ("written", "found"), [(THEN - MINUTE, WITH), (THEN, WITH), (THEN + HOUR, WITHOUT), (None, WITH)]
)
def test_visits_count_once_their_file_was_written(session: Any, free: Any, written: Any, found: Any) -> None:
    """Not since it was uploaded, but where nobody kept when it was written. Before, they count nothing due, forgive
    nothing, nor tell that the unit had come."""
    put_file(session, free, THEN - HOUR, written)
    assert counted(session, free) == found
    run = session.scalars(select(ScoreRun)).one()
    assert len(score_facts.visits_of(session, run, free.firm.id, free.own.id)) == (2 if found is WITHOUT else 8)
    assert counted(session, free, THEN + HOUR) == WITH


def test_a_file_that_was_written_later_leaves_the_digest_to_whoever_computes(session: Any, free: Any) -> None:
    """The system, a platform administrator, and officers who cannot see the file among imports."""

    def digest(actor: Any, days: int) -> str:
        with scope.acting(actor), transaction(session):
            row = scores.run(session, actor, DISTRICT, day(PERIOD[0]), day(PERIOD[1]), THEN, LATER + DAY * days)
            return str(row.digest)

    first = digest(SYSTEM, 0)
    put_file(session, free, THEN + HOUR, THEN + 2 * HOUR)
    session.execute(ImportBatch.__table__.update().values(region_code=None))
    session.commit()
    for number, who in enumerate(("platform_admin", "region_admin", "inspector"), start=1):
        assert digest(free.actor(who), number) == first, who
    assert digest(SYSTEM, 9) == first


def test_a_units_proof_holds_what_its_score_counted(session: Any, free: Any) -> None:
    """Its people see no file of a regulator's, and yet which visits were known."""
    put_file(session, free, THEN + HOUR, THEN + 2 * HOUR)
    run = score(session, *PERIOD, as_of=THEN)
    for who in ("maintenance_head", "clerk", "inspector"):
        with scope.acting(free.actor(who)):
            (pair,) = score_facts.of_unit(session, run, free.firm.id)
            assert (pair.elevator, pair.first_on, pair.valid_visits) == (free.own.id, day("2024-04-01"), 1)
            shown = score_facts.visits_of(session, run, free.firm.id, free.own.id)
            assert [row.visit_on for row, _state in shown] == [day("2024-04-01"), day("2024-04-16")], who


def test_the_present_asks_of_no_file(session: Any, free: Any) -> None:
    put_file(session, free, THEN, None)
    frame = scores.frame_of(session, SYSTEM, None, day(PERIOD[0]), day(PERIOD[1]), None, LATER)
    assert frame.present
    assert "import_batch" not in str(frame.visits_here())
    assert counted(session, free, LATER) == WITH


def test_a_bulletin_counts_them_by_the_same_instant(session: Any, free: Any) -> None:
    region = session.scalars(select(Region).where(Region.code == DISTRICT)).one()
    put_file(session, free, THEN - HOUR, THEN + HOUR)
    for as_of, found in ((THEN, 0), (THEN + HOUR, 5)):
        asked = asked_of(session, region, period_of("2024-05"), as_of, None)
        statement = select(func.count()).where(*as_known.visits_there(asked, asked.period))
        with scope.acting(free.actor("clerk")):
            assert asked.rows(statement, Visit)[0][0] == found


def test_an_import_of_visits_ends_when_its_last_row_is_written(session: Any, world: Any) -> None:
    """Not when it began; of one that breaks off what was written is known since its last step."""
    make_policy(session, "preset", "huzhou")
    session.commit()
    head = ["识别码", "单位", "维保员", "签到", "签退", "模式"]
    row = [world.own.code, world.firm.name, world.worker.name, "2026-09-01 09:00", "2026-09-01 10:00", "按系统维保项"]
    who = world.actor("region_admin")
    batch = checked(session, who, "visits", workbook(head, row))
    key, written = batch.id, AT + 2 * HOUR
    assert (batch.state, batch.finished_at) == ("checked", None)

    def broken(*_: Any) -> None:
        raise OSError

    with scope.acting(who):
        with transaction(session):
            batches.start(session, who, key, AT, queued=False)
        with clock.frozen(written), pytest.raises(OSError):
            writing.run(session, who, key, AT, broken)
        session.expire_all()
        assert session.get(ImportBatch, key).finished_at == written
        with clock.frozen(written + HOUR):
            writing.run(session, who, key, AT + HOUR, lambda *_: None)
    session.expire_all()
    batch = session.get(ImportBatch, key)
    assert (batch.state, batch.done_rows, batch.finished_at) == ("done", 1, written + HOUR)
