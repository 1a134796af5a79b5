"""Channels beside the inbox against the other side's simulators: signed, once, again after a no, content gone after."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app import channels, clock, http_lines
from app.channels import mail
from app.channels.dingtalk import signed
from app.channels.sms import signature
from app.channels.web import NotTaken
from app.models import Notification
from app.tasks import outbox as task
from app.transaction import transaction
from app.workflows.core import outbox
from tests.gateways import http_gateway, mail_server, tls_server

pytestmark = pytest.mark.feature("NTF-01")


@pytest.fixture
def offer() -> Iterator[Any]:
    """`offer(SMS_GATEWAY_URL=…)` sets the installation's channels; afterwards there are none again."""
    yield lambda **settings: channels.install(settings)
    channels.install({})


def put(session: Any, world: Any, channel: str, address: str, **more: Any) -> int:
    account = world.accounts["clerk"]
    with transaction(session):
        return outbox.send_to(session, clock.now(), account.id, channel, address, "test", "内容一二三", **more).id


def notice(session: Any, key: int) -> Any:
    session.rollback()  # what was read before is a snapshot
    return session.get(Notification, key)


def test_an_sms_is_a_signed_post_with_a_key_that_makes_it_one(app: Any, session: Any, world: Any, offer: Any) -> None:
    with http_gateway() as gateway:
        offer(SMS_GATEWAY_URL=gateway.url, SMS_GATEWAY_SECRET="between us")
        key = put(session, world, "sms", "13900000001", secret=True)
        with app.app_context():
            assert task.deliver()["sent"] == 1
            assert task.deliver()["sent"] == 0
        (headers, body), row = gateway.taken[0], notice(session, key)
    assert gateway.json() == {"id": f"tian-{key}", "phone": "13900000001", "text": "内容一二三"}
    assert headers["x-signature"] == signature("between us", headers["x-timestamp"], body)
    assert headers["idempotency-key"] == f"tian-{key}"
    assert (row.state, row.body, len(gateway.taken)) == ("sent", None, 1), "a secret text is gone once it was sent"


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_a_no_is_tried_again_later_and_given_up_in_the_end(
    app: Any, session: Any, world: Any, offer: Any, answer: int
) -> None:
    start = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
    with http_gateway() as gateway:
        gateway.answers = [answer] * 6
        offer(SMS_GATEWAY_URL=gateway.url)
        with clock.frozen(start):
            key = put(session, world, "sms", "13900000001", secret=True)
        minutes, seen = 0, []
        with app.app_context():
            for _ in range(7):
                with clock.frozen(start + dt.timedelta(minutes=minutes)):
                    task.deliver()
                row = notice(session, key)
                seen.append((row.state, row.tries))
                minutes = minutes * 2 + 10
    assert seen[0] == ("queued", 1) and seen[-1] == ("failed", 6)
    assert f"HTTP {answer}" in row.error and row.body is None
    assert gateway.paths == ["/send"] * 6, "no redirect is followed"
    with transaction(session):
        assert not outbox.retry(session, key, clock.now()), "what was secret is not sent again"


def test_nobody_answers(app: Any, session: Any, world: Any, offer: Any) -> None:
    with http_gateway() as gateway:
        gone = gateway.url
    offer(SMS_GATEWAY_URL=gone)
    key = put(session, world, "sms", "13900000001")
    with app.app_context():
        assert task.deliver()["sent"] == 0
    row = notice(session, key)
    assert row.state == "queued" and "NotTaken" in row.error and row.body == "内容一二三"


def test_a_letter(app: Any, session: Any, world: Any, offer: Any) -> None:
    with mail_server() as server:
        offer(SMTP_URL=server.url, MAIL_FROM="tian@example.test")
        key = put(session, world, "email", "clerk@example.test", title="待办 提醒")
        with app.app_context():
            assert task.deliver()["sent"] == 1
    letter = email.message_from_bytes(server.taken[0][1], policy=email.policy.default)
    assert (letter["To"], letter["From"]) == ("clerk@example.test", "tian@example.test")
    assert letter["Subject"] == "待办 提醒" and letter.get_content().strip() == "内容一二三"
    assert letter["Message-ID"] == f"<tian-{key}@example.test>"


def test_a_robot_of_a_group_chat(app: Any, session: Any, world: Any, offer: Any) -> None:
    with http_gateway() as gateway:
        offer(DINGTALK_WEBHOOK=gateway.url + "?access_token=t", DINGTALK_SECRET="SEC1")
        put(session, world, "dingtalk", "", title="超期提醒")
        gateway.body = {"errcode": 310000, "errmsg": "sign not match"}
        with app.app_context():
            assert task.deliver()["sent"] == 0
        assert "310000" in session.query(Notification).filter_by(channel="dingtalk").one().error
        gateway.body = {}
        with app.app_context(), clock.frozen(clock.now() + dt.timedelta(minutes=3)):
            assert task.deliver()["sent"] == 0, "an answer without its word is not the robot's"
        gateway.body = {"errcode": 0}
        with app.app_context(), clock.frozen(clock.now() + dt.timedelta(minutes=10)):
            assert task.deliver()["sent"] == 1
    assert gateway.json()["markdown"]["title"] == "超期提醒" and "access_token=t&timestamp=" in gateway.paths[-1]


def test_the_robots_signature_goes_over_timestamp_and_secret() -> None:
    assert signed("https://robot.example/send?access_token=x", "SEC", 1700000000000).endswith(
        "&timestamp=1700000000000&sign=r%2B2we0q01lkZqz38LA5IPNbHN81U1leRf3Au4PSQb6Q%3D"
    )
    assert signed("https://robot.example/send", "SEC", 1).startswith("https://robot.example/send?timestamp=1&sign=")


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_a_mail_server_whose_certificate_nobody_vouches_for_gets_nothing(
    app: Any, session: Any, world: Any, offer: Any, tmp_path: Path, scheme: str
) -> None:
    with tls_server(tmp_path, at_once=scheme == "smtps") as server:
        offer(SMTP_URL=f"{scheme}://user:secret-word@{server.url}")
        key = put(session, world, "email", "clerk@example.test")
        with app.app_context():
            assert task.deliver()["sent"] == 0
    assert "CERTIFICATE_VERIFY_FAILED" in notice(session, key).error
    assert not any(b"AUTH" in body or b"secret" in body for _, body in server.taken)


def test_no_letter_goes_in_clear_text_to_another_machine(monkeypatch: Any) -> None:
    with mail_server() as server:
        monkeypatch.setattr(mail, "is_here", lambda _host: False)
        place = urlsplit(server.url)
        way = mail._way(place)
        with http_lines.ending(way, 5), pytest.raises(NotTaken, match="STARTTLS"):
            mail._connect(way, place)
    assert server.taken == []


@pytest.mark.parametrize("name", ["SMS_GATEWAY_URL", "DINGTALK_WEBHOOK"])
@pytest.mark.parametrize("url", ["http://gateway.example/send", "http://10.0.0.7/send", "ftp://gateway.example", "file:///etc/passwd"])
def test_an_address_without_https_is_told_at_the_start(offer: Any, name: str, url: str) -> None:
    with pytest.raises(RuntimeError, match=f"{name} 应以 https://"):
        offer(**{name: url})
    offer(**{name: "https://gateway.example/send"})


def test_only_what_has_an_address_is_offered(offer: Any) -> None:
    offer()
    assert not {"sms", "email", "dingtalk"} & set(outbox.SENDERS)
    offer(SMTP_URL="smtp://127.0.0.1:1")
    assert "email" in outbox.SENDERS and "sms" not in outbox.SENDERS
