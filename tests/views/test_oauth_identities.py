"""Plain OAuth 2.0 against a provider on the loopback, by the standard and as DingTalk does it (INT-02)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from app import oidc
from app.models import ExternalIdentity
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.oauth_provider import Provider, provider
from tests.oidc_provider import SECRET
from tests.views.test_identities import is_in, told

pytestmark = pytest.mark.feature("INT-02")


@pytest.fixture(params=["oauth2", "dingtalk"])
def work(app: Any, monkeypatch: Any, request: Any) -> Iterator[Provider]:
    oidc.forget()
    with provider(request.param) as held:
        monkeypatch.setitem(app.config, "OIDC", oidc.providers([held.described()]))
        yield held


def bind(browser: Any, work: Provider) -> str:
    browser.post("/profile/identity/work", data={"csrf_token": csrf(browser), "password": PASSWORD})
    there = browser.get("/profile/identity/work/go")
    return str(browser.get(work.visit(there.location), follow_redirects=True).get_data(as_text=True))


def come(browser: Any, work: Provider, change: Any = str) -> Any:
    there = browser.get("/login/with/work")
    assert there.status_code == 302 and there.location.startswith(work.url + "/authorize?")
    return browser.get(change(work.visit(there.location)))


def test_bound_once_it_opens_the_account_and_unbound_no_more(
    app: Any, session: Any, world: World, sign_in: Any, work: Provider
) -> None:
    clerk = world.accounts["clerk"]
    owner, browser = sign_in(clerk), app.test_client()
    assert come(browser, work).location == "/login/" and "还没有绑定账号" in told(browser)
    assert "已绑定" in bind(owner, work)
    session.rollback()
    row = session.scalars(select(ExternalIdentity)).one()
    subject = "u-0001" if work.kind == "dingtalk" else "40717"
    assert (row.provider, row.subject, row.shown_name, row.user_id) == ("work", subject, "林见山", clerk.id)
    assert come(browser, work).location == "/" and is_in(browser)
    data = {"csrf_token": csrf(owner), "password": PASSWORD, "identity": str(row.id)}
    owner.post("/profile/identity/unbind", data=data)
    other = app.test_client()
    assert come(other, work).location == "/login/" and not is_in(other)
    pages = owner.get("/profile/").get_data(as_text=True) + told(other)
    assert SECRET not in pages and SECRET not in repr(oidc.providers([work.described()]))


def test_another_person_there_is_another_here(
    app: Any, session: Any, world: World, sign_in: Any, work: Provider
) -> None:
    bind(sign_in(world.accounts["clerk"]), work)
    work.person = {"unionId": "u-0002", "nick": "林见山"} if work.kind == "dingtalk" else {"data": {"open_id": 40718}}
    browser = app.test_client()
    assert come(browser, work).location == "/login/" and not is_in(browser)


def test_what_is_sent_away_is_bound_to_this_browser(app: Any, world: World, sign_in: Any, work: Provider) -> None:
    bind(sign_in(world.accounts["clerk"]), work)
    browser, other = app.test_client(), app.test_client()
    there = browser.get("/login/with/work").location
    asked = {k: v[0] for k, v in parse_qs(urlsplit(there).query).items()}
    assert ("code_challenge" in asked) is (work.kind == "oauth2") and asked.get("prompt", "") == (
        "consent" if work.kind == "dingtalk" else ""
    )
    back = work.visit(there)
    other.get("/login/with/work")
    assert other.get(back).location == "/login/" and not is_in(other), "another browser's state"
    assert browser.get(back.replace("state=", "state=x")).location == "/login/" and not is_in(browser)
    assert browser.get(back).location == "/login/" and not is_in(browser), "a flow counts once"
    assert come(browser, work).location == "/" and is_in(browser)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"person": {}}, "可用的编号"), ({"person": {"unionId": True, "data": {"open_id": True}}}, "可用的编号"),
        ({"person": {"unionId": " ", "data": "x"}}, "可用的编号"),
        ({"person": {"unionId": "x" * 300, "data": {"open_id": "x" * 300}}}, "可用的编号"),
        ({"token": 7}, "访问令牌"), ({"token": "a\r\nX-Other: 1"}, "访问令牌"), ({"status": 500}, "HTTP 500"),
        ({"person": ["no", "object"]}, "无法读取"),
    ],
)  # fmt: skip
def test_an_answer_that_names_nobody_opens_nothing(
    app: Any, world: World, work: Provider, wrong: dict[str, Any], words: str
) -> None:
    for name, value in wrong.items():
        setattr(work, name, value)
    browser = app.test_client()
    assert come(browser, work).location == "/login/"
    assert words in told(browser) and not is_in(browser)


def test_a_no_or_a_code_of_nobody_opens_nothing(app: Any, world: World, work: Provider) -> None:
    browser = app.test_client()
    no = lambda back: back.split("?")[0] + "?error=access_denied&state=" + back.split("state=")[1]  # noqa: E731
    assert come(browser, work, no).location == "/login/" and "没有同意" in told(browser)
    name = "authCode" if work.kind == "dingtalk" else "code"
    assert come(browser, work, lambda back: back.replace(f"{name}=", f"{name}=x")).location == "/login/"
    assert "HTTP 400" in told(browser) and not is_in(browser)
    assert come(browser, work, lambda back: back.replace(f"{name}=", "other=")).location == "/login/"
    assert "没有授权码" in told(browser)


@pytest.mark.parametrize("kind", ["oauth2", "dingtalk"])
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"client_secret": ""}, "CLIENT_SECRET"), ({"user_url": "http://example.com/me"}, "https"),
        ({"kind": "saml"}, "KIND"), ({"token_body": "xml"}, "TOKEN_BODY"), ({"id_field": ""}, "ID_FIELD"),
    ],
)  # fmt: skip
def test_a_provider_that_is_not_described_whole_ends_the_start(kind: str, more: dict[str, str], words: str) -> None:
    held = Provider(kind, "http://127.0.0.1:1")
    with pytest.raises(ValueError, match=words):
        oidc.providers([held.described(**more)])


def test_dingtalk_needs_no_addresses() -> None:
    words = {"name": "ding", "label": "钉钉", "issuer": "", "kind": "dingtalk", "client_id": "a", "client_secret": "b"}
    made = oidc.providers([words])["ding"]
    assert made.token_url.startswith("https://api.dingtalk.com/") and made.id_field == "unionId"
