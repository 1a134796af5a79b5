"""What rules say, read in English: findings of each area, on the page and by the interface; nothing stays Chinese."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from flask_babel import force_locale

from app.errors import Finding
from app.views.frame.cells import countdown, mark, pill, two
from app.views.frame.filing_words import Due
from app.views.frame.told import told
from app.wording import say, together
from scripts import catalogues
from tests.conftest import csrf
from tests.factories import World, make_policy

HAN = re.compile(r"[\u4e00-\u9fff]")
SAID = "ta-checks|ta-card ta-refused|ta-err|fd-reason"
REFUSALS = re.compile(rf'<(ul|section|p|div) class="(?:{SAID})[^>]*>(.*?)</\1>', re.S)


def english(sign_in: Any, account: Any) -> Any:
    browser = sign_in(account)
    browser.get("/lang/en")
    return browser


def said_on(page: str) -> str:
    """The words of every refusal on a page."""
    return html.unescape(re.sub("<[^>]+>", " ", " ".join(found[2] for found in REFUSALS.finditer(page))))


def refused(browser: Any, url: str, **data: Any) -> str:
    answer = browser.post(url, data=data | {"csrf_token": csrf(browser)}, follow_redirects=True)
    assert answer.status_code < 500
    words = said_on(answer.text)
    assert len(words) > 20, answer.text[:3000]
    return words


def test_told_translates_sentence_values_and_lists(app: Any) -> None:
    said = say("电梯 %(code)s 现为%(status)s", code="700001", status=say("停用"))
    with app.test_request_context("/?_l_=en"):
        assert told(say("剩余 %(left)s 天", left=3)) == "3 days left"
        assert told(said) == "Elevator 700001 is Suspended"
        assert told(together(["使用单位", "王砚秋"])) == f"{told('使用单位')}, 王砚秋"
        assert told(str(Finding("合同期限顺序", False, "没有填写签订日期", "请按合同填写"))).count("Fill it in") == 1
        assert told("维保时间不足；非现场扫码") == "Maintenance too short; Not scanned on site"
        assert told("看过；王砚秋") == "看过；王砚秋"
        assert told("王砚秋") == "王砚秋" and told(3) == 3 and told("") == ""
    with app.test_request_context("/"):
        assert told(said) == "电梯 700001 现为停用"


CONTRACT = {"number": "", "kind": "x", "starts_on": "2027-03-01", "ends_on": "2026-03-01", "signed_on": ""}
UNIT = {"uscc": "91", "name": "", "region_id": "", "phone": "12", "then": "submit"}
SUB = {"login_name": "a", "name": "", "role": "region_admin", "phone": "1"}


@pytest.mark.parametrize(
    ("persona", "url", "data"),
    [
        ("maintenance_head", "/contracts/new", CONTRACT),
        ("maintenance_head", "/units/new", UNIT),
        ("maintenance_head", "/elevators/new", {"code": "?", "then": "submit"}),
        ("maintenance_head", "/sub-accounts/add", SUB),
        ("region_admin", "/accounts/new-unit", {"uscc": "91", "kind": "x"}),
        ("maintenance_head", "/orders/new", {"code": "000", "planned_on": "2020-01-01"}),
    ],
)
def test_refusals_of_forms_are_read_in_english(
    world: World, sign_in: Any, persona: str, url: str, data: dict[str, Any]
) -> None:
    words = refused(english(sign_in, world.accounts[persona]), url, **data)
    assert not HAN.search(words), words


def test_a_refused_check_in_is_read_in_english(world: World, sign_in: Any) -> None:
    make_policy(world.session, "preset", "huzhou")
    world.own.status = "suspended"
    world.session.commit()
    browser = english(sign_in, world.accounts["worker"])
    words = refused(browser, f"/m/e/{world.own.code}", latitude="31.5", longitude="120.5")
    assert "km from this elevator" in words and not HAN.search(words), words


def test_a_refused_import_is_read_in_english(world: World, sign_in: Any) -> None:
    browser = english(sign_in, world.accounts["region_admin"])
    file = (io.BytesIO(b"not a workbook"), "a.xlsx")
    words = refused(browser, "/imports/", kind="elevators", file=file)
    assert not HAN.search(words), words


PAGES = {
    "platform_admin": ["/policy/", "/policy/keys/insurance_day", "/calendar/clocks", "/privacy/retention", "/reports/"],
    "maintenance_head": ["/contracts/", "/imports/", "/profile/", "/accounts/", "/people/{person}",
                         "/elevators/{own}/gate"],
}


@pytest.mark.parametrize("persona", PAGES)
def test_no_text_of_ours_is_chinese_on_an_english_page(world: World, sign_in: Any, persona: str) -> None:
    """What people entered stays as it is; whatever the catalogue knows is told."""
    known = {entry.id for entry in catalogues.read(catalogues.SOURCES[0]) if entry.id and entry.string != entry.id}
    browser = english(sign_in, world.accounts[persona])
    for link in PAGES[persona]:
        answer = browser.get(link.format(person=world.worker.id, own=world.own.id), follow_redirects=True)
        text = re.sub(r"<script.*?</script>", "", answer.text, flags=re.S)
        shown = {html.unescape(one).strip() for one in re.findall(r">([^<>]*[\u4e00-\u9fff][^<>]*)<", text)}
        assert not shown & (known - {"中文"}), f"{link}: {shown & known}"


def rules(app: Any, headers: dict[str, str]) -> dict[str, Any]:
    answer = app.test_client().get("/api/v1/elevators?size=x", headers=headers)
    return dict(answer.json)


def test_a_kept_cell_is_one_languages(app: Any) -> None:
    """A sentence equals its Chinese, so what was made for one reader must not be shown to another."""
    word, left = say("生效中"), Due(say("剩余"), 3, say("天"), "ok", 10)
    chinese, english_words = ("zh_Hans_CN", "生效中", "剩余"), ("en", "In force", "Left:")
    for language, *words in (chinese, english_words, chinese):
        with app.test_request_context(), force_locale(language):
            made = f"{pill(word)}{mark(word)}{two(word, word)}{countdown(left, word)}"
            assert (made.count(words[0]), made.count(words[1])) == (6, 1), language


def test_the_interface_answers_in_the_language_asked_for(app: Any, world: World) -> None:
    asked = {"en": "en-GB,en;q=0.9", "zh": "zh-CN", "other": "fr"}
    got = {
        name: rules(app, {"Authorization": "Bearer tian_none", "Accept-Language": value})
        for name, value in asked.items()
    }
    assert not HAN.search(str(got["en"])) and "Not signed in" in got["en"]["message"]
    numbers = {answer.pop("request_id") for answer in got.values()}
    assert len(numbers) == 3
    assert got["zh"] == got["other"] and "没有登录" in got["zh"]["message"]
    assert [e["field"] for e in got["en"]["errors"]] == [e["field"] for e in got["zh"]["errors"]] == ["Authorization"]
