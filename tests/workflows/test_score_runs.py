"""Runs of scores: again proves and writes nothing, the night's own, two at once, who and where."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    AuditEntry,
    Elevator,
    Score,
    ScoreEntry,
    ScoreRun,
    Visit,
)
from app.transaction import transaction
from app.workflows.scores import score_items, scores
from tests.factories import make_contract, make_elevator, make_maintenance_unit, make_person
from tests.reference.items import Inspected
from tests.workflows.clock_world import at, day, run, visit
from tests.workflows.item_world import put_inspection
from tests.workflows.score_world import put_overdue, put_visit, score
from tests.workflows.test_scores import of

pytestmark = pytest.mark.feature("SCO-01")


@pytest.mark.feature("LED-01", "AUD-01")
def test_again_proves_and_writes_nothing(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_overdue(session, world.own, world.firm, day("2021-01-16"))
    session.commit()
    first = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")))

    def rows() -> list[int | None]:
        models = (ScoreRun, Score, ScoreEntry, AuditEntry)
        return [session.scalar(select(func.count()).select_from(model)) for model in models]

    before, digest = rows(), first.digest
    second = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")))
    assert (second.id, second.digest, rows()) == (first.id, digest, before)
    put_overdue(session, world.own, world.firm, day("2021-01-31"))
    session.commit()
    with pytest.raises(Refusal, match="得分复算"):
        score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")))
    assert rows()[:3] == before[:3]
    other = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-02")))
    assert of(session, other, world.firm).overdue == 2


@pytest.mark.feature("SCO-07")
def test_the_night_replaces_its_own_run_and_nobody_elses(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"), "nonconforming")
    session.commit()
    place = world.firm.region_code[:6].ljust(12, "0")

    def night(on: str, to_on: str) -> int:
        with transaction(session):
            row = scores.run_automatic(session, place, day("2021-01-01"), day(to_on), at(day(on)), at(day(on), 2))
            return int(row.id)

    by_hand = score(session, "2021-01-01", "2021-03-31", region=place, as_of=at(day("2021-03-01"))).id
    first = night("2021-04-01", "2021-03-31")
    again = night("2021-04-01", "2021-03-31")
    final = night("2021-04-17", "2021-03-31")
    last = night("2021-04-18", "2021-04-17")
    assert first == again
    kept = set(session.scalars(select(ScoreRun.id)))
    assert kept == {by_hand, final, last}, "the provisional night went, the final one and the person's stay"
    assert set(session.scalars(select(Score.run_id))) == kept, "their scores went with them"
    lines = session.scalars(select(ScoreEntry.score_id)).all()
    assert len(set(lines)) == 3, "and their ledgers, which no foreign key holds"
    assert set(lines) == set(session.scalars(select(Score.id).where(Score.nonconforming > 0)))


@pytest.mark.feature("SCO-07")
def test_every_city_and_district_with_maintenance_is_scored_at_night(app: Any, session: Any, world: Any) -> None:
    from app.tasks import jobs as running
    from app.tasks import nightly
    from app.workflows.core import jobs

    visit(session, world.own, world.worker, day("2026-01-05"))
    session.commit()
    with app.app_context():
        job_id = nightly.enter("nightly_scores", day("2026-04-17"))
        assert running.run(job_id) == "done"
        assert jobs.of(session, scores.SYSTEM, job_id).result == {"regions": 2, "periods": 2}
    made = session.execute(select(ScoreRun.region_code, ScoreRun.from_on, ScoreRun.to_on, ScoreRun.automatic)).all()
    places = {world.own.region_code[:4].ljust(12, "0"), world.own.region_code[:6].ljust(12, "0")}
    periods = {(day("2026-01-01"), day("2026-04-16")), (day("2026-01-01"), day("2026-03-31"))}
    assert {tuple(row) for row in made} == {(code, *period, True) for code in places for period in periods}


def test_two_at_once_store_one(session: Any, world: Any, database: Any) -> None:
    from sqlalchemy.orm import Session

    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    session.commit()
    digests: list[str] = []
    start = threading.Barrier(2)

    def work() -> None:
        with Session(database.engine) as own:
            start.wait()
            digests.append(score(own, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01"))).digest)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert session.scalar(select(func.count()).select_from(ScoreRun)) == 1
    assert session.scalar(select(func.count()).select_from(Score)) == 2


def test_a_region_scores_what_lies_in_it(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_visit(session, world.foreign, world.other_firm, world.other_worker, day("2021-01-01"))
    across = make_elevator(session, maintenance_unit=world.firm, region_code="980403000000")
    put_visit(session, across, world.firm, world.worker, day("2021-01-01"))
    session.commit()
    own = score(session, "2021-01-01", "2021-03-31", actor=world.actor("inspector"))
    assert own.region_code == "980402000000"
    assert [(s.unit_id, s.elevators) for s in session.scalars(select(Score).where(Score.run_id == own.id))] == [
        (world.firm.id, 1)
    ]
    whole = score(session, "2021-01-01", "2021-03-31", region="980400000000")
    assert of(session, whole, world.firm).elevators == 2


@pytest.mark.feature("ACC-13")
def test_who_may_run_it_and_where(session: Any, world: Any) -> None:
    with pytest.raises(NotAllowed):
        score(session, "2021-01-01", "2021-03-31", actor=world.actor("maintenance_head"))
    for foreign in ("980403000000", "980400000000", "123"):
        with pytest.raises(NotFound, match="地区"):
            score(session, "2021-01-01", "2021-03-31", actor=world.actor("inspector"), region=foreign)


def test_bad_input_is_refused_all_at_once(session: Any, world: Any) -> None:
    with pytest.raises(Refusal) as told:
        score(session, "2021-03-31", "1901-01-01", as_of=at(day("2040-01-01")))
    assert {f.field for f in told.value.findings} == {"to_on", "as_of"}
    assert session.scalar(select(func.count()).select_from(ScoreRun)) == 0


def test_limits_not_yet_judged_are_told(session: Any, world: Any) -> None:
    visit(session, world.own, world.worker, day("2021-01-01"))
    row = score(session, "2021-01-01", "2021-03-31", now=at(day("2021-01-20")))
    assert scores.summary(session, row).unjudged == 1
    run(session, day("2021-01-20"))
    assert scores.summary(session, row).unjudged == 0


def test_units_in_many_runs_of_ids(session: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests do not depend on how many units are read at once."""
    for module in (scores, score_items):
        monkeypatch.setattr(module, "UNITS_AT_ONCE", 2)
    for _ in range(7):
        firm = make_maintenance_unit(session)
        elevator: Elevator = make_elevator(session, maintenance_unit=firm)
        make_contract(session, firm, [elevator])
        worker = make_person(session, firm)
        put_visit(session, elevator, firm, worker, day("2021-01-01"))
        put_overdue(session, elevator, firm, day("2021-01-16"))
        tested = Inspected("A", elevator.id, day("2021-01-20"), "periodic", "failed", True, at(day("2021-01-20")))
        put_inspection(session, elevator, firm, tested)
    session.commit()
    first = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")))
    for module in (scores, score_items):
        monkeypatch.setattr(module, "UNITS_AT_ONCE", 64)
    # Proved by both digests.
    assert score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01"))).id == first.id
    assert session.scalar(select(func.count()).select_from(Score).where(Score.inspection_failed == 1)) == 7
    assert session.scalar(select(func.count()).select_from(Visit)) == 7
    assert scores.summary(session, first).units == 9
