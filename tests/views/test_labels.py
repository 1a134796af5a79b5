"""一梯一码 标签 (ELV-07 in short) and the page behind the code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import csrf
from tests.factories import World, make_elevator

pytestmark = pytest.mark.feature("ELV-07")


def test_chosen_elevators_have_a_label_each(session: Any, world: World, sign_in: Any) -> None:
    silent = make_elevator(session, maintenance_unit=world.firm, emergency_phone=None)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    form = {"ids": [world.own.id, silent.id, world.foreign.id], "csrf_token": csrf(client)}
    page = client.post("/elevators/deed/labels", data=form, follow_redirects=True).text
    assert page.count("被困时立即扫码救援!") == 1 and page.count("<svg viewBox") >= 1
    assert world.own.code in page and world.own.address in page and "96333" in page
    assert "没有填写应急救援电话" in page and silent.code in page
    assert world.foreign.code not in page


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=abc", "?ids=99999999999999999999"])
def test_nothing_chosen_goes_back_to_the_list(world: World, sign_in: Any, query: str) -> None:
    answer = sign_in(world.accounts["inspector"]).get(f"/labels/{query}")
    assert answer.status_code == 302 and answer.location.endswith("/elevators/")


def test_foreign_elevators_have_no_sheet(world: World, sign_in: Any) -> None:
    assert sign_in(world.accounts["inspector"]).get(f"/labels/?ids={world.foreign.id}").status_code == 404


def test_a_passer_by_is_told_whom_to_call(app: Any, world: World) -> None:
    page = app.test_client().get(f"/m/p/{world.own.public_token}")
    assert page.status_code == 200 and "tel:96333" in page.text and world.own.code in page.text
    assert app.test_client().get(f"/m/p/{world.own.code}").status_code == 404


def test_a_worker_goes_on_to_the_check_in(world: World, sign_in: Any) -> None:
    answer = sign_in(world.accounts["worker"]).get(f"/m/p/{world.own.public_token}")
    assert answer.status_code == 302 and answer.location.endswith(f"/m/e/{world.own.public_token}")
