"""The door for visits without network: what a phone takes along, what it sends, by token and by the page's session."""

from __future__ import annotations

import base64
import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Attachment, Visit
from app.reference import items_for
from app.workflows.files import attachments
from app.workflows.visits import offline
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_clock, make_ledger, make_policy, picture
from tests.workflows.clock_world import add_visit, run

pytestmark = pytest.mark.feature("MNT-05")
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
HERE = {"latitude": 30.5, "longitude": 120.5, "accuracy": 9.5}
URL = "/api/v1/visits/offline"


@pytest.fixture
def huzhou(session: Any, world: World) -> World:
    make_policy(session, "preset", "huzhou")
    make_clock(session, world.own, dt.date(2026, 2, 17))
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 4))
    session.commit()
    return world


class Phone:
    """A signed-in phone: takes a copy along, keeps what it is told, and sends it."""

    def __init__(self, app: Any, world: World, persona: str = "worker") -> None:
        body = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db"}
        self.client = app.test_client()
        with clock.frozen(START - HOUR):
            answer = self.client.post("/api/v1/security/login", json=body)
            world.session.rollback()
            self.headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
            self.copy = self.take()

    def take(self) -> Any:
        asked = {"phone_at": clock.now().isoformat()}
        answer = self.client.get(URL, query_string=asked, headers=self.headers)
        return answer.json | {"code": answer.status_code}

    def send(self, *entries: Any, at: dt.datetime = START + 2 * HOUR, **more: Any) -> Any:
        with clock.frozen(at):
            body = {"phone_at": at.isoformat(), "entries": list(entries)} | more
            return self.client.post(URL, json=body, headers=self.headers)

    def photo(self) -> int:
        with clock.frozen(START + HOUR):
            file = {"file": (io.BytesIO(picture()), "底坑.png")}
            return int(self.client.post("/api/v1/files?kind=photo", data=file, headers=self.headers).json["id"])


@pytest.fixture
def phone(app: Any, huzhou: World) -> Phone:
    return Phone(app, huzhou)


def whole(phone: Phone, world: World, key: str = "phone-key-1", **more: Any) -> dict[str, Any]:
    results = [
        {"code": i.code, "result": "ok", "value": "合格" if i.needs_test else ""}
        for i in items_for("3110", "half_month")
    ]
    out = {"code": world.own.code, "at": (START + 40 * MINUTE).isoformat(), "results": results, "problem": "", **HERE}
    return {
        "key": key, "contact": phone.copy["contact"],
        "check_in": {"code": world.own.code, "at": START.isoformat(), **HERE}, "check_out": out,
    } | more  # fmt: skip


def rules_of(entry: Any) -> set[str]:
    assert entry["ok"] is False and all(e["remedy"] for e in entry["errors"])
    return {e["rule"] for e in entry["errors"]}


def test_a_phone_takes_its_own_tasks_and_their_items_along(app: Any, session: Any, huzhou: World) -> None:
    run(session, dt.date(2026, 3, 2))
    session.rollback()
    copy = Phone(app, huzhou).copy
    assert [t["code"] for t in copy["tasks"]] == [huzhou.own.code]
    task = copy["tasks"][0]
    assert (task["token"], task["min_minutes"], task["max_hours"], task["presence_m"]) == (
        huzhou.own.public_token, 35, 8, 200
    )  # fmt: skip
    assert len(copy["items"][task["items"]]) == len(items_for("3110", task["level"])) and copy["running"] is None
    assert Phone(app, huzhou, "other_worker").copy["tasks"] == []


def test_a_running_visit_goes_along(app: Any, session: Any, huzhou: World, phone: Phone) -> None:
    add_visit(
        session, huzhou.own, huzhou.worker, dt.date(2026, 3, 2), state="open", checked_out_at=None, counted=False,
        checked_in_at=START, client_key="page-key", next_change_at=START + 8 * HOUR,
        snapshot={"category": "3110", "code": huzhou.own.code},
    )  # fmt: skip
    session.commit()
    with clock.frozen(START + MINUTE):
        running = phone.take()["running"]
    assert (running["code"], running["key"]) == (huzhou.own.code, "page-key")
    assert dt.datetime.fromisoformat(running["began_at"]) == START


