"""Step 9: the score of a period, its ranking, its ledger that adds up, and each figure down to the visit."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import follow, go, job_done, menu, number_in, press, rows

FULL = 16


def exact_points(row: dict[str, str]) -> Fraction:
    """16 × (1 − what counts against the unit ÷ what was due), reckoned here from the row's own figures."""
    due = int(row["应维保次数"])
    bad = int(row["不合格次数"])
    assert bad <= min(due, int(row["超期次数"]) + int(row["不合规次数"]))
    return FULL * (1 - Fraction(bad, due))


@pytest.mark.feature("SCO-01", "SCO-07", "LED-01")
def test_a_score_opens_down_to_the_visit(product: Any, enter: Any, shot: Any) -> None:
    page = enter("区域管理员")
    menu(page, "六个率动态积分")
    page.locator("summary", has_text="计算得分").click()
    press(page, "计算本年")
    job_done(page)
    menu(page, "六个率动态积分")
    go(page.locator(".ta-seg a", has_text="维护保养有效率"))
    ranking = [row for row in rows(page) if row["名次"].isdigit()]
    shot(page, "ranking")
    assert len(ranking) >= 5, "every maintenance unit of the region that had something to do"
    for row in ranking:
        assert abs(Fraction(row["得分"]) - exact_points(row)) <= Fraction(1, 200), row
    points = [Fraction(row["得分"]) for row in ranking]
    assert points == sorted(points, reverse=True)
    assert [int(row["名次"]) for row in ranking] == [
        1 + sum(other > one for other in points) for one in points
    ], "equal points share a place"

    # The last one has lost most: its ledger says for what, and the lines add up to the score exactly.
    worst = ranking[-1]
    follow(page, worst["名次"])
    expect(page.get_by_role("heading", level=1)).to_contain_text(worst["维保单位"])  # there with its legal form
    shot(page, "the ledger of the last one")
    total = page.locator("tfoot").inner_text()
    assert number_in(total) == number_in(page.locator(".ta-seg a").first.inner_text())
    exact = exact_points(worst)
    assert re.search(rf"＝ {re.escape(str(exact))}$", total.strip()), (total, exact)

    follow(page, "按电梯查看")
    assert number_in(page.locator(".ta-head p").inner_text().partition("，")[2]) == int(worst["电梯台数"])
    # Those that failed come first; all of them add up to the score.
    go(page.get_by_role("link", name="全部电梯"))
    lifts = rows(page)
    while (further := page.get_by_role("link", name="下一页")).count():
        go(further)
        lifts += rows(page)
    for column, told in (("应维保", "应维保次数"), ("超期", "超期次数"), ("不合规", "不合规次数")):
        assert sum(int(row[column]) for row in lifts) == int(worst[told]), column
    go(page.get_by_role("link", name="不合规电梯"))
    here = [row for row in rows(page) if row["电梯"].isdigit()]
    one = max(here, key=lambda row: int(row["超期"]) + int(row["不合规"]))
    follow(page, one["电梯"])
    shot(page, "one elevator's year")
    visits = rows(page, page.get_by_role("main").locator("table").last)
    assert sum(row["状态"] == "有效" for row in visits) == int(one["有效"])
    follow(page, visits[-1]["编号"])
    expect(page.get_by_role("main")).to_contain_text(one["电梯"])
    expect(page.get_by_role("main")).to_contain_text(visits[-1]["签到"].split()[0])
    shot(page, "down to the visit")
