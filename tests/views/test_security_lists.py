"""The account list of a regulator (ACC-12): its scope, its tabs, its masked phones, its doors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import World
from tests.views.test_security import sign_in


def page_of(app: Any, world: World, persona: str, query: str = "") -> str:
    client = app.test_client()
    sign_in(client, world.accounts[persona].username)
    answer = client.get(f"/accounts/{query}")
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def names(world: World, page: str) -> set[str]:
    return {persona for persona, a in world.accounts.items() if f"/accounts/{a.id}\"" in page}


@pytest.mark.feature("ACC-12", "ACC-01")
def test_a_regulator_lists_the_accounts_of_his_region(app: Any, world: World) -> None:
    district = {
        "region_admin", "inspector", "maintenance_head", "clerk", "worker", "use_head", "safety_officer",
    }  # fmt: skip
    assert names(world, page_of(app, world, "region_admin")) == district
    assert names(world, page_of(app, world, "other_inspector")) == {"other_inspector", "other_head", "other_worker"}
    assert names(world, page_of(app, world, "platform_admin", "?size=200")) == set(world.accounts)


@pytest.mark.feature("ACC-12")
def test_tabs_search_and_filters_narrow(app: Any, world: World) -> None:
    for query, found in (
        ("?tab=main", {"maintenance_head", "use_head"}),
        ("?tab=regulator", {"region_admin", "inspector"}),
        ("?tab=ended", set()),
        ("?f_role=worker", {"worker"}),
        ("?q=新禾", {"use_head", "safety_officer"}),
        (f"?q={world.accounts['clerk'].username}", {"clerk"}),
        ("?sort=nosuch&page=abc&size=9999999&f_role=boss", None),
    ):
        page = page_of(app, world, "region_admin", query)
        assert found is None or names(world, page) == found, query


@pytest.mark.feature("ACC-12")
def test_a_worker_has_no_account_list(app: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["worker"].username)
    assert client.get("/accounts/").status_code == 403


@pytest.mark.feature("ACC-13")
def test_fabs_doors_of_the_list_are_shut(app: Any, session: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["platform_admin"].username)
    number = world.accounts["clerk"].id
    for path in ("/accounts/add", f"/accounts/edit/{number}", f"/accounts/delete/{number}", f"/accounts/show/{number}",
                 f"/accounts/action/delete/{number}", "/people/add", f"/people/edit/{world.worker.id}"):  # fmt: skip
        assert client.get(path).status_code in (404, 405), path
        assert client.post(path, data={"username": "x"}).status_code in (400, 404, 405), path
    session.rollback()
    assert world.accounts["clerk"].username.startswith("test_")
