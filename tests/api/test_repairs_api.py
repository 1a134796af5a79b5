"""REP-01 to REP-03, ANO-02 by REST: the same deeds as the pages', each once, refused with their reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Anomaly, RepairOrder
from tests.api.callers import Caller
from tests.factories import World

pytestmark = pytest.mark.feature("REP-03")


def test_from_report_to_end(app: Any, session: Any, world: World) -> None:
    use, clerk, worker = (Caller(app, world, name) for name in ("safety_officer", "clerk", "worker"))
    sent = {"elevator_id": world.own.id, "level": "stopped", "fault": "停在 6 楼", "client_key": "phone-1"}
    made = use.post("/repairs", sent)
    assert made.status_code == 201 and made.json["state"] == "waiting" and made.json["number"].startswith("WX")
    key = made.json["id"]
    assert use.post("/repairs", sent).json["id"] == key
    assert [row["id"] for row in clerk.get("/repairs?tab=waiting").json["rows"]] == [key]
    found = clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id, "helper_ids": []})
    assert found.json["worker_id"] == world.worker.id and found.json["state"] == "assigned"
    assert clerk.post(f"/repairs/{key}/take-back", {"reason": "改日"}).json["state"] == "waiting"
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    assert worker.post(f"/repairs/{key}/accept", {}).json["state"] == "accepted"
    assert worker.post(f"/repairs/{key}/depart", {}).json["state"] == "departed"
    begun = worker.post(f"/repairs/{key}/start", {"latitude": 30.5, "longitude": 120.5})
    assert (begun.json["state"], begun.json["start_distance"]) == ("started", 0)
    wrong = worker.post(f"/repairs/{key}/end", {"cause": "door"})
    assert wrong.status_code == 422
    assert {f["field"] for f in wrong.json["errors"]} == {"action", "restored"}
    end = {"cause": "door", "action": "更换触点", "restored": True, "end_key": "e-1"}
    for _again in range(2):
        assert worker.post(f"/repairs/{key}/end", end).json["state"] == "done"
    assert clerk.get(f"/repairs/{key}").json["signed_in_id"] == world.worker.id
    assert Caller(app, world, "other_head").get(f"/repairs/{key}").status_code == 404


def test_times_of_a_phone_without_a_net(app: Any, session: Any, world: World) -> None:
    clerk, worker = (Caller(app, world, name) for name in ("clerk", "worker"))
    key = clerk.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    row = session.get(RepairOrder, key)
    row.reported_at = clock.now() - dt.timedelta(hours=3)
    session.commit()
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    end = {"cause": "door", "action": "调整", "restored": True}
    at = (clock.now() - dt.timedelta(hours=1)).isoformat()
    assert worker.post(f"/repairs/{key}/end", end | {"accepted_at": "yesterday"}).status_code == 422
    told = worker.post(f"/repairs/{key}/end", end | {"accepted_at": at, "started_at": at})
    assert told.status_code == 200 and told.json["told_later"] == ["accepted_at", "started_at"]


def test_cancelled_and_judged(app: Any, session: Any, world: World) -> None:
    use, head = (Caller(app, world, name) for name in ("use_head", "maintenance_head"))
    key = use.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    assert head.post(f"/repairs/{key}/decision", {"decision": "approved"}).status_code == 422
    assert head.post(f"/repairs/{key}/cancel", {"reason": "不修"}).status_code == 403
    assert use.post(f"/repairs/{key}/cancel", {"reason": "已恢复"}).json["state"] == "cancelled"


@pytest.mark.feature("ANO-02")
def test_an_anomaly_is_reported_and_made_a_repair(app: Any, session: Any, world: World) -> None:
    worker, inspector = (Caller(app, world, name) for name in ("worker", "inspector"))
    sent = {"elevator_id": world.own.id, "kind": "noise", "body": "异响"}
    assert worker.post("/anomalies", sent | {"kind": "ghost"}).status_code == 422
    made = worker.post("/anomalies", sent)
    assert made.status_code == 201 and made.json["times"] == 1
    assert worker.post("/anomalies", sent | {"body": "又响"}).json["times"] == 2
    key = made.json["id"]
    assert [row["id"] for row in inspector.get("/anomalies?tab=found&kind=noise").json["rows"]] == [key]
    assert inspector.post(f"/anomalies/{key}/handle", {"verb": "dismiss"}).status_code == 422
    done = inspector.post(f"/anomalies/{key}/handle", {"verb": "repair", "level": "running"})
    assert (done.json["state"], done.json["outcome"]) == ("closed", "repair")
    assert session.scalar(select(RepairOrder.anomaly_id)) == key
    assert inspector.get(f"/anomalies/{key}").json["body"].endswith("又响")
    assert session.scalar(select(func.count()).select_from(Anomaly)) == 1
    assert Caller(app, world, "other_head").get(f"/anomalies/{key}").status_code == 404


def test_the_use_units_word(app: Any, session: Any, world: World) -> None:
    use, clerk, worker = (Caller(app, world, name) for name in ("safety_officer", "clerk", "worker"))
    key = use.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    assert use.post(f"/repairs/{key}/answer", {"fixed": True}).status_code == 422
    at = clock.now().isoformat()
    row = session.get(RepairOrder, key)
    row.reported_at = clock.now() - dt.timedelta(minutes=5)
    session.commit()
    end = {"cause": "door", "action": "调整", "restored": True, "accepted_at": at, "started_at": at}
    assert worker.post(f"/repairs/{key}/end", end).status_code == 200
    assert clerk.post(f"/repairs/{key}/answer", {"fixed": True}).status_code == 403
    wrong = use.post(f"/repairs/{key}/answer", {"fixed": False})
    assert wrong.status_code == 422 and {f["field"] for f in wrong.json["errors"]} == {"answer_note"}
    said = use.post(f"/repairs/{key}/answer", {"fixed": False, "note": "还在响"}).json
    assert (said["answer"], said["answer_note"], said["state"]) == ("disputed", "还在响", "done")
    (again,) = clerk.get("/repairs?tab=waiting").json["rows"]
    assert (again["again_of_id"], again["source"], again["fault"]) == (key, "again", "还在响")
    assert [row["id"] for row in Caller(app, world, "inspector").get("/repairs?tab=disputed").json["rows"]] == [key]
