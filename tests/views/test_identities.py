"""Signing in by an identity of outside against a provider on the loopback (INT-02)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from app import clock, oidc, vault
from app.models import Account, AuditEntry, ExternalIdentity, Notification
from app.transaction import transaction
from app.workflows.access import accounts, sub_accounts
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.oidc_provider import OTHER_KEY, Provider, provider

pytestmark = pytest.mark.feature("INT-02")


@pytest.fixture
def gov(app: Any, monkeypatch: Any) -> Iterator[Provider]:
    oidc.forget()
    with provider() as held:
        monkeypatch.setitem(app.config, "OIDC", oidc.providers([held.described()]))
        yield held


def bind(browser: Any, gov: Provider, password: str = PASSWORD) -> str:
    """From the profile to the provider and back; gives what is told."""
    browser.post("/profile/identity/gov", data={"csrf_token": csrf(browser), "password": password})
    there = browser.get("/profile/identity/gov/go")
    if gov.url not in there.location:
        return str(browser.get(there.location).get_data(as_text=True))
    return str(browser.get(gov.visit(there.location), follow_redirects=True).get_data(as_text=True))


def come(browser: Any, gov: Provider, next_url: str = "") -> Any:
    """From the sign-in page to the provider and back."""
    there = browser.get("/login/with/gov", query_string={"next": next_url} if next_url else {})
    assert there.status_code == 302 and there.location.startswith(gov.url + "/authorize?")
    return browser.get(gov.visit(there.location))


def told(browser: Any) -> str:
    return str(browser.get("/login/").get_data(as_text=True))


def is_in(browser: Any) -> bool:
    return bool(browser.get("/profile/").status_code == 200)


def key_of(session: Any) -> int:
    session.rollback()  # what was read before is not what is true now
    return int(session.scalars(select(ExternalIdentity.id)).one())


@pytest.fixture
def bound(app: Any, world: World, sign_in: Any, gov: Provider) -> Account:
    """The clerk, bound to the person at the provider."""
    assert "已绑定" in bind(sign_in(world.accounts["clerk"]), gov)
    return world.accounts["clerk"]


def test_bound_once_it_opens_the_account_and_the_page_that_was_asked_for(
    app: Any, session: Any, bound: Account, gov: Provider
) -> None:
    browser = app.test_client()
    assert "用“政务身份”登录" in told(browser)
    back = come(browser, gov, "/elevators/?q=2")
    assert back.location == "/elevators/?q=2" and is_in(browser)
    session.rollback()
    assert session.scalars(select(ExternalIdentity)).one().used_at is not None
    last = session.scalars(select(AuditEntry).where(AuditEntry.action == "login.ok").order_by(AuditEntry.id)).all()[-1]
    assert (last.entity_id, last.after) == (bound.id, {"by": "gov"})
    notice = session.scalars(select(Notification).where(Notification.title.contains("外部身份"))).one()
    assert notice.recipient_id == bound.id


def test_the_same_name_and_mail_prove_nothing(app: Any, session: Any, world: World, gov: Provider) -> None:
    clerk = world.accounts["clerk"]
    gov.person = {"sub": "x", "name": clerk.first_name, "email": clerk.email, "preferred_username": clerk.username}
    browser = app.test_client()
    assert come(browser, gov).location == "/login/"
    assert "还没有绑定账号" in told(browser) and not is_in(browser)
    assert session.scalars(select(ExternalIdentity)).all() == []


def test_binding_asks_for_the_password_each_time(session: Any, world: World, sign_in: Any, gov: Provider) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert "请先输入密码" in bind(browser, gov, "Wrong.pass-0001")
    assert "请先输入密码" in browser.get("/profile/identity/gov/go", follow_redirects=True).get_data(as_text=True)
    browser.post("/profile/identity/gov", data={"csrf_token": csrf(browser), "password": PASSWORD})
    with clock.frozen(clock.now() + dt.timedelta(minutes=11)):
        assert gov.url not in browser.get("/profile/identity/gov/go").location
    assert session.scalars(select(ExternalIdentity)).all() == []


def test_one_identity_is_one_account_and_nobody_is_named(
    world: World, sign_in: Any, bound: Account, gov: Provider
) -> None:
    page = bind(sign_in(world.accounts["worker"]), gov)
    assert "这个身份已绑定其他账号" in page and bound.username not in page and bound.first_name not in page
    gov.person["sub"] = "gov-0002"
    assert "本账号已绑定这一来源的身份" in bind(sign_in(bound), gov)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"aud": None}, {"iss": "https://evil.example"},
        {"exp": 1_600_000_000}, {"exp": None}, {"iat": None}, {"sub": None}, {"sub": ""}, {"sub": "x" * 256},
        {"aud": ["tian-client", "other"]}, {"azp": "other"}, {"nbf": 4_000_000_000},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(
    app: Any, bound: Account, gov: Provider, claims: dict[str, Any]
) -> None:
    gov.claims = claims
    browser = app.test_client()
    assert come(browser, gov).location == "/login/" and not is_in(browser)


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_a_signature_that_anybody_could_make_is_none(app: Any, bound: Account, gov: Provider, alg: str) -> None:
    gov.alg = alg
    browser = app.test_client()
    assert come(browser, gov).location == "/login/"
    assert "身份令牌不可信" in told(browser) and not is_in(browser)


def test_an_unknown_key_is_refused_and_a_new_one_is_fetched(app: Any, bound: Account, gov: Provider) -> None:
    gov.key = OTHER_KEY
    browser = app.test_client()
    come(browser, gov)
    assert not is_in(browser)
    gov.shown_keys = [OTHER_KEY]
    come(browser, gov)
    assert is_in(browser)


@pytest.mark.parametrize("change", ["state", "code", "iss", "nothing", "error"])
def test_an_answer_that_was_not_asked_for_opens_nothing(app: Any, bound: Account, gov: Provider, change: str) -> None:
    browser = app.test_client()
    there = browser.get("/login/with/gov")
    back = gov.visit(there.location)
    address = {
        "state": re.sub(r"state=[^&]+", "state=x", back), "code": re.sub(r"code=[^&]+", "code=x", back),
        "iss": re.sub(r"iss=[^&]+", "iss=https://evil.example", back), "nothing": "/login/with/gov/back",
        "error": re.sub(r"code=[^&]+", "error=access_denied", back),
    }[change]  # fmt: skip
    assert browser.get(address).location == "/login/" and not is_in(browser)
    # The flow is spent: the right answer comes too late.
    browser.get(back)
    assert not is_in(browser)


def test_an_answer_counts_once_and_in_its_own_browser(app: Any, bound: Account, gov: Provider) -> None:
    first, other = app.test_client(), app.test_client()
    back = gov.visit(first.get("/login/with/gov").location)
    other.get("/login/with/gov")
    other.get(back)
    assert not is_in(other)
    first.get(back)
    assert is_in(first)
    first.get("/logout/")
    first.get(back)
    assert not is_in(first)


def test_a_flow_runs_out(app: Any, bound: Account, gov: Provider) -> None:
    browser = app.test_client()
    back = gov.visit(browser.get("/login/with/gov").location)
    with clock.frozen(clock.now() + dt.timedelta(seconds=601)):
        assert browser.get(back).location == "/login/"
    assert not is_in(browser)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_it_never_leads_away_from_this_site(app: Any, bound: Account, gov: Provider, target: str) -> None:
    assert come(app.test_client(), gov, target).location == "/"


def test_a_binding_is_for_who_began_it(app: Any, session: Any, world: World, sign_in: Any, gov: Provider) -> None:
    browser = sign_in(world.accounts["clerk"])
    browser.post("/profile/identity/gov", data={"csrf_token": csrf(browser), "password": PASSWORD})
    back = gov.visit(browser.get("/profile/identity/gov/go").location)
    with transaction(session):
        session.get(Account, world.accounts["clerk"].id).session_epoch += 1
    browser.get(back)
    session.rollback()
    assert session.scalars(select(ExternalIdentity)).all() == []


def test_the_accounts_second_factor_is_asked_here_too(app: Any, session: Any, bound: Account, gov: Provider) -> None:
    secret = pyotp.random_base32()
    with transaction(session):
        session.get(Account, bound.id).totp_secret = vault.seal(secret)
    browser = app.test_client()
    assert "/login/second/" in come(browser, gov).location and not is_in(browser)
    page = {"csrf_token": csrf(browser, "/login/second/"), "code": pyotp.TOTP(secret).at(clock.now())}
    browser.post("/login/second/", data=page)
    assert is_in(browser)


@pytest.mark.parametrize("how", ["ended", "locked"])
def test_an_account_that_is_shut_stays_shut(app: Any, session: Any, bound: Account, gov: Provider, how: str) -> None:
    with transaction(session):
        row = session.get(Account, bound.id)
        row.active, row.locked_until = how != "ended", accounts.UNTIL_UNLOCKED if how == "locked" else None
    browser = app.test_client()
    come(browser, gov)
    assert "账号已被停用或锁定" in told(browser) and not is_in(browser)


def test_a_session_planted_before_is_worth_nothing(app: Any, bound: Account, gov: Provider) -> None:
    browser = app.test_client()
    told(browser)
    planted = browser.get_cookie("session").value
    come(browser, gov)
    other = app.test_client()
    other.set_cookie("session", planted)
    assert is_in(browser) and not is_in(other)


def test_a_provider_that_is_down_is_told_in_words(app: Any, bound: Account, gov: Provider) -> None:
    oidc.forget()
    gov.down = True
    browser = app.test_client()
    assert browser.get("/login/with/gov").location == "/login/"
    assert "HTTP 503" in told(browser)
    asked = len(gov.asked)
    assert browser.get("/login/with/gov").location == "/login/" and len(gov.asked) == asked  # left alone for a while
    assert browser.get("/login/with/nobody").status_code == 404


def test_a_provider_that_names_itself_otherwise_is_not_believed(app: Any, world: World, gov: Provider) -> None:
    gov.issuer = "https://other.example"
    assert app.test_client().get("/login/with/gov").location == "/login/"


def test_static_endpoints_and_a_secret_in_the_form(app: Any, bound: Account, gov: Provider, monkeypatch: Any) -> None:
    fixed = {"authorize_url": f"{gov.url}/authorize", "token_url": f"{gov.url}/token", "keys_url": f"{gov.url}/keys"}
    monkeypatch.setitem(app.config, "OIDC", oidc.providers([gov.described(**fixed)]))
    oidc.forget()
    gov.asked.clear()
    browser = app.test_client()
    come(browser, gov)
    assert is_in(browser) and gov.asked == ["/token", "/keys"]
    gov.methods = ["client_secret_post"]
    monkeypatch.setitem(app.config, "OIDC", oidc.providers([gov.described()]))
    oidc.forget()
    other = app.test_client()
    come(other, gov)
    assert is_in(other)


@pytest.mark.parametrize(
    "wrong", [{"issuer": "http://id.example"}, {"issuer": ""}, {"client_id": ""}, {"name": "a/b"}, {"token_url": "ftp://x"}]
)
def test_settings_that_are_not_safe_do_not_start(wrong: dict[str, str]) -> None:
    good = {"name": "gov", "label": "x", "issuer": "https://id.example", "client_id": "c"}
    assert oidc.providers([good])["gov"].scope == "openid profile"
    with pytest.raises(ValueError, match="OIDC"):
        oidc.providers([good | wrong])


def test_the_secret_is_in_no_page_and_no_representation(gov: Provider) -> None:
    assert gov.described()["client_secret"] not in repr(oidc.providers([gov.described()]))


def test_unbinding_asks_for_the_password(session: Any, sign_in: Any, bound: Account, gov: Provider) -> None:
    browser = sign_in(bound)
    key = key_of(session)
    for password, left in (("Wrong.pass-0001", 1), (PASSWORD, 0)):
        data = {"csrf_token": csrf(browser), "identity": key, "password": password}
        browser.post("/profile/identity/unbind", data=data)
        session.rollback()
        assert len(session.scalars(select(ExternalIdentity)).all()) == left


def test_unbinding_ends_the_session_that_the_identity_began(
    app: Any, session: Any, sign_in: Any, bound: Account, gov: Provider
) -> None:
    """Who finds a stranger in his account by such an identity ends the binding: the stranger stayed for hours."""
    stranger, owner = app.test_client(), sign_in(bound)
    come(stranger, gov)
    assert is_in(stranger) and is_in(owner)
    data = {"csrf_token": csrf(owner), "identity": key_of(session), "password": PASSWORD}
    owner.post("/profile/identity/unbind", data=data)
    assert is_in(owner) and not is_in(stranger)


@pytest.mark.feature("ACC-11")
def test_a_main_account_unbinds_for_its_sub_account(
    app: Any, session: Any, world: World, sign_in: Any, bound: Account, gov: Provider
) -> None:
    key, number = key_of(session), bound.id
    outside = app.test_client()
    come(outside, gov)
    head = sign_in(world.accounts["maintenance_head"])
    page = f"/sub-accounts/{number}/sessions"
    assert "政务身份" in head.get(page).get_data(as_text=True)
    data = {"csrf_token": csrf(head), "deed": "unbind", "identity": key}
    assert head.post(page, data=data | {"own_password": "Wrong.pass-0001"}).status_code == 422
    assert is_in(outside)
    head.post(page, data=data | {"own_password": PASSWORD})
    session.rollback()
    assert session.scalars(select(ExternalIdentity)).all() == [] and not is_in(outside)


@pytest.mark.feature("ACC-11")
@pytest.mark.parametrize("persona", ["other_head", "use_head", "worker"])
def test_nobody_else_unbinds(
    session: Any, world: World, sign_in: Any, bound: Account, gov: Provider, persona: str
) -> None:
    key, number = key_of(session), bound.id
    browser = sign_in(world.accounts[persona])
    data = {"csrf_token": csrf(browser), "deed": "unbind", "identity": key, "own_password": PASSWORD}
    browser.post(f"/sub-accounts/{number}/sessions", data=data)
    browser.post("/profile/identity/unbind", data=data | {"password": PASSWORD})
    browser.post(f"/accounts/{number}/unbind", data=data)
    session.rollback()
    assert len(session.scalars(select(ExternalIdentity)).all()) == 1


@pytest.mark.feature("ACC-11")
def test_an_administrator_unbinds_below_him(
    session: Any, world: World, sign_in: Any, bound: Account, gov: Provider
) -> None:
    number = bound.id
    admin = sign_in(world.accounts["region_admin"])
    assert "解除外部身份" in admin.get(f"/accounts/{number}").get_data(as_text=True)
    admin.post(f"/accounts/{number}/unbind", data={"csrf_token": csrf(admin)})
    session.rollback()
    assert session.scalars(select(ExternalIdentity)).all() == []


@pytest.mark.feature("ACC-11")
def test_a_password_from_above_ends_bindings(session: Any, world: World, bound: Account, gov: Provider) -> None:
    with transaction(session):
        sub_accounts.reset_password(session, world.actor("maintenance_head"), bound.id, clock.now())
    assert session.scalars(select(ExternalIdentity)).all() == []


def test_without_providers_nothing_is_offered(app: Any, world: World, sign_in: Any) -> None:
    assert app.config["OIDC"] == {} and "/login/with/" not in told(app.test_client())
    assert "外部身份" not in sign_in(world.accounts["clerk"]).get("/profile/").get_data(as_text=True)
