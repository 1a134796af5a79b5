"""The search box: every persona finds what is its own, each hit opens, and no text whatever ends in an error."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.transaction import transaction
from tests.factories import World, make_elevator, make_person
from tests.workflows.test_applications import suspend

PERSONAS = {
    "platform_admin": {"电梯", "单位", "人员", "申请"},
    "region_admin": {"电梯", "单位", "人员", "申请"},
    "inspector": {"电梯", "单位", "人员", "申请"},
    "maintenance_head": {"电梯", "单位", "人员", "申请"},
    "clerk": {"电梯", "单位", "人员", "申请"},
    "worker": {"电梯"},
    "use_head": {"电梯", "单位", "申请"},
    "safety_officer": {"电梯", "单位", "申请"},
}


@pytest.fixture
def found_world(session: Any, world: World) -> World:
    """One word that an elevator, a unit, a person and an application share."""
    world.own.address = "同名楼 1 幢"
    world.use_unit.name = "同名楼物业"
    world.firm.name = "同名楼电梯"
    make_person(session, world.firm, "同名楼")
    session.commit()
    suspend(world)
    return world


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("persona", PERSONAS)
def test_hits_open_for_whoever_finds_them(found_world: World, sign_in: Any, persona: str) -> None:
    browser = sign_in(found_world.accounts[persona])
    page = browser.get("/search/?q=同名楼")
    body = page.get_data(as_text=True)
    assert page.status_code == 200
    assert set(re.findall(r'<h2 class="ta-h2">([^<]+)</h2>', body)) == PERSONAS[persona]
    main = body[body.index('class="ta-tw"'):]
    for address in set(re.findall(r'<td class="key"><a href="([^"]+)"', main)):
        assert browser.get(address).status_code == 200, address


@pytest.mark.feature("ELV-02")
def test_search_finds_by_code_and_nothing_foreign(found_world: World, sign_in: Any) -> None:
    browser = sign_in(found_world.accounts["worker"])
    assert found_world.own.address in browser.get(f"/search/?q={found_world.own.code}").get_data(as_text=True)
    assert "没有找到" in browser.get(f"/search/?q={found_world.foreign.code}").get_data(as_text=True)


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("q", ["%00", "ab%00cd", "%ED%A0%80ab", "%FF%FEab", "%25_%5C", "''", "\u202e右左", "９" * 60])
def test_no_text_breaks_it(world: World, sign_in: Any, q: str) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    for address in (f"/search/?q={q}", f"/lookup/elevators?q={q}", f"/elevators/?q={q}"):
        answer = browser.get(address)
        assert answer.status_code == 200, (address, answer.status_code)


@pytest.mark.feature("ELV-02")
def test_a_hit_shows_by_what_it_was_found(session: Any, world: World, sign_in: Any) -> None:
    """Found by its estate or a number of another kind, a line of code and street said nothing of either."""
    world.own.estate, world.own.address = "云樾里小区", "5 幢 1 单元"
    world.own.registration_code, world.own.factory_no = "DJ3110-77", "SN-0042"
    world.own.job_no, world.own.service_no = "G2300-91", "FW-00123"
    session.commit()
    browser = sign_in(world.accounts["worker"])
    place = '<td class="ta-wrap">云樾里小区 5 幢 1 单元'
    assert f"{place}</td>" in browser.get("/search/?q=云樾").get_data(as_text=True)
    assert f"{place}　DJ3110-77</td>" in browser.get("/search/?q=dj3110").get_data(as_text=True)
    assert f"{place}　G2300-91</td>" in browser.get("/search/?q=g2300").get_data(as_text=True)
    assert f"{place}　FW-00123</td>" in browser.get("/search/?q=FW-001").get_data(as_text=True)
    for number in ("g2300-91", "FW-00123"):
        assert world.own.code in browser.get(f"/elevators/?q={number}").get_data(as_text=True), number
    assert f"{place}　SN-0042</td>" in browser.get("/search/?q=SN-00").get_data(as_text=True)
    assert f"{place}</td>" in browser.get(f"/search/?q={world.own.code}").get_data(as_text=True)


@pytest.mark.feature("ELV-02")
def test_a_units_draft_is_found_by_its_unit_only(session: Any, world: World, sign_in: Any) -> None:
    """To an officer the search showed drafts of firms, and its link to all of them an empty list."""
    draft = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, approved_version=0)
    draft.filing_state, draft.filed_by_unit_id, draft.estate = "draft", world.firm.id, "未报苑"
    session.commit()
    code = draft.code
    for persona, found in (("clerk", True), ("region_admin", False), ("inspector", False)):
        page = sign_in(world.accounts[persona]).get("/search/?q=未报苑").get_data(as_text=True)
        assert (code in page) is found, persona
    with transaction(session):
        draft.filing_state = "pending"
    assert code in sign_in(world.accounts["inspector"]).get("/search/?q=未报苑").get_data(as_text=True)


@pytest.mark.feature("ELV-02")
def test_single_characters_are_not_looked_for_everywhere(session: Any, world: World, sign_in: Any) -> None:
    """No index knows them, and a rare one would be looked for in every row: the page says what is wanted instead."""
    world.own.address = "云 Q 路 7 号"
    session.commit()
    browser = sign_in(world.accounts["inspector"])
    together = "请输入至少 2 个连着的字"
    for typed, said in (("Q", "请输入至少 2 个字"), ("云 Q", together), ("Q  路", together)):
        page = browser.get("/search/", query_string={"q": typed})
        assert said in page.text and "没有找到" not in page.text and world.own.code not in page.text
        assert browser.get("/lookup/elevators", query_string={"q": typed}).json == {"results": []}
    for typed in ("云 Q 7 号", "7号 Q", f"{world.own.code} Q"):
        assert world.own.code in browser.get("/search/", query_string={"q": typed}).text, "one word is enough"
    assert browser.get("/lookup/elevators", query_string={"q": f"{world.own.code} Q"}).json["results"]
