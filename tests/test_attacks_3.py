"""An attacker's third review: each finding as the attack that it was, on both databases."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from flask_babel import force_locale
from sqlalchemy import select

from app import clock, vault
from app.errors import Refusal
from app.extensions import db
from app.models import Account, Attachment, AuditEntry, NumberAsk, Person, RealNameCheck
from app.transaction import transaction
from app.views.access.proving import confirm_second_factor
from app.views.frame import cells
from app.views.frame.filing_words import Due
from app.wording import say
from app.workflows.access import asking, codes
from app.workflows.core import outbox
from app.workflows.files import attachments
from app.workflows.people import person_versions, real_names, taking_on
from tests.api.callers import Caller
from tests.api.test_filing_api import token
from tests.factories import PASSWORD, World, make_person, picture
from tests.workflows.invitations.ground import AT, handed_in
from tests.workflows.test_one_unit import resident_id


@pytest.fixture
def world(world: World, app: Any) -> Iterator[World]:
    attachments.use_folder(app.config["UPLOAD_DIR"])
    yield world


@pytest.fixture
def mail(monkeypatch: Any) -> list[str]:
    """The codes that went out by mail."""
    sent: list[str] = []
    monkeypatch.setitem(outbox.SENDERS, "email", lambda _session, _notice: None)
    told = outbox.send_to

    def keep(*given: Any, **more: Any) -> Any:
        sent.append(re.findall(r"\d{6}", str(given[6]))[0])
        return told(*given, **more)

    monkeypatch.setattr(codes.outbox, "send_to", keep)
    return sent


# --- papers


@pytest.mark.feature("UNT-04", "PER-03")
@pytest.mark.parametrize("kind", ["face", "identity"])
def test_a_manager_takes_no_persons_pictures_away_as_papers(
    app: Any, session: Any, world: World, kind: str
) -> None:
    with transaction(session):
        key = attachments.store(
            session, world.actor("worker"), AT, io.BytesIO(picture()), "照片.png", kind, "person", world.worker.id,
            world.firm.id, world.firm.region_code,
        ).id  # fmt: skip
    gone = Caller(app, world, "maintenance_head").call("DELETE", f"/people/{world.worker.id}/files/{key}")
    assert gone.status_code == 404
    held = session.get(Attachment, key)
    assert held is not None and held.removed_at is None


@pytest.mark.feature("INT-04", "PER-07")
def test_what_is_sent_ahead_by_the_interface_is_its_senders_alone(app: Any, session: Any, world: World) -> None:
    worker = Caller(app, world, "worker")
    scan = worker.send_file("/files?kind=grade", "证书.png", picture()).json
    url = scan["url"].removeprefix("/api/v1")
    others = ("maintenance_head", "clerk", "inspector", "region_admin", "platform_admin")
    assert {Caller(app, world, who).get(url).status_code for who in others} == {404}
    assert worker.get(url).status_code == 200
    filed = {"grade": "senior", "certificate_no": "DJ-001", "issued_on": "2026-01-05", "attachments": [scan["id"]]}
    assert worker.post("/me/certificates", filed).status_code == 201
    assert Caller(app, world, "inspector").get(url).status_code == 200, "once it is filed, the officer reads it"


@pytest.mark.feature("UNT-04", "AUD-01")
def test_a_paper_stays_with_its_record_though_another_has_the_same_number(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    with transaction(session):
        key = attachments.store(
            session, head, AT, io.BytesIO(picture()), "出厂.png", "factory", "elevator", 77, world.firm.id,
            world.firm.region_code,
        ).id  # fmt: skip
    with pytest.raises(Refusal, match="不是您为这条记录上传的"), transaction(session):
        attachments.adopt(session, head, [key], "safety_record", 77)


# --- numbers that one asks about


@pytest.mark.feature("PER-04")
def test_who_invites_himself_reads_no_register_out_of_it(session: Any, world: World, monkeypatch: Any) -> None:
    """One invitation, filled in by its sender with number after number, each handed back: no count stood in the way."""
    monkeypatch.setattr(asking, "MOST_BY_ACCOUNT", 2)
    head = world.actor("maintenance_head")
    numbers = [resident_id(f"98040219900308{which:03d}") for which in range(3)]
    for number in numbers:
        make_person(session, world.other_firm, resident_id=number)
    session.commit()
    row = handed_in(session, head)
    said = []
    for number in numbers:
        with transaction(session):
            row.state, row.resident_id = "review", number
        with transaction(session):
            said.append(taking_on.findings(session, head, row, False, AT)[0].found)
    assert ["其他单位在职" in one for one in said] == [True, True, False] and "每天的上限" in said[2]
    assert len(session.scalars(select(NumberAsk)).all()) == 2
    officer = world.actor("region_admin")
    assert "其他单位在职" in taking_on.findings(session, officer, row, False, AT)[0].found


@pytest.mark.feature("PER-04", "ACC-08")
def test_nor_who_has_an_account(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "MOST_BY_ACCOUNT", 0)
    head = world.actor("maintenance_head")
    row = handed_in(session, head, with_account=True)
    with transaction(session):
        found = taking_on.findings(session, head, row, True, AT)
    assert [f.field for f in found if not f.ok] == ["resident_id", "with_account"]
    assert all("每天的上限" in f.found for f in found if not f.ok)


# --- what is kept of pages


@pytest.mark.feature("ELV-02")
def test_a_cell_made_for_one_language_is_not_shown_in_another(app: Any) -> None:
    made = {
        "pill": lambda: cells.pill(say("在用"), "ok"), "mark": lambda: cells.mark(say("在用"), "ok"),
        "two": lambda: cells.two(say("在用"), say("在用")), "cut": lambda: cells.cut(say("在用")),
        "countdown": lambda: cells.countdown(Due(say("剩"), 3, say("天"), "", 10), say("在用")),
        "none": lambda: cells.countdown(None, say("在用")),
    }  # fmt: skip
    with app.test_request_context("/"):
        for name, make in made.items():
            with force_locale("zh_Hans_CN"):
                chinese = str(make())
            with force_locale("en"):
                english = str(make())
            with force_locale("zh_Hans_CN"):
                again = str(make())
            assert "在用" in chinese and "In use" in english and "在用" not in english, name
            assert again == chinese, name


# --- doors beside the page


@pytest.mark.feature("ACC-06", "ACC-07")
def test_an_open_browser_changes_no_mail_by_the_interface_without_the_password(
    app: Any, session: Any, world: World, mail: list[str]
) -> None:
    """The page asks for the password (and the app's code); the interface asks no less, and its code is good where it
    was asked for."""
    found_open, own, key = token(app, world, "worker"), world.accounts["worker"], "/api/v1/me/mail"
    new, browser = {"mail": "stranger@example.com"}, app.test_client()

    def call(method: str, path: str, **sent: str) -> Any:
        session.rollback()
        return browser.open(path, method=method, json=new | sent, headers=found_open)

    for sent in ({}, {"own_password": "Wrong.pass-0001"}):
        refused = call("POST", f"{key}/code", **sent)
        assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "own_password"
    assert not mail
    given = call("POST", f"{key}/code", own_password=PASSWORD)
    assert given.status_code == 200 and given.json["sent_to"] == "s***@example.com" and len(mail) == 1
    assert call("PUT", key, code=mail[0]).status_code == 422, "the code alone, without the call that asked for it"
    assert call("PUT", key, code=mail[0], request=given.json["request"]).status_code == 200
    session.refresh(own)
    assert own.email == "stranger@example.com"


@pytest.mark.feature("ACC-07")
def test_with_an_app_the_interface_asks_for_its_code_too(
    app: Any, session: Any, world: World, mail: list[str]
) -> None:
    secret = pyotp.random_base32()
    headers = token(app, world, "worker")
    with transaction(session):
        world.accounts["worker"].totp_secret = vault.seal(secret)
    sent = {"mail": "own@example.com", "own_password": PASSWORD}
    browser = app.test_client()
    refused = browser.post("/api/v1/me/mail/code", json=sent, headers=headers)
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "own_password_code"
    sent["own_password_code"] = pyotp.TOTP(secret).at(clock.now())
    assert browser.post("/api/v1/me/mail/code", json=sent, headers=headers).status_code == 200


@pytest.mark.feature("ACC-07", "AUD-01")
def test_a_right_code_for_an_account_that_was_locked_meanwhile_is_no_sign_in(
    app: Any, session: Any, world: World
) -> None:
    secret = pyotp.random_base32()
    with transaction(session):
        account = world.accounts["worker"]
        account.totp_secret, account.locked_until = vault.seal(secret), clock.now() + dt.timedelta(days=1)
    key = account.id
    session.rollback()
    with app.test_request_context("/"):
        own = db.session.get(Account, key, execution_options={"skip_scope": True})
        refusal = confirm_second_factor(own, pyotp.TOTP(secret).at(clock.now()), None)
    assert refusal is not None and "停用或锁定" in str(refusal)
    done = set(session.scalars(select(AuditEntry.action).where(AuditEntry.entity_id == key)))
    assert "login.refused" in done and "login.second" not in done


# --- the real-name service


@pytest.fixture
def asked_service() -> Iterator[None]:
    real_names.use(lambda _key, _name, _number: False)
    yield
    real_names.use(None)


@pytest.mark.feature("ACC-06", "PER-10")
def test_nobody_finds_out_a_humans_number_by_asking_until_it_matches(
    session: Any, world: World, monkeypatch: Any, asked_service: None
) -> None:
    """A name that one knows, number after number: each answer of the service says whose it is not, and one whose."""
    monkeypatch.setattr(real_names, "MOST_OF_A_UNIT", 5)
    clerk, said = world.actor("clerk"), []

    def ask(person: Any, which: int, at: dt.datetime = AT) -> str:
        with transaction(session):
            held = session.get(Person, person.id)
            person_versions.put(held, {"resident_id": resident_id(f"98040219900310{which:03d}")})
        try:
            with transaction(session):
                real_names.ask(session, clerk, person.id, at)
        except Refusal as refusal:
            return str(refusal)
        return "asked"

    said = [ask(world.worker, which) for which in range(4)]
    assert said[:3] == ["asked"] * 3 and "一天内已提交 3 次" in said[3]
    others = [make_person(session, world.firm) for _which in range(3)]
    session.commit()
    said = [ask(person, 10 + which) for which, person in enumerate(others)]
    assert said[:2] == ["asked"] * 2 and "一天内已提交 5 次" in said[2]
    assert ask(world.worker, 4, AT + dt.timedelta(days=1, minutes=1)) == "asked"
    assert len(session.scalars(select(RealNameCheck)).all()) == 6
