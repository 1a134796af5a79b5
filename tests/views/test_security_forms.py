"""What a form or an address may try: fields and roles that are not on it, rows of others, first passwords."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Account, AuditEntry
from tests.factories import PASSWORD, World
from tests.views.test_security import NEW, sign_in, token_of


@pytest.mark.feature("ACC-02", "ACC-13")
def test_a_form_takes_no_field_that_is_not_on_it(app: Any, session: Any, world: World) -> None:
    client = app.test_client()
    head = world.accounts["maintenance_head"]
    sign_in(client, head.username)
    evil = {
        "unit_id": world.other_firm.id, "region_id": world.firm.region_id, "region_code": "980000000000",
        "is_main": "1", "roles": "1", "role_ids": "1", "active": "1", "extra_accounts": "99", "password": NEW,
        "must_change_password": "", "parent_user_id": "", "session_epoch": "77",
    }  # fmt: skip
    token = token_of(client.get("/sub-accounts/add"))
    answer = client.post(
        "/sub-accounts/add",
        data={"csrf_token": token, "login_name": "evil.01", "name": "某人", "role": "clerk", **evil},
    )
    assert answer.status_code == 200
    session.rollback()
    made = session.scalars(select(Account).where(Account.username == "evil.01")).one()
    assert (made.unit_id, made.region_id, made.is_main, made.extra_accounts) == (world.firm.id, None, False, 0)
    assert [r.name for r in made.roles] == ["clerk"] and made.must_change_password
    assert made.parent_user_id == head.id and not made.password_matches(NEW)
    token = token_of(client.get(f"/sub-accounts/{made.id}/edit"))
    client.post(
        f"/sub-accounts/{made.id}/edit",
        data={"csrf_token": token, "name": "某人", "role": "maintenance_head", "username": "root", **evil},
    )
    session.rollback()
    assert (made.username, made.unit_id, made.is_main) == ("evil.01", world.firm.id, False)
    assert [r.name for r in made.roles] == ["clerk"]


@pytest.mark.feature("ACC-08", "ACC-13")
@pytest.mark.parametrize("role", ["maintenance_head", "region_admin", "platform_admin", "use_head", "Admin", "<b>"])
def test_no_role_beyond_the_list_through_the_form(app: Any, session: Any, world: World, role: str) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["maintenance_head"].username)
    token = token_of(client.get("/sub-accounts/add"))
    answer = client.post(
        "/sub-accounts/add", data={"csrf_token": token, "login_name": "evil.02", "name": "某人", "role": role}
    )
    assert answer.status_code == 422 and "<b>" not in answer.get_data(as_text=True).replace("<b>没有保存</b>", "")
    assert 'value="某人"' in answer.get_data(as_text=True)
    session.rollback()
    assert session.scalars(select(Account).where(Account.username == "evil.02")).first() is None


@pytest.mark.feature("ACC-13", "ACC-08")
def test_another_number_in_the_address_finds_nothing(app: Any, session: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["maintenance_head"].username)
    token = token_of(client.get("/sub-accounts/add"))
    data = {"csrf_token": token, "name": "改了", "active": "0", "own_password": PASSWORD, "deed": "all", "reason": "x"}
    for target in ("other_worker", "other_head", "use_head", "region_admin", "platform_admin"):
        number = world.accounts[target].id
        for path in (f"/sub-accounts/{number}/edit", f"/sub-accounts/{number}/delete", f"/accounts/{number}",
                     f"/sub-accounts/{number}/password", f"/sub-accounts/{number}/elevators"):  # fmt: skip
            assert client.get(path).status_code == 404, path
            assert client.post(path, data=data).status_code in (404, 405), path
        for deed in ("reset-password", "lock", "deactivate", "grant"):
            assert client.post(f"/accounts/{number}/{deed}", data=data).status_code in (403, 404)
        session.rollback()
        assert world.accounts[target].active and world.accounts[target].password_matches(PASSWORD)
    missing = client.get("/accounts/999999").get_data(as_text=True)
    foreign = client.get(f"/accounts/{world.accounts['other_head'].id}").get_data(as_text=True)
    said = [re.search(r"没有找到[^<]*", page)[0] for page in (missing, foreign)]
    assert re.sub(r"\d+", "", said[0]) == re.sub(r"\d+", "", said[1])


@pytest.mark.feature("ACC-02", "ACC-05")
def test_a_first_password_is_shown_once_and_kept_nowhere(app: Any, session: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["region_admin"].username)
    token = token_of(client.get("/accounts/new-regulator"))
    answer = client.post(
        "/accounts/new-regulator",
        data={"csrf_token": token, "login_name": "lin.wen01", "name": "林问", "role": "inspector",
              "region_id": world.accounts["inspector"].region_id},
    )  # fmt: skip
    assert answer.status_code == 200 and "no-store" in answer.headers["Cache-Control"]
    password = re.search(r'id="issued-password">([^<]+)<', answer.get_data(as_text=True))[1]
    session.rollback()
    made = session.scalars(select(Account).where(Account.username == "lin.wen01")).one()
    assert made.password_matches(password)
    with client.session_transaction() as held:
        assert password not in str(dict(held))
    assert password not in client.get(f"/accounts/{made.id}").get_data(as_text=True)
    for entry in session.scalars(select(AuditEntry)):
        assert password not in str((entry.before, entry.after))
    assert sign_in(app.test_client(), "lin.wen01", password).location == "/"


@pytest.mark.feature("ACC-02")
def test_a_refused_form_keeps_what_was_typed(app: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["region_admin"].username)
    token = token_of(client.get("/accounts/new-unit"))
    answer = client.post(
        "/accounts/new-unit",
        data={"csrf_token": token, "unit_name": "澜州联升电梯有限公司", "uscc": "91", "head_name": "陆清和",
              "phone": "139", "kinds": "use", "region_id": "abc"},
    )  # fmt: skip
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for kept in ('value="澜州联升电梯有限公司"', 'value="91"', 'value="陆清和"', 'value="139"', "checked"):
        assert kept in page
    assert "应为 18 位，现为 2 位" in page and "手机" in page


@pytest.mark.feature("ACC-11")
def test_a_sub_accounts_reset_asks_for_ones_own_password(app: Any, session: Any, world: World) -> None:
    client = app.test_client()
    sign_in(client, world.accounts["maintenance_head"].username)
    worker = world.accounts["worker"]
    path = f"/sub-accounts/{worker.id}/password"
    data = {"csrf_token": token_of(client.get(path)), "mode": "random", "own_password": "not-mine-123"}
    assert client.post(path, data=data).status_code == 422
    session.rollback()
    assert worker.password_matches(PASSWORD)
    answer = client.post(path, data=data | {"own_password": PASSWORD})
    assert answer.status_code == 200 and "issued-password" in answer.get_data(as_text=True)
    session.rollback()
    assert not worker.password_matches(PASSWORD)
