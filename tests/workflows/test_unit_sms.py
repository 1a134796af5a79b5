"""NTF-01, CMP-03: what goes by SMS to a unit's head who chose nothing, where the region's policy says so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import NoticeChoice, Notification
from app.transaction import transaction
from app.workflows.core import notices, outbox
from app.workflows.public import complaints
from tests.conftest import csrf
from tests.factories import World, make_policy
from tests.workflows.test_complaints import FORM

pytestmark = pytest.mark.feature("NTF-01", "CMP-03")
PHONE, HEAD = "13900000801", "13900000802"
NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def sms(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda session, notice: None)
    world.accounts["maintenance_head"].phone, world.firm.head_phone = PHONE, HEAD
    world.session.commit()


def policy(world: World, value: str) -> None:
    make_policy(world.session, "unit_sms", value)
    world.session.commit()


def notify(world: World, topic: str, *names: str, at: dt.datetime = NOON) -> None:
    with transaction(world.session) as session:
        who = [world.accounts[n].id for n in names]
        outbox.notify(session, at, who, topic, "电梯被投诉", "请接单", "/complaints/1")


def sent(world: World) -> list[tuple[int | None, str | None]]:
    world.session.rollback()
    rows = world.session.scalars(select(Notification).where(Notification.channel == "sms").order_by(Notification.id))
    return [(row.recipient_id, row.address) for row in rows]


@pytest.mark.parametrize(
    ("value", "topic", "goes"),
    [
        ("none", "complaint.accept", False), ("complaint", "complaint.accept", True),
        ("complaint", "repair.new", False),
        ("complaint_repair", "repair.new", True), ("complaint_repair", "job.done", False),
    ],
)  # fmt: skip
def test_the_policy_says_which_groups_go(world: World, value: str, topic: str, goes: bool) -> None:
    policy(world, value)
    notify(world, topic, "maintenance_head", "clerk", "worker", "inspector")
    head = world.accounts["maintenance_head"].id
    assert sent(world) == ([(head, PHONE)] if goes else []), "to the head alone"


def test_without_sms_here_nothing_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(world, "complaint")
    monkeypatch.delitem(outbox.SENDERS, "sms")
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == []


def test_huzhou_has_complaints_go(world: World) -> None:
    make_policy(world.session, "preset", "huzhou")
    world.session.commit()
    with transaction(world.session) as session:
        complaints.complain(session, world.own, FORM, ("shaking",), (), clock.now(), "203.0.113.9")
    assert (world.accounts["maintenance_head"].id, PHONE) in sent(world)


def test_an_account_without_a_phone_is_reached_by_the_heads(world: World) -> None:
    policy(world, "complaint")
    world.accounts["maintenance_head"].phone = None
    world.session.commit()
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == [(world.accounts["maintenance_head"].id, HEAD)]
    world.firm.head_phone = None
    world.session.commit()
    notify(world, "complaint.accept", "maintenance_head")
    assert len(sent(world)) == 1


def test_who_chose_for_himself_is_left_to_his_choice(world: World) -> None:
    policy(world, "complaint")
    head = world.accounts["maintenance_head"]
    with transaction(world.session) as session:
        notices.choose(session, world.actor("maintenance_head"), {}, (None, None), NOON)
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == []
    with transaction(world.session) as session:
        notices.choose(session, world.actor("maintenance_head"), {"complaint": ["sms"]}, (None, None), NOON)
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == [(head.id, PHONE)], "once"


def test_a_webhook_is_no_choice_of_a_way_and_quiet_hours_hold(world: World) -> None:
    policy(world, "complaint")
    head = world.accounts["maintenance_head"].id
    hours = {"quiet_from": 11 * 60, "quiet_until": 13 * 60}
    world.session.add(NoticeChoice(account_id=head, channels={}, updated_at=NOON, **hours))
    world.session.commit()
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == [(head, PHONE)]
    row = world.session.scalars(select(Notification).where(Notification.channel == "sms")).one()
    assert row.next_try_at == NOON + dt.timedelta(hours=1)


def test_the_settings_show_it_and_saving_them_is_a_choice(world: World, sign_in: Any) -> None:
    policy(world, "complaint")
    head = sign_in(world.accounts["maintenance_head"])
    page = head.get("/notices/").text
    assert 'name="complaint.sms"' in page
    ticked = page.partition('name="complaint.sms"')[2].partition(">")[0]
    assert "checked" in ticked and "checked" not in page.partition('name="repair.sms"')[2].partition(">")[0]
    assert head.post("/notices/", data={"csrf_token": csrf(head)}).status_code == 302
    assert "checked" not in head.get("/notices/").text.partition('name="complaint.sms"')[2].partition(">")[0]
    notify(world, "complaint.accept", "maintenance_head")
    assert sent(world) == []
