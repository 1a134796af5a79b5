"""Rankings by the total and each item, a unit's item with its ledger, and the way down to each record."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from app.models import Score, ScoreRun, Unit
from tests.factories import World, make_elevator
from tests.workflows.clock_world import day
from tests.workflows.item_world import scored_firm
from tests.workflows.score_world import LATER, score

pytestmark = pytest.mark.feature("SCO-02", "SCO-03", "SCO-04", "SCO-05", "SCO-06", "SCO-07")
ITEMS = ("rescue", "feedback", "inspection", "fault", "change")


@pytest.fixture
def scored(session: Any, world: Any) -> Any:
    return scored_firm(session, world)


def text(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url, follow_redirects=True)
    body: str = answer.get_data(as_text=True)
    assert answer.status_code == status, f"{url}: {answer.status_code} {body[:1500]}"
    return body


@pytest.mark.parametrize("name", ["total", *ITEMS])
def test_rankings(scored: Any, sign_in: Any, name: str) -> None:
    browser = sign_in(scored.accounts["region_admin"])
    page = text(browser, f"/scores/{name}/")
    assert scored.firm.name in page
    assert f'href="/scores/{scored.score}/items/' in page
    assert "aria-current" in page
    for more in ("tab=ranked", "f_kind=use&f_region=980402000000"):
        text(browser, f"/scores/{name}/?f_run={scored.run_row.id}&{more}")


@pytest.mark.parametrize("name", ["total/", "", *(f"{item}/" for item in ITEMS)])
def test_a_ranking_is_searched_by_the_units_name(scored: Any, sign_in: Any, name: str) -> None:
    browser = sign_in(scored.accounts["region_admin"])
    row = f'/scores/{scored.score}'
    assert row in text(browser, f"/scores/{name}?q={scored.firm.name[2:6]}")
    for unknown in ("没有这家单位", "没"):  # by the index of names, and too short for it
        found = text(browser, f"/scores/{name}?q={unknown}")
        assert f'value="{unknown}"' in found and f'href="{row}' not in found


def test_a_unit_in_the_ranking_opens_its_total_with_all_six(session: Any, scored: Any, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["region_admin"])
    whole = f"/scores/{scored.score}/rating"
    listed, name = text(browser, "/scores/total/"), scored.firm.name
    assert f'href="{whole}"><span class="ta-cut"' in listed
    assert f'title="{name}">{name.removesuffix("有限公司")}<' in listed
    page = text(browser, whole)
    assert "总分与评级" in page and "满分 96" in page
    for name in ITEMS:
        assert f'href="/scores/{scored.score}/items/{name}"' in page
    assert f'href="/scores/{scored.score}">维护保养有效率' in page
    session.rollback()
    session.execute(update(Score).values(rescue_rank=None))
    session.commit()
    assert ">未排名</a>" in text(browser, "/scores/rescue/")


@pytest.mark.feature("LED-01")
@pytest.mark.parametrize("name", ITEMS)
def test_an_item_down_to_its_records(scored: Any, sign_in: Any, name: str) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    page = text(browser, f"/scores/{scored.score}/items/{name}")
    evidence = {
        "rescue": f"/rescues/{scored.rescue.id}", "feedback": f"/complaints/{scored.complaint.id}",
        "inspection": f"/inspections/{scored.inspection.id}", "fault": f"/rescues/{scored.rescue.id}",
        "change": f"/applications/{scored.change.application_id}",
    }[name]  # fmt: skip
    assert f'href="{evidence}"' in page
    assert "条合计" in page
    for only in ("", "late", "on_time", "failed", "passed", "fault", "held", "second", "x"):
        text(browser, f"/scores/{scored.score}/items/{name}?only={only}")
    bad = {"inspection": "failed", "fault": "fault"}.get(name, "late")
    assert f'href="{evidence}"' in text(browser, f"/scores/{scored.score}/items/{name}?only={bad}")


def test_secret_elevators_stay_unnamed(scored: Any, sign_in: Any) -> None:
    inspector = sign_in(scored.accounts["inspector"])
    for url in ("inspection", "inspection?only=failed", "feedback?only=on_time"):
        page = text(inspector, f"/scores/{scored.score}/items/{url}")
        assert scored.secret.code not in page
        assert "涉密或不在管辖范围" in page
    own = text(sign_in(scored.accounts["maintenance_head"]), f"/scores/{scored.score}/items/feedback")
    assert scored.own.code in own


def test_no_such_item_and_a_run_of_before(session: Any, scored: Any, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    text(browser, f"/scores/{scored.score}/items/maintenance", 404)
    text(browser, f"/scores/{scored.score}/items/elevators", 404)
    session.rollback()
    session.execute(update(ScoreRun).values(items_digest=None))
    session.commit()
    text(browser, f"/scores/{scored.score}/items/feedback", 404)
    assert "只有维护保养有效率" in text(browser, f"/scores/total/?f_run={scored.run_row.id}")
    assert "只有维护保养有效率" not in text(browser, f"/scores/?f_run={scored.run_row.id}")
    assert f"/scores/{scored.score}/items/" not in text(browser, f"/scores/{scored.score}")


@pytest.mark.feature("APL-01")
def test_the_unit_appeals_from_the_line_and_the_regulator_begins_a_talk(world: World, sign_in: Any) -> None:
    scored_firm(world.session, world)
    head, desk = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["region_admin"])
    for item in ("rescue", "feedback", "inspection", "change"):
        page = f"/scores/{world.score}/items/{item}"
        own = head.get(page).text
        way = re.search(r'href="(/appeals/new\?about=score_entry-\d+)"', own)
        assert way is not None, item
        assert head.get(way[1]).status_code == 200
        shown = desk.get(page).text
        assert "/appeals/new" not in shown and "/enforcement/new?" in shown
    fault = head.get(f"/scores/{world.score}/items/fault").text
    assert "/appeals/new" not in fault, "how often people were shut in is no judgement"


@pytest.mark.feature("SCO-08")
def test_why_an_expired_licence_and_lost_contracts_cap_the_stars(session: Any, scored: Any, sign_in: Any) -> None:
    session.execute(update(Unit).where(Unit.id == scored.firm.id).values(licence_until=day("2024-12-30")))
    make_elevator(session, maintenance_unit=scored.firm)
    session.commit()
    held = score(session, "2024-01-01", "2024-12-31", now=LATER + dt.timedelta(days=1), region="980402000000")
    key = session.scalar(select(Score.id).where(Score.run_id == held.id, Score.unit_id == scored.firm.id))
    page = sign_in(scored.accounts["maintenance_head"]).get(f"/scores/{key}/rating").text
    for said in ("许可证 2024 年 12 月 30 日已到期，最高 2 星", "许可证过期限级", "脱保限级", "补签合同、换证即可消除"):
        assert said in page, said
    assert f'href="/units/{scored.firm.id}"' in page and 'href="/elevators/?tab=uncovered"' in page
    theirs = sign_in(scored.accounts["inspector"]).get(f"/scores/{key}/rating").text
    assert f"/elevators/?tab=uncovered&amp;f_maintenance_unit={scored.firm.id}" in theirs


@pytest.mark.feature("SCO-07", "SIM-01", "APL-01")
def test_a_units_own_pages_lead_to_what_if_and_to_an_appeal(scored: Any, sign_in: Any) -> None:
    head, officer = sign_in(scored.accounts["maintenance_head"]), sign_in(scored.accounts["inspector"])
    for page in ("", "/items/feedback", "/rating"):
        text = head.get(f"/scores/{scored.score}{page}").text
        assert f'href="/scores/{scored.score}/what-if"' in text, page
        assert ("对扣分申诉" in text) is (page != "/rating"), page
        assert "对扣分申诉" not in officer.get(f"/scores/{scored.score}{page}").text
