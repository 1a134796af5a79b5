"""An attacker's second review: each finding as the attack that it was, on both databases."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import vault
from app.errors import NotAllowed, Refusal
from app.models import Account, Captcha, Invitation, LoginGuard, Notification, OneTimeCode
from app.permissions import BASIC, Role, Verb, require
from app.reports import pdf
from app.transaction import transaction
from app.workflows.access import codes, signin
from app.workflows.approval import delegations, reminders
from app.workflows.core.actors import actor_by_id, actor_of
from app.workflows.files import attachments, file_room
from app.workflows.people import invitations, taking_on
from app.workflows.visits import visits
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_account, make_policy
from tests.workflows.clock_world import add_visit
from tests.workflows.invitations.ground import AT, PHONE, handed_in

WRONG = "Wrong.pass-0001"


@pytest.fixture
def world(world: World, app: Any) -> World:
    attachments.use_folder(app.config["UPLOAD_DIR"])
    return world


def api_login(app: Any, name: str, password: str = WRONG, **more: Any) -> Any:
    return app.test_client().post("/api/v1/security/login", json={"username": name, "password": password, **more})


def at_once(app: Any, database: Any, deed: Callable[[Session], Any], times: int = 20) -> list[Any]:
    """The deed so often at the same moment, each in its own transaction: what came of it, or the refusal."""

    def run(_n: int) -> Any:
        with Session(database.engine) as own:
            try:
                with transaction(own):
                    return deed(own)
            except Refusal as refusal:
                return refusal

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


# --- keeping somebody out


@pytest.mark.feature("ACC-04")
def test_a_known_name_is_not_kept_locked_through_the_interface(app: Any, session: Any, world: World) -> None:
    """The login name of a main account is public: whoever calls for ever must not keep its owner out of the page."""
    head = world.accounts["maintenance_head"]
    told: dict[str, list[str]] = {}
    for name in (head.username, "nobody.here"):
        told[name] = [api_login(app, name).json["message"] for _n in range(8)]
    assert told[head.username] == told["nobody.here"], "which names there are is told by no answer"
    assert "图形验证码" in told[head.username][2] == told[head.username][7]
    # Not even the right password comes in by a door without a question, nor does it tell that it is right.
    assert api_login(app, head.username, PASSWORD).json["message"] == told[head.username][2]
    session.rollback()
    guards = session.scalars(select(LoginGuard)).all()
    # Each name's place, and all its places together.
    assert [(row.tries, row.locked_until) for row in guards] == [(signin.CAPTCHA_AFTER, None)] * 4
    # The page asks its question and lets him in; then the interface does so too.
    browser = app.test_client()
    token = csrf(browser)
    page = browser.post("/login/?words=1", data={"username": head.username, "words": "1", "csrf_token": token}).text
    key = re.search(r'name="captcha_key"[^>]*value="(\w+)"', page)
    assert key, page
    with transaction(session):
        answer = vault.unseal(session.get(Captcha, key[1]).answer)
    data = {
        "username": head.username, "password": PASSWORD, "csrf_token": token, "captcha_key": key[1],
        "captcha": answer,
    }  # fmt: skip
    assert browser.post("/login/", data=data).status_code == 302
    assert api_login(app, head.username, PASSWORD).status_code == 200


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize(("tries", "counted"), [(2, 1), (3, 2), (10, 2)])
def test_a_lock_of_few_tries_asks_its_question_in_time(
    app: Any, session: Any, world: World, tries: int, counted: int
) -> None:
    make_policy(session, "lock_tries", tries, region_code="980000000000")
    session.commit()
    for _n in range(6):
        api_login(app, world.accounts["clerk"].username)
    session.rollback()
    rows = session.scalars(select(LoginGuard)).all()
    assert signin.lock_policy(session, signin.clock.now())[0] == tries
    assert [(row.tries, row.locked_until) for row in rows] == [(counted, None)] * 2


@pytest.mark.feature("ACC-04")
def test_many_calls_at_once_lock_nobody_either(app: Any, session: Any, world: World, database: Any) -> None:
    name = world.accounts["clerk"].username
    session.commit()
    at_once(app, database, lambda own: signin.begin(own, name, AT, asked=False))
    session.rollback()
    assert [row.tries for row in session.scalars(select(LoginGuard))] == [signin.CAPTCHA_AFTER] * 2


@pytest.mark.feature("ACC-07")
def test_who_has_the_password_can_not_guess_codes_without_end(app: Any, session: Any, world: World) -> None:
    """The password was right each time, and each time forgave the wrong codes before it."""
    clerk = session.get(Account, world.accounts["clerk"].id)
    clerk.totp_secret, clerk.totp_step = vault.seal(pyotp.random_base32()), 0
    session.commit()
    told = [api_login(app, clerk.username, PASSWORD, code="abcdef").json["message"] for _n in range(8)]
    assert "动态口令" in told[0] and "锁定至" in told[7], told
    browser = app.test_client()
    for _n in range(5):
        browser.post("/login/", data={"username": clerk.username, "password": PASSWORD, "csrf_token": csrf(browser)})
    session.rollback()
    assert session.get(LoginGuard, f"account:{clerk.id}!").locked_until is not None, "the password forgives no code"


# --- floods


@pytest.mark.feature("ACC-04", "NTF-01")
@pytest.mark.parametrize("by", ["number", "account", "address"])
def test_codes_asked_for_at_once_are_one_code(
    app: Any, session: Any, world: World, database: Any, sms: None, by: str
) -> None:
    key = world.accounts["clerk"].id
    session.commit()
    numbers = iter(range(10, 99))

    def ask(own: Session) -> str:
        account = own.get(Account, key) if by == "account" else None
        phone = PHONE if by == "number" else f"139111133{next(numbers)}"
        return codes.send(own, account, "join", phone, AT, "203.0.113.9" if by == "address" else None, "x:1")

    at_once(app, database, ask, 40)
    session.rollback()
    assert session.scalar(select(func.count(OneTimeCode.id))) == (30 if by == "address" else 1)


@pytest.mark.feature("PER-01", "NTF-01")
def test_a_unit_sends_no_flood_of_invitations(
    app: Any, session: Any, world: World, sms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_BY_SENDER_A_DAY", 3)
    head = world.actor("maintenance_head")

    now = signin.clock.now()

    def invite(number: int, at: dt.datetime = now) -> None:
        with transaction(session):
            invitations.invite(session, head, name="何一帆", phone=f"139111122{number}", kind="worker", at=at)

    for number in (11, 12, 13):
        invite(number)
    with transaction(session):
        # Taken back they were sent all the same.
        invitations.cancel(session, head, session.scalars(select(Invitation.id)).first(), now)
    with pytest.raises(Refusal, match="一天最多 3 件"):
        invite(14)
    invite(14, now + dt.timedelta(days=1, minutes=1))


# --- more rights than the giver has


@pytest.mark.feature("ACC-09", "PER-02")
def test_a_manager_takes_on_nobody_with_rights_that_were_not_ticked_for_him(
    app: Any, session: Any, world: World
) -> None:
    manager = make_account(
        session, Role.MAINTENANCE_MANAGER, unit=world.firm, parent_user_id=world.accounts["maintenance_head"].id,
        ticked=f" {' '.join([Verb.PERSON_READ, Verb.PERSON_EDIT, Verb.INVITATION_APPROVE])} ",
    )  # fmt: skip
    session.commit()
    me = actor_of(manager)
    assert not me.may(Verb.ORDER_READ)
    row = handed_in(session, me, with_account=True)
    with transaction(session):
        person = taking_on.end(session, me, row.id, row.row_version, True, AT)
    key = session.scalars(select(Account.id).where(Account.person_id == person.id)).one()
    made = actor_by_id(session, key, "web")
    with pytest.raises(NotAllowed):
        require(made, Verb.ORDER_READ)
    # What a worker is for he has, from whomever: no manager does maintenance himself.
    assert made.may(Verb.VISIT_MAKE)
    with transaction(session):
        session.get(Account, manager.id).ticked = None
    assert actor_by_id(session, key, "web").may(Verb.ORDER_READ), "it holds from the next request"
    with transaction(session):
        session.get(Account, manager.id).active = False
    assert actor_by_id(session, key, "web").may(Verb.ORDER_READ), "the manager left, his worker works on"
    with transaction(session):
        session.get(Account, world.accounts["maintenance_head"].id).active = False
    assert actor_by_id(session, key, "web").verbs == BASIC


# --- somebody else's number


@pytest.mark.feature("PER-02")
def test_who_asks_by_a_qr_picture_proves_the_number_that_he_typed(
    app: Any, session: Any, world: World, sign_in: Any, sms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else his account is bound to another's phone, who can then neither bind nor recover by it."""
    monkeypatch.setattr("app.views.access.captcha.answered", lambda: None)
    head = world.actor("maintenance_head")
    with transaction(session):
        _poster, token = invitations.make_poster(
            session, head, unit_id=None, kind="worker", with_account=True, hours=24, most=3, at=signin.clock.now()
        )
    thief, page = app.test_client(), f"/m/join-by/{token}"
    data = {"name": "何一帆", "phone": PHONE, "csrf_token": csrf(thief, page)}
    assert thief.post(page, data=data).status_code == 302
    session.rollback()
    with transaction(session):
        invitations.approve(session, head, session.scalars(select(Invitation.id)).one(), signin.clock.now())
    sent = thief.get(page)
    assert sent.status_code == 302 and "/m/join/" in sent.location
    assert thief.get("/m/joining").status_code == 404
    # The owner of the number has the code, and goes on.
    door = sent.location
    thief.post(f"{door}/code", data={"phone": PHONE, "csrf_token": csrf(thief, door)})
    session.rollback()
    body = session.scalars(select(Notification.body).where(Notification.topic == "code.join")).one()
    code = re.search(r"验证码是 (\d{6})", body)
    assert code
    guess = {"phone": PHONE, "code": "000000" if code[1] != "000000" else "1", "csrf_token": csrf(thief, door)}
    assert thief.post(f"{door}/prove", data=guess).status_code == 422
    proof = guess | {"code": code[1], "csrf_token": csrf(thief, door)}
    assert thief.post(f"{door}/prove", data=proof).location == "/m/joining"
    assert thief.get(page).location == "/m/joining"


