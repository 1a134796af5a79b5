"""`/api/v1/scores`: the six items, their ledger to the last digit, the records behind, within scope."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.api.callers import Caller
from tests.workflows.item_world import scored_firm

pytestmark = pytest.mark.feature("SCO-07", "LED-01", "INT-04")
ITEMS = ("maintenance", "rescue", "feedback", "inspection", "fault", "change")


@pytest.fixture
def scored(session: Any, world: Any) -> Any:
    return scored_firm(session, world)


def test_a_ranking_and_one_score(app: Any, scored: Any) -> None:
    caller = Caller(app, scored, "region_admin")
    found = caller.get("/scores").json
    row = next(one for one in found["rows"] if one["unit_id"] == scored.firm.id)
    assert (row["id"], row["run_id"], row["complete"]) == (scored.score, scored.run_row.id, True)
    assert row["items"]["feedback"] == {"points": "8.00", "rank": 1, "counts": {"total": 2, "late": 1}}
    assert row["items"]["rescue"]["counts"] == {"on_time": 0, "late": 1, "second": 0}
    assert caller.get(f"/scores/{scored.score}").json == row
    assert caller.get(f"/scores?run={scored.run_row.id}&kind=use&region=980402000000").status_code == 200
    assert caller.get("/scores?tab=x").status_code == 422
    assert caller.get("/scores?run=999999").json["rows"] == []


@pytest.mark.parametrize("item", ITEMS)
def test_the_ledger_sums(app: Any, scored: Any, item: str) -> None:
    caller = Caller(app, scored, "maintenance_head")
    points = caller.get(f"/scores/{scored.score}").json["items"][item]["points"]
    lines = caller.get(f"/scores/{scored.score}/ledger?item={item}").json["rows"]
    exact = 16 - sum((Fraction(int(one["numerator"]), int(one["denominator"])) for one in lines), Fraction(0))
    assert abs(exact - Fraction(points)) <= Fraction(1, 200)
    first = caller.get(f"/scores/{scored.score}/ledger?item={item}&size=1").json
    assert (len(first["rows"]), first["more"]) == (min(len(lines), 1), len(lines) > 1)


def test_the_records_behind(app: Any, scored: Any) -> None:
    caller = Caller(app, scored, "inspector")
    found = caller.get(f"/scores/{scored.score}/records?item=feedback").json["rows"]
    assert {(one["evidence"], one["counted"]) for one in found} == {("complaint", "late"), ("complaint", "on_time")}
    assert caller.get(f"/scores/{scored.score}/records?item=maintenance").status_code == 422
    for item in ITEMS[1:]:
        assert caller.get(f"/scores/{scored.score}/records?item={item}").json["rows"]


def test_others_see_nothing(app: Any, scored: Any) -> None:
    other = Caller(app, scored, "other_inspector")
    assert other.get("/scores").json["rows"] == []
    for path in ("", "/ledger", "/records"):
        assert other.get(f"/scores/{scored.score}{path}").status_code == 404
    assert Caller(app, scored, "use_head").get("/scores").status_code == 403


@pytest.mark.feature("DSH-02")
def test_the_six_of_a_region(app: Any, scored: Any) -> None:
    caller = Caller(app, scored, "inspector")
    told = caller.get("/scores/region").json
    assert (told["run_id"], told["region_code"], told["units"]) == (scored.run_row.id, "980402000000", 1)
    feedback = told["items"]["feedback"]
    assert (feedback["points"], feedback["counted"], feedback["bad"]) == ("8.00", 2, 1)
    assert feedback["lowered_by"] == [
        {"score_id": scored.score, "unit": scored.firm.name, "points": "8.00", "lowers": 8.0}
    ]
    assert told["trend"][-1]["total"] == told["total"]["points"]
    assert caller.get("/scores/region?region=980403000000").status_code == 404
    assert Caller(app, scored, "region_admin").get("/scores/region?region=980402000000").json == told
    # Of the whole country nothing was computed.
    assert Caller(app, scored, "platform_admin").get("/scores/region").status_code == 404
    assert Caller(app, scored, "maintenance_head").get("/scores/region").status_code == 403


@pytest.mark.feature("FAI-01")
def test_the_fair_comparison(app: Any, scored: Any) -> None:
    caller = Caller(app, scored, "inspector")
    total = caller.get("/scores/comparison").json
    assert (total["run_id"], total["by"], total["confidence"]) == (scored.run_row.id, "total", 95)
    one = caller.get(f"/scores/comparison?run={scored.run_row.id}&by=feedback").json
    assert one["least"] == 10
    assert [(row["counted"], row["bad"], row["own"], row["standing"]) for row in one["rows"]] == [(2, 1, "8.00", "few")]
    assert caller.get("/scores/comparison?by=x").status_code == 422
    assert caller.get("/scores/comparison?run=999999").status_code == 404
    own = Caller(app, scored, "maintenance_head").get("/scores/comparison?by=rescue").json
    assert [row["score_id"] for row in own["rows"]] == [scored.score]


@pytest.mark.feature("SCO-08")
def test_stars_and_why(app: Any, scored: Any) -> None:
    caller = Caller(app, scored, "maintenance_head")
    told = caller.get(f"/scores/{scored.score}").json
    lines = caller.get(f"/scores/{scored.score}/ledger?item=rating").json["rows"]
    lost = sum((Fraction(int(one["numerator"]), int(one["denominator"])) for one in lines), Fraction(0))
    assert abs(100 - lost - Fraction(told["rating_points"])) <= Fraction(1, 200)
    # The fixture's secret elevator has no contract.
    assert "rating_veto_uncovered" in {one["rule"] for one in lines} and told["stars"] <= 3
