"""An issued password ends unused after the policy's days: told after the right password only (ACC-05, ASVS 6.4.1)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Account, AuditEntry
from app.permissions import Role
from app.rules.first_passwords import first_password
from app.transaction import transaction
from app.workflows.access import accounts, sub_accounts
from app.workflows.access.issuing import Issued
from app.workflows.core import outbox
from tests.factories import PASSWORD, World, make_policy
from tests.views.test_security import sign_in as typed_in
from tests.workflows.test_signin import attempt

AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)


@pytest.mark.feature("ACC-05")
@pytest.mark.parametrize(
    ("later", "over", "left"),
    [(SECOND, False, 14), (DAY, False, 13), (14 * DAY - SECOND, False, 1), (14 * DAY, True, 0), (99 * DAY, True, 0)],
)
def test_it_ends_on_the_instant(later: dt.timedelta, over: bool, left: int) -> None:
    found = first_password(AT, 14, AT + later)
    assert (found.over, found.days_left, found.until) == (over, left, AT + 14 * DAY)


def reset(session: Any, world: World, name: str) -> Issued:
    with transaction(session):
        if name == "clerk":
            return sub_accounts.reset_password(
                session, world.actor("maintenance_head"), world.accounts[name].id, AT
            )
        return accounts.reset_password(session, world.actor("region_admin"), world.accounts[name].id, AT)


@pytest.mark.feature("ACC-05")
@pytest.mark.parametrize(
    ("name", "who"), [("clerk", "本单位主账号"), ("maintenance_head", "区域管理员"), ("inspector", "上级管理员")]
)
def test_the_owner_is_told_who_gives_a_new_one(session: Any, world: World, name: str, who: str) -> None:
    issued = reset(session, world, name)
    last = AT + 14 * DAY - SECOND
    assert attempt(session, issued.login_name, issued.password, last) == "ok"
    session.refresh(world.accounts[name])
    assert world.accounts[name].must_change_password, "signing in does not make it the owner's"
    said = attempt(session, issued.login_name, issued.password, last + SECOND)
    assert "初始密码已于 2026 年 3 月 16 日 09:00 过期" in said and who in said and "找回密码" not in said
    wrong = attempt(session, issued.login_name, "wrong-password-1", last + SECOND)
    nobody = attempt(session, "nobody.here", "wrong-password-1", last + SECOND)
    assert wrong.replace("3 次", "4 次") == nobody, "who has not the password learns nothing"
    told = session.scalars(select(AuditEntry).where(AuditEntry.action == "login.refused")).one()
    assert told.entity_id == issued.account.id and "2026-03-16" in told.after["first_password_until"]


@pytest.mark.feature("ACC-05")
def test_the_days_are_the_regions_and_one_s_own_password_has_none(session: Any, world: World) -> None:
    make_policy(session, "first_password_days", 3)
    session.commit()
    issued = reset(session, world, "clerk")
    assert "过期" in attempt(session, issued.login_name, issued.password, AT + 3 * DAY)
    again = reset(session, world, "clerk")
    assert attempt(session, again.login_name, again.password, AT + DAY) == "ok"
    clerk = world.accounts["clerk"]
    with transaction(session):
        accounts.change_own_password(session, world.actor("clerk"), "Brand.new-2026", "Brand.new-2026", AT + DAY)
    session.refresh(clerk)
    assert clerk.password_issued_at is None
    assert attempt(session, clerk.username, "Brand.new-2026", AT + 400 * DAY) == "ok"


@pytest.mark.feature("ACC-05")
def test_a_bound_phone_is_named_as_a_way(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda _session, _notice: None)
    world.accounts["clerk"].phone = "13900000077"
    session.commit()
    issued = reset(session, world, "clerk")
    assert "找回密码" in attempt(session, issued.login_name, issued.password, AT + 15 * DAY)


@pytest.mark.feature("ACC-05", "ACC-12")
def test_pages_and_interface_say_it_and_give_a_new_one(app: Any, session: Any, world: World, sign_in: Any) -> None:
    with clock.frozen(AT):
        issued = reset(session, world, "clerk")
        head = sign_in(world.accounts["maintenance_head"])
        assert "初始密码未使用，还有 14 天" in head.get("/sub-accounts/").get_data(as_text=True)
    number = issued.account.id
    with clock.frozen(AT + 14 * DAY):
        head, admin = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["region_admin"])
        page = head.get("/sub-accounts/").get_data(as_text=True)
        assert "初始密码已过期" in page and f"/sub-accounts/{number}/password" in page
        assert "已过期" in admin.get("/accounts/").get_data(as_text=True)
        assert "已过期（2026-03-16 09:00）" in admin.get(f"/accounts/{number}").get_data(as_text=True)
        assert issued.login_name in admin.get("/accounts/?f_must_change=1").get_data(as_text=True)
        kept = head.get(f"/api/v1/accounts/{number}").json
        assert kept["must_change_password"] and kept["first_password_until"].startswith("2026-03-16")
        client = app.test_client()
        assert "初始密码已于" in typed_in(client, issued.login_name, issued.password).get_data(as_text=True)
        body = {"username": issued.login_name, "password": issued.password}
        answer = client.post("/api/v1/security/login", json=body)
        assert answer.status_code == 401 and "过期" in answer.json["message"]
        token = head.get(f"/sub-accounts/{number}/password").get_data(as_text=True)
        token = token.split('name="csrf_token" value="')[1].split('"')[0]
        asked = {"csrf_token": token, "mode": "typed", "new_password": "Lent.word-2026", "own_password": PASSWORD}
        shown = head.post(f"/sub-accounts/{number}/password", data=asked)
        assert "14 天内没有登录并修改" in shown.get_data(as_text=True)
        assert typed_in(client, issued.login_name, "Lent.word-2026").status_code == 302


@pytest.mark.feature("ACC-02")
def test_a_platform_administrator_is_told_of_the_server(session: Any, world: World) -> None:
    row = world.accounts.get("platform_admin") or session.scalars(
        select(Account).where(Account.roles.any(name=Role.PLATFORM_ADMIN.value))
    ).first()
    assert row is not None
    with transaction(session):
        row.issue_password("Lent.word-2026", AT)
    assert "create-admin" in attempt(session, row.username, "Lent.word-2026", AT + 14 * DAY)
