"""Counted sign-in: lock after n tries, the same for unknown names, whatever the number of workers (ACC-04)."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import AuditEntry, LoginGuard
from app.transaction import transaction
from app.workflows.access import accounts, signin
from tests.factories import PASSWORD, World, make_policy

AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


def attempt(session: Any, name: str, password: str, at: dt.datetime = AT, address: str = "203.0.113.7") -> str:
    """What the person is told; "ok" when in."""
    try:
        with transaction(session):
            tried = signin.begin(session, name, at, address=address)
        ok = tried.matches(password)
        with transaction(session):
            refusal = signin.finish(session, tried, ok, at)
    except signin.SignInRefused as refused:
        refusal = refused
    return str(refusal) if refusal else "ok"


@pytest.mark.feature("ACC-04")
def test_by_name_in_any_case_or_by_bound_phone(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    head.username, head.phone = world.firm.uscc, "13900001111"
    session.commit()
    for name in (world.firm.uscc, world.firm.uscc.lower(), f" {world.firm.uscc} ", "13900001111", "+86 139-0000-1111"):
        assert attempt(session, name, PASSWORD) == "ok"
    session.refresh(head)
    assert head.login_count == 5 and head.last_login is not None


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize("kind", ["known", "unknown", "blank"])
def test_the_nth_wrong_try_locks_and_the_words_are_the_same(session: Any, world: World, kind: str) -> None:
    name = {"known": world.accounts["clerk"].username, "unknown": "nobody.here", "blank": ""}[kind]
    told = [attempt(session, name, "wrong-password-1") for _ in range(6)]
    assert told[:4] == [
        f"登录：用户名或密码不正确。还可以试 {n} 次，之后锁定 15 分钟" for n in (4, 3, 2, 1)
    ]
    assert told[4] == told[5] and "锁定至 09:15" in told[4]
    assert attempt(session, name, PASSWORD) == told[4]  # not even the right one


@pytest.mark.feature("ACC-04")
def test_the_lock_ends_to_the_second(session: Any, world: World) -> None:
    name = world.accounts["clerk"].username
    for _ in range(5):
        attempt(session, name, "wrong-password-1")
    end = AT + dt.timedelta(minutes=15)
    assert "锁定" in attempt(session, name, PASSWORD, end - dt.timedelta(seconds=1))
    assert attempt(session, name, PASSWORD, end) == "ok"


@pytest.mark.feature("ACC-04")
def test_numbers_come_from_policy(session: Any, world: World) -> None:
    make_policy(session, "lock_tries", 2)
    make_policy(session, "lock_minutes", 90)
    session.commit()
    name = world.accounts["clerk"].username
    assert "还可以试 1 次，之后锁定 90 分钟" in attempt(session, name, "wrong-password-1")
    assert "锁定至 10:30" in attempt(session, name, "wrong-password-1")


@pytest.mark.feature("ACC-04")
def test_a_right_try_starts_the_count_again(session: Any, world: World) -> None:
    name = world.accounts["clerk"].username
    for _ in range(3):
        for _ in range(4):
            assert "还可以试" in attempt(session, name, "wrong-password-1")
        assert attempt(session, name, PASSWORD) == "ok"


@pytest.mark.feature("ACC-04")
def test_parallel_guesses_are_one_try_each(session: Any, world: World, database: Any) -> None:
    name = world.accounts["clerk"].username

    def one(number: int) -> bool:
        with Session(database.engine) as own:
            try:
                with transaction(own):
                    tried = signin.begin(own, name, AT)
            except signin.SignInRefused:
                return False
            # Held here: all guesses are under way before any is settled.
            assert not tried.matches(f"guess-{number}")
            return True

    with ThreadPoolExecutor(8) as pool:
        looked_at = sum(pool.map(one, range(40)))
    assert looked_at == 5


@pytest.mark.feature("ACC-04")
def test_one_address_that_tries_many_names_waits_too(session: Any, world: World) -> None:
    most = 5 * signin.ADDRESS_FACTOR
    with transaction(session):
        session.add(LoginGuard(key="address:203.0.113.9", tries=most, last_try_at=AT))
    assert "锁定" in attempt(session, "someone.new", "wrong-password-1", address="203.0.113.9")
    assert "还可以试" in attempt(session, "someone.new", "wrong-password-1", address="203.0.113.10")
    assert "还可以试" in attempt(session, "someone.else", "wrong-password-1", address="127.0.0.1")


@pytest.mark.feature("ACC-04", "AUD-01")
def test_sign_ins_are_audited_without_what_was_typed(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    attempt(session, "my-password-in-the-wrong-box", "x")
    attempt(session, clerk.username, "secret-guess-77")
    attempt(session, clerk.username, PASSWORD)
    entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [(e.action, e.entity_id) for e in entries] == [
        ("login.failed", None), ("login.failed", clerk.id), ("login.ok", clerk.id),
    ]  # fmt: skip
    assert {e.address for e in entries} == {"203.0.113.7"}
    text = " ".join(str((e.before, e.after, e.actor_name)) for e in entries)
    assert "wrong-box" not in text and "secret-guess" not in text


@pytest.mark.feature("ACC-04")
def test_a_locked_or_ended_account_is_told_so_only_after_the_right_password(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    with transaction(session):
        accounts.lock_account(session, world.actor("region_admin"), head.id, "核查", AT)
    assert "停用或锁定" in attempt(session, head.username, PASSWORD)
    assert "用户名或密码不正确" in attempt(session, head.username, "wrong-password-1")
    clerk = world.accounts["clerk"]
    clerk.active = False
    session.commit()
    assert "停用或锁定" in attempt(session, clerk.username, PASSWORD)


@pytest.mark.feature("ACC-04")
def test_an_administrator_unlocks(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    for _ in range(5):
        attempt(session, head.username, "wrong-password-1")
    assert head.id in signin.locked_accounts(session, [head.id], AT)
    with transaction(session):
        accounts.unlock_account(session, world.actor("region_admin"), head.id, AT)
    assert attempt(session, head.username, PASSWORD) == "ok"


@pytest.mark.feature("ACC-04")
def test_old_tries_are_forgotten(session: Any, world: World) -> None:
    attempt(session, "nobody.here", "wrong-password-1")
    with transaction(session):
        assert signin.forget_old_tries(session, AT + dt.timedelta(days=6)) == 3
    assert session.scalars(select(LoginGuard)).all() == []


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize("password", ["", "\0", "x\0y", "x" * 5000])
def test_odd_passwords_are_wrong_not_an_error(session: Any, world: World, password: str) -> None:
    assert "还可以试 4 次" in attempt(session, world.accounts["clerk"].username, password)
