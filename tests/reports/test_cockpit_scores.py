"""数据驾驶舱's six: of the newest run of the region that has them, over all units; the trend is of settled quarters."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, update

from app.models import Score, ScoreRun
from app.permissions import SYSTEM
from app.reports import cockpit_scores
from app.rules.region_scores import Shown
from app.rules.score_items import Item
from app.workflows.scores import scores
from tests.factories import World, make_maintenance_unit
from tests.formulas import mean_of

pytestmark = pytest.mark.feature("DSH-02")
LINHE = "980402000000"
AT = dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)
FULL = {f"{item}_points": "16.00" for item in Item if item is not Item.MAINTENANCE}


def put_run(session: Any, from_on: str, to_on: str, **more: Any) -> ScoreRun:
    values = {
        "region_code": LINHE, "from_on": dt.date.fromisoformat(from_on), "to_on": dt.date.fromisoformat(to_on),
        "as_of": AT, "made_at": AT, "policy": {}, "digest": "0" * 64, "items_digest": "1" * 64, "state": "final",
    }  # fmt: skip
    run = ScoreRun(**(values | more))
    session.add(run)
    session.flush()
    return run


def put_score(session: Any, run: ScoreRun, unit: Any, total: str | None, elevators: int, **more: Any) -> Score:
    values = {
        "points": "16.00" if total else None, "due": 10, "bad": 0, "overdue": 0, "nonconforming": 0, "forgiven": 0,
        "valid_visits": 10, "total": total, **FULL,
    }  # fmt: skip
    row = Score(run_id=run.id, unit_id=unit.id, region_code=run.region_code, elevators=elevators, **(values | more))
    session.add(row)
    session.flush()
    return row


@pytest.fixture
def city(world: World) -> World:
    """Two units with a total, one that did not maintain; two settled quarters, a month, a running year."""
    session = world.session
    world.third = make_maintenance_unit(session, "澜州青禾电梯有限公司")
    for first, last, total in (("2025-07-01", "2025-09-30", "80.00"), ("2026-01-01", "2026-03-31", "90.00")):
        put_score(session, put_run(session, first, last), world.firm, total, 5)
    # A newer computation of a quarter takes the place of the older; a month and another region are no quarter of it.
    again = put_run(session, "2026-01-01", "2026-03-31", as_of=AT + dt.timedelta(hours=1))
    put_score(session, again, world.firm, "91.00", 5)
    put_score(session, put_run(session, "2026-04-01", "2026-04-30"), world.firm, "50.00", 5)
    elsewhere = put_run(session, "2025-10-01", "2025-12-31", region_code="980403000000")
    put_score(session, elsewhere, world.firm, "10.00", 5)
    run = put_run(session, "2026-01-01", "2026-05-31", state="provisional", as_of=AT + dt.timedelta(hours=2))
    world.worse = put_score(
        session, run, world.firm, "84.00", 10, points="14.00", feedback_points="6.00", feedback_total=8,
        feedback_late=5, rescue_points=None,
    )  # fmt: skip
    world.better = put_score(
        session, run, world.other_firm, "95.00", 30, feedback_points="15.00", feedback_total=16, feedback_late=1,
        rescue_points=None,
    )  # fmt: skip
    put_score(session, run, world.third, None, 0, feedback_points="0.00", feedback_total=4, feedback_late=4)
    session.commit()
    world.run_row = run
    return world


def build(world: World, *asked: Any) -> cockpit_scores.RegionScores | None:
    return cockpit_scores.build(world.session, SYSTEM, scores.runs_of(SYSTEM), *asked)


def test_means_and_who_lowers_them(city: World) -> None:
    found = build(city, LINHE)
    assert found is not None and found.run.id == city.run_row.id and found.units == 2
    # 10 × 84 and 30 × 95 of 40.
    assert found.total.points == Decimal("92.25") == mean_of([Shown(10, Decimal(84)), Shown(30, Decimal(95))])
    of = {one.item: one for one in found.items}
    assert of[Item.FEEDBACK].points == Decimal("12.75")
    assert (of[Item.FEEDBACK].counted, of[Item.FEEDBACK].bad) == (24, 6)
    assert of[Item.RESCUE].points is None and of[Item.RESCUE].pullers == ()
    assert of[Item.FAULT].points == 16 and of[Item.FAULT].pullers == ()
    worst = of[Item.FEEDBACK].pullers[0]
    assert (worst.score_id, worst.unit, float(worst.lowers)) == (city.worse.id, city.firm.name, 2.5)
    # Thirty elevators by one point weigh as much as ten by three.
    both = build(city, LINHE, 5)
    assert both is not None
    assert [float(one.lowers) for one in both.items[2].pullers] == [2.5, 0.75]
    assert [float(one.lowers) for one in both.total.pullers] == [3.0, 0.75]


def test_the_trend_is_of_settled_quarters_and_now(city: World) -> None:
    found = build(city, LINHE)
    assert found is not None
    assert [(term.from_on.isoformat(), str(term.total), term.settled) for term in found.terms] == [
        ("2025-07-01", "80.00", True), ("2026-01-01", "91.00", True), ("2026-01-01", "92.25", False),
    ]  # fmt: skip
    assert found.change is not None and (found.change[0], found.change[1]) == (found.terms[1], Decimal("1.25"))


def test_a_settled_quarter_is_laid_beside_the_one_before(city: World) -> None:
    city.session.execute(delete(ScoreRun).where(ScoreRun.state == "provisional"))
    city.session.execute(update(ScoreRun).where(ScoreRun.to_on == dt.date(2026, 4, 30)).values(as_of=AT))
    city.session.commit()
    found = build(city, LINHE)
    assert found is not None and len(found.terms) == 2
    assert found.change is not None and (str(found.change[0].total), found.change[1]) == ("80.00", Decimal("11.00"))


def test_a_region_without_the_six_has_none(city: World) -> None:
    assert build(city, "980404000000") is None
    put_run(city.session, "2026-01-01", "2026-06-30", as_of=AT + dt.timedelta(days=1))
    city.session.commit()
    found = build(city, LINHE)
    assert found is not None and found.run.id == city.run_row.id, "a run of nobody is shown nowhere"
