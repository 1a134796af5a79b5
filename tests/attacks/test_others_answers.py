"""Providers, gateways and scanners that answer nonsense, too much, or for ever."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select

from app import clock, oidc, scanner, targets
from app.channels import mail, web, webhook
from app.channels.web import NotTaken
from app.models import Account, Notification
from app.tasks import outbox as rounds
from app.tasks.outbox import deliver
from app.transaction import transaction
from app.workflows.core import outbox
from tests.factories import World
from tests.oidc_provider import Provider
from tests.views.test_identities import bound, come, gov, is_in

__all__ = ["bound", "gov"]
pytestmark = pytest.mark.usefixtures("uncounted")


@contextmanager
def answering(said: bytes, rest: bytes = b"", every: float = 0.05) -> Iterator[int]:
    """The port of somebody who says this to whoever comes, without listening, then `rest` again and again."""
    held: list[socket.socket] = []

    def one(line: socket.socket) -> None:
        with suppress(OSError):
            line.sendall(said)
            while rest:
                time.sleep(every)
                line.sendall(rest)
            line.settimeout(2)
            line.recv(65536)
            line.shutdown(socket.SHUT_WR)

    def answer() -> None:
        with suppress(OSError):
            while True:
                line, _who = listening.accept()
                held.append(line)
                threading.Thread(target=one, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]
        for line in held:
            line.close()


# What no HTTP client reads as an answer, and JSON that no reader takes apart.
NONSENSE = {
    "no HTTP": b"\x00\x01 nonsense\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{",
    "endless line": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "odd chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "deep": b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 60_000,
    "no UTF-8": b"HTTP/1.1 200 OK\r\n\r\n{\"a\": \"\xff\xfe\"}",
    "a number of a million digits": b"HTTP/1.1 200 OK\r\n\r\n" + b"9" * 60_000,
}


@pytest.mark.feature("INT-02")
@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_a_provider_that_answers_nonsense_is_not_reached(app: Any, world: World, monkeypatch: Any, said: bytes) -> None:
    oidc.forget()
    with answering(said) as port:
        made = oidc.providers([{"name": "gov", "label": "x", "issuer": f"http://127.0.0.1:{port}", "client_id": "c"}])
        monkeypatch.setitem(app.config, "OIDC", made)
        browser = app.test_client()
        there = browser.get("/login/with/gov")
    assert there.status_code == 302 and there.location == "/login/"


@pytest.mark.feature("INT-02")
def test_a_provider_that_drips_holds_no_page(monkeypatch: Any) -> None:
    oidc.forget()
    monkeypatch.setattr(oidc, "TIMEOUT_SECONDS", 0.4)
    with answering(b"HTTP/1.1 200 OK\r\nX: ", b"a") as port:
        one = oidc.providers([{"name": "gov", "label": "x", "issuer": f"http://127.0.0.1:{port}", "client_id": "c"}])
        begun = time.monotonic()
        with pytest.raises(oidc.NotProven):
            oidc.begin(one["gov"], "http://localhost/back")
        assert time.monotonic() - begun < 8


@pytest.mark.feature("INT-02")
@pytest.mark.parametrize("number", ["a\x00b", "\ud800", "\u202egov"], ids=ascii)
def test_a_number_that_no_database_keeps_proves_nobody(app: Any, bound: Account, gov: Provider, number: str) -> None:
    gov.claims = {"sub": number}
    browser = app.test_client()
    assert come(browser, gov).location == "/login/" and not is_in(browser)


@pytest.mark.feature("INT-02")
def test_headers_and_keys_of_unknown_kinds(monkeypatch: Any) -> None:
    now = int(clock.now().timestamp())
    said = {"iss": "https://i.test", "aud": "c", "iat": now, "exp": now + 300, "nonce": "n", "sub": "gov-0001"}
    key, other = (RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256"}) for kid in ("one", "two"))
    ends = {"authorize_url": "https://i.test/a", "token_url": "https://i.test/t", "keys_url": "https://i.test/k"}
    one = oidc.providers([{"name": "gov", "label": "x", "issuer": "https://i.test", "client_id": "c", **ends}])["gov"]
    shown: dict[str, Any] = {"keys": [{"kty": "AKP", "kid": "new"}, key.as_dict(private=False)]}
    monkeypatch.setattr(oidc, "_fetch", lambda *_: shown)
    oidc.forget()
    good = jwt.encode({"alg": "RS256", "kid": "one"}, said, key)
    assert oidc._claims(one, good, "n")["sub"] == "gov-0001", "a key of a kind that is new breaks no sign-in"
    _header, claims, signed = good.split(".")
    for header in ({"alg": "RS256", "kid": "one", "crit": 5}, {"alg": ["RS256"]}, [], 5):
        odd = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
        with pytest.raises(oidc.NotProven):
            oidc._claims(one, f"{odd}.{claims}.{signed}", "n")
    for keys in (None, 5, [None], [[]], {}, [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}], [other.as_dict()]):
        shown = {"keys": keys}
        oidc.forget()
        with pytest.raises(oidc.NotProven):
            oidc._claims(one, good, "n")


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_of_one_address_keeps_nobody_elses_notice(
    app: Any, session: Any, world: World, monkeypatch: Any, said: bytes
) -> None:
    """PostgreSQL keeps no NUL: what one address had answered ended the round, and with it calls for rescue."""
    sent: list[str] = []

    with answering(said) as port:
        address = f"http://127.0.0.1:{port}/"
        senders: dict[str, outbox.Sender] = {
            "webhook": lambda _s, _n: webhook.call(targets.Target("http", "x.test", port, "/", "127.0.0.1"), b"", {}),
            "dingtalk": lambda _s, _n: refuse_all(web.post(address, b"{}", {})),
            "sms": lambda _s, notice: sent.append(str(notice.address)),
        }  # fmt: skip
        for channel, sender in senders.items():
            monkeypatch.setitem(outbox.SENDERS, channel, sender)
        with transaction(session) as own:
            for channel in senders:
                outbox.send_to(own, clock.now(), world.accounts["clerk"].id, channel, "13900000001", "rescue", "困人")
        with app.app_context():
            deliver()
    assert sent == ["13900000001"]


def refuse_all(answer: dict[str, Any]) -> None:
    raise NotTaken(f"errmsg \x00 \ud800 {answer}")


@pytest.mark.feature("NTF-01")
def test_slow_addresses_of_many_stand_before_nobodys_code(
    app: Any, session: Any, world: World, monkeypatch: Any
) -> None:
    """A firm's eleven accounts with an address each that answers at the last moment held up a round by minutes, and
    with it codes and calls for rescue that came after."""
    asked: list[str] = []
    spent = [0.0]

    def send(_session: Any, notice: Notification) -> None:
        asked.append(notice.channel)
        if notice.channel == "webhook":
            spent[0] += 10
            raise NotTaken("TimeoutError")

    for channel in ("webhook", "sms"):
        monkeypatch.setitem(outbox.SENDERS, channel, send)
    monkeypatch.setattr(rounds, "monotonic", lambda: spent[0])
    with transaction(session) as own:
        for key in [account.id for account in world.accounts.values()][:8]:
            outbox.send_to(own, clock.now(), key, "webhook", "", "job", "x")
        outbox.send_to(own, clock.now(), None, "sms", "13900000001", "rescue.call", "困人")
    with app.app_context():
        told = deliver()
    assert asked[0] == "sms" and told["sent"] == 1
    tried = asked.count("webhook")
    assert tried * 10 <= rounds.OWN_SECONDS + 10
    session.rollback()
    waiting = session.scalars(select(Notification).where(Notification.channel == "webhook")).all()
    assert sorted(row.tries for row in waiting) == [0] * (8 - tried) + [1] * tried
    # Whom there was no time for comes first in the next round; while one is under way no other begins.
    with app.app_context(), rounds._own_turn:
        assert deliver()["leased"] == 0
    with app.app_context():
        deliver()
    assert asked.count("webhook") == 2 * tried


@pytest.mark.feature("NTF-01")
def test_what_a_slow_gateway_left_no_time_for_comes_before_what_came_meanwhile(
    app: Any, session: Any, world: World, monkeypatch: Any
) -> None:
    """An honest gateway of a minute each: whoever waited since the round before fell behind all that came in it. A code
    and a call for rescue that came last go first, as somebody waits for them."""
    asked: list[str] = []
    spent = [0.0]

    def tell(phone: str, topic: str = "job", secret: bool = False) -> None:
        with transaction(session) as own:
            outbox.send_to(own, clock.now(), None, "sms", phone, topic, "x", secret=secret)

    def send(_session: Any, notice: Notification) -> None:
        asked.append(str(notice.address))
        spent[0] += rounds.SECONDS / 2

    monkeypatch.setitem(outbox.SENDERS, "sms", send)
    for number in range(1, 4):
        tell(f"1390000000{number}")

    def begun() -> float:
        if not asked and not later:
            later.append("13900000009")
            tell(later[0])
            tell("13900000007", "rescue.call")
            tell("13900000008", "code.login", secret=True)
        return spent[0]

    later: list[str] = []
    monkeypatch.setattr(rounds, "monotonic", begun)
    for _round in range(3):
        with app.app_context():
            deliver()
    assert [phone[-1] for phone in asked] == ["1", "2", "7", "8", "3", "9"]


# Its head, and bodies that end at their length and with the line: the library lets go of the line of the last.
DRIPPED = (
    b"HTTP/1.1 200 OK\r\nX: ",
    b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
)


@pytest.mark.feature("NTF-01", "ACC-06")
def test_who_drips_holds_neither_gateway_nor_mail_nor_scanner(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.4)
    monkeypatch.setattr(mail, "WHOLE_SECONDS", 0.4)
    monkeypatch.setattr(scanner, "ANSWER_SECONDS", 0.4)
    letter = Notification(id=1, title="t", body="b", address="a@example.test")
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    begun = time.monotonic()
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.4)
    for said in DRIPPED:
        with answering(said, b"a") as port:
            with pytest.raises(NotTaken):
                web.post(f"http://127.0.0.1:{port}/", b"{}", {})
            with pytest.raises(NotTaken):
                webhook.call(targets.Target("http", "x.test", port, "/", "127.0.0.1"), b"", {})
    with answering(b"220 here\r\n", b"250-more\r\n") as port:
        send = mail.sender({"SMTP_URL": f"smtp://127.0.0.1:{port}"})
        assert send is not None
        with pytest.raises(TimeoutError):
            send(None, letter)
    with answering(b"", b"s") as port:
        scanner.use({"SCANNER_URL": f"clamd://127.0.0.1:{port}"})
        try:
            assert scanner.scan(file).state == scanner.DOWN
        finally:
            scanner.use({})
    # Reached only when the time was over, as by the second of two addresses: there was nothing to cut by then.
    reach = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *given: time.sleep(0.6) or reach(*given))
    with answering(DRIPPED[0], b"a") as port, pytest.raises(NotTaken):
        web.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert time.monotonic() - begun < 12


@pytest.mark.feature("UNT-04")
def test_what_a_scanner_calls_a_find_is_text(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with answering(b"stream: Odd\x00Name FOUND\n\0") as port:
        scanner.use({"SCANNER_URL": f"clamd://127.0.0.1:{port}"})
        try:
            found = scanner.scan(file)
        finally:
            scanner.use({})
    assert found == scanner.Verdict(scanner.INFECTED, "Odd\ufffdName")
