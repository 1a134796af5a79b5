"""CMP-03, CMP-01: complaints and messages by the interface, as the pages have them."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.transaction import transaction
from app.workflows.public import complaints, messages
from tests.api.callers import Caller
from tests.factories import World

pytestmark = pytest.mark.feature("CMP-03", "INT-04")
FORM = {"name": "顾以宁", "phone": "13900001111", "body": "三楼抖动"}


@pytest.fixture
def key(world: World) -> int:
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, FORM, ["shaking"], (), clock.now(), None)
    found = row.id
    world.session.commit()
    return found


def test_from_acceptance_to_the_end(app: Any, world: World, key: int) -> None:
    worker, officer = Caller(app, world, "worker"), Caller(app, world, "safety_officer")
    (row,) = worker.get("/complaints?tab=waiting").json["rows"]
    assert (row["id"], row["phone"], row["outcome"], row["late_steps"]) == (key, "139****1111", None, [])
    assert row["turn"] == "unit"
    assert worker.post(f"/complaints/{key}/accept", {}).json["state"] == "accepted"
    again = worker.post(f"/complaints/{key}/accept", {})
    assert again.status_code == 422 and "待处置" in again.json["message"]
    assert worker.post(f"/complaints/{key}/handle", {"note": ""}).status_code == 422
    assert worker.post(f"/complaints/{key}/handle", {"note": "已更换导靴"}).json["state"] == "handled"
    assert officer.post(f"/complaints/{key}/review", {}).status_code == 422
    done = officer.post(f"/complaints/{key}/review", {"agreed": True}).json
    assert done["turn"] is None
    assert (done["state"], done["outcome"], done["due_at"]) == ("closed", "on_time", None)


def test_the_regulator_and_those_who_may_not(app: Any, world: World, key: int) -> None:
    inspector = Caller(app, world, "inspector")
    assert inspector.post(f"/complaints/{key}/accept", {}).status_code == 403
    assert Caller(app, world, "clerk").post(f"/complaints/{key}/close", {"note": "关"}).status_code == 403
    assert Caller(app, world, "other_inspector").get(f"/complaints/{key}").status_code == 404
    assert inspector.post(f"/complaints/{key}/prod", {"note": "请今天接单"}).status_code == 200
    done = inspector.post(f"/complaints/{key}/close", {"note": "查无此事", "untrue": True}).json
    assert (done["state"], done["is_untrue"], done["outcome"]) == ("closed", True, None)


@pytest.mark.feature("CMP-01")
def test_messages(app: Any, world: World) -> None:
    with transaction(world.session):
        number = messages.leave(world.session, world.own, "风扇太小", clock.now(), None).id
    clerk, inspector = Caller(app, world, "clerk"), Caller(app, world, "inspector")
    assert [row["id"] for row in clerk.get("/messages?tab=open").json["rows"]] == [number]
    assert inspector.post(f"/messages/{number}/publish", {"shown": True}).status_code == 422
    assert clerk.post(f"/messages/{number}/reply", {"reply": "已调大"}).json["reply"] == "已调大"
    assert inspector.post(f"/messages/{number}/publish", {"shown": True}).json["published_at"]
