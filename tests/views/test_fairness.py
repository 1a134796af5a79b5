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
from app.rules.score_items import Item
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


@pytest.fixture
def six(ranked: World) -> World:
    """The same run with the five others: many complaints of one, few of another, none of the third."""
    ranked.session.execute(update(ScoreRun).values(items_digest="1" * 64))
    for unit, values in (
        (ranked.firm, {"feedback_total": 400, "feedback_late": 4, "feedback_points": "15.84", "feedback_rank": 1,
                       "total": "95.78", "total_rank": 2, "rescue_on_time": 20, "rescue_late": 4, "rescue_second": 3,
                       "rescue_points": "15.33"}),
        (ranked.other_firm, {"feedback_total": 300, "feedback_late": 90, "feedback_points": "11.20",
                             "feedback_rank": 2, "total": "89.60", "total_rank": 3}),
        (ranked.small, {"feedback_total": 9, "feedback_late": 0, "feedback_points": "16.00", "feedback_rank": 1,
                        "total": "96.00", "total_rank": 1}),
    ):  # fmt: skip
        ranked.session.execute(update(Score).where(Score.unit_id == unit.id).values(**values))
    ranked.session.commit()
    return ranked


def test_by_an_item(six: World, sign_in: Any) -> None:
    browser = sign_in(six.accounts["platform_admin"])
    answer = browser.get(f"/scores/fair/?run={six.run_row.id}&by=feedback")
    cards = sections(answer.text)
    assert six.firm.name in cards["可以比较"] and "高于总体" in cards["可以比较"] and "低于总体" in cards["可以比较"]
    assert six.small.name in cards["样本不足"] and six.idle.name in cards["无数据"]
    # 709 complaints, 94 late.
    assert "13.88 分" in answer.text and "投诉总次数不足 10 的为样本不足" in answer.text
    held = fairness.build(six.session, six.actor("platform_admin"), six.run_row, Item.RESCUE)
    line = next(line for line in held.lines if line.unit == six.firm.name)
    assert (line.due, line.bad, str(line.own)) == (24, 1, "15.33"), "help in time makes up for three late ones"


def test_by_the_total(six: World, sign_in: Any) -> None:
    browser = sign_in(six.accounts["platform_admin"])
    text = browser.get(f"/scores/fair/?run={six.run_row.id}").text
    cards = sections(text)
    assert "总分的区间由六个率各自的区间合成" in text and "95.78" in cards["可以比较"]
    assert six.small.name in cards["样本不足"] and six.idle.name in cards["无数据"]
    found = fairness.build(six.session, six.actor("platform_admin"), six.run_row, None)
    said = {line.unit: line.standing for line in found.lines}
    assert said[six.firm.name] is Standing.ABOVE and said[six.other_firm.name] is Standing.BELOW
    # Without rescues it is laid beside a whole with full marks there.
    whole = {line.unit: line.whole for line in found.lines}
    assert whole[six.other_firm.name] > whole[six.firm.name]


def test_a_unit_reads_its_total_beside_the_whole(six: World, sign_in: Any) -> None:
    text = sign_in(six.accounts["maintenance_head"]).get(f"/scores/fair/?run={six.run_row.id}&by=total").text
    assert six.firm.name in text and six.other_firm.name not in text and "高于总体" in text


@pytest.mark.parametrize("by", ["", "total", "x", "９", "maintenance'"])
def test_what_is_no_item_is_the_total(six: World, sign_in: Any, by: str) -> None:
    text = sign_in(six.accounts["platform_admin"]).get(f"/scores/fair/?run={six.run_row.id}&by={by}").text
    assert "总分的区间由六个率各自的区间合成" in text


def test_a_run_of_before_compares_maintenance_alone(ranked: World, sign_in: Any) -> None:
    text = sign_in(ranked.accounts["platform_admin"]).get(f"/scores/fair/?run={ranked.run_row.id}&by=feedback").text
    assert "应维保不足 30 次" in text and "by=feedback" not in text


@pytest.mark.feature("RPR-01")
@pytest.mark.parametrize(("by", "ends"), [("total", "总分（分）"), ("fault", "故障电梯数")])
def test_the_table_of_the_total_and_of_an_item(six: World, sign_in: Any, by: str, ends: str) -> None:
    browser = sign_in(six.accounts["platform_admin"])
    page = f"/scores/fair/?run={six.run_row.id}&by={by}"
    sent = {"csrf_token": csrf(browser, page), "run": str(six.run_row.id), "by": by, "format": "csv"}
    answer = browser.post("/scores/fair/table", data=sent)
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert any(any(ends.split("（")[0] in cell for cell in row) for row in rows)
    assert any("折合得分" in cell for row in rows for cell in row)