@pytest.mark.feature("PER-01", "NTF-01")
def test_no_request_says_where_the_links_of_the_platforms_own_messages_lead(
    app: Any, session: Any, world: World, sign_in: Any, sms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inviter names his own host in his request, and the platform's SMS leads its reader there."""
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://tian.example/")
    head = sign_in(world.accounts["maintenance_head"])
    data = {
        "unit_id": str(world.firm.id), "name": "何一帆", "phone": PHONE, "kind": "worker",
        "csrf_token": csrf(head),
    }  # fmt: skip
    page = head.post("/invitations/new", data=data, headers={"X-Forwarded-Host": "evil.example"})
    assert page.status_code == 200 and "https://tian.example/m/join/" in page.text
    session.rollback()
    body = session.scalars(select(Notification.body).where(Notification.topic == "invitation")).one()
    assert "https://tian.example/m/join/" in body and "localhost" not in body


# --- the disk


@pytest.mark.feature("UNT-04", "INT-04")
def test_papers_that_belong_to_nothing_do_not_fill_the_disk(
    app: Any, session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_room, "MOST_LOOSE_A_DAY", 3)
    caller = Caller(app, world, "clerk")
    assert [caller.send_file().status_code for _n in range(4)] == [201, 201, 201, 422]
    # Another account of the unit has room of its own.
    assert Caller(app, world, "maintenance_head").send_file().status_code == 201


# --- pages that anybody opens


NASTY = [
    {"phone": "１３９１１１１２２２２"}, {"phone": "\u202e13911112222"}, {"phone": "9" * 5000},
    {"phone": "' OR 1=1 --"}, {"code": "0" * 5000}, {"phone": PHONE, "code": "<script>"},
]  # fmt: skip


@pytest.mark.feature("PER-02")
@pytest.mark.parametrize("sent", NASTY)
def test_an_open_link_answers_nonsense_with_a_refusal(app: Any, session: Any, world: World, sent: Any) -> None:
    with transaction(session):
        link = invitations.invite(
            session, world.actor("maintenance_head"), name="<script>alert(1)</script>", phone=PHONE, kind="worker",
            at=signin.clock.now(),
        ).token  # fmt: skip
    nobody = app.test_client()
    for deed in ("code", "prove"):
        answer = nobody.post(f"/m/join/{link}/{deed}", data={**sent, "csrf_token": csrf(nobody, f"/m/join/{link}")})
        assert answer.status_code in (200, 302, 422)
    # One who proved his number sends what no form sends.
    nobody.post(f"/m/join/{link}/prove", data={"phone": PHONE, "csrf_token": csrf(nobody, f"/m/join/{link}")})
    page = nobody.get("/m/joining")
    assert page.status_code == 200 and "<script>alert(1)" not in page.text
    nobody.post("/m/joining/accept", data={"csrf_token": csrf(nobody, "/m/joining")})
    files = (("../../etc/passwd.png", b"\x89PNG"), ("=cmd|' /C calc'!A0.png", b""), ("a\r\nX: y.png", b"GIF"))
    for name, data in files:
        nonsense = {
            "name": "=1+1", "resident_id": "<svg/onload=1>", "sex": "x", "certificate_until": "9999-99-99",
            "certificate_no": "x" * 5000, "identity": (io.BytesIO(data), name), "face": (io.BytesIO(data), name),
            "csrf_token": csrf(nobody, "/m/joining"),
        }  # fmt: skip
        answer = nobody.post("/m/joining/data", data=nonsense, content_type="multipart/form-data")
        assert answer.status_code == 422 and "<svg/onload" not in answer.text


@pytest.mark.feature("LIF-07")
@pytest.mark.parametrize("text", ['<img src="file:///etc/passwd">', '<link rel=attachment href="file:///etc/passwd">'])
def test_what_is_printed_fetches_nothing(text: str) -> None:
    """Even where a template once forgot to escape: a printed page reads no file and calls no host."""
    made = pdf.render(f'<html lang="zh"><body>申请编号{text}<p style="background:url(http://127.0.0.1:9/x)">单位</p></body>')
    assert b"root:" not in made.content and b"EmbeddedFile" not in made.content


# --- 涉密


@pytest.mark.feature("LIF-07", "ELV-01")
def test_no_reminder_names_a_secret_elevator_to_who_may_not_know_of_it(app: Any, session: Any, world: World) -> None:
    """The round that reminds told the whole office, and whoever stood in for its officer."""
    admin, inspector = world.accounts["region_admin"], world.accounts["inspector"]
    row = SimpleNamespace(
        officer_id=None, state="submitted", submitted_by_id=None, endorsed_by_id=None, region_code="980402000000",
        elevator_id=world.own.id,
    )  # fmt: skip
    today = signin.clock.today()
    assert set(reminders.recipients(session, row, today)) == {admin.id, inspector.id}
    with transaction(session):
        delegations.name(session, actor_of(admin), inspector.id, today, today, "", signin.clock.now())
        world.own.is_secret = True
        session.flush()
    assert reminders.recipients(session, row, today) == [admin.id]
    row.officer_id = admin.id
    assert reminders.recipients(session, row, today) == [admin.id]
    with transaction(session):
        world.own.is_secret = False
    assert set(reminders.recipients(session, row, today)) == {admin.id, inspector.id}


@pytest.mark.feature("MNT-09", "ELV-01")
@pytest.mark.parametrize("secret", [True, False])
def test_no_objection_names_a_secret_elevator_to_who_may_not_know_of_it(
    app: Any, session: Any, world: World, secret: bool
) -> None:
    visit = add_visit(session, world.own, world.worker, AT.date())
    world.own.is_secret = secret
    session.commit()
    with transaction(session):
        visits.object_to(session, world.actor("use_head"), visit.id, "当日没有人来", AT)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "visit.objection")))
    assert world.accounts["region_admin"].id in told
    assert (world.accounts["inspector"].id in told) is not secret


# --- the log


@pytest.mark.feature("PER-01")
def test_no_log_has_the_token_of_a_link(app: Any, world: World, caplog: pytest.LogCaptureFixture) -> None:
    token = "Ab9_-" * 8 + "xyz"
    caplog.set_level("INFO", "app.requests")
    app.test_client().get(f"/m/join/{token}")
    said = [str(record.msg) for record in caplog.records if record.name == "app.requests"]
    assert any("/m/join/Ab9_-A…" in line for line in said) and not any(token[:12] in line for line in said)
