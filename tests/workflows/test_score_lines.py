"""Lines of a ledger are kept under keys of their score, and are found and taken away by them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text

from app.models import Score, ScoreEntry, ScoreRun
from app.models.score import first_line, lines_between, lines_of, rating_lines
from app.rules.score_items import Item
from app.transaction import transaction
from app.workflows.scores import scores
from tests.factories import make_elevator, make_maintenance_unit, make_person
from tests.workflows.clock_world import day
from tests.workflows.score_world import put_cover, put_overdue, put_visit, score

pytestmark = pytest.mark.feature("LED-01")


def two_units(session: Any) -> None:
    """Each with one elevator, two missed periods and a visit that failed."""
    for name in ("甲", "乙"):
        firm = make_maintenance_unit(session, f"维保{name}")
        worker, elevator = make_person(session, firm), make_elevator(session, maintenance_unit=firm)
        put_cover(session, firm, elevator, day("2026-01-01"), day("2026-06-30"))
        put_visit(session, elevator, firm, worker, day("2026-01-05"))
        put_visit(session, elevator, firm, worker, day("2026-03-05"), "nonconforming")
        for limit_on in ("2026-02-01", "2026-02-16"):
            put_overdue(session, elevator, firm, day(limit_on))
    session.commit()


def keys(session: Any, *where: Any) -> list[int]:
    return list(session.scalars(select(ScoreEntry.id).where(*where).order_by(ScoreEntry.id)))


def test_lines_stand_score_by_score(session: Any, world: Any) -> None:
    two_units(session)
    run = score(session, "2026-01-01", "2026-06-30")
    held = session.scalars(select(Score).where(Score.run_id == run.id, Score.bad > 0).order_by(Score.unit_id)).all()
    assert len(held) == 2
    for one in held:
        first = first_line(one.id)
        assert keys(session, lines_of(one.id, Item.MAINTENANCE)) == [first, first + 1, first + 2]
        # Behind them those of the other items, and of the rating, all within the score's keys.
        whole = keys(session, ScoreEntry.score_id == one.id)
        assert whole == keys(session, lines_between(one.id, one.id)) and whole[:3] == [first, first + 1, first + 2]
        of_items = [key for item in Item for key in keys(session, lines_of(one.id, item))]
        assert whole == of_items + keys(session, rating_lines(one.id)) and len(whole) > 3
    # Ranks and keys follow the units: of equal points both are first.
    assert [one.rank for one in held] == [held[0].rank] * 2


def test_a_run_is_taken_away_with_its_own_lines_only(session: Any, world: Any) -> None:
    two_units(session)
    runs = [score(session, "2026-01-01", to_on) for to_on in ("2026-05-31", "2026-06-29", "2026-06-30")]
    kept = keys(session, ScoreEntry.score_id.in_(select(Score.id).where(Score.run_id == runs[1].id)))
    with transaction(session):
        scores.take_away(session, [runs[0].id, runs[2].id])
    assert keys(session) == kept and len(kept) >= 6
    assert session.scalars(select(ScoreRun.id)).all() == [runs[1].id]


def test_older_lines_are_numbered_in_their_order(session: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of before, in which lines of several scores alternate, and which stand where new ones will."""
    with transaction(session):
        for key, score_id in ((1, 2), (2, 1), (7, 2), (first_line(2), 1), (first_line(2) + 1, 2)):
            session.add(
                ScoreEntry(
                    id=key, score_id=score_id, rule="overdue", count=1, numerator="1", denominator="1", reason=str(key)
                )
            )
    path = Path(scores.__file__).parents[2] / "migrations/versions/0041_lines_by_score.py"
    spec = importlib.util.spec_from_file_location("lines_by_score", path)
    assert spec and spec.loader
    revision = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    with transaction(session):
        monkeypatch.setattr(revision.op, "drop_index", lambda *_a, **_k: None, raising=False)
        monkeypatch.setattr(revision.op, "execute", lambda sql: session.execute(text(sql)), raising=False)
        revision.upgrade()
    session.expire_all()
    found = session.execute(select(ScoreEntry.id, ScoreEntry.reason).order_by(ScoreEntry.id)).all()
    assert [(key - first_line(key // 2**24), key // 2**24, reason) for key, reason in found] == [
        (0, 1, "2"), (1, 1, str(first_line(2))), (0, 2, "1"), (1, 2, "7"), (2, 2, str(first_line(2) + 1)),
    ]  # fmt: skip
    with transaction(session):
        session.execute(delete(ScoreEntry.__table__).where(lines_between(1, 1)))
    assert session.scalar(select(func.count()).select_from(ScoreEntry)) == 3
