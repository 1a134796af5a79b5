"""Which accounts exist is told at no door and by no clock (ACC-04): signing in, recovering, registering, binding."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import pytest

from app import clock
from app.models import Account, account
from app.transaction import transaction
from app.views.access import recovery as recovery_pages
from app.workflows.access import codes, recovery, registration, signin
from app.workflows.core import outbox
from tests.factories import World, make_policy, region, uscc
from tests.views.test_security import answer_of

pytestmark = pytest.mark.feature("ACC-04")
NEW = "Brand.new-2026"
AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)


def form(**changes: str) -> dict[str, str]:
    return {
        "kind": "use", "login_name": "wuye.01", "password": NEW, "again": NEW, "unit_name": "澜州晴川物业",
        "uscc": uscc(), "legal_person": "温知远", "head_name": "叶听雨", "phone": "13900000066",
        "address": "临河区 1 号", "licence_no": "",
    } | changes  # fmt: skip


@pytest.mark.feature("ACC-03")
def test_registration_tells_a_machine_nothing_of_names(app: Any, session: Any, world: World) -> None:
    given = form(region_id=str(region(session).id))
    session.commit()
    shown = []
    for name in (world.accounts["clerk"].username, "free.name01"):
        client = app.test_client()
        page = client.get("/register/").get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found
        data = given | {"csrf_token": found[1], "login_name": name, "captcha": "no", "captcha_key": "no"}
        text = client.post("/register/", data=data).get_data(as_text=True).replace(name, "")
        assert "已被使用" not in text and "不正确或已过期" in text
        changing = r'name="csrf[-_]token"[^>]*>|nonce="[^"]*"|name="captcha_key"[^>]*>|src="/captcha/[^"]*"'
        shown.append(re.sub(changing, "", text))
    assert shown[0] == shown[1]


def test_who_answered_is_told_that_a_name_is_taken(session: Any, world: World) -> None:
    with pytest.raises(signin.Refusal, match="已被使用"), transaction(session):
        registration.register(session, form(login_name=world.accounts["clerk"].username), signin.clock.now())


@pytest.mark.feature("ACC-03")
def test_one_address_tries_or_takes_no_names_without_end(
    app: Any, session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question keeps no program out that can add; how many answered forms it sends a day is limited."""
    monkeypatch.setattr(registration, "MOST_A_DAY", 2)
    given = form(region_id=str(region(session).id), login_name=world.accounts["clerk"].username)
    session.commit()

    def send(address: str) -> str:
        client = app.test_client()
        more = {"environ_overrides": {"REMOTE_ADDR": address}}
        page = client.get("/register/", **more).get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found
        data = given | {"csrf_token": found[1]} | answer_of(session, page)
        return str(client.post("/register/", data=data, **more).get_data(as_text=True))

    with clock.frozen(AT):
        assert all("已被使用" in send("203.0.113.9") for _ in range(2))
        over = send("203.0.113.9")
        assert "已被使用" not in over and "一天最多提交 2 次" in over
        assert "已被使用" in send("203.0.113.10")
    with clock.frozen(AT + dt.timedelta(days=1)):
        assert "已被使用" in send("203.0.113.9")


@pytest.mark.parametrize("new", ["shrt1", "short.1", "eleven.char", NEW])
def test_a_regions_longer_passwords_do_not_tell_who_lives_there(
    session: Any, world: World, monkeypatch: Any, new: str
) -> None:
    make_policy(session, "password_min", 16)
    session.commit()
    at = signin.clock.now()
    told = []
    for name in (world.accounts["clerk"].username, "nobody.here"):
        with transaction(session):
            refusal = recovery.renew(session, name, "123456", new, new, at)
        told.append([(f.rule, f.found) for f in refusal.findings] if refusal else [])
    assert told[0] == told[1]


def test_who_has_the_code_is_told_and_may_try_again(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)
    make_policy(session, "password_min", 16)
    row = session.get(Account, world.accounts["clerk"].id)
    row.phone = "13900003333"
    session.commit()
    at = signin.clock.now()
    monkeypatch.setattr(codes.secrets, "choice", lambda _digits: "7")
    with transaction(session):
        recovery.ask(session, row.username, at, None)
    with transaction(session):
        refusal = recovery.renew(session, row.username, "777777", NEW, NEW, at)
    assert refusal is not None and "16" in str(refusal)
    with transaction(session):
        assert recovery.renew(session, row.username, "777777", NEW + ".longer", NEW + ".longer", at) is None


def test_recovery_answers_no_sooner_for_nobody(app: Any, monkeypatch: Any) -> None:
    slept: list[float] = []
    monkeypatch.setattr(recovery_pages.time, "sleep", slept.append)
    with recovery_pages._even_time():
        pass
    monkeypatch.setattr(recovery_pages.time, "monotonic", iter([0.0, 9.0]).__next__)
    with recovery_pages._even_time():
        pass
    assert 0.1 < slept[0] <= recovery_pages.EVEN_SECONDS and slept[1] == 0


def test_a_name_that_nobody_has_costs_a_whole_hash(
    session: Any, world: World, monkeypatch: Any, kept_for_good: str
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(account, "check_password_hash", lambda held, _typed: checked.append(held) and False)
    for name in (world.accounts["clerk"].username, "nobody.here"):
        for password in ("Wrong.pass-0001", "", "x" * 2000):
            with transaction(session):
                tried = signin.begin(session, name, signin.clock.now())
            assert not tried.matches(password)
    assert len(checked) == 6
    # Of the kind and cost with which passwords are kept now.
    assert checked[3].split("$")[0] == kept_for_good


def test_the_clock_tells_nothing_of_names(session: Any, world: World, kept_for_good: str) -> None:
    """By the clock itself, roughly: a name that nobody has is not answered in a fraction of the time."""
    known = world.accounts["clerk"]
    with transaction(session):
        session.get(Account, known.id).set_password(NEW)

    def took(name: str) -> float:
        best = 9.0
        for _n in range(2):
            with transaction(session):
                tried = signin.begin(session, name, signin.clock.now())
            began = time.perf_counter()
            tried.matches("Wrong.pass-0001")
            best = min(best, time.perf_counter() - began)
        return best

    took("nobody.at.all")
    assert took("nobody.here") > took(known.username) / 4


def test_what_a_phone_is_bound_to_is_told_to_no_stranger(app: Any, world: World) -> None:
    client = app.test_client()
    for page in ("/profile/phone/code", "/profile/phone", "/profile/mail", "/profile/mail/code"):
        assert client.post(page, data={"phone": "13900000000"}).status_code in (302, 400)
