"""Doors of sign-in and rights: sessions, first password, tokens, redirects, FAB's stock screens (ACC-04, -05, -13)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock, vault
from app.models import Account, Captcha
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import accounts
from tests.factories import PASSWORD, World, make_account

NEW = "Brand.new-2026"


def token_of(page: Any) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert found, page.get_data(as_text=True)[:400]
    return found[1]


def sign_in(client: Any, name: str, password: str = PASSWORD, next_url: str = "", **more: Any) -> Any:
    query = {"next": next_url} if next_url else {}
    token = token_of(client.get("/login/", query_string=query))
    return client.post(
        "/login/", query_string=query, data={"csrf_token": token, "username": name, "password": password}, **more
    )


def try_in(client: Any, session: Any, name: str, password: str) -> Any:
    """As `sign_in`, answering the question against machines where one is asked."""
    page = sign_in(client, name, password)
    if "captcha_key" in page.get_data(as_text=True) and "没有填写" in page.get_data(as_text=True):
        data = {"csrf_token": token_of(page), "username": name, "password": password}
        page = client.post("/login/", data=data | answer_of(session, page.get_data(as_text=True)))
    return page


def answer_of(session: Any, page: str) -> dict[str, str]:
    """What a person reads off the picture, or works out from the words."""
    found = re.search(r'name="captcha_key" value="(\w+)"', page)
    assert found, page[:400]
    session.rollback()
    return {"captcha_key": found[1], "captcha": vault.unseal(session.get(Captcha, found[1]).answer)}


def is_in(client: Any) -> bool:
    return bool(client.get("/profile/").status_code == 200)


@pytest.mark.feature("ACC-04")
def test_sign_in_and_out(app: Any, world: World) -> None:
    client = app.test_client()
    assert not is_in(client)
    answer = sign_in(client, world.accounts["clerk"].username)
    assert answer.status_code == 302 and answer.location == "/"
    assert is_in(client)
    client.get("/logout/")
    assert not is_in(client)


@pytest.mark.feature("ACC-04")
def test_wrong_names_and_wrong_passwords_look_alike_and_lock_alike(app: Any, session: Any, world: World) -> None:
    pages = []
    for name in (world.accounts["clerk"].username, "nobody.here"):
        client = app.test_client()
        with clock.frozen(dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)):
            answers = [try_in(client, session, name, "wrong-password-1") for _ in range(6)]
        assert {a.status_code for a in answers} == {401}
        assert "锁定至" in answers[-1].get_data(as_text=True)
        texts = [re.sub(r'name="csrf_token"[^>]*>|nonce="[^"]*"|' + re.escape(name), "", a.get_data(as_text=True))
                 for a in answers]  # fmt: skip
        pages.append([re.sub(r"[A-Za-z0-9_.-]{40,}|[0-9a-f]{16}", "", t) for t in texts])
    assert pages[0] == pages[1]


@pytest.mark.feature("ACC-04")
def test_the_password_is_in_no_url_log_or_answer(app: Any, world: World, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    client = app.test_client()
    wrong = sign_in(client, world.accounts["clerk"].username, "typed-secret-9")
    right = sign_in(client, world.accounts["clerk"].username)
    for answer in (wrong, right):
        shown = answer.get_data(as_text=True) + str(answer.headers)
        assert "typed-secret-9" not in shown and PASSWORD not in shown
    assert "typed-secret-9" not in caplog.text and PASSWORD not in caplog.text


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize(
    "target",
    ["https://evil.example/x", "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example",
     "javascript:alert(1)", "https:evil.example", "\thttps://evil.example", "http://localhost@evil.example/",
     "/login/?next=/login/", "/logout/"],
)  # fmt: skip
def test_next_never_leaves_this_site(app: Any, world: World, target: str) -> None:
    answer = sign_in(app.test_client(), world.accounts["clerk"].username, next_url=target)
    assert (answer.status_code, answer.location) == (302, "/")


@pytest.mark.feature("ACC-04")
def test_next_leads_to_the_page_that_was_asked_for(app: Any, world: World) -> None:
    client = app.test_client()
    sent = client.get("/profile/?x=1")
    assert sent.status_code == 302 and "/login/" in sent.location
    answer = sign_in(client, world.accounts["clerk"].username, next_url="http://localhost/profile/?x=1")
    assert answer.location == "/profile/?x=1"


@pytest.mark.feature("ACC-15")
def test_a_session_planted_before_sign_in_is_worth_nothing(app: Any, world: World) -> None:
    client = app.test_client()
    with client.session_transaction() as planted:
        planted["marker"], planted["epoch"], planted["since"] = "planted", 99, 0
    sign_in(client, world.accounts["clerk"].username)
    with client.session_transaction() as held:
        assert "marker" not in held and held["epoch"] == world.accounts["clerk"].session_epoch
        assert PASSWORD not in str(dict(held)) and "password" not in held


@pytest.mark.feature("ACC-15")
def test_sign_in_needs_the_token_of_its_page(app: Any, world: World) -> None:
    client = app.test_client()
    answer = client.post("/login/", data={"username": world.accounts["clerk"].username, "password": PASSWORD})
    assert answer.status_code == 400 and not is_in(client)


@pytest.mark.feature("ACC-15")
@pytest.mark.parametrize("minutes,stays", [(119, True), (121, False)])
def test_an_idle_session_ends(app: Any, world: World, minutes: int, stays: bool) -> None:
    client = app.test_client()
    start = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
    with clock.frozen(start):
        sign_in(client, world.accounts["clerk"].username)
    with clock.frozen(start + dt.timedelta(minutes=minutes)):
        assert is_in(client) is stays
        if not stays:
            assert "长时间没有操作" in client.get("/login/").get_data(as_text=True)


@pytest.mark.feature("ACC-15", "ACC-13")
def test_what_was_sent_after_the_session_ended_can_be_copied(app: Any, world: World) -> None:
    """Words, never a password; nothing of what another site sent; a mere button leads to the sign-in page."""
    client = app.test_client()
    start = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
    page, said = f"/elevators/{world.own.id}/apply/suspension", "楼体加固，预计四个月"
    given = {"reason": said, "effective_on": "2026-03-03", "password": "这是密码", "client_key": "ab12"}
    own = {"Referer": f"http://localhost{page}"}
    with clock.frozen(start):
        sign_in(client, world.accounts["use_head"].username)
        token = token_of(client.get("/profile/"))
    with clock.frozen(start + dt.timedelta(minutes=121)), client:
        kept = client.get_cookie("session")
        answer = client.post(page, data=given | {"csrf_token": token}, headers=own)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 401 and text.count("<textarea") == 1 and said in text and "长时间没有操作" in text
        assert "访问被拒绝" not in text, "that is said of what somebody signed in may not open"
        assert "这是密码" not in text and "ab12" not in text and f'href="http://localhost{page}"' in text
        client.set_cookie("session", kept.value)
        bare = client.post(page, data={"csrf_token": token, "effective_on": "2026-03-03"}, headers=own)
        assert bare.status_code == 302 and bare.location.startswith("/login/")
        # The session is gone altogether: the form's token is worth nothing, its words are.
        stranger = app.test_client()
        for headers, shown in ((own, True), ({}, False), (own | {"Sec-Fetch-Site": "cross-site"}, False)):
            answer = stranger.post(page, data=given | {"csrf_token": token}, headers=headers)
            text = answer.get_data(as_text=True)
            assert answer.status_code == 400 and (said in text) is shown and "这是密码" not in text
            assert answer.headers["X-Request-Id"] in text
            assert "'nonce-'" not in answer.headers["Content-Security-Policy"]


@pytest.mark.feature("ACC-15")
@pytest.mark.parametrize(
    ("came", "leads"),
    [
        ("/elevators/7/apply/suspension?again=3", "http://localhost/elevators/7/apply/suspension?again=3"),
        ("/applications/7/decision", "/applications/7"), ("/regions/many", "/regions"), ("/nowhere", ""),
    ],
)  # fmt: skip
def test_the_way_back_opens_though_the_form_stood_where_only_forms_go(app: Any, came: str, leads: str) -> None:
    """An opinion refused once stands at the address of its deed: the way back answered 不能这样打开."""
    data = {"opinion": "资料不全，请补", "csrf_token": "old"}
    page = app.test_client().post("/applications/7/decision", data=data, headers={"Referer": f"http://localhost{came}"})
    assert "资料不全，请补" in page.text
    assert (f'href="{leads}" target="_blank"' in page.text) if leads else 'target="_blank"' not in page.text


@pytest.mark.feature("ACC-15", "ACC-05")
def test_of_a_form_sent_after_the_session_ended_no_secret_is_shown(app: Any) -> None:
    """A password that is a sentence stood there in clear: its repetition has a name of its own."""
    secret, number = "correct horse battery", "110101 19900307 7758"
    given = {
        "old_password": "old sentence", "new_password": secret, "again": secret, "confirmed": secret,
        "resident_id": number, "someones_number": number, "csrf_token": "of another", "next": "/a b",
        "next_reason": "换轴承 then test",
    }  # fmt: skip
    page = app.test_client().post("/password/", data=given, headers={"Referer": "http://localhost/password/"}).text
    assert page.count("<textarea") == 1 and "换轴承 then test" in page
    assert not [value for name, value in given.items() if name != "next_reason" and value in page]


@pytest.mark.feature("ACC-15")
def test_what_is_refused_at_the_door_knows_who_asks(app: Any, world: World) -> None:
    """A form that is too large, or with the token of another session, is refused within the frame of one signed in."""
    client = app.test_client()
    sign_in(client, world.accounts["clerk"].username)
    large = client.post("/about/feedback", data={"text": "x" * (app.config["MAX_FORM_MEMORY_SIZE"] + 1)})
    stale = client.post("/about/feedback", data={"text": "x", "csrf_token": "of another session"})
    for answer, code in ((large, 413), (stale, 400)):
        page = answer.get_data(as_text=True)
        assert answer.status_code == code and "回到首页" in page and "去登录" not in page
        assert 'class="ta-side' in page and answer.headers["X-Request-Id"] in page


@pytest.mark.feature("ACC-15")
def test_a_busy_session_ends_after_its_longest_time(app: Any, world: World) -> None:
    client = app.test_client()
    start = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
    with clock.frozen(start):
        sign_in(client, world.accounts["clerk"].username)
    for hours in range(1, 13):
        with clock.frozen(start + dt.timedelta(hours=hours)):
            assert is_in(client)
    with clock.frozen(start + dt.timedelta(hours=12, seconds=2)):
        assert not is_in(client)


@pytest.mark.feature("ACC-15")
def test_a_new_password_ends_the_other_sessions_not_ones_own(app: Any, world: World) -> None:
    name = world.accounts["clerk"].username
    here, there = app.test_client(), app.test_client()
    sign_in(here, name)
    sign_in(there, name)
    token = token_of(here.get("/password/"))
    answer = here.post(
        "/password/", data={"csrf_token": token, "old_password": PASSWORD, "new_password": NEW, "again": NEW}
    )
    assert answer.status_code == 302
    assert is_in(here) and not is_in(there)
    assert sign_in(app.test_client(), name, NEW).status_code == 302


@pytest.mark.feature("ACC-15")
@pytest.mark.parametrize("deed", ["lock", "deactivate", "reset"])
def test_a_deed_from_above_ends_sessions_at_once(app: Any, session: Any, world: World, deed: str) -> None:
    head = world.accounts["maintenance_head"]
    client = app.test_client()
    sign_in(client, head.username)
    assert is_in(client)
    me = world.actor("region_admin")
    with transaction(session):
        if deed == "lock":
            accounts.lock_account(session, me, head.id, "核查", clock.now())
        elif deed == "deactivate":
            accounts.deactivate(session, me, head.id, "核查", clock.now())
        else:
            accounts.reset_password(session, me, head.id, clock.now())
    assert not is_in(client)


@pytest.mark.feature("ACC-05")
def test_a_first_password_opens_nothing_but_its_change(app: Any, session: Any, world: World) -> None:
    fresh = make_account(session, Role.REGION_ADMIN, region_code="980402000000", must_change_password=True)
    session.commit()
    client = app.test_client()
    sign_in(client, fresh.username)
    for path in ("/", "/profile/", "/accounts/new-unit", "/people/", f"/accounts/{fresh.id}", "/no-such-page"):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (302, "/password/"), path
    for path in ("/api/v1/me", "/api/v1/_openapi"):
        answer = client.get(path)
        assert answer.status_code == 403 and answer.json["errors"][0]["rule"] == "首次登录", path
    page = client.get("/password/")
    assert page.status_code == 200 and "须先修改" in page.get_data(as_text=True)
    for old, new, again, field in (
        ("wrong-old-1", NEW, NEW, "密码不正确"), (PASSWORD, "short", "short", "应为 10 至"),
        (PASSWORD, NEW, NEW + "x", "不一致"), (PASSWORD, PASSWORD, PASSWORD, "与原密码相同"),
    ):  # fmt: skip
        token = token_of(client.get("/password/"))
        answer = client.post(
            "/password/", data={"csrf_token": token, "old_password": old, "new_password": new, "again": again}
        )
        assert answer.status_code == 422 and field in answer.get_data(as_text=True)
        assert new not in answer.get_data(as_text=True)
    token = token_of(client.get("/password/"))
    client.post("/password/", data={"csrf_token": token, "old_password": PASSWORD, "new_password": NEW, "again": NEW})
    assert client.get("/profile/").status_code == 200


@pytest.mark.feature("ACC-04")
def test_the_old_password_cannot_be_guessed_behind_a_left_session(app: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["clerk"].username)
    told = []
    for guess in range(7):
        token = token_of(client.get("/password/"))
        data = {"csrf_token": token, "old_password": f"guess-number-{guess}", "new_password": NEW, "again": NEW}
        told.append(client.post("/password/", data=data).get_data(as_text=True))
    assert "还可以试 4 次" in told[0] and "锁定至" in told[4] and "锁定至" in told[6]


# --- tokens


def tokens(client: Any, name: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/api/v1/security/login", json={"username": name, "password": password, **more})


def me(client: Any, token: str) -> Any:
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.feature("ACC-04")
def test_a_token_names_its_account_and_ends_with_its_epoch(app: Any, session: Any, world: World) -> None:
    worker = world.accounts["worker"]
    got = tokens(app.test_client(), worker.username, refresh=True)
    assert got.status_code == 200
    answer = me(app.test_client(), got.json["access_token"])
    assert answer.status_code == 200
    assert answer.json["login_name"] == worker.username and answer.json["unit"]["id"] == world.firm.id
    assert "visit.make" in answer.json["verbs"] and "account.create" not in answer.json["verbs"]
    headers = {"Authorization": f"Bearer {got.json['refresh_token']}"}
    again = app.test_client().post("/api/v1/security/refresh", headers=headers)
    assert again.status_code == 200 and me(app.test_client(), again.json["access_token"]).status_code == 200
    session.rollback()
    worker.session_epoch += 1
    session.commit()
    assert me(app.test_client(), got.json["access_token"]).status_code == 401
    assert app.test_client().post("/api/v1/security/refresh", headers=headers).status_code == 401


@pytest.mark.feature("ACC-04")
def test_tokens_come_through_the_same_count_as_the_page(app: Any, world: World) -> None:
    name = world.accounts["worker"].username
    for _ in range(2):
        sign_in(app.test_client(), name, "wrong-password-1")
    # What the page asks a question for, the token's door does not do at all: it neither lets in nor counts on.
    for _ in range(5):
        answer = tokens(app.test_client(), name)
        assert answer.status_code == 401 and "图形验证码" in answer.json["errors"][0]["found"]


@pytest.mark.feature("ACC-05")
def test_no_token_for_a_first_password(app: Any, session: Any, world: World) -> None:
    fresh = make_account(session, Role.WORKER, unit=world.firm, must_change_password=True)
    session.commit()
    answer = tokens(app.test_client(), fresh.username)
    assert answer.status_code == 403 and "access_token" not in answer.json


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize("body", [None, [], {}, {"username": 1, "password": 2}, {"username": "x"}, "text"])
def test_odd_bodies_get_a_clear_answer(app: Any, world: World, body: Any) -> None:
    answer = app.test_client().post("/api/v1/security/login", json=body)
    assert answer.status_code == 400 and answer.json["errors"]


@pytest.mark.feature("ACC-13")
def test_me_needs_somebody(app: Any, world: World) -> None:
    assert app.test_client().get("/api/v1/me").status_code == 401
    assert me(app.test_client(), "no.such.token").status_code in (401, 422)


# --- FAB's stock doors (trap: a sub-administrator makes himself Admin)

STOCK = [
    "/users/list/", "/users/add", "/users/edit/1", "/users/show/1", "/users/delete/1", "/users/userinfo/",
    "/users/action/resetpasswords/1", "/userdbmodelview/list/", "/userinfoeditview/form",
    "/roles/list/", "/roles/add", "/roles/edit/1", "/roles/delete/1", "/groups/list/", "/groups/add",
    "/permissions/list/", "/viewmenus/list/", "/permissionviews/list/", "/userstatschartview/chart/",
    "/resetpassword/form?pk=1", "/resetmypassword/form", "/registeruser/list/", "/register/form",
    "/api/v1/security/users/", "/api/v1/security/users/1", "/api/v1/security/roles/", "/api/v1/security/roles/1",
    "/api/v1/security/groups/", "/api/v1/security/permissions/", "/api/v1/security/resources/",
    "/api/v1/security/permissions-resources/", "/api/v1/security/api_keys/", "/api/v1/menu/",
]  # fmt: skip


@pytest.mark.feature("ACC-13")
@pytest.mark.parametrize("persona", ["region_admin", "maintenance_head", "worker", "platform_admin"])
def test_fabs_own_user_and_role_screens_are_shut(app: Any, session: Any, world: World, persona: str) -> None:
    account = world.accounts[persona]
    client = app.test_client()
    sign_in(client, account.username)
    data = {"username": "x", "password": NEW, "conf_password": NEW, "roles": "1", "active": "y"}
    for path in STOCK:
        for answer in (client.get(path), client.post(path, data=data), client.put(path, json=data)):
            assert answer.status_code in (400, 401, 403, 404, 405), (path, answer.status_code)
    session.rollback()
    assert session.get(Account, account.id).password_matches(PASSWORD)
    assert [r.name for r in session.get(Account, account.id).roles] == [persona]


@pytest.mark.feature("ACC-13")
def test_no_route_of_fabs_security_is_registered(app: Any) -> None:
    from flask_appbuilder.security import api as stock_api
    from flask_appbuilder.security import views as stock_views

    stock = {name for module in (stock_api, stock_views) for name in vars(module) if name.endswith(("View", "Api"))}
    registered = {type(view).__name__ for view in app.appbuilder.baseviews}
    assert registered & (stock - {"SecurityApi"}) == set()
    ours = next(v for v in app.appbuilder.baseviews if type(v).__name__ == "SecurityApi")
    assert type(ours).__module__ == "app.views.access.sign_in"
