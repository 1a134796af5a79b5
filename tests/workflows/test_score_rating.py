"""SCO-08 as whole runs: enforcement as it stood, vetoes, policy by region, and the ledger of what is missing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.models import Enforcement, PolicySnapshot, PolicyValue, Score, ScoreEntry, ScoreRun
from app.models.score import rating_lines
from app.workflows.scores import score_rating
from tests.factories import make_elevator, make_policy
from tests.reference.score import lost
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import LATER, put_cover, put_overdue, put_visit, score

pytestmark = pytest.mark.feature("SCO-08", "LED-01")
YEAR = ("2024-01-01", "2024-12-31")
serial = count(1)


def put_deed(session: Any, unit: Any, kind: str, on: str, **more: Any) -> Enforcement:
    row = Enforcement(
        number=f"E{next(serial)}", unit_id=unit.id, region_code=unit.region_code, kind=kind,
        decided_on=day(on), facts="x", reply_days=15, **({"in_force_at": at(day(on), 12), "state": "in_force"} | more),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def of(session: Any, row: ScoreRun, unit: Any) -> Score:
    found = session.scalar(select(Score).where(Score.run_id == row.id, Score.unit_id == unit.id))
    assert found is not None
    return found


def lines(session: Any, held: Score) -> list[ScoreEntry]:
    return list(session.scalars(select(ScoreEntry).where(rating_lines(held.id)).order_by(ScoreEntry.id)))


@pytest.fixture
def served(session: Any, world: Any) -> Any:
    """A unit that serves one elevator without a fault: 24 services due and none missed."""
    put_visit(session, world.own, world.firm, world.worker, day("2024-01-02"))
    session.commit()
    return world


def test_all_points_are_five_stars(session: Any, served: Any) -> None:
    held = of(session, score(session, *YEAR), served.firm)
    assert (held.rating_points, held.stars, held.credit) == (Decimal("100.00"), 5, "A")
    assert lines(session, held) == []


def test_enforcement_as_it_stood(session: Any, served: Any) -> None:
    """Drafts, other years, what was taken back by then and what came later count for nothing."""
    put_deed(session, served.firm, "talk", "2024-05-06")
    warned = put_deed(session, served.firm, "warning", "2024-06-01", withdrawn_at=at(day("2024-08-01")))
    put_deed(session, served.firm, "penalty", "2024-10-01")
    put_deed(session, served.firm, "warning", "2023-12-31")
    put_deed(session, served.firm, "warning", "2024-07-01", in_force_at=None, state="draft")
    put_deed(session, served.other_firm, "talk", "2024-07-01")
    session.commit()
    then = of(session, score(session, *YEAR, as_of=at(day("2024-07-15"))), served.firm)
    assert (then.rating_points, then.stars, then.credit) == (Decimal("96.00"), 5, "A")
    assert [(line.rule, line.evidence) for line in lines(session, then)] == [
        ("rating_talk", "enforcement"), ("rating_warning", "enforcement"),
    ]  # fmt: skip
    assert lines(session, then)[1].evidence_id == warned.id
    run = score(session, *YEAR)
    held = of(session, run, served.firm)
    assert (held.rating_points, held.stars, held.credit) == (Decimal("89.00"), 3, "C")
    assert [line.rule for line in lines(session, held)] == [
        "rating_talk", "rating_penalty", "rating_veto_penalty", "rating_veto_penalty",
    ]  # fmt: skip
    told = score_rating.of_score(session, run, held)
    assert told is not None
    assert (told[0].points, told[0].stars, told[0].credit) == (held.rating_points, held.stars, held.credit)
    assert score(session, *YEAR, as_of=run.as_of).items_digest == run.items_digest


def test_missing_points_by_weight(session: Any, served: Any) -> None:
    elevator = make_elevator(session, maintenance_unit=served.firm)
    put_cover(session, served.firm, elevator, day("2024-01-01"), day("2024-12-31"))
    put_visit(session, elevator, served.firm, served.worker, day("2024-01-02"))
    for on in ("2024-03-01", "2024-03-16"):
        put_overdue(session, elevator, served.firm, day(on))
    session.commit()
    held = of(session, score(session, *YEAR), served.firm)
    # 2 of 48 services: beyond 4 of a hundred, not beyond 5.
    assert (held.points, held.stars) == (Decimal("15.33"), 5)
    found = lines(session, held)
    assert [line.rule for line in found] == ["rating_item"]
    assert abs(100 - lost(found) - Fraction(held.rating_points)) <= Fraction(1, 200)


def test_policy_of_a_region(session: Any, served: Any) -> None:
    """Where stars alone are given, with own lines, and where nothing is."""
    put_deed(session, served.firm, "talk", "2024-05-06")
    make_policy(session, "rating", "stars", "980402000000")
    make_policy(session, "rating_talk", 10, "980402000000")
    make_policy(session, "rating_five_stars", 91, "980402000000")
    session.commit()
    held = of(session, score(session, *YEAR, region="980402000000"), served.firm)
    assert (held.rating_points, held.stars, held.credit) == (Decimal("90.00"), 4, None)
    whole = of(session, score(session, *YEAR), served.firm)
    assert (whole.rating_points, whole.stars, whole.credit) == (Decimal("99.00"), 5, "A")
    make_policy(session, "rating", "none", "980400000000")
    session.commit()
    none = of(session, score(session, *YEAR, region="980400000000"), served.firm)
    assert (none.rating_points, none.stars, none.credit) == (None, None, None)
    assert lines(session, none) == []


def test_no_maintenance_no_rating(session: Any, world: Any) -> None:
    put_deed(session, world.firm, "talk", "2024-05-06")
    session.commit()
    row = score(session, *YEAR)
    held = session.scalar(select(Score).where(Score.run_id == row.id, Score.unit_id == world.firm.id))
    assert held is None or held.stars is None


def test_an_expired_licence_and_elevators_without_contract(session: Any, served: Any) -> None:
    """Both cap the stars and say why; stars are proved with what the run was told, whatever is filed since."""
    served.firm.licence_until = day("2024-12-30")
    session.commit()
    run = score(session, *YEAR)
    held = of(session, run, served.firm)
    assert (held.rating_points, held.stars, held.credit) == (Decimal("100.00"), 2, "D")
    assert held.licence_until == day("2024-12-30")
    assert [line.rule for line in lines(session, held)] == ["rating_veto_licence", "rating_veto_licence"]
    served.firm.licence_until = day("2034-12-30")
    served.own.maintenance_unit_id = served.firm.id
    bare = make_elevator(session, maintenance_unit=served.firm)
    session.commit()
    told = score_rating.of_score(session, run, held)
    assert told is not None and (told[0].stars, told[0].credit) == (2, "D")
    assert score(session, *YEAR, as_of=run.as_of).id == run.id
    later = of(session, score(session, *YEAR, now=LATER + dt.timedelta(days=1)), served.firm)
    assert (later.uncovered, later.stars, later.credit) == (1, 3, "A"), bare
    assert [line.rule for line in lines(session, later)] == ["rating_veto_uncovered"]
    make_policy(session, "rating_uncovered_permille", None, "980402000000")
    session.commit()
    free = score(session, *YEAR, region="980402000000", now=LATER + dt.timedelta(days=1))
    assert of(session, free, served.firm).stars == 5


def test_a_run_of_before_these_vetoes_is_proved_without_them(session: Any, served: Any) -> None:
    """Its policy version says nothing of them: it was rated as was the rule then."""
    make_policy(session, "rating_licence_stars", None)
    make_policy(session, "rating_licence_credit", "A")
    served.firm.licence_until = day("2024-12-30")
    session.commit()
    run = score(session, *YEAR)
    assert of(session, run, served.firm).stars == 5
    snapshot = session.get(PolicySnapshot, run.policy["version"])
    snapshot.data = {key: value for key, value in snapshot.data.items() if not key.startswith(("rating_l", "rating_u"))}
    session.execute(delete(PolicyValue))
    session.commit()
    assert score(session, *YEAR, as_of=run.as_of).id == run.id
