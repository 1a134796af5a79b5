"""An attacker's fourth review, of what devices, strangers and offices send: each finding as the attack that it was."""

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
from sqlalchemy import func, select

from app import clock, picture_reader, targets
from app.channels import webhook
from app.channels.provincial import Client
from app.channels.web import NotTaken
from app.errors import NotAllowed, Refusal
from app.models import Job, Notification, ProvincialItem, Rescue, RescueStep, SpotAvoidance, SpotDraw
from app.permissions import SYSTEM, Role
from app.reports.bulletin import document
from app.rules.complaints import MOST_UNKNOWN
from app.rules.rescues import MOST_MORE_OF_ADDRESS, MOST_MORE_OF_CASE
from app.tasks import jobs as work
from app.tasks.outbox import deliver
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.on_site import companions
from app.workflows.oversight import bulletins, enforcement, spot_draws
from app.workflows.partners import provincial, provincial_register
from app.workflows.visits import visits
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, actor, make_account, make_contract, make_elevator, make_person
from tests.views.rescue.ground import report
from tests.workflows.bulletins.conftest import ground
from tests.workflows.bulletins.ground import drafted
from tests.workflows.provincial.ground import item
from tests.workflows.test_companions import join, mate, two_persons
from tests.workflows.test_enforcement import AT, do, penalty, told
from tests.workflows.test_iot import bound, event
from tests.workflows.visit_world import HERE, HOUR, MINUTE, START, arrive, leave, rules_of

__all__ = ["ground", "mate"]
pytestmark = pytest.mark.usefixtures("uncounted")
FROM = {"REMOTE_ADDR": "203.0.113.9"}


def counted(session: Any, model: Any, *where: Any) -> int:
    session.rollback()
    return int(session.scalar(select(func.count()).select_from(model).where(*where).execution_options(skip_scope=True)))

# --- devices


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


# --- strangers behind the code


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


@pytest.mark.feature("RES-01", "CMP-01")
def test_who_walks_tokens_is_told_no_place_by_the_form_for_rescue_either(client: Any, world: World) -> None:
    page = f"/m/p/{world.own.public_token}/trapped"
    assert world.own.address in client.get(page, environ_overrides=FROM).text
    for number in range(MOST_UNKNOWN):
        client.get(f"/m/p/none{number}", environ_overrides=FROM)
    told = client.get(page, environ_overrides=FROM)
    assert told.status_code == 200 and world.own.address not in told.text and world.own.code in told.text


# --- who judges what he wrote


@pytest.mark.feature("ANO-03")
def test_who_wrote_a_penalty_under_anothers_name_does_not_decide_on_it(session: Any, world: World) -> None:
    """One officer's draft was written anew by another, proposed by the first, and decided on by who had written it."""
    author = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    world.accounts["author"] = author
    session.commit()
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, penalty(f"elevator-{world.own.id}"), AT)
    do(world, "author", enforcement.edit, row.id, penalty(f"elevator-{world.own.id}"), AT)
    do(world, "inspector", enforcement.propose, row.id, AT)
    assert author.id not in told(world, "enforcement.decide")
    with pytest.raises(NotAllowed):
        do(world, "author", enforcement.decide, row.id, True, "", AT)
    assert do(world, "region_admin", enforcement.decide, row.id, True, "", AT).state == "in_force"


@pytest.mark.feature("STA-03")
def test_who_wrote_in_a_bulletin_does_not_check_it_once_another_saved_it_too(app: Any, ground: World) -> None:
    """Only the last hand was known: whoever saved it after the author gave him back the right to check his words."""
    row, now, known = drafted(app, ground), clock.now(), document.parts_of_texts()
    for who, words in (("second", "甲"), ("inspector", "甲"), ("region_admin", "甲"), ("inspector", "乙")):
        with transaction(ground.session) as own:
            bulletins.edit(own, ground.actor(who), row.id, {"maintenance": words}, known, now)
    with transaction(ground.session) as own, pytest.raises(Refusal, match="编辑过"):
        bulletins.check(own, ground.actor("second"), row.id, now)
    with transaction(ground.session) as own:
        # Who saved it without a change wrote nothing.
        bulletins.check(own, ground.actor("region_admin"), row.id, now)


# --- what is kept by whoever stands between


