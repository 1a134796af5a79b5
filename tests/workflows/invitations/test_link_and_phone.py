"""The link of an invitation and the code that proves the phone."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Notification
from app.transaction import transaction
from app.workflows.access import codes
from app.workflows.core import outbox
from app.workflows.people import joining
from tests.factories import World
from tests.workflows.invitations.ground import AT, PHONE, invite


@pytest.mark.feature("PER-02")
def test_a_code_proves_the_phone(session: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda _session, _notice: None)
    made = invite(session, world.actor("maintenance_head"))
    row = made.invitation
    with transaction(session):
        joining.ask_code(session, row, "13900000000", AT, None)
    assert session.scalar(select(Notification).where(Notification.channel == "sms")) is None
    with transaction(session):
        joining.ask_code(session, row, PHONE, AT, None)
    notice = session.scalars(select(Notification).where(Notification.channel == "sms")).one()
    assert notice.recipient_id is None and notice.address == PHONE and notice.is_secret
    code = re.search(r"\d{6}", notice.body or "")[0]
    with transaction(session):
        refused = [joining.prove(session, row, *given, AT) for given in ((PHONE, "000000"), ("13900000000", code))]
    assert all(refused) and row.phone_checked_at is None
    with transaction(session):
        assert joining.prove(session, row, PHONE, code, AT) is None
        # Good once.
        assert joining.prove(session, row, PHONE, code, AT) is not None
    assert row.phone_checked_at == AT


@pytest.mark.feature("PER-02")
def test_a_code_of_one_invitation_opens_no_other(
    session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda _session, _notice: None)
    first = invite(session, world.actor("maintenance_head")).invitation
    other = invite(session, world.actor("other_head")).invitation
    with transaction(session):
        codes.send(session, None, "join", PHONE, AT, None, f"invitation:{first.id}")
    code = re.search(r"\d{6}", session.scalars(select(Notification.body).where(Notification.channel == "sms")).one())[0]
    with transaction(session):
        assert joining.prove(session, other, PHONE, code, AT) is not None


@pytest.mark.feature("PER-02")
def test_guessing_is_stopped(session: Any, world: World) -> None:
    with transaction(session):
        told = [joining.may_try(session, "link", None, AT) for _n in range(11)]
    assert [t is None for t in told] == [True] * 10 + [False]
    with transaction(session):
        assert joining.may_try(session, "link", None, AT + dt.timedelta(minutes=31)) is None
        many = [joining.may_try(session, f"other{n}", "203.0.113.9", AT) for n in range(61)]
        house = [joining.may_try(session, f"more{n}", f"2001:db8:1:2::{n}", AT) for n in range(61)]
    assert many[59] is None and many[60] is not None
    assert house[59] is None and house[60] is not None, "whatever address of its network it comes from"
