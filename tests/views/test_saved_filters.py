"""Saved filters: one's own, shared with colleagues, never with another unit or office; removed by their owner only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import csrf
from tests.factories import World


def save(browser: Any, name: str, **more: str) -> Any:
    form = {"csrf_token": csrf(browser, "/password/"), "name": name, "back": "f_status=suspended"} | more
    answer = browser.post("/elevators/save-filter", data=form)
    browser.get("/elevators/")  # what is said of it is said once
    return answer


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize(
    ("owner", "colleague", "stranger"),
    [("maintenance_head", "clerk", "other_head"), ("region_admin", "inspector", "other_inspector")],
)
def test_a_shared_filter_is_seen_by_colleagues_only(
    world: World, sign_in: Any, owner: str, colleague: str, stranger: str
) -> None:
    browser = sign_in(world.accounts[owner])
    save(browser, "停用中的", shared="1")
    save(browser, "自己看的")
    page = browser.get("/elevators/").text
    assert "停用中的" in page and "自己看的" in page and 'name="remove"' in page
    seen = sign_in(world.accounts[colleague])
    page = seen.get("/elevators/").text
    assert "停用中的" in page and "同事共享" in page and "自己看的" not in page and 'name="remove"' not in page
    assert "f_status=suspended" in page
    assert "停用中的" not in sign_in(world.accounts[stranger]).get("/elevators/").text
    # A colleague's try to remove it removes nothing of the owner's.
    save(seen, "停用中的", remove="1")
    assert "停用中的" in browser.get("/elevators/").text
    save(browser, "停用中的", remove="1")
    assert "停用中的" not in seen.get("/elevators/").text


@pytest.mark.feature("ELV-02")
def test_chosen_columns_and_own_filters_take_one_statement_with_the_shared(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    form = {"csrf_token": csrf(browser, "/password/"), "cols": ["code", "estate"]}
    browser.post("/elevators/columns", data=form)
    page = browser.get("/elevators/").text
    assert page.count("<th") < 6 and "楼盘" in page
    browser.post("/elevators/columns", data=form | {"reset": "1"})
    assert browser.get("/elevators/").text.count("<th") > 6
