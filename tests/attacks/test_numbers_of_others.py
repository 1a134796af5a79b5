"""Attacks on numbers: who asks about somebody else's, or acts by one that is not his."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import Invitation, Notification, NumberAsk, Person, RealNameCheck
from app.transaction import transaction
from app.workflows.access import asking, signin
from app.workflows.people import invitations, person_versions, real_names, taking_on
from tests.conftest import csrf
from tests.factories import World, make_person
from tests.workflows.invitations.ground import AT, PHONE, handed_in
from tests.workflows.test_one_unit import resident_id


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
