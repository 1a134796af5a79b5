"""English beside Chinese: chosen by /lang/…, kept through login, and no page breaks in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from scripts import catalogues
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.test_architecture import ROOT


def language(page: str) -> str:
    found = re.search(r'<html[^>]*\blang="([^"]+)"', page)
    return found.group(1) if found else ""


def menu(page: str) -> list[tuple[str, str]]:
    """Link and label of each line of the menu."""
    return re.findall(r'<a href="([^"]+)" title="([^"]+)"', page.split('class="ta-menu"')[1].split("</nav>")[0])


def test_a_new_browser_is_met_in_chinese_whatever_it_asks_for(client: Any) -> None:
    page = client.get("/login/", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert language(page) == "zh-CN"
    assert "用户名或已绑定手机号" in page and 'href="/lang/en"' in page


def test_english_chosen_before_login_is_kept_after_it_and_after_logout(world: World, client: Any) -> None:
    assert client.get("/lang/en").status_code == 302
    page = client.get("/login/").text
    assert language(page) == "en"
    assert "Username or linked mobile number" in page and "用户名或已绑定手机号" not in page
    form = {"username": world.accounts["inspector"].username, "password": PASSWORD, "csrf_token": csrf(client)}
    assert client.post("/login/", data=form).status_code == 302
    home = client.get("/").text
    assert language(home) == "en" and ("/units/", "Units") in menu(home)
    client.post("/logout/", data={"csrf_token": csrf(client)})
    assert language(client.get("/login/").text) == "en"


def test_menu_and_list_change_with_the_language_and_back(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    browser.get("/lang/en")
    page = browser.get("/elevators/").text
    assert language(page) == "en" and ("/warnings/", "Warnings") in menu(page)
    assert "Next inspection date" in page and "Maintenance unit" in page and "下次检验日期" not in page
    assert not any(re.search(r"[\u4e00-\u9fff]", label) for _link, label in menu(page))
    assert world.own.address in page, "what people entered is not translated"
    browser.get("/lang/zh_Hans_CN")
    page = browser.get("/elevators/").text
    assert language(page) == "zh-CN" and ("/warnings/", "预警") in menu(page) and "下次检验日期" in page


def test_a_public_pages_language_is_not_the_accounts(world: World, sign_in: Any) -> None:
    """Whoever shows a passer-by the page behind the code in English goes on in his own language, there and later."""
    account, door = world.accounts["inspector"], f"/m/p/{world.own.public_token}"
    browser = sign_in(account)
    for path in (door, "/open/"):
        assert browser.get(f"{path}?lang=en").status_code == 302
        assert language(browser.get(path).text) == "en"
        assert language(browser.get("/elevators/").text) == "zh-CN"
    world.session.rollback()
    world.session.refresh(account)
    assert account.language != "en"
    browser.get(f"{door}?lang=zh_Hans_CN")
    browser.get("/lang/en")
    assert language(browser.get("/elevators/").text) == "en"
    assert language(browser.get(door).text) == "zh-CN", "what was chosen there holds there"


def test_a_strangers_choice_on_a_public_page_becomes_no_accounts(world: World, client: Any) -> None:
    client.get("/open/?lang=en")
    assert language(client.get("/open/").text) == language(client.get("/login/").text) == "en"
    account = world.accounts["inspector"]
    form = {"username": account.username, "password": PASSWORD, "csrf_token": csrf(client)}
    assert client.post("/login/", data=form).status_code == 302
    world.session.rollback()
    world.session.refresh(account)
    assert account.language != "en" and language(client.get("/").text) != "en"


def test_a_button_and_the_name_of_its_job_are_two_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the patterns of all texts, of the two folders alone where these stand: all of them take six seconds."""
    places = [catalogues.ROOT / "app" / part for part in ("models", "templates/ta/scores")]
    related = lambda one, other: one.is_relative_to(other) or other.is_relative_to(one)  # noqa: E731
    monkeypatch.setattr(catalogues, "_within_product", lambda path: any(related(path, place) for place in places))
    monkeypatch.setattr(catalogues, "speaking", list)
    found = catalogues.extract()
    assert found.get("计算得分") is not None and found.get("计算得分", "job") is not None


def test_a_language_that_is_not_offered_changes_nothing(client: Any) -> None:
    client.get("/lang/en")
    assert client.get("/lang/fr").status_code == 404
    assert language(client.get("/login/").text) == "en"


@pytest.mark.parametrize("persona", ["region_admin", "maintenance_head"])
def test_every_page_of_the_menu_opens_in_english(world: World, sign_in: Any, menu_once: None, persona: str) -> None:
    """A placeholder lost in translation would end the page."""
    browser = sign_in(world.accounts[persona])
    browser.get("/lang/en")
    links = [link for link, _label in menu(browser.get("/").text)]
    assert len(links) > 10
    for link in [*links, "/profile/", "/elevators/new", "/units/new", f"/elevators/{world.own.id}"]:
        answer = browser.get(link, follow_redirects=True)
        assert answer.status_code == 200, f"{link} gave {answer.status_code}"
        assert language(answer.text) == "en", link
    answer = browser.get("/nowhere")
    assert answer.status_code == 404 and "is not in your charge" in answer.text


@pytest.mark.parametrize("locale", ["en", "zh_Hans_CN"])
def test_the_console_and_the_api_page_open_in_either_language(world: World, sign_in: Any, locale: str) -> None:
    """They bring texts and catalogues of their own."""
    browser = sign_in(world.accounts["platform_admin"])
    browser.get(f"/lang/{locale}")
    for link in ("/ops/", "/ops/job/", "/ops/notification/", "/swagger/v1"):
        assert browser.get(link).status_code == 200, link
    assert ("Operations console" in browser.get("/").text) is (locale == "en")


def test_the_catalogue_check_names_what_is_wrong(tmp_path: Any) -> None:
    from babel.messages.catalog import Catalog

    source, kept = Catalog(), Catalog(locale="en")
    for text in ("缺", "空", "疑", "共 %(n)s 条", "满", "好 %(n)s"):
        source.add(text)
    kept.add("空", "")
    kept.add("疑", "doubtful", flags=["fuzzy"])
    kept.add("共 %(n)s 条", "%(m)s in all")
    kept.add("满", "100% full")
    kept.add("好 %(n)s", "good %(n)s")
    path = tmp_path / "en" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    catalogues.write(path, kept)
    found = catalogues.problems(path, source)
    assert [line.split("/ ")[1].split(":")[0] for line in found] == [
        "missing", "not translated", "fuzzy", "placeholders differ", "a percent sign is written %%",
    ]  # fmt: skip


def test_what_was_submitted_when_is_headed_by_no_command() -> None:
    """In English 提交 is both: "Submit" on a button, "Submitted" over a time."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "app/templates").rglob("*.html")}
    commands = [name for name, text in pages.items() if re.search(r"(<th>|data-label=\"){{ _\('提交'\)", text)]
    assert not commands and "pgettext('heading', '提交')" in pages["queue.html"]
