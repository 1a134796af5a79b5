"""使用帮助 says what the product says: its labels, its addresses, its roles; and nobody is led to a closed door."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.pofile import read_po

from app import handbook
from app.handbook import LABEL, Topic
from app.permissions import GRANTS, Role
from tests.factories import World, make_account
from tests.test_architecture import ROOT

pytestmark = pytest.mark.feature("ACC-13")


def sentences(topic: Topic) -> list[Any]:
    return [*(step.text for step in topic.steps), *topic.notes]


@pytest.fixture(scope="module")
def english() -> dict[str, set[str]]:
    """Each text of the product and what it is in English, whatever it is said of."""
    with (ROOT / "translations/en/LC_MESSAGES/messages.po").open("rb") as opened:
        found: dict[str, set[str]] = {}
        for message in read_po(opened):
            if message.id:
                said, told = (one if isinstance(one, str) else one[0] for one in (message.id, message.string))
                found.setdefault(said, set()).add(told)
    return found


@pytest.fixture(scope="module")
def chinese() -> list[tuple[Topic, str]]:
    return [(topic, str(said)) for topic in handbook.all_topics() for said in sentences(topic)]


def test_each_label_is_a_text_of_the_product(chinese: list[tuple[Topic, str]], english: dict[str, set[str]]) -> None:
    wrong = {label: topic.key for topic, said in chinese for label in LABEL.findall(said) if label not in english}
    assert not wrong and sum(len(LABEL.findall(said)) for _topic, said in chinese) > 150


def test_in_english_the_labels_are_those_of_the_english_pages(
    chinese: list[tuple[Topic, str]], english: dict[str, set[str]]
) -> None:
    wrong = []
    for topic, said in chinese:
        (told,) = english[said]
        labels = set().union(*(english[label] for label in LABEL.findall(said)), ())
        wrong += [(topic.key, label) for label in LABEL.findall(told) if label not in labels]
    assert not wrong


def test_each_topic_has_its_own_address_and_somebody_to_read_it() -> None:
    topics = list(handbook.all_topics())
    keys = [topic.key for topic in topics]
    assert len(set(keys)) == len(keys) and all(re.fullmatch("[a-z-]+", key) for key in keys)
    for topic in topics:
        assert not topic.verbs or any(topic.verbs & GRANTS[role] for role in Role), topic.key
        assert len(topic.steps) >= 2, topic.key


def test_one_finds_what_one_may_do_and_nothing_else() -> None:
    worker = GRANTS[Role.WORKER]
    seen = {topic.key for topic in handbook.all_topics(handbook.chapters_for(worker.__contains__))}
    assert {"check-in", "no-signal", "first-sign-in", "trapped"} <= seen
    assert not seen & {"approve", "policy", "sub-accounts", "confirm"}
    strangers = {topic.key for topic in handbook.all_topics(handbook.chapters_for(lambda _verb: False))}
    assert strangers == {"first-sign-in", "register", "forgotten", "confirm-by-link", "trapped", "public-code"}


def test_on_the_phone_what_is_done_on_site_stands_first() -> None:
    worker = GRANTS[Role.WORKER]
    first = handbook.chapters_for(worker.__contains__, phone=True)[0]
    assert first.topics[0].key == "check-in"
    assert handbook.chapters_for(worker.__contains__)[0].topics[0].key == "first-sign-in"


def test_a_search_finds_words_in_titles_first() -> None:
    everything = handbook.chapters_for(lambda _verb: True)
    found = handbook.matching(everything, "签退")
    assert found[0].key == "check-out" and len(found) > 1
    assert [topic.key for topic in handbook.matching(everything, "年度 起始日期")] == ["year-plan"]
    assert handbook.matching(everything, "没有这样的词") == []


@pytest.mark.parametrize(
    ("path", "key"),
    [("/year-plans/", "year-plan"), ("/m/outbox", "no-signal"), ("/warnings/contract/", "warnings"),
     ("/delegations/", "delegate"), ("/labels/print", "labels")],
)  # fmt: skip
def test_a_page_is_explained_by_the_topic_that_names_it_most_closely(path: str, key: str) -> None:
    everything = handbook.chapters_for(lambda _verb: True)
    assert handbook.about(everything, path)[0].key == key
    assert handbook.about(everything, "/year-plansque/") == []


# --- on screen


ROLES = (
    "platform_admin", "region_admin", "inspector", "maintenance_head", "clerk", "worker", "use_head", "safety_officer",
)  # fmt: skip


def doors(shown: str) -> set[str]:
    return set(re.findall(r'<a class="ta-a ta-nw" href="([^"]+)"', shown))


@pytest.mark.parametrize("persona", ROLES)
def test_no_step_leads_to_a_closed_door(
    session: Any, world: World, sign_in: Any, menu_once: None, persona: str
) -> None:
    account = world.accounts.get(persona) or make_account(session, Role[persona.upper()])
    session.commit()
    browser = sign_in(account)
    shown = browser.get("/help/?all=1").get_data(as_text=True)
    found = doors(shown)
    assert len(found) >= 8, persona
    shut = {to: answer.status_code for to in found if (answer := browser.get(to)).status_code not in (200, 302)}
    assert not shut


def test_strangers_read_how_to_sign_in_and_what_to_do_when_trapped(client: Any, world: World) -> None:
    shown = client.get("/help/").get_data(as_text=True)
    assert "忘记密码" in shown and "被困在电梯里" in shown and "/help/approve" not in shown
    assert client.get("/help/trapped").status_code == 200
    assert client.get("/help/approve").status_code == 404
    assert client.get("/m/help/approve").status_code == 404
    assert not doors(client.get("/help/first-sign-in").get_data(as_text=True)), "they may go nowhere yet"
    assert 'href="/help/"' in client.get("/login/").get_data(as_text=True)


def test_whoever_is_signed_in_may_look_up_what_others_do(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    own = browser.get("/help/").get_data(as_text=True)
    assert "/help/check-in" not in own and "/help/approve" in own
    assert "/help/check-in" in browser.get("/help/?for=all").get_data(as_text=True)
    page = browser.get("/help/check-in").get_data(as_text=True)
    assert "扫码签到" in page and not doors(page), "it is not he who scans"


def test_the_page_before_is_explained_first(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    near = browser.get("/help/", headers={"Referer": "http://localhost/delegations/?tab=x"}).get_data(as_text=True)
    assert "刚才那一页" in near
    assert near.index("/help/delegate") < near.index("/help/first-sign-in")
    for other in ("http://elsewhere.test/delegations/", "http://localhost/", ""):
        assert "刚才那一页" not in browser.get("/help/", headers={"Referer": other}).get_data(as_text=True)


def test_help_is_one_press_away_at_the_desk_and_on_the_phone(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["worker"])
    assert 'href="/help/"' in browser.get("/visits/").get_data(as_text=True)
    assert 'href="/m/help/"' in browser.get("/m/me").get_data(as_text=True)
    shown = browser.get("/m/help/check-out").get_data(as_text=True)
    assert "ta-ph__top" in shown and 'href="/m/help/"' in shown


def test_what_was_searched_for_is_shown_as_text(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    shown = browser.get("/help/?q=<script>alert(1)</script>").get_data(as_text=True)
    assert "<script>alert" not in shown and "没有找到" in shown
    assert "/help/approve-many" in browser.get("/help/?q=批量").get_data(as_text=True)


def test_it_is_english_for_whoever_reads_english(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    browser.get("/lang/en")
    shown = browser.get("/help/approve").get_data(as_text=True)
    told = shown.split("<main")[1].split("</main>")[0]
    assert "Decide applications" in told and not re.search("[一-鿿]", told)
