"""NTF-01: other channels by choice, webhooks that lead nowhere inward, quiet hours, words, retries, the log."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from app import channels, clock, targets, vault
from app.channels.webhook import signature
from app.errors import NotAllowed, Refusal
from app.models import AuditEntry, NoticeChoice, NoticeTemplate, Notification
from app.tasks import outbox as task
from app.transaction import transaction
from app.workflows.core import notices, outbox
from tests.factories import World
from tests.gateways import http_gateway
from tests.statements import statements

pytestmark = pytest.mark.feature("NTF-01")
NOON = dt.datetime(2026, 3, 20, 12, tzinfo=clock.SHANGHAI)
NIGHT = dt.datetime(2026, 3, 20, 23, tzinfo=clock.SHANGHAI)
MORNING = dt.datetime(2026, 3, 21, 7, tzinfo=clock.SHANGHAI)
WIDE = (22 * 60, 7 * 60)


@pytest.fixture(autouse=True)
def offer() -> Iterator[Any]:
    channels.install({"SMS_GATEWAY_URL": "http://127.0.0.1:1", "SMTP_URL": "smtp://127.0.0.1:1", "WEBHOOKS": True,
                      "WEBHOOK_ALLOWED": "127.0.0.1"})  # fmt: skip
    yield
    channels.install({})


def give_phone(world: World) -> None:
    world.accounts["clerk"].phone = "13900000001"
    world.session.commit()


def choose(world: World, quiet: tuple[int | None, int | None] = (None, None), **wanted: Any) -> NoticeChoice:
    with transaction(world.session):
        return notices.choose(world.session, world.actor("clerk"), wanted, quiet, NOON)


def hook(world: World, url: str) -> str:
    with transaction(world.session):
        secret = notices.set_webhook(world.session, world.actor("clerk"), url, NOON)
    assert secret is not None
    return secret


def tell(world: World, topic: str = "approval", at: dt.datetime = NOON, key: str | None = None) -> list[Notification]:
    with transaction(world.session):
        outbox.notify(
            world.session, at, [world.accounts["clerk"].id, world.accounts["worker"].id], topic, "标题 {内容}", "内容",
            "/applications/1", key,
        )  # fmt: skip
    return world.session.query(Notification).filter(Notification.channel != "inbox").order_by(Notification.id).all()


def test_only_what_was_chosen_goes_out_and_the_inbox_always(world: World) -> None:
    give_phone(world)
    choose(world, approval=["sms"], job=["sms"])
    rows = tell(world)
    assert [(r.channel, r.address, r.recipient_id) for r in rows] == [
        ("sms", "13900000001", world.accounts["clerk"].id)
    ]
    assert rows[0].body == "【梯安】标题 {内容}。内容", "a value is not filled again"
    assert tell(world, "decision") == rows
    assert world.session.query(Notification).filter_by(channel="inbox").count() == 4


@pytest.mark.parametrize("topic", ["approval", "complaint"])
def test_what_all_recipients_chose_is_one_statement(world: World, topic: str) -> None:
    everybody = [account.id for account in world.accounts.values()]
    assert len(everybody) > outbox.FEW

    def told(some: list[int]) -> list[str]:
        with transaction(world.session), statements() as seen:
            outbox.notify(world.session, NOON, some, topic, "标题")
        return [one for one in seen if one.startswith("SELECT") and "ab_user.first_name" in one]

    assert len(told(everybody[:2])) == len(told(everybody)) == 1
    assert told([]) == []


def test_a_deed_done_again_sends_nothing_twice(world: World) -> None:
    give_phone(world)
    choose(world, approval=["sms"])
    tell(world, key="k")
    assert len(tell(world, key="k")) == 1


def test_without_an_address_or_a_channel_nothing_is_written(world: World) -> None:
    choose(world, approval=["sms", "email", "webhook"])
    assert tell(world) == []
    give_phone(world)
    channels.install({})
    assert tell(world) == []


def test_mail_goes_to_a_verified_address_only(world: World) -> None:
    choose(world, approval=["email"])
    account = world.accounts["clerk"]
    account.email = "clerk@example.test"
    world.session.commit()
    assert tell(world) == []
    account.email_verified_at = NOON
    world.session.commit()
    assert [(row.channel, row.address) for row in tell(world)] == [("email", "clerk@example.test")]


def test_quiet_hours_wait_and_the_urgent_does_not(world: World) -> None:
    give_phone(world)
    choose(world, WIDE, approval=["sms"], escalation=["sms"])
    quiet, urgent = tell(world, at=NIGHT)[0], tell(world, "escalation", at=NIGHT)[1]
    assert quiet.next_try_at == MORNING and urgent.next_try_at == NIGHT
    with transaction(world.session):
        assert outbox.lease(world.session, NIGHT) == [urgent.id]
    with transaction(world.session):
        assert quiet.id in outbox.lease(world.session, MORNING)


@pytest.mark.parametrize("quiet", [(60, None), (None, 60), (60, 60)])
def test_quiet_hours_have_two_ends(world: World, quiet: Any) -> None:
    with pytest.raises(Refusal, match="免打扰"):
        choose(world, quiet)


def test_a_webhook_is_signed_once_and_tried_again(app: Any, world: World) -> None:
    with http_gateway() as gateway:
        secret = hook(world, gateway.url + "?token=inner")
        choose(world, approval=["webhook"])
        gateway.answers = [500]
        row = tell(world)[0]
        assert "inner" not in (row.address or ""), "the log shows no token"
        key = row.id
        with app.app_context(), clock.frozen(NOON):
            assert task.deliver()["sent"] == 0
        with app.app_context(), clock.frozen(NOON + dt.timedelta(minutes=2)):
            assert task.deliver()["sent"] == 1
            assert task.deliver()["sent"] == 0
    (headers, body), again = gateway.taken
    assert again[0]["idempotency-key"] == headers["idempotency-key"] == f"tian-{key}"
    assert headers["x-signature"] == signature(secret, headers["x-timestamp"], body)
    told = gateway.json()
    assert (told["group"], told["title"], told["link"]) == ("approval", "标题 {内容}", "/applications/1")
    assert gateway.paths[0] == "/send?token=inner"
    kept = world.session.query(NoticeChoice).one()
    assert secret not in (kept.webhook_secret or "") and vault.unseal(kept.webhook_secret or "") == secret


def test_no_redirect_is_followed(app: Any, world: World) -> None:
    with http_gateway() as gateway:
        hook(world, gateway.url)
        choose(world, approval=["webhook"])
        gateway.answers = [302]
        key = tell(world)[0].id
        with app.app_context(), clock.frozen(NOON):
            assert task.deliver()["sent"] == 0
        assert gateway.paths == ["/send"]
    world.session.rollback()
    assert "HTTP 302" in world.session.get(Notification, key).error


def answers(*addresses: str) -> Any:
    return lambda host, port, **_: [
        (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses
    ]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "::127.0.0.1", "::ffff:0:10.0.0.1", "fec0::1",
        "2002:7f00:1::", "2001:0:7f00:1::", "ff02::1", "198.18.0.1", "192.0.2.1",
    ],
)  # fmt: skip
def test_inner_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    targets.allow("")
    monkeypatch.setattr(socket, "getaddrinfo", answers(address))
    with pytest.raises(Refusal, match="内部或保留"):
        targets.target("https://hooks.example.test/x")
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.215.14", address))
    with pytest.raises(Refusal, match="内部或保留"):
        targets.target("https://hooks.example.test/x")


def test_a_public_one_is_pinned_to_the_address_that_was_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    targets.allow("")
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.215.14"))
    found = targets.target("https://Hooks.Example.test:8443/a/b?c=1")
    assert found == targets.Target("https", "hooks.example.test", 8443, "/a/b?c=1", "93.184.215.14")


def test_a_name_that_turns_inward_after_it_was_set_is_not_called(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets.allow("")
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.215.14"))
    hook(world, "https://hooks.example.test/x")
    choose(world, approval=["webhook"])
    key = tell(world)[0].id
    monkeypatch.setattr(socket, "getaddrinfo", answers("127.0.0.1"))
    with app.app_context(), clock.frozen(NOON):
        assert task.deliver()["sent"] == 0
    world.session.rollback()
    assert "内部或保留" in world.session.get(Notification, key).error


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.test/", "http://example.test/", "javascript:alert(1)", "//example.test", "https://",
        "https://user:pw@example.test/", "https://example.test/a b", "https://example.test/#x",
        "https://example.test:99999/", "file:///etc/passwd", "https://[::1", "https://a\r\nHost: b/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    targets.allow("")
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.215.14"))
    with pytest.raises(Refusal) as refused:
        targets.target(url)
    assert refused.value.findings[0].field == "webhook" and refused.value.findings[0].remedy


@pytest.mark.parametrize("entry", ["10.20.0.0/16", "hooks.example.test", "hooks.example.test:443"])
def test_the_operator_may_allow_an_inner_one(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("10.20.1.1"))
    targets.allow(f"nonsense/x, {entry}")
    assert targets.target("https://hooks.example.test/").address == "10.20.1.1"
    targets.allow("")


def test_words_are_the_administrators_and_checked(world: World) -> None:
    give_phone(world)
    choose(world, approval=["sms"])
    session, admin = world.session, world.actor("platform_admin")
    with pytest.raises(NotAllowed), transaction(session):
        notices.set_words(session, world.actor("region_admin"), "sms", "approval", "{标题}", "{内容}", NOON)
    with pytest.raises(Refusal, match="不是占位符"), transaction(session):
        notices.set_words(session, admin, "sms", "approval", "{标题}", "{密码}", NOON)
    with transaction(session):
        notices.set_words(session, admin, "sms", "approval", "{标题}", "请尽快审批：{标题}，{收件人}", NOON)
    name = world.accounts["clerk"].first_name
    assert tell(world)[-1].body == f"请尽快审批：标题 {{内容}}，{name}"
    with transaction(session):
        notices.set_words(session, admin, "sms", "approval", "", "", NOON)
    assert session.query(NoticeTemplate).count() == 0
    assert session.query(AuditEntry).filter_by(action="notice.template").count() == 2


def test_taking_a_webhook_away_stops_what_waits(app: Any, world: World) -> None:
    hook(world, "http://127.0.0.1:1/x")
    choose(world, approval=["webhook"])
    key = tell(world)[0].id
    with transaction(world.session):
        assert notices.set_webhook(world.session, world.actor("clerk"), None, NOON) is None
    with app.app_context(), clock.frozen(NOON):
        task.deliver()
    world.session.rollback()
    assert "已取消" in world.session.get(Notification, key).error


def test_other_channels_do_not_count_as_unread(world: World, sign_in: Any) -> None:
    give_phone(world)
    choose(world, approval=["sms"])
    tell(world)
    with transaction(world.session):
        outbox.deliver_inbox(world.session, NOON)
    assert 'aria-label="收件箱 1"' in sign_in(world.accounts["clerk"]).get("/").text


def test_secrets_are_sealed_anew(world: World) -> None:
    hook(world, "http://127.0.0.1:1/x")
    with transaction(world.session):
        assert notices.seal_anew(world.session) == 1