def test_a_batch_is_taken_entry_by_entry_and_once(session: Any, huzhou: World, phone: Phone) -> None:
    inside, outside = phone.photo(), phone.photo()
    one = whole(phone, huzhou)
    one["check_in"]["photo_ids"], one["check_out"]["photo_ids"] = [inside], [outside]
    drawn = "data:image/png;base64," + base64.b64encode(picture()).decode()
    one["check_out"] |= {"signature": drawn, "signer": "安序"}
    strange = whole(phone, huzhou, "phone-key-2", check_out=None)
    strange["check_in"]["code"] = huzhou.foreign.code
    answer = phone.send(one, strange)
    assert answer.status_code == 200, answer.text
    first, second = answer.json["entries"]
    assert first["ok"] and (first["visit"]["state"], first["visit"]["offline"]) == ("valid", "both")
    assert "无电梯权限" in rules_of(second)
    # The answer was lost: the same again, with one more behind it.
    again = phone.send(one, at=START + 3 * HOUR).json["entries"][0]
    assert again == first
    session.rollback()
    assert session.scalar(select(func.count(Visit.id))) == 1
    kinds = session.scalars(select(Attachment.kind).where(Attachment.entity == "visit")).all()
    assert sorted(kinds) == ["photo", "photo", "signature"]
    row = session.get(Visit, first["visit"]["id"])
    assert (row.checked_in_at, row.sent_at, row.signer) == (START, START + 2 * HOUR, "安序")
    told = phone.client.get(f"/api/v1/visits/{row.id}", headers=phone.headers).json
    assert told["offline"] == "both" and dt.datetime.fromisoformat(told["sent_at"]) == START + 2 * HOUR


