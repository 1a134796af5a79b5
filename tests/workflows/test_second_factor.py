"""Codes, captchas, second factors, recovery and registration below their pages, on both databases."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from app import vault
from app.errors import Refusal
from app.models import Account, Captcha, Notification, OneTimeCode, Unit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import captchas, codes, recovery, registration, second_factor, signin, sub_accounts
from app.workflows.core import outbox
from app.workflows.core.actors import actor_of
from tests.factories import region, uscc

AT = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
PHONE = "13900000077"
NEW = "Brand.new-2026"


@pytest.fixture
def clerk(session: Any, world: Any) -> Account:
    account = world.accounts["clerk"]
    account.phone = PHONE
    session.commit()
    return account


def code_in(session: Any, topic: str) -> str:
    body = session.scalar(
        select(Notification.body).where(Notification.topic == topic).order_by(Notification.id.desc()).limit(1)
    )
    found = re.search(r"验证码是 (\d{6})", body)
    assert found
    return found[1]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# --- one-time codes


@pytest.mark.feature("ACC-04", "ACC-06")
def test_a_code_is_good_once_for_its_purpose_and_ten_minutes(session: Any, clerk: Account, sms: None) -> None:
    with transaction(session):
        assert codes.send(session, clerk, "login", PHONE, AT, "10.0.0.1") == "139****0077"
    code = code_in(session, "code.login")
    assert code not in session.scalar(select(OneTimeCode.code_hash))
    with transaction(session), pytest.raises(Refusal, match="已失效"):
        codes.check(session, clerk.id, "recover", code, AT)
    with transaction(session):
        assert codes.check(session, clerk.id, "login", f" {code[:3]} {code[3:]} ", AT + 9 * MINUTE).target == PHONE
    with transaction(session), pytest.raises(Refusal, match="已失效"):
        codes.check(session, clerk.id, "login", code, AT + 9 * MINUTE)


@pytest.mark.feature("ACC-04")
def test_a_code_ends_after_ten_minutes_after_five_tries_and_when_a_newer_one_is_sent(
    session: Any, clerk: Account, sms: None
) -> None:
    def send(at: dt.datetime) -> str:
        with transaction(session):
            codes.send(session, clerk, "login", PHONE, at, None)
        return code_in(session, "code.login")

    def says(code: str, at: dt.datetime) -> str:
        said = "right"
        with transaction(session):
            try:
                codes.check(session, clerk.id, "login", code, at)
            except Refusal as refusal:
                said = str(refusal)
        return said

    first = send(AT)
    assert "已失效" in says(first, AT + 10 * MINUTE)
    second = send(AT + 11 * MINUTE)
    if first != second:
        assert "还可以试 4 次" in says(first, AT + 11 * MINUTE)
    while "还可以试" in says(other(second), AT + 12 * MINUTE):
        pass
    assert "已失效" in says(second, AT + 12 * MINUTE), "five wrong tries end it"
    third = send(AT + 13 * MINUTE)
    assert says(third, AT + 13 * MINUTE) == "right"


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize(
    ("network", "here"),
    [
        ("203.0.113.5", ["203.0.113.5"] * 3),
        # One household of IPv6 has 2^64 addresses: each of them was a place of its own.
        ("2001:db8:1:2::", ["2001:db8:1:2::1", "2001:db8:1:2:a:b:c:d", "2001:db8:1:2::9"]),
    ],
)
def test_floods_stop_by_number_account_and_place(
    session: Any, world: Any, clerk: Account, sms: None, network: str, here: list[str]
) -> None:
    def send(account: Account, phone: str, at: dt.datetime, place: str) -> bool:
        try:
            with transaction(session):
                codes.send(session, account, "login", phone, at, place)
        except Refusal as refusal:
            assert "太频繁" in str(refusal)
            return False
        return True

    worker = world.accounts["worker"]
    assert send(clerk, PHONE, AT, "a") and not send(clerk, PHONE, AT, "b")
    assert not send(worker, PHONE, AT, "c"), "one number, whoever asks"
    assert not send(clerk, "13900000078", AT, "d"), "one account, whatever number"
    assert send(worker, "13900000079", AT, "a")
    for number in range(28):
        with transaction(session):
            session.add(OneTimeCode(purpose="login", account_id=worker.id, target=f"x{number}", code_hash="",
                                    asked_from=network, created_at=AT, expires_at=AT))  # fmt: skip
    assert send(clerk, PHONE, AT + 2 * MINUTE, here[0]) and send(world.accounts["use_head"], "13900000080", AT, here[1])
    assert not send(world.accounts["inspector"], "13900000081", AT + 3 * MINUTE, here[2]), "thirty an hour a place"


# --- questions


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize("in_words", [False, True])
def test_a_question_is_good_for_one_answer(session: Any, world: Any, in_words: bool) -> None:
    with transaction(session):
        key, words = captchas.ask(session, AT, in_words=in_words)
    letters = captchas.letters_of(session, key, AT)
    assert bool(words) is in_words and (letters is None) is in_words
    answer = vault.unseal(session.get(Captcha, key).answer)
    assert session.get(Captcha, key).answer.startswith("gAAAA"), "sealed"
    session.commit()
    with transaction(session):
        captchas.check(session, key, f" {answer.lower()} ", AT)
    for late in (answer, "", "x" * 20):
        with transaction(session), pytest.raises(captchas.CaptchaWrong):
            captchas.check(session, key, late, AT)


@pytest.mark.feature("ACC-04")
def test_a_wrong_answer_uses_the_question_up_and_an_old_one_is_none(session: Any, world: Any) -> None:
    with transaction(session):
        (first, _), (second, _) = captchas.ask(session, AT), captchas.ask(session, AT)
    answers = {key: vault.unseal(session.get(Captcha, key).answer) for key in (first, second)}
    session.commit()

    def right(key: str, typed: str, at: dt.datetime) -> bool:
        with transaction(session):
            try:
                captchas.check(session, key, typed, at)
            except captchas.CaptchaWrong:
                return False
        return True

    assert not right(first, "????", AT) and not right(first, answers[first], AT)
    assert not right(second, answers[second], AT + dt.timedelta(minutes=10))
    with transaction(session):
        captchas.ask(session, AT)
        assert captchas.forget_old(session, AT + dt.timedelta(minutes=10)) == 1


# --- second factor


@pytest.mark.feature("ACC-07")
def test_an_app_is_taken_into_use_by_a_first_code_and_each_code_counts_once(session: Any, clerk: Account) -> None:
    actor, secret = actor_of(clerk), second_factor.new_secret()
    code = pyotp.TOTP(secret)
    assert second_factor.factor_of(clerk) is None
    with transaction(session), pytest.raises(Refusal, match="手机时间"):
        second_factor.switch_totp_on(session, actor, secret, other(code.at(AT)), AT)
    with transaction(session):
        second_factor.switch_totp_on(session, actor, secret, code.at(AT), AT)
    assert second_factor.factor_of(clerk) == "totp" and secret not in clerk.totp_secret

    def works(typed: str, at: dt.datetime) -> bool:
        try:
            with transaction(session):
                second_factor.check_totp(session, clerk, typed, at)
        except Refusal:
            return False
        return True

    assert not works(code.at(AT), AT), "the code that switched it on is used up"
    later = AT + dt.timedelta(seconds=30)
    assert works(code.at(later), later) and not works(code.at(later), later)
    assert works(code.at(AT + 3 * MINUTE), AT + 3 * MINUTE - dt.timedelta(seconds=29)), "a clock half a minute ahead"
    assert not works(code.at(AT + 9 * MINUTE), AT + 8 * MINUTE)
    assert not works("", AT + 8 * MINUTE) and not works("１２３４５６", AT + 8 * MINUTE)
    with transaction(session):
        second_factor.switch_totp_off(session, actor, AT)
    assert second_factor.factor_of(clerk) is None


@pytest.mark.feature("ACC-07")
def test_codes_at_sign_in_need_a_bound_phone_and_the_main_account_may_switch_them(
    session: Any, world: Any, clerk: Account, sms: None
) -> None:
    head, worker = world.accounts["maintenance_head"], world.accounts["worker"]
    worker.phone = None
    session.commit()
    with transaction(session), pytest.raises(Refusal, match="还没有绑定手机"):
        second_factor.switch_sms(session, actor_of(head), True, AT, worker.id)
    with transaction(session), pytest.raises(Refusal, match="登记的手机还没有用验证码核实"):
        second_factor.switch_sms(session, actor_of(head), True, AT, clerk.id)
    with transaction(session):
        recovery.ask_binding(session, actor_of(clerk), PHONE, AT, None)
    with transaction(session):
        assert recovery.bind(session, actor_of(clerk), PHONE, code_in(session, "code.bind"), AT) is None
    with transaction(session):
        second_factor.switch_sms(session, actor_of(head), True, AT, clerk.id)
    assert second_factor.factor_of(clerk) == "sms"
    clerk.phone_verified_at = None
    session.commit()
    assert second_factor.factor_of(clerk) is None, "a number that is only typed carries no factor"
    clerk.phone_verified_at = AT
    session.commit()
    for stranger in ("use_head", "clerk", "inspector"):
        with transaction(session), pytest.raises(Refusal):
            second_factor.switch_sms(session, actor_of(world.accounts[stranger]), False, AT, worker.id)
    outbox.SENDERS.pop("sms")
    assert second_factor.factor_of(clerk) is None, "where no SMS can be sent any more nobody is locked out by it"
    outbox.SENDERS["sms"] = lambda _session, _notice: None


@pytest.mark.feature("ACC-07", "ACC-11")
def test_a_new_password_by_the_main_account_ends_the_second_factor(session: Any, world: Any, clerk: Account) -> None:
    clerk.totp_secret, clerk.sms_factor = vault.seal("X"), True
    session.commit()
    with transaction(session):
        sub_accounts.reset_password(session, actor_of(world.accounts["maintenance_head"]), clerk.id, AT)
    session.refresh(clerk)
    assert clerk.totp_secret is None and not clerk.sms_factor


# --- recovery and binding


@pytest.mark.feature("ACC-04")
def test_a_password_is_recovered_by_the_bound_phone(session: Any, clerk: Account, sms: None) -> None:
    name = clerk.username
    with transaction(session):
        recovery.ask(session, name, AT, "10.0.0.1")
        recovery.ask(session, "nobody.here", AT, "10.0.0.1")
    assert session.query(Notification).filter_by(channel="sms").count() == 1
    code = code_in(session, "code.recover")

    def renew(typed: str, given: str, new: str = NEW, again: str = NEW, at: dt.datetime = AT) -> str:
        with transaction(session):
            return str(recovery.renew(session, typed, given, new, again, at) or "done")

    assert renew("nobody.here", code) == renew(name, other(code)), "a name that nobody has is answered alike"
    assert "不一致" in renew(name, code, again=NEW + "x") and "应为 8 至" in renew(name, code, "short", "short")
    epoch = clerk.session_epoch
    assert renew(PHONE, code) == "done", "by phone as well as by name"
    session.refresh(clerk)
    assert clerk.password_matches(NEW) and clerk.session_epoch > epoch
    assert renew(name, code) != "done"


@pytest.mark.feature("ACC-04", "ACC-07")
def test_a_code_to_the_phone_that_was_bound_before_proves_nothing(session: Any, clerk: Account, sms: None) -> None:
    """Whoever holds the old phone asked for a code, then its owner, or an administrator, filed another one."""
    with transaction(session):
        recovery.ask(session, clerk.username, AT, "10.0.0.1")
        codes.send(session, clerk, "login", PHONE, AT + 2 * MINUTE, "10.0.0.1")
    old, login = code_in(session, "code.recover"), code_in(session, "code.login")
    clerk.phone = "13900000078"
    session.commit()
    with transaction(session):
        assert recovery.renew(session, clerk.username, old, NEW, NEW, AT + MINUTE) is not None
    session.refresh(clerk)
    assert not clerk.password_matches(NEW)
    with transaction(session), pytest.raises(Refusal, match="已失效"):
        codes.check(session, clerk.id, "login", login, AT + 3 * MINUTE, sent_to=clerk.phone)


@pytest.mark.feature("ACC-04", "ACC-07")
def test_strangers_who_ask_to_recover_use_up_no_code_of_signing_in(session: Any, clerk: Account, sms: None) -> None:
    """Ten questions by anybody who knew the name kept its owner, who had the right password, out for a day."""
    hour = dt.timedelta(hours=2)
    for number in range(10):
        with transaction(session):
            recovery.ask(session, clerk.username, AT + number * hour, f"10.0.{number}.1")
    assert session.query(Notification).filter_by(topic="code.recover").count() == 10
    at = AT + 19 * hour / 2
    with transaction(session):
        codes.send(session, clerk, "login", PHONE, at, "10.9.0.1")
    with transaction(session), pytest.raises(Refusal):
        codes.send(session, clerk, "login", PHONE, at + MINUTE / 2, "10.9.0.1")


@pytest.mark.feature("ACC-04")
def test_neither_a_lock_by_the_administrator_nor_an_ended_account_is_got_round(
    session: Any, clerk: Account, sms: None
) -> None:
    clerk.locked_until = AT + dt.timedelta(days=9)
    session.commit()
    with transaction(session):
        recovery.ask(session, clerk.username, AT, None)
    clerk.locked_until, clerk.active = None, False
    session.commit()
    with transaction(session):
        recovery.ask(session, clerk.username, AT, None)
    assert session.query(Notification).filter_by(channel="sms").count() == 0


@pytest.mark.feature("ACC-06")
def test_who_asks_for_a_phone_of_another_account_learns_nothing_and_its_owner_does(
    session: Any, world: Any, clerk: Account, sms: None
) -> None:
    me, free = actor_of(world.accounts["worker"]), "13900000088"
    told, rows = [], []
    for number, phone in enumerate((PHONE, free)):
        at = AT + 2 * number * MINUTE
        with transaction(session):
            masked = recovery.ask_binding(session, me, phone, at, "10.0.0.1")
        assert masked == f"139****{phone[-4:]}"
        with transaction(session), pytest.raises(Refusal, match="太频繁") as again:
            recovery.ask_binding(session, me, phone, at, "10.0.0.1")
        with transaction(session):
            refusal = recovery.bind(session, me, phone, "abcdef", at)
        told.append((str(again.value), str(refusal)))
        rows.append(session.scalars(select(Notification).order_by(Notification.id.desc())).first())
    assert told[0] == told[1] and "还可以试 4 次" in told[0][1]
    assert "已经绑定了账号" in rows[0].body and not re.search(r"\d{6}", rows[0].body) and rows[0].address == PHONE
    assert "验证码是" in rows[1].body
    assert rows[0].topic == rows[1].topic
    # Bound by another between the code and its use: who has the code has the phone.
    code = code_in(session, "code.bind")
    world.accounts["inspector"].phone = free
    session.commit()
    with transaction(session):
        assert "刚刚绑定了另一账号" in str(recovery.bind(session, me, free, code, AT + 3 * MINUTE))


@pytest.mark.feature("ACC-06")
def test_a_phone_is_bound_by_the_code_that_went_to_it(session: Any, world: Any, clerk: Account, sms: None) -> None:
    worker = world.accounts["worker"]
    me, mine, wrong = actor_of(worker), "13900000088", "13900000089"
    with transaction(session):
        recovery.ask_binding(session, me, mine, AT, None)
    code = code_in(session, "code.bind")
    with transaction(session):
        assert "与收到验证码的号码不同" in str(recovery.bind(session, me, wrong, code, AT))
    with transaction(session):
        recovery.ask_binding(session, me, mine, AT + 2 * MINUTE, None)
    code = code_in(session, "code.bind")
    with transaction(session):
        assert "不正确" in str(recovery.bind(session, me, mine, other(code), AT + 2 * MINUTE))
        assert recovery.bind(session, me, mine, code, AT + 2 * MINUTE) is None
    assert signin.find_account(session, mine).id == worker.id


# --- registration


def form(session: Any, **changes: str) -> dict[str, str]:
    return {
        "kind": "maintenance", "login_name": "lanzhou.dt", "password": NEW, "again": NEW,
        "unit_name": "澜州新立电梯公司", "uscc": uscc(), "licence_no": "TS3398001-2030", "legal_person": "温知远",
        "head_name": "叶听雨", "phone": "13900000066", "address": "临河区 1 号",
        "region_id": str(region(session).id),
    } | changes  # fmt: skip


@pytest.mark.feature("ACC-03")
def test_a_registered_unit_files_and_does_nothing_else_until_it_is_approved(session: Any, world: Any) -> None:
    with transaction(session):
        account = registration.register(session, form(session), AT, "10.0.0.1")
    actor = actor_of(account)
    assert actor.roles == {Role.APPLICANT} and actor.is_main
    unit = session.get(Unit, account.unit_id)
    assert (unit.filing_state, unit.approved_version, unit.is_maintenance) == ("draft", 0, True)
    unit.approved_version = 1
    session.commit()
    assert actor_of(account).roles == {Role.MAINTENANCE_HEAD}
    assert account.phone is None, "the phone is bound by a code, not by typing it"


@pytest.mark.feature("ACC-03")
def test_it_blocks_no_rivals_name(session: Any, world: Any) -> None:
    """The firm in force keeps its code, its login and its right to be found; the regulator will see both."""
    rival = session.get(Unit, world.firm.id)
    with transaction(session):
        registration.register(session, form(session, uscc=rival.uscc, unit_name=rival.name), AT)
    with transaction(session), pytest.raises(Refusal, match="不能是手机号或统一社会信用代码"):
        registration.register(session, form(session, login_name=uscc()), AT)
    assert session.query(Unit).filter_by(uscc=rival.uscc).count() == 2


@pytest.mark.feature("ACC-03")
def test_everything_wrong_is_told_at_once(session: Any, world: Any) -> None:
    wrong = form(
        session, kind="", login_name="a", password="short", again="other", unit_name=" ", uscc="123", legal_person="",
        head_name="", phone="12345", address="", region_id="999999999999999999999",
    )  # fmt: skip
    with transaction(session), pytest.raises(Refusal) as refused:
        registration.register(session, wrong, AT)
    told = {f.field for f in refused.value.findings}
    assert told >= {"kind", "login_name", "password", "again", "unit_name", "uscc", "legal_person", "head_name",
                    "phone", "address", "region_id"}  # fmt: skip
    session.rollback()
    assert session.query(Unit).filter_by(name="澜州新立电梯公司").count() == 0


@pytest.mark.feature("ACC-07")
def test_a_new_key_takes_over_and_the_old_one_may_go(app: Any, session: Any, world: Any) -> None:
    old, new = vault.new_key(), vault.new_key()
    account, runner = world.accounts["clerk"], app.test_cli_runner()
    try:
        rest = app.config["DATA_KEYS"]
        vault.use_keys([old, *rest])
        account.totp_secret = vault.seal("JBSWY3DPEHPK3PXP")
        session.commit()
        vault.use_keys([new, *rest])  # the old one left out too early
        lost = runner.invoke(args=["seal-anew"])
        assert lost.exit_code == 1 and "DATA_KEYS" in lost.output and "没有改变" in lost.output
        vault.use_keys([new, old, *rest])
        assert json.loads(runner.invoke(args=["seal-anew", "--json"]).output)["accounts"] == 1
        vault.use_keys([new])
        session.refresh(account)
        assert vault.unseal(account.totp_secret) == "JBSWY3DPEHPK3PXP"
    finally:
        vault.use_keys(app.config["DATA_KEYS"])
