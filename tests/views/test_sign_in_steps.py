"""Pages round signing in: the question after wrong tries, the second step, 找回密码, 单位注册, 个人信息, 角色权限."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from app import clock, vault
from app.models import Account, AuditEntry, Notification, OneTimeCode, Unit
from app.transaction import transaction
from tests.factories import PASSWORD, region, uscc
from tests.views.test_security import answer_of, is_in, sign_in, token_of

AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
NEW = "Brand.new-2026"


@pytest.fixture
def clerk(session: Any, world: Any) -> Account:
    account = world.accounts["clerk"]
    account.phone = "13900000077"
    session.commit()
    return account


def sms_code(session: Any) -> str:
    session.rollback()
    body = session.scalar(
        select(Notification.body).where(Notification.channel == "sms").order_by(Notification.id.desc()).limit(1)
    )
    return re.search(r"验证码是 (\d{6})", body)[1]  # type: ignore[index]


def post(client: Any, path: str, page: Any, **data: str) -> Any:
    return client.post(path, data={"csrf_token": token_of(page), **data})


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize("known", [True, False])
def test_after_two_wrong_tries_a_question_is_asked_of_any_name(
    app: Any, session: Any, clerk: Account, known: bool
) -> None:
    name = clerk.username if known else "nobody.here"
    client = app.test_client()
    with clock.frozen(AT):
        first = sign_in(client, name, "wrong-password-1")
        assert "captcha_key" not in first.get_data(as_text=True)
        second = sign_in(client, name, "wrong-password-1")
        page = second.get_data(as_text=True)
        key = re.search(r'src="(/captcha/\w+\.png)"', page)[1]  # type: ignore[index]
        picture = client.get(key)
        assert picture.mimetype == "image/png" and picture.data.startswith(b"\x89PNG")
        unanswered = post(client, "/login/", second, username=name, password=PASSWORD, captcha="", captcha_key="x")
        assert unanswered.status_code == 401 and "图形验证码" in unanswered.get_data(as_text=True)
        worded = post(client, "/login/", unanswered, username=name, password=PASSWORD, words="1")
        page = worded.get_data(as_text=True)
        assert worded.status_code == 200 and "is-bad" not in page, "asking for words is no try"
        assert re.search(r"[一二三四五六七八九]加[一二三四五六七八九]等于几", page) and "/captcha/" not in page
        done = post(client, "/login/", worded, username=name, password=PASSWORD, **answer_of(session, page))
    assert (done.status_code == 302) is known


@pytest.mark.feature("ACC-07")
def test_the_password_alone_opens_nothing_where_there_is_a_second_factor(
    app: Any, session: Any, clerk: Account
) -> None:
    secret = pyotp.random_base32()
    clerk.totp_secret, clerk.totp_step = vault.seal(secret), 0
    session.commit()
    client = app.test_client()
    with clock.frozen(AT):
        asked = sign_in(client, clerk.username, next_url="/people/")
        assert asked.status_code == 302 and asked.location.startswith("/login/second/?next=")
        assert not is_in(client)
        page = client.get(asked.location)
        wrong = post(client, asked.location, page, code="000000")
        assert wrong.status_code == 401 and not is_in(client)
        right = post(client, asked.location, wrong, code=pyotp.TOTP(secret).at(AT))
        assert right.location == "/people/" and is_in(client)
        session.rollback()
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "login.second")).one()
        assert (told.actor_id, told.after) == (clerk.id, {"factor": "totp"})
        refused = app.test_client().post(
            "/api/v1/security/login", json={"username": clerk.username, "password": PASSWORD}
        )
        assert refused.status_code == 401 and refused.json["errors"][0]["rule"] == "二次验证"
        again = {"username": clerk.username, "password": PASSWORD, "code": pyotp.TOTP(secret).at(AT)}
        assert app.test_client().post("/api/v1/security/login", json=again).status_code == 401, "used on the page"
    later = AT + dt.timedelta(seconds=30)
    with clock.frozen(later):
        again["code"] = pyotp.TOTP(secret).at(later)
        assert app.test_client().post("/api/v1/security/login", json=again).status_code == 200


@pytest.mark.feature("ACC-07")
def test_the_second_step_can_not_be_guessed_nor_waited_for(app: Any, session: Any, clerk: Account) -> None:
    clerk.totp_secret = vault.seal(pyotp.random_base32())
    session.commit()
    client = app.test_client()
    with clock.frozen(AT):
        page = client.get(sign_in(client, clerk.username).location)
        for _ in range(6):
            page = post(client, "/login/second/", page, code="000000")
        assert "锁定至" in page.get_data(as_text=True)
    with clock.frozen(AT + dt.timedelta(minutes=11)):
        late = client.get("/login/second/")
        assert late.status_code == 302 and late.location == "/login/"


@pytest.mark.feature("ACC-07")
def test_a_code_by_sms_as_second_step(app: Any, session: Any, clerk: Account, sms: None) -> None:
    clerk.sms_factor, clerk.phone_verified_at = True, AT
    session.commit()
    client = app.test_client()
    asked = sign_in(client, clerk.username)
    page = client.get(asked.location)
    assert "139****0077" in page.get_data(as_text=True)
    again = post(client, asked.location, page, again="1")
    assert "太频繁" in again.get_data(as_text=True), "a new one not before a minute"
    assert post(client, asked.location, page, code=sms_code(session)).status_code == 302
    assert is_in(client)


@pytest.mark.feature("ACC-04")
def test_recovery_page_by_page(app: Any, session: Any, clerk: Account, sms: None) -> None:
    client = app.test_client()
    page = client.get("/recover/")
    empty = post(client, "/recover/", page, username="", captcha="", captcha_key="")
    assert empty.status_code == 422 and "没有填写" in empty.get_data(as_text=True)
    shown = []
    for name in ("nobody.here", clerk.username):
        page = client.get("/recover/")
        asked = post(client, "/recover/", page, username=name, **answer_of(session, page.get_data(as_text=True)))
        assert asked.status_code == 200
        text = asked.get_data(as_text=True).replace(name, "")
        shown.append(re.sub(r'name="csrf[-_]token"[^>]*>|nonce="[^"]*"', "", text))
    assert shown[0] == shown[1], "who exists is not told"
    wrong = post(client, "/recover/password", asked, username=clerk.username, code="1", new_password=NEW, again=NEW)
    assert wrong.status_code == 422 and NEW not in wrong.get_data(as_text=True)
    code = sms_code(session)
    done = post(client, "/recover/password", wrong, username=clerk.username, code=code, new_password=NEW, again=NEW)
    assert done.location == "/login/"
    assert sign_in(client, clerk.username, NEW).status_code == 302


@pytest.mark.feature("ACC-04")
def test_without_sms_the_pages_say_whom_to_ask(app: Any, world: Any, sign_in: Any) -> None:
    client = app.test_client()
    assert "没有配置短信" in client.get("/recover/").get_data(as_text=True)
    assert "/recover/" not in client.get("/login/").get_data(as_text=True)
    assert "没有配置短信" in sign_in(world.accounts["clerk"]).get("/profile/").get_data(as_text=True)


@pytest.mark.feature("ACC-03")
def test_a_unit_registers_files_and_sees_nothing_else(app: Any, session: Any, world: Any) -> None:
    client = app.test_client()
    page = client.get("/register/")
    data = {
        "kind": "use", "login_name": "wuye.01", "password": NEW, "again": NEW, "unit_name": "澜州晴川物业",
        "uscc": uscc(), "legal_person": "温知远", "head_name": "叶听雨", "phone": "13900000066",
        "address": "临河区 1 号", "region_id": str(region(session).id), "licence_no": "",
    }  # fmt: skip
    session.commit()
    worded = post(client, "/register/", page, **data | {"words": "1"})
    text = worded.get_data(as_text=True)
    assert worded.status_code == 200 and "澜州晴川物业" in text and "等于几" in text and "is-bad" not in text
    refused = post(client, "/register/", page, **data | {"uscc": "1", "captcha": "no", "captcha_key": "no"})
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422 and "澜州晴川物业" in text and "应为 18 位" in text and "不正确或已过期" in text
    assert NEW not in text and session.query(Unit).filter_by(name="澜州晴川物业").count() == 0
    done = post(client, "/register/", refused, **data | answer_of(session, text))
    assert done.location == "/units/mine" and is_in(client)
    session.rollback()
    account = session.scalar(select(Account).where(Account.username == "wuye.01"))
    assert client.get(f"/units/{account.unit_id}").status_code == 200
    for closed in ("/elevators/", "/contracts/", "/people/", "/imports/", "/sub-accounts/", "/accounts/", "/tasks/"):
        assert client.get(closed).status_code == 403, closed
    menu = client.get("/").get_data(as_text=True)
    assert 'href="/units/"' in menu and 'href="/elevators/"' not in menu
    app.config["SELF_REGISTRATION"] = False
    try:
        assert app.test_client().get("/register/").status_code == 404
    finally:
        app.config["SELF_REGISTRATION"] = True


@pytest.mark.feature("ACC-06", "ACC-07")
def test_profile_binds_a_phone_and_takes_an_app_into_use(
    app: Any, session: Any, world: Any, sign_in: Any, sms: None
) -> None:
    account = world.accounts["worker"]
    elsewhere = sign_in(account)
    client = sign_in(account)
    page = client.get("/profile/")
    wrong = post(client, "/profile/phone/code", page, phone="123", phone_password=PASSWORD)
    assert wrong.status_code == 422 and "应为 11 位" in wrong.get_data(as_text=True)
    sent = post(client, "/profile/phone/code", page, phone="13900000099", phone_password=PASSWORD)
    assert "139****0099" in sent.get_data(as_text=True)
    bound = post(client, "/profile/phone", sent, phone="13900000099", code=sms_code(session))
    assert bound.status_code == 302 and is_in(client)
    assert not is_in(elsewhere), "sessions on other devices end"
    elsewhere = sign_in(account)
    post(client, "/profile/totp", client.get("/profile/"), password=PASSWORD)
    shown = client.get("/profile/").get_data(as_text=True)
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown)[1]  # type: ignore[index]
    assert "data:image/svg+xml" in shown
    with client.session_transaction() as held:
        assert secret not in str(dict(held)), "sealed in the cookie as well"
    code = pyotp.TOTP(secret).at(clock.now())
    assert post(client, "/profile/totp", client.get("/profile/"), code=code).status_code == 302
    assert is_in(client) and not is_in(elsewhere)
    session.rollback()
    session.refresh(account)
    assert account.phone == "13900000099" and vault.unseal(account.totp_secret) == secret
    kept = post(client, "/profile/totp", client.get("/profile/"), off="1", password="wrong-password-1")
    assert kept.status_code == 422
    assert post(client, "/profile/totp", kept, off="1", password=PASSWORD).status_code == 422, "the app is asked too"
    later = clock.now() + dt.timedelta(seconds=60)
    with clock.frozen(later):
        shown = {"off": "1", "password": PASSWORD, "password_code": pyotp.TOTP(secret).at(later)}
        assert post(client, "/profile/totp", client.get("/profile/"), **shown).status_code == 302
    session.rollback()
    session.refresh(account)
    assert account.totp_secret is None


@pytest.mark.feature("ACC-06", "ACC-07")
def test_whoever_finds_a_page_open_binds_no_phone_and_no_app(
    app: Any, session: Any, world: Any, sign_in: Any, sms: None
) -> None:
    """With a phone of his own he could recover the account, and keep it."""
    account = world.accounts["worker"]
    client = sign_in(account)
    page = client.get("/profile/")
    for form in ({}, {"phone_password": "wrong-password-1"}):
        refused = post(client, "/profile/phone/code", page, phone="13900000099", **form)
        assert refused.status_code == 422 and 'id="phone_password-err"' in refused.get_data(as_text=True)
    session.rollback()
    assert session.query(OneTimeCode).count() == 0, "nothing was sent"
    assert post(client, "/profile/totp", page, password="wrong-password-1").status_code == 422
    with client.session_transaction() as held:
        assert "totp_secret" not in held
    session.rollback()
    with transaction(session):
        account.phone = "13900000055"
    assert post(client, "/profile/sms", page, on="1", sms_password="wrong-password-1").status_code == 422
    typed = post(client, "/profile/sms", page, on="1", sms_password=PASSWORD)
    assert typed.status_code == 422 and "还没有用验证码核实" in typed.get_data(as_text=True)
    session.rollback()
    with transaction(session):
        account.phone_verified_at = AT
    session.rollback()
    session.refresh(account)
    assert not account.sms_factor
    assert post(client, "/profile/sms", page, on="1", sms_password=PASSWORD).status_code == 302
    session.rollback()
    session.refresh(account)
    assert account.sms_factor


@pytest.mark.feature("ACC-07")
@pytest.mark.parametrize(("asked_of", "owing"), [("all", {"worker", "region_admin"}), ("regulators", {"region_admin"})])
def test_whoever_owes_a_second_factor_takes_one_into_use_first(
    app: Any, session: Any, world: Any, sign_in: Any, monkeypatch: Any, asked_of: str, owing: set[str]
) -> None:
    tokens = {}
    for name in ("worker", "region_admin"):
        login = {"username": world.accounts[name].username, "password": PASSWORD}
        tokens[name] = app.test_client().post("/api/v1/security/login", json=login).json["access_token"]
    monkeypatch.setitem(app.config, "SECOND_FACTOR_FOR", asked_of)
    for name in ("worker", "region_admin"):
        account, client = world.accounts[name], sign_in(world.accounts[name])
        login = {"username": account.username, "password": PASSWORD}
        by_token = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {tokens[name]}"})
        asked = app.test_client().post("/api/v1/security/login", json=login)
        shut, page = client.get("/inbox/"), client.get("/profile/")
        assert (shut.status_code == 302 and shut.location.endswith("/profile/#totp")) is (name in owing)
        assert ("请先启用二次验证" in page.get_data(as_text=True)) is (name in owing)
        assert (asked.status_code, by_token.status_code == 200) == ((403, False) if name in owing else (200, True))
        assert client.get("/api/v1/me").status_code == (403 if name in owing else 200)
    session.rollback()
    with transaction(session):
        account.totp_secret = vault.seal(pyotp.random_base32())
    assert client.get("/inbox/").status_code == 200


@pytest.mark.feature("ACC-13")
def test_the_role_matrix_says_what_the_table_says(app: Any, world: Any, sign_in: Any) -> None:
    page = sign_in(world.accounts["region_admin"]).get("/roles/").get_data(as_text=True)
    assert "维保员" in page and "签到签退" in page and "平台管理员" not in page
    assert sign_in(world.accounts["worker"]).get("/roles/").status_code == 403


@pytest.mark.feature("ACC-15")
def test_old_questions_tries_and_codes_are_swept(app: Any, session: Any, clerk: Account, sms: None) -> None:
    from app.tasks.housekeeping import sweep
    from app.workflows.access import captchas, codes

    with transaction(session):
        captchas.ask(session, AT)
        codes.send(session, clerk, "login", "13900000077", AT, None)
    with app.app_context(), clock.frozen(AT + dt.timedelta(days=3)):
        first, second = sweep(), sweep()
    # The world's elevators were written without clocks.
    assert {name: count for name, count in first.items() if count} == {"questions": 1, "codes": 1, "clocks": 2}
    assert not any(second.values())


@pytest.mark.feature("ACC-04", "ACC-07")
def test_a_code_is_good_in_the_browser_that_asked_for_it(app: Any, session: Any, clerk: Account, sms: None) -> None:
    clerk.sms_factor, clerk.phone_verified_at = True, AT
    session.commit()
    owner, thief = app.test_client(), app.test_client()
    with clock.frozen(AT):
        mine = sign_in(owner, clerk.username)
        code = sms_code(session)
    with clock.frozen(AT + dt.timedelta(seconds=30)):
        # He has the password as well, and has seen the code; his own is not sent so soon.
        theirs = sign_in(thief, clerk.username)
        page = thief.get(theirs.location)
        for _n in range(3):
            refused = post(thief, theirs.location, page, code=code)
            assert refused.status_code == 401 and "已失效，或还没有获取" in refused.get_data(as_text=True)
        assert not is_in(thief)
        body = {"username": clerk.username, "password": PASSWORD, "code": code, "request": "made-up"}
        assert app.test_client().post("/api/v1/security/login", json=body).status_code == 401
        assert post(owner, mine.location, owner.get(mine.location), code=code).status_code == 302 and is_in(owner)


@pytest.mark.feature("ACC-04", "ACC-06")
def test_a_password_is_recovered_where_the_code_was_asked_for(
    app: Any, session: Any, clerk: Account, sms: None
) -> None:
    owner, thief = app.test_client(), app.test_client()
    page = owner.get("/recover/")
    asked = post(owner, "/recover/", page, username=clerk.username, **answer_of(session, page.get_data(as_text=True)))
    form = {"username": clerk.username, "code": sms_code(session), "new_password": NEW, "again": NEW}
    assert post(thief, "/recover/password", thief.get("/recover/"), **form).status_code == 422
    assert post(owner, "/recover/password", asked, **form).location == "/login/"
    # The phone was proved here: strangers who lock the name do not lock this browser.
    assert owner.get_cookie("device") is not None and thief.get_cookie("device") is None
    session.rollback()
    session.refresh(clerk)
    assert clerk.phone_verified_at is not None


@pytest.mark.feature("ACC-07")
def test_the_interface_sends_a_code_for_its_own_call(app: Any, session: Any, clerk: Account, sms: None) -> None:
    clerk.sms_factor, clerk.phone_verified_at = True, AT
    session.commit()

    def login(**more: Any) -> Any:
        body = {"username": clerk.username, "password": PASSWORD, **more}
        return app.test_client().post("/api/v1/security/login", json=body)

    with clock.frozen(AT):
        sent = login()
        assert sent.status_code == 401 and "139****0077" in sent.json["message"] and len(sent.json["request"]) == 43
        code = sms_code(session)
        assert login(code=code, request="x" * 43).status_code == 401
        soon = login(code=code)
        assert soon.status_code == 401 and "太频繁" in soon.json["message"], "without its request it is another call"
        assert login(code=7, request=sent.json["request"]).status_code == 401
        done = login(code=code, request=sent.json["request"])
    assert done.status_code == 200 and done.json["access_token"]
    assert login(code=code, request=sent.json["request"]).status_code == 401, "used up"
