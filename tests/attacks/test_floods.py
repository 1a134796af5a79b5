"""Attacks that fill: messages, a desk, the disk, a table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.errors import Refusal
from app.models import Account, Captcha, Invitation, Notification, OneTimeCode, Rescue, RescueStep
from app.permissions import Role
from app.rules.rescues import MOST_MORE_OF_ADDRESS, MOST_MORE_OF_CASE
from app.transaction import transaction
from app.workflows.access import captchas, codes, signin
from app.workflows.files import file_room
from app.workflows.people import invitations
from tests.api.callers import Caller
from tests.attacks.ground import at_once, counted
from tests.factories import World, make_account
from tests.workflows.invitations.ground import AT, PHONE

pytestmark = pytest.mark.usefixtures("uncounted")


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


@pytest.mark.feature("UNT-04", "INT-04")
def test_papers_that_belong_to_nothing_do_not_fill_the_disk(
    app: Any, session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_room, "MOST_LOOSE_A_DAY", 3)
    caller = Caller(app, world, "clerk")
    assert [caller.send_file().status_code for _n in range(4)] == [201, 201, 201, 422]
    # Another account of the unit has room of its own.
    assert Caller(app, world, "maintenance_head").send_file().status_code == 201


def shut_in(client: Any, world: World, phone: str, address: str) -> Any:
    return client.post(
        f"/m/p/{world.own.public_token}/trapped", data={"phone": phone, "scene": f"in {phone}"},
        environ_overrides={"REMOTE_ADDR": address},
    )  # fmt: skip


@pytest.mark.feature("RES-01")
def test_the_desk_is_not_drowned_in_numbers_added_to_one_case(client: Any, session: Any, world: World) -> None:
    """Joining an open case is never refused, so one number after the other made a row, a step and a notice each."""
    make_account(session, Role.RESCUE_AGENT, region_code="980400000000")
    session.commit()
    for number in range(MOST_MORE_OF_ADDRESS + 8):
        assert shut_in(client, world, f"1390000{number:04d}", "203.0.113.9").status_code == 302
    joined = Rescue.joined_to_id.is_not(None)
    assert counted(session, Rescue, joined) == MOST_MORE_OF_ADDRESS
    assert counted(session, RescueStep, RescueStep.verb == "joined") == MOST_MORE_OF_ADDRESS
    assert counted(session, Notification, Notification.topic == "rescue.again") <= MOST_MORE_OF_ADDRESS
    case = session.scalar(select(Rescue).where(Rescue.joined_to_id.is_(None)).execution_options(skip_scope=True))
    assert case.reports == MOST_MORE_OF_ADDRESS + 8 and case.phone == "13900000000"
    for number in range(MOST_MORE_OF_CASE):
        shut_in(client, world, f"1380000{number:04d}", f"198.51.100.{number + 1}")
    assert counted(session, Rescue, joined) == MOST_MORE_OF_CASE


@pytest.mark.feature("ACC-04")
def test_who_opens_a_page_again_and_again_fills_no_table(session: Any, world: World) -> None:
    """Each look at 找回密码 writes a question; what nobody answered stayed until the night."""
    at = clock.now()
    with transaction(session):
        for _n in range(12):
            captchas.ask(session, at)
    later = at + dt.timedelta(minutes=captchas.MINUTES)
    with transaction(session):
        for _n in range(3):
            captchas.ask(session, later)
    assert session.scalar(select(func.count()).select_from(Captcha)) == 3
