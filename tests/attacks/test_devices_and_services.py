"""Attacks by devices and by services that are asked: one answer stops no others and holds no process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, picture_reader, targets
from app.channels import webhook
from app.channels.provincial import Client
from app.channels.web import NotTaken
from app.models import Job, Notification, ProvincialItem
from app.permissions import SYSTEM
from app.tasks import jobs as work
from app.tasks.outbox import deliver
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.partners import provincial, provincial_register
from tests.api.callers import Caller
from tests.factories import World
from tests.workflows.provincial.ground import item
from tests.workflows.test_iot import bound, event

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.feature("INT-03")
@pytest.mark.parametrize(
    "poison",
    [
        {"sent_at": "0001-01-02T00:00:00+00:00"}, {"sent_at": "9999-12-30T00:00:00+00:00"},
        {"sent_at": -62135596800000}, {"events": [event("bad", data={"x": float("nan")})]},
        {"events": [event("bad", data={"x": [float("inf")]})]},
    ],
)  # fmt: skip
def test_one_wrong_message_stops_no_others(app: Any, world: World, poison: dict[str, Any]) -> None:
    """A maker's platform sends two hundred at once: one clock of the year 1, or one NaN, was a 500 for all of them."""
    bound(world)
    caller = Caller(app, world, "maintenance_head")
    good = {"device": "SN-001", "events": [event("good")]}
    sent = json.dumps({"messages": [{"device": "SN-001", "events": [event("other")]} | poison, good]})
    answer = caller.client.post(
        "/api/v1/iot/messages", data=sent, headers=caller.headers, content_type="application/json"
    )
    assert answer.status_code == 200 and answer.json["accepted"] >= 1, answer.text
    kept = {row["event_id"] for row in caller.get("/iot/events?tab=all").json["rows"]}
    assert "good" in kept and "bad" not in kept


@pytest.mark.feature("INT-03", "INT-04")
def test_a_stranger_does_not_use_up_a_devices_calls(app: Any, world: World, monkeypatch: Any) -> None:
    """The number stands on the name plate: six hundred calls with it in a minute, and the device was refused."""
    monkeypatch.setitem(app.config, "API_LIMITED", True)
    monkeypatch.setitem(app.config, "API_LIMIT_TOKEN", "3 per hour")

    def ask(place: str) -> int:
        answer = app.test_client().post(
            "/api/v1/iot/device", json={}, headers={"X-Device": "SN-001"}, environ_overrides={"REMOTE_ADDR": place}
        )
        return int(answer.status_code)

    assert [ask("203.0.113.9") for _ in range(4)] == [403, 403, 403, 429]
    assert ask("198.51.100.7") == 403, "the device itself is still looked at"


@contextmanager
def register(app: Any, *answers: tuple[int, bytes]) -> Iterator[None]:
    """A register that gives these answers, one a call, and then an empty list."""
    left = list(answers)

    class Register(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, content = left.pop(0) if left else (200, b'{"items": []}')
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *said: Any) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Register) as server:
        # It asks often whether it is to end, which else takes half a second.
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        provincial_register.use(Client(url, "tian", "secret", 5.0, sleep=lambda seconds: None))
        try:
            yield
        finally:
            provincial_register.use(None)
            server.shutdown()


def looked(app: Any, world: World, region: str | None = "980402000000") -> tuple[str, Job, dict[str, str]]:
    with transaction(world.session) as session:
        run = (
            provincial.begin(session, world.actor("clerk"), world.own.code, clock.now()) if region is None
            else provincial.begin_region(session, SYSTEM, region, clock.now())
        )  # fmt: skip
        key, job = run.id, run.job_id
    with app.app_context():
        said = work.run(job)
    world.session.rollback()
    world.session.expire_all()
    rows = world.session.scalars(select(ProvincialItem).where(ProvincialItem.run_id == key))
    return said, world.session.get_one(Job, job), {row.code: row.outcome for row in rows}


@pytest.mark.feature("INT-01")
@pytest.mark.parametrize(
    "spoilt",
    [{"address": "x\ud800"}, {"code": "AB\udfff"}, {"maintenance_unit": {"name": "甲\ud800"}}, {"code": "A\0B"}],
)
def test_half_a_letter_from_the_register_spoils_its_item_only(app: Any, world: World, spoilt: dict[str, Any]) -> None:
    """JSON can hold what no database keeps; one such text ended the run, this night and every night after."""
    items = [item(world) | {"code": "BAD01"} | spoilt, item(world)]
    with register(app, (200, json.dumps({"items": items}).encode())):
        said, job, outcomes = looked(app, world)
    assert said == "done", job.error
    assert outcomes.pop(world.own.code) == "matched" and list(outcomes.values()) == ["refused"]


