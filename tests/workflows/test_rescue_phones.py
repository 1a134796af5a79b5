"""RES-03: whose telephone a call for rescue rings, and what the desk hears where none does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import Account, AuditEntry, NoticeChoice, Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import sub_accounts
from app.workflows.core import outbox
from app.workflows.rescue import rescue_answers, rescue_desk
from tests.factories import World, make_account, make_policy
from tests.views.rescue.ground import M, post, report

pytestmark = pytest.mark.feature("RES-03")
MAIN, HEAD, DUTY = "13900000901", "13900000902", "13900000903"


@pytest.fixture
def world(world: World) -> World:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(world.session, "rescue_desk_minutes", 2)
    world.session.commit()
    return world


@pytest.fixture
def sms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda session, notice: None)


def call(world: World) -> int:
    key = report(world)
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    return key


def rung(world: World) -> list[tuple[int | None, str | None]]:
    sent = select(Notification).where(Notification.channel == "sms").order_by(Notification.id)
    return [(n.recipient_id, n.address) for n in world.session.scalars(sent)]


def desk_told(world: World) -> str:
    told = select(Notification).where(
        Notification.topic == "rescue.desk", Notification.recipient_id == world.accounts["agent"].id,
        Notification.title.like("请打电话通知%"),
    )  # fmt: skip
    return "；".join(f"{n.title} {n.body}" for n in world.session.scalars(told))


def give(world: World, name: str, **fields: Any) -> Account:
    account = world.accounts[name]
    for field, value in fields.items():
        setattr(account, field, value)
    world.session.commit()
    return account


def numbers(world: World, main: str | None, head: str | None, duty: str | None) -> None:
    give(world, "maintenance_head", phone=main)
    world.firm.head_phone, world.firm.duty_phone = head, duty
    world.session.commit()


@pytest.mark.usefixtures("sms")
@pytest.mark.parametrize(
    ("have", "rings"),
    [
        ((MAIN, HEAD, DUTY), MAIN), ((None, HEAD, DUTY), HEAD), ((None, None, DUTY), DUTY),
        ((None, None, "+86 139-0000-0903"), DUTY), ((None, None, "0398-5550011"), None), ((None, None, None), None),
    ],
)  # fmt: skip
def test_a_unit_that_named_nobody_is_reached_by_its_first_number_that_is_a_mobile(
    world: World, have: tuple[str | None, str | None, str | None], rings: str | None
) -> None:
    numbers(world, *have)
    call(world)
    who = world.accounts["maintenance_head"].id if rings == MAIN else None
    assert rung(world) == ([] if rings is None else [(who, rings)])
    if rings is None:
        assert "没有可以收到派单短信的手机" in desk_told(world) and (have[2] or "未登记") in desk_told(world)
        assert world.firm.name in desk_told(world)
    else:
        assert desk_told(world) == ""


@pytest.mark.usefixtures("sms")
def test_a_main_account_that_is_ended_rings_no_more(world: World) -> None:
    numbers(world, MAIN, HEAD, None)
    give(world, "maintenance_head", active=False)
    call(world)
    assert rung(world) == [(None, HEAD)]


@pytest.mark.usefixtures("sms")
def test_who_is_named_is_called_and_nobody_instead(world: World) -> None:
    numbers(world, MAIN, HEAD, None)
    worker = give(world, "worker", rescue_role="rescuer", phone="13900000904")
    give(world, "clerk", rescue_role="duty", phone=None)
    key = call(world)
    assert rung(world) == [(worker.id, "13900000904")] and desk_told(world) == ""
    clerk = give(world, "clerk", rescue_role=None, phone="13900000905")
    with transaction(world.session) as session:
        rescue_answers.pass_on(session, world.actor("maintenance_head"), key, clerk.id, "", clock.now() + M)
    assert rung(world)[1:] == [(clerk.id, "13900000905")], "called by name is called, whatever his 应急角色"


@pytest.mark.usefixtures("sms")
def test_nobody_is_rung_twice_who_chose_sms_himself(world: World) -> None:
    numbers(world, MAIN, None, None)
    head = world.accounts["maintenance_head"]
    world.session.add(NoticeChoice(account_id=head.id, channels={"rescue": ["sms"]}, updated_at=clock.now()))
    world.session.commit()
    call(world)
    assert rung(world) == [(head.id, MAIN)]


@pytest.mark.usefixtures("sms")
def test_a_unit_without_accounts_is_reached_by_its_head_and_the_desk_is_told(world: World) -> None:
    numbers(world, None, HEAD, "0398-5550011")
    for account in world.session.scalars(select(Account).where(Account.unit_id == world.firm.id)):
        account.active = False
    world.session.commit()
    call(world)
    assert rung(world) == [(None, HEAD)]
    assert "没有可以接单的账号" in desk_told(world) and "0398-5550011" in desk_told(world)


def test_without_sms_here_the_desk_hears_nothing_of_it(world: World) -> None:
    numbers(world, None, None, None)
    call(world)
    assert rung(world) == [] and desk_told(world) == ""


@pytest.mark.feature("ACC-08")
def test_the_main_account_names_itself(world: World) -> None:
    head = world.accounts["maintenance_head"]
    for value in ("lead", "lead", ""):
        with transaction(world.session) as session:
            sub_accounts.set_own_rescue_role(session, world.actor("maintenance_head"), value, clock.now())
        world.session.refresh(head)
        assert head.rescue_role == (value or None)
    logged = select(AuditEntry.after).where(AuditEntry.action == "account.edit", AuditEntry.entity_id == head.id)
    assert list(world.session.scalars(logged)) == [{"rescue_role": "lead"}, {"rescue_role": None}]
    with pytest.raises(Refusal, match="应急角色"), transaction(world.session) as session:
        sub_accounts.set_own_rescue_role(session, world.actor("maintenance_head"), "king", clock.now())
    for who in ("clerk", "worker", "region_admin"):
        with pytest.raises(NotAllowed), transaction(world.session) as session:
            sub_accounts.set_own_rescue_role(session, world.actor(who), "lead", clock.now())


@pytest.mark.feature("ACC-08")
def test_the_page_names_who_is_rung(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert "现在没有指定任何人" in client.get("/sub-accounts/").text
    page = post(client, "/sub-accounts/rescue-role", rescue_role="duty").text
    assert "现在没有指定任何人" not in page and "没有绑定手机" in page
    assert "主账号的应急角色" not in sign_in(world.accounts["use_head"]).get("/sub-accounts/").text
