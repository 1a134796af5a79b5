"""Pages that nobody walks to: errors, and what is printed or made into a PDF, in English."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app import vault
from app.views.frame import errors
from tests.factories import World
from tests.views.test_english_is_complete import left_in_chinese
from tests.views.test_office_pages import waiting

HAN = re.compile("[\u3001-\u303f\u3400-\u9fff\uff00-\uffef]")
NOBODY = re.compile("$^")


class Broken(RuntimeError):
    pass


@pytest.mark.parametrize("code", sorted(errors.WORDS))
def test_every_error_page_is_english(app: Any, world: World, sign_in: Any, code: int) -> None:
    browser = sign_in(world.accounts["inspector"])
    browser.get("/lang/en")
    kept = app.view_functions["Home.index"]

    def fails(*_: Any, **__: Any) -> Any:
        error = Broken() if code == 500 else HTTPException()
        error.code = code  # type: ignore[union-attr]
        raise error

    app.view_functions["Home.index"] = fails
    try:
        answer = browser.get("/")
    finally:
        app.view_functions["Home.index"] = kept
    page = answer.text.replace(world.accounts["inspector"].first_name, "")
    assert answer.status_code == code
    assert '<html lang="en">' in page and "Request number" in page
    body = page.split('class="ta-problem"')[1]
    assert not list(left_in_chinese(body, NOBODY)) and not HAN.search(re.sub("<[^>]+>", "", body))


@pytest.mark.parametrize("code", [429, 503, 500, 404])
def test_what_passes_by_itself_is_asked_for_again_where_it_stands(
    app: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A form is not sent again by a link: nobody knows how much of it was done."""
    browser = sign_in(world.accounts["inspector"])

    def fails(*_: Any, **__: Any) -> Any:
        if code == 503:
            raise OperationalError("SELECT 1", {}, Exception("away"))
        error = HTTPException()
        error.code = code
        raise error

    for view in ("Home.index", "SignIn.login"):
        monkeypatch.setitem(app.view_functions, view, fails)
    shown = browser.get("/?day=2026-11-20&q=%E4%BA%94")
    assert shown.status_code == code
    again = 'ta-btn--main" href="/?day=2026-11-20&amp;q=%E4%BA%94">重试' in shown.text
    assert again == (code in (429, 503)) and shown.text.count("ta-btn--main") == 1
    assert "重试" not in app.test_client().post("/login/").text


@pytest.mark.parametrize(("asked", "again"), [
    ("/%5Cevil.example/x", "/%5Cevil.example/x"),
    ("/%09/evil.example", "/%09/evil.example"), ("/?q=%22%3E&x=1", "/?q=%22%3E&amp;x=1"),
    ("/m/e/http%3A%2F%2Fx%2Fm%3Fa%3D1%23q", "/m/e/http%3A//x/m%3Fa%3D1%23q"),
])  # fmt: skip
def test_asking_again_stays_on_this_site(
    world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch, asked: str, again: str
) -> None:
    """Whatever an address pretends to be, and what was scanned stays whole in it."""
    browser = sign_in(world.accounts["inspector"])

    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    monkeypatch.setitem(browser.application.before_request_funcs, None, [away])
    shown = browser.get(asked)
    assert shown.status_code == 503 and f'ta-btn--main" href="{again}">重试' in shown.text
    elsewhere = browser.get("/x", environ_overrides={"PATH_INFO": "//evil.example/x"})
    assert 'href="/evil.example/x">重试' in elsewhere.text


def test_what_only_an_operator_can_mend_is_not_asked_for_again(
    app: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sealed(*_: Any, **__: Any) -> Any:
        raise vault.Unreadable("缺少密钥")

    browser = sign_in(world.accounts["inspector"])
    monkeypatch.setitem(app.view_functions, "Home.index", sealed)
    shown = browser.get("/")
    assert shown.status_code == 503 and "密钥不对" in shown.text and "重试" not in shown.text


@pytest.mark.feature("UNT-07")
def test_the_letter_to_sign_is_set_for_its_language(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    for language, lang, colon in (("en", "en", ": "), ("zh_Hans_CN", "zh-CN", "：")):
        browser.get(f"/lang/{language}")
        page = browser.get("/commitments/form?page=1").text
        words = re.sub("<style.*?</style>|<[^>]+>", "", page.replace(world.firm.name, ""), flags=re.S)
        assert f'<html lang="{lang}">' in page and "h1:lang(zh) { letter-spacing" in page
        assert f"{colon}{world.firm.uscc}" in page and (lang != "en" or not HAN.search(words)), words


def test_the_form_of_an_application_is_set_for_its_language(world: World, sign_in: Any) -> None:
    row = waiting(world)
    browser = sign_in(world.accounts["inspector"])
    browser.get("/lang/en")
    page = browser.get(f"/applications/{row.id}/print").text
    assert '<html lang="en">' in page and f"Application number: {row.number}" in page and "：" not in page