@pytest.mark.feature("INT-01")
@pytest.mark.parametrize("region", ["980402000000", None])
@pytest.mark.parametrize(
    "answer",
    [
        (200, b'{"items": [], "next": "a\\u0000b"}'), (200, b'{"items": [], "next": "\\ud800"}'),
        (200, b'{"items": [], "total": ' + b"9" * 400 + b"}"), (200, b'{"items": [], "not_found": 5}'),
        (200, b'{"items": [], "not_found": null}'), (403, b'{"code": "\\ud800\\u0000"}'),
    ],
)  # fmt: skip
def test_no_answer_of_the_register_is_an_error_of_ours(
    app: Any, world: World, answer: tuple[int, bytes], region: str | None
) -> None:
    with register(app, answer):
        said, job, _outcomes = looked(app, world, region)
    assert said == job.state and job.state in ("done", "failed")
    assert "内部错误" not in (job.error or ""), job.error


@contextmanager
def dripping(start: bytes) -> Iterator[int]:
    """The port of somebody who sends a byte now and then, for ever; `start` comes at once."""
    held: list[socket.socket] = []

    def answer() -> None:
        with suppress(OSError):
            while True:
                line, _who = listening.accept()
                held.append(line)
                line.sendall(start)
                while True:
                    time.sleep(0.05)
                    line.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]
        for line in held:
            line.close()


@pytest.mark.feature("NTF-01", "INT-01")
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_who_drips_an_answer_holds_no_worker(monkeypatch: Any, start: bytes) -> None:
    """Each byte began the socket's timeout anew: two addresses of anybody's choice held both workers for days."""
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.4)
    with dripping(start) as port:
        begun = time.monotonic()
        with pytest.raises(NotTaken):
            webhook.call(targets.Target("http", "example.test", port, "/", "127.0.0.1"), b"{}", {})
        with pytest.raises(provincial_register.Unavailable):
            Client(f"http://127.0.0.1:{port}", "tian", "s", 0.1, sleep=lambda seconds: None).by_codes(["A"])
        assert time.monotonic() - begun < 8


@pytest.mark.feature("NTF-01")
def test_whose_address_is_silent_is_asked_once_a_round(session: Any, world: World, monkeypatch: Any) -> None:
    asked: list[str] = []

    def send(_session: Any, notice: Notification) -> None:
        asked.append(notice.channel)
        if notice.channel == "webhook":
            raise NotTaken("TimeoutError")

    for channel in ("webhook", "sms"):
        monkeypatch.setitem(outbox.SENDERS, channel, send)
    key = world.accounts["clerk"].id
    with transaction(session) as own:
        for number in range(5):
            outbox.send_to(own, clock.now(), key, "webhook", "", "job", f"{number}")
        outbox.send_to(own, clock.now(), key, "sms", "13900000001", "rescue.call", "困人")
    told = deliver()
    assert sorted(asked) == ["sms", "webhook"] and told["sent"] == 1
    waiting = session.scalars(select(Notification).where(Notification.channel == "webhook")).all()
    assert {row.state for row in waiting} == {"queued"}


@pytest.mark.feature("UNT-03")
def test_reading_pictures_leaves_the_threads_that_serve_pages(tmp_path: Path) -> None:
    """Eight licences at once took all eight threads, for up to forty seconds each."""
    slow = tmp_path / "reader"
    slow.write_text('#!/bin/sh\n[ "$1" = --list-langs ] && { echo chi_sim; exit 0; }\nexec sleep 1\n')
    slow.chmod(0o755)
    picture_reader.use({"PICTURE_READER": str(slow)})
    try:
        assert picture_reader.is_on()
        done: list[float] = []
        begun = time.monotonic()

        def read() -> None:
            picture_reader.words_of(tmp_path / "none.png")
            done.append(time.monotonic() - begun)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sum(seconds < 0.9 for seconds in done) == 3
        assert picture_reader.words_of(tmp_path / "none.png") == []
    finally:
        picture_reader.use({})