@pytest.mark.feature("PUB-01")
@pytest.mark.parametrize("page", ["/open/", "/open/catalog.json", "/open/980400000000/"])
def test_nobodys_cookie_goes_out_with_what_all_may_keep(client: Any, world: World, page: str) -> None:
    answer = client.get(page)
    assert "Set-Cookie" not in answer.headers
    chosen = client.get("/open/?lang=en")
    assert chosen.status_code == 302 and "no-store" in chosen.headers["Cache-Control"]
    assert 'lang="en"' in client.get("/open/").text


# --- what the provincial register answers


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
        threading.Thread(target=server.serve_forever, daemon=True).start()
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


# --- who is called and hardly answers


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


# --- people on site


@pytest.mark.feature("MNT-11")
def test_one_second_person_is_not_at_two_visits_at_once(session: Any, huzhou: Any, mate: Any) -> None:
    """One colleague joined every running visit of his firm, and counted at the end of each."""
    two_persons(session)
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    third = make_account(
        session, Role.WORKER, unit=huzhou.firm, person=make_person(session, huzhou.firm, "林疏影"),
        sees_all_elevators=True,
    )  # fmt: skip
    session.commit()
    first = arrive(session, huzhou)
    with transaction(session):
        second = visits.check_in(session, actor(third), other.code, HERE, START + MINUTE)
    row = join(session, mate, first, huzhou.own.code, START + 2 * MINUTE)
    join(session, mate, second, other.code, START + 10 * MINUTE)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, first, START + HOUR)
    assert rules_of(refusal) == {"在现场的人数"}
    assert not companions.running(session, actor(mate), huzhou.own.id, START + HOUR)[0].joined
    # Back again he proves it anew, and is at the other no more.
    assert join(session, mate, first, huzhou.own.code, START + HOUR).id == row.id
    assert companions.persons_at(session, second, START + HOUR) == 1
    assert leave(session, huzhou, first, START + HOUR + MINUTE).checked_out_at is not None


@pytest.mark.feature("RES-06")
@pytest.mark.parametrize("told_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"])
def test_a_phone_with_a_wrong_clock_accepts_a_rescue(app: Any, session: Any, world: World, told_at: str) -> None:
    """What its clock says is kept beside ours and counts for nothing; it was a 500, and nobody went."""
    key = report(world)
    answer = Caller(app, world, "worker").post(f"/rescues/{key}/accept", {"phone_at": told_at})
    assert answer.status_code == 200 and answer.json["status"] == "accepted", answer.text
    assert [step["phone_at"] for step in answer.json["steps"] if step["verb"] == "accept"] == [None]


# --- pictures


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


# --- forms that nobody's browser sends


@pytest.mark.feature("TGT-01")
@pytest.mark.parametrize("region", ["980402xxxxxx", "9804020~~~~~", "980402٠٠٠٠٠٠"])
def test_what_lies_between_two_codes_is_no_region_to_draw_from(app: Any, world: World, region: str) -> None:
    asked = {
        "title": "抽查", "target": "elevator", "region": region, "quota": 1, "check_until": str(clock.today()),
        "inspectors": [world.accounts["inspector"].id, world.accounts["region_admin"].id],
    }  # fmt: skip
    answer = Caller(app, world, "region_admin").post("/spot-draws", asked)
    assert rules_of_answer(answer) == {"地区"} and counted(world.session, SpotDraw) == 0


def rules_of_answer(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["rule"] for error in answer.json["errors"]}


@pytest.mark.feature("TGT-01")
def test_keeping_out_twice_is_once(session: Any, world: World) -> None:
    """Six presses were six rows; one was ended, and five went on keeping him out."""
    made = [
        do(world, "inspector", spot_draws.keep_out, None, world.firm.id, "亲属在该单位", clock.now()).id
        for _press in range(3)
    ]
    assert len(set(made)) == 1 and counted(session, SpotAvoidance) == 1
    do(world, "inspector", spot_draws.end_avoidance, made[0], clock.now())
    again = do(world, "inspector", spot_draws.keep_out, None, world.firm.id, "亲属在该单位", clock.now())
    assert again.id != made[0]


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("deed", ["columns", "save-filter"])
def test_a_line_break_in_a_forms_way_back_is_no_error(world: World, sign_in: Any, deed: str) -> None:
    browser = sign_in(world.accounts["clerk"])
    form = {"csrf_token": csrf(browser), "name": "在用", "back": "tab=in_use\r\nX: y"}
    answer = browser.post(f"/elevators/{deed}", data=form)
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/elevators/?tab=in_use")
    assert "X" not in answer.headers