def test_what_the_system_fails_at_is_that_entrys_answer(
    session: Any, huzhou: World, phone: Phone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Read or received, it is told with the number that the log has; the others are judged, and nothing of it stays."""
    received, signed = offline.receive, attachments.receive

    def receive(own: Any, actor: Any, kept: Any, at: dt.datetime) -> Any:
        row = received(own, actor, kept, at)
        if kept.key == "phone-key-1":
            own.flush()
            raise RuntimeError("broken here")
        return row

    def read(stream: Any, name: str, kind: str) -> Any:
        raise RuntimeError("broken there")

    monkeypatch.setattr(offline, "receive", receive)
    monkeypatch.setattr(attachments, "receive", read)
    drawn = "data:image/png;base64," + base64.b64encode(picture()).decode()
    signing = whole(phone, huzhou, "phone-key-2")
    signing["check_out"]["signature"] = drawn
    sent = (whole(phone, huzhou), signing, whole(phone, huzhou, "phone-key-3"))
    answer = phone.send(*sent)
    assert answer.status_code == 200
    first, second, third = answer.json["entries"]
    for entry, cause in ((first, "broken here"), (second, "broken there")):
        assert (entry["ok"], entry["status"], rules_of(entry)) == (False, 500, {"内部错误"})
        number = re.search(r"事件编号 ([0-9a-f]{8})", entry["errors"][0]["found"])
        told = [one for one in caplog.records if number and number[1] in one.getMessage()]
        assert len(told) == 1 and entry["key"] in told[0].getMessage() and cause in str(told[0].exc_info)
    assert third["ok"] is True
    session.rollback()
    assert session.scalars(select(Visit.client_key)).all() == ["phone-key-3"]
    # Nothing is lost: what it kept goes again, once the fault is mended.
    monkeypatch.setattr(offline, "receive", received)
    monkeypatch.setattr(attachments, "receive", signed)
    again = phone.send(third | sent[2], at=START + 3 * HOUR).json["entries"][0]
    assert again["ok"] is True and again["visit"]["id"] == third["visit"]["id"]


def test_a_stolen_or_made_up_contact_is_worth_nothing(app: Any, huzhou: World, phone: Phone) -> None:
    made_up = phone.send(whole(phone, huzhou, contact=phone.copy["contact"][:-2] + "xx")).json["entries"][0]
    assert rules_of(made_up) == {"联网凭据"}
    other = Phone(app, huzhou, "other_worker")
    assert rules_of(other.send(whole(phone, huzhou)).json["entries"][0]) == {"账号"}


def test_a_clock_turned_back_is_told(huzhou: World, phone: Phone) -> None:
    one = whole(phone, huzhou)
    one["check_in"]["at"] = (START - 2 * HOUR).isoformat()
    assert rules_of(phone.send(one).json["entries"][0]) == {"早于最近一次联网"}
    shown = (START + 2 * HOUR - 20 * MINUTE).isoformat()
    assert "手机时间在离线期间被改动" in rules_of(phone.send(whole(phone, huzhou), phone_at=shown).json["entries"][0])


@pytest.mark.parametrize("wrong", [
    {"key": "short"}, {"key": 7}, {"contact": None}, {"check_in": "now"}, {"visit_id": True},
    {"check_in": {"code": "x"}},
    {"check_in": {"code": "x", "at": "2026-03-02T09:00:00"}}, {"check_in": None, "check_out": None},
    {"check_in": {"code": "x", "at": START.isoformat(), "accuracy": -1}},
    {"check_in": {"code": "x", "at": START.isoformat(), "latitude": 200, "longitude": 1}},
    {"check_out": {"code": "x", "at": START.isoformat(), "photo_ids": ["a"]}},
    {"check_out": {"code": "x", "at": START.isoformat(), "photo_ids": [999999]}},
    {"check_out": {"code": "x", "at": START.isoformat(), "signature": "data:text/html,x"}},
    {"check_out": {"code": "x", "at": START.isoformat(), "mode": "?"}},
])  # fmt: skip
def test_nonsense_is_refused_by_its_entry(session: Any, huzhou: World, phone: Phone, wrong: dict[str, Any]) -> None:
    bad, good = whole(phone, huzhou, "phone-key-2") | wrong, whole(phone, huzhou)
    answer = phone.send(bad, good)
    assert answer.status_code == 200, answer.text
    first, second = answer.json["entries"]
    assert rules_of(first) and second["ok"]
    session.rollback()
    assert session.scalar(select(func.count(Visit.id))) == 1


@pytest.mark.parametrize("entries", [None, [], "x", [1], [{}] * 21])
def test_no_batch_at_all(phone: Phone, entries: Any) -> None:
    answer = phone.send(entries=entries)
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == "entries"


def test_only_whoever_makes_visits(app: Any, huzhou: World) -> None:
    assert app.test_client().get(URL, query_string={"phone_at": START.isoformat()}).status_code == 401
    clerk = Phone(app, huzhou, "use_head")
    assert clerk.copy["code"] == 403 and clerk.send({}).status_code == 403


# --- the page's own way there


def test_the_page_sends_by_its_session_and_needs_its_token(app: Any, huzhou: World, sign_in: Any) -> None:
    with clock.frozen(START - HOUR):
        client = sign_in(huzhou.accounts["worker"])
        told = client.get("/m/outbox.json")
        assert told.json["account"] == huzhou.accounts["worker"].id
        body = {"phone_at": START.isoformat(), "entries": [{"key": "phone-key-1"}]}
        assert client.post(URL, json=body).status_code in (400, 403)
        answer = client.post(URL, json=body, headers={"X-CSRFToken": told.json["csrf"]})
        assert answer.status_code == 200 and rules_of(answer.json["entries"][0]) == {"联网凭据"}
        assert csrf(client)
    assert app.test_client().get("/m/outbox.json").status_code == 401


def test_the_frame_and_the_worker_hold_nobodys_data(app: Any, huzhou: World, sign_in: Any) -> None:
    name = huzhou.worker.name
    for client in (app.test_client(), sign_in(huzhou.accounts["worker"])):
        page = client.get("/m/outbox")
        assert page.status_code == 200 and name not in page.text and "data-me" not in page.text
        assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]
        worker = client.get("/m/worker.js")
        assert worker.mimetype == "text/javascript" and worker.headers["Cache-Control"] == "no-cache"
        assert worker.headers["Content-Security-Policy"] == "default-src 'none'; script-src 'self'; connect-src 'self'"
        assert "Service-Worker-Allowed" not in worker.headers and name not in worker.text
        assert app.config["STATIC_VERSION"] in worker.text and "js/outbox.js" in worker.text
        for line in worker.text.splitlines()[1].partition("[")[2].rstrip("];").split(", "):
            assert client.get(line.strip('"')).status_code == 200, line
