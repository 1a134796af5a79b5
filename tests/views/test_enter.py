"""What Enter in a field presses: the first submit of its form: its main deed, or one that can be undone."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from app import clock
from app.transaction import transaction
from app.workflows.on_site import patrols
from tests.conftest import csrf
from tests.factories import World, make_elevator
from tests.pages import page

NAMELESS = ("", "")


class Forms(HTMLParser):
    """The first submit of every form, as (name, value), by the names of the fields in the form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, tuple[str, str]] = {}
        self._names: set[str] | None = None
        self._first: tuple[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._names, self._first = set(), None
        if self._names is None:
            return
        if tag == "button" and given.get("type", "submit") == "submit" and self._first is None:
            assert "disabled" not in given
            self._first = (given.get("name", ""), given.get("value", ""))
        elif tag in ("input", "textarea", "select"):
            self._names.add(given.get("name", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._names is not None and self._first is not None:
            self.found |= dict.fromkeys(self._names - {"csrf_token"}, self._first)
            self._names = None


def pressed(text: str, field: str) -> tuple[str, str]:
    return Forms(text).found[field]


@pytest.mark.feature("ACC-02")
def test_the_question_against_machines_does_not_take_enter(world: World, app: Any) -> None:
    text = page(app.test_client(), "/register/")
    assert 'name="words"' in text, "the other way to answer is offered, so that there is something to mend"
    assert pressed(text, "captcha") == NAMELESS == pressed(text, "login_name")


@pytest.mark.feature("PAT-01")
def test_enter_on_a_stop_says_neither_fine_nor_wrong(world: World, sign_in: Any) -> None:
    second = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    officer_id = world.accounts["safety_officer"].id
    with transaction(world.session):
        row = patrols.plan(
            world.session, world.actor("use_head"), "月初巡检", clock.today(), officer_id, [world.own.id, second.id],
            clock.now(),
        )  # fmt: skip
        number, key = row.id, row.stops[0].id
    officer = sign_in(world.accounts["safety_officer"])
    assert pressed(page(officer, f"/m/patrols/{number}"), "finding") == ("result", "")
    sent = {"csrf_token": csrf(officer), "result": "", "finding": "层门变形", "handled": "已报修"}
    for result, says in (("", "请选择正常或有问题"), ("fine", "写了问题，请选“有问题”或清空后再选“正常”")):
        answer = officer.post(f"/m/patrols/stops/{key}", data=sent | {"result": result})
        assert answer.status_code == 422 and answer.text.count('value="层门变形"') == 1, "of the stop that was sent"
        assert 'value="已报修"' in answer.text
        form = answer.text.split(f'action="/m/patrols/stops/{key}"')[1].split("</form>")[0]
        assert says in form and says not in answer.text.split(f'action="/m/patrols/stops/{key + 1}"')[1]


@pytest.mark.feature("PAT-01")
def test_enter_behind_words_looks_for_them_and_elsewhere_plans(world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["use_head"])
    text = page(head, "/patrols/new")
    assert pressed(text, "title") == NAMELESS
    sent = {
        "csrf_token": csrf(head, text), "title": "节前巡检", "due_on": clock.today().isoformat(), "sought": "",
        "account_id": str(world.accounts["safety_officer"].id), "ids": [str(world.own.id)], "q": world.own.code,
    }  # fmt: skip
    looked = head.post("/patrols/new", data=sent)
    assert looked.status_code == 200 and 'value="节前巡检"' in looked.text
    assert head.post("/patrols/new", data=sent | {"sought": world.own.code}).status_code == 302


@pytest.mark.parametrize(
    ("persona", "url", "field", "deed"),
    [
        pytest.param("maintenance_head", "/insurance/new", "payer", NAMELESS, marks=pytest.mark.feature("UNT-09")),
        pytest.param("platform_admin", "/notices/templates", "title", NAMELESS, marks=pytest.mark.feature("NTF-01")),
        # Before the button that reads a licence.
        pytest.param("platform_admin", "/units/new", "name", ("then", "save"), marks=pytest.mark.feature("UNT-05")),
        pytest.param("inspector", "/enforcement/new", "document_no", ("then", "draft"),
                     marks=pytest.mark.feature("ANO-03")),
    ],
)  # fmt: skip
def test_enter_is_the_main_deed_or_the_draft(
    world: World, sign_in: Any, persona: str, url: str, field: str, deed: tuple[str, str]
) -> None:
    assert pressed(page(sign_in(world.accounts[persona]), url), field) == deed
