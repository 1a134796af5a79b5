"""MNT-06 for phones of other makers: the photo at check-in and in what was kept without network, the look at it."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, Visit
from app.reference import items_for
from tests.factories import PASSWORD, World, make_clock, make_ledger, make_policy, picture

pytestmark = pytest.mark.feature("MNT-06", "INT-04")
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
HERE = {"latitude": 30.5, "longitude": 120.5}
URL = "/api/v1/visits"


@pytest.fixture
def town(session: Any, world: World) -> World:
    make_policy(session, "preset", "nantong")
    make_clock(session, world.own, dt.date(2026, 2, 20))
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 7))
    session.commit()
    return world


class Caller:
    """An account by its token."""

    def __init__(self, app: Any, world: World, persona: str = "worker") -> None:
        self.client = app.test_client()
        body = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db"}
        with clock.frozen(START - HOUR):
            answer = self.client.post("/api/v1/security/login", json=body)
            world.session.rollback()
        self.headers = {"Authorization": f"Bearer {answer.json['access_token']}"}

    def post(self, url: str, sent: Any, at: dt.datetime = START) -> Any:
        with clock.frozen(at):
            return self.client.post(url, json=sent, headers=self.headers)

    def get(self, url: str, at: dt.datetime = START, **query: Any) -> Any:
        with clock.frozen(at):
            return self.client.get(url, query_string=query, headers=self.headers)

    def photo(self, kind: str = "label", colour: str = "#224466") -> int:
        with clock.frozen(START):
            file = {"file": (io.BytesIO(picture("PNG", (40, 30), colour)), "标签.png")}
            answer = self.client.post(f"/api/v1/files?kind={kind}", data=file, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return int(answer.json["id"])


def rules_of(answer: Any, status: int = 422) -> set[str]:
    assert answer.status_code == status, answer.text
    return {e["rule"] for e in answer.json["errors"]}


def ended(app: Any, town: World) -> tuple[Caller, dict[str, Any]]:
    worker = Caller(app, town)
    begun = worker.post(URL, {"code": town.own.code, **HERE, "label_photo_ids": [worker.photo()]})
    assert begun.status_code == 201, begun.text
    results = [{"code": i["code"], "result": "ok", "value": "合格"} for i in begun.json["items"]]
    sent = {"code": town.own.public_token, **HERE, "results": results, "problem": ""}
    done = worker.post(f"{URL}/{begun.json['id']}/check-out", sent, START + 40 * MINUTE)
    assert done.status_code == 200, done.text
    return worker, done.json


def test_without_the_photo_the_check_in_is_refused(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    gate = worker.get("/api/v1/gate", code=town.own.code, **HERE).json
    early = next(f for f in gate["findings"] if f["rule"] == "标签照片")
    assert gate["passes"] and early["level"] == "warn" and early["field"] == "label"
    assert rules_of(worker.post(URL, {"code": town.own.code, **HERE})) == {"标签照片"}
    assert session.scalar(select(Visit.id)) is None


def test_a_scanned_label_needs_none(app: Any, town: World) -> None:
    answer = Caller(app, town).post(URL, {"code": town.own.public_token, **HERE})
    assert answer.status_code == 201 and answer.json["label_state"] is None and answer.json["by_code"] is False


def test_with_the_photo_it_begins_and_waits(app: Any, session: Any, town: World) -> None:
    worker, row = ended(app, town)
    assert (row["state"], row["counted"], row["label_state"], row["label_by"]) == (
        "pending", True, "waiting", "regulator"
    )  # fmt: skip
    assert [f["kind"] for f in row["files"]] == ["label"]
    listed = worker.get(URL, label="waiting").json
    assert [r["id"] for r in listed["rows"]] == [row["id"]] and worker.get(URL, label="more").json["rows"] == []


@pytest.mark.parametrize("ids", ["1", [True], [0], ["a"], list(range(1, 12)), {"a": 1}])
def test_odd_numbers_are_refused_by_name(app: Any, town: World, ids: Any) -> None:
    answer = Caller(app, town).post(URL, {"code": town.own.code, **HERE, "label_photo_ids": ids})
    assert rules_of(answer) == {"照片"} and answer.json["errors"][0]["field"] == "label_photo_ids"


def test_anothers_photo_or_one_of_another_kind_is_refused(app: Any, town: World) -> None:
    worker, other = Caller(app, town), Caller(app, town, "other_worker")
    for number, status in ((other.photo(), 404), (worker.photo("photo"), 422), (10**9, 404)):
        answer = worker.post(URL, {"code": town.own.code, **HERE, "label_photo_ids": [number]})
        assert answer.status_code == status, answer.text


def test_it_is_decided_asked_for_again_and_supplied(app: Any, session: Any, town: World) -> None:
    worker, row = ended(app, town)
    inspector, url = Caller(app, town, "inspector"), f"{URL}/{row['id']}/label"
    first = row["files"][0]["id"]
    assert rules_of(worker.post(url, {"decision": "approved", "photo_id": first}), 403) == {"权限"}
    assert rules_of(inspector.post(url, {"decision": "more", "photo_id": first})) == {"理由"}
    asked = inspector.post(url, {"decision": "more", "reason": "看不清编号", "photo_id": first})
    assert asked.status_code == 200 and asked.json["label_state"] == "more"
    more = f"{URL}/{row['id']}/label-photos"
    assert rules_of(worker.post(more, {})) == {"标签照片"}
    sent = worker.post(more, {"label_photo_ids": [worker.photo(colour="#993311")]}, START + HOUR)
    assert sent.status_code == 200 and sent.json["label_state"] == "waiting" and len(sent.json["files"]) == 2
    assert rules_of(inspector.post(url, {"decision": "approved", "photo_id": first})) == {"照片已更新"}
    last = max(f["id"] for f in sent.json["files"])
    done = inspector.post(url, {"decision": "approved", "photo_id": last}, START + 2 * HOUR)
    assert done.status_code == 200 and (done.json["state"], done.json["label_state"]) == ("valid", "approved")
    assert rules_of(Caller(app, town, "other_inspector").post(url, {"decision": "approved"}), 404)


def test_leaving_by_number_wants_a_photo_of_its_own(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    begun = worker.post(URL, {"code": town.own.public_token, **HERE}).json
    results = [{"code": i["code"], "result": "ok", "value": "合格"} for i in begun["items"]]
    url, at = f"{URL}/{begun['id']}/check-out", START + 40 * MINUTE
    sent = {"code": town.own.code, **HERE, "results": results, "problem": ""}
    refused = worker.post(url, sent, at)
    assert rules_of(refused) == {"签退标签照片"} and refused.json["errors"][0]["field"] == "label_out"
    for photo in (worker.photo(), worker.photo("photo")):
        assert worker.post(url, sent | {"label_photo_ids": [photo]}, at).status_code == 422, "of another kind"
    photo = worker.photo("label_out")
    done = worker.post(url, sent | {"label_photo_ids": [photo]}, at)
    assert done.status_code == 200, done.text
    assert (done.json["state"], done.json["label_state"], done.json["by_code"]) == ("pending", "waiting", False)
    assert [(f["id"], f["kind"]) for f in done.json["files"]] == [(photo, "label_out")]
    decided = Caller(app, town, "inspector").post(
        f"{URL}/{begun['id']}/label", {"decision": "approved", "photo_id": photo}, at + HOUR
    )
    assert decided.status_code == 200 and decided.json["state"] == "valid"


# --- kept without network


def entry(worker: Caller, town: World, out: dict[str, Any] | None = None, **check_in: Any) -> dict[str, Any]:
    contact = worker.get(f"{URL}/offline", START - HOUR, phone_at=(START - HOUR).isoformat()).json["contact"]
    results = [{"code": i.code, "result": "ok", "value": "合格"} for i in items_for("3110", "half_month")]
    return {
        "key": "phone-key-1", "contact": contact,
        "check_in": {"code": town.own.code, "at": START.isoformat(), **HERE} | check_in,
        "check_out": {
            "code": town.own.public_token, "at": (START + 40 * MINUTE).isoformat(), **HERE, "results": results,
            "problem": "",
        } | (out or {}),
    }  # fmt: skip


def send(worker: Caller, one: dict[str, Any]) -> Any:
    at = START + 2 * HOUR
    answer = worker.post(f"{URL}/offline", {"phone_at": at.isoformat(), "entries": [one]}, at)
    assert answer.status_code == 200, answer.text
    return answer.json["entries"][0]


def test_a_phone_knows_where_a_photo_is_asked_for(app: Any, session: Any, town: World) -> None:
    from tests.workflows.clock_world import run

    run(session, dt.date(2026, 3, 2))
    session.rollback()
    copy = Caller(app, town).get(f"{URL}/offline", phone_at=START.isoformat()).json
    assert copy["label_photo"] is True and [t["label_photo"] for t in copy["tasks"]] == [True]


def test_kept_without_the_photo_the_phone_keeps_it_and_is_told_why(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    told = send(worker, entry(worker, town))
    assert told["ok"] is False and told["errors"][0]["field"] == "label" and "标签" in told["errors"][0]["remedy"]
    assert session.scalar(select(Visit.id)) is None
    again = send(worker, entry(worker, town, label_photo_ids=[worker.photo()]))
    assert again["ok"] is True and (again["visit"]["state"], again["visit"]["state_reason"]) == (
        "pending", "等待核对标签照片"
    )  # fmt: skip
    session.rollback()
    row = session.scalars(select(Visit)).one()
    assert (row.by_code, row.label_state, row.offline) == (True, "waiting", "both")
    assert session.scalars(select(Attachment.entity_id)).all() == [row.id]


def test_kept_after_a_scan_it_needs_none(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    assert send(worker, entry(worker, town, code=town.own.public_token))["visit"]["state"] == "valid"


def test_sent_twice_it_is_one_with_one_photo(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    one = entry(worker, town, label_photo_ids=[worker.photo()])
    first, again = send(worker, one), send(worker, one)
    assert first["visit"]["id"] == again["visit"]["id"]
    assert len(session.scalars(select(Attachment.id)).all()) == 1


@pytest.mark.parametrize("scanned", [True, False])
def test_kept_and_left_by_number_it_wants_a_photo_of_its_own(
    app: Any, session: Any, town: World, scanned: bool
) -> None:
    worker = Caller(app, town)
    begun = {"code": town.own.public_token} if scanned else {"label_photo_ids": [worker.photo()]}
    told = send(worker, entry(worker, town, {"code": town.own.code}, **begun))
    assert told["ok"] is False and [e["field"] for e in told["errors"]] == ["label_out"]
    assert session.scalar(select(Visit.id)) is None
    photo = worker.photo("label_out", "#992211")
    again = send(worker, entry(worker, town, {"code": town.own.code, "label_photo_ids": [photo]}, **begun))
    assert again["ok"] is True and again["visit"]["state"] == "pending", again
    session.rollback()
    row = session.scalars(select(Visit)).one()
    assert (row.label_state, row.label_by, row.by_code) == ("waiting", "regulator", not scanned)
    kinds = session.scalars(select(Attachment.kind).where(Attachment.entity_id == row.id).order_by(Attachment.kind))
    assert kinds.all() == (["label_out"] if scanned else ["label", "label_out"])


def test_an_end_that_comes_later_brings_its_photo(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    begun = worker.post(URL, {"code": town.own.public_token, **HERE}).json
    one = entry(worker, town, {"code": town.own.code}) | {"check_in": None, "visit_id": begun["id"]}
    told = send(worker, one)
    assert told["ok"] is False and {e["field"] for e in told["errors"]} == {"label_out"}
    one["check_out"]["label_photo_ids"] = [worker.photo("label_out")]
    first, again = send(worker, one), send(worker, one)
    assert first["ok"] and again["ok"] and first["visit"]["state"] == "pending"
    session.rollback()
    row = session.get(Visit, begun["id"])
    assert (row.offline, row.label_state) == ("out", "waiting")
    assert session.scalars(select(Attachment.kind).where(Attachment.entity_id == row.id)).all() == ["label_out"]
