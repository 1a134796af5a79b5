"""Attacks by what is sent: bodies of a size, forms that nobody's browser sends."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app import clock
from app.models import SpotAvoidance, SpotDraw
from app.views.frame import bodies
from app.workflows.oversight import spot_draws
from tests.api.callers import Caller
from tests.attacks.ground import counted
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.test_enforcement import do


@pytest.mark.feature("TGT-01")
@pytest.mark.parametrize("region", ["980402xxxxxx", "9804020~~~~~", "980402٠٠٠٠٠٠"])
def test_what_lies_between_two_codes_is_no_region_to_draw_from(app: Any, world: World, region: str) -> None:
    asked = {
        "title": "抽查", "target": "elevator", "region": region, "quota": 1, "check_until": str(clock.today()),
        "inspectors": [world.accounts["inspector"].id, world.accounts["region_admin"].id],
    }  # fmt: skip
    answer = Caller(app, world, "region_admin").post("/spot-draws", asked)
    assert rules_of_answer(answer) == {"地区"} and counted(world.session, SpotDraw) == 0


def rules_of_answer(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["rule"] for error in answer.json["errors"]}


@pytest.mark.feature("TGT-01")
def test_keeping_out_twice_is_once(session: Any, world: World) -> None:
    """Six presses were six rows; one was ended, and five went on keeping him out."""
    made = [
        do(world, "inspector", spot_draws.keep_out, None, world.firm.id, "亲属在该单位", clock.now()).id
        for _press in range(3)
    ]
    assert len(set(made)) == 1 and counted(session, SpotAvoidance) == 1
    do(world, "inspector", spot_draws.end_avoidance, made[0], clock.now())
    again = do(world, "inspector", spot_draws.keep_out, None, world.firm.id, "亲属在该单位", clock.now())
    assert again.id != made[0]


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("deed", ["columns", "save-filter"])
def test_a_line_break_in_a_forms_way_back_is_no_error(world: World, sign_in: Any, deed: str) -> None:
    browser = sign_in(world.accounts["clerk"])
    form = {"csrf_token": csrf(browser), "name": "在用", "back": "tab=in_use\r\nX: y"}
    answer = browser.post(f"/elevators/{deed}", data=form)
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/elevators/?tab=in_use")
    assert "X" not in answer.headers


pytestmark = pytest.mark.usefixtures("uncounted")
FORM = "application/x-www-form-urlencoded"


@pytest.mark.feature("ACC-15")
@pytest.mark.parametrize(
    ("part", "times"), [("name=%&", 600_000), ("%" * 1024, 5_000), ("k=1&", 60_000), ("&", 60_000)],
    ids=["much", "signs", "fields", "nothing"],
)
def test_a_stranger_keeps_no_process_with_one_form(app: Any, client: Any, part: str, times: int) -> None:
    """20 MB of "%" was ten seconds of a process for one call without an account, to whatever address."""
    body = part * times
    for told in (len(body), None):
        more = {} if told else {"wsgi.input_terminated": True}
        answer = client.post(
            "/login/", input_stream=io.BytesIO(body.encode()), content_type=FORM, content_length=told,
            environ_overrides=more,
        )  # fmt: skip
        assert answer.status_code == 413, answer.text[:200]
        assert "表单文字不超过 4 MB" in answer.text


@pytest.mark.feature("ACC-15")
def test_a_long_form_that_is_real_goes_through(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    body = "&".join(["body=" + "%E5%AD%97" * 100_000, "csrf_token=" + csrf(browser)] + ["ids=1"] * 20_000)
    answer = browser.post("/about/feedback", data=body, content_type=FORM)
    assert answer.status_code == 422, "told what is wrong with it, not that it is too long"


@pytest.mark.feature("INT-04")
def test_json_of_millions_of_values_is_refused_unread(app: Any, client: Any) -> None:
    """Of 20 MB of "[]," half a gigabyte was made before anybody asked who sends it."""
    for sent in (b"[" + b"[]," * bodies.MOST_VALUES + b"1]", b"{" + b'"k":1,' * bodies.MOST_VALUES + b'"a":1}'):
        answer = client.post("/api/v1/contracts", data=sent, content_type="application/json")
        assert answer.status_code == 413 and answer.json["errors"], answer.text[:200]


@pytest.mark.feature("INT-04")
@pytest.mark.parametrize("sent", [b"[" * 100_000, b'{"a":' * 100_000, b'["\\u0000", ' + b"[" * 50_000])
def test_json_without_a_bottom_is_told_as_what_it_is(app: Any, client: Any, sent: bytes) -> None:
    """It was said to hold characters that can't be kept."""
    answer = client.post("/api/v1/contracts", data=sent, content_type="application/json")
    assert answer.status_code == 400 and "一层套一层太多" in answer.text


@pytest.mark.feature("ELV-07")
@pytest.mark.parametrize(
    "address", ["/ledgers/deed/batch", "/ledgers/deed/labels", "/elevators/deed/labels", "/people/deed/sheet"]
)
def test_what_is_no_row_is_not_carried_on_in_an_address(app: Any, world: World, sign_in: Any, address: str) -> None:
    """The next page's address held what was sent word for word: longer than a proxy takes, and so a 502."""
    browser = sign_in(world.accounts["maintenance_head"])
    sent = {"csrf_token": csrf(browser), "ids": ["字" * 6000, str(world.own.id), "-1", "9" * 40]}
    answer = browser.post(address, data=sent)
    assert answer.status_code == 302
    assert answer.location.endswith(f"?ids={world.own.id}")


@pytest.mark.feature("PLN-04")
def test_a_plan_for_no_row_is_not_one_for_all(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    answer = browser.post("/ledgers/deed/plan", data={"csrf_token": csrf(browser), "ids": ["x", "-1"]})
    assert "/year-plans/" not in (answer.location or "")
