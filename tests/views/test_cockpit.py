"""数据驾驶舱 as a page: who may open it, the region in its address, numbers that are asked for anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.models import Score, ScoreRun
from tests.factories import World, make_clock
from tests.reports.test_cockpit import visited
from tests.statements import statements
from tests.workflows.item_world import scored_firm

pytestmark = pytest.mark.feature("DSH-02")


@pytest.mark.parametrize("persona", ["platform_admin", "region_admin", "inspector"])
def test_a_regulator_sees_the_region(world: World, sign_in: Any, persona: str) -> None:
    make_clock(world.session, world.own, clock.today())
    world.session.commit()
    answer = sign_in(world.accounts[persona]).get("/cockpit/")
    assert answer.status_code == 200
    for words in ("电梯安全数据驾驶舱", "管辖电梯", "各地维保超期率", "近 30 天按时率", "本地区还没有计算过得分"):
        assert words in answer.text, words
    assert 'data-theme="dark"' in answer.text and "ta-menu" not in answer.text


@pytest.mark.parametrize("when, counted, words", [
    (0, True, ("截至昨天的 30 天里，没有计入的维保，也没有超期；今天的维保明天起显示在这里", "已签退 1")),
    (1, False, ("截至昨天的 30 天里，没有计入的维保，也没有超期</p>", "已签退 0")),
    (1, True, ("最近一天；30 天最低 100.00%",)), (30, True, ("最近一天；30 天最低 100.00%",)),
    (31, True, ("没有计入的维保，也没有超期</p>",)),
])  # fmt: skip
def test_without_a_trend_it_does_not_say_that_nothing_was_done(
    world: World, sign_in: Any, when: int, counted: bool, words: tuple[str, ...]
) -> None:
    """The share is of days that are over: what was done today is told beside it, not denied."""
    visited(world, world.own, clock.today() - when * dt.timedelta(days=1), counted=counted)
    world.session.commit()
    page = sign_in(world.accounts["inspector"]).get("/cockpit/").text
    assert all(one in page for one in words) and "近 30 天没有维保" not in page


@pytest.mark.parametrize("persona", ["maintenance_head", "use_head", "worker"])
def test_a_unit_does_not(world: World, sign_in: Any, persona: str) -> None:
    answer = sign_in(world.accounts[persona]).get("/cockpit/")
    assert answer.status_code in (302, 403) and "各地维保超期率" not in answer.text
    assert "/cockpit/" not in sign_in(world.accounts[persona]).get("/?desk=1").text


def test_the_address_says_the_region_and_the_way_up(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["platform_admin"])
    answer = browser.get("/cockpit/?region=980402000000")
    assert "临河区电梯安全数据驾驶舱" in answer.text and 'href="?region=980400000000"' in answer.text
    assert "回到上一级" not in sign_in(world.accounts["inspector"]).get("/cockpit/").text


@pytest.mark.parametrize(
    "region", ["980403000000", "123", "%3Cscript%3E", "%00980403000000", "９８０４０２００００００"]
)
def test_a_region_beyond_ones_own_is_none(world: World, sign_in: Any, region: str) -> None:
    answer = sign_in(world.accounts["inspector"]).get(f"/cockpit/?region={region}")
    assert answer.status_code == 404 and "管辖范围" in answer.text and "<script>" not in answer.text.split("<main")[-1]


def test_asked_for_again_at_once_it_is_not_counted_again(
    world: World, sign_in: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 20)
    browser = sign_in(world.accounts["inspector"])
    browser.get("/cockpit/")
    with statements() as asked:
        answer = browser.get("/cockpit/")
    assert answer.status_code == 200 and not [text for text in asked if "maintenance_clock" in text]


def test_each_reads_it_in_his_language(
    world: World, sign_in: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 20)
    browser = sign_in(world.accounts["inspector"])
    assert "曳引驱动乘客电梯" in browser.get("/cockpit/").text
    browser.get("/lang/en")
    assert "曳引驱动乘客电梯" not in browser.get("/cockpit/").text


def test_the_ranking_is_the_newest_of_the_region_however_many_others_there_are(world: World, sign_in: Any) -> None:
    session, now = world.session, clock.now()
    for number in range(61):
        region = "980402000000" if number == 60 else "980403000000"
        run = ScoreRun(
            region_code=region, from_on=dt.date(2026, 1, 1), to_on=dt.date(2026, 3, 31), policy={}, digest="",
            as_of=now - dt.timedelta(hours=number), made_at=now, state="final",
        )  # fmt: skip
        session.add(run)
        session.flush()
        unit = world.firm if number == 60 else world.other_firm
        session.add(Score(
            run_id=run.id, unit_id=unit.id, region_code=region, rank=1, points="15.50", due=10, bad=0, overdue=0,
            nonconforming=0, forgiven=0, valid_visits=10, elevators=7,
        ))  # fmt: skip
    session.commit()
    text = sign_in(world.accounts["platform_admin"]).get("/cockpit/?region=980402000000").text
    assert world.firm.name in text and "15.50" in text and world.other_firm.name not in text


def test_the_six_with_who_lowers_them_and_the_way_to_the_ledger(session: Any, world: World, sign_in: Any) -> None:
    scored = scored_firm(session, world)
    text = sign_in(world.accounts["inspector"]).get("/cockpit/").text
    assert "六项总分，按电梯台数平均" in text and "还没有已确定的季度可比" not in text.split("ck-six")[0]
    for item in ("rescue", "feedback", "inspection", "fault", "change"):
        assert f'href="/scores/{scored.score}/items/{item}"' in text, item
        assert f'href="/scores/{item}/?f_run={scored.run_row.id}"' in text, item
    assert "拉低 8.00" in text and scored.firm.name in text
    # A single period draws no line.
    assert 'class="line"' not in text


def test_the_total_is_drawn_over_settled_quarters(session: Any, world: World, sign_in: Any) -> None:
    scored = scored_firm(session, world)
    for number, total in ((2, "80.00"), (1, "70.00")):
        begin = dt.date(2023, 10, 1) if number == 1 else dt.date(2023, 7, 1)
        end = dt.date(2023, 12, 31) if number == 1 else dt.date(2023, 9, 30)
        run = ScoreRun(
            region_code="980402000000", from_on=begin, to_on=end, policy={}, digest="", items_digest="1" * 64,
            as_of=clock.now() - dt.timedelta(days=1000), made_at=clock.now(), state="final",
        )  # fmt: skip
        session.add(run)
        session.flush()
        session.add(Score(
            run_id=run.id, unit_id=world.firm.id, region_code="980402000000", rank=1, points="15.50", total=total,
            due=10, bad=0, overdue=0, nonconforming=0, forgiven=0, valid_visits=10, elevators=7,
        ))  # fmt: skip
    session.commit()
    text = sign_in(world.accounts["inspector"]).get("/cockpit/").text
    assert scored.run_row.id and 'class="line"' in text and "2023-10-01 至 2023-12-31：70.00" in text
    assert "较 2023-10 至 12" in text
