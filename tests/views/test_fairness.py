"""公平比较 as a page and a table: what is compared, what is set apart, who sees which units."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import update

from app.models import Score, ScoreRun
from app.reports import fairness
from app.rules.fairness import Standing
from tests.conftest import csrf
from tests.factories import World, make_maintenance_unit, make_policy

pytestmark = pytest.mark.feature("FAI-01")


@pytest.fixture
def ranked(world: World) -> World:
    """A city's run: a large unit that did well, one that did badly, a small one, one without data."""
    session = world.session
    from app import clock

    run = ScoreRun(
        region_code="980400000000", from_on=clock.today().replace(month=1, day=1), to_on=clock.today(),
        as_of=clock.now(), made_at=clock.now(), state="provisional", policy={}, digest="0" * 64,
    )  # fmt: skip
    session.add(run)
    session.flush()
    world.small = make_maintenance_unit(session, "澜州青禾电梯有限公司")
    world.idle = make_maintenance_unit(session, "澜州知行电梯有限公司")
    for unit, rank, due, bad, points in (
        (world.small, 1, 8, 0, "16.00"), (world.firm, 2, 5000, 20, "15.94"), (world.other_firm, 3, 4000, 400, "14.40"),
        (world.idle, None, 0, 0, None),
    ):  # fmt: skip
        session.add(Score(
            run_id=run.id, unit_id=unit.id, region_code="980400000000", rank=rank, points=points, due=due, bad=bad,
            overdue=bad, nonconforming=0, forgiven=0, valid_visits=due - bad, elevators=10,
        ))  # fmt: skip
    session.commit()
    world.run_row = run
    return world


def sections(text: str) -> dict[str, str]:
    """Each card of the page by its heading."""
    parts = re.split(r'<h2 class="ta-h2">', text)[1:]
    return {part.partition("</h2>")[0]: part for part in parts}


def test_who_did_better_and_worse_and_who_is_too_few_to_tell(ranked: World, sign_in: Any) -> None:
    answer = sign_in(ranked.accounts["platform_admin"]).get("/scores/fair/")
    assert answer.status_code == 200
    cards = sections(answer.text)
    assert ranked.firm.name in cards["可以比较"] and "高于总体" in cards["可以比较"]
    assert ranked.other_firm.name in cards["可以比较"] and "低于总体" in cards["可以比较"]
    assert ranked.small.name in cards["样本不足"] and ranked.idle.name in cards["无数据"]
    # 9,008 due, 420 bad: 16 × 8588/9008.
    assert "15.25 分" in answer.text and "不足 30 次" in answer.text


def test_the_least_sample_is_the_regions(ranked: World) -> None:
    make_policy(ranked.session, "fair_least_due", 5, region_code="980400000000")
    ranked.session.commit()
    found = fairness.build(ranked.session, ranked.actor("platform_admin"), ranked.run_row)
    assert found.least == 5
    assert {line.unit: line.standing for line in found.lines} == {
        ranked.small.name: Standing.LEVEL, ranked.firm.name: Standing.ABOVE, ranked.other_firm.name: Standing.BELOW,
        ranked.idle.name: Standing.NO_DATA,
    }  # fmt: skip


def test_a_unit_sees_itself_beside_the_whole(ranked: World, sign_in: Any) -> None:
    text = sign_in(ranked.accounts["maintenance_head"]).get(f"/scores/fair/?run={ranked.run_row.id}").text
    assert ranked.firm.name in text and "高于总体" in text and "15.25 分" in text
    for other in (ranked.other_firm, ranked.small, ranked.idle):
        assert other.name not in text


def test_more_bad_than_due_counts_as_all_of_it(ranked: World) -> None:
    ranked.session.execute(update(Score).where(Score.unit_id == ranked.other_firm.id).values(bad=9000))
    ranked.session.commit()
    found = fairness.build(ranked.session, ranked.actor("platform_admin"), ranked.run_row)
    assert found.everybody is not None and (found.everybody.numerator, found.everybody.denominator) == (1247, 2252)


def test_without_a_run_it_says_so(world: World, sign_in: Any) -> None:
    assert "还没有计算过得分" in sign_in(world.accounts["inspector"]).get("/scores/fair/").text


@pytest.mark.parametrize("number", ["999999", "0", "-1", "abc", "１", "9" * 30])
def test_an_unknown_run_is_none(ranked: World, sign_in: Any, number: str) -> None:
    assert sign_in(ranked.accounts["platform_admin"]).get(f"/scores/fair/?run={number}").status_code == 404


def test_who_may_not_read_scores_gets_none(ranked: World, sign_in: Any) -> None:
    answer = sign_in(ranked.accounts["worker"]).get("/scores/fair/")
    assert answer.status_code in (302, 403) and "可信区间" not in answer.text


@pytest.mark.feature("RPR-01")
def test_the_table_holds_what_the_page_says(ranked: World, sign_in: Any) -> None:
    browser = sign_in(ranked.accounts["platform_admin"])
    page = f"/scores/fair/?run={ranked.run_row.id}"
    sent = {"csrf_token": csrf(browser, page), "run": str(ranked.run_row.id), "format": "csv"}
    answer = browser.post("/scores/fair/table", data=sent)
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    line = next(row for row in rows if ranked.other_firm.name in row)
    assert line[:2] == ["3", ranked.other_firm.name] and line[-1] == "低于总体" and "14.40" in line[5]


def test_a_table_of_an_unknown_run_is_none(ranked: World, sign_in: Any) -> None:
    browser = sign_in(ranked.accounts["platform_admin"])
    sent = {"csrf_token": csrf(browser, "/scores/fair/"), "run": "999999", "format": "csv"}
    assert browser.post("/scores/fair/table", data=sent).status_code == 404
