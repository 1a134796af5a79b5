"""MNT-04, MNT-01 for phones of other makers: photos of the places and of the person, on line and kept on the phone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, Visit
from tests.api.test_label_photos_api import HERE, START, URL, Caller, rules_of
from tests.factories import World, make_clock, make_ledger, make_policy

pytestmark = pytest.mark.feature("MNT-04", "MNT-01", "INT-04")
MINUTE = dt.timedelta(minutes=1)
FIELDS = {"photo_pit": "pit_photo_ids", "photo_top": "top_photo_ids", "photo_room": "room_photo_ids"}


@pytest.fixture
def town(session: Any, world: World) -> World:
    """All that can be asked for is asked for."""
    make_policy(session, "preset", "quanzhou")
    make_policy(session, "person_proof", "photo")
    make_clock(session, world.own, dt.date(2026, 2, 20))
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 7))
    session.commit()
    return world


def kinds(session: Any) -> list[str]:
    session.rollback()
    row = session.scalars(select(Visit)).one()
    of_it = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == row.id)
    return sorted(session.scalars(of_it))


def photographed(worker: Caller) -> dict[str, list[int]]:
    return {name: [worker.photo(kind)] for kind, name in FIELDS.items()}


def test_on_line(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    assert rules_of(worker.post(URL, {"code": town.own.code, **HERE})) == {"请对本人进行拍摄"}
    begun = worker.post(URL, {"code": town.own.code, **HERE, "selfie_ids": [worker.photo("selfie")]})
    assert begun.status_code == 201, begun.text
    assert [f["kind"] for f in begun.json["files"]] == ["selfie"]
    results = [{"code": i["code"], "result": "ok", "value": "合格"} for i in begun.json["items"]]
    sent = {"code": town.own.code, **HERE, "results": results, "problem": ""}
    url, at = f"{URL}/{begun.json['id']}/check-out", START + 40 * MINUTE
    refused = worker.post(url, sent, at)
    assert rules_of(refused) == {"底坑照片", "轿顶照片", "机房照片"}
    assert {e["field"] for e in refused.json["errors"]} == set(FIELDS)
    swapped = photographed(worker)
    swapped["pit_photo_ids"], swapped["top_photo_ids"] = swapped["top_photo_ids"], swapped["pit_photo_ids"]
    assert worker.post(url, sent | swapped, at).status_code == 422
    done = worker.post(url, sent | photographed(worker) | {"photo_ids": [worker.photo("photo")]}, at)
    assert done.status_code == 200, done.text
    assert sorted(f["kind"] for f in done.json["files"]) == ["photo", *sorted(FIELDS), "selfie"]


def test_without_network(app: Any, session: Any, town: World) -> None:
    worker = Caller(app, town)
    copy = worker.get(f"{URL}/offline", phone_at=START.isoformat()).json
    assert copy["selfie"] and [p["kind"] for p in copy["photos"]] == list(FIELDS) and copy["horizon_days"] == 5
    with clock.frozen(START):
        selfie, places = worker.photo("selfie"), photographed(worker)
    results = [
        {"code": i["code"], "result": "ok", "value": "合格"}
        for i in worker.post(URL, {"code": town.own.code, **HERE}).json.get("items", [])
    ]
    assert results == []
    entry: dict[str, Any] = {
        "key": "kept-without-network", "contact": copy["contact"],
        "check_in": {"code": town.own.code, "at": (START + 5 * MINUTE).isoformat(), **HERE},
        "check_out": {
            "code": town.own.code, "at": (START + 50 * MINUTE).isoformat(), **HERE, "mode": "sheet", "problem": "",
        },
    }  # fmt: skip
    sent_at = START + 60 * MINUTE
    body = {"phone_at": sent_at.isoformat(), "entries": [entry]}
    [refused] = worker.post(f"{URL}/offline", body, sent_at).json["entries"]
    assert {e["rule"] for e in refused["errors"]} == {"请对本人进行拍摄", "底坑照片", "轿顶照片", "机房照片"}
    entry["check_in"]["selfie_ids"] = [selfie]
    entry["check_out"] |= places
    [taken] = worker.post(f"{URL}/offline", body, sent_at).json["entries"]
    assert taken["ok"], taken
    assert kinds(session) == [*sorted(FIELDS), "selfie"]


def test_where_nothing_is_asked_the_copy_says_so(app: Any, session: Any, world: World) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    copy = Caller(app, world).get(f"{URL}/offline", phone_at=START.isoformat()).json
    assert copy["photos"] == [] and copy["selfie"] is False
